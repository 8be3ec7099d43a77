//! Where a byte of a file is, if it is in a segment.
//!
//! ```text
//!   offset ──► window of 1 M … 128 K, 64 K, 16 K, 4 K, or of the reserve ──hash──► bucket ─► segment ─► segment
//! ```
//!
//! Windows are aligned to their size and never overlap, so a byte is looked for once in each of the sizes that are in use:
//! the time does not depend on how much is cached. Which segment goes when memory is short is the pool's business.
//!
//! A window has one segment, which may end with the file. If somebody holds that one when the file goes on behind it, a
//! second one in the same window begins where it ends: an odd one.

use super::mapping::{Maps, Marks, NONE};
use super::memory::Table;
use crate::buflib::Priority;

/// Sizes of windows. The first one is the reserve's, whose size depends on the pool; those above [`FILES`] are extents of
/// streams.
pub const CLASSES: usize = 8;

/// The largest size for what is read and written by offset.
pub const FILES: u8 = 4;

/// The sizes of windows, as shifts.
pub const WINDOWS: [u32; CLASSES] = [9, 12, 14, 16, 17, 18, 19, 20];

/// How much segments may be wanted: as the pool's priorities.
pub const WANTS: usize = 4;

/// Whether a stream needs a segment that is wanted so much.
pub fn needed(want: u8) -> bool {
    want == Priority::Now as u8 || want == Priority::Soon as u8
}

/// The hash, and what stands in it.
pub struct Index {
    buckets: Table<u16>,
    /// The sizes of windows, as shifts, by class.
    pub shifts: [u32; CLASSES],
    /// Segments by class.
    counts: [u32; CLASSES],
    /// Segments that begin elsewhere than windows do.
    odd: u32,
    /// Bytes of segments, by how much they are wanted.
    pub bytes: [u64; WANTS],
}

/// A part of a window in which there is no segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Free {
    /// Where it begins.
    pub from: u64,
    /// Where it ends.
    pub to: u64,
    /// Somebody holds a segment of the window.
    pub held: bool,
    /// One that nobody holds is in transfer.
    pub busy: bool,
}

impl Index {
    /// Nothing yet.
    pub const fn new() -> Self {
        Index { buckets: Table::empty(), shifts: WINDOWS, counts: [0; CLASSES], odd: 0, bytes: [0; WANTS] }
    }

    /// Gets its table, a power of two of buckets, and the size of the reserve's windows.
    pub fn furnish(&mut self, buckets: Table<u16>, smallest: u32) {
        self.buckets = buckets;
        self.shifts[0] = smallest;
    }

    /// Whether it has a table.
    pub fn furnished(&self) -> bool {
        self.buckets.count() > 0
    }

    /// How many segments there are.
    pub fn count(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// What segments begin at multiples of.
    pub fn step(&self) -> u64 {
        if self.odd > 0 {
            return 1 << WINDOWS[0];
        }
        1 << if self.counts[0] > 0 { self.shifts[0].min(self.shifts[1]) } else { self.shifts[1] }
    }

    fn bucket(&self, object: u16, class: u8, window: u64) -> u16 {
        let key = window.wrapping_mul(8).wrapping_add(u64::from(class)).wrapping_add(u64::from(object) << 40);
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (mixed as usize & (self.buckets.count() - 1)) as u16
    }
}

impl Maps {
    /// Calls `f` with the segments of a window until it answers false; whether it never did.
    fn each_in_window(&self, object: u16, class: u8, window: u64, mut f: impl FnMut(u16) -> bool) -> bool {
        if self.index.counts[usize::from(class)] == 0 {
            return true;
        }
        let mut slot = self.index.buckets[self.index.bucket(object, class, window)];
        while slot != NONE {
            let map = &self.maps[slot];
            if map.class == class
                && map.object == object
                && map.offset >> self.index.shifts[usize::from(class)] == window
                && !f(slot)
            {
                return false;
            }
            slot = map.chain;
        }
        true
    }

    /// The segment in whose window a byte lies; the one that covers it, if any does.
    pub fn near(&self, object: u16, offset: u64) -> Option<u16> {
        (0..CLASSES as u8).rev().find_map(|class| {
            let mut found = None;
            self.each_in_window(object, class, offset >> self.index.shifts[usize::from(class)], |slot| {
                found = Some(slot);
                !self.maps[slot].covers(offset)
            });
            found
        })
    }

    /// What those who share a window of this class leave free around a byte that none of them covers, and whether they
    /// are held, or in transfer.
    pub fn left_free(&self, object: u16, offset: u64, class: u8) -> Free {
        let shift = self.index.shifts[usize::from(class)];
        let start = offset >> shift << shift;
        let mut free = Free { from: start, to: start + (1 << shift), held: false, busy: false };
        self.each_in_window(object, class, offset >> shift, |slot| {
            let map = &self.maps[slot];
            match map.offset > offset {
                true => free.to = free.to.min(map.offset),
                false => free.from = free.from.max(map.end()),
            }
            free.held |= map.gets > 0;
            free.busy |= !map.loose() && map.gets == 0;
            true
        });
        free
    }

    /// The segment that covers a byte.
    pub fn find(&self, object: u16, offset: u64) -> Option<u16> {
        self.near(object, offset).filter(|slot| self.maps[*slot].covers(offset))
    }

    /// Calls `f` with the segments smaller than a window of this class around a byte that lie in it, until it answers
    /// false; whether it never did.
    pub fn each_inside(&self, object: u16, offset: u64, class: u8, mut f: impl FnMut(u16) -> bool) -> bool {
        let shift = self.index.shifts[usize::from(class)];
        let start = offset >> shift << shift;
        (0..=class).all(|smaller| {
            let step = self.index.shifts[usize::from(smaller)];
            self.index.counts[usize::from(smaller)] == 0
                || (0..1u64 << shift.saturating_sub(step))
                    .all(|n| self.each_in_window(object, smaller, (start >> step) + n, &mut f))
        })
    }

    /// The largest window around a byte, at most of this class, all of whose segments could be taken into it; None when
    /// even the smallest has one that is held or in transfer.
    pub fn room(&self, object: u16, offset: u64, most: u8) -> Option<u8> {
        if self.objects[object].mappings == 0 {
            return Some(most);
        }
        (1..=most).rev().find(|class| self.each_inside(object, offset, *class, |slot| self.maps[slot].loose()))
    }

    /// Whether a segment begins elsewhere than its window.
    fn is_odd(&self, slot: u16) -> bool {
        let map = &self.maps[slot];
        map.offset & ((1 << self.index.shifts[usize::from(map.class)]) - 1) != 0
    }

    /// Enters a segment whose mapping exists.
    pub fn index_insert(&mut self, slot: u16, class: u8, want: u8) {
        let map = &mut self.maps[slot];
        map.class = class;
        map.want = want;
        map.marks |= Marks::SEGMENT;
        let (object, offset, length) = (map.object, map.offset, map.length);
        let bucket = self.index.bucket(object, class, offset >> self.index.shifts[usize::from(class)]);
        self.maps[slot].chain = core::mem::replace(&mut self.index.buckets[bucket], slot);
        self.index.counts[usize::from(class)] += 1;
        self.index.odd += u32::from(self.is_odd(slot));
        self.index.bytes[usize::from(want)] += u64::from(length);
        let file = &mut self.objects[object];
        file.cached += u64::from(length);
        file.needed += u16::from(needed(want));
    }

    /// Takes a segment out, before its mapping ends.
    pub(super) fn index_remove(&mut self, slot: u16) {
        let map = self.maps[slot];
        let class = usize::from(map.class);
        let bucket = self.index.bucket(map.object, map.class, map.offset >> self.index.shifts[class]);
        if self.index.buckets[bucket] == slot {
            self.index.buckets[bucket] = map.chain;
        } else {
            let mut at = self.index.buckets[bucket];
            while at != NONE {
                if self.maps[at].chain == slot {
                    self.maps[at].chain = map.chain;
                    break;
                }
                at = self.maps[at].chain;
            }
        }
        self.index.counts[class] -= 1;
        self.index.odd -= u32::from(self.is_odd(slot));
        self.index.bytes[usize::from(map.want)] -= u64::from(map.length);
        let file = &mut self.objects[map.object];
        file.cached -= u64::from(map.length);
        file.needed -= u16::from(needed(map.want));
    }
}
