//! The configuration, and the times of calls.

use std::thread;

use rockmem::capi::audio_pool::*;

use crate::support::*;

fn config() -> audio_pool_config {
    let mut config = audio_pool_config::default();
    // SAFETY: writable.
    unsafe { audio_pool_get_config(&mut config) };
    config
}

fn timings() -> audio_pool_timings {
    let mut timings = audio_pool_timings::default();
    // SAFETY: writable.
    unsafe { audio_pool_get_timings(&mut timings) };
    timings
}

#[test]
fn the_defaults_are_those_of_the_header() {
    let _world = world();
    assert_eq!(
        config(),
        audio_pool_config {
            frame_size: 1500,
            control_size: 17,
            max_buffers: 100,
            prealloc_percent: 20,
            multiplier: 100,
            cache_ttl_ms: 60_000,
            max_caches: 500,
            clean_ms: 30_000,
            tick_ms: 10_000,
            high_latency_us: 10_000,
            latency_age_ms: 5_000,
            measure: 0,
        }
    );
}

#[test]
fn a_bad_field_becomes_its_default_and_the_others_stay() {
    let _world = world();
    configured(|config| {
        config.frame_size = 262_145;
        config.control_size = 0;
        config.max_buffers = 50;
        config.prealloc_percent = 101;
    });
    let now = config();
    assert_eq!((now.frame_size, now.control_size, now.max_buffers, now.prealloc_percent), (1500, 17, 50, 20));
}

#[test]
fn sizes_count_for_pools_made_later_and_the_multiplier_at_once() {
    let _world = world();
    let old = pool(0);
    configured(|config| {
        config.frame_size = 3000;
        config.max_buffers = 40;
        config.multiplier = 1000;
    });
    let new = pool(0);
    let lent = old.get();
    old.put(lent);
    let now = old.stats();
    assert_eq!((now.buffer_size, now.max, now.hit_rate), (1500, 100, 100_000));
    let now = new.stats();
    assert_eq!((now.buffer_size, now.max, now.preallocated_max), (3000, 40, 8));
}

#[test]
fn the_global_pools_are_made_on_first_use_with_the_sizes_configured_then() {
    let _world = world();
    configured(|config| {
        config.frame_size = 960;
        config.control_size = 33;
    });
    let mut capacity = 0;
    // SAFETY: the pointers are writable, and what is put is not used any more.
    unsafe {
        let frame = audio_frame_get(&mut capacity);
        assert_eq!(capacity, 960);
        let control = audio_control_get(&mut capacity);
        assert_eq!(capacity, 33);
        assert_eq!(audio_control_put(frame), AUDIO_POOL_ESIZE);
        assert_eq!(audio_frame_put(control), AUDIO_POOL_ESIZE);
        assert_eq!((audio_frame_put(frame), audio_control_put(control)), (0, 0));
        configured(|config| config.frame_size = 2000);
        let frame = audio_frame_get(&mut capacity);
        assert_eq!(capacity, 960, "a pool that is made stays as it is");
        assert_eq!(audio_frame_put(frame), 0);

        let mut pair = audio_pool_pair_stats::default();
        assert_eq!(audio_pool_get_pair_stats(&mut pair), 0);
        assert_eq!((pair.frame.gets, pair.control.gets), (2, 1));
        assert_eq!((pair.frame_max, pair.control_max), (100, 100));
        assert_eq!((pair.frame_size, pair.control_size), (pair.frame.current, pair.control.current));
        assert_eq!((pair.frame_hit_rate, pair.control_hit_rate), (10_000, 10_000));
        assert_eq!((pair.frame.buffer_size, pair.control.buffer_size), (960, 33));
        assert_eq!(pair.frame.refused + pair.control.refused, 2);
    }
}

#[test]
fn configuration_changes_while_threads_use_the_pool() {
    let _world = world();
    let pool = pool(64);
    let number = pool.0;
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(move || {
                let pool = core::mem::ManuallyDrop::new(Pool(number));
                for _ in 0..3000 {
                    let lent = pool.get();
                    pool.put(lent);
                }
            });
        }
        for round in 0..300 {
            configured(|config| config.measure = round % 2);
        }
    });
    assert_eq!(pool.stats().gets, 9000);
    assert_eq!(pool.stats().lent, 0);
}

#[test]
fn calls_are_timed_in_their_group_when_that_is_switched_on_and_not_when_it_is_off() {
    let _world = world();
    let (frame, control) = (pool_of(1500, 10, 0), pool_of(17, 10, 0));
    let before = timings();
    let work = || {
        for pool in [&frame, &control] {
            let lent: Vec<_> = (0..3).map(|_| pool.get()).collect(); // 2 preallocated, 1 miss
            for lent in &lent {
                pool.put(*lent);
            }
            assert_eq!(pool.try_put(lent[0]), AUDIO_POOL_ETWICE);
            for _ in 0..3 {
                pool.get();
            }
        }
    };
    configured(|config| config.measure = 1);
    work();
    configured(|config| config.measure = 0);
    let now = timings();
    let counts = |t: &audio_pool_timings| {
        [t.frame_get_hit, t.frame_get_miss, t.frame_put, t.control_get_hit, t.control_get_miss, t.control_put]
            .map(|p| p.count)
    };
    let (before, after) = (counts(&before), counts(&now));
    let added: Vec<_> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!(added, [5, 1, 4, 5, 1, 4], "the refused put is one of the four");
    assert!(now.frame_put.p50 <= now.frame_put.p95 && now.frame_put.p95 <= now.frame_put.p99);
    assert!(now.frame_put.p99 > 0);

    frame.get();
    control.get();
    assert_eq!(counts(&timings()), after);
}
