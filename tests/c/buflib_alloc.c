/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allocating and freeing: handle numbers, errors, pins, and what the pool says is left. */
#include <limits.h>
#include <string.h>

#include "check.h"
#include "pool.h"

static struct pool pool;
static struct strip strip;

/* ---- handles ------------------------------------------------------------------------- */

TEST(handles_count_up_from_one)
{
    pool_open(&pool, 16 * KB);
    for (int i = 1; i <= 20; i++)
        CHECK_EQ(buflib_alloc(&pool.ctx, 100), i);
    pool_close(&pool);
}

TEST(smallest_free_handle_is_used_first)
{
    pool_open(&pool, 16 * KB);
    for (int i = 1; i <= 6; i++)
        alloc_filled(&pool, 50, NULL);
    buflib_free(&pool.ctx, 4);
    buflib_free(&pool.ctx, 2);
    CHECK_EQ(buflib_alloc(&pool.ctx, 50), 2);
    buflib_free(&pool.ctx, 5);
    CHECK_EQ(buflib_alloc(&pool.ctx, 50), 4);
    CHECK_EQ(buflib_alloc(&pool.ctx, 50), 5);
    CHECK_EQ(buflib_alloc(&pool.ctx, 50), 7);
    pool_close(&pool);
}

TEST(the_last_handle_freed_is_given_again)
{
    pool_open(&pool, 16 * KB);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(buflib_alloc(&pool.ctx, 200), 1);
        CHECK_EQ(buflib_alloc(&pool.ctx, 200), 2);
        buflib_free(&pool.ctx, 2);
        buflib_free(&pool.ctx, 1);
    }
    pool_close(&pool);
}

TEST(a_failed_request_uses_up_no_handle)
{
    pool_open(&pool, 16 * KB);
    CHECK_EQ(buflib_alloc(&pool.ctx, 100), 1);
    CHECK_EQ(buflib_alloc(&pool.ctx, 17 * KB), -2);
    CHECK_EQ(buflib_alloc(&pool.ctx, 100), 2);
    pool_close(&pool);
}

/* ---- memory -------------------------------------------------------------------------- */

TEST(blocks_are_aligned_writable_and_apart)
{
    enum { COUNT = 200 };
    static int handles[COUNT];
    static size_t sizes[COUNT];
    uint32_t seed = 1;
    pool_open(&pool, 256 * KB);
    for (int i = 0; i < COUNT; i++) {
        sizes[i] = random_between(&seed, 1, 1000);
        handles[i] = alloc_filled(&pool, sizes[i], NULL);
        CHECK_EQ((uintptr_t)data_of(&pool, handles[i]) % WORD, 0);
    }
    check_apart(&pool, handles, sizes, COUNT);
    for (int i = 0; i < COUNT; i++)
        CHECK(is_filled(&pool, handles[i], sizes[i]));
    pool_close(&pool);
}

TEST(churn_keeps_every_live_block_whole)
{
    enum { SLOTS = 60 };
    static int handles[SLOTS];
    static size_t sizes[SLOTS];
    uint32_t seed = 2;
    int refused = 0;
    pool_open(&pool, 32 * KB);
    for (int step = 0; step < 20000; step++) {
        size_t slot = random_between(&seed, 0, SLOTS - 1);
        if (handles[slot] > 0) {
            CHECK(is_filled(&pool, handles[slot], sizes[slot]));
            handles[slot] = buflib_free(&pool.ctx, handles[slot]);
        } else {
            sizes[slot] = random_between(&seed, 0, 1500);
            handles[slot] = buflib_alloc(&pool.ctx, sizes[slot]);
            if (handles[slot] > 0)
                fill(&pool, handles[slot], sizes[slot]);
            else
                refused++;
        }
    }
    int live = 0;
    for (int i = 0; i < SLOTS; i++) {
        if (handles[i] > 0) {
            CHECK(is_filled(&pool, handles[i], sizes[i]));
            handles[live] = handles[i];
            sizes[live++] = sizes[i];
        }
    }
    CHECK_GT(live, 0);
    CHECK_GT(refused, 0); /* else the pool was never full and this tested little */
    check_apart(&pool, handles, sizes, live);
    pool_close(&pool);
}

TEST(size_zero_gives_a_handle_of_its_own)
{
    pool_open(&pool, 4 * KB);
    int first = buflib_alloc(&pool.ctx, 0);
    int second = buflib_alloc(&pool.ctx, 0);
    CHECK_EQ(first, 1);
    CHECK_EQ(second, 2);
    CHECK(data_of(&pool, first) - HEADER >= pool.memory);
    CHECK(data_of(&pool, first) <= pool.memory + pool.size);
    CHECK(data_of(&pool, first) != data_of(&pool, second));
    buflib_pin(&pool.ctx, first);
    CHECK_EQ(buflib_pin_count(&pool.ctx, first), 1);
    CHECK_EQ(buflib_pin_count(&pool.ctx, second), 0);
    buflib_unpin(&pool.ctx, first);
    CHECK_EQ(buflib_free(&pool.ctx, first), 0);
    CHECK_EQ(buflib_free(&pool.ctx, second), 0);
    pool_close(&pool);
}

TEST(contexts_do_not_know_of_each_other)
{
    static struct pool other;
    pool_open(&pool, 4 * KB);
    pool_open(&other, 4 * KB);
    int here = alloc_filled(&pool, 500, NULL);
    int there = alloc_filled(&other, 700, NULL);
    CHECK_EQ(here, 1);
    CHECK_EQ(there, 1);
    CHECK_EQ(buflib_free(&pool.ctx, here), 0);
    CHECK(is_filled(&other, there, 700));
    pool_close(&other);
    pool_close(&pool);
}

/* ---- errors -------------------------------------------------------------------------- */

TEST(a_request_larger_than_the_pool_is_refused_with_minus_two)
{
    pool_open(&pool, 16 * KB);
    int handle = alloc_filled(&pool, 1000, NULL);
    CHECK_EQ(buflib_alloc(&pool.ctx, 16 * KB), -2);
    CHECK_EQ(buflib_alloc(&pool.ctx, 1000 * KB), -2);
    CHECK_EQ(buflib_alloc_ex(&pool.ctx, 16 * KB, &buflib_ops_locked), -2);
    CHECK(is_filled(&pool, handle, 1000));
    pool_close(&pool);
}

TEST(a_full_pool_refuses_and_serves_again_after_a_free)
{
    pool_open(&pool, 16 * KB);
    strip_fill(&strip, &pool, 100, NULL);
    CHECK_GT(strip.count, 80);
    int error = buflib_alloc(&pool.ctx, 100);
    CHECK(error == -1 || error == -2);
    strip_free(&strip, &pool, strip.count / 2);
    CHECK_GT(buflib_alloc(&pool.ctx, 100), 0);
    strip_check(&strip, &pool);
    pool_close(&pool);
}

TEST(blocks_of_no_size_run_out_with_an_error)
{
    pool_open(&pool, 4 * KB);
    strip_fill(&strip, &pool, 0, NULL);
    CHECK_GT(strip.count, 40);
    int error = buflib_alloc(&pool.ctx, 0);
    CHECK(error == -1 || error == -2);
    for (int i = 0; i < strip.count; i++)
        strip_free(&strip, &pool, i);
    CHECK_GT(buflib_alloc(&pool.ctx, 2 * KB), 0);
    pool_close(&pool);
}

/* ---- free ---------------------------------------------------------------------------- */

TEST(free_returns_zero)
{
    pool_open(&pool, 4 * KB);
    int handle = buflib_alloc(&pool.ctx, 10);
    CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
    CHECK_EQ(buflib_free(&pool.ctx, 0), 0);
    pool_close(&pool);
}

TEST(free_of_an_error_code_changes_nothing)
{
    pool_open(&pool, 4 * KB);
    int handle = alloc_filled(&pool, 100, NULL);
    struct buflib_context before = pool.ctx;
    size_t available = buflib_available(&pool.ctx);
    static const int codes[] = { 0, -1, -2, INT_MIN };
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        CHECK_LE(buflib_free(&pool.ctx, codes[i]), 0);
    CHECK(memcmp(&before, &pool.ctx, sizeof(before)) == 0);
    CHECK_EQ(buflib_available(&pool.ctx), available);
    CHECK(is_filled(&pool, handle, 100));
    pool_close(&pool);
}

/* divergence: the header promises 0, so that the result may be stored as "no handle". */
DIVERGENCE_TEST(free_of_an_error_code_returns_zero)
{
    pool_open(&pool, 4 * KB);
    CHECK_EQ(buflib_free(&pool.ctx, -1), 0);
    CHECK_EQ(buflib_free(&pool.ctx, -2), 0);
    CHECK_EQ(buflib_free(&pool.ctx, INT_MIN), 0);
    pool_close(&pool);
}

TEST(freed_neighbours_become_one_hole_in_any_order)
{
    static const int orders[6][3] = {
        { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
    };
    for (int order = 0; order < 6; order++) {
        pool_open(&pool, 20 * KB);
        strip_fill(&strip, &pool, 1000, NULL);
        int run = strip_run(&strip, &pool, 3, 4);
        strip_pin_all(&strip, &pool);
        char *start = data_of(&pool, strip.handle[run]);
        for (int i = 0; i < 3; i++)
            strip_free(&strip, &pool, run + orders[order][i]);
        /* everything else is pinned: only the three together can hold this */
        int handle = alloc_filled(&pool, 3 * 1000 + 2 * HEADER, NULL);
        CHECK(data_of(&pool, handle) == start);
        strip_check(&strip, &pool);
        pool_close(&pool);
    }
}

TEST(a_pinned_block_may_be_freed)
{
    pool_open(&pool, 4 * KB);
    int handle = buflib_alloc(&pool.ctx, 100);
    buflib_pin(&pool.ctx, handle);
    buflib_pin(&pool.ctx, handle);
    CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
    CHECK_EQ(buflib_alloc(&pool.ctx, 100), handle);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 0);
    pool_close(&pool);
}

/* ---- pins ---------------------------------------------------------------------------- */

TEST(pins_nest)
{
    pool_open(&pool, 4 * KB);
    int handle = buflib_alloc(&pool.ctx, 100);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 0);
    for (unsigned i = 1; i <= 5; i++) {
        buflib_pin(&pool.ctx, handle);
        CHECK_EQ(buflib_pin_count(&pool.ctx, handle), i);
    }
    for (unsigned i = 5; i-- > 0;) {
        buflib_unpin(&pool.ctx, handle);
        CHECK_EQ(buflib_pin_count(&pool.ctx, handle), i);
    }
    pool_close(&pool);
}

TEST(getting_data_pinned_counts_as_a_pin_until_it_is_put)
{
    pool_open(&pool, 4 * KB);
    int handle = alloc_filled(&pool, 100, NULL);
    char *first = buflib_get_data_pinned(&pool.ctx, handle);
    CHECK(first == data_of(&pool, handle));
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 1);
    char *second = buflib_get_data_pinned(&pool.ctx, handle);
    CHECK(second == first);
    buflib_pin(&pool.ctx, handle);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 3);
    buflib_put_data_pinned(&pool.ctx, first);
    buflib_put_data_pinned(&pool.ctx, second);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 1);
    buflib_unpin(&pool.ctx, handle);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 0);
    CHECK(is_filled(&pool, handle, 100));
    pool_close(&pool);
}

TEST(pins_of_one_block_are_not_those_of_its_neighbours)
{
    pool_open(&pool, 4 * KB);
    int handles[3];
    for (int i = 0; i < 3; i++)
        handles[i] = buflib_alloc(&pool.ctx, 40);
    buflib_pin(&pool.ctx, handles[1]);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handles[0]), 0);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handles[1]), 1);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handles[2]), 0);
    pool_close(&pool);
}

/* ---- what is left -------------------------------------------------------------------- */

TEST(a_fresh_pool_offers_nearly_all_of_itself)
{
    static const size_t sizes[] = { 4 * KB, 50 * KB, 1024 * KB };
    for (size_t i = 0; i < 3; i++) {
        pool_open(&pool, sizes[i]);
        size_t available = buflib_available(&pool.ctx);
        size_t allocatable = buflib_allocatable(&pool.ctx);
        /* the most that bookkeeping may take: 64 words, or a word in 1024 for large pools */
        size_t taken = sizes[i] / KB > 64 * WORD ? sizes[i] / KB : 64 * WORD;
        CHECK_GE(available, sizes[i] - taken - HEADER);
        CHECK_LT(available, sizes[i]);
        CHECK_GE(allocatable, sizes[i] - taken - HEADER);
        CHECK_LE(allocatable, available);
        int handle = buflib_alloc(&pool.ctx, allocatable);
        CHECK_GT(handle, 0);
        memset(data_of(&pool, handle), 0x11, allocatable);
        pool_close(&pool);
    }
}

TEST(available_falls_by_block_and_header_and_comes_back)
{
    pool_open(&pool, 16 * KB);
    size_t fresh = buflib_available(&pool.ctx);
    int first = buflib_alloc(&pool.ctx, 1001);
    size_t one = buflib_available(&pool.ctx);
    CHECK_GE(fresh - one, rounded(1001) + HEADER);
    int second = buflib_alloc(&pool.ctx, 333);
    size_t two = buflib_available(&pool.ctx);
    CHECK_GE(one - two, rounded(333) + HEADER);
    buflib_free(&pool.ctx, second);
    CHECK_EQ(buflib_available(&pool.ctx), one);
    buflib_free(&pool.ctx, first);
    CHECK_EQ(buflib_available(&pool.ctx), fresh);
    pool_close(&pool);
}

TEST(available_adds_up_holes)
{
    pool_open(&pool, 20 * KB);
    strip_fill(&strip, &pool, 1000, NULL);
    size_t full = buflib_available(&pool.ctx);
    CHECK_LT(full, 1000 + HEADER);
    for (int i = 2; i <= 8; i += 2)
        strip_free(&strip, &pool, i);
    CHECK_GE(buflib_available(&pool.ctx), full + 4 * 1000);
    CHECK_LE(buflib_available(&pool.ctx), full + 4 * (1000 + HEADER));
    pool_close(&pool);
}

TEST(allocatable_is_whole_again_when_everything_is_freed)
{
    pool_open(&pool, 20 * KB);
    size_t fresh = buflib_allocatable(&pool.ctx);
    strip_fill(&strip, &pool, 100, NULL);
    for (int i = 0; i < strip.count; i += 2)
        strip_free(&strip, &pool, i);
    for (int i = 1; i < strip.count; i += 2)
        strip_free(&strip, &pool, i);
    size_t now = buflib_allocatable(&pool.ctx);
    CHECK_GE(now + KEPT, fresh);
    CHECK_GE(buflib_available(&pool.ctx) + KEPT, fresh);
    CHECK_EQ(buflib_alloc(&pool.ctx, now), 1);
    pool_close(&pool);
}

TEST(allocatable_counts_what_compaction_would_join)
{
    pool_open(&pool, 20 * KB);
    strip_fill(&strip, &pool, 1000, NULL);
    for (int i = 0; i < strip.count; i += 2)
        strip_free(&strip, &pool, i);
    CHECK_GE(buflib_allocatable(&pool.ctx), (size_t)strip.count / 2 * 1000 - 200);
    strip_check(&strip, &pool);
    pool_close(&pool);
}
