/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool under watch, and the layouts that tests build in it.
 *
 * Tests must not know where an allocator puts a block. What they may know is that every block
 * costs its size, rounded up to words, and a header of four words. So a *strip* is how they get
 * a known layout out of any allocator: fill the pool with blocks, sort the handles by address,
 * pin what must stay, and free what should be a hole.
 *
 *     | 1 | 2 | 3 | 4 | 5 | 6 | 7 | ...        all blocks pinned but 4; 3 and 5 freed:
 *     | 1 | 2 |...| 4 |...| 6 | 7 | ...        a request of two blocks' size must move 4
 */
#ifndef ROCKMEM_TESTS_POOL_H
#define ROCKMEM_TESTS_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rockmem/buflib.h>

enum {
    WORD = sizeof(void *),
    HEADER = 4 * sizeof(void *), /* BUFLIB_ALLOC_OVERHEAD, spelled out */
    KEPT = 64 * sizeof(void *),  /* the most that may stay reserved for handles when all is free */
    KB = 1024,
    MAX_BLOCKS = 8192,
};

struct pool {
    struct buflib_context ctx;
    char *memory; /* what buflib_init was given */
    size_t size;
    char *whole; /* the same with a margin on both sides, to notice writes outside */
    size_t margin;
};

/* Opens a pool of `size` bytes whose start is `misaligned` bytes beyond a 16-byte boundary. */
void pool_open_at(struct pool *pool, size_t size, size_t misaligned);
void pool_open(struct pool *pool, size_t size);

/* Checks that nothing outside the pool was written, and gives its memory back. */
void pool_close(struct pool *pool);

size_t rounded(size_t size); /* up to words */
char *data_of(struct pool *pool, int handle);

/* A pattern of its own for every handle: write it, and check that it is (still) there. */
void fill(struct pool *pool, int handle, size_t size);
bool is_filled(struct pool *pool, int handle, size_t size);
void fill_bytes(char *data, int seed, size_t size);
bool bytes_are(const char *data, int seed, size_t size);

/* Allocates, demands success, fills. */
int alloc_filled(struct pool *pool, size_t size, struct buflib_callbacks *ops);

/* All blocks lie inside the pool with room for their headers, and none overlaps another. */
void check_apart(struct pool *pool, const int *handles, const size_t *sizes, int count);

struct strip {
    int handle[MAX_BLOCKS]; /* by address */
    int count;
    size_t size;
};

/* Fills what is free with equal, filled blocks until the pool refuses. */
void strip_fill(struct strip *strip, struct pool *pool, size_t size,
                struct buflib_callbacks *ops);

/* Fills what is left with pinned blocks, so that only size 0 fits (and a handle is free for it). */
void pool_plug(struct pool *pool);

/* The index of the first of `length` blocks without a gap between them, past `from`. */
int strip_run(struct strip *strip, struct pool *pool, int length, int from);

void strip_pin_all(struct strip *strip, struct pool *pool);

/* Frees the block at `index`, pinned or not; its handle becomes 0. */
void strip_free(struct strip *strip, struct pool *pool, int index);

/* Every block not freed still holds its pattern. */
void strip_check(struct strip *strip, struct pool *pool);

/* A small generator, the same numbers everywhere. */
uint32_t random_next(uint32_t *state);
size_t random_between(uint32_t *state, size_t low, size_t high);

#endif
