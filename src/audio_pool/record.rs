//! What the pool knows of each buffer: one line of memory per buffer, that is never given back to the system.
//!
//! ```text
//!   record  ──────────────► puts     how often it was put            a line of its own: of those who put it
//!     holder, pool,    └──► lends    how often it was lent           a line of its own: of those who get it
//!     capacity, next
//!     data ───────────────► [ lends again | the buffer ... ]         the buffer's first line
//!
//!   lends == puts    idle, in some tier
//!   lends != puts    lent: a caller has it
//! ```
//!
//! *Why two counts, and one of them twice.* Where one thread gets and another one puts, nothing may travel between their
//! cores for the pool's sake. The record is only read, by both. Who gets writes to the buffer's first line, which goes to the
//! other thread anyway; who puts finds there that it was lent, and remembers in a line of its own that it was put. Nobody
//! who gets reads the first line: that would wait for it to come back.
//!
//! Records are named by index, in segments made when needed. Because a record outlives its buffer, a put can look at it
//! whatever pointer it was handed.
//!
//! *Putting back* makes a lent buffer idle. The thread that got it does so with a plain store, and so does who owns it by
//! Rust's rules; every other one by a compare-and-swap. So of two puts one after the other the second is refused, and so it is
//! of two puts at once by threads that did not get it. Only where the thread that got it and another one put it within the
//! same few nanoseconds can both pass; to catch that would cost the hot path as much again, and such a caller has lost
//! its data anyway. A put of a buffer that another thread's put is freeing at that moment may read its first line too late.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::memory::{AlwaysRef, AtomicRef, Data, forever};

const SEGMENT: usize = 256;
const SEGMENTS: usize = 4096;

/// How many buffers there can be at a time, lent and idle, over all pools.
pub const LIMIT: usize = SEGMENT * SEGMENTS;

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
    holder: AtomicU32,
    /// The next record of the chain. The index's own.
    pub(super) next: AtomicRef<Record>,
    pool: AtomicU32,
    puts: AlwaysRef<AtomicU32>,
    lends: AlwaysRef<AtomicU32>,
    data: Data,
    capacity: AtomicUsize,
    index: AtomicU32,
}

/// On a line of its own, and not at the place on it where a record has what is read next to it: the processor takes a
/// store and a load at the same place of two pages for one another.
#[repr(align(64))]
struct Count {
    _before: [u32; 15],
    count: AtomicU32,
}

impl Count {
    const fn new() -> Count {
        Count { _before: [0; 15], count: AtomicU32::new(0) }
    }
}

struct Segment {
    records: [Record; SEGMENT],
    puts: [Count; SEGMENT],
    lends: [Count; SEGMENT],
}

static TABLE: [AtomicRef<Segment>; SEGMENTS] = [const { AtomicRef::none() }; SEGMENTS];

/// The record of no buffer.
pub static NOWHERE: Record = Record::new();
static NO_COUNT: AtomicU32 = AtomicU32::new(0);

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
            puts: [const { Count::new() }; SEGMENT],
            lends: [const { Count::new() }; SEGMENT],
        }));
    }
    let made = record(index)?;
    made.puts.set(&place.get()?.puts.get(index as usize % SEGMENT)?.count);
    made.lends.set(&place.get()?.lends.get(index as usize % SEGMENT)?.count);
    made.index.store(index, Ordering::Relaxed);
    Some(made)
}

impl Record {
    const fn new() -> Record {
        Record {
            holder: AtomicU32::new(0),
            next: AtomicRef::none(),
            pool: AtomicU32::new(0),
            puts: AlwaysRef::new(&NO_COUNT),
            lends: AlwaysRef::new(&NO_COUNT),
            data: Data::none(),
            capacity: AtomicUsize::new(0),
            index: AtomicU32::new(0),
        }
    }

    /// Begins a new life as an idle buffer that only the caller knows.
    pub fn begin(&self, data: NonNull<u8>, capacity: usize, pool: u32) {
        self.capacity.store(capacity, Ordering::Relaxed);
        self.pool.store(pool, Ordering::Relaxed);
        let puts = self.puts.get().load(Ordering::Relaxed);
        self.lends.get().store(puts, Ordering::Relaxed);
        self.data.set(data, puts);
    }

    /// Ends it: the record is free. The buffer was idle, in no tier, and not in slots.
    pub fn end(&self) -> (Option<NonNull<u8>>, usize) {
        (self.data.take(), self.capacity())
    }

    /// Its own index.
    #[inline]
    pub fn index(&self) -> u32 {
        self.index.load(Ordering::Relaxed)
    }

    /// Where the buffer is.
    #[inline]
    pub fn data(&self) -> *mut u8 {
        self.data.get()
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
        } else if self.puts.get().load(Ordering::Acquire) != self.data.count() {
            Use::Lent
        } else {
            Use::Idle
        }
    }

    /// Whether a caller has it.
    pub fn is_lent(&self) -> bool {
        self.used() == Use::Lent
    }

    /// The calling thread will lend the buffer soon: its first line may come in the meantime.
    #[inline(always)]
    pub fn fetch(&self) {
        self.data.fetch();
    }

    /// Lends an idle buffer that the caller has just taken out of a tier.
    #[inline(always)]
    pub fn lend(&self, thread: u32) {
        // A store only where something changes: the line may be shared with the thread that puts.
        if self.holder.load(Ordering::Relaxed) != thread {
            self.holder.store(thread, Ordering::Relaxed);
        }
        let lends = self.lends.get();
        let count = lends.load(Ordering::Relaxed).wrapping_add(1);
        lends.store(count, Ordering::Relaxed);
        self.data.set_count(count);
    }

    /// Takes a lent buffer back that only the caller can have.
    #[inline(always)]
    pub fn take_back(&self) {
        self.puts.get().store(self.data.count(), Ordering::Relaxed);
    }

    /// Takes a lent buffer back: from now on the caller alone has it. False: it was put
    /// already.
    #[inline(always)]
    pub fn claim(&self, thread: u32) -> bool {
        let puts = self.puts.get();
        let before = puts.load(Ordering::Relaxed);
        let lends = self.data.count();
        if before == lends {
            return false;
        }
        if self.holder.load(Ordering::Relaxed) == thread {
            puts.store(lends, Ordering::Relaxed);
            return true;
        }
        puts.compare_exchange(before, lends, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

const _: () = assert!(size_of::<Record>() == 64);
