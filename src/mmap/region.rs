//! Regions: the ranges of a file that programs have mapped, and what they take over from segments.
//!
//! ```text
//!   file       │      ████ region ████        ███ region ███        │     one list per file, no two overlap
//!   segments   │▒▒ window ▒▒│        │▒▒ window ▒▒│     │▒▒ window ▒▒│     never valid where a region is
//! ```
//!
//! A new mapping that overlaps segments and regions nobody holds takes their sectors over, valid and dirty ones: `absorb`.

use super::mapping::{Maps, Marks, NONE};

impl Maps {
    /// The region that covers a byte of a file.
    pub fn region_at(&self, object: u16, offset: u64) -> Option<u16> {
        let mut slot = self.objects[object].regions;
        while slot != NONE && !self.maps[slot].covers(offset) {
            slot = self.maps[slot].chain;
        }
        (slot != NONE).then_some(slot)
    }

    /// Where the next region of a file begins behind a byte; the largest number if there is none.
    pub fn next_region(&self, object: u16, offset: u64) -> u64 {
        let mut slot = self.objects[object].regions;
        let mut next = u64::MAX;
        while slot != NONE {
            let map = &self.maps[slot];
            if map.offset > offset {
                next = next.min(map.offset);
            }
            slot = map.chain;
        }
        next
    }

    /// The first region that overlaps a range.
    pub fn region_in(&self, object: u16, from: u64, to: u64) -> Option<u16> {
        let mut slot = self.objects[object].regions;
        while slot != NONE && (self.maps[slot].offset >= to || self.maps[slot].end() <= from) {
            slot = self.maps[slot].chain;
        }
        (slot != NONE).then_some(slot)
    }

    /// Enters a mapping among the regions of its file.
    pub fn link_region(&mut self, slot: u16) {
        let object = self.maps[slot].object;
        self.maps[slot].marks |= Marks::REGION;
        self.maps[slot].chain = core::mem::replace(&mut self.objects[object].regions, slot);
    }

    /// Takes it out.
    pub(super) fn unlink_region(&mut self, slot: u16) {
        let map = self.maps[slot];
        if self.objects[map.object].regions == slot {
            self.objects[map.object].regions = map.chain;
            return;
        }
        let mut at = self.objects[map.object].regions;
        while at != NONE {
            if self.maps[at].chain == slot {
                self.maps[at].chain = map.chain;
                return;
            }
            at = self.maps[at].chain;
        }
    }

    /// The sectors that two mappings of a file both cover, as offsets in the file.
    fn common(&self, one: u16, other: u16) -> (u64, u64) {
        let (one, other) = (&self.maps[one], &self.maps[other]);
        (one.offset.max(other.offset), one.end().min(other.end()))
    }

    fn index_in(&self, slot: u16, offset: u64) -> usize {
        ((offset - self.maps[slot].offset) >> self.shift) as usize
    }

    /// Copies what is valid of a range in one mapping to another one, where it becomes valid. Bytes of the file that
    /// the receiver has valid already are overwritten.
    pub fn copy_valid(&mut self, to: u16, from: u16, start: u64, end: u64) {
        let Some(pool) = self.pool else { return };
        let (mut first, last) = (self.index_in(from, start), self.index_in(from, end));
        while first < last {
            let (good, until) = self.valid_from(from, first, last);
            first = until;
            if good >= until {
                continue;
            }
            let at = self.maps[from].offset + ((good as u64) << self.shift);
            let place = self.index_in(to, at);
            let source = self.block(pool, from).pin();
            self.block(pool, to).pin().take_from(
                place << self.shift,
                &source,
                good << self.shift,
                (until - good) << self.shift,
            );
            drop(source);
            self.set_valid(to, place, place + until - good, true);
        }
    }

    /// Takes the sectors that both cover over from another authority, with the dirty mark; they are absent there from
    /// then on. The other one goes if it is a segment that lies within.
    pub fn absorb(&mut self, to: u16, from: u16) {
        let (start, end) = self.common(to, from);
        if start >= end {
            return;
        }
        self.copy_valid(to, from, start, end);
        let (first, last) = (self.index_in(from, start), self.index_in(from, end));
        let mut at = first;
        while at < last {
            let (dirty, until) = self.dirty_run(from, at, last, usize::MAX);
            if dirty < until {
                let place = self.index_in(to, self.maps[from].offset + ((dirty as u64) << self.shift));
                self.set_dirty(to, place, place + until - dirty, true);
            }
            at = until.max(dirty);
        }
        self.set_dirty(from, first, last, false);
        self.set_valid(from, first, last, false);
        let old = &self.maps[from];
        if old.marks.contains(Marks::SEGMENT) && old.offset >= start && old.end() <= end {
            self.remove(from);
        }
    }

    /// Storage had less of a file than it should: the file ends there. What is dirty behind it is lost with it.
    pub fn shorten(&mut self, object: u16, size: u64) {
        self.objects[object].shorten(size);
        self.drop_behind(object, size);
    }

    /// What lies behind a file's end is dirty no more, and absent where it is not in transfer.
    pub fn drop_behind(&mut self, object: u16, size: u64) {
        let mut slot = self.next_dirty(object, NONE);
        while slot != NONE {
            let next = self.next_dirty(object, slot);
            let map = self.maps[slot];
            if map.end() > size {
                let first = size.saturating_sub(map.offset).div_ceil(self.sector() as u64) as usize;
                self.set_dirty(slot, first, map.length as usize >> self.shift, false);
            }
            slot = next;
        }
    }
}
