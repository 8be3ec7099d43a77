//! Mappings: a range of a file in one block of the pool, valid and dirty sector by sector.
//!
//! ```text
//!   block   ┌───────────────────────────────────────────────┬─────────┬─────────┐
//!           │ the bytes of the file from `offset` on         │ valid   │ dirty   │  a bit a sector, twice
//!           └───────────────────────────────────────────────┴─────────┴─────────┘
//!            ░░░░ valid ░░░░│▓▓▓ and dirty ▓▓▓│ absent │▒▒ in transfer ▒▒│
//! ```
//!
//! | kind | who makes it | block | authority |
//! |---|---|---|---|
//! | segment | the cache, for an aligned window (`index.rs`) | purgeable | yes |
//! | region | `mmap_create` (`region.rs`) | ordinary | yes, before segments |
//! | copy | an atomic handle, a reader beside a held region | ordinary | no: filled from the others |
//!
//! A sector of a file has one authority at most: the region that covers it, else the segment that has it valid.
//! A mapping may be moved by the pool while nobody holds it and no transfer is under way. One transfer at a time goes to or
//! from a mapping, over a range of sectors (`busy`); who needs those waits, everybody else goes on, because the lock is
//! not held over the transfer.

use bitflags::bitflags;

use super::arena::Arena;
use super::index::Index;
use super::memory::{Block, Table};
use super::object::Object;
use super::view::View;
use super::writers::Writers;
use crate::buflib::Pool;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

bitflags! {
    /// What is true of a mapping.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Marks: u8 {
        /// The slot is taken.
        const USED = 1;
        /// A transfer is under way over the busy range.
        const BUSY = 2;
        /// It stands in the list of its file's dirty mappings.
        const DIRTY = 4;
        /// A window of the cache.
        const SEGMENT = 8;
        /// A range that programs have mapped.
        const REGION = 16;
        /// Its block is purgeable: the pool is told what happens to it.
        const PURGEABLE = 32;
        /// A program that may change it holds it, or has declared a change and not put it since.
        const HOT = 64;
        /// Its block is in the arena, not in the pool that everybody shares.
        const ARENA = 128;
    }
}

/// The unit in which readahead is counted, as a shift.
pub const AHEAD: u32 = 11;

/// No mapping.
pub const NONE: u16 = u16::MAX;

/// One mapping.
#[derive(Clone, Copy)]
pub struct Mapping {
    /// Where in the file it starts: a multiple of the sector.
    pub offset: u64,
    /// How many bytes of the file it covers: a multiple of the sector.
    pub length: u32,
    /// Of its block.
    pub handle: i32,
    /// Sectors in transfer, while `BUSY`.
    pub busy: (u32, u32),
    /// Index of the file's object.
    pub object: u16,
    /// Which use of this slot it is.
    pub generation: u16,
    /// Callers who hold it in place.
    pub gets: u16,
    /// The next segment of the bucket, region of the file, or free slot.
    pub(super) chain: u16,
    /// The dirty mappings of the file before and behind it.
    before: u16,
    behind: u16,
    /// What is true of it.
    pub marks: Marks,
    /// Of a segment: index into the sizes of windows.
    pub class: u8,
    /// Of a segment: how much it is wanted, as the pool was told.
    pub want: u8,
    /// Of a segment: what was read into it ahead of its reader and not used since, in units of [`AHEAD`] bytes.
    pub ahead: u8,
}

impl Mapping {
    const FREE: Mapping = Mapping {
        offset: 0,
        length: 0,
        handle: 0,
        busy: (0, 0),
        object: 0,
        generation: 0,
        gets: 0,
        chain: NONE,
        before: NONE,
        behind: NONE,
        marks: Marks::empty(),
        class: 0,
        want: 0,
        ahead: 0,
    };

    /// Whether the pool may have its memory, if it is clean: nobody holds it and no transfer is under way.
    pub fn loose(&self) -> bool {
        self.gets == 0 && !self.marks.contains(Marks::BUSY)
    }

    /// Behind its last byte of the file.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }

    /// Whether a byte of the file lies in it.
    #[inline]
    pub fn covers(&self, offset: u64) -> bool {
        offset.wrapping_sub(self.offset) < u64::from(self.length)
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

impl Name {
    /// The name of no mapping.
    pub const NOBODY: Name = Name { slot: NONE, generation: 0 };
}

/// A block of the reserve, and the segment that lies in it.
#[derive(Clone, Copy)]
pub struct Reserved {
    /// The block.
    pub handle: i32,
    /// The segment, or `NONE`.
    pub slot: u16,
}

/// What floor 3 counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Read commands sent to storage.
    pub commands: u64,
    /// Bytes that came back.
    pub bytes: u64,
    /// Write commands.
    pub writes: u64,
    /// Bytes that they took.
    pub written: u64,
    /// Commands that failed.
    pub errors: u64,
    /// Ticks that transfers took.
    pub ticks: u64,
    /// Bytes read ahead of their readers.
    pub ahead: u64,
    /// Those of them that were used.
    pub used: u64,
    /// Those of them that went before anybody asked for them.
    pub wasted: u64,
    /// When something dirty was last written back, in ticks; 0 for never.
    pub flushed: u32,
}

/// The mappings and the files under them.
pub struct Maps {
    /// The pool they live in, once there are any.
    pub pool: Option<Pool>,
    /// A second one, lent for a while.
    pub arena: Arena,
    /// The files.
    pub objects: Table<Object>,
    /// Where segments are.
    pub index: Index,
    pub(super) maps: Table<Mapping>,
    /// Mappings as programs know them.
    pub views: Table<View>,
    /// The threads that are at them for writing.
    pub writers: Writers,
    /// How many of them have a copy of their own.
    pub copies: u16,
    /// Blocks that are always there.
    pub reserve: Table<Reserved>,
    /// The slot of a purgeable block's handle, where that is small enough.
    by_handle: Table<u16>,
    free: u16,
    free_count: u16,
    /// A sector, as a shift.
    pub shift: u32,
    /// Dirty sectors.
    pub dirty: u32,
    /// Figures.
    pub counts: Counts,
    /// Whether undeclared changes of mappings are looked for.
    pub checks: bool,
    /// Counts opens: the clock of `Object::opened`.
    pub opens: u32,
    /// Counts syncs: what storage said of a file before the last one may be behind.
    pub syncs: u32,
    /// Counts files that have lost their last name or were forgotten for want of room, and volumes that have vanished: a
    /// stream that storage gave before may be of one of them.
    pub epoch: u32,
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
            arena: Arena::new(),
            objects: Table::empty(),
            index: Index::new(),
            maps: Table::empty(),
            views: Table::empty(),
            writers: Writers::NONE,
            copies: 0,
            reserve: Table::empty(),
            by_handle: Table::empty(),
            free: NONE,
            free_count: 0,
            shift: 9,
            dirty: 0,
            counts: Counts {
                commands: 0,
                bytes: 0,
                writes: 0,
                written: 0,
                errors: 0,
                ticks: 0,
                ahead: 0,
                used: 0,
                wasted: 0,
                flushed: 0,
            },
            checks: false,
            opens: 0,
            syncs: 0,
            epoch: 0,
        }
    }

    /// The mapping of this name, if it still is.
    #[inline]
    pub fn live(&self, name: Name) -> Option<&Mapping> {
        let map = self.maps.all().get(usize::from(name.slot))?;
        (map.marks.contains(Marks::USED) && map.generation == name.generation).then_some(map)
    }

    /// The mapping in this slot.
    #[inline]
    pub fn at(&self, slot: u16) -> &Mapping {
        &self.maps[slot]
    }

    /// The mapping in this slot, to change.
    pub fn at_mut(&mut self, slot: u16) -> &mut Mapping {
        &mut self.maps[slot]
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
        usize::from(self.free_count) > (self.maps.count() - self.reserve.count()) / 8 + self.unused_reserve()
    }

    /// Blocks of the reserve without a segment: as many slots are nobody else's, or they would be of no use.
    fn unused_reserve(&self) -> usize {
        self.reserve.all().iter().filter(|place| place.slot == NONE).count()
    }

    /// Bytes of a sector.
    #[inline]
    pub fn sector(&self) -> usize {
        1 << self.shift
    }

    /// The block of a mapping.
    #[inline]
    pub fn block(&self, pool: Pool, slot: u16) -> Block {
        let map = &self.maps[slot];
        let pool = if map.marks.contains(Marks::ARENA) { self.arena.pool.unwrap_or(pool) } else { pool };
        // Segments move under the floors' lock, and those of the reserve never.
        Block::of(pool, map.handle, block_size(map.length, self.shift)).settled(map.marks.contains(Marks::SEGMENT))
    }

    /// Makes a mapping over a block that was taken for it ([`block_size`]); None if no slot is free.
    pub fn add(&mut self, object: u16, offset: u64, length: u32, block: Block, kind: Marks) -> Option<Name> {
        let reserved = kind == Marks::SEGMENT;
        if !reserved && usize::from(self.free_count) <= self.unused_reserve() {
            return None;
        }
        let slot = self.free;
        let map = self.maps.all_mut().get_mut(usize::from(slot))?;
        self.free = map.chain;
        self.free_count -= 1;
        let generation = map.generation.wrapping_add(1);
        let (handle, mut marks) = (block.handle(), kind | Marks::USED);
        marks.set(Marks::ARENA, self.arena.pool.is_some_and(|arena| block.is_in(arena)));
        *map = Mapping { offset, length, handle, object, generation, marks, ..Mapping::FREE };
        self.objects[object].mappings += 1;
        block.peek(|bytes| bytes.zero(length as usize, 2 * field(length, self.shift)));
        if marks.contains(Marks::PURGEABLE)
            && let Some(of) = self.by_handle.all_mut().get_mut(place(handle, marks.contains(Marks::ARENA)))
        {
            *of = slot;
        }
        Some(Name { slot, generation })
    }

    /// The purgeable mapping with a block of this handle, in the arena or in the pool.
    pub fn of_handle(&self, handle: i32, arena: bool) -> Option<u16> {
        let marks = Marks::USED | Marks::PURGEABLE;
        let is_it = |slot: &u16| {
            let map = self.maps.all().get(usize::from(*slot));
            let is = |map: &Mapping| map.marks.contains(marks) && map.marks.contains(Marks::ARENA) == arena;
            map.is_some_and(|map| is(map) && map.handle == handle)
        };
        match self.by_handle.all().get(place(handle, arena)) {
            Some(slot) => Some(*slot).filter(is_it),
            None => (0..self.maps.count() as u16).find(is_it),
        }
    }

    /// Ends a loose mapping that is not dirty, and gives its block back, to the reserve if it is one of its.
    pub fn remove(&mut self, slot: u16) {
        let Some(pool) = self.pool else { return };
        let (block, reserved) = (self.block(pool, slot), self.is_reserve(slot));
        self.forget(slot);
        if !reserved {
            block.give();
        }
    }

    /// Whether this is a segment in a block of the reserve.
    pub fn is_reserve(&self, slot: u16) -> bool {
        let marks = self.maps[slot].marks;
        marks.contains(Marks::SEGMENT) && !marks.contains(Marks::PURGEABLE)
    }

    /// Notes how many bytes were read into a segment ahead of its reader.
    pub fn read_ahead(&mut self, slot: u16, bytes: usize) {
        let units = bytes.div_ceil(1 << AHEAD).min(usize::from(u8::MAX)) as u8;
        self.maps[slot].ahead = units;
        self.counts.ahead += u64::from(units) << AHEAD;
    }

    /// Somebody came back to a segment: what was read ahead has paid.
    #[inline]
    pub fn use_ahead(&mut self, slot: u16) {
        let units = core::mem::take(&mut self.maps[slot].ahead);
        self.counts.used += u64::from(units) << AHEAD;
    }

    /// Ends a mapping without giving its block back: the pool has it already.
    pub fn forget(&mut self, slot: u16) {
        debug_assert!(!self.maps[slot].marks.contains(Marks::DIRTY), "dirty sectors are dropped");
        self.unlist(slot);
        if self.is_reserve(slot)
            && let Some(place) = self.reserve.all_mut().iter_mut().find(|place| place.slot == slot)
        {
            place.slot = NONE;
        }
        let marks = self.maps[slot].marks;
        if marks.contains(Marks::SEGMENT) {
            self.counts.wasted += u64::from(self.maps[slot].ahead) << AHEAD;
            self.index_remove(slot);
        }
        if marks.contains(Marks::REGION) {
            self.unlink_region(slot);
        }
        let map = &mut self.maps[slot];
        let object = map.object;
        map.marks = Marks::empty();
        map.chain = self.free;
        self.free = slot;
        self.free_count += 1;
        let object = &mut self.objects[object];
        object.mappings = object.mappings.saturating_sub(1);
        object.losses = object.losses.wrapping_add(1);
        if object.idle() && object.stale() {
            *object = Object::FREE;
        }
    }

    /// Who speaks for a byte of a file: the region or the segment that covers it. A segment may not have it valid.
    #[inline]
    pub fn authority(&self, object: u16, offset: u64) -> Option<u16> {
        if self.objects[object].regions != NONE
            && let Some(slot) = self.region_at(object, offset)
        {
            return Some(slot);
        }
        self.find(object, offset)
    }

    /// Up to where this mapping speaks for its file, from a byte on for which it does.
    #[inline]
    pub fn reach(&self, slot: u16, offset: u64) -> u64 {
        let map = &self.maps[slot];
        match map.marks.contains(Marks::SEGMENT) && self.objects[map.object].regions != NONE {
            true => map.end().min(self.next_region(map.object, offset)),
            false => map.end(),
        }
    }

    /// Whether any of these sectors is in transfer.
    pub fn in_transfer(&self, slot: u16, first: usize, until: usize) -> bool {
        let map = &self.maps[slot];
        map.marks.contains(Marks::BUSY) && (first as u32) < map.busy.1 && until as u32 > map.busy.0
    }

    /// A transfer begins, or ends.
    pub(super) fn set_busy(&mut self, slot: u16, busy: Option<(usize, usize)>) {
        let Some(pool) = self.pool else { return };
        let block = self.block(pool, slot);
        let map = &mut self.maps[slot];
        let purgeable = map.marks.contains(Marks::PURGEABLE);
        match busy {
            Some((first, until)) => {
                map.marks |= Marks::BUSY;
                map.busy = (first as u32, until as u32);
                if purgeable {
                    block.begin_transfer();
                } else {
                    block.hold();
                }
            }
            None => {
                map.marks -= Marks::BUSY;
                if purgeable { block.end_transfer() } else { block.release() }
            }
        }
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

    /// Enters a mapping into its file's list of dirty ones, which stands in the order of offsets.
    pub(super) fn list(&mut self, slot: u16) {
        let map = self.maps[slot];
        if map.marks.contains(Marks::DIRTY) {
            return;
        }
        let mut before = self.objects[map.object].dirty.1;
        while before != NONE && self.maps[before].offset > map.offset {
            before = self.maps[before].before;
        }
        let behind = match before {
            NONE => core::mem::replace(&mut self.objects[map.object].dirty.0, slot),
            _ => core::mem::replace(&mut self.maps[before].behind, slot),
        };
        match behind {
            NONE => self.objects[map.object].dirty.1 = slot,
            _ => self.maps[behind].before = slot,
        }
        let map = &mut self.maps[slot];
        (map.before, map.behind) = (before, behind);
        map.marks |= Marks::DIRTY;
        self.tell_dirty(slot, true);
    }

    /// Takes a mapping out of that list, whatever its sectors say.
    pub(super) fn unlist(&mut self, slot: u16) {
        let Mapping { object, before, behind, marks, .. } = self.maps[slot];
        if !marks.contains(Marks::DIRTY) {
            return;
        }
        match before {
            NONE => self.objects[object].dirty.0 = behind,
            _ => self.maps[before].behind = behind,
        }
        match behind {
            NONE => self.objects[object].dirty.1 = before,
            _ => self.maps[behind].before = before,
        }
        self.maps[slot].marks -= Marks::DIRTY;
        self.tell_dirty(slot, false);
    }

    fn tell_dirty(&self, slot: u16, dirty: bool) {
        if let Some(pool) = self.pool
            && self.maps[slot].marks.contains(Marks::PURGEABLE)
        {
            self.block(pool, slot).set_dirty(dirty);
        }
    }

    /// The dirty mapping of a file behind this one in the order of offsets; the first one for `NONE`.
    pub fn next_dirty(&self, object: u16, slot: u16) -> u16 {
        if slot == NONE { self.objects[object].dirty.0 } else { self.maps[slot].behind }
    }
}

/// Where the table of handles has this one: those of the two pools alternate.
fn place(handle: i32, arena: bool) -> usize {
    2 * handle as usize + usize::from(arena)
}

/// Bytes of one bit field behind `length` bytes of file.
pub(super) fn field(length: u32, shift: u32) -> usize {
    ((length as usize) >> shift).div_ceil(8)
}

/// How large a block a mapping of this length needs.
pub fn block_size(length: u32, shift: u32) -> usize {
    length as usize + 2 * field(length, shift)
}

/// Gives a table back that was had.
pub fn give<T: Copy>(pool: Pool, table: Option<Table<T>>) {
    if let Some(mut table) = table {
        table.give(pool);
    }
}

/// Takes the tables from the pool, once. Every entry to the floors calls it first.
///
/// # Errors
/// No memory.
pub fn ready<H: House<State: Mapped>>(g: &mut Guard<H>, pool: Pool, slots: u16) -> Result<(), Errno> {
    if g.maps().pool.is_some() {
        return Ok(());
    }
    let (objects, maps, by_handle, views) = g.unlocked(|| {
        let objects = Table::take(pool, Object::how_many(slots), Object::FREE);
        let maps = Table::take(pool, usize::from(slots), Mapping::FREE);
        let by_handle = Table::take(pool, 3 * usize::from(slots), NONE);
        (objects, maps, by_handle, Table::take(pool, usize::from(slots / 8).clamp(16, 256), View::FREE))
    });
    let state = g.maps();
    if state.pool.is_some() || objects.is_none() || maps.is_none() || by_handle.is_none() || views.is_none() {
        give(pool, objects);
        give(pool, maps);
        give(pool, by_handle);
        give(pool, views);
        // Without an error of ours, another thread has come first.
        return if state.pool.is_some() { Ok(()) } else { Err(Errno::NOMEM) };
    }
    let mut maps = maps.unwrap_or(Table::empty());
    for (n, map) in maps.all_mut().iter_mut().enumerate() {
        map.chain = if n + 1 < usize::from(slots) { n as u16 + 1 } else { NONE };
    }
    state.shift = H::SECTOR.trailing_zeros();
    state.free = if slots > 0 { 0 } else { NONE };
    state.free_count = slots;
    state.objects = objects.unwrap_or(Table::empty());
    state.maps = maps;
    state.views = views.unwrap_or(Table::empty());
    state.by_handle = by_handle.unwrap_or(Table::empty());
    state.pool = Some(pool);
    Ok(())
}
