/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Churn: N live blocks of 16..4096 bytes; free one at random, allocate another of a new random
 * size in its place. The time of one such pair, beside glibc's malloc and free doing the same.
 *
 * The pool has half as much again as the blocks need, so that the figure is that of finding
 * room, not of making it.
 *
 * Everything twice: in a process of one thread, and with a second one that sleeps. glibc leaves
 * its atomic operations out as long as there is only one.
 */
#include "bench.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_LIVE 32768
#define MIN_NS 100e6 /* measure at least this long ... */
#define MAX_PAIRS 400000 /* ... or this many pairs */

static struct buflib_context ctx;
static int handles[MAX_LIVE];
static uint16_t sizes[MAX_LIVE];
static void *blocks[MAX_LIVE];

static size_t draw_size(struct rng *r)
{
    return rng_range(r, 16, 4096);
}

static int must_alloc(size_t size)
{
    int h = buflib_alloc(&ctx, size);
    if (h <= 0)
        give_up("churn: %zu bytes refused (%d) in a pool that is two thirds full", size, h);
    return h;
}

/*
 * Fill from the top of the range down: a spacer takes all but the room of the next block, the
 * block comes after it, the spacer goes. An allocator that walks its pool from the front fills
 * in linear time this way, and the outcome is the same row of neighbours.
 */
static void fill(int live, size_t total)
{
    for (int i = 0; i < live; i++) {
        size_t own = footprint(sizes[i]);
        total -= own;
        int spacer = i + 1 < live ? buflib_alloc(&ctx, total - BUFLIB_ALLOC_OVERHEAD) : 0;
        handles[i] = must_alloc(sizes[i]);
        if (spacer > 0)
            buflib_free(&ctx, spacer);
    }
}

static double time_pool(int live, size_t pool_size, size_t total)
{
    char *pool = pool_get(pool_size);
    struct rng r = { 7 };
    long pairs = 0;
    double spent = 0;
    long chunk = live > 8192 ? 8 : live > 1024 ? 64 : 4096;

    buflib_init(&ctx, pool, pool_size);
    fill(live, total);
    for (bool warm = false; spent < MIN_NS && pairs < MAX_PAIRS; warm = true) {
        double start = cpu_ns();
        for (long i = 0; i < chunk; i++) {
            size_t victim = rng_range(&r, 0, live - 1);
            buflib_free(&ctx, handles[victim]);
            handles[victim] = must_alloc(draw_size(&r));
        }
        if (warm) {
            spent += cpu_ns() - start;
            pairs += chunk;
        }
    }
    pool_put(pool, pool_size);
    return spent / pairs;
}

static double time_glibc(int live)
{
    struct rng r = { 7 };
    long pairs = 0;
    double spent = 0;

    for (int i = 0; i < live; i++)
        blocks[i] = malloc(sizes[i]);
    for (bool warm = false; spent < MIN_NS && pairs < MAX_PAIRS; warm = true) {
        double start = cpu_ns();
        for (long i = 0; i < 4096; i++) {
            size_t victim = rng_range(&r, 0, live - 1);
            free(blocks[victim]);
            blocks[victim] = malloc(draw_size(&r));
        }
        if (warm) {
            spent += cpu_ns() - start;
            pairs += 4096;
        }
    }
    for (int i = 0; i < live; i++)
        free(blocks[i]);
    return spent / pairs;
}

static void measure(int live, const char *threads)
{
    struct rng r = { 1 };
    size_t total = 0;

    for (int i = 0; i < live; i++)
        total += footprint(sizes[i] = draw_size(&r));
    /* Sixteen blocks can all come to be large ones: never less than the worst case there. */
    size_t pool = total + total / 2 + 16 * 4096 + (live + 64) * WORD;
    emit(time_pool(live, pool, total), "ns", "churn.%s.%d", threads, live);
    emit(time_glibc(live), "ns", "churn.%s.%d.peer", threads, live);
}

static void *sleep_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

int main(void)
{
    static const int counts[] = { 16, 256, 4096, 32768 };
    pthread_t second;

    for (int k = 0; k < 4; k++)
        measure(counts[k], "alone");
    if (pthread_create(&second, NULL, sleep_for_ever, NULL) != 0)
        give_up("churn: no second thread");
    for (int k = 0; k < 4; k++)
        measure(counts[k], "threads");
    return 0;
}
