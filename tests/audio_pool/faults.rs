//! The faults of the design this pool comes from, by name. None of them may return.

use std::thread;

use rockmem::capi::audio_pool::*;

use crate::support::*;

#[test]
fn fault_one_thread_cache_shared_by_all_pools() {
    let _world = world();
    let (small, large) = (pool(64), pool(1500));
    let lent = small.get();
    small.put(lent);
    // The buffer lies in this thread's slots; the other pool must not find it there.
    for _ in 0..30 {
        let (got, capacity) = large.get_sized();
        assert_ne!(got, lent);
        assert_eq!(capacity, 1500);
    }
}

#[test]
fn fault_misses_never_counted_and_one_get_counted_as_hit_and_miss() {
    let _world = world();
    let pool = pool_of(64, 10, 0); // 2 preallocated
    for gets in 1..=12u64 {
        pool.get();
        let now = pool.stats();
        assert_eq!((now.gets, now.hits, now.misses), (gets, gets.min(2), gets.saturating_sub(2)));
    }
}

#[test]
fn fault_a_forced_cleanup_sent_by_every_get() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pool = pool(64);
    let lent = pool.get();
    pool.put(lent);
    for _ in 0..10_000 {
        let lent = pool.get();
        pool.put(lent);
    }
    // The cleaner looks once more, after everything that the gets may have asked for.
    world.advance(1);
    world.settle();
    assert_eq!(world.rounds().cleaned, world.rounds_at_start().cleaned);
    assert_eq!(world.caches(), 1);
}

#[test]
fn fault_a_second_cache_map_without_expiry_that_nothing_fills() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pools = [pool(64), pool(1500), pool(4096)];
    for pool in &pools {
        let lent = pool.get();
        pool.put(lent);
    }
    assert_eq!(world.caches(), 3, "every cache is in the one registry");
    world.advance(60_001);
    world.clean();
    assert_eq!(world.caches(), 0);
    for pool in &pools {
        assert_eq!(pool.stats().in_threads, 0);
    }
}

#[test]
fn fault_sizes_never_filled_in() {
    let _world = world();
    let pool = pool(1500);
    let _lent = pool.get();
    let now = pool.stats();
    assert_eq!((now.idle_bytes, now.lent_bytes, now.average_size), (19 * 1500, 1500, 1500));
}

#[test]
fn fault_a_stack_trace_formatted_per_call_to_find_the_thread() {
    // That no call allocates is in audio_pool_allocations.rs; here, that threads are told apart all the same.
    let _world = world();
    let pool = pool(64);
    let lent = pool.get();
    pool.put(lent);
    let pool_number = pool.0;
    let other = thread::spawn(move || {
        let pool = core::mem::ManuallyDrop::new(Pool(pool_number));
        let got = pool.get();
        pool.put(got);
        got
    })
    .join()
    .expect("joined");
    assert_ne!(other, lent, "this thread's slots are its own");
    assert_eq!(pool.get(), lent);
}

#[test]
fn fault_expired_buffers_dropped_instead_of_returned() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pool = pool(64);
    let lent: Vec<_> = (0..4).map(|_| pool.get()).collect();
    for lent in &lent {
        pool.put(*lent);
    }
    let buffers = world.buffers();
    assert_eq!(pool.places(), [16, 0, 4, 0]);
    world.advance(60_001);
    world.clean();
    assert_eq!(pool.places(), [20, 0, 0, 0]);
    assert_eq!(world.buffers(), buffers);
}

#[test]
fn fault_negative_sizes() {
    let _world = world();
    let pool = pool_of(64, 5, 0); // 1 preallocated
    for wave in [30, 3, 50, 0, 7] {
        let lent: Vec<_> = (0..wave).map(|_| pool.get()).collect();
        assert_eq!(pool.stats().lent, wave);
        for lent in lent {
            pool.put(lent);
        }
        let now = pool.stats();
        assert!(now.current <= 5 && now.preallocated <= 1 && now.in_threads <= 4, "{now:?}");
        assert_eq!(now.lent, 0);
    }
}

#[test]
fn fault_races_on_last_access() {
    // Threads use their caches while the cleaner reads when they did; the thread sanitizer runs this test, too.
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pool = pool(64);
    let number = pool.0;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                let pool = core::mem::ManuallyDrop::new(Pool(number));
                for _ in 0..5_000 {
                    let lent = pool.get();
                    pool.put(lent);
                }
            });
        }
        for _ in 0..200 {
            world.advance(20_000);
            audio_pool_cleanup();
        }
    });
    assert_eq!(pool.stats().gets, 20_000);
    assert_eq!(pool.stats().lent, 0);
}
