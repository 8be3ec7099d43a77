/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Callbacks that do anything: allocate, free, shrink and pin any block, their own too, within
 * callbacks within callbacks. What several threads would do to each other by chance, one thread
 * does here in an order that a seed decides, with the pool judged after every step.
 */
#define BUFLIB_DEBUG_CHECK_VALID

#include <string.h>

#include "check.h"
#include "pool.h"

enum { SLOTS = 40, MOST = 1500, DEEPEST = 3, PINS = 2 };

static struct pool pool;
static uint32_t seed;
static int depth;
static int moves, shrinks, refused;

static struct slot {
    int handle;
    int seed;
    size_t size;
    unsigned pins;
} slots[SLOTS];


static void check_slot(const struct slot *slot)
{
    CHECK(bytes_are(data_of(&pool, slot->handle), slot->seed, slot->size));
    CHECK_EQ(buflib_pin_count(&pool.ctx, slot->handle), slot->pins);
}

static void step(void);

static void steps_within(void)
{
    if (depth >= DEEPEST)
        return;
    depth++;
    for (size_t i = random_between(&seed, 0, 3); i > 0; i--)
        step();
    depth--;
}

static int on_move(int handle, void *current, void *target)
{
    (void)target;
    CHECK(data_of(&pool, handle) == current);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 0);
    moves++;
    steps_within();
    return random_between(&seed, 0, 9) ? BUFLIB_CB_OK : BUFLIB_CB_CANNOT_MOVE;
}

static int on_shrink(int handle, unsigned hints, void *start, size_t size)
{
    (void)hints;
    CHECK(data_of(&pool, handle) == start);
    CHECK_LE(size, pool.size);
    shrinks++;
    steps_within();
    return random_between(&seed, 0, 1) ? BUFLIB_CB_OK : BUFLIB_CB_CANNOT_SHRINK;
}

static int locks;

static void on_sync(int handle, bool lock)
{
    CHECK_GT(handle, 0);
    locks += lock ? 1 : -1;
    CHECK_GE(locks, 0);
    steps_within();
}

static struct buflib_callbacks kinds[] = {
    { on_move, NULL, NULL },
    { on_move, NULL, on_sync },
    { on_move, on_shrink, on_sync },
    { NULL, on_shrink, NULL },
    { NULL, NULL, NULL },
};

static void take(struct slot *slot)
{
    size_t size = random_between(&seed, 0, MOST);
    size_t kind = random_between(&seed, 0, 7);
    int fill_seed = (int)random_next(&seed);
    struct buflib_callbacks *ops = kind < 5 ? &kinds[kind] : NULL;
    int handle;
    if (random_between(&seed, 0, 30) == 0)
        handle = buflib_alloc_maximum(&pool.ctx, &size, ops);
    else
        handle = buflib_alloc_ex(&pool.ctx, size, ops);
    if (handle <= 0) {
        refused++;
    } else if (slot->handle > 0) { /* a callback filled the slot meanwhile */
        CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
    } else {
        *slot = (struct slot){ handle, fill_seed, size, 0 };
        fill_bytes(data_of(&pool, handle), fill_seed, size);
    }
}

static void cut(struct slot *slot)
{
    size_t from = random_between(&seed, 0, 3) ? 0 : random_between(&seed, 0, slot->size);
    size_t size = random_between(&seed, 0, slot->size - from);
    char *start = data_of(&pool, slot->handle) + from;
    CHECK(buflib_shrink(&pool.ctx, slot->handle, start, size));
    slot->size = size;
    if (from > 0) {
        slot->seed = (int)random_next(&seed);
        fill_bytes(data_of(&pool, slot->handle), slot->seed, size);
    }
}

static void step(void)
{
    struct slot *slot = &slots[random_between(&seed, 0, SLOTS - 1)];
    if (slot->handle <= 0) {
        take(slot);
    } else {
        check_slot(slot);
        size_t what = random_between(&seed, 0, 9);
        if (what < 4) {
            slot->handle = buflib_free(&pool.ctx, slot->handle);
        } else if (what < 6) {
            cut(slot);
        } else if (what < 8 && slot->pins < PINS) {
            buflib_pin(&pool.ctx, slot->handle);
            slot->pins++;
        } else if (slot->pins > 0) {
            buflib_unpin(&pool.ctx, slot->handle);
            slot->pins--;
        } else {
            buflib_allocatable(&pool.ctx);
        }
    }
    buflib_check_valid(&pool.ctx);
}

static void chaos(size_t size, uint32_t first_seed, int rounds, int steps)
{
    for (int round = 0; round < rounds; round++) {
        seed = first_seed + (uint32_t)round;
        memset(slots, 0, sizeof(slots));
        pool_open(&pool, size);
        size_t fresh = buflib_allocatable(&pool.ctx);
        for (int i = 0; i < steps; i++)
            step();
        CHECK_EQ(locks, 0);
        for (int i = 0; i < SLOTS; i++) {
            if (slots[i].handle > 0) {
                check_slot(&slots[i]);
                buflib_free(&pool.ctx, slots[i].handle);
            }
        }
        CHECK_GE(buflib_allocatable(&pool.ctx) + KEPT, fresh);
        pool_close(&pool);
    }
    CHECK_GT(moves, 100);
    CHECK_GT(shrinks, 100);
    CHECK_GT(refused, 100);
}

/* divergence: upstream survives only some of what a callback may do. */
DIVERGENCE_TEST(callbacks_may_do_anything_in_a_tight_pool)
{
    chaos(16 * KB, 1, 100, 600);
}

/* divergence: the same, where compaction mostly succeeds. */
DIVERGENCE_TEST(callbacks_may_do_anything_in_a_wider_pool)
{
    chaos(24 * KB, 1000, 100, 600);
}

/* divergence: the same, where the table of handles has no room to grow. */
DIVERGENCE_TEST(callbacks_may_do_anything_in_a_tiny_pool)
{
    chaos(5 * KB, 2000, 200, 600);
}
