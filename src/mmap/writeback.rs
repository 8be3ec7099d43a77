//! From dirty mappings to storage.
//!
//! ```text
//!   dirty list of a file, by offset:   [4 K]─[4 K]─[16 K]────[128 K]
//!                                       └──────┬──────┘        │
//!   one command each:          joined in a buffer, up to   from its place
//!                              what storage takes
//! ```
//!
//! One sweep at a time per file, in ascending order, so that a file never grows out of order. A sector becomes clean only
//! after its write succeeded; a write that fails leaves it dirty and is remembered by the file. While its sectors are on
//! their way nobody changes them: the busy mark.

use super::mapping::{Mapped, Maps, Marks, NONE};
use super::memory::Block;
use super::object::{Flags, Object};
use super::transfer::{begin, end};
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// What a sweep may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// Not what a program holds or has declared, since it may be changing it; but where the file would not grow without.
    Background,
    /// Everything. What a program may be changing stays dirty.
    Sync,
    /// Everything, for the only program that may be changing it and says that it is not, as long as this is the file's
    /// version: nobody has declared anything since.
    Own(u32),
}

/// Sectors on their way.
struct Run {
    /// Where in the file, in bytes: whole sectors.
    start: u64,
    end: u64,
    /// The mapping of the first of them.
    slot: u16,
    /// They lie in more than one mapping.
    joined: bool,
}

impl Maps {
    /// The next dirty sectors of a file at or behind an offset.
    fn next_run(&self, object: u16, from: u64, to: u64, sweep: Sweep, most: usize) -> Option<Run> {
        let mut best: Option<Run> = None;
        let mut slot = self.next_dirty(object, NONE);
        while slot != NONE {
            let map = self.at(slot);
            if map.offset >= best.as_ref().map_or(to, |run| run.start) {
                break;
            }
            let spared = sweep == Sweep::Background && map.marks.contains(Marks::HOT);
            if map.end() > from && !spared {
                let first = (from.saturating_sub(map.offset) >> self.shift) as usize;
                let last = ((map.end().min(to) - map.offset) as usize).div_ceil(self.sector());
                let (first, until) = self.dirty_run(slot, first, last, most >> self.shift);
                let start = map.offset + ((first as u64) << self.shift);
                if first < until && best.as_ref().is_none_or(|run| start < run.start) {
                    let end = map.offset + ((until as u64) << self.shift);
                    best = Some(Run { start, end, slot, joined: false });
                }
            }
            slot = self.next_dirty(object, slot);
        }
        best
    }

    /// How far dirty sectors go on behind a run of a segment, in segments that are at rest.
    fn goes_on(&self, object: u16, run: &Run, to: u64, most: usize) -> u64 {
        let limit = (run.start + most as u64).min(to);
        let (mut end, mut slot) = (run.end, run.slot);
        while end < limit && end == self.at(slot).end() {
            match self.authority(object, end) {
                Some(next) if self.at(slot).marks.contains(Marks::SEGMENT) => {
                    let map = self.at(next);
                    if !map.marks.contains(Marks::SEGMENT) || map.marks.contains(Marks::BUSY) || map.offset != end {
                        break;
                    }
                    let last = ((limit.min(map.end()) - map.offset) >> self.shift) as usize;
                    let (first, until) = self.dirty_run(next, 0, last, usize::MAX);
                    if first != 0 || until == 0 {
                        break;
                    }
                    (end, slot) = (end + ((until as u64) << self.shift), next);
                }
                _ => break,
            }
        }
        end
    }

    /// Whether a program may be changing a mapping just now.
    fn may_change(&self, slot: u16, sweep: Sweep) -> bool {
        let map = self.at(slot);
        map.marks.contains(Marks::HOT) && sweep != Sweep::Own(self.objects[map.object].version)
    }

    /// Calls `f` with the mappings and sectors of a run.
    fn each_piece(&mut self, object: u16, run: &Run, mut f: impl FnMut(&mut Maps, u16, usize, usize)) {
        let (mut at, mut slot) = (run.start, run.slot);
        while at < run.end {
            let map = *self.at(slot);
            let stop = map.end().min(run.end);
            let (first, until) = ((at - map.offset) >> self.shift, (stop - map.offset) >> self.shift);
            f(self, slot, first as usize, until as usize);
            at = stop;
            if at < run.end {
                match self.authority(object, at) {
                    Some(next) => slot = next,
                    None => return,
                }
            }
        }
    }
}

/// Writes back what is dirty of a file between two offsets. From 0 on nothing in that range is left dirty, except what a
/// program may be changing, and what others write meanwhile. Waits for a `truncate` that is under way.
///
/// # Errors
/// The device's, `ENOSPC`: everything that was not written stays dirty, and the file remembers the error too.
pub fn write_back<H: House<State: Mapped>>(
    g: &mut Guard<H>,
    object: u16,
    from: u64,
    to: u64,
    sweep: Sweep,
) -> Result<(), Errno> {
    // A use of our own: the file must not end between two looks.
    g.maps().objects[object].hold();
    // Nobody knows where a file ends that storage is cutting: what is dirty behind that stays if storage fails.
    let waits = |file: &Object| file.flags.contains(Flags::SWEPT) || file.being_cut() && file.dirty.0 != NONE;
    while waits(&g.maps().objects[object]) {
        g.wait(Channel::Data, None);
    }
    let file = &mut g.maps().objects[object];
    let result = if file.flags.contains(Flags::GONE) {
        Err(Errno::NXIO)
    } else if file.dirty.0 == NONE {
        Ok(())
    } else {
        file.flags |= Flags::SWEPT;
        let mut buffer = None;
        let result = run_by_run(g, object, from, to, sweep, &mut buffer);
        if let Some(buffer) = buffer {
            buffer.give();
        }
        let now = H::ticks();
        let maps = g.maps();
        maps.counts.flushed = now.max(1);
        maps.drop_orphans(object);
        let file = &mut maps.objects[object];
        file.flags -= Flags::SWEPT;
        file.dirtied = now;
        if let Err(error) = result {
            file.remember(error);
        }
        H::wake(Channel::Data);
        result
    };
    super::transfer::release(g, object);
    result
}

fn run_by_run<H: House<State: Mapped>>(
    g: &mut Guard<H>,
    object: u16,
    from: u64,
    to: u64,
    sweep: Sweep,
    buffer: &mut Option<Block>,
) -> Result<(), Errno> {
    let (mut cursor, mut room, mut tried) = (from, 0, false);
    loop {
        let maps = g.maps();
        let Some(pool) = maps.pool else { return Ok(()) };
        // What a mapping holds behind the end of the file is not the file's.
        let to = to.min(maps.objects[object].size.next_multiple_of(H::SECTOR as u64));
        let Some(mut run) = maps.next_run(object, cursor, to, sweep, H::TRANSFER) else { return Ok(()) };
        let stored = maps.objects[object].stored;
        if run.start > stored && sweep == Sweep::Background {
            // What was spared lies where the file ends in storage, and holds up all that is behind it: it goes after all,
            // so far. The end moves on with each such run, and what lies before the end is spared again.
            let end = stored & !(H::SECTOR as u64 - 1);
            run = maps.next_run(object, end, run.start, Sweep::Sync, H::TRANSFER).unwrap_or(run);
        }
        if maps.at(run.slot).marks.contains(Marks::BUSY) {
            g.wait(Channel::Data, None);
            continue;
        }
        if run.start > stored {
            // What lies before it may not be written now: a file does not grow with a hole in it.
            return Ok(());
        }
        let all = maps.goes_on(object, &run, to, H::TRANSFER);
        if all > run.end && !tried {
            tried = true;
            let last = maps.at(maps.objects[object].dirty.1).end();
            room = (last - run.start).min(H::TRANSFER as u64).max(all - run.start) as usize;
            *buffer = g.unlocked(|| Block::take_clean(pool, room));
            if buffer.is_none() {
                room = (all - run.start) as usize;
                *buffer = g.unlocked(|| Block::take_clean(pool, room));
            }
            continue;
        }
        if buffer.is_some() && all > run.end && room as u64 > run.end - run.start {
            run.end = all.min(run.start + (room as u64 & !(H::SECTOR as u64 - 1)));
            run.joined = true;
        }
        cursor = run.end;
        write_run(g, object, &run, sweep, *buffer)?;
    }
}

fn write_run<H: House<State: Mapped>>(
    g: &mut Guard<H>,
    object: u16,
    run: &Run,
    sweep: Sweep,
    buffer: Option<Block>,
) -> Result<(), Errno> {
    let maps = g.maps();
    let Some(pool) = maps.pool else { return Ok(()) };
    let len = (run.end.min(maps.objects[object].size) - run.start) as usize;
    let stream = begin(maps, object);
    // Who holds it now may change it while it is written, and let go before that is over.
    let hot = maps.may_change(run.slot, sweep);
    maps.each_piece(object, run, |maps, slot, first, until| maps.set_busy(slot, Some((first, until))));
    let (block, inside) = match buffer.filter(|_| run.joined) {
        Some(buffer) => {
            let pin = buffer.pin();
            let (mut at, shift) = (0, maps.shift);
            maps.each_piece(object, run, |maps, slot, first, until| {
                let source = maps.block(pool, slot).pin();
                pin.take_from(at, &source, first << shift, (until - first) << shift);
                at += (until - first) << shift;
            });
            (buffer, 0)
        }
        None => (maps.block(pool, run.slot), (run.start - maps.at(run.slot).offset) as usize),
    };
    let began = H::ticks();
    let whole = (run.end - run.start) as usize;
    let result = g.unlocked(|| block.pin().lend(inside, whole, |from| H::write_sectors(stream, run.start, from, len)));

    let maps = g.maps();
    maps.counts.ticks += u64::from(H::ticks().wrapping_sub(began));
    maps.counts.writes += 1;
    let put = *result.as_ref().unwrap_or(&0);
    let done = put == len;
    maps.each_piece(object, run, |maps, slot, first, until| {
        maps.set_busy(slot, None);
        if done && !hot && !maps.may_change(slot, sweep) {
            maps.set_dirty(slot, first, until, false);
        }
    });
    let file = &mut maps.objects[object];
    if put > 0 {
        file.stored = file.stored.max(run.start + put as u64);
    }
    file.flags |= Flags::UNSYNCED | Flags::WRITTEN;
    maps.counts.written += put as u64;
    maps.counts.errors += u64::from(!done);
    end(g, object);
    match result {
        Err(error) => Err(error),
        Ok(_) if !done => Err(Errno::NOSPC),
        Ok(_) => Ok(()),
    }
}

/// Brings length and date of a file to the disk, if storage was changed through it.
///
/// # Errors
/// The device's: the next call tries again, and the file remembers the error too.
pub fn to_disk<H: House<State: Mapped>>(g: &mut Guard<H>, object: u16) -> Result<(), Errno> {
    // One at a time: what storage says of a file replaces only what it said before.
    while g.maps().objects[object].flags.contains(Flags::SYNCING) {
        g.wait(Channel::Data, None);
    }
    let maps = g.maps();
    if !maps.objects[object].flags.contains(Flags::UNSYNCED) {
        return Ok(());
    }
    maps.objects[object].flags -= Flags::UNSYNCED;
    maps.objects[object].flags |= Flags::SYNCING;
    let stream = begin(maps, object);
    let began = H::ticks();
    let result = g.unlocked(|| H::sync(stream));
    let maps = g.maps();
    maps.counts.ticks += u64::from(H::ticks().wrapping_sub(began));
    maps.syncs = maps.syncs.wrapping_add(1);
    let file = &mut maps.objects[object];
    file.flags -= Flags::SYNCING;
    match result {
        Ok(identity) => file.identity = identity,
        Err(error) => {
            file.flags |= Flags::UNSYNCED;
            file.remember(error);
        }
    }
    end(g, object);
    result.map(drop)
}
