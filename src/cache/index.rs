//! Where a byte of a file is, and who goes first.
//!
//! ```text
//!   offset ──► window of 128 K, 64 K, 16 K, 4 K ──hash──► bucket ─► segment ─► segment
//!
//!              coldest                                              warmest
//!   Played     ◄ what a stream has passed ──────────────────────────┤
//!   Cached     ◄ least recently read ───────────── last read ───────┤
//!   Ahead      ◄ farthest ahead of its stream ───── next ───────────┤
//! ```
//!
//! Windows are aligned to their size and never overlap, so a byte is looked for once in each of the four sizes: the
//! time does not depend on how much is cached. Slot n here is mapping n of floor 3.

use crate::mmap::mapping::{Maps, NONE};
use crate::mmap::memory::Table;

/// The sizes of windows, as shifts.
pub const SHIFTS: [u32; 4] = [12, 14, 16, 17];

/// The lists that segments stand in, in the order in which they are asked to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// A stream has passed them.
    Played = 0,
    /// Read by offset.
    Cached = 1,
    /// A stream will come to them.
    Ahead = 2,
}

/// A segment: links only, the rest is in its mapping.
#[derive(Clone, Copy)]
pub struct Seg {
    chain: u16,
    colder: u16,
    warmer: u16,
    /// Index into [`SHIFTS`].
    pub class: u8,
    /// Where it stands.
    pub list: List,
    used: bool,
}

impl Seg {
    /// An unused entry.
    pub const FREE: Seg = Seg { chain: NONE, colder: NONE, warmer: NONE, class: 0, list: List::Cached, used: false };
}

/// Both ends of a list and how many bytes stand in it.
#[derive(Clone, Copy)]
pub struct Ends {
    coldest: u16,
    warmest: u16,
    /// Bytes of file that its segments can hold.
    pub bytes: u64,
}

/// Hash and lists.
pub struct Index {
    buckets: Table<u16>,
    segs: Table<Seg>,
    /// By [`List`].
    pub lists: [Ends; 3],
    /// Segments in the lists.
    pub count: u32,
}

impl Index {
    /// Nothing yet.
    pub const fn new() -> Self {
        Index {
            buckets: Table::empty(),
            segs: Table::empty(),
            lists: [Ends { coldest: NONE, warmest: NONE, bytes: 0 }; 3],
            count: 0,
        }
    }

    /// Gets its tables; the buckets are a power of two.
    pub fn furnish(&mut self, buckets: Table<u16>, segs: Table<Seg>) {
        self.buckets = buckets;
        self.segs = segs;
    }

    /// Whether it has tables.
    pub fn furnished(&self) -> bool {
        self.buckets.count() > 0
    }

    fn bucket(&self, object: u16, class: u8, window: u64) -> u16 {
        let key = window.wrapping_mul(4).wrapping_add(u64::from(class)).wrapping_add(u64::from(object) << 40);
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (mixed as usize & (self.buckets.count() - 1)) as u16
    }

    fn window(&self, maps: &Maps, object: u16, class: u8, window: u64) -> Option<u16> {
        let mut slot = self.buckets[self.bucket(object, class, window)];
        while slot != NONE {
            let (seg, map) = (&self.segs[slot], maps.at(slot));
            if seg.class == class && map.object == object && map.offset >> SHIFTS[usize::from(class)] == window {
                return Some(slot);
            }
            slot = seg.chain;
        }
        None
    }

    /// The segment that covers a byte.
    pub fn find(&self, maps: &Maps, object: u16, offset: u64) -> Option<u16> {
        if !self.furnished() {
            return None;
        }
        (0..SHIFTS.len()).rev().find_map(|class| self.window(maps, object, class as u8, offset >> SHIFTS[class]))
    }

    /// The largest window around a byte that is at most of this class and overlaps no segment; the byte itself is in
    /// none.
    pub fn room(&self, maps: &Maps, object: u16, offset: u64, most: u8) -> u8 {
        if maps.objects[object].mappings == 0 {
            return most;
        }
        let free = |class: &u8| {
            let shift = SHIFTS[usize::from(*class)];
            let start = offset >> shift << shift;
            (0..*class).all(|smaller| {
                let step = SHIFTS[usize::from(smaller)];
                (0..1u64 << (shift - step)).all(|n| self.window(maps, object, smaller, (start >> step) + n).is_none())
            })
        };
        (1..=most).rev().find(free).unwrap_or(0)
    }

    /// Enters a segment whose mapping exists.
    pub fn insert(&mut self, maps: &Maps, slot: u16, class: u8, list: List) {
        let map = maps.at(slot);
        let bucket = self.bucket(map.object, class, map.offset >> SHIFTS[usize::from(class)]);
        self.segs[slot] = Seg { chain: self.buckets[bucket], class, used: true, ..Seg::FREE };
        self.buckets[bucket] = slot;
        self.count += 1;
        self.link(slot, list, NONE, maps);
    }

    /// Takes a segment out, before its mapping ends.
    pub fn remove(&mut self, maps: &Maps, slot: u16) {
        self.unlink(slot, maps);
        let map = maps.at(slot);
        let class = self.segs[slot].class;
        let bucket = self.bucket(map.object, class, map.offset >> SHIFTS[usize::from(class)]);
        let next = self.segs[slot].chain;
        if self.buckets[bucket] == slot {
            self.buckets[bucket] = next;
        } else {
            let mut at = self.buckets[bucket];
            while at != NONE {
                if self.segs[at].chain == slot {
                    self.segs[at].chain = next;
                    break;
                }
                at = self.segs[at].chain;
            }
        }
        self.segs[slot] = Seg::FREE;
        self.count -= 1;
    }

    /// Puts a segment at the warm end of a list, or, in `Ahead`, right behind (colder than) another one of it.
    pub fn place(&mut self, maps: &Maps, slot: u16, list: List, behind: Option<u16>) {
        self.unlink(slot, maps);
        let warmer = match behind {
            Some(other) if other != slot && self.segs[other].list == list => other,
            _ => NONE,
        };
        self.link(slot, list, warmer, maps);
    }

    /// Puts a segment at the cold end of a list.
    pub fn place_last(&mut self, maps: &Maps, slot: u16, list: List) {
        self.unlink(slot, maps);
        let coldest = self.lists[list as usize].coldest;
        self.link(slot, list, coldest, maps);
    }

    /// Which list a segment stands in.
    pub fn list(&self, slot: u16) -> List {
        self.segs[slot].list
    }

    /// Whether the slot is a segment.
    pub fn is_segment(&self, slot: u16) -> bool {
        self.segs[slot].used
    }

    /// The coldest of a list.
    pub fn coldest(&self, list: List) -> Option<u16> {
        Some(self.lists[list as usize].coldest).filter(|slot| *slot != NONE)
    }

    /// The next warmer one.
    pub fn warmer(&self, slot: u16) -> Option<u16> {
        Some(self.segs[slot].warmer).filter(|slot| *slot != NONE)
    }

    /// Links a segment in just colder than `warmer`; at the warm end if that is none.
    fn link(&mut self, slot: u16, list: List, warmer: u16, maps: &Maps) {
        let ends = &mut self.lists[list as usize];
        let colder = if warmer == NONE { ends.warmest } else { self.segs[warmer].colder };
        ends.bytes += u64::from(maps.at(slot).length);
        if warmer == NONE {
            ends.warmest = slot;
        }
        if colder == NONE {
            ends.coldest = slot;
        }
        if warmer != NONE {
            self.segs[warmer].colder = slot;
        }
        if colder != NONE {
            self.segs[colder].warmer = slot;
        }
        let seg = &mut self.segs[slot];
        (seg.colder, seg.warmer, seg.list) = (colder, warmer, list);
    }

    fn unlink(&mut self, slot: u16, maps: &Maps) {
        let Seg { colder, warmer, list, .. } = self.segs[slot];
        let ends = &mut self.lists[list as usize];
        ends.bytes -= u64::from(maps.at(slot).length);
        if ends.warmest == slot {
            ends.warmest = colder;
        }
        if ends.coldest == slot {
            ends.coldest = warmer;
        }
        if colder != NONE {
            self.segs[colder].warmer = warmer;
        }
        if warmer != NONE {
            self.segs[warmer].colder = colder;
        }
    }
}
