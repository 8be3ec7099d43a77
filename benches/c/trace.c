/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The music player: blocks come and go, most of them small (settings, tags, playlist pieces),
 * some of a few KB (fonts, icons, indices), a few large (album art, skins, codecs); together
 * about 2.5 MB, now and then a third more. A share of them is pinned for a while, a share is
 * locked for life, and the walls that these make are what keeps a large block from fitting
 * although enough bytes are free.
 *
 * What happens is drawn before the allocator is asked and does not depend on what it answers: a
 * block that was refused is missing until its time is over. So every allocator sees the same
 * requests, in pools of five sizes.
 *
 * A large request is "refused although the free bytes suffice" when it fails and its bytes,
 * header and all, are free in the pool. The judges of world.h then say whether the allocator
 * could have helped it. Moves are counted beside the least that each request had to move, given
 * where the blocks lay.
 */
#include "world.h"
#include <stdio.h>
#include <string.h>

#define KB 1024u
#define SLOTS 300 /* half of them have a block, on average */
#define STEPS 40000
#define LARGE (32 * KB)

struct mix {
    const char *name;
    int pinned, locked; /* percent of the blocks */
};

struct tally {
    int asked; /* large requests whose bytes were free */
    int refused, sliding, evacuation, repacking, hopeless;
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

/* One step: a slot gets or loses its block, and another one's pin is drawn anew. */
struct event {
    size_t slot, size, pin_slot;
    bool locked, pinned, pin;
};

static struct event draw_event(struct rng *r, const struct mix *m)
{
    struct event e;

    e.slot = rng_range(r, 0, SLOTS - 1);
    e.size = draw_size(r);
    e.locked = rng_range(r, 0, 99) < (size_t)m->locked;
    e.pinned = rng_range(r, 0, 99) < (size_t)m->pinned && !e.locked;
    e.pin_slot = rng_range(r, 0, SLOTS - 1);
    e.pin = rng_range(r, 0, 99) < (size_t)m->pinned;
    return e;
}

/* The handle, or 0. */
static int request(size_t size, bool locked, struct tally *t)
{
    size_t need = footprint(size);
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
    if (size >= LARGE && enough)
        t->asked++;
    if (got >= 0) {
        t->least += least == SIZE_MAX ? 0 : least;
        return world.blocks[got].handle;
    }
    if (!enough)
        return 0;
    if (size < LARGE) {
        t->small_refused++;
        return 0;
    }
    t->refused++;
    if (room_by_sliding(need))
        t->sliding++;
    else if (room_by_evacuation(need))
        t->evacuation++;
    else if (room_by_repacking(need))
        t->repacking++;
    else if (!room_not_excluded(need))
        t->hopeless++;
    return 0;
}

static void play(size_t pool_size, const struct mix *m, struct tally *t)
{
    struct rng r = { 11 };
    int handles[SLOTS] = { 0 };
    bool alive[SLOTS] = { false };

    world_start(pool_size);
    for (int step = 0; step < STEPS; step++) {
        struct event e = draw_event(&r, m);
        int *handle = &handles[e.slot];

        alive[e.slot] = !alive[e.slot];
        if (*handle > 0) {
            world_free(world_find(*handle));
            *handle = 0;
        } else if (alive[e.slot] && (*handle = request(e.size, e.locked, t)) > 0) {
            world_pin(world_find(*handle), e.pinned);
        }
        if (handles[e.pin_slot] > 0) {
            int i = world_find(handles[e.pin_slot]);
            if (!world.blocks[i].locked)
                world_pin(i, e.pin);
        }
    }
    world_end();
}

static void report(const char *name, const char *pool, const struct tally *t)
{
    emit(100.0 * t->refused / t->asked, "%", "%s.%s.refused", name, pool);
    emit(t->sliding, "n", "%s.%s.sliding", name, pool);
    emit(t->evacuation, "n", "%s.%s.evacuation", name, pool);
    emit(t->repacking, "n", "%s.%s.repacking", name, pool);
    emit(t->hopeless, "n", "%s.%s.hopeless", name, pool);
    emit(t->refused - t->sliding - t->evacuation - t->repacking - t->hopeless, "n", "%s.%s.open",
        name, pool);
}

static void add(struct tally *all, const struct tally *t)
{
    all->asked += t->asked;
    all->refused += t->refused;
    all->sliding += t->sliding;
    all->evacuation += t->evacuation;
    all->repacking += t->repacking;
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
