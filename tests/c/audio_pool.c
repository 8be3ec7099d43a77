/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audio buffer pool as a C program uses it. The same tests run on the players' archive, where buffers are core_alloc
 * blocks; there a thread has no slots, and what is checked here is what both ports promise. */
#include <string.h>

#include <rockmem/audio_pool.h>
#include <rockmem/core_alloc.h>

#include "check.h"
#include "pool.h"

/* The players' port takes its blocks from the core pool. */
static char memory[4096 * KB] __attribute__((aligned(16)));

static void begin(void)
{
    buflib_init(&core_ctx, memory, sizeof(memory));
}

static struct audio_pool_stats stats_of(int pool)
{
    struct audio_pool_stats stats;
    CHECK_EQ(audio_pool_get_stats(pool, &stats), 0);
    CHECK_EQ(stats.gets, stats.hits + stats.misses);
    CHECK_EQ(stats.hits, stats.hits_thread + stats.hits_preallocated + stats.hits_overflow);
    CHECK_EQ(stats.idle, stats.current + stats.preallocated + stats.in_threads);
    return stats;
}

TEST(a_pool_begins_with_its_preallocated_buffers_and_lends_them_first)
{
    begin();
    int pool = audio_pool_create(1500, 10, 0);
    CHECK_GT(pool, 0);
    CHECK_EQ(stats_of(pool).preallocated, 2);
    void *buffers[5];
    for (int i = 0; i < 5; i++) {
        size_t capacity = 0;
        buffers[i] = audio_pool_get(pool, &capacity);
        CHECK(buffers[i] != NULL);
        CHECK_EQ(capacity, 1500);
        CHECK_EQ(audio_pool_capacity(buffers[i]), 1500);
        CHECK_EQ((uintptr_t)buffers[i] % sizeof(void *), 0);
        fill_bytes(buffers[i], i, capacity);
    }
    struct audio_pool_stats stats = stats_of(pool);
    CHECK_EQ(stats.hits_preallocated, 2);
    CHECK_EQ(stats.misses, 3);
    CHECK_EQ(stats.hit_rate, 4000);
    CHECK_EQ(stats.lent, 5);
    CHECK_EQ(stats.lent_bytes, 7500);
    for (int i = 0; i < 5; i++) {
        CHECK(bytes_are(buffers[i], i, 1500));
        CHECK_EQ(audio_pool_put(pool, buffers[i]), 0);
        CHECK_EQ(audio_pool_capacity(buffers[i]), 0);
    }
    stats = stats_of(pool);
    CHECK_EQ(stats.idle, 5);
    CHECK_EQ(stats.idle_bytes, 7500);
    CHECK_EQ(stats.puts, 5);
    CHECK_EQ(stats.average_size, 1500);
    CHECK_EQ(audio_pool_destroy(pool), 0);
}

TEST(what_was_not_lent_or_does_not_fit_is_refused)
{
    begin();
    int pool = audio_pool_create(100, 0, 0);
    int other = audio_pool_create(201, 0, 0);
    char foreign[256];
    CHECK_EQ(audio_pool_put(pool, NULL), AUDIO_POOL_EFOREIGN);
    CHECK_EQ(audio_pool_put(pool, foreign), AUDIO_POOL_EFOREIGN);
    char *buffer = audio_pool_get(pool, NULL);
    CHECK_EQ(audio_pool_put(pool, buffer + 8), AUDIO_POOL_EFOREIGN);
    CHECK_EQ(audio_pool_put(pool, buffer), 0);
    CHECK_EQ(audio_pool_put(pool, buffer), AUDIO_POOL_ETWICE);
    buffer = audio_pool_get(other, NULL);
    CHECK_EQ(audio_pool_put(pool, buffer), AUDIO_POOL_ESIZE);
    CHECK_EQ(audio_pool_put(other, buffer), 0);
    CHECK_EQ(stats_of(pool).refused, 5);
    CHECK_EQ(audio_pool_destroy(other), 0);
    CHECK_EQ(audio_pool_destroy(other), AUDIO_POOL_ENOPOOL);
    CHECK(audio_pool_get(other, NULL) == NULL);
    CHECK_EQ(audio_pool_destroy(pool), 0);
}

TEST(buffers_outlive_their_pool)
{
    begin();
    int pool = audio_pool_create(100, 0, 0);
    char *buffer = audio_pool_get(pool, NULL);
    fill_bytes(buffer, 3, 100);
    CHECK_EQ(audio_pool_destroy(pool), 0);
    CHECK(bytes_are(buffer, 3, 100));
    CHECK_EQ(audio_pool_put(pool, buffer), 0);
    CHECK_EQ(audio_pool_put(pool, buffer), AUDIO_POOL_EFOREIGN);
}

TEST(a_batch_is_many_in_one_call)
{
    begin();
    int pool = audio_pool_create(64, 0, 0);
    void *buffers[30];
    CHECK_EQ(audio_pool_get_many(pool, buffers, 30), 30);
    CHECK_EQ(stats_of(pool).lent, 30);
    void *kept = buffers[4];
    CHECK_EQ(audio_pool_put(pool, kept), 0);
    CHECK_EQ(audio_pool_put_many(pool, buffers, 30), 29);
    CHECK(buffers[4] == kept && buffers[3] == NULL);
    CHECK_EQ(stats_of(pool).lent, 0);
    CHECK_EQ(audio_pool_destroy(pool), 0);
}

TEST(a_sized_pool_serves_every_size_and_keeps_no_giants)
{
    begin();
    int pool = audio_sized_create(0, 0);
    CHECK_GT(pool, 0);
    for (size_t size = 1; size <= 1200 * KB; size = size * 3 + 1) {
        size_t capacity = 0;
        char *buffer = audio_sized_get(pool, size, &capacity);
        CHECK(buffer != NULL);
        CHECK_GE(capacity, size);
        memset(buffer, 1, capacity);
        CHECK_EQ(audio_sized_put(pool, buffer), 0);
    }
    char *giant = audio_sized_get(pool, 1100 * KB, NULL);
    CHECK(giant != NULL);
    CHECK_EQ(audio_sized_put(pool, giant), 0);
    CHECK_EQ(audio_sized_put(pool, giant), AUDIO_POOL_EFOREIGN);
    struct audio_sized_stats stats;
    CHECK_EQ(audio_sized_get_stats(pool, &stats), 0);
    CHECK_GT(stats.small.gets, 0);
    CHECK_EQ(stats.small.lent + stats.medium.lent + stats.large.lent + stats.other.lent, 0);
    CHECK_EQ(stats.other.idle, 0);
    CHECK_GT(stats.other.freed, 0);
    CHECK_EQ(audio_sized_destroy(pool), 0);
}

TEST(the_global_pools_have_the_configured_sizes)
{
    begin();
    struct audio_pool_config config;
    audio_pool_get_config(&config);
    CHECK_EQ(config.frame_size, 1500);
    config.control_size = 40;
    CHECK_EQ(audio_pool_set_config(&config), 0);
    size_t capacity = 0;
    void *frame = audio_frame_get(&capacity);
    CHECK_EQ(capacity, 1500);
    void *control = audio_control_get(&capacity);
    CHECK_EQ(capacity, 40);
    CHECK_EQ(audio_control_put(control), 0);
    CHECK_EQ(audio_frame_put(frame), 0);
    struct audio_pool_pair_stats stats;
    CHECK_EQ(audio_pool_get_pair_stats(&stats), 0);
    CHECK_EQ(stats.frame.gets, 1);
    CHECK_EQ(stats.control.buffer_size, 40);
    CHECK_EQ(stats.frame_hit_rate, 10000);
}

TEST(a_zeroing_pool_lends_zeros)
{
    begin();
    int pool = audio_pool_create(64, 0, AUDIO_POOL_ZERO);
    for (int round = 0; round < 50; round++) {
        char *buffer = audio_pool_get(pool, NULL);
        for (int i = 0; i < 64; i++)
            CHECK_EQ(buffer[i], 0);
        memset(buffer, 0x55, 64);
        CHECK_EQ(audio_pool_put(pool, buffer), 0);
    }
    CHECK_EQ(audio_pool_destroy(pool), 0);
}

TEST(a_latency_is_recorded_and_read)
{
    begin();
    struct audio_pool_latency latency;
    CHECK(!audio_pool_get_latency(&latency));
    CHECK_EQ(audio_pool_monitoring_init(), 0);
    CHECK_EQ(audio_pool_monitoring_init(), 0);
    CHECK(audio_pool_record_latency(12345));
    audio_pool_monitoring_stop(); /* the recorder has done its work when it has ended */
    audio_pool_monitoring_stop();
    CHECK(audio_pool_get_latency(&latency));
    CHECK_EQ(latency.us, 12345);
    CHECK_LT(latency.age_ms, 5000);
}

/* Whether this is the players' port, where no thread has slots. */
static bool has_slots(int pool)
{
    void *buffer = audio_pool_get(pool, NULL);
    CHECK_EQ(audio_pool_put(pool, buffer), 0);
    buffer = audio_pool_get(pool, NULL);
    CHECK_EQ(audio_pool_put(pool, buffer), 0);
    return stats_of(pool).hits_thread > 0;
}

TEST(inside_the_file_path_idle_buffers_are_lent_and_no_block_is_taken_from_the_core_pool)
{
    begin();
    int pool = audio_pool_create(1500, 10, 0); /* two are preallocated */
    bool slots = has_slots(pool);
    check_asker = 0;
    size_t before = core_available();
    void *one = audio_pool_get(pool, NULL), *two = audio_pool_get(pool, NULL);
    CHECK(one != NULL);
    CHECK(two != NULL);
    struct audio_pool_stats stats = stats_of(pool);
    size_t capacity = 1;
    void *three = audio_pool_get(pool, &capacity);
    if (slots) { /* the host's come from malloc, which no file path waits for */
        CHECK(three != NULL);
        CHECK_EQ(audio_pool_put(pool, three), 0);
    } else {
        CHECK(three == NULL);
        CHECK_EQ(capacity, 0);
        CHECK_EQ(stats_of(pool).gets, stats.gets);
        CHECK_EQ(stats_of(pool).misses, 0);
        CHECK_EQ(audio_pool_create(1500, 10, 0), AUDIO_POOL_ENOMEM);
    }
    CHECK_EQ(core_available(), before);
    CHECK_EQ(audio_pool_put(pool, one), 0);
    CHECK(audio_pool_get(pool, NULL) == one);
    CHECK_EQ(audio_pool_put(pool, one), 0);
    CHECK_EQ(audio_pool_put(pool, two), 0);
    check_asker = 2;
    for (int i = 0; i < 5; i++)
        CHECK(audio_pool_get(pool, NULL) != NULL);
    CHECK_GT(stats_of(pool).misses, 0);
}

TEST(calls_are_timed_when_that_is_switched_on_and_not_before)
{
    begin();
    int pool = audio_pool_create(1500, 10, 0);
    bool slots = has_slots(pool);
    struct audio_pool_timings timings;
    audio_pool_get_timings(&timings);
    CHECK_EQ(timings.frame_get_hit.count, 0);
    CHECK_EQ(timings.frame_put.count, 0);

    struct audio_pool_config config;
    audio_pool_get_config(&config);
    config.measure = 1;
    CHECK_EQ(audio_pool_set_config(&config), 0);
    check_ticks_step = 1; /* every call takes a tick in the players' port */
    void *buffers[7];
    for (int i = 0; i < 7; i++)
        buffers[i] = audio_pool_get(pool, NULL);
    for (int i = 0; i < 7; i++)
        CHECK_EQ(audio_pool_put(pool, buffers[i]), 0);
    CHECK_EQ(audio_pool_put(pool, buffers[0]), AUDIO_POOL_ETWICE);
    check_ticks_step = 0;
    config.measure = 0;
    CHECK_EQ(audio_pool_set_config(&config), 0);
    CHECK_EQ(audio_pool_put(pool, buffers[0]), AUDIO_POOL_ETWICE);

    audio_pool_get_timings(&timings);
    CHECK_EQ(timings.frame_get_hit.count, 2);
    CHECK_EQ(timings.frame_get_miss.count, 5);
    CHECK_EQ(timings.frame_put.count, 8); /* the refused one included */
    CHECK_EQ(timings.control_put.count, 0);
    CHECK(timings.frame_put.p50 <= timings.frame_put.p95);
    CHECK(timings.frame_put.p95 <= timings.frame_put.p99);
    if (!slots)
        CHECK_GT(timings.frame_get_miss.p50, 0);
}
