//! The mappings that a program makes for itself: what `mmap_create` and its family mean.
//!
//! ```text
//!   a new mapping lies        it is
//!     inside a region           a view of that region
//!     over regions and          a view of a new region over all of them, which takes their sectors over, valid and
//!       segments nobody holds     dirty ones
//!     over what is held in      MMAP_READ: a copy of its own, filled from whoever speaks for the bytes, filled again by the
//!       part                      next mmap_read after a change, and written to by write(); else EBUSY
//! ```

use super::check::{POISON, POISONED, check};
use super::mapping::{Mapped, Maps, Marks, NONE, Name, block_size};
use super::memory::Block;
use super::mode::Mode;
use super::object::Flags;
use super::transfer::{populate, release};
use super::view::{View, place};
use super::writeback::{Sweep, to_disk, write_back};
use crate::buflib::Pool;
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// The first length for which there is never memory: the pool's own arithmetic takes requests of 30 bits.
const LARGEST: u32 = 1 << 29;

/// Where a new mapping finds its place.
enum Place {
    /// In this region.
    Inside(u16),
    /// In a new region over this range.
    Over(u64, u64),
    /// In a copy of its own.
    Apart,
    /// Nowhere: somebody holds what it would change.
    Held,
    /// Something is in transfer.
    Wait,
}

impl Maps {
    fn place(&self, object: u16, start: u64, end: u64, mode: Mode) -> Place {
        let (mut from, mut to) = (start, end);
        let mut busy = self.objects[object].written_past(start, end);
        let mut slot = self.objects[object].regions;
        while slot != NONE {
            let map = self.at(slot);
            if map.offset <= start && map.end() >= end {
                return Place::Inside(slot);
            }
            if map.offset < end && map.end() > start {
                if map.gets > 0 {
                    return if mode == Mode::Read { Place::Apart } else { Place::Held };
                }
                busy |= map.marks.contains(Marks::BUSY);
                (from, to) = (from.min(map.offset), to.max(map.end()));
            }
            slot = map.chain;
        }
        let mut held = false;
        self.each_overlap(object, from, to, |slot| {
            busy |= !self.at(slot).loose();
            held |= self.at(slot).gets > 0;
        });
        if held {
            // A stream's pointer leads there.
            return if mode == Mode::Read { Place::Apart } else { Place::Held };
        }
        if busy { Place::Wait } else { Place::Over(from, to) }
    }

    /// A caller is done with changing what he declared. Since then a copy may have been filled, with what was before.
    fn changed(&mut self, slot: u16) {
        let file = self.maps[slot].object;
        self.objects[file].change();
    }

    /// Calls `f` with the segments that overlap a range.
    fn each_overlap(&self, object: u16, from: u64, to: u64, mut f: impl FnMut(u16)) {
        if self.objects[object].cached == 0 {
            return;
        }
        let step = self.index.step();
        let mut at = from;
        while at < to {
            at = match self.find(object, at) {
                Some(slot) => {
                    f(slot);
                    self.at(slot).end()
                }
                None => (at + 1).next_multiple_of(step),
            };
        }
    }

    /// Makes a region over a range, in which nothing is held or in transfer, with what is there.
    fn region_over(&mut self, object: u16, from: u64, to: u64, block: Block) -> Option<Name> {
        let name = self.add(object, from, (to - from) as u32, block, Marks::empty())?;
        if self.checks {
            self.at_mut(name.slot).class = POISONED;
            block.peek(|bytes| bytes.fill(0, (to - from) as usize, POISON));
        }
        while let Some(old) = self.region_in(object, from, to) {
            self.absorb(name.slot, old);
            self.move_views(old, name.slot);
            self.remove(old);
        }
        loop {
            let mut found = None;
            self.each_overlap(object, from, to, |slot| {
                let map = self.at(slot);
                let start = ((from.max(map.offset) - map.offset) >> self.shift) as usize;
                let end = ((to.min(map.end()) - map.offset) >> self.shift) as usize;
                if found.is_none()
                    && (map.offset >= from && map.end() <= to || self.valid_from(slot, start, end).0 < end)
                {
                    found = Some(slot);
                }
            });
            match found {
                Some(slot) => self.absorb(name.slot, slot),
                None => break,
            }
        }
        self.link_region(name.slot);
        Some(name)
    }
}

/// Maps `length` bytes of an open file from `offset` on. The mapping uses the file until it is destroyed. Whether the
/// descriptor allows the mode is its floor's business.
///
/// # Errors
/// `EINVAL`: no length, an offset that is no multiple of the page, a range that no file can have. `EACCES`: the file
/// cannot be written. `EBUSY`: for writing, and somebody holds a region that this one overlaps in part. `ENOMEM`. `EMFILE`.
/// `ENXIO`.
pub fn create<H: House<State: Mapped>>(
    g: &mut Guard<H>,
    pool: Pool,
    object: u16,
    mode: Mode,
    offset: u64,
    length: usize,
) -> Result<i32, Errno> {
    let in_range = offset.checked_add(length as u64).is_some_and(|end| end <= i64::MAX as u64 - 4096);
    if length == 0 || isize::try_from(length).is_err() || !offset.is_multiple_of(H::SECTOR as u64) || !in_range {
        return Err(Errno::INVAL);
    }
    let file = &mut g.maps().objects[object];
    if file.flags.contains(Flags::GONE) {
        return Err(Errno::NXIO);
    }
    if mode.writes() && !file.flags.contains(Flags::WRITABLE) {
        return Err(Errno::ACCES);
    }
    let Some(short) = u32::try_from(length).ok().filter(|short| *short < LARGEST) else { return Err(Errno::NOMEM) };
    file.hold();
    let Some(md) = g.maps().new_view() else {
        release(g, object);
        return Err(Errno::MFILE);
    };
    let made = settle(g, pool, object, mode, offset, short);
    let version = g.maps().objects[object].version;
    if let Ok(view) = g.maps().view(md) {
        match made {
            Ok(name) => *view = View { map: name, length: short, mode, version: version.wrapping_sub(1), ..*view },
            Err(_) => view.used = false,
        }
    }
    match made {
        Ok(name) => {
            let map = *g.maps().at(name.slot);
            g.maps().copies += u16::from(!map.marks.contains(Marks::REGION));
            g.maps().view(md)?.delta = (offset - map.offset) as u32;
            Ok(md)
        }
        Err(error) => {
            release(g, object);
            Err(error)
        }
    }
}

/// Finds or makes the mapping under a new view.
fn settle<H: House<State: Mapped>>(
    g: &mut Guard<H>,
    pool: Pool,
    object: u16,
    mode: Mode,
    offset: u64,
    length: u32,
) -> Result<Name, Errno> {
    let end = (offset + u64::from(length)).next_multiple_of(H::SECTOR as u64);
    let shift = g.maps().shift;
    loop {
        let (from, to) = match g.maps().place(object, offset, end, mode) {
            Place::Inside(slot) => return Ok(g.maps().name(slot)),
            Place::Held => return Err(Errno::BUSY),
            Place::Wait => {
                g.wait(Channel::Data, None);
                continue;
            }
            Place::Apart => (offset, end),
            Place::Over(from, to) if to - from > u64::from(2 * LARGEST) => return Err(Errno::NOMEM),
            Place::Over(from, to) => (from, to),
        };
        let size = block_size((to - from) as u32, shift);
        let block = g.unlocked(|| Block::take(pool, size, core::ptr::null())).ok_or(Errno::NOMEM)?;
        // The world went on meanwhile.
        let maps = g.maps();
        let made = match maps.place(object, offset, end, mode) {
            Place::Over(f, t) if (f, t) == (from, to) => maps.region_over(object, from, to, block),
            Place::Apart if (from, to) == (offset, end) => {
                maps.add(object, from, (to - from) as u32, block, Marks::empty())
            }
            _ => {
                block.give();
                continue;
            }
        };
        if made.is_none() {
            block.give();
        }
        return made.ok_or(Errno::MFILE);
    }
}

/// A view and the place of a range of it in its mapping.
fn range<H: House<State: Mapped>>(
    g: &mut Guard<H>,
    md: i32,
    offset: usize,
    length: usize,
) -> Result<(View, usize), Errno> {
    let view = *g.maps().view(md)?;
    let size = view.length as usize;
    if offset > size || length > size - offset {
        return Err(Errno::INVAL);
    }
    Ok((view, view.delta as usize + offset))
}

/// Notes the first error of a mapping.
fn note<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32, error: Errno) -> Errno {
    if let Ok(view) = g.maps().view(md)
        && view.error == 0
    {
        view.error = error.0;
    }
    error
}

/// Makes a range of a view valid. The region may be taken into a larger one meanwhile.
fn fetch<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32, offset: usize, length: usize) -> Result<View, Errno> {
    loop {
        let (view, at) = range(g, md, offset, length)?;
        let map = *g.maps().live(view.map).ok_or(Errno::BADF)?;
        if g.maps().objects[map.object].flags.contains(Flags::GONE) {
            return Err(note(g, md, Errno::NXIO));
        }
        if !map.marks.contains(Marks::REGION) {
            let version = g.maps().objects[map.object].version;
            if view.version != version {
                if map.marks.contains(Marks::BUSY) {
                    g.wait(Channel::Data, None);
                    continue;
                }
                let maps = g.maps();
                maps.set_valid(view.map.slot, 0, map.length as usize >> maps.shift, false);
                maps.view(md)?.version = version;
            }
        }
        match populate(g, view.map, at, length) {
            Ok(true) => return Ok(view),
            Ok(false) => {}
            Err(error) => return Err(note(g, md, error)),
        }
    }
}

/// Declares that a range will be read: waits until its bytes are there.
///
/// # Errors
/// `EBADF`; `EINVAL` for a range outside the mapping; `EACCES` on one for writing only; the device's error; `ENXIO`.
pub fn read<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32, offset: usize, length: usize) -> Result<(), Errno> {
    let (view, _) = range(g, md, offset, length)?;
    if !view.mode.reads() {
        return Err(Errno::ACCES);
    }
    fetch(g, md, offset, length).map(drop)
}

/// Declares that a range will be changed, in part or as a whole: waits until its bytes are there, and remembers to write
/// it back.
///
/// # Errors
/// As [`read`]; `EACCES` on a mapping for reading only.
pub fn write<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32, offset: usize, length: usize) -> Result<(), Errno> {
    let (view, _) = range(g, md, offset, length)?;
    if !view.mode.writes() {
        return Err(Errno::ACCES);
    }
    loop {
        fetch(g, md, offset, length)?;
        if declare(g, md, offset, length)? {
            return Ok(());
        }
    }
}

/// Declares that every byte of a range will be changed: what was there need not be read. Sectors that it covers in part
/// are.
///
/// # Errors
/// As [`write`].
pub fn overwrite<H: House<State: Mapped>>(
    g: &mut Guard<H>,
    md: i32,
    offset: usize,
    length: usize,
) -> Result<(), Errno> {
    let (view, at) = range(g, md, offset, length)?;
    if !view.mode.writes() {
        return Err(Errno::ACCES);
    }
    loop {
        let head = at.next_multiple_of(H::SECTOR) - at;
        let tail = (at + length) % H::SECTOR;
        if head >= length || tail + head >= length {
            return write(g, md, offset, length);
        }
        fetch(g, md, offset, head)?;
        fetch(g, md, offset + length - tail, tail)?;
        let (view, at) = range(g, md, offset, length)?;
        let (first, until) = ((at + head) / H::SECTOR, (at + length - tail) / H::SECTOR);
        let maps = g.maps();
        if maps.in_transfer(view.map.slot, first, until) {
            g.wait(Channel::Data, None);
            continue;
        }
        maps.set_valid(view.map.slot, first, until, true);
        if declare(g, md, offset, length)? {
            return Ok(());
        }
    }
}

/// Makes a valid range dirty; false if something was in the way and all must be looked at again.
fn declare<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32, offset: usize, length: usize) -> Result<bool, Errno> {
    let (view, at) = range(g, md, offset, length)?;
    let now = H::ticks();
    let maps = g.maps();
    let slot = view.map.slot;
    let map = *maps.live(view.map).ok_or(Errno::BADF)?;
    if length == 0 {
        return Ok(true);
    }
    let start = map.offset + at as u64;
    if maps.objects[map.object].written_past(start, start + length as u64) {
        // The file is being cut there: nobody knows yet where it ends.
        g.wait(Channel::Data, None);
        return Ok(false);
    }
    // What lies behind the end of the file is never written.
    let size = maps.objects[map.object].size.saturating_sub(map.offset).next_multiple_of(H::SECTOR as u64);
    let first = at / H::SECTOR;
    let until = (at + length).div_ceil(H::SECTOR).min((size / H::SECTOR as u64) as usize);
    if first < until {
        if maps.in_transfer(slot, first, until) {
            g.wait(Channel::Data, None);
            return Ok(false);
        }
        if maps.valid_from(slot, first, until) != (first, until) {
            return Ok(false);
        }
        let file = &mut maps.objects[map.object];
        file.change();
        if file.dirty.0 == NONE {
            file.dirtied = now;
        }
        maps.set_dirty(slot, first, until, true);
    }
    if !maps.writers.declare(place(md), H::thread()) {
        maps.view(md)?.crowded = true;
    }
    maps.mark_hot(slot);
    Ok(true)
}

/// Brings the declared changes of a range to the disk. The caller is done with them: a page that will be changed again is
/// declared again. On a mapping for reading only there is nothing to do.
///
/// # Errors
/// `EBADF`; `EINVAL` for a range outside the mapping; the device's, `ENOSPC`: the pages stay dirty. `ENXIO`.
pub fn sync<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32, offset: usize, length: usize) -> Result<(), Errno> {
    range(g, md, offset, length)?;
    check(g, md);
    let (view, at) = range(g, md, offset, length)?;
    let map = *g.maps().live(view.map).ok_or(Errno::BADF)?;
    if !map.marks.contains(Marks::REGION) || length == 0 {
        return Ok(());
    }
    let maps = g.maps();
    let (own, thread) = (place(md), H::thread());
    let others = maps.hot_beside(view.map.slot, md, thread);
    let from = (map.offset + at as u64) / H::SECTOR as u64 * H::SECTOR as u64;
    let to = (map.offset + (at + length) as u64).next_multiple_of(H::SECTOR as u64);
    if maps.writers.has_declared(own, thread) {
        maps.changed(view.map.slot);
    }
    if offset == 0 && length == view.length as usize {
        // Before the lock is given back: what is declared meanwhile is not what the caller is done with.
        maps.writers.end_declared(own, thread);
        maps.mark_hot(view.map.slot);
    }
    let sweep = if others { Sweep::Sync } else { Sweep::Own(maps.objects[map.object].version) };
    write_to_disk(g, map.object, from, to, sweep).map_err(|error| note(g, md, error))
}

/// Writes a range of a file back, after what has to be there before it, and brings it to the disk.
fn write_to_disk<H: House<State: Mapped>>(
    g: &mut Guard<H>,
    object: u16,
    from: u64,
    to: u64,
    sweep: Sweep,
) -> Result<(), Errno> {
    if from > g.maps().objects[object].stored {
        write_back(g, object, 0, from, Sweep::Sync)?;
    }
    write_back(g, object, from, to, sweep)?;
    to_disk(g, object)
}

/// Holds the mapping where it is; the address of its first byte.
///
/// # Errors
/// `EBADF`; `EBUSY` after 65,535 gets.
pub fn get<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32) -> Result<*mut u8, Errno> {
    let maps = g.maps();
    let view = *maps.view(md)?;
    let gets = view.gets.checked_add(1).ok_or(Errno::BUSY)?;
    let start = maps.get(view.map.slot).ok_or(Errno::BUSY)?;
    let told = !view.mode.writes() || maps.writers.get(place(md), H::thread());
    let held = maps.view(md)?;
    held.gets = gets;
    held.crowded |= !told;
    maps.mark_hot(view.map.slot);
    Ok(start.wrapping_add(view.delta as usize))
}

/// Ends one get.
///
/// # Errors
/// `EBADF`; `EINVAL` for a put too many.
pub fn put<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32) -> Result<(), Errno> {
    if g.maps().checks && g.maps().view(md)?.gets > 0 {
        check(g, md);
    }
    let maps = g.maps();
    let view = maps.view(md)?;
    view.gets = view.gets.checked_sub(1).ok_or(Errno::INVAL)?;
    let slot = view.map.slot;
    if maps.writers.put(place(md), H::thread()) {
        maps.changed(slot);
    }
    maps.put(slot);
    maps.mark_hot(slot);
    H::wake(Channel::Data);
    Ok(())
}

/// Ends a mapping, after writing back what is dirty of it. A transfer that is under way is waited for.
///
/// # Errors
/// `EBADF`; `EINVAL` when `length` is not the length it was made with; `EBUSY` while a get is outstanding: the mapping
/// stays as it was. The device's, `ENOSPC`: the mapping has ended, its bytes stay with the file, whose next fsync or close
/// reports the error too and tries again.
pub fn destroy<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32, length: usize) -> Result<(), Errno> {
    let view = *g.maps().view(md)?;
    if view.length as usize != length {
        return Err(Errno::INVAL);
    }
    if view.gets > 0 {
        return Err(Errno::BUSY);
    }
    let map = *g.maps().live(view.map).ok_or(Errno::BADF)?;
    let object = map.object;
    // The number is nobody's from here on.
    let ended = g.maps().view(md)?;
    ended.used = false;
    let slot = view.map.slot;
    g.maps().writers.forget(place(md));
    g.maps().mark_hot(slot);
    let mut result = Ok(());
    if map.marks.contains(Marks::REGION) {
        // The last one also leaves nothing of what others changed, and what stayed dirty because this one was held.
        let last = g.maps().view_count(slot) == 0;
        if map.marks.contains(Marks::DIRTY) && (view.mode.writes() || last) {
            let start = map.offset + u64::from(view.delta);
            let (from, to) = match last {
                true => (map.offset, map.end()),
                false => (
                    start / H::SECTOR as u64 * H::SECTOR as u64,
                    (start + u64::from(view.length)).next_multiple_of(H::SECTOR as u64),
                ),
            };
            result = write_to_disk(g, object, from, to, Sweep::Sync);
        } else if view.mode.writes() && !g.maps().objects[object].flags.contains(Flags::GONE) {
            // What was written back in the background, without length and date.
            result = to_disk(g, object);
        }
        g.maps().drop_orphans(object);
    } else {
        g.maps().copies -= 1;
        while g.maps().live(view.map).is_some_and(|map| !map.loose()) {
            g.wait(Channel::Data, None);
        }
        if g.maps().live(view.map).is_some() {
            g.maps().remove(slot);
        }
    }
    release(g, object);
    result
}

/// The first error since the last call; None if there was none.
///
/// # Errors
/// `EBADF`.
pub fn error<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32) -> Result<Option<Errno>, Errno> {
    let error = core::mem::take(&mut g.maps().view(md)?.error);
    Ok((error != 0).then_some(Errno(error)))
}
