//! Segments: windows of files in purgeable blocks, made, wanted and given back.
//!
//! ```text
//!   make   look for a window ─► unlock, take a block, lock ─► look again ─► take smaller windows inside over ─► enter
//!            └ somebody holds a segment that ended with the file: what is free of its window, beside that
//!
//!   free callback    the pool wants the memory:  loose and clean ─► out of the index, agreed;  else refused
//!   clean callback   the pool wants a dirty one: written back, with what stands before it in its file
//! ```
//!
//! | wanted | who | goes |
//! |---|---|---|
//! | now | what a playing stream needs within seconds | never |
//! | soon | what lies farther ahead of streams | last, the farthest first |
//! | cached | what was read or written by offset | by the pool's replacement policy |
//! | disposable | what streams have passed | first |
//!
//! A block is taken without the floors' lock, because the pool may ask for another segment, and the callback takes that
//! lock. The pool's own lock is below it.

use core::ffi::{c_int, c_void};

use super::{Cached, reserve};
use crate::buflib::{CB_OK, Callbacks, Priority, PurgeCallbacks};
use crate::mmap::arena;
use crate::mmap::index::{FILES, needed};
use crate::mmap::mapping::{Mapped, Maps, Marks, Name, block_size};
use crate::mmap::memory::{Block, settle};
use crate::mmap::writeback::{Sweep, write_back};
use crate::port;
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};

/// An owner says no.
const REFUSED: c_int = 1;
/// A stream's distance is counted in units of this many bytes, as a shift.
const DISTANCE: u32 = 9;

/// For whom a segment is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Somebody who reads or writes by offset.
    File,
    /// A stream whose reader waits, or nearly does: what is read for him stays until he has passed it, or jumps.
    Waiting,
    /// A stream that reads ahead, with its place on the line of what will be played: not at the cost of what is needed
    /// before.
    Ahead(u64),
}

impl Reader {
    /// How much what it reads is wanted, and how far away that is.
    fn want(self, maps: &Maps, object: u16, start: u64, end: u64) -> (Priority, usize) {
        let line = match self {
            Reader::File => return (Priority::Cached, 0),
            Reader::Waiting => return (Priority::Now, 0),
            Reader::Ahead(line) => line,
        };
        let object = &maps.objects[object];
        match start < object.keep_to && end > object.keep_from {
            true => (Priority::Now, 0),
            false => (Priority::Soon, ((line + start) >> DISTANCE) as usize),
        }
    }
}

/// The callbacks of a segment's block.
struct Ops<H, const ARENA: bool>(H);

impl<H: House<State: Cached>, const ARENA: bool> Ops<H, ARENA> {
    const OPS: PurgeCallbacks = PurgeCallbacks {
        base: Callbacks { move_callback: Some(moved), shrink_callback: None, sync_callback: settle::<H>() },
        free_callback: Some(free::<H, ARENA>),
        clean_callback: Some(clean::<H, ARENA>),
    };
}

/// The pool moves a segment: nothing points into one that is not pinned.
extern "C" fn moved(_handle: c_int, _current: *mut c_void, _new: *mut c_void) -> c_int {
    CB_OK
}

/// The pool wants a segment's memory. Waits for nothing but the lock.
extern "C" fn free<H: House<State: Cached>, const ARENA: bool>(
    handle: c_int,
    _start: *mut c_void,
    _size: usize,
) -> c_int {
    let spares = port::spares();
    let mut g = H::monitor().enter();
    let Some(slot) = g.maps().of_handle(handle, ARENA) else { return REFUSED };
    let map = *g.maps().at(slot);
    let soon = map.want == Priority::Soon as u8;
    // Who reads ahead himself takes only what is farther away than what he reads, so that this ends.
    let nearer = soon && spares && distance(g.maps(), slot) <= g.cache().reach;
    if !map.loose() || map.marks.contains(Marks::DIRTY) || map.want == Priority::Now as u8 || nearer {
        g.cache().counts.refusals += 1;
        return REFUSED;
    }
    let length = u64::from(map.length);
    g.maps().forget(slot);
    let file = &mut g.maps().objects[map.object];
    file.lost = file.lost.saturating_add(1);
    let cache = g.cache();
    cache.counts.evictions += 1;
    cache.counts.given += u64::from(cache.asking == 0);
    // What one stream gives up for another, or for its own next seconds, nobody else has taken.
    if soon && cache.streaming == 0 {
        cache.counts.lost += length;
        cache.pressed = Some(H::ticks());
    }
    CB_OK
}

/// How far away the need for a segment is.
fn distance(maps: &Maps, slot: u16) -> usize {
    maps.pool.map_or(0, |pool| maps.block(pool, slot).distance())
}

/// The pool wants the memory of a dirty segment, for somebody who may wait.
extern "C" fn clean<H: House<State: Cached>, const ARENA: bool>(handle: c_int) -> c_int {
    let mut g = H::monitor().enter();
    let maps = g.maps();
    let Some(slot) = maps.of_handle(handle, ARENA) else { return REFUSED };
    let (name, map) = (maps.name(slot), *maps.at(slot));
    let written = write_back(&mut g, map.object, 0, map.end(), Sweep::Background);
    match g.maps().live(name) {
        Some(map) if written.is_err() || map.marks.contains(Marks::DIRTY) => REFUSED,
        _ => CB_OK,
    }
}

/// What the data of a window is called: the same whenever it is the same.
fn key(maps: &Maps, object: u16, start: u64) -> usize {
    let identity = &maps.objects[object].identity;
    let mixed = (identity.volume ^ identity.file.rotate_left(20) ^ start.rotate_left(40))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(identity.file)
        .wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed >> 16) as usize | 1
}

/// A window that could be made.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Window {
    class: u8,
    start: u64,
    length: u32,
    /// It is what others leave free of theirs.
    beside: bool,
}

/// The largest window around a byte of the file, at most of this class. A window at the end of the file is as long as the
/// file, or whole for somebody who makes the file longer.
fn window(maps: &Maps, object: u16, offset: u64, most: u8, grows: bool) -> Option<Window> {
    let size = maps.objects[object].size;
    if !grows && offset >= size {
        return None;
    }
    if let Some(part) = beside(maps, object, offset, most, grows) {
        return Some(part);
    }
    let class = maps.room(object, offset, most)?;
    let shift = maps.index.shifts[usize::from(class)];
    let start = offset >> shift << shift;
    let mut length = match grows {
        true => 1 << shift,
        false => (size - start).next_multiple_of(maps.sector() as u64).min(1 << shift) as u32,
    };
    // Those inside it may be longer than the file.
    maps.each_inside(object, offset, class, |slot| {
        length = length.max((maps.at(slot).end() - start) as u32);
        true
    });
    Some(Window { class, start, length, beside: false })
}

/// The part around a byte, as large as a window of class `most`, of what is free of a window in which somebody holds a
/// segment.
fn beside(maps: &Maps, object: u16, offset: u64, most: u8, grows: bool) -> Option<Window> {
    let class = maps.at(maps.near(object, offset)?).class;
    let free = maps.left_free(object, offset, class);
    let shift = maps.index.shifts[usize::from(most)];
    let start = (offset >> shift << shift).max(free.from);
    let mut end = (((offset >> shift) + 1) << shift).min(free.to);
    if !grows {
        end = end.min(maps.objects[object].size.next_multiple_of(maps.sector() as u64));
    }
    let there = free.held && !free.busy && end > offset;
    there.then(|| Window { class, start, length: (end - start) as u32, beside: true })
}

/// What a pool puts around a purgeable block, in bytes, at most.
const AROUND: usize = 16 * size_of::<usize>();
/// The smallest parts into which the room of an extent is divided again, as a shift.
const PART: u32 = 16;

/// The size of the block for a window: so that two of half the size fit where one was.
fn roomy(length: u32, shift: u32) -> usize {
    block_size(length, shift) + AROUND * (length as usize >> PART).saturating_sub(1)
}

/// What came of looking for a segment.
pub enum Made {
    /// Here it is; its bytes may have to be read still.
    Here(Name),
    /// Something was in the way, or has changed: look again.
    Again,
    /// Somebody holds what stands in the way, and there is no memory for more beside it.
    Held,
    /// There is no memory for one.
    NoMemory,
}

/// The segment for a byte of an open file, made if there is none. The byte lies in no region, and inside the file
/// unless the asker makes it longer (`grows`).
pub fn segment<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    most: u8,
    reader: Reader,
    grows: bool,
) -> Made {
    let maps = g.maps();
    if let Some(slot) = maps.near(object, offset) {
        if maps.at(slot).covers(offset) {
            return Made::Here(maps.name(slot));
        }
        if maps.left_free(object, offset, maps.at(slot).class).busy {
            g.wait(Channel::Data, None);
            return Made::Again;
        }
    }
    let least = match g.maps().near(object, offset) {
        Some(slot) if beside(g.maps(), object, offset, 1, grows).is_none() => g.maps().at(slot).class.max(1),
        _ => 1,
    };
    let mut most = match reader {
        Reader::File => most.min(g.cache().largest).max(least),
        _ => most.max(least),
    };
    // Who reads far ahead does not do so in splinters, where he has the choice.
    let least = match reader {
        Reader::Ahead(_) if g.maps().near(object, offset).is_none() || least > 1 => least.max(most.min(FILES) - 1),
        _ => least,
    };
    while !g.maps().has_slot() {
        if !reserve::free_a_slot(g, matches!(reader, Reader::Ahead(_))) {
            return Made::NoMemory;
        }
    }
    while most >= least {
        // The file may have been cut.
        if !grows && offset >= g.maps().objects[object].size {
            return Made::Again;
        }
        let Some(wanted) = window(g.maps(), object, offset, most, grows) else { break };
        let (priority, distance) = reader.want(g.maps(), object, wanted.start, wanted.start + u64::from(wanted.length));
        let maps = g.maps();
        let (size, key) = (roomy(wanted.length, maps.shift), key(maps, object, wanted.start));
        if let Reader::Ahead(line) = reader {
            g.cache().reach = ((line + wanted.start + u64::from(wanted.length)) >> DISTANCE) as usize;
        }
        let block = take(g, size, priority, key, reader);
        let Some(block) = block else {
            most = if wanted.beside { most } else { wanted.class } - 1;
            continue;
        };
        // Others went on meanwhile: the file may have been cut, and somebody may have made the same window.
        let maps = g.maps();
        let near = maps.near(object, offset).map(|slot| (maps.at(slot).class, maps.at(slot).covers(offset)));
        let in_the_way = near.is_some_and(|(class, covers)| covers || class > wanted.class);
        if in_the_way || arena::too_late(maps, block) || window(maps, object, offset, most, grows) != Some(wanted) {
            block.give();
            return Made::Again;
        }
        if priority == Priority::Soon {
            block.set_priority(priority, distance);
        }
        return match enter(g.maps(), object, wanted, block, priority) {
            Some(name) => {
                let bytes = g.maps().index.bytes.iter().sum();
                let counts = &mut g.cache().counts;
                counts.peak = counts.peak.max(bytes);
                Made::Here(name)
            }
            None => {
                block.give();
                Made::NoMemory
            }
        };
    }
    Made::NoMemory
}

/// A block for a segment. Streams live in the arena, where there is one, and a reader who waits may go beyond it; files
/// live in the pool, and in the arena what nobody there will want.
fn take<H: House<State: Cached>>(
    g: &mut Guard<H>,
    size: usize,
    priority: Priority,
    key: usize,
    reader: Reader,
) -> Option<Block> {
    let spare = matches!(reader, Reader::Ahead(_));
    let stream = !matches!(reader, Reader::File);
    let lent = g.maps().arena.open().is_some();
    g.cache().asking += 1;
    g.cache().streaming += u32::from(stream);
    let in_arena = |g: &mut Guard<H>| {
        let ops: *const PurgeCallbacks = const { &Ops::<H, true>::OPS };
        arena::take(g, |pool| Block::take_purgeable(pool, size, priority, key, ops, spare || !stream))
    };
    let in_pool = |g: &mut Guard<H>| {
        let pool = g.maps().pool?;
        let ops: *const PurgeCallbacks = const { &Ops::<H, false>::OPS };
        g.unlocked(|| Block::take_purgeable(pool, size, priority, key, ops, spare))
    };
    let block = match (lent, stream) {
        (false, _) => in_pool(g),
        (true, false) => in_pool(g).or_else(|| in_arena(g)),
        (true, true) => in_arena(g).or_else(|| if spare { None } else { in_pool(g) }),
    };
    g.cache().asking -= 1;
    g.cache().streaming -= u32::from(stream);
    block
}

/// Makes a segment of a block, with what smaller windows inside it hold.
fn enter(maps: &mut Maps, object: u16, wanted: Window, block: Block, priority: Priority) -> Option<Name> {
    let name = maps.add(object, wanted.start, wanted.length, block, Marks::PURGEABLE)?;
    while let Some(inner) = if wanted.beside { None } else { inside(maps, object, wanted) } {
        maps.absorb(name.slot, inner);
    }
    maps.index_insert(name.slot, wanted.class, priority as u8);
    Some(name)
}

/// A segment inside a window.
fn inside(maps: &Maps, object: u16, wanted: Window) -> Option<u16> {
    let mut found = None;
    maps.each_inside(object, wanted.start, wanted.class, |slot| {
        found = Some(slot);
        false
    });
    found
}

impl Maps {
    /// Says how much a segment is wanted from now on.
    pub fn want(&mut self, slot: u16, priority: Priority, line: u64) {
        let Some(pool) = self.pool else { return };
        let map = *self.at(slot);
        if !map.marks.contains(Marks::PURGEABLE | Marks::SEGMENT) || map.want == priority as u8 {
            return;
        }
        self.index.bytes[usize::from(map.want)] -= u64::from(map.length);
        self.index.bytes[priority as usize] += u64::from(map.length);
        let file = &mut self.objects[map.object];
        file.needed = file.needed + u16::from(needed(priority as u8)) - u16::from(needed(map.want));
        self.at_mut(slot).want = priority as u8;
        self.block(pool, slot).set_priority(priority, ((line + map.offset) >> DISTANCE) as usize);
    }

    /// The first segment of a file with bytes of this range, and where it ends.
    pub fn next_segment(&self, object: u16, from: u64, to: u64) -> Option<(u16, u64)> {
        let step = self.index.step();
        let mut at = from;
        while at < to {
            if let Some(slot) = self.find(object, at) {
                return Some((slot, self.at(slot).end()));
            }
            at = (at + 1).next_multiple_of(step);
        }
        None
    }

    /// Notes that a segment was used.
    pub fn touch(&self, slot: u16) {
        if let Some(pool) = self.pool
            && self.at(slot).marks.contains(Marks::PURGEABLE)
        {
            self.block(pool, slot).touch();
        }
    }

    /// Gives back every segment of a file that nobody holds and that is clean.
    pub fn drop_segments(&mut self, object: u16) {
        for slot in 0..self.slots() as u16 {
            let map = self.at(slot);
            let is_it = map.marks.contains(Marks::USED | Marks::SEGMENT) && map.object == object;
            if is_it && map.loose() && !map.marks.contains(Marks::DIRTY) {
                self.remove(slot);
            }
        }
    }
}

/// Says which bytes of a file a stream needs next, and where the file stands on the line of what will be played: they
/// are not given up. An empty range ends it.
pub fn keep(maps: &mut Maps, object: u16, from: u64, to: u64, line: u64) {
    let window = 1u64 << maps.index.shifts[usize::from(FILES)];
    let to = if to > from { to.next_multiple_of(window) } else { from };
    let file = &mut maps.objects[object];
    let old = (file.keep_from, file.keep_to);
    (file.keep_from, file.keep_to) = (from, to);
    if old.1 == to && old.0 <= from {
        return;
    }
    // What was kept and lies outside now, if the position jumped; what it has passed is the caller's to see to.
    if from < old.0 || from > old.1 || to < old.1 {
        each_segment(maps, object, old.0, old.1, |maps, slot| {
            let map = maps.at(slot);
            let still = map.offset < to && map.end() > from;
            if map.want == Priority::Now as u8 && !still {
                maps.want(slot, if to > from { Priority::Soon } else { Priority::Cached }, line);
            }
        });
    }
    each_segment(maps, object, from, to, |maps, slot| maps.want(slot, Priority::Now, 0));
}

/// Calls `f` with the segments of a range of a file.
pub fn each_segment(maps: &mut Maps, object: u16, from: u64, to: u64, mut f: impl FnMut(&mut Maps, u16)) {
    let to = to.min(maps.objects[object].size);
    let (mut at, mut left) = (from, maps.objects[object].cached);
    // Once all of the file's segments were met there are only gaps.
    while left > 0
        && let Some((slot, end)) = maps.next_segment(object, at, to)
    {
        left = left.saturating_sub(u64::from(maps.at(slot).length));
        f(maps, slot);
        at = end;
    }
}
