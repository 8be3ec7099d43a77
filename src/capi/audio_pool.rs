//! The audio buffer pool: buffers that pass between threads and are not allocated each time.
//!
//! A pool is an int above 0. A get answers a buffer of at least the pool's size, aligned to 32 bytes on the host and to
//! a word in the tree, with nothing written to it yet: what it holds is rest of old sound. A put takes the pointer
//! that the get answered, in any thread. Every function may be called from any thread, none of those that get and put
//! waits for another one's work. In the tree there is one list per pool, and a get that finds it empty takes a
//! `core_alloc` block, so it may do what an allocation does there.
//!
//! Rates are in hundredths of a percent: 9950 is 99.5 %. Times are in µs and ms, without fractions.

//#include <stdbool.h>
//#include <stddef.h>
//#include <stdint.h>
//#include "prefix.h"

use core::ffi::{c_int, c_uint, c_void};
use core::ptr::NonNull;

use crate::audio_pool::global::{self, Kind};
use crate::audio_pool::settings::Settings;
use crate::audio_pool::stats::{Counts, Group, Percentiles, Stats, Timings};
use crate::audio_pool::{Error, Options, floor, sized};

/// An argument is NULL that may not be.
pub const AUDIO_POOL_EINVAL: c_int = -1;
/// No such pool: never made, or destroyed.
pub const AUDIO_POOL_ENOPOOL: c_int = -2;
/// Not the start of a buffer of any pool.
pub const AUDIO_POOL_EFOREIGN: c_int = -3;
/// The buffer was put already.
pub const AUDIO_POOL_ETWICE: c_int = -4;
/// The buffer is smaller than the pool's size or more than twice as large.
pub const AUDIO_POOL_ESIZE: c_int = -5;
/// No memory, no place for another pool, or no thread.
pub const AUDIO_POOL_ENOMEM: c_int = -6;

/// A flag of `audio_pool_create`: every buffer is cleared when it is handed out.
pub const AUDIO_POOL_ZERO: c_uint = 1;

/// The configuration of all pools.
#[allow(non_camel_case_types)] // its name in C
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct audio_pool_config {
    /// Bytes of an audio frame, 1500: the size of the frame pool, and of pools created with a bad size.
    pub frame_size: u32,
    /// Bytes of a control message, 17: the size of the control pool.
    pub control_size: u32,
    /// The most buffers in a pool's overflow tier, 100.
    pub max_buffers: u32,
    /// How much of that is preallocated, in percent, 20; half of it for buffers larger than a frame.
    pub prealloc_percent: u32,
    /// What rates are multiplied with, 100.
    pub multiplier: u32,
    /// How long an unused thread cache is kept, in ms, 60000.
    pub cache_ttl_ms: u32,
    /// The most thread caches over all pools, 500.
    pub max_caches: u32,
    /// How long after a cleaning the next one is due, in ms, 30000.
    pub clean_ms: u32,
    /// How often the cleaner looks, in ms, 10000.
    pub tick_ms: u32,
    /// A latency above this is high, in µs, 10000.
    pub high_latency_us: u32,
    /// A latency older than this counts no more, in ms, 5000.
    pub latency_age_ms: u32,
    /// Whether gets and puts are timed, 0.
    pub measure: u32,
}

/// What a pool holds and what was done with it.
#[allow(non_camel_case_types)] // its name in C
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct audio_pool_stats {
    /// Gets served: `hits` + `misses`.
    pub gets: u64,
    /// Gets served without an allocation: the sum of the three that follow.
    pub hits: u64,
    /// Hits in the calling thread's cache.
    pub hits_thread: u64,
    /// Hits in the preallocated list.
    pub hits_preallocated: u64,
    /// Hits in the overflow tier.
    pub hits_overflow: u64,
    /// Gets served by a fresh allocation.
    pub misses: u64,
    /// Buffers accepted by put.
    pub puts: u64,
    /// Pointers refused by put.
    pub refused: u64,
    /// Accepted buffers that were freed because every tier was full.
    pub freed: u64,
    /// Bytes of the buffers that callers have.
    pub lent_bytes: u64,
    /// Bytes of the buffers in the tiers.
    pub idle_bytes: u64,
    /// Buffers that callers have.
    pub lent: u32,
    /// Buffers in the tiers.
    pub idle: u32,
    /// Bytes of a buffer on average, lent and idle; 0 without buffers.
    pub average_size: u32,
    /// Hits out of gets; 0 when nothing was asked.
    pub hit_rate: u32,
    /// Bytes of a buffer of this pool; in a class, of the largest.
    pub buffer_size: u32,
    /// The most buffers in the overflow tier.
    pub max: u32,
    /// Buffers in the overflow tier.
    pub current: u32,
    /// Buffers in the preallocated list.
    pub preallocated: u32,
    /// The most buffers in the preallocated list.
    pub preallocated_max: u32,
    /// Buffers in the caches of threads.
    pub in_threads: u32,
}

/// The frame pool and the control pool.
#[allow(non_camel_case_types)] // its name in C
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct audio_pool_pair_stats {
    /// Buffers in the frame pool's overflow tier.
    pub frame_size: u32,
    /// Their maximum.
    pub frame_max: u32,
    /// The frame pool's hit rate.
    pub frame_hit_rate: u32,
    /// Buffers in the control pool's overflow tier.
    pub control_size: u32,
    /// Their maximum.
    pub control_max: u32,
    /// The control pool's hit rate.
    pub control_hit_rate: u32,
    /// All about the frame pool.
    pub frame: audio_pool_stats,
    /// All about the control pool.
    pub control: audio_pool_stats,
}

/// The classes of a sized pool.
#[allow(non_camel_case_types)] // its name in C
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct audio_sized_stats {
    /// Requests of up to 4 KB, in buffers of 1, 2 and 4 KB.
    pub small: audio_pool_stats,
    /// Requests of up to 64 KB, in buffers of 8 to 64 KB.
    pub medium: audio_pool_stats,
    /// Requests of up to 1 MB, in buffers of 128 KB to 1 MB.
    pub large: audio_pool_stats,
    /// Larger requests, and pointers that were refused and belong to no class.
    pub other: audio_pool_stats,
}

/// A recorded latency.
#[allow(non_camel_case_types)] // its name in C
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct audio_pool_latency {
    /// When it was recorded, in ms of the pool's clock.
    pub time_ms: u64,
    /// The latency, in µs.
    pub us: u32,
    /// How long ago it was recorded, in ms.
    pub age_ms: u32,
}

/// Percentiles of the time that calls took, in ns; 0 without calls.
#[allow(non_camel_case_types)] // its name in C
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct audio_pool_percentiles {
    /// Calls timed.
    pub count: u64,
    /// Half of the calls took no longer.
    pub p50: u32,
    /// 95 of 100 calls took no longer.
    pub p95: u32,
    /// 99 of 100 calls took no longer.
    pub p99: u32,
}

/// The times of gets and puts, as far as they were timed: `measure` in the configuration.
#[allow(non_camel_case_types)] // its name in C
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct audio_pool_timings {
    /// Gets that were hits, of buffers of at least the frame size.
    pub frame_get_hit: audio_pool_percentiles,
    /// Gets that were misses.
    pub frame_get_miss: audio_pool_percentiles,
    /// Puts, refused ones included.
    pub frame_put: audio_pool_percentiles,
    /// The same of smaller buffers.
    pub control_get_hit: audio_pool_percentiles,
    /// Gets that were misses.
    pub control_get_miss: audio_pool_percentiles,
    /// Puts, refused ones included.
    pub control_put: audio_pool_percentiles,
}

fn code(error: Error) -> c_int {
    match error {
        Error::Pool => AUDIO_POOL_ENOPOOL,
        Error::Foreign => AUDIO_POOL_EFOREIGN,
        Error::Twice => AUDIO_POOL_ETWICE,
        Error::Size => AUDIO_POOL_ESIZE,
        Error::Memory => AUDIO_POOL_ENOMEM,
    }
}

fn status(result: Result<(), Error>) -> c_int {
    result.map_or_else(code, |()| 0)
}

fn handle(result: Result<u32, Error>) -> c_int {
    match result {
        Ok(handle) => c_int::try_from(handle).unwrap_or(AUDIO_POOL_ENOMEM),
        Err(error) => code(error),
    }
}

/// A handle from C: no pool has 0, and none has what a negative number becomes.
#[inline(always)]
fn pool(handle: c_int) -> u32 {
    handle.cast_unsigned()
}

fn options(max: c_uint, flags: c_uint) -> Options {
    Options { max, zero: flags & AUDIO_POOL_ZERO != 0 }
}

/// # Safety
/// * `capacity` is NULL or writable.
#[inline(always)]
unsafe fn lent(result: Option<floor::Lent>, capacity: *mut usize) -> *mut c_void {
    let (data, bytes) = match result {
        Some(lent) => (lent.data().cast(), lent.capacity()),
        None => (core::ptr::null_mut(), 0),
    };
    if let Some(capacity) = NonNull::new(capacity) {
        // SAFETY: writable, by the caller's promise.
        unsafe { capacity.write(bytes) };
    }
    data
}

impl From<&Stats> for audio_pool_stats {
    fn from(from: &Stats) -> Self {
        let Counts { hits_thread, hits_preallocated, hits_overflow, misses, puts, refused, freed } = from.counts;
        audio_pool_stats {
            gets: from.counts.gets(),
            hits: from.counts.hits(),
            hits_thread,
            hits_preallocated,
            hits_overflow,
            misses,
            puts,
            refused,
            freed,
            lent_bytes: from.lent_bytes,
            idle_bytes: from.idle_bytes,
            lent: from.lent,
            idle: from.idle,
            average_size: from.average,
            hit_rate: from.hit_rate,
            buffer_size: from.buffer_size,
            max: from.max,
            current: from.current,
            preallocated: from.preallocated,
            preallocated_max: from.preallocated_max,
            in_threads: from.in_threads,
        }
    }
}

impl From<&Percentiles> for audio_pool_percentiles {
    fn from(from: &Percentiles) -> Self {
        audio_pool_percentiles { count: from.count, p50: from.p50, p95: from.p95, p99: from.p99 }
    }
}

/// Makes a pool of buffers of `size` bytes. A size of 0 or above 262144 becomes the configured frame size. `max` is the
/// most buffers kept in the overflow tier, 1 to 4096; any other number becomes the configured one. `flags`: 0 or
/// AUDIO_POOL_ZERO. The pool begins with a part of the maximum preallocated.
///
/// Answers the pool, above 0, or AUDIO_POOL_ENOMEM.
#[unsafe(export_name = prefix!("audio_pool_create"))]
pub extern "C" fn audio_pool_create(size: usize, max: c_uint, flags: c_uint) -> c_int {
    handle(floor::create(size, options(max, flags)))
}

/// Ends a pool and frees its idle buffers. Buffers that are out stay good; putting them to this number frees them.
/// No other call on the pool is under way.
///
/// Answers 0 or AUDIO_POOL_ENOPOOL.
#[unsafe(export_name = prefix!("audio_pool_destroy"))]
pub extern "C" fn audio_pool_destroy(number: c_int) -> c_int {
    status(floor::destroy(pool(number)))
}

/// Lends a buffer and leaves its bytes in `capacity`, unless that is NULL. NULL and 0 bytes: no such pool, or no memory.
///
/// # Safety
/// * `capacity` is NULL or writable.
#[unsafe(export_name = prefix!("audio_pool_get"))]
pub unsafe extern "C" fn audio_pool_get(number: c_int, capacity: *mut usize) -> *mut c_void {
    match floor::get_fast(pool(number)) {
        // SAFETY: NULL or writable, by the caller's promise.
        fast @ Some(_) => unsafe { lent(fast, capacity) },
        // SAFETY: as above.
        None => unsafe { get_slowly(number, capacity) },
    }
}

/// The rest of `audio_pool_get`, apart: it is called last, so that the fast way need not save a register for it.
///
/// # Safety
/// * `capacity` is NULL or writable.
#[cold]
#[inline(never)]
unsafe extern "C" fn get_slowly(number: c_int, capacity: *mut usize) -> *mut c_void {
    // SAFETY: NULL or writable, by the caller's promise.
    unsafe { lent(floor::get_slow(pool(number)), capacity) }
}

/// Takes a lent buffer back. A buffer of another pool is taken too, and is this pool's from then on, if its capacity is
/// from this pool's size to twice as much. The pool knows the capacity; a pointer that it did not lend is refused without
/// being followed. What is refused stays the caller's.
///
/// Answers 0, AUDIO_POOL_ENOPOOL, AUDIO_POOL_EFOREIGN (NULL, too), AUDIO_POOL_ETWICE or AUDIO_POOL_ESIZE.
///
/// # Safety
/// * After 0, nobody uses the buffer.
#[unsafe(export_name = prefix!("audio_pool_put"))]
pub unsafe extern "C" fn audio_pool_put(number: c_int, buffer: *mut c_void) -> c_int {
    status(floor::put(pool(number), buffer.cast()))
}

/// Lends up to `count` buffers of one pool. Answers how many: fewer only when memory ran out; 0 for no such pool.
///
/// # Safety
/// * `buffers` has room for `count` pointers.
#[unsafe(export_name = prefix!("audio_pool_get_many"))]
pub unsafe extern "C" fn audio_pool_get_many(number: c_int, buffers: *mut *mut c_void, count: usize) -> usize {
    if buffers.is_null() {
        return 0;
    }
    for at in 0..count {
        match floor::get(pool(number)) {
            // SAFETY: there is room for `count`, by the caller's promise.
            Some(lent) => unsafe { buffers.add(at).write(lent.data().cast()) },
            None => return at,
        }
    }
    count
}

/// Takes `count` buffers back. Those that are taken become NULL in `buffers`; those that are refused stay. NULLs are
/// skipped. Answers how many were taken.
///
/// # Safety
/// * `buffers` points to `count` pointers, and nobody uses a buffer that was taken.
#[unsafe(export_name = prefix!("audio_pool_put_many"))]
pub unsafe extern "C" fn audio_pool_put_many(number: c_int, buffers: *mut *mut c_void, count: usize) -> usize {
    let mut taken = 0;
    if buffers.is_null() {
        return taken;
    }
    for at in 0..count {
        // SAFETY: there are `count`, by the caller's promise.
        let place = unsafe { buffers.add(at) };
        // SAFETY: as above.
        let buffer = unsafe { place.read() };
        if !buffer.is_null() && floor::put(pool(number), buffer.cast()).is_ok() {
            // SAFETY: as above.
            unsafe { place.write(core::ptr::null_mut()) };
            taken += 1;
        }
    }
    taken
}

/// The bytes of a lent buffer of any pool; 0 for any other pointer, which is not followed.
#[unsafe(export_name = prefix!("audio_pool_capacity"))]
pub extern "C" fn audio_pool_capacity(buffer: *mut c_void) -> usize {
    floor::capacity(buffer.cast()).unwrap_or(0)
}

/// The statistics of a pool, exact when no call on it is under way.
///
/// Answers 0, AUDIO_POOL_ENOPOOL or AUDIO_POOL_EINVAL.
///
/// # Safety
/// * `stats` is NULL or writable.
#[unsafe(export_name = prefix!("audio_pool_get_stats"))]
pub unsafe extern "C" fn audio_pool_get_stats(number: c_int, stats: *mut audio_pool_stats) -> c_int {
    let Some(stats) = NonNull::new(stats) else {
        return AUDIO_POOL_EINVAL;
    };
    match floor::stats(pool(number)) {
        Ok(found) => {
            // SAFETY: writable, by the caller's promise.
            unsafe { stats.write((&found).into()) };
            0
        }
        Err(error) => code(error),
    }
}

/// Makes a sized pool: requests of up to 1 MB are served from pools of 1 KB, 2 KB, 4 KB and so on, larger ones are served
/// and not kept. `max` is the most buffers that each of the classes small, medium and large keeps; `flags` as for
/// `audio_pool_create`. Nothing is preallocated.
///
/// Answers its number, above 0, which only the audio_sized functions take, or AUDIO_POOL_ENOMEM.
#[unsafe(export_name = prefix!("audio_sized_create"))]
pub extern "C" fn audio_sized_create(max: c_uint, flags: c_uint) -> c_int {
    handle(sized::create(options(max, flags)))
}

/// Ends a sized pool, as `audio_pool_destroy`.
#[unsafe(export_name = prefix!("audio_sized_destroy"))]
pub extern "C" fn audio_sized_destroy(number: c_int) -> c_int {
    status(sized::destroy(pool(number)))
}

/// Lends a buffer of at least `size` bytes, as `audio_pool_get`.
///
/// # Safety
/// * `capacity` is NULL or writable.
#[unsafe(export_name = prefix!("audio_sized_get"))]
pub unsafe extern "C" fn audio_sized_get(number: c_int, size: usize, capacity: *mut usize) -> *mut c_void {
    // SAFETY: NULL or writable, by the caller's promise.
    unsafe { lent(sized::get(pool(number), size), capacity) }
}

/// Takes a buffer back, as `audio_pool_put`.
///
/// # Safety
/// * After 0, nobody uses the buffer.
#[unsafe(export_name = prefix!("audio_sized_put"))]
pub unsafe extern "C" fn audio_sized_put(number: c_int, buffer: *mut c_void) -> c_int {
    status(sized::put(pool(number), buffer.cast()))
}

/// The statistics of a sized pool by class.
///
/// Answers 0, AUDIO_POOL_ENOPOOL or AUDIO_POOL_EINVAL.
///
/// # Safety
/// * `stats` is NULL or writable.
#[unsafe(export_name = prefix!("audio_sized_get_stats"))]
pub unsafe extern "C" fn audio_sized_get_stats(number: c_int, stats: *mut audio_sized_stats) -> c_int {
    let Some(stats) = NonNull::new(stats) else {
        return AUDIO_POOL_EINVAL;
    };
    match sized::stats(pool(number)) {
        Ok([small, medium, large, other]) => {
            let found = audio_sized_stats {
                small: (&small).into(),
                medium: (&medium).into(),
                large: (&large).into(),
                other: (&other).into(),
            };
            // SAFETY: writable, by the caller's promise.
            unsafe { stats.write(found) };
            0
        }
        Err(error) => code(error),
    }
}

/// Lends a buffer of the frame pool, which is made on first use with the configured frame size.
///
/// # Safety
/// * `capacity` is NULL or writable.
#[unsafe(export_name = prefix!("audio_frame_get"))]
pub unsafe extern "C" fn audio_frame_get(capacity: *mut usize) -> *mut c_void {
    // SAFETY: NULL or writable, by the caller's promise.
    unsafe { lent(global::pool(Kind::Frame).ok().and_then(floor::get), capacity) }
}

/// Takes a buffer of the frame pool back, as `audio_pool_put`.
///
/// # Safety
/// * After 0, nobody uses the buffer.
#[unsafe(export_name = prefix!("audio_frame_put"))]
pub unsafe extern "C" fn audio_frame_put(buffer: *mut c_void) -> c_int {
    status(global::pool(Kind::Frame).and_then(|pool| floor::put(pool, buffer.cast())))
}

/// Lends a buffer of the control pool, which is made on first use with the configured control size.
///
/// # Safety
/// * `capacity` is NULL or writable.
#[unsafe(export_name = prefix!("audio_control_get"))]
pub unsafe extern "C" fn audio_control_get(capacity: *mut usize) -> *mut c_void {
    // SAFETY: NULL or writable, by the caller's promise.
    unsafe { lent(global::pool(Kind::Control).ok().and_then(floor::get), capacity) }
}

/// Takes a buffer of the control pool back, as `audio_pool_put`.
///
/// # Safety
/// * After 0, nobody uses the buffer.
#[unsafe(export_name = prefix!("audio_control_put"))]
pub unsafe extern "C" fn audio_control_put(buffer: *mut c_void) -> c_int {
    status(global::pool(Kind::Control).and_then(|pool| floor::put(pool, buffer.cast())))
}

/// The statistics of the frame pool and the control pool, which are made if they were not used yet.
///
/// Answers 0, AUDIO_POOL_EINVAL or AUDIO_POOL_ENOMEM.
///
/// # Safety
/// * `stats` is NULL or writable.
#[unsafe(export_name = prefix!("audio_pool_get_pair_stats"))]
pub unsafe extern "C" fn audio_pool_get_pair_stats(stats: *mut audio_pool_pair_stats) -> c_int {
    let Some(stats) = NonNull::new(stats) else {
        return AUDIO_POOL_EINVAL;
    };
    match global::stats() {
        Ok([frame, control]) => {
            let found = audio_pool_pair_stats {
                frame_size: frame.current,
                frame_max: frame.max,
                frame_hit_rate: frame.hit_rate,
                control_size: control.current,
                control_max: control.max,
                control_hit_rate: control.hit_rate,
                frame: (&frame).into(),
                control: (&control).into(),
            };
            // SAFETY: writable, by the caller's promise.
            unsafe { stats.write(found) };
            0
        }
        Err(error) => code(error),
    }
}

/// The configuration of this moment; does nothing for NULL.
///
/// # Safety
/// * `config` is NULL or writable.
#[unsafe(export_name = prefix!("audio_pool_get_config"))]
pub unsafe extern "C" fn audio_pool_get_config(config: *mut audio_pool_config) {
    let Some(config) = NonNull::new(config) else {
        return;
    };
    let from = floor::settings();
    let found = audio_pool_config {
        frame_size: from.frame_size,
        control_size: from.control_size,
        max_buffers: from.max_buffers,
        prealloc_percent: from.prealloc_percent,
        multiplier: from.multiplier,
        cache_ttl_ms: from.cache_ttl_ms,
        max_caches: from.max_caches,
        clean_ms: from.clean_ms,
        tick_ms: from.tick_ms,
        high_latency_us: from.high_latency_us,
        latency_age_ms: from.latency_age_ms,
        measure: u32::from(from.measure),
    };
    // SAFETY: writable, by the caller's promise.
    unsafe { config.write(found) };
}

/// Changes the configuration as a whole, while everything runs. A bad field becomes its default. Sizes, the maximum and
/// the percentage count for pools made from now on, the rest at once.
///
/// Answers 0 or AUDIO_POOL_EINVAL.
///
/// # Safety
/// * `config` is NULL or readable.
#[unsafe(export_name = prefix!("audio_pool_set_config"))]
pub unsafe extern "C" fn audio_pool_set_config(config: *const audio_pool_config) -> c_int {
    let Some(config) = NonNull::new(config.cast_mut()) else {
        return AUDIO_POOL_EINVAL;
    };
    // SAFETY: readable, by the caller's promise.
    let from = unsafe { config.read() };
    floor::set_settings(Settings {
        frame_size: from.frame_size,
        control_size: from.control_size,
        max_buffers: from.max_buffers,
        prealloc_percent: from.prealloc_percent,
        multiplier: from.multiplier,
        cache_ttl_ms: from.cache_ttl_ms,
        max_caches: from.max_caches,
        clean_ms: from.clean_ms,
        tick_ms: from.tick_ms,
        high_latency_us: from.high_latency_us,
        latency_age_ms: from.latency_age_ms,
        measure: from.measure != 0,
    });
    0
}

/// Starts the latency recorder and the cleaner; once, however often it is called. In the tree there is nothing to start.
///
/// Answers 0 or AUDIO_POOL_ENOMEM.
#[unsafe(export_name = prefix!("audio_pool_monitoring_init"))]
pub extern "C" fn audio_pool_monitoring_init() -> c_int {
    status(floor::start_monitoring())
}

/// Stops both and waits until they have ended.
#[unsafe(export_name = prefix!("audio_pool_monitoring_stop"))]
pub extern "C" fn audio_pool_monitoring_stop() {
    floor::stop_monitoring();
}

/// Asks the cleaner to clean the thread caches now. Never blocks; requests made while one waits are that request.
#[unsafe(export_name = prefix!("audio_pool_cleanup"))]
pub extern "C" fn audio_pool_cleanup() {
    floor::request_cleaning();
}

/// Records a latency in µs. Never blocks. False: ten samples are waiting already, and this one is dropped.
#[unsafe(export_name = prefix!("audio_pool_record_latency"))]
pub extern "C" fn audio_pool_record_latency(us: u32) -> bool {
    floor::record_latency(us)
}

/// The last recorded latency. False: there is none, or it is older than 5 s.
///
/// # Safety
/// * `latency` is NULL or writable.
#[unsafe(export_name = prefix!("audio_pool_get_latency"))]
pub unsafe extern "C" fn audio_pool_get_latency(latency: *mut audio_pool_latency) -> bool {
    let Some(from) = floor::latency() else {
        return false;
    };
    if let Some(latency) = NonNull::new(latency) {
        let found = audio_pool_latency { time_ms: from.time, us: from.us, age_ms: from.age };
        // SAFETY: writable, by the caller's promise.
        unsafe { latency.write(found) };
    }
    true
}

/// How long gets and puts took while `measure` was set; does nothing for NULL. All 0 in the tree.
///
/// # Safety
/// * `timings` is NULL or writable.
#[unsafe(export_name = prefix!("audio_pool_get_timings"))]
pub unsafe extern "C" fn audio_pool_get_timings(timings: *mut audio_pool_timings) {
    let Some(timings) = NonNull::new(timings) else {
        return;
    };
    let frame: Timings = floor::timings(Group::Frame);
    let control: Timings = floor::timings(Group::Control);
    let found = audio_pool_timings {
        frame_get_hit: (&frame.get_hit).into(),
        frame_get_miss: (&frame.get_miss).into(),
        frame_put: (&frame.put).into(),
        control_get_hit: (&control.get_hit).into(),
        control_get_miss: (&control.get_miss).into(),
        control_put: (&control.put).into(),
    };
    // SAFETY: writable, by the caller's promise.
    unsafe { timings.write(found) };
}
