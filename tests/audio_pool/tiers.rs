//! The order of the tiers, their bounds, and what is counted.

use rockmem::capi::audio_pool::*;

use crate::support::*;

#[test]
fn a_get_asks_slots_then_preallocated_then_overflow_then_the_system_and_a_put_offers_in_the_same_order() {
    let _world = world();
    let pool = pool_of(1500, 100, 0);
    assert_eq!(pool.places(), [20, 0, 0, 0]);

    let lent: Vec<_> = (0..150).map(|_| pool.get()).collect();
    let now = pool.stats();
    assert_eq!((now.hits_thread, now.hits_preallocated, now.hits_overflow, now.misses), (0, 20, 0, 130));
    assert_eq!(pool.places(), [0, 0, 0, 150]);

    let mut expected = [0, 0, 0, 150];
    for lent in lent {
        pool.put(lent);
        expected[3] -= 1;
        if expected[2] < 4 {
            expected[2] += 1;
        } else if expected[0] < 20 {
            expected[0] += 1;
        } else if expected[1] < 100 {
            expected[1] += 1;
        }
        assert_eq!(pool.places(), expected);
    }
    let now = pool.stats();
    assert_eq!((now.puts, now.freed, now.refused), (150, 26, 0));

    for _ in 0..124 {
        pool.get();
    }
    let now = pool.stats();
    assert_eq!((now.hits_thread, now.hits_preallocated, now.hits_overflow, now.misses), (4, 40, 100, 130));
    pool.get();
    assert_eq!(pool.stats().misses, 131);
}

#[test]
fn a_thread_has_no_cache_before_its_first_put() {
    let world = world();
    let pool = pool(1500);
    let lent = pool.get();
    assert_eq!(world.caches(), 0);
    pool.put(lent);
    assert_eq!(world.caches(), 1);
    assert_eq!(pool.places(), [19, 0, 1, 0]);
}

#[test]
fn a_fifth_is_preallocated_up_to_the_frame_size_and_a_tenth_above() {
    let _world = world();
    for (size, made) in [(17, 20), (1500, 20), (1501, 10), (4096, 10)] {
        let pool = pool(size);
        let now = pool.stats();
        assert_eq!((now.preallocated, now.preallocated_max, now.max), (made, made, 100), "{size}");
        assert_eq!(now.idle_bytes, u64::from(made) * size as u64);
    }
    assert_eq!(pool_of(64, 10, 0).stats().preallocated, 2);
}

#[test]
fn buffers_are_on_lines_of_their_own_and_have_the_pools_capacity() {
    let _world = world();
    for size in [1, 17, 64, 1500, 65_536] {
        let pool = pool(size);
        let (lent, capacity) = pool.get_sized();
        assert_eq!(capacity, size);
        assert_eq!(lent.0 % 32, 0);
        let (next, _) = pool.get_sized();
        let lines = |lent: Lent| (lent.0 / 64, (lent.0 + size - 1) / 64);
        assert!(lines(lent).1 < lines(next).0 || lines(next).1 < lines(lent).0, "they share a line");
        pool.put(next);
        assert_eq!(audio_pool_capacity(lent.pointer()), size);
        lent.mark(1);
        pool.put(lent);
        assert_eq!(audio_pool_capacity(lent.pointer()), 0, "not lent any more");
    }
}

#[test]
fn a_bad_size_makes_a_pool_of_frames() {
    let _world = world();
    for size in [0, 262_145, usize::MAX] {
        assert_eq!(pool(size).stats().buffer_size, 1500);
    }
    assert_eq!(pool(262_144).stats().buffer_size, 262_144);
}

#[test]
fn nobody_gets_a_buffer_that_another_one_has() {
    let _world = world();
    let pool = pool(64);
    let mut all: Vec<_> = (0..300).map(|_| pool.get()).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 300);
}

#[test]
fn the_statistics_follow_buffers_and_bytes_and_the_rate_is_of_hits() {
    let _world = world();
    let pool = pool_of(1000, 10, 0);
    assert_eq!(pool.stats().hit_rate, 0, "nothing was asked");
    let lent: Vec<_> = (0..8).map(|_| pool.get()).collect();
    let now = pool.stats();
    assert_eq!((now.lent, now.lent_bytes, now.idle, now.idle_bytes), (8, 8000, 0, 0));
    assert_eq!((now.hits, now.misses, now.hit_rate, now.average_size), (2, 6, 2500, 1000));
    for lent in lent {
        pool.put(lent);
    }
    let now = pool.stats();
    assert_eq!((now.lent, now.idle, now.idle_bytes), (0, 8, 8000));
    for _ in 0..8 {
        let lent = pool.get();
        pool.put(lent);
    }
    assert_eq!(pool.stats().hit_rate, 6250);
}

#[test]
fn foreign_doubled_and_wrong_size_puts_are_refused_and_change_nothing() {
    let _world = world();
    let pool = pool(1000);
    let mut other = [0u8; 4096];
    let foreign = Lent(other.as_mut_ptr().expose_provenance());
    // Also on its first call on the pool, and where reading around the pointer would fault.
    for pointer in [foreign, Lent(0), Lent(64), Lent(usize::MAX & !63)] {
        assert_eq!(pool.try_put(pointer), AUDIO_POOL_EFOREIGN);
    }

    let lent = pool.get();
    assert_eq!(pool.try_put(Lent(lent.0 + 1)), AUDIO_POOL_EFOREIGN);
    assert_eq!(pool.try_put(Lent(lent.0 + 64)), AUDIO_POOL_EFOREIGN);
    pool.put(lent);
    for _ in 0..3 {
        assert_eq!(pool.try_put(lent), AUDIO_POOL_ETWICE, "it lies in the slots");
    }
    let many: Vec<_> = (0..8).map(|_| pool.get()).collect();
    for lent in &many {
        pool.put(*lent);
    }
    for lent in &many {
        assert_eq!(pool.try_put(*lent), AUDIO_POOL_ETWICE, "it lies in any tier");
    }

    let before = pool.stats();
    let (small, large) = (crate::support::pool(999), crate::support::pool(2001));
    let (too_small, too_large) = (small.get(), large.get());
    assert_eq!(pool.try_put(too_small), AUDIO_POOL_ESIZE);
    assert_eq!(pool.try_put(too_large), AUDIO_POOL_ESIZE);
    small.put(too_small);
    large.put(too_large);

    let now = pool.stats();
    assert_eq!(now.refused, before.refused + 2);
    assert_eq!((now.puts, now.idle), (before.puts, before.idle));
    assert_eq!(now.refused, 4 + 2 + 3 + 8 + 2);
}

#[test]
fn a_buffer_of_another_pool_is_taken_from_the_size_to_twice_the_size_and_stays() {
    let _world = world();
    let pool = pool(1000);
    for size in [1000, 1001, 2000] {
        let other = crate::support::pool(size);
        let lent = other.get();
        let before = pool.stats();
        pool.put(lent);
        assert_eq!(other.stats().lent, 0);
        let now = pool.stats();
        assert_eq!(now.idle_bytes, before.idle_bytes + size as u64);
        drop(other);
        let (again, capacity) = pool.get_sized();
        assert_eq!((again, capacity), (lent, size), "the capacity is the buffer's own");
    }
}

#[test]
fn put_does_not_clear_and_a_pool_that_zeroes_lends_zeros() {
    let _world = world();
    for (flags, expected) in [(0, true), (AUDIO_POOL_ZERO, false)] {
        let pool = pool_of(256, 0, flags);
        for _ in 0..200 {
            let lent = pool.get();
            lent.mark(0xEE);
            pool.put(lent);
            let again = pool.get();
            assert_eq!(again, lent);
            assert_eq!(again.has(0xEE), expected);
            assert_eq!(again.has(0), !expected);
            pool.put(again);
        }
        assert_eq!(pool.stats().gets, 400);
    }
}

#[test]
fn destroying_a_pool_with_buffers_out_leaves_them_good_and_frees_them_when_they_come_back() {
    let world = world();
    let before = world.buffers();
    let gone = pool(500);
    let [one, two, three] = [gone.get(), gone.get(), gone.get()];
    two.mark(2);
    gone.put(one);
    let gone = gone.destroy();
    assert_eq!(world.buffers(), before + 2, "what was idle is freed");
    assert!(two.has(2));
    assert_eq!(audio_pool_destroy(gone), AUDIO_POOL_ENOPOOL);
    // SAFETY: NULL is allowed.
    assert!(unsafe { audio_pool_get(gone, core::ptr::null_mut()) }.is_null());

    let dead = core::mem::ManuallyDrop::new(Pool(gone));
    assert_eq!(dead.try_put(one), AUDIO_POOL_EFOREIGN, "it was freed with the pool");
    dead.put(two);
    assert_eq!(dead.try_put(two), AUDIO_POOL_EFOREIGN);
    let next = pool(500);
    assert_ne!(next.0, gone, "the number is not used again at once");
    next.put(three);
    assert_eq!(next.stats().in_threads, 1, "a living pool may have it");
    let lent = next.get();
    assert_eq!(dead.try_put(lent), AUDIO_POOL_ENOPOOL);
    next.put(lent);
    drop(next);
    assert_eq!(world.buffers(), before);
}

#[test]
fn a_thousand_pools_are_made_and_destroyed_without_growth() {
    let world = world();
    let round = || {
        let pool = pool(64);
        let lent = pool.get();
        pool.put(lent);
    };
    round();
    let (buffers, parts) = (world.buffers(), world.parts());
    for _ in 0..5000 {
        round();
    }
    assert_eq!(world.buffers(), buffers);
    assert!(world.parts() <= parts + 1, "{} {parts}", world.parts());
}
