/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What shrink callbacks may do besides giving: free others, allocate again, lie. Three blocks
 * fill the pool; one, by address in the middle, has the callback under test.
 */
#include <string.h>

#include "check.h"
#include "pool.h"

enum { ASKED = 1000, BLOCK = 8 * KB };

static struct pool pool;
static int calls;
static int depth;
static int asker; /* the index of the block with the callback under test */
static int handles[3]; /* by address */
static size_t sizes[3];
static int (*callback)(void);

static int on_shrink(int handle, unsigned hints, void *start, size_t size)
{
    (void)hints;
    CHECK(data_of(&pool, handle) == start);
    CHECK_GE(size, 0);
    if (handle != handles[asker])
        return BUFLIB_CB_CANNOT_SHRINK;
    calls++;
    return callback();
}

static struct buflib_callbacks giving = { .shrink_callback = on_shrink };

static int refuse(void)
{
    return BUFLIB_CB_CANNOT_SHRINK;
}

static void swap_blocks(int i, int j)
{
    int handle = handles[i];
    size_t size = sizes[i];
    handles[i] = handles[j], sizes[i] = sizes[j];
    handles[j] = handle, sizes[j] = size;
}

static void three_blocks(int (*under_test)(void))
{
    calls = 0;
    depth = 0;
    asker = 1;
    callback = refuse;
    pool_open(&pool, 32 * KB);
    for (int i = 0; i < 2; i++) {
        sizes[i] = BLOCK;
        handles[i] = alloc_filled(&pool, sizes[i], &giving);
    }
    handles[2] = buflib_alloc_maximum(&pool.ctx, &sizes[2], &giving);
    CHECK_GT(handles[2], 0);
    fill(&pool, handles[2], sizes[2]);
    for (int i = 0; i < 2; i++)
        for (int j = i + 1; j < 3; j++)
            if (data_of(&pool, handles[i]) > data_of(&pool, handles[j]))
                swap_blocks(i, j);
    CHECK_LT(buflib_alloc(&pool.ctx, ASKED), 0);
    calls = 0;
    callback = under_test;
}

static void others_are_whole(void)
{
    CHECK(is_filled(&pool, handles[0], sizes[0]));
    CHECK(is_filled(&pool, handles[2], sizes[2]));
}

/* ---- freeing ------------------------------------------------------------------------- */

static int free_the_one_before(void)
{
    CHECK_EQ(buflib_free(&pool.ctx, handles[0]), 0);
    return BUFLIB_CB_OK;
}

TEST(the_callback_may_free_the_block_before)
{
    three_blocks(free_the_one_before);
    CHECK_GT(alloc_filled(&pool, ASKED, NULL), 0);
    CHECK(is_filled(&pool, handles[1], sizes[1]));
    CHECK(is_filled(&pool, handles[2], sizes[2]));
    pool_close(&pool);
}

static int free_the_one_behind(void)
{
    CHECK_EQ(buflib_free(&pool.ctx, handles[2]), 0);
    return BUFLIB_CB_OK;
}

TEST(the_callback_may_free_the_block_behind)
{
    three_blocks(free_the_one_behind);
    CHECK_GT(alloc_filled(&pool, ASKED, NULL), 0);
    CHECK(is_filled(&pool, handles[0], sizes[0]));
    CHECK(is_filled(&pool, handles[1], sizes[1]));
    pool_close(&pool);
}

static int free_itself(void)
{
    CHECK_EQ(buflib_free(&pool.ctx, handles[1]), 0);
    return BUFLIB_CB_OK;
}

TEST(the_callback_may_free_its_own_block_between_others)
{
    three_blocks(free_itself);
    CHECK_GT(alloc_filled(&pool, ASKED, NULL), 0);
    others_are_whole();
    pool_close(&pool);
}

static int free_all_three(void)
{
    for (int i = 0; i < 3; i++)
        CHECK_EQ(buflib_free(&pool.ctx, handles[i]), 0);
    return BUFLIB_CB_OK;
}

TEST(the_callback_may_free_all_there_is)
{
    three_blocks(free_all_three);
    CHECK_GT(alloc_filled(&pool, 2 * BLOCK, NULL), 0);
    CHECK_EQ(calls, 1);
    pool_close(&pool);
}

static int free_but_deny_it(void)
{
    CHECK_EQ(buflib_free(&pool.ctx, handles[1]), 0);
    return BUFLIB_CB_CANNOT_SHRINK;
}

TEST(the_callback_may_free_and_deny_it)
{
    three_blocks(free_but_deny_it);
    int handle = buflib_alloc(&pool.ctx, ASKED);
    CHECK(handle > 0 || handle == -2);
    CHECK_GT(alloc_filled(&pool, ASKED, NULL), 0); /* now at the latest */
    others_are_whole();
    pool_close(&pool);
}

/* ---- allocating ---------------------------------------------------------------------- */

static int nested;

static int shrink_and_allocate(void)
{
    if (depth++ == 0) {
        char *start = data_of(&pool, handles[1]);
        CHECK(buflib_shrink(&pool.ctx, handles[1], start, BLOCK / 2));
        sizes[1] = BLOCK / 2;
        nested = buflib_alloc(&pool.ctx, 500);
        CHECK_GT(nested, 0);
        fill(&pool, nested, 500);
        return BUFLIB_CB_OK;
    }
    return BUFLIB_CB_CANNOT_SHRINK;
}

TEST(the_callback_may_give_and_allocate)
{
    three_blocks(shrink_and_allocate);
    int handle = alloc_filled(&pool, ASKED, NULL);
    CHECK(handle != nested);
    CHECK(is_filled(&pool, nested, 500));
    CHECK(is_filled(&pool, handles[1], sizes[1]));
    others_are_whole();
    pool_close(&pool);
}

static int replace_itself(void)
{
    if (depth++ > 0)
        return BUFLIB_CB_CANNOT_SHRINK;
    CHECK_EQ(buflib_free(&pool.ctx, handles[1]), 0);
    handles[1] = buflib_alloc_ex(&pool.ctx, BLOCK / 2, &giving);
    CHECK_GT(handles[1], 0);
    sizes[1] = BLOCK / 2;
    fill(&pool, handles[1], sizes[1]);
    return BUFLIB_CB_OK;
}

TEST(the_callback_may_replace_its_block_by_a_smaller_one)
{
    three_blocks(replace_itself);
    int handle = alloc_filled(&pool, ASKED, NULL);
    CHECK(handle != handles[1]);
    CHECK(is_filled(&pool, handles[1], sizes[1]));
    others_are_whole();
    pool_close(&pool);
}

static int allocate_too_much(void)
{
    if (depth++ == 0) {
        CHECK_LT(buflib_alloc(&pool.ctx, ASKED), 0); /* it may ask this callback again */
    }
    return BUFLIB_CB_CANNOT_SHRINK;
}

TEST(the_callback_may_make_a_request_that_fails)
{
    three_blocks(allocate_too_much);
    CHECK_EQ(buflib_alloc(&pool.ctx, ASKED), -2);
    CHECK(is_filled(&pool, handles[1], sizes[1]));
    others_are_whole();
    pool_close(&pool);
}

static int replace_the_last(void)
{
    if (depth++ > 0)
        return BUFLIB_CB_CANNOT_SHRINK;
    for (int i = 1; i < 3; i++)
        CHECK_EQ(buflib_free(&pool.ctx, handles[i]), 0);
    handles[2] = buflib_alloc_ex(&pool.ctx, BLOCK / 4, &giving);
    handles[1] = buflib_alloc_ex(&pool.ctx, BLOCK / 4, &giving);
    CHECK_GT(handles[1], 0);
    CHECK_GT(handles[2], 0);
    for (int i = 1; i < 3; i++) {
        sizes[i] = BLOCK / 4;
        fill(&pool, handles[i], sizes[i]);
    }
    return BUFLIB_CB_OK;
}

TEST(the_callback_may_rebuild_what_lies_behind_it)
{
    three_blocks(replace_the_last);
    int handle = alloc_filled(&pool, BLOCK, NULL);
    CHECK(is_filled(&pool, handle, BLOCK));
    CHECK(is_filled(&pool, handles[1], sizes[1]));
    others_are_whole();
    int all[4] = { handles[0], handles[1], handles[2], handle };
    size_t extents[4] = { sizes[0], sizes[1], sizes[2], BLOCK };
    check_apart(&pool, all, extents, 4);
    pool_close(&pool);
}

static int move_into_the_hole(void)
{
    if (depth++ > 0)
        return BUFLIB_CB_CANNOT_SHRINK;
    CHECK_EQ(buflib_free(&pool.ctx, handles[2]), 0);
    sizes[2] = 500;
    handles[2] = buflib_alloc_ex(&pool.ctx, sizes[2], &giving);
    CHECK_GT(handles[2], 0);
    fill(&pool, handles[2], sizes[2]);
    return BUFLIB_CB_OK;
}

/* divergence: upstream takes the end of the new block for the end of all that is allocated. */
DIVERGENCE_TEST(the_last_block_may_replace_itself_further_down)
{
    three_blocks(move_into_the_hole);
    asker = 2;
    sizes[0] -= 600;
    CHECK(buflib_shrink(&pool.ctx, handles[0], NULL, sizes[0]));
    int handle = alloc_filled(&pool, ASKED, NULL);
    int all[4] = { handles[0], handles[1], handles[2], handle };
    size_t extents[4] = { sizes[0], sizes[1], sizes[2], ASKED };
    check_apart(&pool, all, extents, 4);
    CHECK(is_filled(&pool, handles[1], sizes[1]));
    others_are_whole();
    pool_close(&pool);
}

/* ---- how often ----------------------------------------------------------------------- */

static int lie(void)
{
    return BUFLIB_CB_OK;
}

/* divergence: upstream asks for ever. */
DIVERGENCE_TEST(a_callback_that_claims_to_have_given_ends_in_an_error)
{
    three_blocks(lie);
    CHECK_EQ(buflib_alloc(&pool.ctx, ASKED), -2);
    CHECK(is_filled(&pool, handles[1], sizes[1]));
    others_are_whole();
    size_t size = 0;
    int rest = buflib_alloc_maximum(&pool.ctx, &size, NULL); /* a few words at the most */
    CHECK(rest <= 0 || size < ASKED);
    pool_close(&pool);
}

static int give_asked_count(int handle, unsigned hints, void *start, size_t size)
{
    size_t wanted = hints & BUFLIB_SHRINK_SIZE_MASK;
    char *new_start = start;
    calls++;
    if (wanted > size)
        return BUFLIB_CB_CANNOT_SHRINK;
    if (hints & BUFLIB_SHRINK_POS_FRONT)
        new_start += wanted;
    CHECK(buflib_shrink(&pool.ctx, handle, new_start, size - wanted));
    return BUFLIB_CB_OK;
}

/* divergence: in upstream the movable block slides into the gap, and the giver is asked again. */
DIVERGENCE_TEST(one_request_asks_a_giver_once)
{
    static struct buflib_callbacks audio = { .shrink_callback = give_asked_count };
    pool_open(&pool, 32 * KB);
    size_t size;
    int first = alloc_filled(&pool, 200, NULL);
    int giver = buflib_alloc_maximum(&pool.ctx, &size, &audio);
    CHECK_GT(giver, 0);
    int behind = buflib_alloc(&pool.ctx, 0); /* from the reserve for handles, if there is one */
    for (int i = 1; i <= 10; i++) {
        calls = 0;
        CHECK_GT(alloc_filled(&pool, (size_t)i * 100, NULL), 0);
        CHECK_LE(calls, 1);
    }
    CHECK(behind <= 0 || buflib_free(&pool.ctx, behind) == 0);
    CHECK(is_filled(&pool, first, 200));
    pool_close(&pool);
}

static int asked_of[3];

static int give_half_count(int handle, unsigned hints, void *start, size_t size)
{
    (void)hints;
    for (int i = 0; i < 3; i++)
        asked_of[i] += handle == handles[i];
    CHECK(buflib_shrink(&pool.ctx, handle, start, size / 2));
    return BUFLIB_CB_OK;
}

/* divergence: upstream asks everyone, even when the first gave enough. */
DIVERGENCE_TEST(nobody_is_asked_once_the_request_fits)
{
    three_blocks(refuse);
    memset(asked_of, 0, sizeof(asked_of));
    giving.shrink_callback = give_half_count;
    CHECK_GT(buflib_alloc(&pool.ctx, ASKED), 0);
    CHECK_EQ(asked_of[0] + asked_of[1] + asked_of[2], 1);
    pool_close(&pool);
}
