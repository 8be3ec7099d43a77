/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A block that has to move: see victim.h. */
#include "victim.h"

#include <string.h>

#include "check.h"

struct pool pool;
struct strip strip;
struct seen seen;

int on_move(int handle, void *current, void *target)
{
    seen.moves++;
    seen.target = target;
    CHECK(data_of(&pool, handle) == current);
    CHECK(is_filled(&pool, handle, SIZE));
    CHECK(target != current);
    CHECK_EQ(((char *)target - (char *)current) % WORD, 0);
    CHECK((char *)target - HEADER >= pool.memory);
    CHECK((char *)target + SIZE <= pool.memory + pool.size);
    if (seen.during)
        seen.during(handle, current);
    return seen.refuse ? BUFLIB_CB_CANNOT_MOVE : BUFLIB_CB_OK;
}

void on_sync(int handle, bool lock)
{
    CHECK_GT(handle, 0);
    CHECK(seen.locked != lock);
    seen.locked = lock;
    seen.locks += lock;
    seen.unlocks += !lock;
}

int on_move_locked(int handle, void *current, void *target)
{
    CHECK(seen.locked);
    return on_move(handle, current, target);
}

struct buflib_callbacks moving = { .move_callback = on_move };
struct buflib_callbacks synced = {
    .move_callback = on_move_locked,
    .sync_callback = on_sync,
};
struct buflib_callbacks immovable = { .sync_callback = on_sync };

int victim_with(struct buflib_callbacks *ops)
{
    memset(&seen, 0, sizeof(seen));
    pool_open(&pool, 20 * KB);
    strip_fill(&strip, &pool, SIZE, ops);
    int run = strip_run(&strip, &pool, 3, 4);
    strip_pin_all(&strip, &pool);
    pool_plug(&pool);
    strip_free(&strip, &pool, run);
    strip_free(&strip, &pool, run + 2);
    int victim = strip.handle[run + 1];
    buflib_unpin(&pool.ctx, victim);
    return victim;
}

void victim_use_up_handles(void)
{
    for (int i = 0; i < 3; i++)
        CHECK_GT(buflib_alloc(&pool.ctx, 0), 0);
}

void victim_lets(size_t size)
{
    int handle = alloc_filled(&pool, size, NULL);
    strip_check(&strip, &pool);
    CHECK(is_filled(&pool, handle, size));
}

void victim_forbids(size_t size)
{
    CHECK_EQ(buflib_alloc(&pool.ctx, size), -2);
    strip_check(&strip, &pool);
}
