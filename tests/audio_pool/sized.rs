//! The sized pool.

use core::ffi::{c_int, c_void};

use rockmem::capi::audio_pool::*;

use crate::support::*;

struct Sized(c_int);

impl Sized {
    fn get(&self, size: usize) -> (Lent, usize) {
        let mut capacity = 0;
        // SAFETY: writable.
        let data = unsafe { audio_sized_get(self.0, size, &mut capacity) };
        assert!(!data.is_null() && capacity >= size);
        (Lent(data.expose_provenance()), capacity)
    }

    fn put(&self, lent: Lent) -> c_int {
        // SAFETY: not used any more.
        unsafe { audio_sized_put(self.0, lent.pointer()) }
    }

    fn stats(&self) -> audio_sized_stats {
        let mut stats = audio_sized_stats::default();
        // SAFETY: writable.
        assert_eq!(unsafe { audio_sized_get_stats(self.0, &mut stats) }, 0);
        stats
    }
}

impl Drop for Sized {
    fn drop(&mut self) {
        assert_eq!(audio_sized_destroy(self.0), 0);
    }
}

fn sized(max: u32) -> Sized {
    let sized = audio_sized_create(max, 0);
    assert!(sized > 0);
    Sized(sized)
}

#[test]
fn every_request_is_served_by_its_class_and_what_comes_back_fits_the_next_one() {
    let world = world();
    let before = world.buffers();
    let pool = sized(0);
    for (size, capacity) in [
        (0, 1024),
        (1, 1024),
        (1024, 1024),
        (1025, 2048),
        (4096, 4096),
        (4097, 8192),
        (65_536, 65_536),
        (65_537, 131_072),
        (1 << 20, 1 << 20),
    ] {
        let (lent, got) = pool.get(size);
        assert_eq!(got, capacity, "{size}");
        lent.mark(1);
        assert_eq!(pool.put(lent), 0);
        assert_eq!(pool.put(lent), AUDIO_POOL_ETWICE);
        assert_eq!(pool.get(size.max(1)).0, lent);
        assert_eq!(pool.put(lent), 0);
    }
    let now = pool.stats();
    assert_eq!((now.small.gets, now.medium.gets, now.large.gets), (10, 4, 4));
    assert_eq!((now.small.misses, now.medium.misses, now.large.misses), (3, 2, 2));
    assert_eq!((now.small.hit_rate, now.small.puts), (7000, 10));
    assert_eq!((now.small.idle, now.small.idle_bytes), (3, 7168));
    assert_eq!(now.small.average_size, 7168 / 3);
    assert_eq!((now.medium.idle_bytes, now.large.idle_bytes), (8192 + 65_536, 131_072 + (1 << 20)));
    assert_eq!(now.other.gets, 0);
    drop(pool);
    assert_eq!(world.buffers(), before);
}

#[test]
fn a_larger_request_is_served_and_not_kept() {
    let world = world();
    let pool = sized(0);
    let before = world.buffers();
    let size = (1 << 20) + 1;
    for round in 1..=3u64 {
        let (lent, capacity) = pool.get(size);
        assert_eq!(capacity, size);
        let now = pool.stats().other;
        assert_eq!((now.lent, now.lent_bytes), (1, size as u64));
        assert_eq!(pool.put(lent), 0);
        assert_eq!(pool.put(lent), AUDIO_POOL_EFOREIGN, "it is gone");
        let now = pool.stats().other;
        assert_eq!((now.gets, now.misses, now.puts, now.freed, now.hit_rate), (round, round, round, round, 0));
        assert_eq!(world.buffers(), before);
    }
}

#[test]
fn a_class_keeps_at_most_its_maximum() {
    let _world = world();
    let pool = sized(6); // 2 to each size of the small class
    let lent: Vec<_> = (0..30).map(|_| pool.get(1000).0).collect();
    for lent in lent {
        assert_eq!(pool.put(lent), 0);
    }
    let now = pool.stats().small;
    assert_eq!((now.max, now.current, now.in_threads, now.freed), (6, 2, 4, 24));
}

#[test]
fn another_pools_buffer_is_taken_where_it_fits_and_refused_where_it_does_not() {
    let _world = world();
    let sized = sized(0);
    for (size, answer) in [(1000, AUDIO_POOL_ESIZE), (1024, 0), (1500, 0), (200_000, 0)] {
        let other = pool(size);
        let lent = other.get();
        assert_eq!(sized.put(lent), answer, "{size}");
        if answer != 0 {
            other.put(lent);
        }
    }
    let mut foreign = [0u8; 64];
    assert_eq!(sized.put(Lent(foreign.as_mut_ptr().expose_provenance())), AUDIO_POOL_EFOREIGN);
    assert_eq!(sized.stats().other.refused, 2);
    assert_eq!(sized.stats().small.idle_bytes, 2524);
}

#[test]
fn buffers_that_outlive_the_sized_pool_are_freed_when_they_come_back() {
    let world = world();
    let before = world.buffers();
    let pool = sized(0);
    let lent = [100, 5000, 2 << 20].map(|size| pool.get(size).0);
    let number = pool.0;
    drop(pool);
    assert_eq!(world.buffers(), before + 3);
    let next = sized(0);
    assert_ne!(next.0, number);
    // SAFETY: NULL is allowed.
    assert!(unsafe { audio_sized_get(number, 100, core::ptr::null_mut()) }.is_null());
    for lent in lent {
        // SAFETY: not used any more.
        assert_eq!(unsafe { audio_sized_put(number, lent.pointer()) }, 0);
    }
    assert_eq!(world.buffers(), before);
}

#[test]
fn numbers_of_pools_and_of_sized_pools_are_not_mixed_up() {
    let _world = world();
    let (fixed, sized) = (pool(64), sized(0));
    // SAFETY: NULL is allowed, and nothing is lent.
    unsafe {
        assert!(audio_pool_get(sized.0, core::ptr::null_mut::<usize>()).is_null());
        assert!(audio_sized_get(fixed.0, 1, core::ptr::null_mut::<usize>()).is_null());
        assert_eq!(audio_sized_put(fixed.0, core::ptr::null_mut::<c_void>()), AUDIO_POOL_EFOREIGN);
    }
    assert_eq!(audio_pool_destroy(sized.0), AUDIO_POOL_ENOPOOL);
    assert_eq!(audio_sized_destroy(fixed.0), AUDIO_POOL_ENOPOOL);
}
