//! Mappings: a range of a file in one block of the pool, valid sector by sector.
//!
//! ```text
//!   block   ┌───────────────────────────────────────────────┬────────┐
//!           │ the bytes of the file from `offset` on         │ bits   │  one bit a sector: valid
//!           └───────────────────────────────────────────────┴────────┘
//!            ░░░░░░░░ valid ░░░░░░░░│ absent │▒▒ in transfer ▒▒│
//! ```
//!
//! A mapping may be moved by the pool while nobody holds it and no transfer is under way. A transfer goes to one
//! mapping at a time (`busy`); who needs sectors of it meanwhile waits, everybody else goes on, because the lock is not
//! held over the transfer.

use bitflags::bitflags;

use super::memory::{Block, Table};
use super::object::Object;
use crate::buflib::Pool;
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

bitflags! {
    /// What is true of a mapping.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Marks: u8 {
        /// The slot is taken.
        const USED = 1;
        /// A transfer is under way.
        const BUSY = 2;
        /// `mmap_create` made it, not the cache.
        const CALLERS = 4;
    }
}

/// No mapping.
pub const NONE: u16 = u16::MAX;

/// One mapping.
#[derive(Clone, Copy)]
pub struct Mapping {
    /// Where in the file it starts: a multiple of the sector.
    pub offset: u64,
    /// How many bytes of the file it covers.
    pub length: u32,
    handle: i32,
    /// Index of the file's object.
    pub object: u16,
    /// Which use of this slot it is.
    pub generation: u16,
    /// Callers who hold it in place.
    pub gets: u16,
    /// The first error since it was last asked for; 0 is none.
    pub error: i16,
    /// What is true of it; while the slot is free, `length` is the next free slot.
    pub marks: Marks,
}

impl Mapping {
    const FREE: Mapping =
        Mapping { offset: 0, length: 0, handle: 0, object: 0, generation: 0, gets: 0, error: 0, marks: Marks::empty() };

    /// Whether the pool may have its memory: nobody holds it and no transfer is under way.
    pub fn loose(&self) -> bool {
        self.gets == 0 && !self.marks.contains(Marks::BUSY)
    }
}

/// A mapping by slot and use of the slot, so that an old name is not taken for a new mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// The slot.
    pub slot: u16,
    /// The use of it.
    pub generation: u16,
}

/// What floor 3 counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Read commands sent to storage.
    pub commands: u64,
    /// Bytes that came back.
    pub bytes: u64,
    /// Commands that failed.
    pub errors: u64,
}

/// The mappings and the files under them.
pub struct Maps {
    /// The pool they live in, once there are any.
    pub pool: Option<Pool>,
    /// The files.
    pub objects: Table<Object>,
    maps: Table<Mapping>,
    free: u16,
    free_count: u16,
    /// Figures.
    pub counts: Counts,
    /// Counts opens: the clock of `Object::opened`.
    pub opens: u32,
}

/// A state with mappings in it.
pub trait Mapped: 'static {
    /// The mappings.
    fn maps(&mut self) -> &mut Maps;
}

impl Maps {
    /// No pool, no tables.
    pub const fn new() -> Self {
        Maps {
            pool: None,
            objects: Table::empty(),
            maps: Table::empty(),
            free: NONE,
            free_count: 0,
            counts: Counts { commands: 0, bytes: 0, errors: 0 },
            opens: 0,
        }
    }

    /// The mapping of this name, if it still is.
    pub fn live(&mut self, name: Name) -> Option<&mut Mapping> {
        let map = self.maps.all_mut().get_mut(usize::from(name.slot))?;
        (map.marks.contains(Marks::USED) && map.generation == name.generation).then_some(map)
    }

    /// The mapping in this slot.
    pub fn at(&self, slot: u16) -> &Mapping {
        &self.maps[slot]
    }

    /// The name of the mapping in this slot.
    pub fn name(&self, slot: u16) -> Name {
        Name { slot, generation: self.maps[slot].generation }
    }

    /// How many mappings there can be.
    pub fn slots(&self) -> usize {
        self.maps.count()
    }

    /// Whether the cache may take another slot: an eighth is left to the mappings of programs and handles.
    pub fn has_slot(&self) -> bool {
        usize::from(self.free_count) > self.maps.count() / 8
    }

    fn block(&self, pool: Pool, slot: u16) -> Block {
        let map = &self.maps[slot];
        Block::of(pool, map.handle, map.length as usize + tail(map.length))
    }

    /// Makes a mapping over a block that was taken for it ([`block_size`]); None if no slot is free.
    pub fn add(&mut self, object: u16, offset: u64, length: u32, block: Block) -> Option<Name> {
        let slot = self.free;
        let map = self.maps.all_mut().get_mut(usize::from(slot))?;
        self.free = map.length as u16;
        self.free_count -= 1;
        *map = Mapping {
            offset,
            length,
            handle: block.handle(),
            object,
            generation: map.generation.wrapping_add(1) & 0x7ff,
            marks: Marks::USED,
            ..Mapping::FREE
        };
        let generation = map.generation;
        self.objects[object].mappings += 1;
        block.pin().zero(length as usize, tail(length));
        Some(Name { slot, generation })
    }

    /// Ends a loose mapping and gives its block back.
    pub fn remove(&mut self, slot: u16) {
        let Some(pool) = self.pool else { return };
        self.block(pool, slot).give();
        let map = &mut self.maps[slot];
        let object = map.object;
        map.marks = Marks::empty();
        map.length = u32::from(self.free);
        self.free = slot;
        self.free_count += 1;
        let object = &mut self.objects[object];
        object.mappings = object.mappings.saturating_sub(1);
        object.losses = object.losses.wrapping_add(1);
        if object.idle() && object.stale {
            *object = Object::FREE;
        }
    }

    /// Copies bytes out as far as they are valid; how many that was. The range starts inside the mapping.
    pub fn copy_out(&self, slot: u16, from: usize, into: &mut [u8], sector: usize) -> usize {
        let Some(pool) = self.pool else { return 0 };
        let map = &self.maps[slot];
        let wanted = into.len().min((map.length as usize).saturating_sub(from));
        let pin = self.block(pool, slot).pin();
        let mut good = 0;
        while good < wanted {
            let n = (from + good) / sector;
            if !pin.bit(map.length as usize, n) {
                break;
            }
            good = ((n + 1) * sector - from).min(wanted);
        }
        pin.read(from, &mut into[..good]);
        good
    }

    /// How many bytes from `from` on are valid without a gap.
    pub fn valid_run(&self, slot: u16, from: usize, sector: usize) -> usize {
        let Some(pool) = self.pool else { return 0 };
        let map = &self.maps[slot];
        let length = map.length as usize;
        let pin = self.block(pool, slot).pin();
        let mut at = from;
        while at < length && pin.bit(length, at / sector) {
            at = (at / sector + 1) * sector;
        }
        at.min(length).saturating_sub(from)
    }

    /// Holds a mapping in place: where its bytes are.
    pub fn get(&mut self, slot: u16) -> Option<*mut u8> {
        let block = self.block(self.pool?, slot);
        let map = &mut self.maps[slot];
        map.gets = map.gets.checked_add(1)?;
        Some(block.hold())
    }

    /// Ends one hold; false if there was none.
    pub fn put(&mut self, slot: u16) -> bool {
        let Some(pool) = self.pool else { return false };
        let block = self.block(pool, slot);
        let map = &mut self.maps[slot];
        if map.gets == 0 {
            return false;
        }
        map.gets -= 1;
        block.release();
        true
    }

    /// The next thing to read for a range of sectors: the first absent ones, as many as one command takes.
    fn absent(&self, pool: Pool, slot: u16, first: usize, last: usize, most: usize) -> (usize, usize) {
        let bits = self.maps[slot].length as usize;
        let pin = self.block(pool, slot).pin();
        let from = (first..last).find(|n| !pin.bit(bits, *n)).unwrap_or(last);
        let until = (from..last.min(from + most)).find(|n| pin.bit(bits, *n)).unwrap_or(last.min(from + most));
        (from, until)
    }
}

/// The bytes of the bit field behind `length` bytes of file: enough for the smallest sector.
fn tail(length: u32) -> usize {
    (length as usize).div_ceil(512).div_ceil(8)
}

/// How large a block a mapping of this length needs.
pub fn block_size(length: u32) -> usize {
    length as usize + tail(length)
}

/// Takes the tables from the pool, once. Every entry to the floors calls it first.
///
/// # Errors
/// No memory.
pub fn ready<H: House<State: Mapped>>(g: &mut Guard<H>, pool: Pool, slots: u16) -> Result<(), Errno> {
    if g.maps().pool.is_some() {
        return Ok(());
    }
    let tables = g.unlocked(|| {
        let objects = Table::take(pool, Object::how_many(slots), Object::FREE)?;
        let maps = Table::take(pool, usize::from(slots), Mapping::FREE);
        Some((objects, maps))
    });
    let Some((mut objects, maps)) = tables else {
        return Err(Errno::NOMEM);
    };
    let Some(mut maps) = maps else {
        objects.give(pool);
        return Err(Errno::NOMEM);
    };
    let state = g.maps();
    if state.pool.is_some() {
        // Another thread came first.
        objects.give(pool);
        maps.give(pool);
        return Ok(());
    }
    for (n, map) in maps.all_mut().iter_mut().enumerate() {
        map.length = if n + 1 < usize::from(slots) { n as u32 + 1 } else { u32::from(NONE) };
    }
    state.free = if slots > 0 { 0 } else { NONE };
    state.free_count = slots;
    state.objects = objects;
    state.maps = maps;
    state.pool = Some(pool);
    Ok(())
}

/// One user less of a file; the last one closes its stream.
pub fn release<H: House<State: Mapped>>(g: &mut Guard<H>, object: u16) {
    let file = &mut g.maps().objects[object];
    let stream = file.release();
    if file.idle() && file.stale {
        *file = Object::FREE;
    }
    if let Some(stream) = stream {
        // Nothing was written through it.
        let _ = g.unlocked(|| H::close(stream));
    }
}

/// Makes a range of a mapping valid: reads what is absent, in commands as long as storage takes them. Where the file
/// ends, the rest of the mapping reads as zero. False when the mapping ended meanwhile; on true, nothing has happened
/// since the last byte became valid.
///
/// # Errors
/// The device's, which the mapping remembers too.
pub fn populate<H: House<State: Mapped>>(g: &mut Guard<H>, name: Name, from: usize, len: usize) -> Result<bool, Errno> {
    let sector = H::SECTOR;
    loop {
        let maps = g.maps();
        let Some(pool) = maps.pool else {
            return Ok(false);
        };
        let Some(map) = maps.live(name) else {
            return Ok(false);
        };
        let busy = map.marks.contains(Marks::BUSY);
        let (offset, length, object) = (map.offset, map.length as usize, map.object);
        let last = from.saturating_add(len).min(length).div_ceil(sector);
        let (first, until) = maps.absent(pool, name.slot, from / sector, last, H::TRANSFER / sector);
        if first >= until {
            return Ok(true);
        }
        if busy {
            g.wait(Channel::Data, None);
            continue;
        }
        let start = first * sector;
        let bytes = (until * sector).min(length) - start;
        let file = &mut maps.objects[object];
        let inside = file.size.saturating_sub(offset + start as u64).min(bytes as u64) as usize;
        let stream = file.stream();
        file.hold();
        let block = maps.block(pool, name.slot);
        maps.maps[name.slot].marks |= Marks::BUSY;

        let result = g.unlocked(|| {
            let pin = block.pin();
            let got = match inside {
                0 => Ok(0),
                _ => pin.transfer(start, inside, |into| H::read_at(stream, offset + start as u64, into)),
            };
            if let Ok(got) = got {
                pin.zero(start + got, bytes - got);
            }
            got
        });

        let maps = g.maps();
        let map = &mut maps.maps[name.slot];
        map.marks -= Marks::BUSY;
        match result {
            Ok(got) => {
                let pin = maps.block(pool, name.slot).pin();
                for n in first..until {
                    pin.set_bit(length, n);
                }
                drop(pin);
                maps.counts.commands += u64::from(inside > 0);
                maps.counts.bytes += got as u64;
                if got < inside {
                    maps.objects[object].shorten(offset + (start + got) as u64);
                }
            }
            Err(error) => {
                maps.counts.commands += 1;
                maps.counts.errors += 1;
                if map.error == 0 {
                    map.error = error.0 as i16;
                }
            }
        }
        H::wake(Channel::Data);
        release(g, object);
        result?;
    }
}
