/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What move and sync callbacks may do: write, look, allocate, free, pin. */
#include <string.h>

#include "check.h"
#include "victim.h"

static void write_at_current(int handle, char *current)
{
    (void)handle;
    memcpy(current + 10, "fixed up", 8);
}

static int on_move_once(int handle, void *current, void *target)
{
    seen.moves++;
    seen.target = target;
    if (seen.during)
        seen.during(handle, current);
    return BUFLIB_CB_OK;
}

static struct buflib_callbacks writing = { .move_callback = on_move_once };

TEST(what_the_callback_writes_at_the_old_place_moves_along)
{
    int victim = victim_with(&writing);
    seen.during = write_at_current;
    CHECK_GT(buflib_alloc(&pool.ctx, BOTH), 0);
    CHECK(data_of(&pool, victim) == seen.target);
    CHECK(memcmp(seen.target + 10, "fixed up", 8) == 0);
    memset(seen.target + 10, 0, 8);
    static char expected[SIZE];
    fill_bytes(expected, victim, SIZE);
    memset(expected + 10, 0, 8);
    CHECK(memcmp(seen.target, expected, SIZE) == 0);
    pool_close(&pool);
}

TEST(the_callbacks_stay_with_a_block_shrunk_from_the_front)
{
    int victim = victim_with(&writing);
    char *start = data_of(&pool, victim);
    CHECK(buflib_shrink(&pool.ctx, victim, start + 496, SIZE - 496));
    fill(&pool, victim, SIZE - 496);
    CHECK_GT(buflib_alloc(&pool.ctx, BOTH), 0);
    CHECK_GE(seen.moves, 1);
    CHECK(data_of(&pool, victim) == seen.target);
    CHECK(is_filled(&pool, victim, SIZE - 496));
    pool_close(&pool);
}

static void write_elsewhere(int handle, char *current)
{
    (void)handle;
    (void)current;
    int other = strip.handle[0];
    memcpy(data_of(&pool, other), "told", 4);
    char *held = buflib_get_data_pinned(&pool.ctx, other);
    CHECK(memcmp(held, "told", 4) == 0);
    buflib_put_data_pinned(&pool.ctx, held);
}

TEST(the_callback_may_edit_another_block)
{
    int victim = victim_with(&moving);
    seen.during = write_elsewhere;
    CHECK_GT(buflib_alloc(&pool.ctx, BOTH), 0);
    CHECK(memcmp(data_of(&pool, strip.handle[0]), "told", 4) == 0);
    CHECK(is_filled(&pool, victim, SIZE));
    pool_close(&pool);
}

static int nested;

static void allocate_within(int handle, char *current)
{
    (void)handle;
    (void)current;
    if (nested == 0)
        nested = buflib_alloc(&pool.ctx, 0);
}

/* divergence: upstream would go on with the holes it remembers from before the callback. */
DIVERGENCE_TEST(the_move_callback_may_allocate)
{
    nested = 0;
    int victim = victim_with(&moving);
    seen.during = allocate_within;
    int handle = buflib_alloc(&pool.ctx, SIZE + 500);
    CHECK_GT(handle, 0);
    fill(&pool, handle, SIZE + 500);
    CHECK_GT(nested, 0);
    CHECK(nested != handle);
    CHECK_EQ(buflib_free(&pool.ctx, nested), 0);
    CHECK(is_filled(&pool, victim, SIZE));
    strip_check(&strip, &pool);
    pool_close(&pool);
}

static void free_a_neighbour(int handle, char *current)
{
    (void)current;
    for (int i = 1; i < strip.count - 1; i++)
        if (strip.handle[i] == handle && strip.handle[i + 2] > 0)
            strip_free(&strip, &pool, i + 2);
}

/* divergence: the same, with a block that is freed. */
DIVERGENCE_TEST(the_move_callback_may_free_another_block)
{
    int victim = victim_with(&moving);
    seen.during = free_a_neighbour;
    int handle = alloc_filled(&pool, BOTH, NULL);
    CHECK(is_filled(&pool, victim, SIZE));
    CHECK(is_filled(&pool, handle, BOTH));
    strip_check(&strip, &pool);
    pool_close(&pool);
}

static void free_oneself(int handle, char *current)
{
    (void)current;
    for (int i = 0; i < strip.count; i++)
        if (strip.handle[i] == handle)
            strip_free(&strip, &pool, i);
}

/* divergence: upstream moves the block it was asked to free. */
DIVERGENCE_TEST(the_move_callback_may_free_its_own_block)
{
    victim_with(&moving);
    seen.during = free_oneself;
    victim_lets(BOTH);
    pool_close(&pool);
}

static void pin_oneself(int handle, char *current)
{
    (void)current;
    buflib_pin(&pool.ctx, handle);
}

/* divergence: upstream looks at the pin count before the callbacks and not after them. */
DIVERGENCE_TEST(a_block_pinned_during_its_callbacks_stays)
{
    int victim = victim_with(&moving);
    char *before = data_of(&pool, victim);
    seen.during = pin_oneself;
    victim_forbids(BOTH);
    CHECK(data_of(&pool, victim) == before);
    CHECK_EQ(buflib_pin_count(&pool.ctx, victim), 1);
    pool_close(&pool);
}

static void on_sync_free_another(int handle, bool lock)
{
    on_sync(handle, lock);
    if (lock)
        free_a_neighbour(handle, NULL);
}

/* divergence: as for the move callback. */
DIVERGENCE_TEST(the_sync_callback_may_free_another_block)
{
    static struct buflib_callbacks freeing = {
        .move_callback = on_move_locked,
        .sync_callback = on_sync_free_another,
    };
    int victim = victim_with(&freeing);
    victim_lets(BOTH);
    CHECK(is_filled(&pool, victim, SIZE));
    CHECK_EQ(seen.locks, seen.unlocks);
    pool_close(&pool);
}
