//! From storage into mappings.
//!
//! ```text
//!   look: what is absent? ──► mark busy ──► unlock, read, lock ──► valid ──► look again
//!            │ busy already: wait            the lock is not held over the transfer
//!            └ nothing absent: done
//! ```

use super::mapping::{Mapped, Maps, Marks, Name};
use super::object::{Flags, Object};
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// What a mapping has to do to get its next absent sectors.
enum Step {
    /// Nothing is absent.
    Done,
    /// Somebody else speaks for them: copied from there.
    Copied,
    /// A transfer is in the way.
    Wait,
    /// These sectors, `first..until`, are read.
    Read(usize, usize),
}

impl Maps {
    /// Where after `from` the first byte is that some authority has valid; `to` if there is none before that.
    pub fn gap(&self, object: u16, from: u64, to: u64) -> u64 {
        if self.objects[object].mappings == 0 {
            return to;
        }
        let step = self.index.step();
        let mut at = from;
        while at < to {
            let next = match self.authority(object, at) {
                Some(slot) => {
                    let (map, reach) = (self.at(slot), self.reach(slot, at).min(to));
                    let first = ((at - map.offset) >> self.shift) as usize;
                    let last = ((reach - map.offset) as usize).div_ceil(self.sector());
                    let valid = map.offset + ((self.valid_from(slot, first, last).0 as u64) << self.shift);
                    if valid < reach {
                        return valid.max(at);
                    }
                    reach
                }
                None => (at + 1).next_multiple_of(step).min(self.next_region(object, at)),
            };
            at = next.max(at + 1);
        }
        to
    }

    /// What to do next for sectors `first..last` of a mapping.
    fn step(&mut self, slot: u16, first: usize, last: usize, most: usize) -> Step {
        let map = *self.at(slot);
        let place = |n: usize| map.offset + ((n as u64) << self.shift);
        let sectors = |to: u64| ((to - map.offset) as usize).div_ceil(self.sector());
        let (mut from, mut until) = self.absent(slot, first, last, most);
        if map.marks.contains(Marks::SEGMENT) {
            // What a region covers is not a segment's to read.
            while from < until
                && let Some(region) = self.region_at(map.object, place(from))
            {
                let behind = sectors(self.at(region).end().min(map.end())).min(last);
                (from, until) = self.absent(slot, behind, last, most);
            }
        }
        if from >= until {
            return Step::Done;
        }
        if map.marks.contains(Marks::BUSY) {
            return Step::Wait;
        }
        let (start, end) = (place(from), place(until));
        if map.marks.contains(Marks::SEGMENT) {
            until = until.min(sectors(self.next_region(map.object, start).min(end)));
        } else if !map.marks.contains(Marks::REGION) {
            let gap = self.gap(map.object, start, end);
            if gap == start
                && let Some(other) = self.authority(map.object, start)
            {
                let run = self.valid_run(other, (start - self.at(other).offset) as usize) as u64;
                self.copy_valid(slot, other, start, end.min(self.reach(other, start)).min(start + run));
                return Step::Copied;
            }
            until = until.min(sectors(gap));
        }
        if self.objects[map.object].written_past(start, place(until)) {
            return Step::Wait;
        }
        Step::Read(from, until)
    }
}

/// Makes a range of a mapping valid: reads what is absent, in commands as long as storage takes them. Where the file
/// ends, the rest of the mapping reads as zero. False when the mapping ended meanwhile; on true, nothing has happened
/// since the last byte became valid, or a region has taken the place of a segment.
///
/// # Errors
/// The device's.
pub fn populate<H: House<State: Mapped>>(g: &mut Guard<H>, name: Name, from: usize, len: usize) -> Result<bool, Errno> {
    loop {
        let maps = g.maps();
        let Some(pool) = maps.pool else { return Ok(false) };
        let Some(map) = maps.live(name).copied() else { return Ok(false) };
        let last = from.saturating_add(len).min(map.length as usize).div_ceil(H::SECTOR);
        let (first, until) = match maps.step(name.slot, from / H::SECTOR, last, H::TRANSFER / H::SECTOR) {
            Step::Done => return Ok(true),
            Step::Copied => continue,
            Step::Wait => {
                g.wait(Channel::Data, None);
                continue;
            }
            Step::Read(first, until) => (first, until),
        };
        let (start, bytes) = (first * H::SECTOR, (until - first) * H::SECTOR);
        let at = map.offset + start as u64;
        // Whole sectors are asked for: storage reads them in one command and says how many bytes are the file's.
        let inside = maps.objects[map.object].stored.saturating_sub(at).min(bytes as u64) as usize;
        let asked = inside.next_multiple_of(H::SECTOR).min(bytes);
        if inside == 0 {
            maps.zero(name.slot, first, until);
            continue;
        }
        let stream = begin(maps, map.object);
        let block = maps.block(pool, name.slot);
        maps.set_busy(name.slot, Some((first, until)));

        let began = H::ticks();
        let result = g.unlocked(|| {
            let pin = block.pin();
            let got = pin.transfer(start, asked, |into| H::read_at(stream, at, into));
            if let Ok(got) = got {
                pin.zero(start + got, bytes - got);
            }
            got
        });

        let maps = g.maps();
        maps.set_busy(name.slot, None);
        maps.counts.ticks += u64::from(H::ticks().wrapping_sub(began));
        maps.counts.commands += 1;
        match result {
            Ok(got) => {
                maps.set_valid(name.slot, first, until, true);
                maps.counts.bytes += got.min(inside) as u64;
                if got < inside {
                    maps.shorten(map.object, at + got as u64);
                }
            }
            Err(_) => maps.counts.errors += 1,
        }
        H::wake(Channel::Data);
        end(g, map.object);
        result?;
    }
}

/// A transfer through a file's stream begins, which is a use of the file.
pub fn begin(maps: &mut Maps, object: u16) -> i32 {
    let file = &mut maps.objects[object];
    file.hold();
    file.transfers += 1;
    file.stream()
}

/// It is over.
pub fn end<H: House<State: Mapped>>(g: &mut Guard<H>, object: u16) {
    g.maps().objects[object].transfers -= 1;
    H::wake(Channel::Data);
    release(g, object);
}

/// One user less of a file; the last one closes its stream, unless something waits to be written through it.
pub fn release<H: House<State: Mapped>>(g: &mut Guard<H>, object: u16) {
    let maps = g.maps();
    let file = &maps.objects[object];
    if file.users() == 1 && file.flags.contains(Flags::GONE) {
        // What is left of a volume that is not there any more can go nowhere.
        discard(maps, object);
        maps.drop_orphans(object);
    }
    let file = &mut maps.objects[object];
    let stream = file.release();
    if file.idle() && file.stale() {
        *file = Object::FREE;
    }
    if let Some(stream) = stream {
        // Storage has everything: an error would be about nothing.
        let _ = g.unlocked(|| H::close(stream));
    }
}

/// Nothing of a file needs to be written any more.
pub fn discard(maps: &mut Maps, object: u16) {
    maps.drop_behind(object, 0);
    let file = &mut maps.objects[object];
    file.error = 0;
    file.flags -= Flags::UNSYNCED;
}
