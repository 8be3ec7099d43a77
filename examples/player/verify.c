/* The proof: the WAV file we wrote, against a direct decode of the same music file, with nothing of ours in between. */
#include "player.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES 4096

static bool compare(struct music *direct, struct music *played, const SF_INFO *info, char *why, size_t size)
{
    bool integers = samples_are_integers(info);
    size_t channels = (size_t)info->channels, width = integers ? sizeof(int) : sizeof(double);
    double *a = malloc(2 * FRAMES * channels * sizeof *a), *b = a ? a + FRAMES * channels : NULL;
    if (!a) {
        snprintf(why, size, "no memory to compare");
        return false;
    }
    sf_count_t at = 0, got, back;
    bool same;
    do {
        got = music_read(direct, a, FRAMES);
        back = music_read(played, b, FRAMES);
        same = got == back && (got <= 0 || memcmp(a, b, (size_t)got * channels * width) == 0);
        for (size_t i = 0; !same && got == back; i++)
            if (memcmp((char *)a + i * width, (char *)b + i * width, width) != 0) {
                at += (sf_count_t)(i / channels);
                break;
            }
        if (same && got > 0)
            at += got;
    } while (same && got > 0);
    if (!same)
        snprintf(why, size, got == back ? "differs at frame %lld" : "ends at another place than the file itself, after frame %lld",
                 (long long)at);
    free(a);
    return same;
}

bool track_verify(const struct track *track, char *why, size_t size)
{
    SF_INFO info = { 0 }, wav = { 0 };
    struct music *direct = music_open_file(track->path, &info), *played = music_open_file(track->wav, &wav);
    bool same = false;
    if (!direct || !played)
        snprintf(why, size, "cannot be read back: %s", sf_strerror(NULL));
    else if (info.samplerate != wav.samplerate || info.channels != wav.channels)
        snprintf(why, size, "has another rate or other channels");
    else
        same = compare(direct, played, &info, why, size);
    music_close(direct);
    music_close(played);
    return same;
}
