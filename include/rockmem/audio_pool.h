/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* The audio buffer pool: buffers that pass between threads and are not allocated each time.
 *
 * A pool is an int above 0. A get answers a buffer of at least the pool's size, aligned to 32 bytes on the host and to
 * a word in the tree, with nothing written to it yet: what it holds is rest of old sound. A put takes the pointer
 * that the get answered, in any thread. Every function may be called from any thread, none of those that get and put
 * waits for another one's work. In the tree there is one list per pool, and a get that finds it empty takes a
 * `core_alloc` block, so it may do what an allocation does there.
 *
 * Rates are in hundredths of a percent: 9950 is 99.5 %. Times are in µs and ms, without fractions.
 */

#ifndef ROCKMEM_AUDIO_POOL_H
#define ROCKMEM_AUDIO_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "prefix.h"

/*
 An argument is NULL that may not be.
 */
#define AUDIO_POOL_EINVAL -1

/*
 No such pool: never made, or destroyed.
 */
#define AUDIO_POOL_ENOPOOL -2

/*
 Not the start of a buffer of any pool.
 */
#define AUDIO_POOL_EFOREIGN -3

/*
 The buffer was put already.
 */
#define AUDIO_POOL_ETWICE -4

/*
 The buffer is smaller than the pool's size or more than twice as large.
 */
#define AUDIO_POOL_ESIZE -5

/*
 No memory, no place for another pool, or no thread.
 */
#define AUDIO_POOL_ENOMEM -6

/*
 A flag of `audio_pool_create`: every buffer is cleared when it is handed out.
 */
#define AUDIO_POOL_ZERO 1

/*
 What a pool holds and what was done with it.
 */
struct audio_pool_stats
{
    /*
     Gets served: `hits` + `misses`.
     */
    uint64_t gets;
    /*
     Gets served without an allocation: the sum of the three that follow.
     */
    uint64_t hits;
    /*
     Hits in the calling thread's cache.
     */
    uint64_t hits_thread;
    /*
     Hits in the preallocated list.
     */
    uint64_t hits_preallocated;
    /*
     Hits in the overflow tier.
     */
    uint64_t hits_overflow;
    /*
     Gets served by a fresh allocation.
     */
    uint64_t misses;
    /*
     Buffers accepted by put.
     */
    uint64_t puts;
    /*
     Pointers refused by put.
     */
    uint64_t refused;
    /*
     Accepted buffers that were freed because every tier was full.
     */
    uint64_t freed;
    /*
     Bytes of the buffers that callers have.
     */
    uint64_t lent_bytes;
    /*
     Bytes of the buffers in the tiers.
     */
    uint64_t idle_bytes;
    /*
     Buffers that callers have.
     */
    uint32_t lent;
    /*
     Buffers in the tiers.
     */
    uint32_t idle;
    /*
     Bytes of a buffer on average, lent and idle; 0 without buffers.
     */
    uint32_t average_size;
    /*
     Hits out of gets; 0 when nothing was asked.
     */
    uint32_t hit_rate;
    /*
     Bytes of a buffer of this pool; in a class, of the largest.
     */
    uint32_t buffer_size;
    /*
     The most buffers in the overflow tier.
     */
    uint32_t max;
    /*
     Buffers in the overflow tier.
     */
    uint32_t current;
    /*
     Buffers in the preallocated list.
     */
    uint32_t preallocated;
    /*
     The most buffers in the preallocated list.
     */
    uint32_t preallocated_max;
    /*
     Buffers in the caches of threads.
     */
    uint32_t in_threads;
};

/*
 The classes of a sized pool.
 */
struct audio_sized_stats
{
    /*
     Requests of up to 4 KB, in buffers of 1, 2 and 4 KB.
     */
    struct audio_pool_stats small;
    /*
     Requests of up to 64 KB, in buffers of 8 to 64 KB.
     */
    struct audio_pool_stats medium;
    /*
     Requests of up to 1 MB, in buffers of 128 KB to 1 MB.
     */
    struct audio_pool_stats large;
    /*
     Larger requests, and pointers that were refused and belong to no class.
     */
    struct audio_pool_stats other;
};

/*
 The frame pool and the control pool.
 */
struct audio_pool_pair_stats
{
    /*
     Buffers in the frame pool's overflow tier.
     */
    uint32_t frame_size;
    /*
     Their maximum.
     */
    uint32_t frame_max;
    /*
     The frame pool's hit rate.
     */
    uint32_t frame_hit_rate;
    /*
     Buffers in the control pool's overflow tier.
     */
    uint32_t control_size;
    /*
     Their maximum.
     */
    uint32_t control_max;
    /*
     The control pool's hit rate.
     */
    uint32_t control_hit_rate;
    /*
     All about the frame pool.
     */
    struct audio_pool_stats frame;
    /*
     All about the control pool.
     */
    struct audio_pool_stats control;
};

/*
 The configuration of all pools.
 */
struct audio_pool_config
{
    /*
     Bytes of an audio frame, 1500: the size of the frame pool, and of pools created with a bad size.
     */
    uint32_t frame_size;
    /*
     Bytes of a control message, 17: the size of the control pool.
     */
    uint32_t control_size;
    /*
     The most buffers in a pool's overflow tier, 100.
     */
    uint32_t max_buffers;
    /*
     How much of that is preallocated, in percent, 20; half of it for buffers larger than a frame.
     */
    uint32_t prealloc_percent;
    /*
     What rates are multiplied with, 100.
     */
    uint32_t multiplier;
    /*
     How long an unused thread cache is kept, in ms, 60000.
     */
    uint32_t cache_ttl_ms;
    /*
     The most thread caches over all pools, 500.
     */
    uint32_t max_caches;
    /*
     How long after a cleaning the next one is due, in ms, 30000.
     */
    uint32_t clean_ms;
    /*
     How often the cleaner looks, in ms, 10000.
     */
    uint32_t tick_ms;
    /*
     A latency above this is high, in µs, 10000.
     */
    uint32_t high_latency_us;
    /*
     A latency older than this counts no more, in ms, 5000.
     */
    uint32_t latency_age_ms;
    /*
     Whether gets and puts are timed, 0.
     */
    uint32_t measure;
};

/*
 A recorded latency.
 */
struct audio_pool_latency
{
    /*
     When it was recorded, in ms of the pool's clock.
     */
    uint64_t time_ms;
    /*
     The latency, in µs.
     */
    uint32_t us;
    /*
     How long ago it was recorded, in ms.
     */
    uint32_t age_ms;
};

/*
 Percentiles of the time that calls took, in ns; 0 without calls.
 */
struct audio_pool_percentiles
{
    /*
     Calls timed.
     */
    uint64_t count;
    /*
     Half of the calls took no longer.
     */
    uint32_t p50;
    /*
     95 of 100 calls took no longer.
     */
    uint32_t p95;
    /*
     99 of 100 calls took no longer.
     */
    uint32_t p99;
};

/*
 The times of gets and puts, as far as they were timed: `measure` in the configuration.
 */
struct audio_pool_timings
{
    /*
     Gets that were hits, of buffers of at least the frame size.
     */
    struct audio_pool_percentiles frame_get_hit;
    /*
     Gets that were misses.
     */
    struct audio_pool_percentiles frame_get_miss;
    /*
     Puts, refused ones included.
     */
    struct audio_pool_percentiles frame_put;
    /*
     The same of smaller buffers.
     */
    struct audio_pool_percentiles control_get_hit;
    /*
     Gets that were misses.
     */
    struct audio_pool_percentiles control_get_miss;
    /*
     Puts, refused ones included.
     */
    struct audio_pool_percentiles control_put;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Makes a pool of buffers of `size` bytes. A size of 0 or above 262144 becomes the configured frame size. `max` is the
 most buffers kept in the overflow tier, 1 to 4096; any other number becomes the configured one. `flags`: 0 or
 AUDIO_POOL_ZERO. The pool begins with a part of the maximum preallocated.

 Answers the pool, above 0, or AUDIO_POOL_ENOMEM.
 */
int audio_pool_create(size_t size, unsigned int max, unsigned int flags);

/*
 Ends a pool and frees its idle buffers. Buffers that are out stay good; putting them to this number frees them.
 No other call on the pool is under way.

 Answers 0 or AUDIO_POOL_ENOPOOL.
 */
int audio_pool_destroy(int number);

/*
 Lends a buffer and leaves its bytes in `capacity`, unless that is NULL. NULL and 0 bytes: no such pool, or no memory.

 The caller sees to it that:
 * `capacity` is NULL or writable.
 */
void *audio_pool_get(int number, size_t *capacity);

/*
 Takes a lent buffer back. A buffer of another pool is taken too, and is this pool's from then on, if its capacity is
 from this pool's size to twice as much. The pool knows the capacity; a pointer that it did not lend is refused without
 being followed. What is refused stays the caller's.

 Answers 0, AUDIO_POOL_ENOPOOL, AUDIO_POOL_EFOREIGN (NULL, too), AUDIO_POOL_ETWICE or AUDIO_POOL_ESIZE.

 The caller sees to it that:
 * After 0, nobody uses the buffer.
 */
int audio_pool_put(int number, void *buffer);

/*
 Lends up to `count` buffers of one pool. Answers how many: fewer only when memory ran out; 0 for no such pool.

 The caller sees to it that:
 * `buffers` has room for `count` pointers.
 */
size_t audio_pool_get_many(int number, void **buffers, size_t count);

/*
 Takes `count` buffers back. Those that are taken become NULL in `buffers`; those that are refused stay. NULLs are
 skipped. Answers how many were taken.

 The caller sees to it that:
 * `buffers` points to `count` pointers, and nobody uses a buffer that was taken.
 */
size_t audio_pool_put_many(int number, void **buffers, size_t count);

/*
 The bytes of a lent buffer of any pool; 0 for any other pointer, which is not followed.
 */
size_t audio_pool_capacity(void *buffer);

/*
 The statistics of a pool, exact when no call on it is under way.

 Answers 0, AUDIO_POOL_ENOPOOL or AUDIO_POOL_EINVAL.

 The caller sees to it that:
 * `stats` is NULL or writable.
 */
int audio_pool_get_stats(int number, struct audio_pool_stats *stats);

/*
 Makes a sized pool: requests of up to 1 MB are served from pools of 1 KB, 2 KB, 4 KB and so on, larger ones are served
 and not kept. `max` is the most buffers that each of the classes small, medium and large keeps; `flags` as for
 `audio_pool_create`. Nothing is preallocated.

 Answers its number, above 0, which only the audio_sized functions take, or AUDIO_POOL_ENOMEM.
 */
int audio_sized_create(unsigned int max, unsigned int flags);

/*
 Ends a sized pool, as `audio_pool_destroy`.
 */
int audio_sized_destroy(int number);

/*
 Lends a buffer of at least `size` bytes, as `audio_pool_get`.

 The caller sees to it that:
 * `capacity` is NULL or writable.
 */
void *audio_sized_get(int number, size_t size, size_t *capacity);

/*
 Takes a buffer back, as `audio_pool_put`.

 The caller sees to it that:
 * After 0, nobody uses the buffer.
 */
int audio_sized_put(int number, void *buffer);

/*
 The statistics of a sized pool by class.

 Answers 0, AUDIO_POOL_ENOPOOL or AUDIO_POOL_EINVAL.

 The caller sees to it that:
 * `stats` is NULL or writable.
 */
int audio_sized_get_stats(int number, struct audio_sized_stats *stats);

/*
 Lends a buffer of the frame pool, which is made on first use with the configured frame size.

 The caller sees to it that:
 * `capacity` is NULL or writable.
 */
void *audio_frame_get(size_t *capacity);

/*
 Takes a buffer of the frame pool back, as `audio_pool_put`.

 The caller sees to it that:
 * After 0, nobody uses the buffer.
 */
int audio_frame_put(void *buffer);

/*
 Lends a buffer of the control pool, which is made on first use with the configured control size.

 The caller sees to it that:
 * `capacity` is NULL or writable.
 */
void *audio_control_get(size_t *capacity);

/*
 Takes a buffer of the control pool back, as `audio_pool_put`.

 The caller sees to it that:
 * After 0, nobody uses the buffer.
 */
int audio_control_put(void *buffer);

/*
 The statistics of the frame pool and the control pool, which are made if they were not used yet.

 Answers 0, AUDIO_POOL_EINVAL or AUDIO_POOL_ENOMEM.

 The caller sees to it that:
 * `stats` is NULL or writable.
 */
int audio_pool_get_pair_stats(struct audio_pool_pair_stats *stats);

/*
 The configuration of this moment; does nothing for NULL.

 The caller sees to it that:
 * `config` is NULL or writable.
 */
void audio_pool_get_config(struct audio_pool_config *config);

/*
 Changes the configuration as a whole, while everything runs. A bad field becomes its default. Sizes, the maximum and
 the percentage count for pools made from now on, the rest at once.

 Answers 0 or AUDIO_POOL_EINVAL.

 The caller sees to it that:
 * `config` is NULL or readable.
 */
int audio_pool_set_config(const struct audio_pool_config *config);

/*
 Starts the latency recorder and the cleaner; once, however often it is called. In the tree there is nothing to start.

 Answers 0 or AUDIO_POOL_ENOMEM.
 */
int audio_pool_monitoring_init(void);

/*
 Stops both and waits until they have ended.
 */
void audio_pool_monitoring_stop(void);

/*
 Asks the cleaner to clean the thread caches now. Never blocks; requests made while one waits are that request.
 */
void audio_pool_cleanup(void);

/*
 Records a latency in µs. Never blocks. False: ten samples are waiting already, and this one is dropped.
 */
bool audio_pool_record_latency(uint32_t us);

/*
 The last recorded latency. False: there is none, or it is older than 5 s.

 The caller sees to it that:
 * `latency` is NULL or writable.
 */
bool audio_pool_get_latency(struct audio_pool_latency *latency);

/*
 How long gets and puts took while `measure` was set; does nothing for NULL. All 0 in the tree.

 The caller sees to it that:
 * `timings` is NULL or writable.
 */
void audio_pool_get_timings(struct audio_pool_timings *timings);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_AUDIO_POOL_H */
