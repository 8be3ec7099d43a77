/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moving blocks: which are moved, and what the move and sync callbacks are told and when. */
#include <string.h>

#include "check.h"
#include "victim.h"

/* ---- who is moved -------------------------------------------------------------------- */

TEST(a_block_without_callbacks_is_moved_and_keeps_handle_and_data)
{
    int victim = victim_with(NULL);
    char *before = data_of(&pool, victim);
    victim_lets(BOTH);
    CHECK(data_of(&pool, victim) != before);
    CHECK(is_filled(&pool, victim, SIZE));
    pool_close(&pool);
}

TEST(a_block_with_a_move_callback_is_moved)
{
    int victim = victim_with(&moving);
    char *before = data_of(&pool, victim);
    victim_lets(BOTH);
    CHECK_GE(seen.moves, 1);
    CHECK(data_of(&pool, victim) != before);
    CHECK(data_of(&pool, victim) == seen.target);
    pool_close(&pool);
}

TEST(callbacks_without_a_move_callback_mean_never_moved)
{
    int victim = victim_with(&immovable);
    char *before = data_of(&pool, victim);
    victim_forbids(BOTH);
    CHECK(data_of(&pool, victim) == before);
    CHECK_EQ(seen.locks, 0);
    pool_close(&pool);
}

TEST(a_block_with_the_locked_ops_is_never_moved)
{
    int victim = victim_with(&buflib_ops_locked);
    char *before = data_of(&pool, victim);
    victim_forbids(BOTH);
    CHECK(data_of(&pool, victim) == before);
    pool_close(&pool);
}

TEST(a_pinned_block_is_neither_moved_nor_asked)
{
    int victim = victim_with(&synced);
    char *before = data_of(&pool, victim);
    buflib_pin(&pool.ctx, victim);
    victim_forbids(BOTH);
    CHECK(data_of(&pool, victim) == before);
    CHECK_EQ(seen.moves + seen.locks + seen.unlocks, 0);
    pool_close(&pool);
}

TEST(a_block_whose_data_is_held_is_neither_moved_nor_asked)
{
    int victim = victim_with(&synced);
    char *held = buflib_get_data_pinned(&pool.ctx, victim);
    victim_forbids(BOTH);
    CHECK(data_of(&pool, victim) == held);
    CHECK_EQ(seen.moves + seen.locks + seen.unlocks, 0);
    pool_close(&pool);
}

TEST(the_ops_are_referred_to_and_not_copied)
{
    static struct buflib_callbacks changing;
    changing = immovable;
    victim_with(&changing);
    changing = moving;
    victim_lets(BOTH);
    CHECK_GE(seen.moves, 1);
    pool_close(&pool);
}

/* ---- what the callbacks are told ----------------------------------------------------- */

TEST(locks_and_moves_pair_up_over_a_whole_compaction)
{
    memset(&seen, 0, sizeof(seen));
    pool_open(&pool, 60 * KB);
    strip_fill(&strip, &pool, SIZE, &synced);
    for (int i = 0; i < strip.count; i += 2)
        strip_free(&strip, &pool, i);
    int handle = alloc_filled(&pool, 20 * KB, NULL);
    CHECK_GE(seen.moves, 10);
    CHECK_EQ(seen.locks, seen.moves);
    CHECK_EQ(seen.unlocks, seen.moves);
    CHECK(is_filled(&pool, handle, 20 * KB));
    strip_check(&strip, &pool);
    pool_close(&pool);
}

TEST(a_wall_in_the_middle_does_not_stop_moves_beside_it)
{
    memset(&seen, 0, sizeof(seen));
    pool_open(&pool, 60 * KB);
    strip_fill(&strip, &pool, SIZE, &moving);
    int wall = strip.handle[strip.count / 2];
    char *before = data_of(&pool, wall);
    buflib_pin(&pool.ctx, wall);
    for (int i = 0; i < strip.count; i += 2)
        if (strip.handle[i] != wall)
            strip_free(&strip, &pool, i);
    /* half the pool is free: a quarter of it on either side */
    int first = alloc_filled(&pool, 12 * KB, NULL);
    int second = alloc_filled(&pool, 12 * KB, NULL);
    CHECK(data_of(&pool, wall) == before);
    CHECK(is_filled(&pool, first, 12 * KB));
    CHECK(is_filled(&pool, second, 12 * KB));
    strip_check(&strip, &pool);
    pool_close(&pool);
}

TEST(sync_locks_before_the_move_and_unlocks_after_it)
{
    int victim = victim_with(&synced);
    victim_lets(BOTH);
    CHECK_GE(seen.moves, 1);
    CHECK_EQ(seen.locks, seen.moves);
    CHECK_EQ(seen.unlocks, seen.moves);
    CHECK(data_of(&pool, victim) == seen.target);
    pool_close(&pool);
}

static void on_sync_look(int handle, bool lock)
{
    on_sync(handle, lock);
    CHECK(is_filled(&pool, handle, SIZE));
    if (!lock && !seen.refuse)
        CHECK(data_of(&pool, handle) == seen.target);
}

TEST(the_data_is_in_its_new_place_when_sync_unlocks)
{
    static struct buflib_callbacks looking = {
        .move_callback = on_move_locked,
        .sync_callback = on_sync_look,
    };
    victim_with(&looking);
    victim_lets(BOTH);
    CHECK_GE(seen.unlocks, 1);
    pool_close(&pool);
}

TEST(a_refused_move_leaves_the_block_and_still_unlocks)
{
    int victim = victim_with(&synced);
    char *before = data_of(&pool, victim);
    seen.refuse = true;
    victim_forbids(BOTH);
    CHECK(data_of(&pool, victim) == before);
    CHECK_GE(seen.moves, 1);
    CHECK_EQ(seen.locks, seen.moves);
    CHECK_EQ(seen.unlocks, seen.moves);
    pool_close(&pool);
}

TEST(a_move_may_overlap_its_source)
{
    /* holes of 512 on both sides, made by shrinking the neighbours: less than the victim */
    memset(&seen, 0, sizeof(seen));
    pool_open(&pool, 20 * KB);
    strip_fill(&strip, &pool, SIZE, &synced);
    int run = strip_run(&strip, &pool, 3, 4);
    strip_pin_all(&strip, &pool);
    pool_plug(&pool);
    int victim = strip.handle[run + 1];
    char *behind = data_of(&pool, strip.handle[run + 2]);
    CHECK(buflib_shrink(&pool.ctx, strip.handle[run], NULL, SIZE - 512));
    CHECK(buflib_shrink(&pool.ctx, strip.handle[run + 2], behind + 512, SIZE - 512));
    buflib_unpin(&pool.ctx, victim);
    char *before = data_of(&pool, victim);
    int handle = alloc_filled(&pool, 2 * 512 - HEADER, NULL);
    ptrdiff_t distance = data_of(&pool, victim) - before;
    CHECK(distance == 512 || distance == -512);
    CHECK(is_filled(&pool, victim, SIZE));
    CHECK(is_filled(&pool, handle, 2 * 512 - HEADER));
    pool_close(&pool);
}

TEST(a_move_refused_once_may_be_allowed_the_next_time)
{
    int victim = victim_with(&synced);
    seen.refuse = true;
    victim_forbids(BOTH);
    seen.refuse = false;
    strip_free(&strip, &pool, 1); /* something changed, so it is tried again */
    victim_lets(BOTH);
    CHECK(is_filled(&pool, victim, SIZE));
    pool_close(&pool);
}

/* divergence: upstream does not try again before something is freed. */
DIVERGENCE_TEST(a_move_refused_once_is_asked_for_again)
{
    int victim = victim_with(&synced);
    victim_use_up_handles();
    seen.refuse = true;
    victim_forbids(SIZE + 500);
    seen.refuse = false;
    victim_lets(SIZE + 500);
    CHECK(data_of(&pool, victim) == seen.target);
    pool_close(&pool);
}

/* divergence: upstream takes the pool for compact because it was, when the pin was there. */
DIVERGENCE_TEST(a_block_can_be_moved_once_it_is_unpinned)
{
    int victim = victim_with(&moving);
    victim_use_up_handles();
    buflib_pin(&pool.ctx, victim);
    victim_forbids(SIZE + 500);
    buflib_unpin(&pool.ctx, victim);
    victim_lets(SIZE + 500);
    CHECK(data_of(&pool, victim) == seen.target);
    pool_close(&pool);
}
