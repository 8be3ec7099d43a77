/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Purgeable blocks as C sees them: who is asked, what is told, and what a broken caller gets.
 *
 * All happens within three seconds of the library's clock, so every block counts as used just now; the order among such
 * blocks is the same.
 */
#include <string.h>

#include <rockmem/buflib_stats.h>
#include <rockmem/purgeable.h>

#include "check.h"
#include "pool.h"

static struct pool pool;

enum { BLOCK = 2000, MAX_CALLS = 64 };

static struct {
    int calls;
    int handle[MAX_CALLS];
    int refuses;   /* the handle whose owner refuses; -1: all of them */
    bool cleans;   /* a clean callback does its work */
    int shrinks;   /* shrink callbacks called */
    int shrunk[MAX_CALLS];
} asked;

static int on_free(int handle, void *start, size_t size)
{
    CHECK_LT(asked.calls, MAX_CALLS);
    asked.handle[asked.calls++] = handle;
    CHECK(data_of(&pool, handle) == start);
    CHECK_EQ(size, rounded(BLOCK));
    CHECK(is_filled(&pool, handle, BLOCK));
    return asked.refuses == handle || asked.refuses == -1 ? BUFLIB_CB_CANNOT_FREE : BUFLIB_CB_OK;
}

static int on_clean(int handle)
{
    asked.handle[asked.calls++] = -handle;
    if (asked.cleans)
        buflib_set_dirty(&pool.ctx, handle, false);
    /* One that claims to have cleaned and did not is not believed. */
    return BUFLIB_CB_OK;
}

static const struct buflib_purge_callbacks ops = { .free_callback = on_free, .clean_callback = on_clean };

static int on_move(int handle, void *current, void *new)
{
    (void)handle, (void)current, (void)new;
    return BUFLIB_CB_OK;
}

static const struct buflib_purge_callbacks moving = {
    .base.move_callback = on_move, .free_callback = on_free, .clean_callback = on_clean
};

/* Says it gave something, and gave nothing. */
static int on_shrink(int handle, unsigned hints, void *start, size_t size)
{
    (void)hints, (void)start, (void)size;
    asked.shrunk[asked.shrinks++] = handle;
    return BUFLIB_CB_OK;
}

static struct buflib_callbacks liar = { .shrink_callback = on_shrink };

static void open_pool(size_t size)
{
    pool_open(&pool, size);
    memset(&asked, 0, sizeof(asked));
    asked.cleans = true;
}

static int cached(int priority)
{
    int handle = buflib_alloc_purgeable(&pool.ctx, BLOCK, 0, priority, 0, &moving);
    if (handle > 0)
        fill(&pool, handle, BLOCK);
    return handle;
}

/* Fills the pool; the number of blocks. Nothing is purged for it. */
static int fill_with(int priority, int *handles)
{
    int count = 0;
    for (;;) {
        struct buflib_stats stats;
        buflib_get_stats(&pool.ctx, &stats);
        if (stats.free < BLOCK + 2 * KB)
            return count;
        handles[count] = cached(priority);
        CHECK_GT(handles[count], 0);
        count++;
    }
}

/* ---- what goes ----------------------------------------------------------------------- */

TEST(an_owner_is_told_handle_start_and_size_with_the_data_still_there)
{
    int handles[64];
    open_pool(32 * KB);
    fill_with(BUFLIB_CACHED, handles);
    CHECK_GT(alloc_filled(&pool, BLOCK + 2 * KB, NULL), 0);
    CHECK_GE(asked.calls, 1);
    CHECK_EQ(asked.handle[0], handles[0]);
    pool_close(&pool);
}

TEST(a_number_that_is_no_priority_counts_as_cached)
{
    open_pool(32 * KB);
    struct buflib_stats stats;
    CHECK_GT(cached(77), 0);
    CHECK_GT(cached(-1), 0);
    buflib_get_stats(&pool.ctx, &stats);
    CHECK_EQ(stats.purgeable, 2);
    CHECK_GT(stats.probation + stats.main, 2 * BLOCK);
    CHECK_EQ(stats.soon + stats.disposable, 0);
    pool_close(&pool);
}

TEST(refusals_and_purges_are_counted)
{
    int handles[64];
    open_pool(32 * KB);
    int count = fill_with(BUFLIB_DISPOSABLE, handles);
    asked.refuses = -1;
    CHECK_EQ(buflib_alloc(&pool.ctx, 20 * KB), -2);
    struct buflib_stats stats;
    buflib_get_stats(&pool.ctx, &stats);
    CHECK_EQ(stats.purgeable, count);
    CHECK_EQ(stats.declined, asked.calls);
    CHECK_EQ(stats.reclaimed_disposable.blocks, 0);
    for (int i = 0; i < count; i++)
        CHECK(is_filled(&pool, handles[i], BLOCK));

    asked.refuses = 0;
    asked.calls = 0;
    CHECK_GT(buflib_alloc(&pool.ctx, 10 * KB), 0);
    buflib_get_stats(&pool.ctx, &stats);
    CHECK_EQ(stats.reclaimed_disposable.blocks, asked.calls);
    CHECK_GE(stats.reclaimed_disposable.bytes, asked.calls * BLOCK);
    CHECK_EQ(stats.purgeable, count - asked.calls);
    pool_close(&pool);
}

TEST(a_clean_callback_that_lies_loses_nothing)
{
    open_pool(8 * KB);
    int dirty = buflib_alloc_purgeable(&pool.ctx, BLOCK, 0, BUFLIB_CACHED, 0, &ops);
    CHECK_GT(dirty, 0);
    fill(&pool, dirty, BLOCK);
    buflib_set_dirty(&pool.ctx, dirty, true);
    asked.cleans = false;
    CHECK_EQ(buflib_alloc(&pool.ctx, 6 * KB), -2);
    CHECK_EQ(asked.calls, 1);
    CHECK_EQ(asked.handle[0], -dirty);
    CHECK(is_filled(&pool, dirty, BLOCK));

    asked.cleans = true;
    CHECK_GT(buflib_alloc(&pool.ctx, 6 * KB), 0);
    CHECK_EQ(asked.handle[2], dirty);
    pool_close(&pool);
}

TEST(null_callbacks_let_everything_go_but_dirty_blocks)
{
    open_pool(8 * KB);
    CHECK_GT(buflib_alloc_purgeable(&pool.ctx, BLOCK, 0, BUFLIB_CACHED, 0, NULL), 0);
    CHECK_GT(buflib_alloc(&pool.ctx, 6 * KB), 0);
    pool_close(&pool);

    open_pool(8 * KB);
    int dirty = buflib_alloc_purgeable(&pool.ctx, BLOCK, 0, BUFLIB_CACHED, 0, NULL);
    fill(&pool, dirty, BLOCK);
    buflib_set_dirty(&pool.ctx, dirty, true);
    CHECK_EQ(buflib_alloc(&pool.ctx, 6 * KB), -2);
    CHECK(is_filled(&pool, dirty, BLOCK));
    pool_close(&pool);
}

TEST(alignments_are_kept_or_refused)
{
    static const size_t bad[] = { 3, 48, 8192, (size_t)-1 };
    open_pool(64 * KB);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK_EQ(buflib_alloc_purgeable(&pool.ctx, 100, bad[i], BUFLIB_CACHED, 0, &ops), -2);
    for (size_t align = 1; align <= 4096; align *= 2) {
        int handle = buflib_alloc_purgeable(&pool.ctx, 100, align, BUFLIB_CACHED, 0, NULL);
        CHECK_GT(handle, 0);
        CHECK_EQ((uintptr_t)data_of(&pool, handle) % align, 0);
    }
    pool_close(&pool);
}

/* ---- beside shrink callbacks --------------------------------------------------------- */

TEST(no_owner_is_asked_to_shrink_before_all_that_may_go_has_gone_and_none_twice)
{
    int handles[64], lying[3];
    open_pool(48 * KB);
    for (int i = 0; i < 3; i++)
        lying[i] = alloc_filled(&pool, 4 * KB, &liar);
    int count = fill_with(BUFLIB_CACHED, handles);
    CHECK_GT(buflib_alloc(&pool.ctx, 10 * KB), 0);
    CHECK_EQ(asked.shrinks, 0);
    CHECK_LT(asked.calls, count);

    /* More than the pool has: everybody is asked, each once, however often they lie. */
    CHECK_EQ(buflib_alloc(&pool.ctx, 47 * KB), -2);
    CHECK_EQ(asked.shrinks, 3);
    for (int i = 0; i < 3; i++) {
        CHECK(is_filled(&pool, lying[i], 4 * KB));
        for (int j = 0; j < i; j++) {
            CHECK(asked.shrunk[i] != asked.shrunk[j]);
            CHECK(data_of(&pool, asked.shrunk[j]) < data_of(&pool, asked.shrunk[i]));
        }
    }
    /* The next request may ask them again. */
    CHECK_EQ(buflib_alloc(&pool.ctx, 47 * KB), -2);
    CHECK_EQ(asked.shrinks, 6);
    pool_close(&pool);
}

/* ---- broken callers ------------------------------------------------------------------ */

TEST(an_ordinary_block_panics_where_a_purgeable_one_is_meant)
{
    open_pool(16 * KB);
    int handle = alloc_filled(&pool, BLOCK, NULL);
    CHECK_PANIC_NAMES(handle, buflib_touch(&pool.ctx, handle));
    CHECK_PANIC_NAMES(handle, buflib_set_priority(&pool.ctx, handle, BUFLIB_SOON, 1));
    CHECK_PANIC_NAMES(handle, buflib_set_dirty(&pool.ctx, handle, true));
    CHECK_PANIC_NAMES(handle, buflib_io_begin(&pool.ctx, handle));
    CHECK_PANIC_NAMES(handle, buflib_io_end(&pool.ctx, handle));
    pool_close(&pool);
}

TEST(a_handle_that_was_purged_panics)
{
    open_pool(8 * KB);
    int handle = cached(BUFLIB_DISPOSABLE);
    CHECK_GT(buflib_alloc(&pool.ctx, 6 * KB), 0);
    int number = buflib_alloc(&pool.ctx, 0); /* takes the number that became free */
    if (number == handle)
        CHECK_PANIC_NAMES(handle, buflib_touch(&pool.ctx, handle));
    buflib_free(&pool.ctx, number);
    CHECK_PANIC_NAMES(number, buflib_touch(&pool.ctx, number));
    CHECK_PANIC_NAMES(number, buflib_io_begin(&pool.ctx, number));
    CHECK_PANIC_NAMES(number, buflib_move_high(&pool.ctx, number));
    pool_close(&pool);
}

TEST(a_transfer_that_ends_without_having_begun_panics)
{
    open_pool(16 * KB);
    int handle = cached(BUFLIB_CACHED);
    CHECK_PANIC_NAMES(handle, buflib_io_end(&pool.ctx, handle));
    CHECK(buflib_io_begin(&pool.ctx, handle) == data_of(&pool, handle));
    buflib_io_end(&pool.ctx, handle);
    CHECK_PANIC_NAMES(handle, buflib_io_end(&pool.ctx, handle));
    /* A pin is no transfer. */
    buflib_pin(&pool.ctx, handle);
    CHECK_PANIC_NAMES(handle, buflib_io_end(&pool.ctx, handle));
    buflib_unpin(&pool.ctx, handle);
    pool_close(&pool);
}

TEST(the_256th_transfer_at_a_time_panics_and_each_counts)
{
    open_pool(16 * KB);
    int handle = cached(BUFLIB_CACHED);
    for (int i = 0; i < 255; i++)
        buflib_io_begin(&pool.ctx, handle);
    CHECK_PANIC_NAMES(handle, buflib_io_begin(&pool.ctx, handle));
    for (int i = 0; i < 255; i++) {
        CHECK_EQ(buflib_alloc(&pool.ctx, 15 * KB), -2);
        CHECK_EQ(asked.calls, 0);
        buflib_io_end(&pool.ctx, handle);
    }
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 0);
    CHECK_GT(buflib_alloc(&pool.ctx, 14 * KB), 0);
    CHECK_EQ(asked.calls, 1);
    pool_close(&pool);
}

TEST(a_transfer_that_lost_its_pin_panics_untouched)
{
    open_pool(16 * KB);
    int handle = cached(BUFLIB_CACHED);
    buflib_io_begin(&pool.ctx, handle);
    buflib_unpin(&pool.ctx, handle);
    CHECK_PANIC_NAMES(handle, buflib_io_end(&pool.ctx, handle));
    pool_close(&pool);
}

TEST(small_cached_blocks_fill_an_empty_pool_before_any_of_them_goes)
{
    open_pool(256 * KB);
    struct buflib_stats stats;
    for (int i = 0; i < 1000; i++) {
        CHECK_GT(buflib_alloc_purgeable(&pool.ctx, 64, 0, BUFLIB_CACHED, 0, NULL), 0);
        buflib_get_stats(&pool.ctx, &stats);
        CHECK_EQ(stats.purgeable, i + 1);
    }
    pool_close(&pool);
}

TEST(a_purgeable_block_that_did_not_fit_leaves_nothing_behind)
{
    open_pool(KB / 2);
    int handle = buflib_alloc(&pool.ctx, 0);
    buflib_free(&pool.ctx, handle);
    size_t available = buflib_available(&pool.ctx);
    CHECK_EQ(buflib_alloc_purgeable(&pool.ctx, KB, 0, BUFLIB_CACHED, 0, NULL), -2);
    CHECK_EQ(buflib_available(&pool.ctx), available);
    pool_close(&pool);
}

static int refuse_once(int handle, void *current, void *destination)
{
    static int calls;
    (void)handle, (void)current, (void)destination;
    return calls++ == 0 ? BUFLIB_CB_CANNOT_MOVE : BUFLIB_CB_OK;
}

TEST(a_block_that_refused_to_go_high_is_asked_again_by_the_next_request)
{
    static struct buflib_callbacks ops = { refuse_once, NULL, NULL };
    open_pool(4 * KB);
    int below = buflib_alloc(&pool.ctx, 1000);
    int handle = buflib_alloc_ex(&pool.ctx, 1000, &ops);
    CHECK(!buflib_move_high(&pool.ctx, handle));
    buflib_free(&pool.ctx, below);
    CHECK_GT(buflib_alloc(&pool.ctx, 2500), 0);
    pool_close(&pool);
}

TEST(purgeable_blocks_stay_whole_when_the_pools_front_goes_and_comes_back)
{
    open_pool(64 * KB);
    int handle = cached(BUFLIB_CACHED);
    size_t size = 8 * KB;
    buflib_buffer_out(&pool.ctx, &size);
    CHECK_EQ(size, 8 * KB);
    buflib_touch(&pool.ctx, handle);
    CHECK(is_filled(&pool, handle, BLOCK));
    buflib_buffer_in(&pool.ctx, (int)size);
    buflib_touch(&pool.ctx, handle);
    CHECK_GT(buflib_alloc(&pool.ctx, 62 * KB), 0);
    CHECK_EQ(asked.calls, 1);
    pool_close(&pool);
}
