//! Nothing is allocated in steady state, and an hour of threads that come and go leaves no growth: every allocation of
//! this process is counted.

#![cfg(feature = "audio_pool")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use rockmem::audio_pool::testing::{World, world};
use rockmem::capi::audio_pool::*;

struct Counting;

thread_local! {
    /// The allocations and frees of each thread: the harness has threads of its own.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}
static LIVE: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is the system allocator's, beside the counting.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        LIVE.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as for this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, data: *mut u8, layout: Layout) {
        CALLS.set(CALLS.get() + 1);
        LIVE.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as for this function.
        unsafe { System.dealloc(data, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The allocations and frees of `work` in this thread.
fn calls(work: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

fn pass(pool: i32, buffers: usize) {
    let mut held = [core::ptr::null_mut(); 32];
    let held = &mut held[..buffers];
    // SAFETY: writable; nothing is used after the put.
    unsafe {
        for place in held.iter_mut() {
            *place = audio_pool_get(pool, core::ptr::null_mut());
            assert!(!place.is_null());
        }
        for place in held.iter() {
            assert_eq!(audio_pool_put(pool, *place), 0);
        }
    }
}

#[test]
fn no_call_allocates_in_steady_state() {
    let _world = world();
    let pool = audio_pool_create(1500, 0, 0);
    for buffers in [1, 4, 5, 20, 32] {
        pass(pool, buffers); // makes the thread's part, and the buffers that are missed
        let allocated = calls(|| {
            for _ in 0..10_000 {
                pass(pool, buffers);
            }
        });
        assert_eq!(allocated, 0, "{buffers} buffers at a time");
    }
    // Refusals, statistics of nobody, foreign pointers, batches, timed calls: neither.
    let mut foreign = [0u8; 64];
    let mut many = [core::ptr::null_mut(); 16];
    let mut config = audio_pool_config::default();
    let allocated = calls(|| {
        // SAFETY: writable; nothing is used after the put.
        unsafe {
            for measure in [0, 1, 0] {
                audio_pool_get_config(&mut config);
                config.measure = measure;
                audio_pool_set_config(&config);
                for _ in 0..1000 {
                    assert_eq!(audio_pool_put(pool, foreign.as_mut_ptr().cast()), AUDIO_POOL_EFOREIGN);
                    assert_eq!(audio_pool_get_many(pool, many.as_mut_ptr(), 16), 16);
                    assert_eq!(audio_pool_put_many(pool, many.as_mut_ptr(), 16), 16);
                    audio_pool_record_latency(5);
                    audio_pool_cleanup();
                }
            }
        }
    });
    assert_eq!(allocated, 0);
    assert_eq!(audio_pool_destroy(pool), 0);
}

#[test]
fn passing_buffers_from_thread_to_thread_allocates_nothing() {
    let _world = world();
    let pool = audio_pool_create(1500, 0, 0);
    // One place to pass a buffer through: 0, or its address.
    let place = AtomicUsize::new(0);
    let (warm, counted) = (500, 50_000);
    let stop = AtomicBool::new(false);
    let rounds = |count: u32| {
        for _ in 0..count {
            // SAFETY: NULL is allowed.
            let buffer = unsafe { audio_pool_get(pool, core::ptr::null_mut()) };
            while place.load(Ordering::Acquire) != 0 {
                thread::yield_now();
            }
            place.store(buffer.expose_provenance(), Ordering::Release);
        }
        while place.load(Ordering::Acquire) != 0 {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        let consumer = scope.spawn(|| {
            let mut warm_calls = None;
            let mut puts = 0;
            while !stop.load(Ordering::Relaxed) {
                match place.load(Ordering::Acquire) {
                    0 => thread::yield_now(),
                    buffer => {
                        // SAFETY: passed here to be put, and used by nobody else.
                        let put = unsafe { audio_pool_put(pool, core::ptr::with_exposed_provenance_mut(buffer)) };
                        assert_eq!(put, 0);
                        puts += 1;
                        if puts == warm {
                            warm_calls = Some(CALLS.get());
                        }
                        place.store(0, Ordering::Release);
                    }
                }
            }
            assert_eq!(warm_calls, Some(CALLS.get()), "the thread that puts");
        });
        rounds(warm);
        assert_eq!(calls(|| rounds(counted)), 0, "the thread that gets");
        stop.store(true, Ordering::Relaxed);
        consumer.join().expect("joined");
    });
    assert_eq!(audio_pool_destroy(pool), 0);
}

/// What there is at the moment: bytes, buffers, parts of threads.
fn size(world: &World) -> (u64, usize, usize) {
    (LIVE.load(Ordering::SeqCst), world.buffers(), world.parts())
}

#[test]
fn an_hour_of_threads_that_come_and_go_leaves_no_growth() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pool = audio_pool_create(1500, 0, 0);
    let sized = audio_sized_create(0, 0);
    let second = |n: usize| {
        thread::scope(|scope| {
            let threads = [0, 1, 2].map(|thread| {
                scope.spawn(move || {
                    pass(pool, 1 + (n + thread) % 30);
                    // SAFETY: nothing is used after the put.
                    unsafe {
                        let buffer = audio_sized_get(sized, 1000 << (n % 8), core::ptr::null_mut());
                        assert_eq!(audio_sized_put(sized, buffer), 0);
                    }
                })
            });
            // The end of the scope does not wait for the very end of its threads.
            for thread in threads {
                thread.join().expect("joined");
            }
        });
        pass(pool, 1 + n % 9);
        world.advance(1000);
        if n.is_multiple_of(7) {
            audio_pool_record_latency(if n.is_multiple_of(2) { 50_000 } else { 1 });
        }
        if n.is_multiple_of(600) {
            let other = audio_pool_create(100 + n, 0, 0);
            pass(other, 6);
            assert_eq!(audio_pool_destroy(other), 0);
        }
    };
    // As many buffers as are ever out at once, so that later peaks find them.
    let mut held = [core::ptr::null_mut(); 130];
    // SAFETY: writable, and nothing is used after the put.
    unsafe {
        assert_eq!(audio_pool_get_many(pool, held.as_mut_ptr(), 130), 130);
        assert_eq!(audio_pool_put_many(pool, held.as_mut_ptr(), 130), 130);
        for step in 0..8 {
            for place in &mut held[..6] {
                *place = audio_sized_get(sized, 1000 << step, core::ptr::null_mut());
            }
            for place in &held[..6] {
                assert_eq!(audio_sized_put(sized, *place), 0);
            }
        }
    }
    for n in 0..600 {
        second(n);
    }
    world.clean();
    let before = size(&world);
    for n in 600..600 + 3600 {
        second(n);
    }
    world.clean();
    let after = size(&world);
    assert!(after.1 <= before.1, "buffers: {before:?} {after:?}");
    // The main thread's: the pool, eight sizes, one more pool. Of three threads at once: two each.
    assert!(after.2 <= 10 + 6, "parts of threads: {before:?} {after:?}");
    assert!(after.0 <= before.0 + 16_384, "bytes: {before:?} {after:?}");
    assert_eq!(audio_sized_destroy(sized), 0);
    assert_eq!(audio_pool_destroy(pool), 0);
}
