//! Floor 4: the segment cache.
//!
//! ```text
//!     read(file, offset)          fetch(file, offset)             core_alloc, by anybody
//!            │ read.rs                   │ read.rs                        │
//!            ├──── hit: copy ◄───┐       │                                ▼
//!            │                   │       │                          shrink callback
//!            ▼ miss              │       ▼                                │
//!     make a window ─── evict ───┼─► make a window ─── evict ◄────────────┘
//!            │         evict.rs  │       │                     coldest first, never what is
//!            ▼                   │       ▼                     needed next, never blocking
//!        populate ───────────────┘   populate
//!
//!     index.rs   hash of windows, the three lists          open.rs   files by identity
//! ```
//!
//! A segment is a mapping (floor 3) of an aligned window of one file, in a block of the pool that may move. All memory
//! that the pool has free may become segments; it goes back when somebody allocates: the block's shrink callback frees
//! the coldest segments, whichever block it was called for. The cache itself makes room by its own rules
//! ([`evict::Asker`]) and then takes a hole that is there: nothing moves, and no callback runs.

pub mod evict;
pub mod index;
pub mod open;
pub mod read;

use crate::buflib::Pool;
use crate::mmap::mapping::{Mapped, Maps, ready};
use crate::mmap::memory::Table;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

use index::{Index, SHIFTS, Seg};

/// What the cache counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Bytes that readers asked for.
    pub asked: u64,
    /// Lookups that found their bytes.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Reads that went to storage without a segment, for want of memory.
    pub direct: u64,
    /// Segments given up, whoever wanted the memory.
    pub evictions: u64,
    /// Those among them given up to other users of the pool.
    pub given: u64,
    /// Times the pool asked and got nothing.
    pub refusals: u64,
    /// The most bytes that were ever in segments.
    pub peak: u64,
}

/// The cache.
pub struct Cache {
    /// Where everything is.
    pub index: Index,
    /// Figures.
    pub counts: Counts,
    /// Largest class of window, by the size of the pool.
    largest: u8,
    /// Bytes that segments of plain files may keep against streams.
    share: u64,
    /// When somebody last took memory from streams, in ticks.
    pub pressed: Option<u32>,
}

/// A state with a cache in it.
pub trait Cached: Mapped {
    /// The cache.
    fn cache(&mut self) -> &mut Cache;
    /// Both at once.
    fn parts(&mut self) -> (&mut Maps, &mut Cache);
}

impl Cache {
    /// An empty cache.
    pub const fn new() -> Self {
        Cache {
            index: Index::new(),
            counts: Counts { asked: 0, hits: 0, misses: 0, direct: 0, evictions: 0, given: 0, refusals: 0, peak: 0 },
            largest: 0,
            share: 0,
            pressed: None,
        }
    }

    /// Bytes in segments.
    pub fn bytes(&self) -> u64 {
        self.index.lists.iter().map(|list| list.bytes).sum()
    }

    /// The largest window in bytes.
    pub fn window(&self) -> usize {
        1 << SHIFTS[usize::from(self.largest)]
    }
}

/// Takes the tables of floors 3 and 4 from the pool, once: one slot for every 8 KB. The pool must have been
/// initialised.
///
/// # Errors
/// No memory.
pub fn prepare<H: House<State: Cached>>(g: &mut Guard<H>, pool: Pool) -> Result<(), Errno> {
    if g.cache().index.furnished() {
        return Ok(());
    }
    let size = pool.available();
    let slots = (size / 8192).clamp(32, 8192) as u16;
    ready(g, pool, slots)?;
    let slots = g.maps().slots();
    let tables = g.unlocked(|| {
        let buckets = Table::take(pool, slots.next_power_of_two(), u16::MAX)?;
        Some((buckets, Table::take(pool, slots, Seg::FREE)))
    });
    let Some((mut buckets, segs)) = tables else {
        return Err(Errno::NOMEM);
    };
    let Some(mut segs) = segs else {
        buckets.give(pool);
        return Err(Errno::NOMEM);
    };
    let cache = g.cache();
    if cache.index.furnished() {
        buckets.give(pool);
        segs.give(pool);
        return Ok(());
    }
    // A thirty-second of the pool. What its index and our tables took must not cost a pool of 512 KB, 2 MB or 4 MB a class.
    let thirty_second = (size + size / 8) / 32;
    cache.largest =
        (0..SHIFTS.len() as u8).rev().find(|class| thirty_second >= 1 << SHIFTS[usize::from(*class)]).unwrap_or(0);
    cache.share = size as u64 / 16;
    cache.index.furnish(buckets, segs);
    Ok(())
}
