/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * buflib_buffer_out and _in: memory lent out of the pool's front, below all blocks.
 *
 *     | block | block |        free         |        before
 *     |  out  | block | block |    free     |        after out: everything slid up
 */
#include <string.h>

#include "check.h"
#include "pool.h"

static struct pool pool;

static void two_blocks(void)
{
    pool_open(&pool, 16 * KB);
    alloc_filled(&pool, 700, NULL);
    alloc_filled(&pool, 900, NULL);
}

static void check_blocks(const char *lent, size_t size)
{
    for (int handle = 1; handle <= 2; handle++) {
        CHECK(is_filled(&pool, handle, handle == 1 ? 700 : 900));
        CHECK(data_of(&pool, handle) - HEADER >= lent + size);
    }
}

TEST(what_is_taken_out_lies_at_the_front_of_the_pool)
{
    two_blocks();
    size_t size = 2000;
    char *lent = buflib_buffer_out(&pool.ctx, &size);
    CHECK(lent == pool.memory);
    CHECK_EQ(size, 2000);
    memset(lent, 0x3C, size);
    check_blocks(lent, size);
    buflib_buffer_in(&pool.ctx, (int)size);
    check_blocks(pool.memory, 0);
    pool_close(&pool);
}

TEST(an_odd_size_is_rounded_up_to_words)
{
    two_blocks();
    size_t size = 1001;
    char *lent = buflib_buffer_out(&pool.ctx, &size);
    CHECK_EQ(size, rounded(1001));
    memset(lent, 0x3C, size);
    check_blocks(lent, size);
    pool_close(&pool);
}

TEST(taking_out_again_extends_what_was_taken)
{
    two_blocks();
    char *end = pool.memory;
    for (int i = 1; i <= 10; i++) {
        size_t size = (size_t)i * 80;
        char *lent = buflib_buffer_out(&pool.ctx, &size);
        CHECK(lent == end);
        CHECK_EQ(size, i * 80);
        memset(lent, i, size);
        end = lent + size;
        check_blocks(pool.memory, (size_t)(end - pool.memory));
    }
    buflib_buffer_in(&pool.ctx, (int)(end - pool.memory));
    check_blocks(pool.memory, 0);
    pool_close(&pool);
}

TEST(size_zero_takes_all_that_is_free)
{
    two_blocks();
    size_t allocatable = buflib_allocatable(&pool.ctx);
    size_t size = 0;
    char *lent = buflib_buffer_out(&pool.ctx, &size);
    CHECK(lent == pool.memory);
    CHECK_GE(size, allocatable);
    CHECK_LT(size, 16 * KB - 1600);
    memset(lent, 0x3C, size);
    check_blocks(lent, size);
    CHECK_EQ(buflib_allocatable(&pool.ctx), 0);
    CHECK_LT(buflib_alloc(&pool.ctx, 100), 0);
    buflib_buffer_in(&pool.ctx, (int)size);
    check_blocks(pool.memory, 0);
    size_t now = buflib_allocatable(&pool.ctx);
    CHECK_GE(now + KEPT, allocatable);
    CHECK_GT(buflib_alloc(&pool.ctx, now), 0);
    check_blocks(pool.memory, 0);
    pool_close(&pool);
}

TEST(asking_for_more_than_is_free_takes_what_there_is)
{
    two_blocks();
    size_t all = 0;
    buflib_buffer_out(&pool.ctx, &all);
    buflib_buffer_in(&pool.ctx, (int)all);
    size_t size = all + WORD;
    buflib_buffer_out(&pool.ctx, &size);
    CHECK_EQ(size, all);
    buflib_buffer_in(&pool.ctx, (int)size);
    size = SIZE_MAX;
    buflib_buffer_out(&pool.ctx, &size);
    CHECK_EQ(size, all);
    buflib_buffer_in(&pool.ctx, (int)size);
    check_blocks(pool.memory, 0);
    pool_close(&pool);
}

TEST(the_pool_works_while_memory_is_out)
{
    two_blocks();
    size_t available = buflib_available(&pool.ctx);
    size_t size = 5000;
    char *lent = buflib_buffer_out(&pool.ctx, &size);
    memset(lent, 0x3C, size);
    CHECK_LE(buflib_available(&pool.ctx), available - size);
    int handle = alloc_filled(&pool, 3000, NULL);
    CHECK_EQ(handle, 3);
    CHECK_EQ(buflib_alloc(&pool.ctx, available - size), -2);
    CHECK_EQ(buflib_free(&pool.ctx, 1), 0);
    CHECK(buflib_shrink(&pool.ctx, 2, NULL, 500));
    CHECK_EQ(alloc_filled(&pool, 400, NULL), 1);
    for (size_t i = 0; i < size; i++)
        CHECK_EQ(lent[i], 0x3C);
    CHECK(is_filled(&pool, 1, 400));
    CHECK(is_filled(&pool, 2, 500));
    CHECK(is_filled(&pool, 3, 3000));
    buflib_buffer_in(&pool.ctx, (int)size);
    CHECK(is_filled(&pool, 1, 400));
    CHECK(is_filled(&pool, 2, 500));
    CHECK(is_filled(&pool, 3, 3000));
    pool_close(&pool);
}

static int moves;

static int on_move(int handle, void *current, void *target)
{
    (void)handle, (void)current, (void)target;
    moves++;
    return BUFLIB_CB_OK;
}

TEST(sliding_runs_no_move_callbacks)
{
    static struct buflib_callbacks counting = { .move_callback = on_move };
    pool_open(&pool, 16 * KB);
    int handle = alloc_filled(&pool, 1000, &counting);
    char *before = data_of(&pool, handle);
    size_t size = 2000;
    buflib_buffer_out(&pool.ctx, &size);
    CHECK(data_of(&pool, handle) == before + size);
    CHECK(is_filled(&pool, handle, 1000));
    buflib_buffer_in(&pool.ctx, (int)size);
    CHECK(is_filled(&pool, handle, 1000));
    CHECK_EQ(moves, 0);
    pool_close(&pool);
}

TEST(pins_and_callbacks_slide_along)
{
    static struct buflib_callbacks counting = { .move_callback = on_move };
    pool_open(&pool, 16 * KB);
    int handle = alloc_filled(&pool, 1000, &counting);
    int other = alloc_filled(&pool, 3000, NULL);
    size_t size = 2000;
    buflib_buffer_out(&pool.ctx, &size);
    buflib_pin(&pool.ctx, handle);
    buflib_buffer_in(&pool.ctx, (int)size);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 1);
    buflib_unpin(&pool.ctx, handle);
    CHECK(is_filled(&pool, handle, 1000));
    CHECK(is_filled(&pool, other, 3000));
    pool_close(&pool);
}

TEST(an_empty_pool_can_lend_all_of_itself)
{
    pool_open(&pool, 16 * KB);
    size_t allocatable = buflib_allocatable(&pool.ctx);
    size_t size = 0;
    char *lent = buflib_buffer_out(&pool.ctx, &size);
    CHECK(lent == pool.memory);
    CHECK_GE(size, allocatable);
    CHECK_LE(size, 16 * KB);
    memset(lent, 0x3C, size);
    buflib_buffer_in(&pool.ctx, (int)size);
    size_t now = buflib_allocatable(&pool.ctx);
    CHECK_GE(now + KEPT, allocatable);
    CHECK_EQ(buflib_alloc(&pool.ctx, now), 1);
    pool_close(&pool);
}

/* pictureflow draws its splash screen in the memory of a pool that it has set up already. */
TEST(the_memory_of_a_pool_is_its_owners_until_the_first_allocation)
{
    static char memory[20 * KB];
    struct buflib_context ctx;
    buflib_init(&ctx, memory, sizeof memory);
    memset(memory, 0xFF, sizeof memory);
    int handle = buflib_alloc(&ctx, 10 * KB);
    CHECK_GT(handle, 0);
    memset(buflib_get_data(&ctx, handle), 0x55, 10 * KB);
    CHECK_GT(buflib_alloc(&ctx, 1 * KB), 0);
    CHECK_EQ(buflib_free(&ctx, handle), 0);
}
