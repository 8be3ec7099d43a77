/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The music player: up to LIVE blocks come and go, most of them small (settings, tags, playlist
 * pieces), some of a few KB (fonts, icons, indices), a few large (album art, skins, codecs);
 * together about 2.5 MB, now and then a third more. A share of them is pinned for a while, a
 * share is locked for life, and the walls that these make are what keeps a large block from
 * fitting although enough bytes are free.
 *
 * The pool is tried in five sizes. A large request is "refused although the free bytes suffice"
 * when it fails and its bytes, header and all, are free in the pool. The judges of world.h then
 * say whether the allocator could have helped it. Moves are counted beside the least that each
 * request had to move, given where the blocks lay.
 */
#include "world.h"
#include <stdio.h>
#include <string.h>

#define KB 1024u
#define LIVE 150
#define STEPS 40000
#define LARGE (32 * KB)

struct mix {
    const char *name;
    int pinned, locked; /* percent of the blocks */
};

struct tally {
    int asked; /* large requests whose bytes were free */
    int refused, sliding, evacuation, hopeless;
    int small_refused;
    uint64_t least, moved;
    double longest, spent;
    long calls;
};

static size_t draw_size(struct rng *r)
{
    size_t dice = rng_range(r, 0, 99);

    if (dice < 60)
        return rng_range(r, 16, 1 * KB);
    if (dice < 93)
        return rng_range(r, 1 * KB, 16 * KB);
    return rng_range(r, LARGE, 320 * KB);
}

/* Pins wander: one block is let go and another is held, so that the share stays the same. */
static void shift_pins(struct rng *r, const struct mix *m)
{
    int pinned = 0;

    for (int i = 0; i < world.count; i++)
        pinned += world.blocks[i].pinned;
    if (pinned * 100 >= world.count * m->pinned && pinned > 0) {
        int skip = rng_range(r, 0, pinned - 1), i = 0;
        while (!world.blocks[i].pinned || skip-- > 0)
            i++;
        world_pin(i, false);
    }
    for (int tries = 0; tries < 8 && pinned * 100 < world.count * m->pinned; tries++) {
        int i = rng_range(r, 0, world.count - 1);
        if (world.blocks[i].pinned || world.blocks[i].locked)
            continue;
        world_pin(i, true);
        pinned++;
    }
}

static void request(struct rng *r, const struct mix *m, struct tally *t)
{
    size_t size = draw_size(r), need = footprint(size);
    bool locked = rng_range(r, 0, 99) < (size_t)m->locked;
    bool enough = world_free_bytes() >= need + 2 * WORD;
    size_t least = least_moved(need);
    uint64_t moved = world.moved;

    double start = cpu_ns();
    int got = world_alloc(size, locked);
    start = cpu_ns() - start;
    t->spent += start;
    t->calls++;
    if (start > t->longest)
        t->longest = start;
    t->moved += world.moved - moved;
    if (got >= 0 && least != SIZE_MAX)
        t->least += least;
    if (size < LARGE) {
        t->small_refused += got < 0 && enough;
        return;
    }
    if (!enough)
        return;
    t->asked++;
    if (got >= 0)
        return;
    t->refused++;
    if (room_by_sliding(need))
        t->sliding++;
    else if (room_by_evacuation(need))
        t->evacuation++;
    else if (!room_by_length(need))
        t->hopeless++;
}

static void play(size_t pool_size, const struct mix *m, struct tally *t)
{
    struct rng r = { 11 };

    world_start(pool_size);
    for (int step = 0; step < STEPS; step++) {
        bool more = world.count < LIVE && rng_range(&r, 0, 99) < 80;
        if (more || world.count == 0)
            request(&r, m, t);
        else
            world_free(rng_range(&r, 0, world.count - 1));
        if (step % 4 == 0 && world.count > 0)
            shift_pins(&r, m);
    }
    world_end();
}

static void report(const char *name, const char *pool, const struct tally *t)
{
    emit(100.0 * t->refused / t->asked, "%", "%s.%s.refused", name, pool);
    emit(t->sliding, "n", "%s.%s.sliding", name, pool);
    emit(t->evacuation, "n", "%s.%s.evacuation", name, pool);
    emit(t->hopeless, "n", "%s.%s.hopeless", name, pool);
    emit(t->refused - t->sliding - t->evacuation - t->hopeless, "n", "%s.%s.open", name, pool);
}

static void add(struct tally *all, const struct tally *t)
{
    all->asked += t->asked;
    all->refused += t->refused;
    all->sliding += t->sliding;
    all->evacuation += t->evacuation;
    all->hopeless += t->hopeless;
    all->small_refused += t->small_refused;
    all->least += t->least;
    all->moved += t->moved;
    all->spent += t->spent;
    all->calls += t->calls;
    if (t->longest > all->longest)
        all->longest = t->longest;
}

int main(void)
{
    static const struct mix mixes[] = {
        { "trace.light", 15, 3 },
        { "trace.heavy", 40, 8 },
    };

    for (int k = 0; k < 2; k++) {
        struct tally all = { 0 };
        const char *name = mixes[k].name;

        for (int tenths = 32; tenths <= 52; tenths += 5) {
            struct tally t = { 0 };
            char pool[8];

            play((size_t)tenths * 1000 * 1000 / 10 / WORD * WORD, &mixes[k], &t);
            snprintf(pool, sizeof pool, "%d.%d", tenths / 10, tenths % 10);
            report(name, pool, &t);
            add(&all, &t);
        }
        report(name, "all", &all);
        emit(all.small_refused, "n", "%s.small.refused", name);
        emit(all.moved, "B", "%s.moved", name);
        emit(all.least, "B", "%s.least", name);
        emit((double)all.moved / all.least, "x", "%s.overmoved", name);
        emit(all.longest, "ns", "%s.stall", name);
        emit(all.spent / all.calls, "ns", "%s.call", name);
    }
    return 0;
}
