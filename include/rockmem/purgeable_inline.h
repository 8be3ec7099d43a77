/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The types and constants of purgeable.h, which includes this; written by hand.
 */
#ifndef ROCKMEM_PURGEABLE_INLINE_H
#define ROCKMEM_PURGEABLE_INLINE_H

#include <stddef.h>

#include "buflib.h"

/* How much a purgeable block is wanted. */
#define BUFLIB_NOW 0        /* playback needs it within the next seconds: never taken */
#define BUFLIB_SOON 1       /* playback will need it, the farther the later */
#define BUFLIB_CACHED 2     /* it may be asked for again */
#define BUFLIB_DISPOSABLE 3 /* nobody would miss it */

/* Who asks for memory: what the pool may do for the calling thread. See buflib_set_asker. */
#define BUFLIB_ASKER_FILE 0     /* reads or writes a file just now: nothing moves, no callback but free callbacks */
#define BUFLIB_ASKER_PLAYBACK 1 /* playback waits for it: blocks move, no owner is asked to shrink or to clean */
#define BUFLIB_ASKER_ANYONE 2   /* everything is allowed */

/* A free or clean callback refuses, for the time of one request. */
#define BUFLIB_CB_CANNOT_FREE 1

/* What the owner lets the pool do with a purgeable block. */
struct buflib_purge_callbacks
{
    /* As for any block. The shrink callback stays NULL. */
    struct buflib_callbacks base;
    /* The pool wants the memory: BUFLIB_CB_OK, and the pool frees the handle. Must not block. May free this block or
     * others itself, and allocate. NULL: always agreed. */
    int (*free_callback)(int handle, void *start, size_t size);
    /* The pool wants the memory of a dirty block: write it back, say so with buflib_set_dirty, answer BUFLIB_CB_OK. May
     * block; called for threads that may wait only. NULL: a dirty block is kept. */
    int (*clean_callback)(int handle);
};

#endif
