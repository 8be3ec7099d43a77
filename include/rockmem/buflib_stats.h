/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* buflib_stats: what a pool counts, and its map. For debug screens and tests: both walk over the blocks, with the pool's
 * lock held.
 *
 * Pins are counted nowhere: callers' inline code pins and unpins by itself.
 *
 * A line of the map is a block: the bytes from the pool's first block to it, its bytes with its header, its handle or -,
 * and what it is: free; used; locked, never to be moved; now, soon, cached or disposable, purgeable (see purgeable.h);
 * lists, handles, index or held, what the pool itself uses; unused, a pool that nothing was allocated in yet. Behind that: again, a cached block that was used again;
 * dirty; io, with a transfer under way; moving, its callbacks are running; pinned and how often.
 */

#ifndef ROCKMEM_BUFLIB_STATS_H
#define ROCKMEM_BUFLIB_STATS_H

#include "buflib.h"

/*
 Blocks that were purged, and their bytes.
 */
struct buflib_reclaimed
{
    /*
     How many.
     */
    size_t blocks;
    /*
     Their bytes, headers and records included.
     */
    size_t bytes;
};

/*
 Figures of a pool. Bytes include headers; what is counted wraps with size_t. A pool counts from its first
 allocation on.
 */
struct buflib_stats
{
    /*
     Allocations made, by whichever function.
     */
    size_t allocs;
    /*
     Calls of `buflib_alloc_maximum`.
     */
    size_t maximums;
    /*
     Allocations that were freed by their owners.
     */
    size_t frees;
    /*
     Allocations made smaller.
     */
    size_t shrinks;
    /*
     Requests that got no handle or no memory.
     */
    size_t refused;
    /*
     Blocks moved.
     */
    size_t moved_blocks;
    /*
     Bytes moved.
     */
    size_t moved_bytes;
    /*
     Shrink callbacks called.
     */
    size_t asked;
    /*
     Times that an owner would not have a block moved, cleaned or taken.
     */
    size_t declined;
    /*
     Purged: disposable blocks.
     */
    struct buflib_reclaimed reclaimed_disposable;
    /*
     Purged: cached blocks.
     */
    struct buflib_reclaimed reclaimed_cached;
    /*
     Purged: blocks needed later.
     */
    struct buflib_reclaimed reclaimed_soon;
    /*
     Purged: blocks of these kinds that were dirty, and were cleaned first.
     */
    struct buflib_reclaimed reclaimed_dirty;
    /*
     Blocks that came back soon after they were purged, since the pool last had none to purge.
     */
    size_t returned;
    /*
     The longest time that a request took which found no hole, callbacks included: microseconds. In the tree the
     clock goes in steps of 10000.
     */
    size_t longest_us;
    /*
     Allocations now.
     */
    size_t blocks;
    /*
     Those of them that are purgeable.
     */
    size_t purgeable;
    /*
     Bytes of disposable blocks.
     */
    size_t disposable;
    /*
     Bytes of cached blocks on probation: not used again yet.
     */
    size_t probation;
    /*
     Bytes of cached blocks that were used again.
     */
    size_t main;
    /*
     Bytes of blocks needed later.
     */
    size_t soon;
    /*
     Free bytes.
     */
    size_t free;
    /*
     Bytes of the largest hole.
     */
    size_t largest_hole;
    /*
     The most free bytes between two blocks that cannot move: the hole that moving makes at least.
     */
    size_t largest_span;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Fills in the figures of a pool.

 The caller sees to it that:
 * `ctx` is the context of a pool; `stats` is writable.
 */
void buflib_get_stats(struct buflib_context *ctx, struct buflib_stats *stats);

/*
 `buflib_get_stats` of the core pool.

 The caller sees to it that:
 * `core_allocator_init` was called; `stats` is writable.
 */
void core_get_stats(struct buflib_stats *stats);

/*
 Writes the pool's map into `buf`, ended by a zero: whole lines, as many as fit, from the first block on that begins
 `from` bytes or more behind the pool's first. Answers what `from` is for the lines that follow, 0 after the last. 96
 bytes are enough for any line; with fewer its beginning is written. A call shows one moment, so a map that must agree
 with itself takes a buffer that holds all of it: 96 bytes for each of `buflib_get_num_blocks`, and three more.

 The caller sees to it that:
 * `ctx` is the context of a pool; `bufsize` bytes at `buf` are writable.
 */
size_t buflib_print_map(struct buflib_context *ctx, size_t from, char *buf, size_t bufsize);

/*
 `buflib_print_map` of the core pool.

 The caller sees to it that:
 * `core_allocator_init` was called; `bufsize` bytes at `buf` are writable.
 */
size_t core_print_map(size_t from, char *buf, size_t bufsize);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_BUFLIB_STATS_H */
