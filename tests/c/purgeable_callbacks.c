/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Free and clean callbacks that do what they should not: whatever they do, the pool stays whole, every request comes
 * back, and a block that somebody holds is not taken.
 */
#define BUFLIB_DEBUG_CHECK_VALID

#include <string.h>

#include <rockmem/purgeable.h>

#include "check.h"
#include "pool.h"

enum { BLOCK = 1000, MOST = 64, ASKED = 4096 };

static struct pool pool;
static int handles[MOST]; /* 0: gone */
static int count, calls, depth;

/* What the callback does beside its answer. */
static enum { NOTHING, FREE_OTHERS, FREE_ALL, ALLOCATE, ANYTHING, SHRINK, PIN, DIRTY, REFUSE, DESTROY } mischief;

static unsigned dice(unsigned below)
{
    static unsigned state = 1;
    state = state * 1103515245 + 12345;
    return (state >> 16) % below;
}

static int *slot_of(int handle)
{
    for (int i = 0; i < count; i++)
        if (handles[i] == handle)
            return &handles[i];
    return NULL;
}

static void drop(int *slot)
{
    if (slot && *slot > 0) {
        int handle = *slot;
        *slot = 0;
        buflib_free(&pool.ctx, handle);
    }
}

static int on_free(int handle, void *start, size_t size);

static int on_move(int handle, void *current, void *new)
{
    (void)handle, (void)current, (void)new;
    return BUFLIB_CB_OK;
}

static const struct buflib_purge_callbacks ops = { .base.move_callback = on_move, .free_callback = on_free };

static void make(int *slot)
{
    int handle = buflib_alloc_purgeable(&pool.ctx, BLOCK, 0, BUFLIB_DISPOSABLE, 0, &ops);
    if (handle > 0) {
        *slot = handle;
        fill(&pool, handle, BLOCK);
    }
}

/* As another thread would while the callback yields to it; `mine` is left alone. */
static void anything(int mine)
{
    for (int i = 0; i < 3; i++) {
        int *slot = &handles[dice(count)];
        if (*slot == mine)
            continue;
        switch (dice(5)) {
        case 0: drop(slot); break;
        case 1: if (*slot > 0) buflib_touch(&pool.ctx, *slot); break;
        case 2: if (*slot > 0) buflib_set_priority(&pool.ctx, *slot, BUFLIB_SOON, dice(9)); break;
        case 3: if (*slot == 0 && depth < 3) make(slot); break;
        default: buflib_free(&pool.ctx, buflib_alloc(&pool.ctx, dice(3 * BLOCK))); break;
        }
    }
}

static int on_free(int handle, void *start, size_t size)
{
    CHECK_LT(++calls, ASKED);
    CHECK(data_of(&pool, handle) == start);
    int *slot = slot_of(handle);
    CHECK(slot != NULL);
    depth++;
    switch (mischief) {
    case FREE_OTHERS:
        /* The ones that were made before and after it stand beside it. */
        if (slot > handles)
            drop(slot - 1);
        if (slot + 1 < handles + count)
            drop(slot + 1);
        break;
    case FREE_ALL:
        for (int i = 0; i < count; i++)
            drop(&handles[i]);
        depth--;
        return BUFLIB_CB_OK; /* its own block is free already */
    case ALLOCATE:
        if (depth < 4)
            buflib_alloc(&pool.ctx, 300 + dice(500));
        break;
    case ANYTHING:
        anything(handle);
        break;
    case SHRINK:
        CHECK(buflib_shrink(&pool.ctx, handle, (char *)start + 64, size / 2));
        break;
    case PIN:
        buflib_pin(&pool.ctx, handle);
        break;
    case DIRTY:
        buflib_set_dirty(&pool.ctx, handle, true);
        break;
    case DESTROY:
        buflib_init(&pool.ctx, pool.memory, pool.size);
        buflib_alloc(&pool.ctx, BLOCK);
        break;
    default:
        break;
    }
    depth--;
    if (mischief == REFUSE)
        return BUFLIB_CB_CANNOT_FREE;
    if (mischief != PIN && mischief != DIRTY && mischief != SHRINK && *slot == handle)
        *slot = 0;
    return BUFLIB_CB_OK;
}

/* A pool full of these blocks. */
static void open_with(int what)
{
    /* Headers, records and the index are counted in words. */
    pool_open(&pool, 36 * (BLOCK + 10 * sizeof(void *)) + 260 * sizeof(void *));
    mischief = what;
    calls = depth = 0;
    memset(handles, 0, sizeof(handles));
    for (count = 0; count < 36; count++) {
        make(&handles[count]);
        CHECK_GT(handles[count], 0);
    }
}

static void check_whole(void)
{
    buflib_check_valid(&pool.ctx);
    for (int i = 0; i < count; i++)
        if (handles[i] > 0)
            CHECK(is_filled(&pool, handles[i], BLOCK));
}

/* Every kind of request, of every size; whether any was served. */
static bool ask_for_memory(void)
{
    static const size_t sizes[] = { 1200, 2500, 6000, 15000, 30000, 60000 };
    bool served = false;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        int handle = buflib_alloc(&pool.ctx, sizes[i]);
        check_whole();
        served |= handle > 0;
        if (handle > 0)
            buflib_free(&pool.ctx, handle);
        handle = buflib_alloc_purgeable(&pool.ctx, sizes[i], 64, BUFLIB_NOW, 0, NULL);
        check_whole();
        served |= handle > 0;
        if (handle > 0)
            buflib_free(&pool.ctx, handle);
        for (int at = 0; at < count; at++)
            if (handles[at] == 0)
                make(&handles[at]);
        check_whole();
    }
    size_t size;
    int handle = buflib_alloc_maximum(&pool.ctx, &size, NULL);
    check_whole();
    if (handle > 0)
        buflib_free(&pool.ctx, handle);
    return served;
}

TEST(a_free_callback_may_free_the_blocks_beside_its_own)
{
    open_with(FREE_OTHERS);
    CHECK(ask_for_memory());
    CHECK_GT(calls, 0);
    pool_close(&pool);
}

TEST(a_free_callback_may_free_every_block_its_own_too)
{
    open_with(FREE_ALL);
    CHECK_GT(buflib_alloc(&pool.ctx, 30000), 0);
    CHECK_EQ(calls, 1);
    check_whole();
    pool_close(&pool);
}

TEST(a_free_callback_may_allocate_which_asks_others)
{
    open_with(ALLOCATE);
    ask_for_memory();
    CHECK_GT(calls, 0);
    pool_close(&pool);
}

TEST(others_may_do_anything_while_a_free_callback_yields)
{
    int all = 0;
    for (int round = 0; round < 40; round++) {
        open_with(ANYTHING);
        CHECK(ask_for_memory());
        all += calls;
        pool_close(&pool);
    }
    CHECK_GT(all, 400);
}

TEST(a_free_callback_that_cuts_its_block_keeps_what_is_left_of_it_or_loses_it_whole)
{
    open_with(SHRINK);
    CHECK_EQ(buflib_alloc(&pool.ctx, 60000), -2);
    buflib_alloc(&pool.ctx, 2500);
    buflib_check_valid(&pool.ctx);
    CHECK_GT(calls, 0);
    pool_close(&pool);
}

TEST(a_block_that_was_pinned_while_its_owner_agreed_is_not_taken)
{
    open_with(PIN);
    CHECK_EQ(buflib_alloc(&pool.ctx, 20000), -2);
    CHECK_GT(calls, 0);
    check_whole();
    for (int i = 0; i < count; i++)
        CHECK_GT(handles[i], 0);
    pool_close(&pool);
}

TEST(a_block_that_was_written_to_while_its_owner_agreed_is_not_lost)
{
    open_with(DIRTY);
    CHECK_EQ(buflib_alloc(&pool.ctx, 20000), -2);
    CHECK_GT(calls, 0);
    check_whole();
    pool_close(&pool);
}

TEST(owners_that_refuse_for_ever_are_asked_once_a_request_and_every_request_ends)
{
    open_with(REFUSE);
    CHECK_EQ(buflib_alloc(&pool.ctx, 6000), -2);
    CHECK_LE(calls, count);
    CHECK(!ask_for_memory());
    check_whole();
    for (int i = 0; i < count; i++)
        CHECK_GT(handles[i], 0);
    pool_close(&pool);
}

TEST(a_free_callback_that_initialises_its_pool_ends_in_panicf)
{
    open_with(DESTROY);
    CHECK_PANIC(buflib_alloc(&pool.ctx, 6000));
    CHECK_PANIC(buflib_alloc_purgeable(&pool.ctx, 6000, 0, BUFLIB_CACHED, 0, NULL));
    size_t size;
    CHECK_PANIC(buflib_alloc_maximum(&pool.ctx, &size, NULL));
    pool_close(&pool);
}
