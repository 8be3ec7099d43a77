/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shrink callbacks: when a request does not fit, those who can give memory up are asked.
 *
 * The usual victim is a block that took all there was, as the audio buffer does.
 */
#include <string.h>

#include "check.h"
#include "pool.h"

static struct pool pool;

enum { ASKED = 1000, MAX_CALLS = 64 };

static struct {
    int calls;
    int handle[MAX_CALLS];
    unsigned hints[MAX_CALLS];
    char *start[MAX_CALLS];
    size_t size[MAX_CALLS];
    int (*answer)(int handle, unsigned hints, char *start, size_t size);
} asked;

static int on_shrink(int handle, unsigned hints, void *start, size_t size)
{
    CHECK_LT(asked.calls, MAX_CALLS);
    CHECK(data_of(&pool, handle) == start);
    asked.handle[asked.calls] = handle;
    asked.hints[asked.calls] = hints;
    asked.start[asked.calls] = start;
    asked.size[asked.calls] = size;
    asked.calls++;
    return asked.answer(handle, hints, start, size);
}

static struct buflib_callbacks giving = { .shrink_callback = on_shrink };

static int refuse(int handle, unsigned hints, char *start, size_t size)
{
    (void)handle, (void)hints, (void)start, (void)size;
    return BUFLIB_CB_CANNOT_SHRINK;
}

/* Gives exactly what is asked, at the asked end. */
static int give_asked(int handle, unsigned hints, char *start, size_t size)
{
    size_t wanted = hints & BUFLIB_SHRINK_SIZE_MASK;
    if (wanted > size)
        return BUFLIB_CB_CANNOT_SHRINK;
    if (hints & BUFLIB_SHRINK_POS_FRONT)
        start += wanted;
    CHECK(buflib_shrink(&pool.ctx, handle, start, size - wanted));
    return BUFLIB_CB_OK;
}

static int give_all(int handle, unsigned hints, char *start, size_t size)
{
    (void)hints, (void)start, (void)size;
    CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
    return BUFLIB_CB_OK;
}

/* A block that takes the whole pool, and its size. */
static int take_all(size_t *size, struct buflib_callbacks *ops)
{
    pool_open(&pool, 32 * KB);
    memset(&asked, 0, sizeof(asked));
    asked.answer = refuse;
    int handle = buflib_alloc_maximum(&pool.ctx, size, ops);
    CHECK_GT(handle, 0);
    CHECK_EQ(asked.calls, 0);
    fill(&pool, handle, *size);
    return handle;
}

/* ---- what is asked ------------------------------------------------------------------- */

TEST(the_callback_is_told_end_size_and_extent)
{
    size_t size;
    int handle = take_all(&size, &giving);
    CHECK_EQ(buflib_alloc(&pool.ctx, ASKED), -2);
    CHECK_EQ(asked.calls, 1);
    CHECK_EQ(asked.handle[0], handle);
    CHECK(asked.start[0] == data_of(&pool, handle));
    CHECK_EQ(asked.size[0], rounded(size));
    CHECK_EQ(asked.hints[0] & BUFLIB_SHRINK_POS_MASK, BUFLIB_SHRINK_POS_FRONT);
    CHECK_EQ(asked.hints[0] & BUFLIB_SHRINK_SIZE_MASK, rounded(ASKED) + HEADER);
    CHECK(is_filled(&pool, handle, size));
    pool_close(&pool);
}

TEST(the_size_counts_from_an_unaligned_start_to_the_end)
{
    size_t size;
    int handle = take_all(&size, &giving);
    char *end = data_of(&pool, handle) + rounded(size);
    CHECK(buflib_shrink(&pool.ctx, handle, data_of(&pool, handle) + 803, size - 803));
    CHECK_LT(buflib_alloc(&pool.ctx, 4 * KB), 0);
    CHECK_EQ(asked.calls, 1);
    CHECK_EQ(asked.size[0], end - data_of(&pool, handle));
    pool_close(&pool);
}

TEST(a_hole_before_the_block_is_taken_off_what_is_asked)
{
    pool_open(&pool, 32 * KB);
    memset(&asked, 0, sizeof(asked));
    asked.answer = give_asked;
    size_t size;
    int hole = buflib_alloc(&pool.ctx, 400);
    int handle = buflib_alloc_maximum(&pool.ctx, &size, &giving);
    CHECK_GT(handle, 0);
    CHECK(data_of(&pool, hole) < data_of(&pool, handle));
    fill(&pool, handle, size);
    buflib_free(&pool.ctx, hole);
    CHECK_GT(alloc_filled(&pool, ASKED, NULL), 0);
    CHECK_EQ(asked.calls, 1);
    CHECK_EQ(asked.hints[0] & BUFLIB_SHRINK_POS_MASK, BUFLIB_SHRINK_POS_FRONT);
    CHECK_EQ(asked.hints[0] & BUFLIB_SHRINK_SIZE_MASK,
             rounded(ASKED) + HEADER - (400 + HEADER));
    pool_close(&pool);
}

TEST(nobody_is_asked_while_compaction_is_enough)
{
    static struct strip strip;
    pool_open(&pool, 32 * KB);
    memset(&asked, 0, sizeof(asked));
    asked.answer = refuse;
    int handle = alloc_filled(&pool, 4 * KB, &giving);
    strip_fill(&strip, &pool, 500, NULL); /* until even asking did not help */
    CHECK_EQ(asked.calls, 1);
    asked.calls = 0;
    asked.answer = give_all;
    for (int i = 0; i < strip.count; i += 2)
        strip_free(&strip, &pool, i);
    CHECK_GT(buflib_alloc(&pool.ctx, 8 * KB), 0);
    CHECK_EQ(asked.calls, 0);
    CHECK(is_filled(&pool, handle, 4 * KB));
    strip_check(&strip, &pool);
    pool_close(&pool);
}

/* Three refusing blocks that together fill the pool, in address order. */
static void three_blocks(int *handles, size_t *sizes)
{
    pool_open(&pool, 32 * KB);
    memset(&asked, 0, sizeof(asked));
    asked.answer = refuse;
    for (int i = 0; i < 2; i++) {
        sizes[i] = 8 * KB;
        handles[i] = alloc_filled(&pool, sizes[i], &giving);
    }
    handles[2] = buflib_alloc_maximum(&pool.ctx, &sizes[2], &giving);
    CHECK_GT(handles[2], 0);
    fill(&pool, handles[2], sizes[2]);
    for (int i = 0; i < 2; i++) {
        for (int j = i + 1; j < 3; j++) {
            if (data_of(&pool, handles[i]) > data_of(&pool, handles[j])) {
                int handle = handles[i];
                size_t size = sizes[i];
                handles[i] = handles[j], sizes[i] = sizes[j];
                handles[j] = handle, sizes[j] = size;
            }
        }
    }
    asked.calls = 0;
}

TEST(all_are_asked_in_the_order_of_their_addresses)
{
    int handles[3];
    size_t sizes[3];
    three_blocks(handles, sizes);
    CHECK_EQ(buflib_alloc(&pool.ctx, ASKED), -2);
    CHECK_EQ(asked.calls, 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(asked.handle[i], handles[i]);
        CHECK_EQ(asked.size[i], sizes[i]);
        CHECK(is_filled(&pool, handles[i], sizes[i]));
    }
    pool_close(&pool);
}

TEST(pinned_blocks_are_asked_as_well)
{
    size_t size;
    int handle = take_all(&size, &giving);
    asked.answer = give_asked;
    char *before = buflib_get_data_pinned(&pool.ctx, handle);
    fill_bytes(before + rounded(ASKED) + HEADER, 77, size - rounded(ASKED) - HEADER);
    CHECK_GT(buflib_alloc(&pool.ctx, ASKED), 0);
    CHECK_EQ(asked.calls, 1);
    char *after = data_of(&pool, handle);
    CHECK(after == before + rounded(ASKED) + HEADER);
    CHECK(bytes_are(after, 77, size - rounded(ASKED) - HEADER));
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 1);
    pool_close(&pool);
}

TEST(only_requests_ask)
{
    size_t size;
    int handle = take_all(&size, &giving);
    asked.answer = give_all;
    buflib_pin(&pool.ctx, handle);
    buflib_unpin(&pool.ctx, handle);
    buflib_put_data_pinned(&pool.ctx, buflib_get_data_pinned(&pool.ctx, handle));
    buflib_available(&pool.ctx);
    buflib_allocatable(&pool.ctx);
    CHECK(buflib_shrink(&pool.ctx, handle, NULL, size - 100));
    CHECK(!buflib_shrink(&pool.ctx, handle, NULL, size + 100));
    CHECK(buflib_context_relocate(&pool.ctx, pool.memory));
    size_t out = 0;
    buflib_buffer_out(&pool.ctx, &out);
    buflib_buffer_in(&pool.ctx, (int)out);
    CHECK(is_filled(&pool, handle, size - 100));
    CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
    CHECK_EQ(asked.calls, 0);
    pool_close(&pool);
}

/* ---- what is given ------------------------------------------------------------------- */

TEST(a_block_that_gives_from_its_front_serves_the_request)
{
    size_t size;
    int handle = take_all(&size, &giving);
    asked.answer = give_asked;
    size_t wanted = rounded(ASKED) + HEADER;
    char *before = data_of(&pool, handle);
    fill_bytes(before + wanted, 78, size - wanted);
    int second = alloc_filled(&pool, ASKED, NULL);
    CHECK(data_of(&pool, handle) == before + wanted);
    CHECK(bytes_are(before + wanted, 78, size - wanted));
    CHECK(is_filled(&pool, second, ASKED));
    pool_close(&pool);
}

static int give_from_the_back(int handle, unsigned hints, char *start, size_t size)
{
    size_t wanted = hints & BUFLIB_SHRINK_SIZE_MASK;
    CHECK(buflib_shrink(&pool.ctx, handle, start, size - wanted));
    return BUFLIB_CB_OK;
}

TEST(a_block_may_give_from_its_back_all_the_same)
{
    size_t size;
    int handle = take_all(&size, &giving);
    asked.answer = give_from_the_back;
    int second = alloc_filled(&pool, ASKED, NULL);
    CHECK(is_filled(&pool, handle, size - rounded(ASKED) - HEADER));
    CHECK(is_filled(&pool, second, ASKED));
    pool_close(&pool);
}

static int give_half(int handle, unsigned hints, char *start, size_t size)
{
    (void)hints;
    CHECK(buflib_shrink(&pool.ctx, handle, start, size / 2));
    return BUFLIB_CB_OK;
}

TEST(a_block_may_give_more_than_asked)
{
    size_t size;
    int handle = take_all(&size, &giving);
    asked.answer = give_half;
    CHECK_GT(alloc_filled(&pool, ASKED, NULL), 0);
    CHECK_EQ(asked.calls, 1);
    CHECK(is_filled(&pool, handle, size / 2));
    CHECK_GT(alloc_filled(&pool, size / 4, NULL), 0);
    CHECK_EQ(asked.calls, 1);
    pool_close(&pool);
}

TEST(a_block_may_free_itself)
{
    size_t size;
    take_all(&size, &giving);
    asked.answer = give_all;
    CHECK_GT(alloc_filled(&pool, ASKED, NULL), 0);
    CHECK_EQ(asked.calls, 1);
    CHECK_GE(buflib_allocatable(&pool.ctx), size - ASKED - 2 * HEADER);
    pool_close(&pool);
}

TEST(a_request_for_more_than_is_given_fails_and_harms_nothing)
{
    size_t size;
    int handle = take_all(&size, &giving);
    CHECK_EQ(buflib_alloc(&pool.ctx, 64 * KB), -2);
    CHECK_LE(asked.calls, 1); /* what can never fit need not trouble anyone */
    CHECK_EQ(buflib_alloc(&pool.ctx, 16 * KB), -2);
    CHECK_LE(asked.calls, 2);
    CHECK(is_filled(&pool, handle, size));
    pool_close(&pool);
}

static int give_when_both_ends_are_named(int handle, unsigned hints, char *start, size_t size)
{
    if ((hints & BUFLIB_SHRINK_POS_MASK) != BUFLIB_SHRINK_POS_MASK)
        return BUFLIB_CB_CANNOT_SHRINK;
    return give_all(handle, hints, start, size);
}

TEST(a_request_for_the_maximum_names_both_ends)
{
    size_t size, second_size;
    take_all(&size, &giving);
    asked.answer = give_when_both_ends_are_named;
    CHECK_EQ(buflib_alloc(&pool.ctx, ASKED), -2);
    CHECK_EQ(asked.calls, 1);
    CHECK_GT(buflib_alloc_maximum(&pool.ctx, &second_size, NULL), 0);
    CHECK_EQ(asked.calls, 2);
    CHECK_GT(asked.hints[1] & BUFLIB_SHRINK_SIZE_MASK, size);
    CHECK_EQ(second_size, size);
    pool_close(&pool);
}

TEST(small_requests_go_on_beside_a_giant_that_gives)
{
    size_t size;
    take_all(&size, &giving);
    asked.answer = give_asked;
    for (int i = 0; i < 60; i++) {
        CHECK_GT(alloc_filled(&pool, 16, NULL), 0);
        asked.calls = 0;
    }
    pool_close(&pool);
}
