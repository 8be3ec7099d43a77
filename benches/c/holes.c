/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool full of small blocks of which every other one is freed: half of it is free and no hole
 * is larger than 4 KB. Large blocks are allocated until one is refused, then 16-byte blocks.
 *
 * Counted: bytes moved, in all and for the first large block; how many fit; how much of the
 * free bytes is used in the end, headers included; and the longest single call. The handles of
 * the freed blocks stay handles, so they are not among the free bytes.
 * Beside the bytes moved stands the sum of what each request had to move at least.
 */
#include "world.h"

struct workload {
    const char *name;
    size_t pool_size;
    int blocks;
    size_t large;
    uint64_t seed; /* one with which so many blocks of 16..4096 bytes just fill the pool */
};

static const struct workload workloads[] = {
    { "holes2", 2u << 20, 1050, 64u << 10, 118717 },
    { "holes32", 32u << 20, 15939, 256u << 10, 764 },
};

static void start(const struct workload *w)
{
    struct rng r = { w->seed };

    world_start(w->pool_size);
    for (int i = 0; i < w->blocks; i++) {
        int at = world_alloc(rng_range(&r, 16, 4096), false);
        if (at != i)
            give_up("%s: block %d refused (%d)", w->name, i, at);
    }
    /* From the top: what world_free moves into a freed place of the record has been kept. */
    for (int i = (w->blocks - 1) | 1; i > 0; i -= 2)
        if (i < w->blocks)
            world_free(i);
}

static void measure(const struct workload *w)
{
    double longest = 0, total = 0;
    uint64_t setup;
    int fit = 0;

    start(w);
    setup = world.moved;
    size_t taken = world.taken, before = w->pool_size - taken - w->blocks * WORD;
    for (int got = 0; got >= 0; ) {
        double t = cpu_ns();
        got = world_alloc(w->large, false);
        t = cpu_ns() - t;
        total += t;
        if (t > longest)
            longest = t;
        if (got >= 0 && ++fit == 1)
            emit(world.moved - setup, "B", "%s.first.moved", w->name);
    }
    emit(world.moved - setup, "B", "%s.moved", w->name);
    emit(fit, "n", "%s.fit", w->name);
    emit(100.0 * fit * footprint(w->large) / before, "%", "%s.used", w->name);
    emit(longest, "ns", "%s.stall", w->name);
    emit(total, "ns", "%s.time", w->name);
    while (world_alloc(16, false) >= 0)
        ;
    emit(100.0 * (world.taken - taken) / before, "%", "%s.small.used", w->name);
    world_end();
}

/* The same once more, with the least that each request must move looked up before it. */
static void judge(const struct workload *w)
{
    uint64_t least = 0, setup;

    start(w);
    setup = world.moved;
    for (int got = 0; got >= 0; ) {
        size_t cost = least_moved(footprint(w->large));
        got = world_alloc(w->large, false);
        if (got >= 0)
            least += cost;
    }
    emit(least, "B", "%s.least", w->name);
    emit((double)(world.moved - setup) / least, "x", "%s.overmoved", w->name);
    world_end();
}

int main(void)
{
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        measure(&workloads[i]);
        judge(&workloads[i]);
    }
    return 0;
}
