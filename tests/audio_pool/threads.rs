//! Many threads.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;

use rockmem::audio_pool::owned::AudioPool;
use rockmem::capi::audio_pool::*;

use crate::support::*;

fn borrowed(number: i32) -> ManuallyDrop<Pool> {
    ManuallyDrop::new(Pool(number))
}

#[test]
fn ten_thousand_short_lived_threads_leave_nothing_behind() {
    let world = world();
    let pool = pool(1500);
    let number = pool.0;
    let round = || {
        thread::scope(|scope| {
            let threads = [(); 8].map(|()| {
                scope.spawn(move || {
                    let pool = borrowed(number);
                    let lent: Vec<_> = (0..3).map(|_| pool.get()).collect();
                    for lent in lent {
                        pool.put(lent);
                    }
                })
            });
            // The end of the scope does not wait for the very end of its threads.
            for thread in threads {
                thread.join().expect("joined");
            }
        });
    };
    let parts = world.parts();
    let rounds = if cfg!(miri) { 4 } else { 10_000 / 8 };
    for _ in 0..rounds {
        round();
    }
    assert_eq!(world.caches(), 0);
    assert!(world.parts() <= parts + 8, "parts are used again: {}", world.parts());
    let now = pool.stats();
    assert_eq!((now.gets, now.puts), (rounds * 24, rounds * 24));
    assert_eq!((now.lent, now.in_threads), (0, 0));
    assert!(now.idle <= 20 + 24, "{now:?}");
}

#[test]
fn the_buffers_and_counts_of_an_ended_thread_go_back_to_the_pool() {
    let world = world();
    let pool = pool(64);
    let number = pool.0;
    thread::spawn(move || {
        let pool = borrowed(number);
        let lent: Vec<_> = (0..4).map(|_| pool.get()).collect();
        for lent in lent {
            pool.put(lent);
        }
        assert_eq!(pool.places(), [16, 0, 4, 0]);
    })
    .join()
    .expect("joined");
    assert_eq!(pool.places(), [20, 0, 0, 0]);
    assert_eq!(world.caches(), 0);
    assert_eq!((pool.stats().gets, pool.stats().puts), (4, 4));
}

/// The buffers pass from one thread to the next, each writes its number over the whole way of a buffer.
#[test]
fn no_buffer_is_handed_out_twice_and_none_is_lost_while_the_cleaner_takes_slots_away() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pool = pool(64);
    let number = pool.0;
    let per_thread = if cfg!(miri) { 50 } else { 4_000u64 };
    let before = world.buffers();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel::<(Lent, u8)>(8);
        let workers: Vec<_> = (1..=3u8)
            .map(|id| {
                let send = send.clone();
                scope.spawn(move || {
                    let pool = borrowed(number);
                    for n in 0..per_thread {
                        let lent = pool.get();
                        lent.mark(id);
                        if n % 3 == 0 {
                            send.send((lent, id)).expect("sent");
                        } else {
                            thread::yield_now();
                            assert!(lent.has(id), "somebody else has it, too");
                            pool.put(lent);
                        }
                    }
                })
            })
            .collect();
        drop(send);
        let consumer = scope.spawn(move || {
            let pool = borrowed(number);
            for (lent, id) in receive {
                assert!(lent.has(id), "somebody else has it, too");
                pool.put(lent);
            }
        });
        let cleaner = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                world.advance(60_001);
                world.clean();
            }
        });
        for worker in workers {
            worker.join().expect("joined");
        }
        consumer.join().expect("joined");
        stop.store(true, Ordering::Relaxed);
        cleaner.join().expect("joined");
    });
    let now = pool.stats();
    assert_eq!((now.gets, now.puts, now.lent), (3 * per_thread, 3 * per_thread, 0));
    assert_eq!(world.buffers(), before + now.idle as usize - 20);
}

/// Threads that only get and threads that only put move buffers in groups, and nobody notices.
#[test]
fn threads_that_only_get_and_only_put_hand_out_nothing_twice_lose_nothing_and_count_every_call() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pool = pool(64);
    let number = pool.0;
    let per_thread = if cfg!(miri) { 600 } else { 10_000u64 };
    let before = world.buffers();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let pairs: Vec<_> = (1..=2u8)
            .flat_map(|id| {
                let (send, receive) = mpsc::sync_channel::<Lent>(16);
                let producer = scope.spawn(move || {
                    for _ in 0..per_thread {
                        let lent = borrowed(number).get();
                        lent.mark(id);
                        send.send(lent).expect("sent");
                    }
                });
                let consumer = scope.spawn(move || {
                    for lent in receive {
                        assert!(lent.has(id), "somebody else has it, too");
                        borrowed(number).put(lent);
                        assert_ne!(borrowed(number).try_put(Lent(lent.0 + 1)), 0);
                    }
                });
                [producer, consumer]
            })
            .collect();
        let cleaner = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                world.advance(60_001);
                world.clean();
            }
        });
        for thread in pairs {
            thread.join().expect("joined");
        }
        stop.store(true, Ordering::Relaxed);
        cleaner.join().expect("joined");
    });
    let now = pool.stats();
    assert_eq!((now.gets, now.puts, now.refused), (2 * per_thread, 2 * per_thread, 2 * per_thread));
    assert_eq!((now.lent, now.in_threads), (0, 0));
    assert!(now.hits_thread > 0, "groups moved");
    assert_eq!(world.buffers(), before + now.idle as usize - 20);
}

#[test]
fn a_thread_that_only_gets_has_a_cache_after_256_gets_in_a_row_and_the_cleaner_takes_it_back() {
    let world = world();
    assert_eq!(audio_pool_monitoring_init(), 0);
    let pool = pool(64);
    let number = pool.0;
    let (send, receive) = mpsc::sync_channel::<Lent>(0);
    let (go, wait) = mpsc::channel::<u32>();
    let (done, ready) = mpsc::channel();
    let getter = thread::spawn(move || {
        for count in wait {
            for _ in 0..count {
                send.send(borrowed(number).get()).expect("sent");
            }
            done.send(()).expect("sent");
        }
    });
    let run = |count: u32| {
        go.send(count).expect("sent");
        for _ in 0..count {
            pool.put(receive.recv().expect("received"));
        }
        ready.recv().expect("received");
    };
    run(256);
    assert_eq!(world.caches(), 1, "of the thread that puts");
    assert_eq!(pool.stats().hits_thread, 0);
    // In three of the next four calls the thread's slots serve; how often depends on who was faster.
    run(40);
    assert_eq!(world.caches(), 2);
    assert!(pool.stats().hits_thread >= 8);
    world.advance(60_001);
    world.clean();
    assert_eq!((world.caches(), pool.stats().in_threads, pool.stats().lent), (0, 0, 0));
    run(1);
    drop(go);
    getter.join().expect("joined");
    let now = pool.stats();
    assert_eq!((now.gets, now.puts, now.lent), (297, 297, 0));
}

#[test]
fn of_many_threads_that_put_one_buffer_of_another_thread_one_succeeds() {
    let _world = world();
    let pool = pool(64);
    let number = pool.0;
    let threads = 4;
    for _ in 0..if cfg!(miri) { 3 } else { 300 } {
        let lent = pool.get();
        let taken = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| match borrowed(number).try_put(lent) {
                    0 => {
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                    error => assert_eq!(error, AUDIO_POOL_ETWICE),
                });
            }
        });
        assert_eq!(taken.into_inner(), 1);
    }
    assert_eq!(pool.stats().refused, pool.stats().puts * (threads - 1));
}

#[test]
fn a_pool_is_destroyed_while_other_threads_hold_its_buffers_and_have_some_in_their_slots() {
    let world = world();
    let before = world.buffers();
    let pool = pool(64);
    let number = pool.0;
    let (have, has) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        let pool = borrowed(number);
        let [one, two] = [pool.get(), pool.get()];
        pool.put(one);
        two.mark(9);
        have.send(()).expect("sent");
        wait.recv().expect("received");
        assert!(two.has(9), "it stays good");
        assert_eq!(pool.try_put(one), AUDIO_POOL_EFOREIGN, "it was freed with the pool");
        pool.put(two);
        // SAFETY: NULL is allowed.
        assert!(unsafe { audio_pool_get(number, core::ptr::null_mut()) }.is_null());
    });
    has.recv().expect("received");
    drop(pool);
    assert_eq!(world.buffers(), before + 1);
    go.send(()).expect("sent");
    other.join().expect("joined");
    assert_eq!(world.buffers(), before);
}

#[test]
fn calls_at_the_very_end_of_a_thread_are_served_and_counted() {
    struct AtTheEnd(i32);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            let pool = borrowed(self.0);
            let lent = pool.get();
            pool.put(lent);
            assert_eq!(pool.try_put(lent), AUDIO_POOL_ETWICE);
        }
    }
    thread_local! {
        static EARLY: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
        static LATE: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }
    let world = world();
    let pool = pool(64);
    let number = pool.0;
    // One is registered before the thread's part in the pool and one after: one of them runs when that is gone.
    thread::spawn(move || {
        EARLY.with(|end| *end.borrow_mut() = Some(AtTheEnd(number)));
        let pool = borrowed(number);
        let lent = pool.get();
        pool.put(lent);
        LATE.with(|end| *end.borrow_mut() = Some(AtTheEnd(number)));
    })
    .join()
    .expect("joined");
    let now = pool.stats();
    assert_eq!((now.gets, now.puts, now.refused, now.lent, now.in_threads), (3, 3, 2, 0, 0));
    assert_eq!(world.caches(), 0);
}

#[test]
fn the_global_pools_are_made_once_by_threads_that_come_at_the_same_moment() {
    let world = world();
    let before = world.buffers();
    for _ in 0..20 {
        thread::scope(|scope| {
            let threads = [(); 4].map(|()| {
                scope.spawn(|| {
                    // SAFETY: put once, and not used any more.
                    unsafe {
                        let frame = audio_frame_get(core::ptr::null_mut());
                        assert_eq!(audio_frame_put(frame), 0);
                    }
                })
            });
            for thread in threads {
                thread.join().expect("joined");
            }
        });
        assert!(world.buffers() - before <= 20 + 4);
        world.forget_global_pools();
        assert_eq!(world.buffers(), before);
    }
}

#[test]
fn a_rust_buffer_begins_empty_reads_what_was_written_and_goes_back_when_dropped() {
    let _world = world();
    let pool = AudioPool::new(8, Default::default()).expect("made");
    let mut buffer = pool.get().expect("lent");
    assert_eq!((buffer.written(), buffer.capacity()), (&[][..], 8));
    assert!(buffer.append(&[1, 2, 3]));
    assert!(!buffer.append(&[0; 6]), "it does not fit");
    assert!(buffer.append(&[4; 5]));
    buffer.written_mut()[0] = 9;
    let buffer = thread::spawn(move || {
        assert_eq!(buffer.written(), [9, 2, 3, 4, 4, 4, 4, 4]);
        buffer
    })
    .join()
    .expect("joined");
    drop(buffer);
    let again = pool.get().expect("lent");
    assert!(again.written().is_empty(), "the old sound is not to be read");
    drop(pool);
    drop(again);
}
