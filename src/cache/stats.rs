//! What floors 3 and 4 count, in one struct, and one line about each open file.

use super::Cached;
use crate::mmap::mapping::{Mapped, Marks};
use crate::port::kernel::HZ;
use crate::port::monitor::{Guard, House};

/// Figures of mappings and cache. What is counted runs from the start of the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Segments there can be, with the mappings of programs and handles.
    pub slots: u64,
    /// Segments now.
    pub segments: u64,
    /// Their bytes, by how much they are wanted: now, soon, cached, disposable.
    pub wanted: [u64; 4],
    /// Bytes of sectors that wait to be written back.
    pub dirty: u64,
    /// Mappings that somebody holds in place.
    pub pinned: u64,
    /// Read commands, bytes that they brought.
    pub reads: (u64, u64),
    /// Write commands, bytes that they took.
    pub writes: (u64, u64),
    /// Commands that failed.
    pub errors: u64,
    /// Bytes read ahead; those used; those gone before.
    pub ahead: (u64, u64, u64),
    /// What the cache counts.
    pub counts: super::Counts,
    /// Milliseconds since something was last written back; the largest number for never.
    pub flushed_ms: u64,
    /// Milliseconds that transfers took.
    pub waited_ms: u64,
}

/// Takes the figures.
pub fn stats<H: House<State: Cached>>(g: &mut Guard<H>) -> Stats {
    let (now, cached) = (H::ticks(), g.cache().counts);
    let maps = g.maps();
    let ms = |ticks: u64| ticks * 1000 / u64::from(HZ);
    let counts = maps.counts;
    let held = |slot: &u16| maps.at(*slot).marks.contains(Marks::USED) && maps.at(*slot).gets > 0;
    Stats {
        slots: maps.slots() as u64,
        segments: u64::from(maps.index.count()),
        wanted: maps.index.bytes,
        dirty: u64::from(maps.dirty) << maps.shift,
        pinned: (0..maps.slots() as u16).filter(held).count() as u64,
        reads: (counts.commands, counts.bytes),
        writes: (counts.writes, counts.written),
        errors: counts.errors,
        ahead: (counts.ahead, counts.used, counts.wasted),
        counts: cached,
        flushed_ms: match counts.flushed {
            0 => u64::MAX,
            at => ms(u64::from(now.max(1).wrapping_sub(at))),
        },
        waited_ms: ms(counts.ticks),
    }
}

/// What there is to know about an open file.
#[derive(Clone, Copy, Debug)]
pub struct FileLine {
    /// Storage's number for it.
    pub stream: i32,
    /// Who has it open: descriptors, mappings, handles, transfers.
    pub users: u32,
    /// Its length, and how much of that storage has.
    pub size: u64,
    /// See `size`.
    pub stored: u64,
    /// Bytes of its segments.
    pub cached: u64,
    /// Bytes of it that wait to be written back.
    pub dirty: u64,
    /// An error that nobody was told of yet; 0 is none.
    pub error: i32,
}

/// The n-th open file.
pub fn file_line<H: House<State: Cached>>(g: &mut Guard<H>, n: usize) -> Option<FileLine> {
    let maps = g.maps();
    let mut open = (0..maps.objects.count() as u16).filter(|n| maps.objects[*n].used() && maps.objects[*n].open());
    let object = open.nth(n)?;
    let file = &maps.objects[object];
    let mut dirty = 0;
    let mut slot = file.dirty.0;
    while slot != crate::mmap::mapping::NONE {
        dirty += maps.dirty_count(slot) << maps.shift;
        slot = maps.next_dirty(object, slot);
    }
    Some(FileLine {
        stream: file.stream(),
        users: file.users(),
        size: file.size,
        stored: file.stored,
        cached: file.cached,
        dirty: dirty as u64,
        error: file.error,
    })
}
