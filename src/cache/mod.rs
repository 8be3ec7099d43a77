//! Floor 4: the segment cache.
//!
//! ```text
//!     read(file, offset)      write(file, offset)        a stream's filler       core_alloc, by anybody
//!            │ read.rs               │ write.rs                 │                        │
//!            ├── hit: copy ◄──┐      ├── space.rs: is there     │                        ▼
//!            │                │      │   room on the volume?    │                the pool's own order
//!            ▼ miss           │      ▼                          ▼                        │
//!      segment.rs: a window in a purgeable block; without memory reserve.rs       free callback: segment.rs
//!            │                │      │
//!            ▼                │      ▼ dirty sectors
//!        populate (floor 3) ──┘   flush.rs: when, and what first ──► writeback (floor 3)
//!
//!     pattern.rs   lone, in sequence, interleaved          open.rs, names.rs   files by identity
//!     ahead.rs     the next window of a scan, read by the buffering thread
//! ```
//!
//! A segment is a mapping (floor 3) of an aligned window of one file, in a purgeable block of the pool that may move. All
//! memory that the pool has free may become segments; it goes back when somebody allocates, in the order that the pool
//! keeps. What is dirty is written back first.

pub mod ahead;
pub mod direct;
pub mod flush;
pub mod names;
pub mod open;
pub mod pattern;
pub mod read;
pub mod reserve;
pub mod segment;
pub mod space;
pub mod stats;
pub mod write;

use crate::buflib::Pool;
use crate::mmap::index::{CLASSES, FILES, WINDOWS};
use crate::mmap::mapping::{Mapped, give, ready};
use crate::mmap::memory::Table;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// What the cache counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Bytes that readers asked for.
    pub asked: u64,
    /// Bytes that writers gave.
    pub taken: u64,
    /// Lookups that found their bytes.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Transfers to or from a caller's buffer, without a segment.
    pub direct: u64,
    /// Segments given up, whoever wanted the memory.
    pub evictions: u64,
    /// Those among them given up to other users of the pool.
    pub given: u64,
    /// Bytes of those that streams would have needed later: they are read again.
    pub lost: u64,
    /// Times the pool asked for a segment and got no.
    pub refusals: u64,
    /// The most bytes that were ever in segments.
    pub peak: u64,
}

/// The cache.
pub struct Cache {
    /// Figures.
    pub counts: Counts,
    /// What can be set.
    pub settings: flush::Settings,
    /// Largest class of window, by the size of the pool.
    largest: u8,
    /// Largest class of window for a stream that has memory to spare.
    extent: u8,
    /// Requests of ours for memory under way.
    asking: u32,
    /// Those among them for streams.
    streaming: u32,
    /// How far away that is which a stream that reads ahead asks for: what is needed later goes for it.
    reach: usize,
    /// Counts writes: from time to time one looks at the clock.
    writes: u32,
    /// Where the search for a slot to free goes on.
    hand: u16,
    /// Bytes of the pool.
    size: usize,
    /// When somebody last took memory from streams, in ticks.
    pub pressed: Option<u32>,
    /// What readers of files will want next.
    pub ahead: ahead::Ahead,
}

/// A state with a cache in it.
pub trait Cached: Mapped {
    /// The cache.
    fn cache(&mut self) -> &mut Cache;
}

impl Cache {
    /// An empty cache.
    pub const fn new() -> Self {
        Cache {
            counts: Counts {
                asked: 0,
                taken: 0,
                hits: 0,
                misses: 0,
                direct: 0,
                evictions: 0,
                given: 0,
                lost: 0,
                refusals: 0,
                peak: 0,
            },
            settings: flush::Settings::new(),
            largest: 1,
            extent: 1,
            asking: 0,
            streaming: 0,
            reach: 0,
            writes: 0,
            hand: 0,
            size: 0,
            pressed: None,
            ahead: ahead::Ahead::new(),
        }
    }

    /// The largest window in bytes.
    pub fn window(&self) -> usize {
        1 << WINDOWS[usize::from(self.largest)]
    }

    /// The largest extent of a stream in bytes.
    pub fn extent(&self) -> usize {
        1 << WINDOWS[usize::from(self.extent)]
    }

    /// The class of window in which a stream that comes to this place goes on, in a region of so many bytes if it has one;
    /// without memory to spare 128 KB at most. An extent is begun only where it begins: a stream that jumped into its
    /// middle would leave its front empty.
    pub fn class_at(&self, offset: u64, region: Option<usize>, ample: bool) -> u8 {
        let extent = region.map_or(self.extent, sixteenth);
        let most = if ample { extent } else { extent.min(FILES) };
        let least = self.largest.min(extent);
        let begins = |class: &u8| offset % (1 << WINDOWS[usize::from(*class)]) < 1 << WINDOWS[1];
        (least + 1..=most).rev().find(begins).unwrap_or(least)
    }
}

/// The class with which a stream fills up memory of which so many bytes are left, where `most` is the largest: a window
/// that begins here, and is at most half of that. The last of a burst are small then: little of what is left fits none, and
/// little is played of the one that is held when the next burst begins.
pub fn class_to_fill_up(most: u8, offset: u64, left: u64) -> u8 {
    let size = |class: u8| 1 << WINDOWS[usize::from(class)];
    let fits = |class: &u8| offset % size(*class) < size(1) && 2 * size(*class) <= left;
    (2..=most).rev().find(fits).unwrap_or(most.min(2))
}

/// The largest extent in so many bytes: a sixteenth. What its index and our tables took must not cost a pool of 512 KB,
/// 2 MB or 4 MB a class.
fn sixteenth(bytes: usize) -> u8 {
    largest((bytes + bytes / 8) / 16)
}

/// The largest class of window of at most so many bytes.
fn largest(bytes: usize) -> u8 {
    (1..CLASSES as u8).rev().find(|class| bytes >= 1 << WINDOWS[usize::from(*class)]).unwrap_or(1)
}

/// Bytes in segments.
pub fn bytes<H: House<State: Cached>>(g: &mut Guard<H>) -> u64 {
    g.maps().index.bytes.iter().sum()
}

/// Takes the tables of floors 3 and 4 and the reserve from the pool, once. The pool must have been initialised.
///
/// # Errors
/// No memory.
pub fn prepare<H: House<State: Cached>>(g: &mut Guard<H>, pool: Pool) -> Result<(), Errno> {
    if g.maps().index.furnished() {
        return Ok(());
    }
    let size = pool.available();
    // A slot for every 4 KB while windows are small; a large pool fills with large ones.
    let slots = (size / 4096).min(1024 + size / 16384).clamp(32, 12288);
    // And one for each block of the reserve, which is to be of use when all others are taken.
    let (count, shift) = reserve::plan(size, H::SECTOR);
    ready(g, pool, (slots + count) as u16)?;
    let slots = g.maps().slots();
    let (buckets, blocks) = g.unlocked(|| {
        let buckets = Table::take(pool, slots.next_power_of_two(), u16::MAX);
        (buckets, reserve::take(pool, count, shift, H::SECTOR))
    });
    if g.maps().index.furnished() || buckets.is_none() || blocks.is_none() {
        give(pool, buckets);
        if let Some(blocks) = blocks {
            reserve::give(pool, blocks);
        }
        return if g.maps().index.furnished() { Ok(()) } else { Err(Errno::NOMEM) };
    }
    let cache = g.cache();
    cache.largest = sixteenth(size / 2).min(FILES);
    cache.extent = sixteenth(size);
    cache.size = size;
    let maps = g.maps();
    maps.reserve = blocks.unwrap_or(Table::empty());
    maps.index.furnish(buckets.unwrap_or(Table::empty()), shift);
    Ok(())
}

#[cfg(test)]
mod tests;
