/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree's playback.c, wrapped for level "shared": it no longer takes all of the pool, and an allocation by somebody else no
 * longer stops it. Buffering's data lies in the pool itself; what playback keeps for itself is one block.
 *
 *     playback.c asks for              and gets
 *     all that the pool has            scratch and PCM memory, in one block that does not move
 *     buffering_reset(the rest)        the rest of the block given back, and buffering in the pool
 *
 *     ┌ ─ ─ ─ ─ ─ ─ ┬─────────┬────────────────┐
 *       not needed  │ scratch │ PCM             │
 *     └ ─ ─ ─ ─ ─ ─ ┴─────────┴────────────────┘
 *
 * Who asks for all that the pool has (a plugin, recording, another firmware) still stops it, without a resume: only then
 * does playback's own shrink callback run, which gives the block up. tagcache, tagtree and playlist, which ask for as much
 * as there is, get what playback can spare (rm_core_alloc_spare).
 */
#include "config.h"
#include "system.h"
#include "kernel.h"
#include "core_alloc.h"
#include "audio.h"
#include "buffering.h"
#include "pcmbuf.h"
#include "playback.h"

static int rm_take_memory(size_t *size, struct buflib_callbacks *theirs);
static bool rm_reset(char *rest, size_t size);
static size_t rm_tree_buffer_size(void) __attribute__((unused));
static size_t rm_tree_buffer_available(void) __attribute__((unused));
static void rm_tree_hard_stop(void);
int rm_core_alloc_spare(size_t *size, struct buflib_callbacks *ops);

#define core_alloc_maximum rm_take_memory
#define buffering_reset rm_reset
#define audio_buffer_size rm_tree_buffer_size
#define audio_buffer_available rm_tree_buffer_available
#define audio_hard_stop rm_tree_hard_stop

#include "../../apps/playback.c"

#undef core_alloc_maximum
#undef buffering_reset
#undef audio_buffer_size
#undef audio_buffer_available
#undef audio_hard_stop

/* Scratch memory lies on a multiple of this. */
#define STEP (2 * sizeof(long long))

/* Bytes of the block. */
static size_t taken;

static int give_up(int handle, unsigned hints, void *start, size_t size)
{
    if ((hints & BUFLIB_SHRINK_POS_MASK) != BUFLIB_SHRINK_POS_MASK)
        return BUFLIB_CB_CANNOT_SHRINK;
    return shrink_callback(handle, hints, start, size);
}

/* What pcmbuf needs beside its chunks, it tells only when it has taken it: that, and more, is taken first. */
static int rm_take_memory(size_t *size, struct buflib_callbacks *theirs)
{
    static struct buflib_callbacks ours = { .shrink_callback = give_up };
    size_t pcm = pcmbuf_size_reqd();

    taken = ALIGN_UP(scratch_mem_size() + pcm + pcm / 8 + 0x10000, STEP);
    *size = taken;
    (void)theirs;
    return core_alloc_ex(taken, &ours);
}

/* Scratch memory goes up to the PCM memory, over what is left between them; nothing is in it yet. */
static bool rm_reset(char *rest, size_t size)
{
    char *start = core_get_data(audiobuf_handle);
    size_t spare = ALIGN_DOWN(size, STEP);

    if (spare > 0)
    {
        scratch_mem_init(start + spare);
        taken -= spare;
        core_shrink(audiobuf_handle, start + spare, taken);
    }
    (void)rest;
    return buffering_reset(NULL, 0);
}

void audio_hard_stop(void)
{
    rm_tree_hard_stop();
    /* What was freed is somebody else's at once. */
    buffer_state = AUDIOBUF_STATE_TRASHED;
}

/* What others leave to playback at least: a sixteenth of what it could have. */
static size_t playbacks_own(void)
{
    return MAX((size_t)AUDIO_BUFFER_RESERVE, buf_length() / 16);
}

static size_t less(size_t size, size_t by)
{
    return size > by ? size - by : 0;
}

size_t audio_buffer_size(void)
{
    return buf_length();
}

size_t audio_buffer_available(void)
{
    return audiobuf_handle > 0 ? less(core_available(), playbacks_own()) : core_available();
}

/* What stays for files while nothing is played: who asks for so much reads and writes them meanwhile, and from the reserve alone that is slow. */
static size_t for_files(void)
{
    return MIN(core_allocatable() / 16, 4u << 20);
}

/* As core_alloc_maximum, but the music goes on, and files stay cached. */
int rm_core_alloc_spare(size_t *size, struct buflib_callbacks *ops)
{
    size_t kept = audiobuf_handle > 0 ? playbacks_own() : for_files();
    for (size_t ask = less(core_allocatable(), kept); ask >= 0x1000; ask -= ask / 4)
    {
        int handle = core_alloc_ex(ask, ops);
        if (handle > 0)
        {
            *size = ask;
            return handle;
        }
    }
    return -1;
}
