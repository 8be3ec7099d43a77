//! What the pool knows of each buffer: one line of memory per buffer, that is never given back to the system.
//!
//! ```text
//!   state     generation << 2 | free, lent or idle
//!   holder    the thread that got it          (only of a lent buffer)
//!   next      the chain of the index, or of free records
//!   pool      the handle of the pool it belongs to
//!   data      where the buffer is; its capacity
//! ```
//!
//! Records are named by index, in segments made when needed. Because a record outlives its buffer, a put can look at it
//! whatever pointer it was handed. The generation goes up whenever the record is used for another buffer.
//!
//! *Putting back* takes the state from lent to idle. The thread that got the buffer does it with a plain store, every
//! other one with a compare-and-swap: so of two puts one after the other the second is refused, and so it is of two puts
//! at once by threads that did not get it. Only where the thread that got it and another one put it within the same few
//! nanoseconds can both pass; that costs a quarter of the hot path to catch, and such a caller has lost its data anyway.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use super::Error;
use super::memory::{AtomicRef, forever};

const SEGMENT: usize = 256;
const SEGMENTS: usize = 4096;

/// How many buffers there can be at a time, lent and idle, over all pools.
pub const LIMIT: usize = SEGMENT * SEGMENTS;

const FREE: u32 = 0;
const LENT: u32 = 1;
const IDLE: u32 = 2;
const STATES: u32 = 3;
/// Between lent and idle.
const FLIP: u32 = LENT ^ IDLE;

/// What a record is used for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// For nothing.
    Free,
    /// A caller has the buffer.
    Lent,
    /// A tier has it.
    Idle,
}

/// The state at the moment of a look.
#[derive(Clone, Copy, Debug)]
pub struct Seen(u32);

/// One buffer's record.
#[derive(Debug)]
#[repr(align(64))]
pub struct Record {
    state: AtomicU32,
    holder: AtomicU32,
    /// The next record of the chain, by index + 1; 0 ends it. The index's own.
    pub(super) next: AtomicU32,
    pool: AtomicU32,
    data: AtomicPtr<u8>,
    capacity: AtomicUsize,
    index: AtomicU32,
}

type Segment = [Record; SEGMENT];

static TABLE: [AtomicRef<Segment>; SEGMENTS] = [const { AtomicRef::none() }; SEGMENTS];

/// The record of no buffer.
pub static NOWHERE: Record = Record::new();

/// The record of this index; None beyond the segments that exist.
#[inline]
pub fn record(index: u32) -> Option<&'static Record> {
    let segment = TABLE.get(index as usize / SEGMENT)?.get()?;
    segment.get(index as usize % SEGMENT)
}

/// Makes the segment of this index exist. Called under the index's lock.
pub fn make(index: u32) -> Option<&'static Record> {
    let place = TABLE.get(index as usize / SEGMENT)?;
    if place.get().is_none() {
        place.set(forever([const { Record::new() }; SEGMENT]));
    }
    let made = record(index)?;
    made.index.store(index, Ordering::Relaxed);
    Some(made)
}

impl Record {
    const fn new() -> Record {
        Record {
            state: AtomicU32::new(FREE),
            holder: AtomicU32::new(0),
            next: AtomicU32::new(0),
            pool: AtomicU32::new(0),
            data: AtomicPtr::new(ptr::null_mut()),
            capacity: AtomicUsize::new(0),
            index: AtomicU32::new(0),
        }
    }

    /// Begins a new life as an idle buffer that only the caller knows.
    pub fn begin(&self, data: NonNull<u8>, capacity: usize, pool: u32) {
        self.capacity.store(capacity, Ordering::Relaxed);
        self.pool.store(pool, Ordering::Relaxed);
        self.data.store(data.as_ptr(), Ordering::Relaxed);
        let generation = (self.state.load(Ordering::Relaxed) & !STATES).wrapping_add(STATES + 1);
        self.state.store(generation | IDLE, Ordering::Release);
    }

    /// Ends it: the record is free. The buffer was idle and in no tier.
    pub fn end(&self) -> (Option<NonNull<u8>>, usize) {
        let generation = self.state.load(Ordering::Relaxed) & !STATES;
        self.state.store(generation | FREE, Ordering::Release);
        let data = self.data.swap(ptr::null_mut(), Ordering::Relaxed);
        (NonNull::new(data), self.capacity())
    }

    /// Its own index.
    #[inline]
    pub fn index(&self) -> u32 {
        self.index.load(Ordering::Relaxed)
    }

    /// Where the buffer is.
    #[inline]
    pub fn data(&self) -> *mut u8 {
        self.data.load(Ordering::Relaxed)
    }

    /// The bytes that fit.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.capacity.load(Ordering::Relaxed)
    }

    /// The pool it belongs to.
    #[inline]
    pub fn pool(&self) -> u32 {
        self.pool.load(Ordering::Relaxed)
    }

    /// Makes it another pool's. The caller has just taken it back.
    pub fn adopt(&self, pool: u32) {
        self.pool.store(pool, Ordering::Relaxed);
    }

    /// What it is used for.
    pub fn used(&self) -> Use {
        match self.state.load(Ordering::Acquire) & STATES {
            LENT => Use::Lent,
            IDLE => Use::Idle,
            _ => Use::Free,
        }
    }

    /// Whether a caller has it.
    pub fn is_lent(&self) -> bool {
        self.used() == Use::Lent
    }

    /// Lends an idle buffer that the caller has just taken out of a tier.
    #[inline(always)]
    pub fn lend(&self, thread: u32) {
        self.holder.store(thread, Ordering::Relaxed);
        let state = self.state.load(Ordering::Relaxed);
        self.state.store(state ^ FLIP, Ordering::Relaxed);
    }

    /// A look at the state. Whoever wants to take a buffer back looks first, compares where it is, then claims it.
    #[inline(always)]
    pub fn look(&self) -> Seen {
        Seen(self.state.load(Ordering::Acquire))
    }

    /// Takes a lent buffer back, if nothing happened to it since the look: from now on the caller alone has it.
    #[inline(always)]
    pub fn claim(&self, Seen(state): Seen, thread: u32) -> bool {
        if state & LENT == 0 {
            return false;
        }
        if self.holder.load(Ordering::Relaxed) == thread {
            self.state.store(state ^ FLIP, Ordering::Relaxed);
            return true;
        }
        self.state.compare_exchange(state, state ^ FLIP, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Takes the lent buffer at `data` back.
    ///
    /// # Errors
    /// [`Error::Twice`]: it was put already. [`Error::Foreign`]: another buffer, or none, is here by now.
    pub fn take_back(&self, data: *mut u8, thread: u32) -> Result<(), Error> {
        let seen = self.look();
        if self.data() != data || seen.0 & STATES == FREE {
            return Err(Error::Foreign);
        }
        if self.claim(seen, thread) { Ok(()) } else { Err(Error::Twice) }
    }
}

const _: () = assert!(size_of::<Record>() == 64);
