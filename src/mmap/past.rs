//! Reads that go past the cache while they are under way: their bytes are in no mapping, so no busy mark stands there.
//!
//! ```text
//!   read past      ├──────────────────────┤ from storage into the caller's buffer, unlocked
//!   write past             ├────────────────…   goes to memory instead
//!   writeback              ├──┤                 waits
//! ```
//!
//! Storage changes none of these bytes before the read is over: a system below us may give a read that runs beside a write
//! half of each, within one sector even. Another file, and another place of the file, are not held up.

use super::mapping::Maps;

/// How many may be under way at once; whoever comes then waits.
const MOST: usize = 8;

/// One of them, in sectors of its file; a free place is empty.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Read {
    object: u16,
    from: u32,
    to: u32,
}

/// Those that are under way.
pub struct Reads {
    all: [Read; MOST],
    count: u8,
}

impl Reads {
    const FREE: Read = Read { object: 0, from: 0, to: 0 };

    /// None.
    pub const fn new() -> Self {
        Reads { all: [Self::FREE; MOST], count: 0 }
    }
}

impl Maps {
    fn read(&self, object: u16, from: u64, to: u64) -> Read {
        let sector = |at: u64| u32::try_from(at >> self.shift).unwrap_or(u32::MAX);
        Read { object, from: sector(from), to: sector(to.saturating_add(self.sector() as u64 - 1)).max(1) }
    }

    /// A read past the cache begins, of a range that is not empty; false: there are too many.
    pub fn begin_past(&mut self, object: u16, from: u64, to: u64) -> bool {
        let read = self.read(object, from, to);
        let Some(place) = self.reads.all.iter_mut().find(|read| **read == Reads::FREE) else { return false };
        *place = read;
        self.reads.count += 1;
        true
    }

    /// It is over.
    pub fn end_past(&mut self, object: u16, from: u64, to: u64) {
        let read = self.read(object, from, to);
        if let Some(place) = self.reads.all.iter_mut().find(|place| **place == read) {
            *place = Reads::FREE;
            self.reads.count -= 1;
        }
    }

    /// Whether some of these bytes are being read past the cache.
    pub fn read_past(&self, object: u16, from: u64, to: u64) -> bool {
        let these = self.read(object, from, to);
        let meets = |read: &Read| read.object == object && read.from < these.to && read.to > these.from;
        self.reads.count > 0 && self.reads.all.iter().any(meets)
    }
}
