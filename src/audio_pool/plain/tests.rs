//! The plain pool under a source that counts, fails and checks.

use core::cell::{Cell, RefCell};
use core::ptr::NonNull;
use std::vec::Vec;

use super::super::stats::Group;
use super::*;

const S: Plan = Plan { size: 100, max: 3, preallocated: 2, zero: false };

#[derive(Default)]
struct Heap {
    blocks: RefCell<Vec<Option<Vec<u64>>>>,
    /// Allocations until one fails.
    left: Cell<Option<usize>>,
}

impl Heap {
    fn live(&self) -> usize {
        self.blocks.borrow().iter().flatten().count()
    }
}

impl Source for Heap {
    fn allocate(&self, bytes: usize) -> Option<(i32, NonNull<u8>)> {
        if let Some(left) = self.left.get() {
            self.left.set(Some(left.checked_sub(1)?));
        }
        let mut memory = std::vec![0xA5A5_A5A5_A5A5_A5A5u64; bytes.div_ceil(8)];
        let data = NonNull::new(memory.as_mut_ptr())?.cast();
        let mut blocks = self.blocks.borrow_mut();
        blocks.push(Some(memory));
        Some((blocks.len() as i32 - 1, data))
    }

    fn free(&self, number: i32) {
        assert!(self.blocks.borrow_mut()[number as usize].take().is_some(), "freed twice");
    }
}

fn world() -> (Guarded<Plain>, Heap) {
    (Guarded::new(Plain::new()), Heap::default())
}

fn stats(all: &Guarded<Plain>, pool: u32) -> Stats {
    all.with(|all| all.stats(pool)).expect("a pool")
}

fn got(all: &Guarded<Plain>, heap: &Heap, pool: u32) -> Lent {
    get(all, heap, pool).expect("memory").0
}

#[test]
fn gets_go_through_the_preallocated_ones_and_the_overflow_to_a_miss_and_puts_the_same_way_back() {
    let (all, heap) = world();
    let pool = make(&all, &heap, &S).expect("made");
    assert_eq!((stats(&all, pool).preallocated, stats(&all, pool).idle, heap.live()), (2, 2, 2));
    assert_eq!(stats(&all, pool).counts, Counts::default());

    let lent: Vec<_> = (0..7).map(|_| got(&all, &heap, pool)).collect();
    let now = stats(&all, pool);
    assert_eq!((now.counts.hits_preallocated, now.counts.hits_overflow, now.counts.misses), (2, 0, 5));
    assert_eq!((now.lent, now.lent_bytes, now.idle), (7, 700, 0));

    for lent in &lent {
        assert_eq!(put(&all, &heap, pool, lent.data()), Ok(()));
    }
    let now = stats(&all, pool);
    assert_eq!((now.preallocated, now.current, now.idle), (2, 3, 5));
    assert_eq!((now.counts.puts, now.counts.freed, heap.live()), (7, 2, 5));

    for _ in 0..5 {
        get(&all, &heap, pool).expect("idle");
    }
    let now = stats(&all, pool);
    assert_eq!((now.counts.hits_preallocated, now.counts.hits_overflow, now.counts.misses), (4, 3, 5));
    assert_eq!(now.counts.gets(), 12);
}

#[test]
fn foreign_doubled_and_wrong_size_puts_are_refused_and_change_nothing() {
    let (all, heap) = world();
    let pool = make(&all, &heap, &S).expect("made");
    let large = make(&all, &heap, &Plan { size: 201, ..S }).expect("made");
    let near = make(&all, &heap, &Plan { size: 200, ..S }).expect("made");
    let mut foreign = [0u8; 64];
    assert_eq!(put(&all, &heap, pool, foreign.as_mut_ptr()), Err(Error::Foreign));
    assert_eq!(put(&all, &heap, pool, core::ptr::null_mut()), Err(Error::Foreign));

    let lent = got(&all, &heap, pool);
    assert_eq!(put(&all, &heap, pool, lent.data().wrapping_add(1)), Err(Error::Foreign));
    assert_eq!(put(&all, &heap, pool, lent.data()), Ok(()));
    assert_eq!(put(&all, &heap, pool, lent.data()), Err(Error::Twice));

    let lent = got(&all, &heap, large);
    assert_eq!(put(&all, &heap, pool, lent.data()), Err(Error::Size));
    assert_eq!(put(&all, &heap, large, lent.data()), Ok(()));
    let lent = got(&all, &heap, near);
    assert_eq!(put(&all, &heap, pool, lent.data()), Ok(()), "twice the size is accepted");
    assert_eq!(stats(&all, pool).counts.refused, 5);
    assert_eq!(stats(&all, near).idle, 1);
    assert_eq!(stats(&all, pool).idle_bytes, 400);
}

#[test]
fn a_destroyed_pools_buffers_stay_good_and_are_freed_when_they_come_back() {
    let (all, heap) = world();
    let pool = make(&all, &heap, &S).expect("made");
    let lent = got(&all, &heap, pool);
    assert_eq!(destroy(&all, &heap, pool), Ok(()));
    assert_eq!(destroy(&all, &heap, pool), Err(Error::Pool));
    assert_eq!(heap.live(), 1);
    assert!(get(&all, &heap, pool).is_none());

    let next = make(&all, &heap, &S).expect("made");
    assert_ne!(next, pool, "the number is not used again at once");
    assert_eq!(put(&all, &heap, pool, lent.data()), Ok(()));
    assert_eq!(heap.live(), 2);
    assert_eq!(put(&all, &heap, pool, lent.data()), Err(Error::Foreign));
}

#[test]
fn whatever_allocation_fails_nothing_is_left_behind() {
    for fails in 0..4 {
        let (all, heap) = world();
        heap.left.set(Some(fails));
        let made = make(&all, &heap, &S);
        if fails < 2 {
            assert_eq!(made, Err(Error::Memory));
            assert_eq!(heap.live(), 0);
            continue;
        }
        let pool = made.expect("made");
        for _ in 0..fails {
            assert!(get(&all, &heap, pool).is_some());
        }
        assert!(get(&all, &heap, pool).is_none());
        let now = stats(&all, pool);
        assert_eq!(now.counts.gets(), fails as u64, "a get that failed is none");
        assert_eq!(now.lent as usize, heap.live());
    }
}

#[test]
fn a_pool_that_zeroes_lends_zeros_and_another_one_what_was_there() {
    let (all, heap) = world();
    for zero in [true, false] {
        let pool = make(&all, &heap, &Plan { zero, preallocated: 1, ..S }).expect("made");
        for _ in 0..3 {
            let lent = got(&all, &heap, pool);
            // SAFETY: lent, with 100 bytes.
            let bytes = unsafe { core::slice::from_raw_parts_mut(lent.data(), lent.capacity()) };
            assert_eq!(bytes.iter().all(|b| *b == 0), zero);
            bytes.fill(7);
            put(&all, &heap, pool, lent.data()).expect("put");
        }
    }
}

#[test]
fn the_seventeenth_pool_is_refused() {
    let (all, heap) = world();
    for _ in 0..POOLS {
        make(&all, &heap, &Plan { preallocated: 0, ..S }).expect("made");
    }
    assert_eq!(make(&all, &heap, &S), Err(Error::Memory));
}

#[test]
fn a_buffer_of_its_own_is_freed_when_it_comes_back() {
    let (all, heap) = world();
    let lent = lend_alone(&all, &heap, 5000, 77).expect("memory");
    assert_eq!((lent.capacity(), heap.live()), (5000, 1));
    assert_eq!(take_alone(&all, &heap, lent.data()), Ok(()));
    assert_eq!((take_alone(&all, &heap, lent.data()), heap.live()), (Err(Error::Foreign), 0));
    let pool = make(&all, &heap, &S).expect("made");
    let lent = got(&all, &heap, pool);
    put(&all, &heap, pool, lent.data()).expect("put");
    assert_eq!(take_alone(&all, &heap, lent.data()), Err(Error::Twice));
}

#[test]
fn percentiles_are_whole_ticks_in_two_groups_and_three_kinds() {
    let mut timer = Timer::new();
    assert_eq!(timer.timings(Group::Frame, 10), Default::default());
    for (ticks, calls) in [(0, 90), (2, 8), (400, 2)] {
        for _ in 0..calls {
            timer.record(Group::Frame, Call::GetMiss, ticks);
        }
    }
    timer.record(Group::Control, Call::Put, 1);
    let frame = timer.timings(Group::Frame, 10);
    let seen = frame.get_miss;
    assert_eq!((seen.count, seen.p50, seen.p95, seen.p99), (100, 0, 20, 150), "the last bucket is 15 ticks or more");
    assert_eq!((frame.get_hit.count, frame.put.count), (0, 0));
    let control = timer.timings(Group::Control, 10).put;
    assert_eq!((control.count, control.p50), (1, 10));
}
