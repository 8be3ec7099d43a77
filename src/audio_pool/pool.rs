//! The pools: their table, and the two tiers that all threads share.
//!
//! ```text
//!   handle = generation << 10 | place            place in the table, generation of the pool at that place
//!
//!   table   [ ]──► Pool { preallocated: Ring, overflow: Ring, what ended threads counted }
//! ```
//!
//! A pool's object outlives the pool, so a thread that comes late with an old handle finds a dead pool, not freed memory;
//! the next pool with the same bounds uses it again under another generation.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;

use super::Plan;
use super::index;
use super::memory::{AtomicRef, forever};
use super::record::Record;
use super::ring::{GROUP, Ring};
use super::stats::Counts;

const PLACES: u32 = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 10;
/// Handles are positive as a C int, and below those of sized pools.
const LAST_GENERATION: u32 = (1 << (30 - PLACE_BITS)) - 1;

static TABLE: [AtomicRef<Pool>; PLACES as usize] = [const { AtomicRef::none() }; PLACES as usize];
/// Held while a place is given away.
static MAKING: Mutex<()> = Mutex::new(());

/// Which tier served a get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The preallocated list.
    Preallocated,
    /// The shared overflow tier.
    Overflow,
}

/// A pool, or the place of a dead one.
#[derive(Debug)]
pub struct Pool {
    handle: AtomicU32,
    generation: AtomicU32,
    size: AtomicU32,
    zero: AtomicBool,
    preallocated: Ring,
    overflow: Ring,
    /// What was counted by threads that have ended, and by those at their very end.
    pub(super) ended: Mutex<Counts>,
}

/// The living pool of this handle.
#[inline]
pub fn pool(handle: u32) -> Option<&'static Pool> {
    let pool = TABLE.get((handle & (PLACES - 1)) as usize)?.get()?;
    (pool.handle.load(Ordering::Acquire) == handle && handle != 0).then_some(pool)
}

/// Makes a pool with its preallocated buffers. None: no place or no memory.
pub fn make(plan: Plan) -> Option<u32> {
    let held = MAKING.lock();
    let (place, pool) = find_place(&plan)?;
    let before = pool.generation.load(Ordering::Relaxed);
    let generation = if before < LAST_GENERATION { before + 1 } else { 1 };
    let handle = generation << PLACE_BITS | place;
    pool.generation.store(generation, Ordering::Relaxed);
    pool.size.store(plan.size, Ordering::Relaxed);
    pool.zero.store(plan.zero, Ordering::Relaxed);
    *pool.ended.lock() = Counts::default();
    pool.empty(); // of what a thread put that overtook the end of the pool before
    pool.handle.store(handle, Ordering::Release);
    drop(held);
    for _ in 0..plan.preallocated {
        let Some(record) = index::allocate(plan.size as usize, handle) else {
            pool.end();
            return None;
        };
        if !pool.preallocated.push(record) {
            index::release(record);
        }
    }
    Some(handle)
}

/// A dead pool with the same bounds, an unused place, or a dead pool whose object is left behind.
fn find_place(plan: &Plan) -> Option<(u32, &'static Pool)> {
    let mut unused = None;
    let mut dead = None;
    for (place, at) in (0..PLACES).zip(&TABLE) {
        match at.get() {
            None => {
                unused = unused.or(Some((place, at, 0)));
                break; // places are taken in order
            }
            Some(pool) if pool.handle.load(Ordering::Relaxed) == 0 => {
                if pool.preallocated.bound() == plan.preallocated as usize && pool.overflow.bound() == plan.max as usize
                {
                    return Some((place, pool));
                }
                let generation = pool.generation.load(Ordering::Relaxed);
                dead = dead.or(Some((place, at, generation)));
            }
            Some(_) => {}
        }
    }
    let (place, at, generation) = unused.or(dead)?;
    let pool = forever(Pool {
        handle: AtomicU32::new(0),
        generation: AtomicU32::new(generation),
        size: AtomicU32::new(0),
        zero: AtomicBool::new(false),
        preallocated: Ring::new(plan.preallocated as usize),
        overflow: Ring::new(plan.max as usize),
        ended: Mutex::new(Counts::default()),
    });
    at.set(pool);
    Some((place, pool))
}

impl Pool {
    /// Bytes of a buffer.
    pub fn size(&self) -> u32 {
        self.size.load(Ordering::Relaxed)
    }

    /// Whether buffers are cleared when they are handed out.
    pub fn zeroes(&self) -> bool {
        self.zero.load(Ordering::Relaxed)
    }

    /// The bound of the overflow tier.
    pub fn max(&self) -> usize {
        self.overflow.bound()
    }

    /// Buffers in the overflow tier.
    pub fn overflow_len(&self) -> usize {
        self.overflow.len()
    }

    /// The bound of the preallocated list.
    pub fn preallocated_max(&self) -> usize {
        self.preallocated.bound()
    }

    /// Buffers in the preallocated list.
    pub fn preallocated_len(&self) -> usize {
        self.preallocated.len()
    }

    /// Whether a buffer of this capacity may be put here: from the size to twice the size.
    pub fn fits(&self, capacity: usize) -> bool {
        let size = self.size() as usize;
        (size..=size * 2).contains(&capacity)
    }

    /// Takes an idle buffer out of the shared tiers.
    pub fn take(&self, handle: u32) -> Option<(&'static Record, Tier)> {
        let tiers = [(&self.preallocated, Tier::Preallocated), (&self.overflow, Tier::Overflow)];
        for (ring, tier) in tiers {
            while let Some(record) = ring.pop() {
                if record.pool() == handle {
                    return Some((record, tier));
                }
                // Of the pool that was here before: put by a thread that overtook its end.
                index::release(record);
            }
        }
        None
    }

    /// Takes several idle buffers out of the tier that is next, the oldest first; None when it has not so many.
    #[inline]
    pub fn take_all(&self, handle: u32) -> Option<([&'static Record; GROUP], Tier)> {
        let (taken, tier) = match self.preallocated.pop_group() {
            Some(taken) => (taken, Tier::Preallocated),
            None if !self.preallocated.is_empty() => return None,
            None => (self.overflow.pop_group()?, Tier::Overflow),
        };
        if taken.iter().all(|record| record.pool() == handle) {
            return Some((taken, tier));
        }
        for record in taken {
            // Of the pool that was here before: put by a thread that overtook its end.
            if record.pool() != handle || !self.give(record) {
                index::release(record);
            }
        }
        None
    }

    /// Puts an idle buffer into the shared tiers; false when they are full.
    pub fn give(&self, record: &'static Record) -> bool {
        self.preallocated.push(record) || self.overflow.push(record)
    }

    /// Puts several idle buffers into the tier that is next; false when there is not room for all of them beside each other.
    #[inline]
    pub fn give_all(&self, records: &[&'static Record; GROUP]) -> bool {
        self.preallocated.push_group(records) || self.preallocated.is_full() && self.overflow.push_group(records)
    }

    /// The pool is dead from now on: its handle means nothing, its shared buffers are freed.
    pub fn end(&self) {
        self.handle.store(0, Ordering::Release);
        self.empty();
    }

    fn empty(&self) {
        let pop = || self.preallocated.pop().or_else(|| self.overflow.pop());
        while let Some(record) = pop() {
            index::release(record);
        }
    }
}
