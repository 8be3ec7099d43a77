//! What the pool knows of each buffer: one line of memory per buffer, that is never given back to the system.
//!
//! ```text
//!   record    (its thread's)                     claim    (a line of its own)
//!     in_slots  it lies in the holder's slots      lent or idle
//!     holder    the thread that got it last
//!     pool      the handle of the pool it belongs to
//!     data      where the buffer is; its capacity
//!     next      the chain of the index, or of free records
//!
//!   claim   in_slots
//!   lent    0           a caller has it
//!   lent    1           idle, in the slots of the thread that got it and put it back
//!   idle    0           idle, in any tier
//! ```
//!
//! The state is in two places because two ways of use are to be fast. A thread that gets and puts the same buffer touches
//! the record only, which is in its core's cache. Where one thread gets and another one puts, the record is only read, by
//! both, and what moves from core to core is the claim.
//!
//! Records are named by index, in segments made when needed. Because a record outlives its buffer, a put can look at it
//! whatever pointer it was handed.
//!
//! *Putting back* makes a lent buffer idle. The thread that got it does so with a plain store, every other one by
//! an exchange of the claim, which also moves its line only once: so of two puts one after the other the second is refused, and so it is of two puts at once by threads
//! that did not get it. Only where the thread that got it and another one put it within the same few nanoseconds can both
//! pass; to catch that would cost the hot path as much again, and such a caller has lost its data anyway.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use super::memory::{AlwaysRef, AtomicRef, forever};

const SEGMENT: usize = 256;
const SEGMENTS: usize = 4096;

/// How many buffers there can be at a time, lent and idle, over all pools.
pub const LIMIT: usize = SEGMENT * SEGMENTS;

const IDLE: u32 = 0;
const LENT: u32 = 1;

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

/// One buffer's record.
#[derive(Debug)]
#[repr(align(64))]
pub struct Record {
    in_slots: AtomicU32,
    holder: AtomicU32,
    /// The next record of the chain, by index + 1; 0 ends it. The index's own.
    pub(super) next: AtomicU32,
    pool: AtomicU32,
    claim: AlwaysRef<AtomicU32>,
    data: AtomicPtr<u8>,
    capacity: AtomicUsize,
    index: AtomicU32,
}

/// On a line of its own: neighbours pass between threads at the same time.
#[repr(align(64))]
struct Claim(AtomicU32);

struct Segment {
    records: [Record; SEGMENT],
    claims: [Claim; SEGMENT],
}

static TABLE: [AtomicRef<Segment>; SEGMENTS] = [const { AtomicRef::none() }; SEGMENTS];

/// The record of no buffer.
pub static NOWHERE: Record = Record::new();
static NO_CLAIM: AtomicU32 = AtomicU32::new(IDLE);

/// The record of this index; None beyond the segments that exist.
#[inline]
pub fn record(index: u32) -> Option<&'static Record> {
    let segment = TABLE.get(index as usize / SEGMENT)?.get()?;
    segment.records.get(index as usize % SEGMENT)
}

/// Makes the segment of this index exist. Called under the index's lock.
pub fn make(index: u32) -> Option<&'static Record> {
    let place = TABLE.get(index as usize / SEGMENT)?;
    if place.get().is_none() {
        place.set(forever(Segment {
            records: [const { Record::new() }; SEGMENT],
            claims: [const { Claim(AtomicU32::new(IDLE)) }; SEGMENT],
        }));
    }
    let made = record(index)?;
    made.claim.set(&place.get()?.claims.get(index as usize % SEGMENT)?.0);
    made.index.store(index, Ordering::Relaxed);
    Some(made)
}

impl Record {
    const fn new() -> Record {
        Record {
            in_slots: AtomicU32::new(0),
            holder: AtomicU32::new(0),
            next: AtomicU32::new(0),
            pool: AtomicU32::new(0),
            claim: AlwaysRef::new(&NO_CLAIM),
            data: AtomicPtr::new(ptr::null_mut()),
            capacity: AtomicUsize::new(0),
            index: AtomicU32::new(0),
        }
    }

    /// Begins a new life as an idle buffer that only the caller knows.
    pub fn begin(&self, data: NonNull<u8>, capacity: usize, pool: u32) {
        self.capacity.store(capacity, Ordering::Relaxed);
        self.pool.store(pool, Ordering::Relaxed);
        self.claim.get().store(IDLE, Ordering::Relaxed);
        self.data.store(data.as_ptr(), Ordering::Release);
    }

    /// Ends it: the record is free. The buffer was idle, in no tier, and not in slots.
    pub fn end(&self) -> (Option<NonNull<u8>>, usize) {
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
        if self.data().is_null() {
            Use::Free
        } else if self.claim.get().load(Ordering::Acquire) == LENT && self.in_slots.load(Ordering::Relaxed) == 0 {
            Use::Lent
        } else {
            Use::Idle
        }
    }

    /// Whether a caller has it.
    pub fn is_lent(&self) -> bool {
        self.used() == Use::Lent
    }

    /// Lends an idle buffer that the caller has just taken out of a tier.
    #[inline(always)]
    pub fn lend(&self, thread: u32) {
        // A store only where something changes: the line may be shared with the thread that puts.
        if self.holder.load(Ordering::Relaxed) != thread {
            self.holder.store(thread, Ordering::Relaxed);
        }
        if self.in_slots.load(Ordering::Relaxed) != 0 {
            self.in_slots.store(0, Ordering::Relaxed);
        } else {
            self.claim.get().store(LENT, Ordering::Relaxed);
        }
    }

    /// Makes a buffer that lay in slots one that may lie anywhere. Its thread has lost it to the caller.
    pub fn leave_slots(&self) {
        if self.in_slots.load(Ordering::Relaxed) != 0 {
            self.claim.get().store(IDLE, Ordering::Relaxed);
            self.in_slots.store(0, Ordering::Relaxed);
        }
    }

    /// Takes a lent buffer back into the slots of a thread: from now on that thread alone has it. False: it was put
    /// already.
    #[inline(always)]
    pub fn claim_for_slots(&self, thread: u32) -> bool {
        self.claim_by(thread, || self.in_slots.store(1, Ordering::Relaxed))
    }

    /// Takes a lent buffer back for any tier: from now on the caller alone has it. False: it was put already.
    #[inline(always)]
    pub fn claim_for_tiers(&self, thread: u32) -> bool {
        self.claim_by(thread, || self.claim.get().store(IDLE, Ordering::Relaxed))
    }

    #[inline(always)]
    fn claim_by(&self, thread: u32, own: impl FnOnce()) -> bool {
        if self.in_slots.load(Ordering::Relaxed) != 0 {
            return false;
        }
        let claim = self.claim.get();
        if self.holder.load(Ordering::Relaxed) != thread {
            return claim.swap(IDLE, Ordering::AcqRel) == LENT;
        }
        let lent = claim.load(Ordering::Relaxed) == LENT;
        if lent {
            own();
        }
        lent
    }
}

const _: () = assert!(size_of::<Record>() == 64);
