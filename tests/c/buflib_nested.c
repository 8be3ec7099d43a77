/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool in a block of another pool, moved as a whole by the outer block's move callback.
 *
 *     outer   ... | header | inner pool: | block | block |  free  | table | | ...
 *                            ^ data of the outer block; buflib_context_relocate, then memmove
 */
#include <string.h>

#include "check.h"
#include "pool.h"

enum { OUTER = 50 * KB, INNER = 8 * KB };

static struct pool outer;
static struct buflib_context inner;
static int inner_pool; /* the outer handle */
static int relocations;

static int on_move(int handle, void *current, void *target)
{
    CHECK_EQ(handle, inner_pool);
    CHECK(data_of(&outer, handle) == current);
    CHECK(buflib_context_relocate(&inner, target));
    relocations++;
    return BUFLIB_CB_OK;
}

static struct buflib_callbacks relocating = { .move_callback = on_move };

static char *inner_data(int handle)
{
    return buflib_get_data(&inner, handle);
}

static int inner_alloc(size_t size)
{
    int handle = buflib_alloc(&inner, size);
    CHECK_GT(handle, 0);
    fill_bytes(inner_data(handle), handle, size);
    return handle;
}

static bool inner_is_filled(int handle, size_t size)
{
    char *data = inner_data(handle);
    char *pool = data_of(&outer, inner_pool);
    return data - HEADER >= pool && data + size <= pool + INNER && bytes_are(data, handle, size);
}

/* An inner pool between two blocks, and the rest of the outer pool taken. */
static int before, behind;

static void open_nested(void)
{
    relocations = 0;
    pool_open(&outer, OUTER);
    before = alloc_filled(&outer, 2000, NULL);
    inner_pool = buflib_alloc_ex(&outer.ctx, INNER, &relocating);
    behind = alloc_filled(&outer, 2000, NULL);
    CHECK_GT(inner_pool, 0);
    buflib_init(&inner, data_of(&outer, inner_pool), INNER);
    pool_plug(&outer);
}

/* Frees both neighbours and asks for the space of both: the inner pool has to move. */
static void move_inner_pool(void)
{
    char *was = data_of(&outer, inner_pool);
    before = buflib_free(&outer.ctx, before);
    behind = buflib_free(&outer.ctx, behind);
    CHECK_GT(alloc_filled(&outer, 4000, NULL), 0);
    CHECK_GE(relocations, 1);
    CHECK(data_of(&outer, inner_pool) != was);
}

TEST(blocks_of_the_inner_pool_are_found_after_it_moved)
{
    open_nested();
    for (int i = 1; i <= 10; i++)
        CHECK_EQ(inner_alloc(100 + (size_t)i), i);
    buflib_free(&inner, 4);
    move_inner_pool();
    for (int i = 1; i <= 10; i++)
        CHECK(i == 4 || inner_is_filled(i, 100 + (size_t)i));
    pool_close(&outer);
}

TEST(pins_in_the_inner_pool_move_along)
{
    open_nested();
    int handle = inner_alloc(300);
    buflib_pin(&inner, handle);
    move_inner_pool();
    CHECK_EQ(buflib_pin_count(&inner, handle), 1);
    buflib_put_data_pinned(&inner, inner_data(handle));
    CHECK_EQ(buflib_pin_count(&inner, handle), 0);
    pool_close(&outer);
}

TEST(the_inner_pool_allocates_and_frees_after_it_moved)
{
    open_nested();
    int first = inner_alloc(500);
    int second = inner_alloc(600);
    int third = inner_alloc(700);
    size_t available = buflib_available(&inner);
    move_inner_pool();
    CHECK_EQ(buflib_available(&inner), available);
    CHECK_EQ(buflib_free(&inner, second), 0);
    CHECK_EQ(inner_alloc(550), second);
    CHECK_EQ(inner_alloc(1000), 4);
    CHECK(inner_is_filled(first, 500));
    CHECK(inner_is_filled(second, 550));
    CHECK(inner_is_filled(third, 700));
    CHECK(inner_is_filled(4, 1000));
    pool_close(&outer);
}

/* divergence: upstream's blocks keep the address of their old table entry, and panic. */
DIVERGENCE_TEST(the_inner_pool_shrinks_blocks_after_it_moved)
{
    open_nested();
    int first = inner_alloc(500);
    int second = inner_alloc(600);
    move_inner_pool();
    CHECK(buflib_shrink(&inner, first, NULL, 400));
    char *data = inner_data(second);
    CHECK(buflib_shrink(&inner, second, data + 96, 300));
    CHECK(inner_data(second) == data + 96);
    CHECK(inner_is_filled(first, 400));
    pool_close(&outer);
}

/* divergence: the same when they are moved. */
DIVERGENCE_TEST(the_inner_pool_can_be_compacted_after_it_moved)
{
    enum { BLOCKS = 20 };
    open_nested();
    for (int i = 1; i <= BLOCKS; i++)
        CHECK_EQ(inner_alloc(300), i);
    move_inner_pool();
    for (int i = 1; i <= BLOCKS; i += 2)
        buflib_free(&inner, i);
    int handle = inner_alloc(2500);
    CHECK(inner_is_filled(handle, 2500));
    for (int i = 2; i <= BLOCKS; i += 2)
        CHECK(inner_is_filled(i, 300));
    pool_close(&outer);
}

static int refuse_inner(int handle, unsigned hints, void *start, size_t size)
{
    CHECK_EQ(handle, 1);
    CHECK(buflib_get_data(&inner, handle) == start);
    CHECK_GE(size, 100);
    (void)hints;
    return BUFLIB_CB_CANNOT_SHRINK;
}

/* divergence: the same on the way to a shrink callback. */
DIVERGENCE_TEST(the_inner_pool_can_ask_its_blocks_after_it_moved)
{
    static struct buflib_callbacks refusing = { .shrink_callback = refuse_inner };
    open_nested();
    CHECK_EQ(buflib_alloc_ex(&inner, 100, &refusing), 1);
    move_inner_pool();
    CHECK_EQ(buflib_alloc(&inner, INNER), -2);
    pool_close(&outer);
}

/* ---- relocate itself ----------------------------------------------------------------- */

TEST(relocate_to_an_unaligned_place_is_refused_and_changes_nothing)
{
    static struct pool pool;
    pool_open(&pool, 4 * KB);
    int handle = alloc_filled(&pool, 100, NULL);
    struct buflib_context context = pool.ctx;
    for (int odd = 1; odd < WORD; odd++)
        CHECK(!buflib_context_relocate(&pool.ctx, pool.memory + odd));
    CHECK(memcmp(&context, &pool.ctx, sizeof(context)) == 0);
    CHECK(is_filled(&pool, handle, 100));
    pool_close(&pool);
}

TEST(relocate_in_place_is_allowed)
{
    static struct pool pool;
    pool_open(&pool, 4 * KB);
    int handle = alloc_filled(&pool, 100, NULL);
    CHECK(buflib_context_relocate(&pool.ctx, pool.memory));
    CHECK(is_filled(&pool, handle, 100));
    CHECK_EQ(buflib_alloc(&pool.ctx, 100), 2);
    pool_close(&pool);
}

TEST(an_empty_pool_can_be_relocated)
{
    static struct pool pool, target;
    pool_open(&pool, 4 * KB);
    pool_open(&target, 4 * KB);
    CHECK(buflib_context_relocate(&pool.ctx, target.memory));
    memcpy(target.memory, pool.memory, 4 * KB);
    int handle = buflib_alloc(&pool.ctx, 1000);
    CHECK_EQ(handle, 1);
    char *data = buflib_get_data(&pool.ctx, handle);
    CHECK(data >= target.memory && data + 1000 <= target.memory + target.size);
    memset(data, 1, 1000);
    pool_close(&pool);
    pool_close(&target);
}
