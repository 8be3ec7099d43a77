/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Heap efficiency, by the method of the talc allocator's benchmark less what buflib has not:
 * random actions, five in ten an allocation, one a free, four a reallocation, until one does
 * not fit; then the bytes asked for are divided by the bytes of the pool. Over many fills.
 *
 * Sizes are 1..10000 in both, alignment is a word, and a reallocation is an allocation, a copy
 * and a free. The driver does the same, number for number, with the crate rlsf.
 */
#include "bench.h"
#include <stdlib.h>
#include <string.h>

#define POOL (8u << 20)
#define FILLS 300
#define LARGEST 10000
#define MAX_NS 3e9 /* fewer fills for an allocator that is too slow for all of them */
#define MAX_BLOCKS 65536

static struct buflib_context ctx;
static int handles[MAX_BLOCKS];
static size_t sizes[MAX_BLOCKS];

static bool grow_or_shrink(int *handle, size_t *size, size_t want)
{
    int h = buflib_alloc(&ctx, want);
    if (h <= 0)
        return false;
    memcpy(buflib_get_data(&ctx, h), buflib_get_data(&ctx, *handle), want < *size ? want : *size);
    buflib_free(&ctx, *handle);
    *handle = h;
    *size = want;
    return true;
}

/* The bytes in use when the first request does not fit. */
static size_t fill(struct rng *r, uint64_t *actions)
{
    size_t used = 0;
    int count = 0;

    for (;; ++*actions) {
        size_t dice = rng_range(r, 0, 9);
        if (dice <= 4) {
            size_t size = rng_range(r, 1, LARGEST);
            int h = count < MAX_BLOCKS ? buflib_alloc(&ctx, size) : -1;
            if (h <= 0)
                break;
            handles[count] = h;
            sizes[count++] = size;
        } else if (count > 0) {
            int i = (int)rng_range(r, 0, count - 1);
            if (dice == 5) {
                buflib_free(&ctx, handles[i]);
                handles[i] = handles[--count];
                sizes[i] = sizes[count];
            } else if (!grow_or_shrink(&handles[i], &sizes[i], rng_range(r, 1, LARGEST))) {
                break;
            }
        }
    }
    for (int i = 0; i < count; i++)
        used += sizes[i];
    return used;
}

int main(void)
{
    char *pool = pool_get(POOL);
    struct rng r = { 5 };
    double used = 0, start = cpu_ns();
    uint64_t actions = 0;
    int fills = 0;

    while (fills < FILLS && cpu_ns() - start < MAX_NS) {
        buflib_init(&ctx, pool, POOL);
        used += fill(&r, &actions);
        fills++;
    }
    emit(100.0 * used / POOL / fills, "%", "heap.used");
    emit(fills, "n", "heap.fills");
    emit((cpu_ns() - start) / actions, "ns", "heap.action");
    return 0;
}
