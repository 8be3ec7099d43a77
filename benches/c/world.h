/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world: one pool and a record of everything that was allocated in it.
 *
 * The record knows of each block its size and whether it is pinned or locked, and asks get_data
 * where it is. From that it draws a map of the pool without any help of the allocator, and
 * judges what the allocator did:
 *
 *      start                                                        handle table
 *      |  block  hole  block |WALL|  hole  block  hole |WALL| block  hole  |
 *      |<----- span -------->|    |<----- span ------->|    |<-- span ---->|
 *
 * A wall is a block that must not move: pinned, or allocated with buflib_ops_locked. What lies
 * between two walls is a span; all blocks in it can be moved within it.
 */
#ifndef ROCKMEM_BENCH_WORLD_H
#define ROCKMEM_BENCH_WORLD_H

#include "bench.h"

struct block {
    int handle;
    size_t size;
    bool locked, pinned;
};

struct world {
    struct buflib_context ctx;
    char *pool;
    size_t pool_size;
    struct block *blocks; /* the live ones, in no order */
    int count;
    size_t taken; /* bytes of their footprints */
    uint64_t moved; /* bytes moved since the start, headers included */
    uint64_t moves;
};

extern struct world world;

void world_start(size_t pool_size);
void world_end(void);

/* Allocate; the index of the new block in `blocks`, or the allocator's negative answer. */
int world_alloc(size_t size, bool locked);
/* The index of a handle that is live. */
int world_find(int handle);
/* Free; the last block of the record takes the index. Checks that the block kept its data. */
void world_free(int index);
void world_pin(int index, bool on);

/* Bytes of the pool that no block and no handle takes. */
size_t world_free_bytes(void);

/*
 * The judges. Each draws the map anew; `need` is a footprint in bytes. They give the allocator
 * the words that it may take for itself, at the end of the last span.
 */

/* Some span has this much room, counted together: moving blocks within it would have done. */
bool room_by_sliding(size_t need);
/* Some span gets this much room when blocks of it are moved into the room of other spans, by
   best fit, the largest or the smallest first. True is a proof (the moves are found), false is
   not. */
bool room_by_evacuation(size_t need);
/* Some span gets this much room when all movable blocks of the pool are dealt out anew, the
   largest first, each to the span that it fills best. Again true is a proof. */
bool room_by_repacking(size_t need);
/* False is a proof that there is no way at all: whichever span the room were made in, the blocks
   above some size would not fit, by bytes or by number, into the spans that can hold them. */
bool room_not_excluded(size_t need);
/*
 * The least that must be moved for a hole of this size, given where the blocks lie now: the
 * smallest sum of the blocks that overlap any one place for it between walls. Whatever an
 * allocator does, those blocks are elsewhere afterwards, so the bound holds for an offline
 * optimum that starts from the same layout. SIZE_MAX if there is no such place.
 */
size_t least_moved(size_t need);

#endif
