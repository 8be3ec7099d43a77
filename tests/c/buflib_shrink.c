/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buflib_shrink: what stays, what is given back, what is refused. */
#include <string.h>

#include "check.h"
#include "pool.h"

static struct pool pool;
static struct strip strip;

enum { SIZE = 4000, CUT = 1000 };

/* One filled block with a neighbour on each side, so that no remainder joins the tail. */
static int block_in_the_middle(void)
{
    pool_open(&pool, 16 * KB);
    alloc_filled(&pool, 100, NULL);
    int handle = alloc_filled(&pool, SIZE, NULL);
    alloc_filled(&pool, 100, NULL);
    return handle;
}

static void neighbours_are_whole(void)
{
    CHECK(is_filled(&pool, 1, 100));
    CHECK(is_filled(&pool, 3, 100));
    pool_close(&pool);
}

/* ---- what stays ---------------------------------------------------------------------- */

TEST(shrinking_the_back_keeps_start_and_data)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    CHECK(buflib_shrink(&pool.ctx, handle, start, SIZE - CUT));
    CHECK(data_of(&pool, handle) == start);
    CHECK(is_filled(&pool, handle, SIZE - CUT));
    neighbours_are_whole();
}

TEST(a_null_start_means_the_present_one)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    CHECK(buflib_shrink(&pool.ctx, handle, NULL, SIZE - CUT));
    CHECK(data_of(&pool, handle) == start);
    CHECK(is_filled(&pool, handle, SIZE - CUT));
    neighbours_are_whole();
}

TEST(shrinking_the_front_moves_the_start_and_no_data)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    static char expected[SIZE];
    memcpy(expected, start, SIZE);
    CHECK(buflib_shrink(&pool.ctx, handle, start + CUT, SIZE - CUT));
    CHECK(data_of(&pool, handle) == start + CUT);
    CHECK(memcmp(start + CUT, expected + CUT, SIZE - CUT) == 0);
    neighbours_are_whole();
}

TEST(shrinking_both_ends_keeps_the_middle)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    static char expected[SIZE];
    memcpy(expected, start, SIZE);
    CHECK(buflib_shrink(&pool.ctx, handle, start + CUT, SIZE - 2 * CUT));
    CHECK(data_of(&pool, handle) == start + CUT);
    CHECK(memcmp(start + CUT, expected + CUT, SIZE - 2 * CUT) == 0);
    neighbours_are_whole();
}

TEST(an_unaligned_start_is_kept_to_the_byte)
{
    for (int odd = 1; odd < WORD; odd++) {
        int handle = block_in_the_middle();
        char *start = data_of(&pool, handle);
        static char expected[SIZE];
        memcpy(expected, start, SIZE);
        size_t cut = CUT + (size_t)odd;
        CHECK(buflib_shrink(&pool.ctx, handle, start + cut, SIZE - cut));
        CHECK(data_of(&pool, handle) == start + cut);
        CHECK(memcmp(start + cut, expected + cut, SIZE - cut) == 0);

        /* its pin word is found below the aligned start */
        char *pinned = buflib_get_data_pinned(&pool.ctx, handle);
        CHECK(pinned == start + cut);
        CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 1);
        buflib_put_data_pinned(&pool.ctx, pinned);
        CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 0);

        CHECK(buflib_shrink(&pool.ctx, handle, start + cut + 9, 100));
        CHECK(data_of(&pool, handle) == start + cut + 9);
        CHECK(memcmp(start + cut + 9, expected + cut + 9, 100) == 0);
        CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
        neighbours_are_whole();
    }
}

TEST(an_unaligned_size_keeps_its_bytes)
{
    int handle = block_in_the_middle();
    for (size_t size = SIZE; size > SIZE - 20; size--) {
        CHECK(buflib_shrink(&pool.ctx, handle, NULL, size));
        CHECK(is_filled(&pool, handle, size));
    }
    neighbours_are_whole();
}

TEST(the_pin_count_goes_along_with_the_front)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    buflib_pin(&pool.ctx, handle);
    buflib_pin(&pool.ctx, handle);
    CHECK(buflib_shrink(&pool.ctx, handle, start + CUT, SIZE - CUT));
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 2);
    buflib_put_data_pinned(&pool.ctx, data_of(&pool, handle));
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 1);
    neighbours_are_whole();
}

TEST(a_pointer_got_before_shrinking_the_back_may_be_put_after)
{
    int handle = block_in_the_middle();
    char *data = buflib_get_data_pinned(&pool.ctx, handle);
    CHECK(buflib_shrink(&pool.ctx, handle, data, CUT));
    buflib_put_data_pinned(&pool.ctx, data);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 0);
    neighbours_are_whole();
}

TEST(shrinking_to_the_same_extent_changes_nothing)
{
    int handle = block_in_the_middle();
    size_t available = buflib_available(&pool.ctx);
    char *start = data_of(&pool, handle);
    CHECK(buflib_shrink(&pool.ctx, handle, start, SIZE));
    CHECK(buflib_shrink(&pool.ctx, handle, NULL, SIZE));
    CHECK(data_of(&pool, handle) == start);
    CHECK(is_filled(&pool, handle, SIZE));
    CHECK_EQ(buflib_available(&pool.ctx), available);
    neighbours_are_whole();
}

TEST(the_last_bytes_up_to_a_whole_word_belong_to_the_block)
{
    pool_open(&pool, 4 * KB);
    int handle = buflib_alloc(&pool.ctx, 13);
    CHECK(buflib_shrink(&pool.ctx, handle, NULL, rounded(13)));
    pool_close(&pool);
}

/* ---- down to nothing ----------------------------------------------------------------- */

TEST(a_block_may_shrink_to_nothing_at_its_start)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    CHECK(buflib_shrink(&pool.ctx, handle, NULL, 0));
    CHECK(data_of(&pool, handle) == start);
    CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
    neighbours_are_whole();
}

TEST(a_block_may_shrink_to_nothing_at_its_end)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    CHECK(buflib_shrink(&pool.ctx, handle, start + SIZE, 0));
    CHECK(data_of(&pool, handle) == start + SIZE);
    CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
    neighbours_are_whole();
}

/* divergence: upstream checks the old start against the new length and panics. */
DIVERGENCE_TEST(an_unaligned_block_may_shrink_to_nothing_at_its_end)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    CHECK(buflib_shrink(&pool.ctx, handle, start + 3, SIZE - 3));
    CHECK(buflib_shrink(&pool.ctx, handle, start + SIZE, 0));
    CHECK(data_of(&pool, handle) == start + SIZE);
    CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
    neighbours_are_whole();
}

TEST(shrinking_word_by_word_gives_everything_back)
{
    pool_open(&pool, 16 * KB);
    size_t fresh = buflib_available(&pool.ctx);
    int first = alloc_filled(&pool, 100, NULL);
    int handle = alloc_filled(&pool, 800, NULL);
    int last = alloc_filled(&pool, 100, NULL);
    char *start = data_of(&pool, handle);
    static char expected[800];
    memcpy(expected, start, sizeof(expected));
    size_t low = 0, high = 800;
    while (low < high) { /* a word from the front, a word from the back */
        low += WORD;
        CHECK(buflib_shrink(&pool.ctx, handle, start + low, high - low));
        high -= WORD;
        CHECK(buflib_shrink(&pool.ctx, handle, NULL, high - low));
        CHECK(data_of(&pool, handle) == start + low);
        CHECK(memcmp(start + low, expected + low, high - low) == 0);
        CHECK(is_filled(&pool, first, 100));
        CHECK(is_filled(&pool, last, 100));
    }
    buflib_free(&pool.ctx, last);
    buflib_free(&pool.ctx, handle);
    buflib_free(&pool.ctx, first);
    CHECK_EQ(buflib_available(&pool.ctx), fresh);
    CHECK_EQ(buflib_alloc(&pool.ctx, fresh), 1);
    pool_close(&pool);
}

/* ---- what is given back -------------------------------------------------------------- */

/* A full strip, all pinned: nothing can move, so only space given back can serve. */
static int pinned_strip(void)
{
    pool_open(&pool, 20 * KB);
    strip_fill(&strip, &pool, 1000, NULL);
    int run = strip_run(&strip, &pool, 3, 4);
    strip_pin_all(&strip, &pool);
    pool_plug(&pool);
    CHECK_LT(buflib_alloc(&pool.ctx, 512 - HEADER), 0);
    return run;
}

static void serves(size_t size)
{
    int handle = alloc_filled(&pool, size, NULL);
    for (int i = 0; i < strip.count; i++)
        CHECK(strip.handle[i] != handle);
}

TEST(space_from_the_back_can_be_allocated)
{
    int handle = strip.handle[pinned_strip() + 1];
    CHECK(buflib_shrink(&pool.ctx, handle, NULL, 1000 - 512));
    serves(512 - HEADER);
    CHECK(is_filled(&pool, handle, 1000 - 512));
    pool_close(&pool);
}

TEST(space_from_the_front_can_be_allocated)
{
    int run = pinned_strip();
    int handle = strip.handle[run + 1];
    char *start = data_of(&pool, handle);
    fill_bytes(start + 512, 99, 1000 - 512);
    CHECK(buflib_shrink(&pool.ctx, handle, start + 512, 1000 - 512));
    serves(512 - HEADER);
    CHECK(bytes_are(data_of(&pool, handle), 99, 1000 - 512));
    CHECK(is_filled(&pool, strip.handle[run], 1000));
    pool_close(&pool);
}

TEST(space_from_the_back_joins_a_hole_behind)
{
    int run = pinned_strip();
    strip_free(&strip, &pool, run + 1);
    CHECK(buflib_shrink(&pool.ctx, strip.handle[run], NULL, 1000 - 512));
    serves(1000 + 512);
    CHECK(is_filled(&pool, strip.handle[run], 1000 - 512));
    CHECK(is_filled(&pool, strip.handle[run + 2], 1000));
    pool_close(&pool);
}

TEST(space_from_the_front_joins_a_hole_before)
{
    int run = pinned_strip();
    strip_free(&strip, &pool, run);
    char *start = data_of(&pool, strip.handle[run + 1]);
    fill_bytes(start + 512, 98, 1000 - 512);
    CHECK(buflib_shrink(&pool.ctx, strip.handle[run + 1], start + 512, 1000 - 512));
    serves(1000 + 512);
    CHECK(bytes_are(start + 512, 98, 1000 - 512));
    CHECK(is_filled(&pool, strip.handle[run + 2], 1000));
    pool_close(&pool);
}

TEST(shrinking_the_last_block_gives_to_the_tail)
{
    pool_open(&pool, 16 * KB);
    size_t size = buflib_allocatable(&pool.ctx);
    int handle = alloc_filled(&pool, size, NULL);
    CHECK_EQ(buflib_alloc(&pool.ctx, size / 2), -2);
    CHECK(buflib_shrink(&pool.ctx, handle, NULL, size / 4));
    int second = alloc_filled(&pool, size / 2, NULL);
    CHECK(is_filled(&pool, handle, size / 4));
    CHECK(is_filled(&pool, second, size / 2));
    pool_close(&pool);
}

TEST(available_grows_by_what_was_cut)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    size_t before = buflib_available(&pool.ctx);
    CHECK(buflib_shrink(&pool.ctx, handle, start, SIZE - CUT));
    CHECK_EQ(buflib_available(&pool.ctx), before + CUT);
    CHECK(buflib_shrink(&pool.ctx, handle, start + CUT, SIZE - 2 * CUT));
    CHECK_EQ(buflib_available(&pool.ctx), before + 2 * CUT);
    neighbours_are_whole();
}

/* divergence: upstream believes the pool still compact after a shrink, and answers -2. */
DIVERGENCE_TEST(space_cut_from_two_blocks_can_be_joined)
{
    pool_open(&pool, 20 * KB);
    strip_fill(&strip, &pool, 1000, NULL);
    for (int i = 0; i < strip.count; i++)
        CHECK(buflib_shrink(&pool.ctx, strip.handle[i], NULL, 500));
    int handle = buflib_alloc(&pool.ctx, 3000);
    CHECK_GT(handle, 0);
    fill(&pool, handle, 3000);
    for (int i = 0; i < strip.count; i++)
        CHECK(is_filled(&pool, strip.handle[i], 500));
    pool_close(&pool);
}

/* ---- what is refused ----------------------------------------------------------------- */

static void refuses(int handle, char *start, size_t size)
{
    char *before = data_of(&pool, handle);
    size_t available = buflib_available(&pool.ctx);
    CHECK(!buflib_shrink(&pool.ctx, handle, start, size));
    CHECK(data_of(&pool, handle) == before);
    CHECK_EQ(buflib_available(&pool.ctx), available);
    CHECK(is_filled(&pool, handle, SIZE));
}

TEST(growing_is_refused)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    refuses(handle, start, SIZE + 1);
    refuses(handle, NULL, SIZE + WORD);
    refuses(handle, NULL, 2 * SIZE);
    refuses(handle, start + CUT, SIZE - CUT + 1);
    refuses(handle, start + SIZE, 1);
    neighbours_are_whole();
}

TEST(a_start_outside_the_block_is_refused)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    refuses(handle, start - 1, CUT);
    refuses(handle, start - WORD, CUT);
    refuses(handle, start - SIZE, 2 * SIZE);
    refuses(handle, start + SIZE + WORD, 0);
    refuses(handle, pool.memory + pool.size, 0);
    refuses(handle, (char *)1, 0);
    neighbours_are_whole();
}

TEST(a_front_given_away_is_not_given_back)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    CHECK(buflib_shrink(&pool.ctx, handle, start + CUT, SIZE - CUT));
    CHECK(!buflib_shrink(&pool.ctx, handle, start, SIZE));
    CHECK(!buflib_shrink(&pool.ctx, handle, start + CUT - 1, CUT));
    CHECK(data_of(&pool, handle) == start + CUT);
    neighbours_are_whole();
}

TEST(a_size_that_wraps_around_is_refused)
{
    int handle = block_in_the_middle();
    refuses(handle, NULL, SIZE_MAX);
    refuses(handle, NULL, SIZE_MAX - WORD);
    refuses(handle, data_of(&pool, handle) + CUT, SIZE_MAX);
    neighbours_are_whole();
}

/* divergence: upstream rounds the end up past the top of the address space, to zero. */
DIVERGENCE_TEST(an_end_at_the_top_of_the_address_space_is_refused)
{
    int handle = block_in_the_middle();
    char *start = data_of(&pool, handle);
    for (size_t below = 0; below < WORD; below++)
        refuses(handle, start, UINTPTR_MAX - (uintptr_t)start - below);
    refuses(handle, (char *)UINTPTR_MAX, 0);
    neighbours_are_whole();
}
