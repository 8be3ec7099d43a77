/* Stands where a tree has its playback: it takes all of the pool, divides it, and stops when somebody needs it back. */
#include "player.h"
#include "core_alloc.h"
#include <string.h>

#define AUDIO_BUFFER_RESERVE (64 * 1024)
#define SCRATCH 3000

static enum { AUDIOBUF_STATE_TRASHED, AUDIOBUF_STATE_INITIALIZED } buffer_state;
static char *scratch;
static int audiobuf_handle;
static size_t filebuflen;
int stops;

static size_t scratch_mem_size(void)
{
    return SCRATCH;
}

static void scratch_mem_init(void *start)
{
    scratch = start;
}

static int shrink_callback(int handle, unsigned hints, void *start, size_t size)
{
    stops++;
    buffer_state = AUDIOBUF_STATE_TRASHED;
    audiobuf_handle = core_free(handle);
    return BUFLIB_CB_OK;
}

static struct buflib_callbacks ops = { .shrink_callback = shrink_callback };

void play(void)
{
    if (buffer_state == AUDIOBUF_STATE_INITIALIZED)
        return;
    core_free(audiobuf_handle);
    audiobuf_handle = core_alloc_maximum(&filebuflen, &ops);
    char *start = core_get_data(audiobuf_handle);
    filebuflen -= pcmbuf_init(start + filebuflen);
    scratch_mem_init(start);
    filebuflen -= scratch_mem_size();
    buffering_reset(start + scratch_mem_size(), filebuflen);
    buffer_state = AUDIOBUF_STATE_INITIALIZED;
}

void audio_hard_stop(void)
{
    stops++;
    audiobuf_handle = core_free(audiobuf_handle);
}

size_t audio_buffer_size(void)
{
    return filebuflen;
}

size_t audio_buffer_available(void)
{
    return filebuflen;
}

/* The PCM memory is at the end of what it is given; nobody may be told how much of it there is before. */
static char *pcm;
#define PCM (PLAYBACKS - SCRATCH)

size_t pcmbuf_size_reqd(void)
{
    return PCM - 20000;
}

size_t pcmbuf_init(void *end)
{
    pcm = (char *)end - PCM;
    return PCM;
}

void use_playbacks_memory(void)
{
    memset(scratch, 0x11, SCRATCH);
    memset(pcm, 0x22, PCM);
}
