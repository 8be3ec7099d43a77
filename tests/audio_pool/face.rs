//! What only the C face does: batches, NULLs, numbers that are no pools.

use core::ffi::c_void;
use core::ptr;

use rockmem::capi::audio_pool::*;

use crate::support::*;

#[test]
fn a_batch_lends_and_takes_many_in_one_call() {
    let _world = world();
    let pool = pool(64);
    let mut buffers = [ptr::null_mut::<c_void>(); 50];
    // SAFETY: room for so many; what is put is not used any more.
    unsafe {
        assert_eq!(audio_pool_get_many(pool.0, buffers.as_mut_ptr(), 50), 50);
        let mut sorted = buffers.to_vec();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), 50);
        assert_eq!(pool.stats().lent, 50);

        // What is refused stays, what is taken becomes NULL, NULLs are skipped.
        let mut foreign = [0u8; 64];
        let twice = buffers[7];
        buffers[8] = foreign.as_mut_ptr().cast();
        let lost = pool.stats().lent; // one pointer was overwritten
        assert_eq!(lost, 50);
        assert_eq!(audio_pool_put(pool.0, twice), 0);
        assert_eq!(audio_pool_put_many(pool.0, buffers.as_mut_ptr(), 50), 48);
        for (at, buffer) in buffers.iter().enumerate() {
            assert_eq!(!buffer.is_null(), at == 7 || at == 8, "{at}");
        }
        assert_eq!(audio_pool_put_many(pool.0, buffers.as_mut_ptr(), 50), 0);
    }
    let now = pool.stats();
    assert_eq!((now.puts, now.refused, now.lent), (49, 4, 1));
}

#[test]
fn nulls_and_numbers_that_are_no_pools_get_the_error_at_once() {
    let _world = world();
    let pool = pool(64);
    let mut buffers = [ptr::null_mut::<c_void>(); 2];
    let mut stats = audio_pool_stats::default();
    for number in [0, -1, i32::MIN, i32::MAX, pool.0 + 1, pool.0 + (1 << 10), 1 << 30] {
        let mut capacity = 77;
        // SAFETY: every pointer is NULL or writable.
        unsafe {
            assert!(audio_pool_get(number, &mut capacity).is_null(), "{number}");
            assert_eq!(capacity, 0);
            assert!(audio_pool_get(number, ptr::null_mut()).is_null());
            assert!(audio_sized_get(number, 10, &mut capacity).is_null());
            assert_eq!(audio_pool_get_many(number, buffers.as_mut_ptr(), 2), 0);
            assert_eq!(audio_pool_get_stats(number, &mut stats), AUDIO_POOL_ENOPOOL);
            assert_eq!(audio_pool_put(number, ptr::null_mut()), AUDIO_POOL_EFOREIGN);
            assert_eq!(audio_sized_get_stats(number, &mut audio_sized_stats::default()), AUDIO_POOL_ENOPOOL);
        }
        assert_eq!(audio_pool_destroy(number), AUDIO_POOL_ENOPOOL);
        assert_eq!(audio_sized_destroy(number), AUDIO_POOL_ENOPOOL);
    }
    // SAFETY: NULL is what is tested.
    unsafe {
        assert_eq!(audio_pool_get_stats(pool.0, ptr::null_mut()), AUDIO_POOL_EINVAL);
        assert_eq!(audio_sized_get_stats(pool.0, ptr::null_mut()), AUDIO_POOL_EINVAL);
        assert_eq!(audio_pool_get_pair_stats(ptr::null_mut()), AUDIO_POOL_EINVAL);
        assert_eq!(audio_pool_set_config(ptr::null()), AUDIO_POOL_EINVAL);
        audio_pool_get_config(ptr::null_mut());
        audio_pool_get_timings(ptr::null_mut());
        assert!(!audio_pool_get_latency(ptr::null_mut()));
        assert_eq!(audio_pool_get_many(pool.0, ptr::null_mut(), 2), 0);
        assert_eq!(audio_pool_put_many(pool.0, ptr::null_mut(), 2), 0);
        assert_eq!(audio_frame_put(ptr::null_mut()), AUDIO_POOL_EFOREIGN);
        assert_eq!(audio_control_put(ptr::null_mut()), AUDIO_POOL_EFOREIGN);
    }
    assert_eq!(audio_pool_capacity(ptr::null_mut()), 0);
}

#[test]
fn the_thousand_and_twenty_fifth_pool_is_refused() {
    let _world = world();
    let mut pools = Vec::new();
    let refused = loop {
        match audio_pool_create(1, 1, 0) {
            number if number > 0 => pools.push(Pool(number)),
            error => break error,
        }
    };
    assert_eq!((refused, pools.len()), (AUDIO_POOL_ENOMEM, 1024));
    pools.pop();
    let _again = pool_of(1, 7, 0); // other bounds than the place had before
}
