//! The parts of the audio pool that threads share, under every order of their steps that the memory model allows.
//!
//! The models compile the pool's own files with loom's atomics in the place of the real ones:
//! `RUSTFLAGS="--cfg loom" cargo test --release --test audio_pool_loom`.

#![cfg(loom)]
#![allow(dead_code)]

mod sync {
    //! What src/audio_pool/sync.rs is to the library: loom's atomics, and the light barrier as the full fence that the pair
    //! of barriers amounts to.

    use loom::sync::atomic::fence;
    pub use loom::sync::atomic::{AtomicU32, Ordering};

    pub type Item = u32;
    pub const NOTHING: Item = u32::MAX;

    #[derive(Debug)]
    pub struct Place(AtomicU32);

    impl Place {
        pub fn new(item: Item) -> Place {
            Place(AtomicU32::new(item))
        }

        pub fn get(&self) -> Item {
            self.0.load(Ordering::Acquire)
        }

        pub fn set(&self, item: Item) {
            self.0.store(item, Ordering::Release);
        }
    }

    /// What src/audio_pool/memory.rs has as a pointer with a mark in its lowest bit.
    #[derive(Debug)]
    pub struct Tagged(AtomicU32);

    impl Default for Tagged {
        fn default() -> Tagged {
            Tagged(AtomicU32::new(0))
        }
    }

    impl Tagged {
        pub fn get(&self) -> (Option<Item>, bool) {
            let word = self.0.load(Ordering::Acquire);
            ((word >> 1).checked_sub(1), word & 1 != 0)
        }

        pub fn set(&self, item: Option<Item>, odd: bool) {
            let number = item.map_or(0, |item| item + 1);
            self.0.store(number << 1 | u32::from(odd), Ordering::Release);
        }
    }

    /// Loom's atomics are made while a model runs: nothing is `const`.
    macro_rules! constant {
        ($($item:tt)*) => { $($item)* };
    }
    pub(super) use constant;

    pub fn spin() {
        loom::thread::yield_now();
    }

    /// A hint to the processor.
    pub fn fetch<T>(_: *const T) {}

    pub fn light() {
        fence(Ordering::SeqCst);
    }

    pub use light as heavy;

    /// In the fast calls: the heavy barrier makes it a full one.
    pub fn compiler_fence(_: Ordering) {
        fence(Ordering::SeqCst);
    }
}

#[path = "../src/audio_pool/ring.rs"]
mod ring;
#[path = "../src/audio_pool/slots.rs"]
mod slots;

use loom::sync::Arc;
use loom::sync::Mutex;
use loom::thread;

use ring::Ring;
use slots::Slots;

/// Runs a model; three switches between threads find every fault that was ever put in.
fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Every number from 0 on once.
fn is_whole(mut found: Vec<u32>, count: u32) {
    found.sort_unstable();
    assert_eq!(found, (0..count).collect::<Vec<_>>(), "handed out twice, or lost");
}

fn drain(ring: &Ring) -> Vec<u32> {
    core::iter::from_fn(|| ring.pop()).collect()
}

#[test]
fn two_threads_that_pop_never_get_the_same_buffer() {
    model(|| {
        let ring = Arc::new(Ring::new(2));
        assert!(ring.push(0) && ring.push(1));
        let other = {
            let ring = ring.clone();
            thread::spawn(move || ring.pop())
        };
        let mine = ring.pop();
        let theirs = other.join().expect("joined");
        let mut found = drain(&ring);
        found.extend(mine);
        found.extend(theirs);
        is_whole(found, 2);
    });
}

#[test]
fn two_threads_that_push_lose_no_buffer() {
    model(|| {
        let ring = Arc::new(Ring::new(2));
        let other = {
            let ring = ring.clone();
            thread::spawn(move || assert!(ring.push(1)))
        };
        assert!(ring.push(0));
        other.join().expect("joined");
        assert!(!ring.push(9), "two are the bound");
        is_whole(drain(&ring), 2);
    });
}

#[test]
fn a_ring_that_wraps_under_a_producer_and_a_consumer_keeps_every_buffer() {
    model(|| {
        let ring = Arc::new(Ring::new(1));
        assert!(ring.push(0));
        let other = {
            let ring = ring.clone();
            thread::spawn(move || {
                let kept: Vec<_> = (1..3).filter(|n| !ring.push(*n)).collect();
                kept
            })
        };
        let mut found: Vec<_> = (0..2).filter_map(|_| ring.pop()).collect();
        found.extend(other.join().expect("joined"));
        found.extend(drain(&ring));
        is_whole(found, 3);
    });
}

#[test]
fn a_full_ring_that_two_threads_take_from_and_give_to_keeps_every_buffer() {
    model(|| {
        let ring = Arc::new(Ring::new(2));
        assert!(ring.push(0) && ring.push(1));
        let other = {
            let ring = ring.clone();
            thread::spawn(move || ring.pop().filter(|taken| !ring.push(*taken)))
        };
        let mine = ring.pop().filter(|taken| !ring.push(*taken));
        let theirs = other.join().expect("joined");
        let mut found = drain(&ring);
        found.extend(mine);
        found.extend(theirs);
        is_whole(found, 2);
    });
}

#[test]
fn a_group_goes_out_whole_or_not_at_all_beside_a_thread_that_takes_one() {
    model(|| {
        let ring = Arc::new(Ring::new(4));
        assert!(ring.push_group(&[0, 1, 2, 3]));
        let other = {
            let ring = ring.clone();
            thread::spawn(move || ring.pop())
        };
        let mine = ring.pop_group();
        let theirs = other.join().expect("joined");
        let mut found = drain(&ring);
        found.extend(mine.into_iter().flatten());
        found.extend(theirs);
        is_whole(found, 4);
    });
}

#[test]
fn a_group_goes_in_whole_or_not_at_all_beside_a_thread_that_gives_one() {
    model(|| {
        let ring = Arc::new(Ring::new(5));
        let other = {
            let ring = ring.clone();
            thread::spawn(move || assert!(ring.push(4)))
        };
        if !ring.push_group(&[0, 1, 2, 3]) {
            (0..4).for_each(|item| assert!(ring.push(item)));
        }
        other.join().expect("joined");
        assert!(!ring.push(9), "five are the bound");
        is_whole(drain(&ring), 5);
    });
}

#[test]
fn groups_that_go_round_are_not_taken_before_they_are_there_nor_twice() {
    model(|| {
        let ring = Arc::new(Ring::new(4));
        assert!(ring.push_group(&[0, 1, 2, 3]));
        let other = {
            let ring = ring.clone();
            thread::spawn(move || {
                let given = ring.push_group(&[4, 5, 6, 7]);
                (!given).then_some([4, 5, 6, 7])
            })
        };
        let mut found: Vec<_> = ring.pop_group().into_iter().flatten().collect();
        found.extend(ring.pop_group().into_iter().flatten());
        found.extend(other.join().expect("joined").into_iter().flatten());
        found.extend(drain(&ring));
        is_whole(found, 8);
    });
}

#[test]
fn full_slots_that_are_exchanged_while_the_cleaner_comes_lose_no_buffer() {
    model(|| {
        let slots = Arc::new(Slots::new());
        let ring = Arc::new(Ring::new(5));
        slots.open(true);
        for item in 0..4 {
            assert!(slots.give_fast(item, || true));
        }
        let thief = {
            let slots = slots.clone();
            thread::spawn(move || steal(&slots))
        };
        // As put does it: the slots' buffers to the queue and this one into them, or this one to the queue.
        if !slots.exchange_fast(4, |full| ring.push_group(full)) {
            assert!(ring.push(4));
        }
        let mut found = thief.join().expect("joined");
        assert_eq!(slots.len(), 0);
        found.extend(drain(&ring));
        is_whole(found, 5);
    });
}

#[test]
fn bare_slots_that_are_filled_while_the_cleaner_comes_lose_no_buffer() {
    model(|| {
        let slots = Arc::new(Slots::new());
        let ring = Arc::new(Ring::new(4));
        slots.open(true);
        assert!(ring.push_group(&[0, 1, 2, 3]));
        let thief = {
            let slots = slots.clone();
            thread::spawn(move || steal(&slots))
        };
        // As get does it.
        let [first, rest @ ..] = ring.pop_group().expect("nobody else takes from it");
        let mut found = vec![first];
        if !slots.fill_fast(&rest) {
            found.extend(rest);
        }
        found.extend(slots.take_fast());
        found.extend(thief.join().expect("joined"));
        assert_eq!(slots.len(), 0);
        is_whole(found, 4);
    });
}

/// A thief as cleaner and destroy are: door, heavy barrier, wait, drain.
fn steal(slots: &Slots) -> Vec<u32> {
    slots.close();
    sync::heavy();
    while !slots.is_left() {
        sync::spin();
    }
    let mut found = Vec::new();
    slots.drain(|item| found.push(item));
    found
}

#[test]
fn the_cleaner_and_the_owner_never_have_the_same_buffer_and_lose_none() {
    for fast in [false, true] {
        model(move || {
            let slots = Arc::new(Slots::new());
            slots.open(fast);
            assert!(slots.give(0) && slots.give(1));
            let thief = {
                let slots = slots.clone();
                thread::spawn(move || steal(&slots))
            };
            let mut mine: Vec<_> = if fast { slots.take_fast() } else { slots.take() }.into_iter().collect();
            if let Some(taken) = mine.pop() {
                let given = if fast { slots.give_fast(taken, || true) } else { slots.give(taken) };
                if !given {
                    mine.push(taken);
                }
            }
            let mut found = thief.join().expect("joined");
            found.extend(mine);
            // What the owner left in slots that are closed by now was the thief's.
            assert_eq!(slots.len(), 0);
            is_whole(found, 2);
        });
    }
}

#[test]
fn an_owner_that_opens_its_slots_again_finds_them_as_the_cleaner_left_them() {
    model(|| {
        let slots = Arc::new(Slots::new());
        let registry = Arc::new(Mutex::new(()));
        slots.open(true);
        assert!(slots.give_fast(0, || true));
        let thief = {
            let (slots, registry) = (slots.clone(), registry.clone());
            thread::spawn(move || {
                let _held = registry.lock().expect("held");
                steal(&slots)
            })
        };
        let mut mine = Vec::new();
        if !slots.give_fast(1, || true) {
            let _held = registry.lock().expect("held");
            slots.open(true);
            drop(_held);
            assert!(slots.give_fast(1, || true), "they are empty");
        }
        mine.extend(slots.take_fast());
        let mut found = thief.join().expect("joined");
        found.extend(mine);
        slots.drain(|item| found.push(item));
        is_whole(found, 2);
    });
}

#[test]
fn a_buffer_that_goes_from_slots_through_the_overflow_to_another_thread_is_one_buffer() {
    model(|| {
        let slots = Arc::new(Slots::new());
        let ring = Arc::new(Ring::new(2));
        slots.open(true);
        assert!(slots.give_fast(0, || true));
        let cleaner = {
            let (slots, ring) = (slots.clone(), ring.clone());
            thread::spawn(move || {
                for item in steal(&slots) {
                    assert!(ring.push(item));
                }
            })
        };
        let other = {
            let ring = ring.clone();
            thread::spawn(move || ring.pop())
        };
        let mine = slots.take_fast().or_else(|| ring.pop());
        cleaner.join().expect("joined");
        let mut found: Vec<_> = other.join().expect("joined").into_iter().chain(mine).collect();
        found.extend(drain(&ring));
        is_whole(found, 1);
    });
}
