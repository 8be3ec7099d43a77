/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shrink by one word from the front or from the back, a random block of N each time.
 *
 * Twice: with a pool of at most half a megabyte, which a second level cache holds, and with
 * large blocks, where every header is far from the last one.
 */
#include "bench.h"
#include <stdlib.h>

#define ROUNDS 3

static struct buflib_context ctx;
static int handles[4096];

static double one_round(int live, size_t size, bool front, char *pool, size_t pool_size)
{
    struct rng r = { 3 };
    size_t left = size;
    int steps = 0;
    double spent = 0;

    buflib_init(&ctx, pool, pool_size);
    for (int i = 0; i < live; i++) {
        handles[i] = buflib_alloc(&ctx, size);
        if (handles[i] <= 0)
            give_up("shrink: block %d of %d refused", i, live);
    }
    /* A pass takes a word from every block, in an order that jumps about. */
    while (left > 2 * WORD && steps < 4096) {
        size_t stride = rng_range(&r, 1, live - 1) | 1, at = 0;
        left -= WORD;
        double start = cpu_ns();
        for (int i = 0; i < live; i++) {
            at = (at + stride) & (live - 1);
            char *data = buflib_get_data(&ctx, handles[at]);
            if (!buflib_shrink(&ctx, handles[at], front ? data + WORD : NULL, left))
                give_up("shrink: refused");
        }
        spent += cpu_ns() - start;
        steps += live;
    }
    return spent / steps;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(int live, size_t size, bool front, const char *where)
{
    size_t pool_size = live * (footprint(size) + WORD) + 8192;
    char *pool = pool_get(pool_size);
    double ns[ROUNDS];

    for (int i = 0; i < ROUNDS; i++)
        ns[i] = one_round(live, size, front, pool, pool_size);
    qsort(ns, ROUNDS, sizeof *ns, ascending);
    emit(ns[ROUNDS / 2], "ns", "shrink.%s.%d.%s", front ? "front" : "back", live, where);
    pool_put(pool, pool_size);
}

int main(void)
{
    static const int counts[] = { 16, 256, 4096 };

    for (int front = 1; front >= 0; front--)
        for (int k = 0; k < 3; k++) {
            int live = counts[k];
            measure(live, live == 4096 ? 88 : live == 256 ? 1024 : 16384, front, "cached");
            measure(live, live == 4096 ? 8192 : 65536, front, "large");
        }
    return 0;
}
