/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BUFLIB_DEBUG_GET_DATA: reading the table of handles is a function, and checks. */
#define BUFLIB_DEBUG_GET_DATA

#include <limits.h>

#include "check.h"
#include "pool.h"

static struct pool pool;

TEST(a_good_handle_is_answered)
{
    pool_open(&pool, 16 * KB);
    int handle = alloc_filled(&pool, 500, NULL);
    char *data = buflib_get_data(&pool.ctx, handle);
    CHECK(data == pool.ctx.handle_table[-handle].alloc);
    CHECK(bytes_are(data, handle, 500));
    char *pinned = buflib_get_data_pinned(&pool.ctx, handle);
    CHECK(pinned == data);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 1);
    buflib_put_data_pinned(&pool.ctx, pinned);
    CHECK_EQ(buflib_pin_count(&pool.ctx, handle), 0);
    pool_close(&pool);
}

TEST(a_handle_that_is_not_positive_panics)
{
    static const int wrong[] = { 0, -1, -2, INT_MIN };
    pool_open(&pool, 16 * KB);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        CHECK_PANIC_NAMES(wrong[i], buflib_get_data(&pool.ctx, wrong[i]));
        CHECK_PANIC_NAMES(wrong[i], buflib_get_data_pinned(&pool.ctx, wrong[i]));
    }
    pool_close(&pool);
}

/* divergence: upstream checks the sign only. */
DIVERGENCE_TEST(a_freed_handle_panics)
{
    pool_open(&pool, 16 * KB);
    alloc_filled(&pool, 500, NULL);
    alloc_filled(&pool, 500, NULL);
    buflib_free(&pool.ctx, 1);
    CHECK_PANIC_NAMES(1, buflib_get_data(&pool.ctx, 1));
    CHECK_PANIC_NAMES(1, buflib_get_data_pinned(&pool.ctx, 1));
    pool_close(&pool);
}

/* divergence: the same. */
DIVERGENCE_TEST(a_handle_never_given_panics)
{
    static const int never[] = { 2, 3, 100, 5000, INT_MAX };
    pool_open(&pool, 16 * KB);
    alloc_filled(&pool, 500, NULL);
    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
        CHECK_PANIC_NAMES(never[i], buflib_get_data(&pool.ctx, never[i]));
    pool_close(&pool);
}
