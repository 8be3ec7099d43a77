/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several threads on the same pools, as the host port allows (ROCKMEM_THREADS 1).
 *
 * Callbacks run in whichever thread asks for memory, and may block there: on a lock, say, that
 * is held by a thread which just then calls into the same pool.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "check.h"
#include "victim.h"

/* ---- everyone at once ---------------------------------------------------------------- */

#ifdef __SANITIZE_THREAD__
enum { STEPS = 300 }; /* it sees a race wherever two accesses have no order, and takes its time */
#else
enum { STEPS = 4000 };
#endif
enum { THREADS = 4, SLOTS = 16, MOST = 1500 };

struct slot {
    int handle;
    size_t size;
    int seed;
};

struct worker {
    pthread_t thread;
    uint32_t random;
    struct pool *pools;
    int pool_count;
    int served, refused;
    struct slot slots[3][SLOTS];
};

static atomic_int all_moves;

static int on_any_move(int handle, void *current, void *target)
{
    (void)handle, (void)current, (void)target;
    atomic_fetch_add(&all_moves, 1);
    sched_yield(); /* callbacks may yield: let the others in, half way through a move */
    return BUFLIB_CB_OK;
}

static void on_any_sync(int handle, bool lock)
{
    (void)handle, (void)lock;
    sched_yield();
}

static struct buflib_callbacks yielding = {
    .move_callback = on_any_move,
    .sync_callback = on_any_sync,
};

static void check_slot(struct buflib_context *ctx, struct slot *slot)
{
    char *data = buflib_get_data_pinned(ctx, slot->handle);
    CHECK(bytes_are(data, slot->seed, slot->size));
    sched_yield();
    CHECK(buflib_get_data(ctx, slot->handle) == data); /* pinned: nobody moves it */
    CHECK_GE(buflib_pin_count(ctx, slot->handle), 1);
    CHECK(bytes_are(data, slot->seed, slot->size));
    buflib_put_data_pinned(ctx, data);
}

static void take_slot(struct worker *worker, struct buflib_context *ctx, struct slot *slot)
{
    slot->size = random_between(&worker->random, 0, MOST);
    slot->seed = (int)random_next(&worker->random);
    slot->handle = buflib_alloc_ex(ctx, slot->size, slot->seed % 2 ? &yielding : NULL);
    if (slot->handle <= 0) {
        worker->refused++;
        return;
    }
    worker->served++;
    char *data = buflib_get_data_pinned(ctx, slot->handle);
    fill_bytes(data, slot->seed, slot->size);
    buflib_put_data_pinned(ctx, data);
}

static void cut_slot(struct worker *worker, struct buflib_context *ctx, struct slot *slot)
{
    size_t size = random_between(&worker->random, 0, slot->size);
    char *data = buflib_get_data_pinned(ctx, slot->handle);
    CHECK(buflib_shrink(ctx, slot->handle, data, size));
    slot->size = size;
    buflib_unpin(ctx, slot->handle);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    for (int step = 0; step < STEPS; step++) {
        int which = (int)random_between(&worker->random, 0, (size_t)worker->pool_count - 1);
        struct buflib_context *ctx = &worker->pools[which].ctx;
        struct slot *slot = &worker->slots[which][random_between(&worker->random, 0, SLOTS - 1)];
        if (slot->handle <= 0) {
            take_slot(worker, ctx, slot);
            continue;
        }
        check_slot(ctx, slot);
        if (random_between(&worker->random, 0, 2) == 0)
            cut_slot(worker, ctx, slot);
        else
            slot->handle = buflib_free(ctx, slot->handle);
    }
    return NULL;
}

static void everyone_works(int pool_count, size_t size)
{
    static struct pool pools[3];
    static struct worker workers[THREADS];
    size_t fresh[3];
    for (int i = 0; i < pool_count; i++) {
        pool_open(&pools[i], size);
        fresh[i] = buflib_allocatable(&pools[i].ctx);
    }
    for (int i = 0; i < THREADS; i++) {
        workers[i].random = (uint32_t)i + 1;
        workers[i].pools = pools;
        workers[i].pool_count = pool_count;
        CHECK_EQ(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    int served = 0, refused = 0;
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(workers[i].thread, NULL), 0);
        served += workers[i].served;
        refused += workers[i].refused;
    }
    /* there was enough memory to work with, and too little for peace */
    CHECK_GT(served, STEPS / 2);
    CHECK_GT(refused, 0);
    CHECK_GT(atomic_load(&all_moves), 0);
    for (int i = 0; i < pool_count; i++) {
        for (int worker = 0; worker < THREADS; worker++) {
            for (int j = 0; j < SLOTS; j++) {
                struct slot *slot = &workers[worker].slots[i][j];
                if (slot->handle > 0) {
                    check_slot(&pools[i].ctx, slot);
                    CHECK_EQ(buflib_pin_count(&pools[i].ctx, slot->handle), 0);
                    buflib_free(&pools[i].ctx, slot->handle);
                }
            }
        }
        CHECK_GE(buflib_allocatable(&pools[i].ctx) + KEPT, fresh[i]);
        pool_close(&pools[i]);
    }
}

TEST(threads_share_one_pool)
{
    everyone_works(1, 24 * KB);
}

TEST(threads_share_three_pools)
{
    everyone_works(3, 20 * KB);
}

/* ---- shrink callbacks of other threads' blocks --------------------------------------- */

struct giver {
    pthread_mutex_t lock; /* over handle and size */
    int handle;
    size_t size;
};

static struct giver givers[THREADS];

static int on_give(int handle, unsigned hints, void *start, size_t size)
{
    (void)hints, (void)start, (void)size;
    int answer = BUFLIB_CB_CANNOT_SHRINK;
    for (int i = 0; i < THREADS; i++) {
        struct giver *giver = &givers[i];
        pthread_mutex_lock(&giver->lock);
        if (giver->handle == handle && giver->size >= 64) {
            giver->size /= 2;
            CHECK(buflib_shrink(&pool.ctx, handle, NULL, giver->size));
            answer = BUFLIB_CB_OK;
        }
        pthread_mutex_unlock(&giver->lock);
    }
    return answer;
}

static struct buflib_callbacks shrinking = {
    .move_callback = on_any_move,
    .shrink_callback = on_give,
};

static void *give_and_take(void *argument)
{
    struct giver *giver = argument;
    uint32_t random = (uint32_t)(giver - givers) + 77;
    for (int step = 0; step < 1000; step++) {
        int handle = buflib_alloc_ex(&pool.ctx, 6000, &shrinking);
        if (handle > 0) {
            pthread_mutex_lock(&giver->lock);
            giver->handle = handle;
            giver->size = 6000;
            char *data = buflib_get_data_pinned(&pool.ctx, handle);
            fill_bytes(data, handle, giver->size);
            buflib_put_data_pinned(&pool.ctx, data);
            pthread_mutex_unlock(&giver->lock);
        }
        int other = buflib_alloc(&pool.ctx, random_between(&random, 0, 3000));
        if (handle > 0) {
            pthread_mutex_lock(&giver->lock);
            char *data = buflib_get_data_pinned(&pool.ctx, handle);
            CHECK(bytes_are(data, handle, giver->size));
            buflib_put_data_pinned(&pool.ctx, data);
            giver->handle = 0;
            pthread_mutex_unlock(&giver->lock);
            CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
        }
        buflib_free(&pool.ctx, other);
    }
    return NULL;
}

TEST(threads_take_from_each_others_blocks)
{
    pthread_t threads[THREADS];
    pool_open(&pool, 20 * KB);
    size_t fresh = buflib_allocatable(&pool.ctx);
    for (int i = 0; i < THREADS; i++)
        pthread_mutex_init(&givers[i].lock, NULL);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, give_and_take, &givers[i]), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_GE(buflib_allocatable(&pool.ctx) + KEPT, fresh);
    pool_close(&pool);
}

/* ---- a callback that blocks ---------------------------------------------------------- */

static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER;
static sem_t in_callback;

/* Runs in the asking thread, which blocks here until the test has done what it came for. */
static void wait_for_owner(void)
{
    sem_post(&in_callback);
    pthread_mutex_lock(&owner);
    pthread_mutex_unlock(&owner);
}

static void blocking_sync(int handle, bool lock)
{
    on_sync(handle, lock);
    if (lock)
        wait_for_owner();
}

static int blocking_move(int handle, void *current, void *target)
{
    (void)handle, (void)current;
    seen.moves++;
    seen.target = target;
    wait_for_owner();
    return BUFLIB_CB_OK;
}

static int plain_move(int handle, void *current, void *target)
{
    (void)handle, (void)current;
    seen.moves++;
    seen.target = target;
    return BUFLIB_CB_OK;
}

static struct buflib_callbacks blocks_in_sync = {
    .move_callback = plain_move,
    .sync_callback = blocking_sync,
};
static struct buflib_callbacks blocks_in_move = { .move_callback = blocking_move };

static int asked_for; /* the asking thread's result */

static void *ask(void *argument)
{
    (void)argument;
    asked_for = buflib_alloc(&pool.ctx, BOTH);
    return NULL;
}

static pthread_t asking;

/* The victim's handle, while another thread is in its callback and waits for `owner`. */
static int victim_in_callback(struct buflib_callbacks *ops)
{
    int victim = victim_with(ops);
    sem_init(&in_callback, 0, 0);
    pthread_mutex_lock(&owner);
    CHECK_EQ(pthread_create(&asking, NULL, ask, NULL), 0);
    sem_wait(&in_callback);
    return victim;
}

static void let_callback_return(void)
{
    pthread_mutex_unlock(&owner);
    CHECK_EQ(pthread_join(asking, NULL), 0);
}

static void pool_serves_meanwhile(int victim)
{
    char *data = data_of(&pool, victim);
    CHECK(is_filled(&pool, victim, SIZE)); /* not moved yet */
    int handle = buflib_alloc(&pool.ctx, 0);
    CHECK_GT(handle, 0);
    CHECK_EQ(buflib_free(&pool.ctx, handle), 0);
    CHECK_GT(buflib_available(&pool.ctx), 0);
    CHECK(data_of(&pool, victim) == data);
    let_callback_return();
    CHECK_GT(asked_for, 0);
    CHECK(is_filled(&pool, victim, SIZE));
    CHECK(data_of(&pool, victim) == seen.target);
    strip_check(&strip, &pool);
    pool_close(&pool);
}

TEST(the_pool_serves_others_while_a_sync_callback_blocks)
{
    pool_serves_meanwhile(victim_in_callback(&blocks_in_sync));
}

TEST(the_pool_serves_others_while_a_move_callback_blocks)
{
    pool_serves_meanwhile(victim_in_callback(&blocks_in_move));
}

static void a_pin_meanwhile_holds(int victim)
{
    char *data = buflib_get_data_pinned(&pool.ctx, victim);
    let_callback_return();
    CHECK_EQ(asked_for, -2);
    CHECK(data_of(&pool, victim) == data);
    CHECK(is_filled(&pool, victim, SIZE));
    buflib_put_data_pinned(&pool.ctx, data);
    CHECK_EQ(seen.locks, seen.unlocks);
    strip_check(&strip, &pool);
    pool_close(&pool);
}

TEST(data_got_pinned_while_a_sync_callback_blocks_stays)
{
    a_pin_meanwhile_holds(victim_in_callback(&blocks_in_sync));
}

TEST(data_got_pinned_while_a_move_callback_blocks_stays)
{
    a_pin_meanwhile_holds(victim_in_callback(&blocks_in_move));
}

TEST(a_block_freed_while_its_callback_blocks_is_gone_and_unlocked)
{
    int victim = victim_in_callback(&blocks_in_sync);
    for (int i = 0; i < strip.count; i++)
        if (strip.handle[i] == victim)
            strip_free(&strip, &pool, i);
    let_callback_return();
    CHECK_GT(asked_for, 0);
    CHECK_EQ(seen.locks, seen.unlocks);
    strip_check(&strip, &pool);
    pool_close(&pool);
}
