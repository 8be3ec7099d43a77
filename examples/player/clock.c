/* The playback clock.
 *
 *   decoder ──> [ PCM buffer: at most 2 s ] ──> ears
 *                ahead: falls while the decoder waits for data, rises with every decoded frame
 *
 * Nobody listens in real time: the decoder runs as fast as it can. So the clock is a model, and a stricter one than a
 * player with a loudspeaker, where the filling thread has the whole time in which the full PCM buffer plays; here it
 * has only the time in which the decoder computes. */
#include "player.h"

#include <math.h>
#include <time.h>

const char clock_definition[] =
    "An underrun: decoded music waits in a PCM buffer of at most 2 seconds. Whenever bufopen's file keeps the decoder\n"
    "waiting (in bufread, bufgetdata, bufseek or bufadvance, in real time), so much of it is played; decoding adds to\n"
    "it and costs nothing. A wait longer than what is in the buffer is one underrun. What does not fit the buffer is\n"
    "dropped from the count, as if the decoder had slept, but the library is not given that time. The clock starts\n"
    "when the buffer is full for the first time.\n";

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + now.tv_nsec / 1e9;
}

void clock_decoded(struct play_clock *clock, double seconds)
{
    clock->ahead += seconds;
    if (clock->ahead >= PCM_BUFFER_SECONDS) {
        clock->ahead = PCM_BUFFER_SECONDS;
        clock->running = true;
    }
}

void clock_waited(struct play_clock *clock, double seconds)
{
    clock->longest_wait = fmax(clock->longest_wait, seconds);
    if (!clock->running)
        return;
    clock->ahead -= seconds;
    if (clock->ahead < 0) {
        clock->ahead = 0;
        clock->underruns++;
    }
}
