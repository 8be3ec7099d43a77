//! What depends on time: expiry, cleaning, latency.

use std::sync::mpsc;
use std::thread;

use rockmem::capi::audio_pool::*;

use crate::support::*;

fn put_one(pool: &Pool) {
    let lent = pool.get();
    pool.put(lent);
}

#[test]
fn a_cache_expires_when_it_is_strictly_older_than_the_time_to_live() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pool = pool(64);
    put_one(&pool);
    world.advance(60_000);
    world.clean();
    assert_eq!((world.caches(), pool.stats().in_threads), (1, 1));
    world.advance(1);
    world.clean();
    assert_eq!((world.caches(), pool.stats().in_threads), (0, 0));
    // The next put makes it anew.
    put_one(&pool);
    assert_eq!((world.caches(), pool.stats().in_threads), (1, 1));
}

#[test]
fn a_get_counts_as_use_and_keeps_the_cache() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pool = pool(64);
    let lent: Vec<_> = (0..4).map(|_| pool.get()).collect();
    for lent in lent {
        pool.put(lent);
    }
    for left in [3, 2, 1] {
        world.advance(59_000);
        pool.get();
        world.clean();
        assert_eq!((world.caches(), pool.stats().in_threads), (1, left));
    }
}

#[test]
fn the_slots_of_a_thread_that_sleeps_go_back_and_it_goes_on_unharmed() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pool = pool(64);
    let number = pool.0;
    let (go, wait) = mpsc::channel();
    let (done, ready) = mpsc::channel();
    let sleeper = thread::spawn(move || {
        let pool = core::mem::ManuallyDrop::new(Pool(number));
        for () in wait {
            let lent: Vec<_> = (0..4).map(|_| pool.get()).collect();
            for lent in lent {
                pool.put(lent);
            }
            done.send(()).expect("sent");
        }
    });
    for _ in 0..3 {
        go.send(()).expect("sent");
        ready.recv().expect("received");
        assert_eq!(pool.places(), [16, 0, 4, 0]);
        world.advance(60_001);
        world.clean();
        assert_eq!(pool.places(), [20, 0, 0, 0]);
    }
    drop(go);
    sleeper.join().expect("joined");
    assert_eq!(pool.stats().gets, 12);
    assert_eq!(pool.stats().misses, 0);
}

#[test]
fn the_cleaner_looks_every_ten_seconds_and_cleans_every_thirty() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    world.wait(|rounds| rounds.looked > world.rounds_at_start().looked);
    let start = world.rounds();
    for tick in 1..=9u64 {
        world.advance(9_999);
        world.settle();
        world.advance(1);
        world.settle();
        assert_eq!(world.rounds().cleaned - start.cleaned, tick / 3, "after {tick}0 s");
    }
}

#[test]
fn a_get_that_finds_a_cleaning_due_asks_for_it() {
    let world = world();
    let pool = pool(64);
    put_one(&pool);
    assert_eq!(audio_pool_monitoring_init(), 0);
    world.wait(|rounds| rounds.looked > world.rounds_at_start().looked);
    let before = world.rounds().cleaned;
    configured(|config| config.tick_ms = 86_400_000); // the tick will not
    world.advance(10_000); // the last tick of ten seconds
    world.advance(20_000);
    put_one(&pool);
    world.wait(|rounds| rounds.cleaned > before);
}

#[test]
fn requests_made_while_one_waits_are_one_request() {
    let world = world();
    for _ in 0..1000 {
        audio_pool_cleanup();
    }
    let before = world.rounds().cleaned;
    assert_eq!(audio_pool_monitoring_init(), 0);
    world.wait(|rounds| rounds.cleaned > before);
    world.advance(1);
    world.settle();
    assert_eq!(world.rounds().cleaned, before + 1);
}

/// As many caches as pools: one thread, one buffer put to each, a millisecond apart.
fn many(world: &World, count: usize) -> Vec<Pool> {
    (0..count)
        .map(|_| {
            let pool = pool_of(64, 1, 0);
            world.advance(1);
            put_one(&pool);
            pool
        })
        .collect()
}

fn cached(pools: &[Pool]) -> Vec<bool> {
    pools.iter().map(|pool| pool.stats().in_threads == 1).collect()
}

#[test]
fn over_five_hundred_caches_the_least_recently_used_go_until_half_are_left() {
    let world = world();
    let pools = many(&world, 500);
    assert_eq!(world.caches(), 500);
    assert_eq!(audio_pool_monitoring_init(), 0);
    world.clean();
    assert_eq!(world.caches(), 500, "five hundred are not too many");

    let before = world.rounds().cleaned;
    let last = pool_of(64, 1, 0);
    put_one(&last); // refused a cache, and asks for a cleaning
    world.wait(|rounds| rounds.cleaned > before);
    assert_eq!(world.caches(), 250);
    let expected: Vec<_> = (0..500).map(|n| n >= 250).collect();
    assert_eq!(cached(&pools), expected);
    put_one(&last);
    assert_eq!(world.caches(), 251);
}

#[test]
fn there_are_never_more_than_five_hundred_caches() {
    let world = world();
    let _pools = many(&world, 520);
    assert_eq!(world.caches(), 500);
}

#[test]
fn under_high_latency_a_quarter_is_allowed_and_an_eighth_is_left() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pools = many(&world, 126);
    record(&world, 10_000);
    world.clean();
    assert_eq!(world.caches(), 126, "10 ms is not high");
    record(&world, 10_001);
    world.clean();
    assert_eq!(world.caches(), 62);
    let expected: Vec<_> = (0..126).map(|n| n >= 64).collect();
    assert_eq!(cached(&pools), expected);
}

#[test]
fn under_high_latency_a_cache_lives_for_a_quarter_of_the_time() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pool = pool(64);
    put_one(&pool);
    world.advance(15_000);
    record(&world, 20_000);
    world.clean();
    assert_eq!(world.caches(), 1);
    world.advance(1);
    world.clean();
    assert_eq!(world.caches(), 0);
}

#[test]
fn under_high_latency_a_cleaning_is_due_after_half_the_time() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    world.wait(|rounds| rounds.looked > world.rounds_at_start().looked);
    let before = world.rounds().cleaned;
    for (step, cleaned) in [(10_000, 0), (10_000, 1), (10_000, 1), (10_000, 2)] {
        world.advance(step - 1);
        world.settle();
        record(&world, 50_000 + step as u32 + cleaned as u32);
        world.advance(1);
        world.settle();
        assert_eq!(world.rounds().cleaned - before, cleaned);
    }
}

#[test]
fn the_latency_is_the_last_recorded_one_with_its_time_and_is_forgotten_after_five_seconds() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    assert_eq!(latency(), None);
    record(&world, 1_500);
    let time = world.now();
    for age in [0, 1, 4_999] {
        world.advance(age);
        let seen = latency().expect("recorded");
        assert_eq!((seen.us, seen.time_ms), (1_500, time));
        assert_eq!(u64::from(seen.age_ms), world.now() - time);
    }
    assert_eq!(world.now() - time, 5_000);
    world.advance(1);
    assert_eq!(latency(), None);
    record(&world, 7);
    assert_eq!(latency().map(|latency| latency.us), Some(7));
}

#[test]
fn the_eleventh_sample_that_waits_is_dropped_and_none_ever_blocks() {
    let world = world();
    let dropped = world.dropped();
    for us in 1..=10 {
        assert!(audio_pool_record_latency(us));
    }
    for us in 11..=20 {
        assert!(!audio_pool_record_latency(us));
    }
    assert_eq!(world.dropped(), dropped + 10);
    assert_eq!(latency(), None, "nobody has recorded them yet");
    let before = world.rounds().recorded;
    assert_eq!(audio_pool_monitoring_init(), 0);
    world.wait(|rounds| rounds.recorded > before);
    assert_eq!(latency().map(|latency| latency.us), Some(10));
}

/// The threads of this process that have this name.
#[cfg(target_os = "linux")]
fn threads_named(name: &str) -> usize {
    std::fs::read_dir("/proc/self/task")
        .expect("proc")
        .flatten()
        .filter(|task| std::fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name))
        .count()
}

#[test]
fn monitoring_is_started_once_however_often_it_is_asked_for_and_stop_joins() {
    let world = world();
    for round in 0..3 {
        let before = world.rounds();
        for _ in 0..5 {
            assert_eq!(audio_pool_monitoring_init(), 0);
        }
        world.wait(|rounds| rounds.looked > before.looked && rounds.recorded > before.recorded);
        assert!(world.is_monitored());
        #[cfg(target_os = "linux")]
        for name in ["audio-latency", "audio-cleaner"] {
            assert_eq!(threads_named(name), 1, "{name} in round {round}");
        }
        for _ in 0..2 {
            audio_pool_monitoring_stop();
            assert!(!world.is_monitored());
        }
        #[cfg(target_os = "linux")]
        for name in ["audio-latency", "audio-cleaner"] {
            assert_eq!(threads_named(name), 0, "{name} in round {round}");
        }
    }
}
