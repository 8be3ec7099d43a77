/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The edges: huge sizes, tiny and crooked pools, walls, and promises about what is left. */
#include <string.h>

#include "check.h"
#include "pool.h"

static struct pool pool;
static struct strip strip;

/* ---- sizes near the largest ---------------------------------------------------------- */

static void refuses_size(size_t size)
{
    size_t available = buflib_available(&pool.ctx);
    CHECK_EQ(buflib_alloc(&pool.ctx, size), -2);
    CHECK_EQ(buflib_alloc_ex(&pool.ctx, size, &buflib_ops_locked), -2);
    CHECK_EQ(buflib_available(&pool.ctx), available);
}

TEST(huge_sizes_are_refused)
{
    pool_open(&pool, 16 * KB);
    int handle = alloc_filled(&pool, 1000, NULL);
    refuses_size(SIZE_MAX - 64);
    refuses_size(SIZE_MAX - WORD + 1);
    refuses_size(SIZE_MAX / 2);
    refuses_size(SIZE_MAX / 2 + 1);
    for (int bit = 15; bit < 8 * WORD; bit++) {
        refuses_size((size_t)1 << bit);
        refuses_size(((size_t)1 << bit) + 1);
        refuses_size(((size_t)1 << bit) - 1);
    }
    CHECK(is_filled(&pool, handle, 1000));
    CHECK_EQ(buflib_alloc(&pool.ctx, 1000), 2);
    pool_close(&pool);
}

/* divergence: in upstream the rounding up wraps around, and a block of no size is the answer. */
DIVERGENCE_TEST(the_very_largest_sizes_are_refused)
{
    pool_open(&pool, 16 * KB);
    alloc_filled(&pool, 1000, NULL);
    for (size_t below = 0; below < 2 * WORD; below++)
        refuses_size(SIZE_MAX - below);
    pool_close(&pool);
}

TEST(sizes_just_around_what_is_left_are_served_or_refused)
{
    pool_open(&pool, 16 * KB);
    size_t allocatable = buflib_allocatable(&pool.ctx);
    for (size_t size = allocatable - 40; size <= 16 * KB + 40; size++) {
        int handle = buflib_alloc(&pool.ctx, size);
        if (size <= allocatable)
            CHECK_EQ(handle, 1);
        if (size > 16 * KB - HEADER - WORD)
            CHECK_EQ(handle, -2);
        if (handle > 0) {
            check_apart(&pool, &handle, &size, 1);
            memset(data_of(&pool, handle), 0x77, size);
            CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
        }
    }
    CHECK_EQ(buflib_allocatable(&pool.ctx), allocatable);
    pool_close(&pool);
}

/* ---- tiny and crooked pools ---------------------------------------------------------- */

TEST(pools_of_a_few_words_serve_or_refuse)
{
    for (size_t words = 1; words <= 160; words++) {
        pool_open(&pool, words * WORD);
        static int handles[64];
        static size_t sizes[64];
        int count = 0;
        for (int round = 0; round < 40; round++) {
            size_t size = (size_t)(round * 5 % 23);
            int handle = buflib_alloc(&pool.ctx, size);
            if (handle > 0) {
                fill(&pool, handle, size);
                handles[count] = handle;
                sizes[count++] = size;
            } else {
                CHECK(handle == -1 || handle == -2);
            }
            CHECK_LE(buflib_available(&pool.ctx), words * WORD);
            CHECK_LE(buflib_allocatable(&pool.ctx), words * WORD);
        }
        check_apart(&pool, handles, sizes, count);
        if (words > 128)
            CHECK_GT(count, 0);
        for (int i = 0; i < count; i++) {
            CHECK(is_filled(&pool, handles[i], sizes[i]));
            CHECK_EQ(buflib_free(&pool.ctx, handles[i]), 0);
        }
        size_t size = 0;
        int all = buflib_alloc_maximum(&pool.ctx, &size, NULL);
        if (all > 0)
            fill(&pool, all, size);
        pool_close(&pool);
    }
}

TEST(a_pool_may_start_and_end_anywhere)
{
    for (size_t start = 0; start < 2 * WORD; start++) {
        for (size_t length = 0; length < WORD; length++) {
            pool_open_at(&pool, 4 * KB + length, start);
            strip_fill(&strip, &pool, 90, NULL);
            CHECK_GT(strip.count, 20);
            for (int i = 0; i < strip.count; i++) {
                char *data = data_of(&pool, strip.handle[i]);
                CHECK_EQ((uintptr_t)data % WORD, 0);
                CHECK(data - HEADER >= pool.memory);
                CHECK(data + 90 <= pool.memory + pool.size);
            }
            strip_check(&strip, &pool);
            pool_close(&pool);
        }
    }
}

TEST(a_pool_without_a_single_word_panics)
{
    static char memory[64] __attribute__((aligned(16)));
    struct buflib_context ctx;
    CHECK_PANIC(buflib_init(&ctx, memory, 0));
    CHECK_PANIC(buflib_init(&ctx, memory, WORD - 1));
    CHECK_PANIC(buflib_init(&ctx, memory + 1, WORD));
    CHECK_PANIC(buflib_init(&ctx, memory + 1, WORD - 2));
}

/* divergence: without a single word left upstream reads a block that is not there. */
DIVERGENCE_TEST(an_empty_pool_without_room_for_a_handle_refuses)
{
    pool_open(&pool, 4 * KB);
    size_t out = 0;
    buflib_buffer_out(&pool.ctx, &out); /* everything: not one word stays */
    int error = buflib_alloc(&pool.ctx, 0);
    CHECK(error == -1 || error == -2);
    error = buflib_alloc(&pool.ctx, 100);
    CHECK(error == -1 || error == -2);
    buflib_buffer_in(&pool.ctx, (int)out);
    CHECK_GT(buflib_alloc(&pool.ctx, 100), 0);
    pool_close(&pool);
}

/* ---- walls --------------------------------------------------------------------------- */

/* divergence: upstream's handle table cannot grow past a wall at the top of the pool. */
DIVERGENCE_TEST(a_wall_at_the_top_does_not_stop_small_requests)
{
    pool_open(&pool, 1024 * KB);
    strip_fill(&strip, &pool, 1000, NULL);
    buflib_pin(&pool.ctx, strip.handle[strip.count - 1]);
    size_t freed = 0;
    for (int i = strip.count / 5; i < strip.count - 1; i++) {
        strip_free(&strip, &pool, i);
        freed += 1000 + HEADER;
    }
    size_t used = 0;
    while (buflib_alloc(&pool.ctx, 16) > 0)
        used += 16 + HEADER + WORD; /* data, header, handle */
    CHECK_GE(used, freed / 100 * 95);
    strip_check(&strip, &pool);
    pool_close(&pool);
}

static int refuse_move(int handle, void *current, void *target)
{
    (void)handle, (void)current, (void)target;
    return BUFLIB_CB_CANNOT_MOVE;
}

/* divergence: the same with callbacks that refuse in place of the pin. */
DIVERGENCE_TEST(a_refusing_block_at_the_top_does_not_stop_small_requests)
{
    static struct buflib_callbacks refusing = { .move_callback = refuse_move };
    pool_open(&pool, 256 * KB);
    strip_fill(&strip, &pool, 1000, &refusing);
    size_t freed = 0;
    for (int i = strip.count / 5; i < strip.count - 1; i++) {
        strip_free(&strip, &pool, i);
        freed += 1000 + HEADER;
    }
    size_t used = 0;
    while (buflib_alloc(&pool.ctx, 16) > 0)
        used += 16 + HEADER + WORD;
    CHECK_GE(used, freed / 100 * 95);
    strip_check(&strip, &pool);
    pool_close(&pool);
}

/* ---- what is promised ---------------------------------------------------------------- */

/*
 * divergence: upstream's answer ignores pins, joins what a pin keeps apart, and counts a new
 * block's header as room for data.
 */
DIVERGENCE_TEST(what_is_called_allocatable_can_be_allocated)
{
    enum { SLOTS = 80 };
    static int handles[SLOTS];
    static size_t sizes[SLOTS];
    static struct buflib_callbacks refusing = { .move_callback = refuse_move };
    struct buflib_callbacks *kinds[] = { NULL, NULL, NULL, &buflib_ops_locked, &refusing };
    uint32_t seed = 11;
    int served = 0;
    pool_open(&pool, 32 * KB);
    for (int step = 0; step < 20000; step++) {
        size_t slot = random_between(&seed, 0, SLOTS - 1);
        if (handles[slot] <= 0) {
            sizes[slot] = random_between(&seed, 0, 1200);
            handles[slot] = buflib_alloc_ex(&pool.ctx, sizes[slot],
                                            kinds[random_between(&seed, 0, 4)]);
            if (handles[slot] > 0)
                fill(&pool, handles[slot], sizes[slot]);
        } else if (random_between(&seed, 0, 3) == 0 &&
                   buflib_pin_count(&pool.ctx, handles[slot]) == 0) {
            buflib_pin(&pool.ctx, handles[slot]);
        } else {
            CHECK(is_filled(&pool, handles[slot], sizes[slot]));
            handles[slot] = buflib_free(&pool.ctx, handles[slot]);
        }
        if (step % 10 != 0)
            continue;
        size_t size = buflib_allocatable(&pool.ctx);
        CHECK_LE(size, buflib_available(&pool.ctx));
        if (size > 0) {
            int handle = alloc_filled(&pool, size, NULL);
            CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
            served++;
        }
    }
    CHECK_GT(served, 1000);
    pool_close(&pool);
}

static size_t moved;
static size_t block_size[4096];

static int count_moved(int handle, void *current, void *target)
{
    (void)current, (void)target;
    moved += block_size[handle];
    return BUFLIB_CB_OK;
}

/* divergence: upstream slides the whole pool together, a megabyte. */
DIVERGENCE_TEST(a_request_moves_no_more_than_it_needs)
{
    static struct buflib_callbacks counting = { .move_callback = count_moved };
    static int handles[1050];
    uint32_t seed = 3;
    pool_open(&pool, 2048 * KB);
    for (int i = 0; i < 1050; i++) {
        size_t size = random_between(&seed, 16, 3800);
        handles[i] = alloc_filled(&pool, size, &counting);
        block_size[handles[i]] = size + HEADER;
    }
    size_t rest = buflib_allocatable(&pool.ctx);
    if (rest > 0)
        CHECK_GT(buflib_alloc_ex(&pool.ctx, rest, &counting), 0);
    for (int i = 0; i < 1050; i += 2)
        buflib_free(&pool.ctx, handles[i]);
    moved = 0;
    CHECK_GT(buflib_alloc(&pool.ctx, 64 * KB), 0);
    CHECK_LE(moved, 128 * KB);
    for (int i = 1; i < 1050; i += 2)
        CHECK(is_filled(&pool, handles[i], block_size[handles[i]] - HEADER));
    pool_close(&pool);
}
