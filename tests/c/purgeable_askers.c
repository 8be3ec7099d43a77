/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a thread of a hosted program may say about itself, and what the pool does for it then.
 */
#include <pthread.h>

#include <rockmem/purgeable.h>

#include "check.h"
#include "pool.h"

static struct pool pool;

static int moves, shrinks;
static bool gives; /* the owner gives its block up when it is asked */

static int on_move(int handle, void *current, void *new)
{
    (void)handle, (void)current, (void)new;
    moves++;
    return BUFLIB_CB_OK;
}

static int on_shrink(int handle, unsigned hints, void *start, size_t size)
{
    (void)hints, (void)start, (void)size;
    if (!gives)
        return BUFLIB_CB_CANNOT_SHRINK;
    shrinks++;
    buflib_free(&pool.ctx, handle);
    return BUFLIB_CB_OK;
}

static struct buflib_callbacks movable = { .move_callback = on_move };
static struct buflib_callbacks giving = { .shrink_callback = on_shrink };

TEST(a_thread_is_anyone_until_it_says_otherwise_and_bad_numbers_change_nothing)
{
    CHECK_EQ(buflib_set_asker(-1), -1);
    CHECK_EQ(buflib_set_asker(3), -1);
    CHECK_EQ(buflib_set_asker(BUFLIB_ASKER_FILE), BUFLIB_ASKER_ANYONE);
    CHECK_EQ(buflib_set_asker(77), -1);
    CHECK_EQ(buflib_set_asker(BUFLIB_ASKER_PLAYBACK), BUFLIB_ASKER_FILE);
    CHECK_EQ(buflib_set_asker(BUFLIB_ASKER_ANYONE), BUFLIB_ASKER_PLAYBACK);
}

static void *what_another_thread_is(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)buflib_set_asker(BUFLIB_ASKER_PLAYBACK);
}

TEST(what_a_thread_says_is_no_other_threads)
{
    pthread_t thread;
    void *was;
    buflib_set_asker(BUFLIB_ASKER_FILE);
    CHECK_EQ(pthread_create(&thread, NULL, what_another_thread_is, NULL), 0);
    CHECK_EQ(pthread_join(thread, &was), 0);
    CHECK_EQ((intptr_t)was, BUFLIB_ASKER_ANYONE);
    CHECK_EQ(buflib_set_asker(BUFLIB_ASKER_ANYONE), BUFLIB_ASKER_FILE);
}

TEST(each_asker_gets_what_may_be_done_for_it)
{
    int handles[16];
    pool_open(&pool, 32 * KB);
    alloc_filled(&pool, 8 * KB, &giving);
    for (int i = 0; i < 16; i++)
        handles[i] = alloc_filled(&pool, 1000, &movable);
    pool_plug(&pool);
    for (int i = 0; i < 16; i += 2)
        buflib_free(&pool.ctx, handles[i]);
    char *before[16];
    for (int i = 1; i < 16; i += 2)
        before[i] = data_of(&pool, handles[i]);
    moves = 0;
    gives = true;

    buflib_set_asker(BUFLIB_ASKER_FILE);
    CHECK_EQ(buflib_alloc(&pool.ctx, 3 * KB), -2);
    CHECK_EQ(moves + shrinks, 0);
    for (int i = 1; i < 16; i += 2)
        CHECK(data_of(&pool, handles[i]) == before[i]);

    buflib_set_asker(BUFLIB_ASKER_PLAYBACK);
    CHECK_GT(buflib_alloc(&pool.ctx, 3 * KB), 0);
    CHECK_GT(moves, 0);
    CHECK_EQ(buflib_alloc(&pool.ctx, 7 * KB), -2);
    CHECK_EQ(shrinks, 0);

    buflib_set_asker(BUFLIB_ASKER_ANYONE);
    CHECK_GT(buflib_alloc(&pool.ctx, 7 * KB), 0);
    CHECK_EQ(shrinks, 1);
    for (int i = 1; i < 16; i += 2)
        CHECK(is_filled(&pool, handles[i], 1000));
    pool_close(&pool);
}
