//! The reserve: windows of a sector or two that are always there, so that files can be read and written when nobody has
//! any memory left.
//!
//! ```text
//!   pool   │ blocks of others …                                  │r│r│r│r│…  high in the pool, never moved, never given away
//! ```
//!
//! Two of 16 KB together, one of 8 KB in pools up to 8 MB, less in tiny ones. A reader or writer that moves on leaves its
//! window to itself first: with as many windows as descriptors, nobody takes another's, and no workload costs more
//! commands than one cached sector per descriptor would.

use super::Cached;
use super::segment::Made;
use crate::buflib::{Pool, Priority};
use crate::mmap::mapping::{Mapped, Marks, NONE, Name, Reserved, block_size};
use crate::mmap::memory::{Block, Table};
use crate::mmap::writeback::{Sweep, write_back};
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};

/// How many windows a pool of this size keeps, and how large they are, as a shift, for sectors of this size.
pub fn plan(pool: usize, sector: usize) -> (usize, u32) {
    let (bytes, least) = match pool {
        0..0x4_0000 => (pool / 32, 512),
        0x4_0000..=0x80_0000 => (8 << 10, 512),
        _ => (32 << 10, 1024),
    };
    let window = sector.max(least);
    ((bytes / window).max(2), window.trailing_zeros())
}

/// Takes the blocks, none or all.
pub fn take(pool: Pool, count: usize, shift: u32, sector: usize) -> Option<Table<Reserved>> {
    let mut table = Table::take(pool, count, Reserved { handle: 0, slot: NONE })?;
    let size = block_size(1 << shift, sector.trailing_zeros());
    for n in 0..count {
        let Some(block) = Block::take_fixed(pool, size) else {
            give(pool, table);
            return None;
        };
        table.all_mut()[n].handle = block.handle();
    }
    Some(table)
}

/// Gives them back.
pub fn give(pool: Pool, mut table: Table<Reserved>) {
    for place in table.all() {
        pool.free(place.handle);
    }
    table.give(pool);
}

/// A window of the reserve for a byte of a file that lies in no segment. `previous`: where the asker was before. No
/// memory means that all are in transfer or held just now.
pub fn segment<H: House<State: Cached>>(g: &mut Guard<H>, object: u16, offset: u64, previous: Name) -> Made {
    let maps = g.maps();
    if let Some(slot) = maps.near(object, offset) {
        if maps.at(slot).covers(offset) {
            return Made::Again;
        }
        // A window that ends with an older end of the file stands in the way of its successor.
        return match maps.at(slot).gets {
            0 => give_up(g, slot),
            _ => Made::Held,
        };
    }
    let own = maps.live(previous).is_some_and(|map| map.loose()) && maps.is_reserve(previous.slot);
    let free = maps.reserve.all().iter().position(|place| place.slot == NONE);
    let place = match free {
        // Its own last window first, for that is of no use to anybody else.
        _ if own => return give_up(g, previous.slot),
        Some(place) => place,
        None => {
            let loose = |dirty: bool| {
                let mut slots = maps.reserve.all().iter().map(|place| place.slot);
                slots.find(|slot| maps.at(*slot).loose() && maps.at(*slot).marks.contains(Marks::DIRTY) == dirty)
            };
            return match loose(false).or_else(|| loose(true)) {
                Some(slot) => give_up(g, slot),
                None => Made::NoMemory,
            };
        }
    };
    let Some(pool) = maps.pool else { return Made::NoMemory };
    let shift = maps.index.shifts[0];
    let block = Block::of(pool, maps.reserve.all()[place].handle, block_size(1 << shift, maps.shift));
    let Some(name) = maps.add(object, offset >> shift << shift, 1 << shift, block, Marks::SEGMENT) else {
        return Made::NoMemory;
    };
    maps.reserve.all_mut()[place].slot = name.slot;
    maps.index_insert(name.slot, 0, Priority::Cached as u8);
    Made::Here(name)
}

/// Ends a loose segment, after writing it back if it is dirty. Others may have gone on meanwhile: look again. That is not
/// said without progress: the segment has gone, or something was written or waited for.
fn give_up<H: House<State: Cached>>(g: &mut Guard<H>, slot: u16) -> Made {
    let (name, map) = (g.maps().name(slot), *g.maps().at(slot));
    let before = g.maps().counts.written;
    if map.marks.contains(Marks::DIRTY) && write_back(g, map.object, 0, map.end(), Sweep::Background).is_err() {
        // The file remembers the failure.
        return Made::NoMemory;
    }
    let maps = g.maps();
    let in_transfer = maps.objects[map.object].transfers > 0;
    match maps.live(name) {
        Some(map) if map.loose() && !map.marks.contains(Marks::DIRTY) => maps.remove(slot),
        Some(map) if map.marks.contains(Marks::BUSY) => g.wait(Channel::Data, None),
        // Behind the end of a file that is being cut, or nothing that could be written.
        Some(map) if map.loose() && maps.counts.written == before => match in_transfer {
            true => g.wait(Channel::Data, None),
            false => return Made::NoMemory,
        },
        _ => {}
    }
    Made::Again
}

/// Makes a slot free where all are taken although there is memory: the next clean segment that nobody holds goes, what a
/// stream needs later last, the farthest first. `spare`: that does not go at all, for somebody who reads as far ahead
/// himself. False if there is none.
pub fn free_a_slot<H: House<State: Cached>>(g: &mut Guard<H>, spare: bool) -> bool {
    let slots = g.maps().slots() as u16;
    let Some(pool) = g.maps().pool else { return false };
    let mut farthest = None;
    for _ in 0..slots {
        let cache = g.cache();
        cache.hand = if cache.hand + 1 < slots { cache.hand + 1 } else { 0 };
        let hand = cache.hand;
        let maps = g.maps();
        let map = maps.at(hand);
        let idle = map.marks.contains(Marks::USED | Marks::SEGMENT | Marks::PURGEABLE) && map.loose();
        if !idle || map.marks.contains(Marks::DIRTY) || map.want == Priority::Now as u8 {
            continue;
        }
        if map.want != Priority::Soon as u8 {
            maps.remove(hand);
            g.cache().counts.evictions += 1;
            return true;
        }
        farthest = farthest.max(Some((maps.block(pool, hand).distance(), hand)));
    }
    match farthest {
        Some((_, slot)) if !spare => {
            g.maps().remove(slot);
            g.cache().counts.evictions += 1;
            true
        }
        _ => false,
    }
}
