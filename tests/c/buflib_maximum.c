/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buflib_alloc_maximum: everything there is, and the truth about how much that was. */
#include <string.h>

#include "check.h"
#include "pool.h"

static struct pool pool;
static struct strip strip;

TEST(the_maximum_of_a_fresh_pool_is_nearly_all_that_was_allocatable)
{
    pool_open(&pool, 32 * KB);
    size_t allocatable = buflib_allocatable(&pool.ctx);
    size_t size = 0;
    int handle = buflib_alloc_maximum(&pool.ctx, &size, NULL);
    CHECK_EQ(handle, 1);
    CHECK_GE(size + 16 * WORD, allocatable); /* less a few handles for small requests */
    CHECK_LT(size, 32 * KB);
    check_apart(&pool, &handle, &size, 1);
    memset(data_of(&pool, handle), 0x5A, size);
    CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
    CHECK_GE(buflib_allocatable(&pool.ctx) + KEPT, allocatable);
    pool_close(&pool);
}

TEST(the_whole_reported_size_belongs_to_the_block)
{
    pool_open(&pool, 32 * KB);
    int other = alloc_filled(&pool, 5000, NULL);
    size_t size = 0;
    int handle = buflib_alloc_maximum(&pool.ctx, &size, &buflib_ops_locked);
    CHECK_GT(handle, 0);
    fill(&pool, handle, size);
    CHECK(is_filled(&pool, other, 5000));
    CHECK(buflib_shrink(&pool.ctx, handle, NULL, size));
    CHECK(is_filled(&pool, handle, size));
    pool_close(&pool);
}

TEST(nothing_is_left_after_the_maximum_but_nothing_is_locked_either)
{
    pool_open(&pool, 32 * KB);
    size_t size = 0, second_size = 1;
    int handle = buflib_alloc_maximum(&pool.ctx, &size, NULL);
    fill(&pool, handle, size);
    CHECK_LT(buflib_alloc(&pool.ctx, 1000), 0);
    CHECK_LT(buflib_alloc_maximum(&pool.ctx, &second_size, NULL), 0);
    CHECK_EQ(second_size, 0);
    CHECK(buflib_shrink(&pool.ctx, handle, NULL, size - 2000));
    CHECK_GT(alloc_filled(&pool, 1000, NULL), 0);
    CHECK(is_filled(&pool, handle, size - 2000));
    pool_close(&pool);
}

TEST(the_maximum_joins_all_holes)
{
    pool_open(&pool, 32 * KB);
    strip_fill(&strip, &pool, 500, NULL);
    size_t freed = 0;
    for (int i = 0; i < strip.count; i += 2) {
        strip_free(&strip, &pool, i);
        freed += 500 + HEADER;
    }
    size_t size = 0;
    int handle = buflib_alloc_maximum(&pool.ctx, &size, NULL);
    CHECK_GT(handle, 0);
    CHECK_GE(size, freed - 32 * WORD);
    fill(&pool, handle, size);
    strip_check(&strip, &pool);
    pool_close(&pool);
}

TEST(the_maximum_may_be_shrunk_to_what_was_used)
{
    pool_open(&pool, 32 * KB);
    size_t size = 0;
    int handle = buflib_alloc_maximum(&pool.ctx, &size, &buflib_ops_locked);
    fill(&pool, handle, size);
    CHECK(buflib_shrink(&pool.ctx, handle, NULL, 3000));
    int second = buflib_alloc(&pool.ctx, size - 3000 - HEADER - WORD);
    CHECK_GT(second, 0);
    CHECK(is_filled(&pool, handle, 3000));
    pool_close(&pool);
}

TEST(the_maximum_of_a_full_pool_is_an_error)
{
    pool_open(&pool, 16 * KB);
    strip_fill(&strip, &pool, 0, NULL);
    size_t size = 1;
    CHECK_LT(buflib_alloc_maximum(&pool.ctx, &size, NULL), 0);
    strip_check(&strip, &pool);
    pool_close(&pool);
}

/* Frees everything except the block in the middle, which is a wall for good. */
static void wall_in_the_middle(struct buflib_callbacks *ops, bool pin)
{
    pool_open(&pool, 32 * KB);
    strip_fill(&strip, &pool, 500, ops);
    for (int i = 0; i < strip.count; i++)
        if (i != strip.count / 2)
            strip_free(&strip, &pool, i);
        else if (pin)
            buflib_pin(&pool.ctx, strip.handle[i]);
}

static void check_maximum_beside_the_wall(void)
{
    size_t size = 0;
    int handle = buflib_alloc_maximum(&pool.ctx, &size, NULL);
    CHECK_GT(handle, 0);
    CHECK_GE(size, 14 * KB);
    int both[2] = { strip.handle[strip.count / 2], handle };
    size_t sizes[2] = { 500, size };
    check_apart(&pool, both, sizes, 2);
    fill(&pool, handle, size);
    strip_check(&strip, &pool);
    CHECK(buflib_shrink(&pool.ctx, handle, NULL, size));
    pool_close(&pool);
}

/* divergence: upstream adds up both sides of a pinned block, and then fails to allocate that. */
DIVERGENCE_TEST(the_maximum_beside_a_pinned_block_is_the_larger_side)
{
    wall_in_the_middle(NULL, true);
    check_maximum_beside_the_wall();
}

/* divergence: upstream counts the header of the new block into a hole before a wall. */
DIVERGENCE_TEST(the_maximum_beside_a_locked_block_is_the_larger_side)
{
    wall_in_the_middle(&buflib_ops_locked, false);
    check_maximum_beside_the_wall();
}

/* divergence: the size reported is the size given, however the pool is cut up. */
DIVERGENCE_TEST(the_maximum_is_never_overstated)
{
    uint32_t seed = 7;
    for (int round = 0; round < 200; round++) {
        pool_open(&pool, 32 * KB);
        strip_fill(&strip, &pool, 100 + random_between(&seed, 0, 900), NULL);
        for (int i = 0; i < strip.count; i++) {
            size_t fate = random_between(&seed, 0, 9);
            if (fate < 5)
                strip_free(&strip, &pool, i);
            else if (fate < 7)
                buflib_pin(&pool.ctx, strip.handle[i]);
        }
        size_t size = 0;
        int handle = buflib_alloc_maximum(&pool.ctx, &size, NULL);
        if (handle > 0) {
            fill(&pool, handle, size);
            strip_check(&strip, &pool);
            CHECK(buflib_shrink(&pool.ctx, handle, NULL, size));
        } else {
            CHECK_LT(buflib_alloc(&pool.ctx, 100), 0);
        }
        pool_close(&pool);
    }
}
