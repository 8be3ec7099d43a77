/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole stories in a pool of 50 KB, as buflib's first host tests told them: move, move refused
 * and retried, never move, the maximum, and shrinking in every way.
 */
#include <string.h>

#include "check.h"
#include "pool.h"

static struct pool pool;
static int moves;
static int refusals; /* how many moves are still to be refused */

static int on_move(int handle, void *current, void *target)
{
    (void)target;
    CHECK(data_of(&pool, handle) == current);
    moves++;
    if (refusals > 0) {
        refusals--;
        return BUFLIB_CB_CANNOT_MOVE;
    }
    return BUFLIB_CB_OK;
}

static struct buflib_callbacks movable = { .move_callback = on_move };

/* Three blocks that nearly fill the pool, in address order; the first and last may be freed. */
static int low, middle, high;

static void three_blocks(struct buflib_callbacks *ops)
{
    moves = 0;
    refusals = 0;
    pool_open(&pool, 50 * KB);
    low = alloc_filled(&pool, 16 * KB, ops);
    middle = alloc_filled(&pool, 10 * KB, ops);
    high = alloc_filled(&pool, 16 * KB, ops);
    pool_plug(&pool);
    if (data_of(&pool, low) > data_of(&pool, high)) {
        int swap = low;
        low = high;
        high = swap;
    }
    CHECK(data_of(&pool, low) < data_of(&pool, middle));
    CHECK(data_of(&pool, middle) < data_of(&pool, high));
}

TEST(a_large_request_moves_the_block_between_two_holes)
{
    three_blocks(&movable);
    buflib_free(&pool.ctx, low);
    buflib_free(&pool.ctx, high);
    int large = alloc_filled(&pool, 30 * KB, NULL);
    CHECK_GE(moves, 1);
    CHECK(is_filled(&pool, middle, 10 * KB));
    CHECK(is_filled(&pool, large, 30 * KB));
    pool_close(&pool);
}

TEST(a_block_that_cannot_move_now_can_move_later)
{
    three_blocks(&movable);
    int small = alloc_filled(&pool, 0, NULL);
    buflib_free(&pool.ctx, low);
    buflib_free(&pool.ctx, high);
    refusals = 1000;
    CHECK_EQ(buflib_alloc(&pool.ctx, 30 * KB), -2);
    CHECK(is_filled(&pool, middle, 10 * KB));
    CHECK_GT(alloc_filled(&pool, 15 * KB, NULL), 0); /* what fits beside it is served */
    refusals = 0;
    buflib_free(&pool.ctx, small);
    CHECK(is_filled(&pool, middle, 10 * KB));
    pool_close(&pool);
}

TEST(retrying_after_a_free_moves_the_block)
{
    three_blocks(&movable);
    buflib_free(&pool.ctx, high);
    refusals = 1000;
    CHECK_EQ(buflib_alloc(&pool.ctx, 30 * KB), -2);
    refusals = 0;
    buflib_free(&pool.ctx, low);
    int large = alloc_filled(&pool, 30 * KB, NULL);
    CHECK(is_filled(&pool, middle, 10 * KB));
    CHECK(is_filled(&pool, large, 30 * KB));
    pool_close(&pool);
}

TEST(a_block_that_can_never_move_keeps_its_place)
{
    three_blocks(&buflib_ops_locked);
    char *place = data_of(&pool, middle);
    buflib_free(&pool.ctx, low);
    buflib_free(&pool.ctx, high);
    CHECK_EQ(buflib_alloc(&pool.ctx, 30 * KB), -2);
    CHECK_GT(alloc_filled(&pool, 16 * KB, NULL), 0);
    CHECK_GT(alloc_filled(&pool, 16 * KB, NULL), 0);
    CHECK(data_of(&pool, middle) == place);
    CHECK(is_filled(&pool, middle, 10 * KB));
    pool_close(&pool);
}

TEST(the_maximum_takes_the_rest_and_gives_it_back)
{
    pool_open(&pool, 50 * KB);
    int first = alloc_filled(&pool, 10 * KB, NULL);
    size_t size = 0;
    int rest = buflib_alloc_maximum(&pool.ctx, &size, &movable);
    CHECK_GT(rest, 0);
    CHECK_GT(size, 38 * KB);
    CHECK_LT(size, 40 * KB);
    fill(&pool, rest, size);
    CHECK_EQ(buflib_alloc(&pool.ctx, 10 * KB), -2);
    CHECK(is_filled(&pool, first, 10 * KB));
    CHECK(buflib_shrink(&pool.ctx, rest, NULL, 20 * KB));
    CHECK_GT(alloc_filled(&pool, 10 * KB, NULL), 0);
    CHECK(is_filled(&pool, rest, 20 * KB));
    pool_close(&pool);
}

/* ---- shrinking ----------------------------------------------------------------------- */

/* The block in the middle cut to [from, to), then everything that is left used again. */
static void shrink_middle(size_t from, size_t to)
{
    static char expected[10 * KB];
    three_blocks(NULL);
    char *start = data_of(&pool, middle);
    memcpy(expected, start, sizeof(expected));
    CHECK(buflib_shrink(&pool.ctx, middle, start + from, to - from));
    CHECK(data_of(&pool, middle) == start + from);
    CHECK(memcmp(start + from, expected + from, to - from) == 0);
    CHECK(is_filled(&pool, low, 16 * KB));
    CHECK(is_filled(&pool, high, 16 * KB));

    size_t cut = 10 * KB - (to - from);
    int second = alloc_filled(&pool, cut / 2 - 2 * HEADER, NULL);
    buflib_free(&pool.ctx, low);
    int third = alloc_filled(&pool, 16 * KB, NULL);
    CHECK(memcmp(data_of(&pool, middle), expected + from, to - from) == 0);
    CHECK(is_filled(&pool, second, cut / 2 - 2 * HEADER));
    CHECK(is_filled(&pool, third, 16 * KB));
    CHECK(is_filled(&pool, high, 16 * KB));
    pool_close(&pool);
}

TEST(shrink_from_the_front)
{
    shrink_middle(4 * KB, 10 * KB);
}

TEST(shrink_from_the_back)
{
    shrink_middle(0, 6 * KB);
}

TEST(shrink_with_both_ends_changed)
{
    shrink_middle(3 * KB, 7 * KB);
}

TEST(shrink_unaligned)
{
    shrink_middle(2 * KB + 1, 8 * KB);
    shrink_middle(3, 6 * KB + 5);
    shrink_middle(4 * KB + 7, 4 * KB + 12);
}

static int asked;

/* Gives half of itself, at the end that is asked for. */
static int on_shrink(int handle, unsigned hints, void *start, size_t size)
{
    char *new_start = start;
    asked++;
    CHECK(data_of(&pool, handle) == start);
    if (hints & BUFLIB_SHRINK_POS_FRONT)
        new_start += rounded(size / 2);
    CHECK(buflib_shrink(&pool.ctx, handle, new_start, size - rounded(size / 2)));
    return BUFLIB_CB_OK;
}

TEST(shrink_inside_the_callback)
{
    static struct buflib_callbacks halving = { .shrink_callback = on_shrink };
    pool_open(&pool, 50 * KB);
    int first = alloc_filled(&pool, 10 * KB, NULL);
    int giver = alloc_filled(&pool, 30 * KB, &halving);
    int last = alloc_filled(&pool, 5 * KB, NULL);
    int handle = alloc_filled(&pool, 12 * KB, NULL);
    CHECK_GE(asked, 1);
    CHECK(is_filled(&pool, first, 10 * KB));
    CHECK(is_filled(&pool, last, 5 * KB));
    CHECK(is_filled(&pool, handle, 12 * KB));
    fill(&pool, giver, (30 * KB - WORD) >> asked);
    CHECK(is_filled(&pool, first, 10 * KB));
    CHECK(is_filled(&pool, last, 5 * KB));
    CHECK(is_filled(&pool, handle, 12 * KB));
    pool_close(&pool);
}
