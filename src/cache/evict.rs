//! Who gets memory back, from whom, in which order.
//!
//! ```text
//!   asker      may take, in this order                                    never
//!   Others     Played, Cached, Ahead (farthest first)                     what a stream needs next (`keep`),
//!   Waiting    Played, Cached, Ahead                                      what is held, what is in transfer
//!   Reader     the same; Ahead before Cached while Cached is small
//!   Ahead      Played; Cached while it is large
//! ```
//!
//! Until buflib has purgeable blocks of its own, a segment is an ordinary block with a shrink callback. The pool calls it for
//! any segment; it answers by freeing the coldest ones, and says no when nothing may go or when it would not be enough.

use core::ffi::{c_int, c_void};

use super::index::{List, SHIFTS};
use super::{Cache, Cached};
use crate::buflib::{CB_OK, Callbacks, Pool};
use crate::mmap::mapping::{Maps, Name, block_size};
use crate::mmap::memory::Block;

use crate::port::monitor::{Guard, House};

/// A shrink callback has nothing to give.
const CB_CANNOT_SHRINK: c_int = 1;
/// In a hint: how much is wanted, in bytes.
const HINT_SIZE: u32 = (1 << 30) - 1;
/// In a hint: as much as possible is wanted, from both ends.
const HINT_BOTH: u32 = 3 << 30;
/// What a block costs beside its bytes: four words of header and up to one of rounding.
const HEADER: usize = 5 * size_of::<usize>();
/// How often an allocation of the cache tries again after giving one segment more up.
const TRIES: u32 = 8;

/// Who wants memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Another user of the pool.
    Others,
    /// A read of a file.
    Reader,
    /// A stream whose reader waits.
    Waiting,
    /// A stream that reads ahead.
    Ahead,
}

/// Whether a segment holds bytes that a stream needs next.
fn kept(maps: &Maps, slot: u16) -> bool {
    let map = maps.at(slot);
    let object = &maps.objects[map.object];
    map.offset < object.keep_to && map.offset + u64::from(map.length) > object.keep_from
}

/// Ends a segment and gives its block back: the bytes that came free.
pub fn drop_segment(maps: &mut Maps, cache: &mut Cache, slot: u16) -> usize {
    let freed = block_size(maps.at(slot).length) + HEADER;
    cache.index.remove(maps, slot);
    maps.remove(slot);
    freed
}

/// The segment that goes next for this asker.
fn victim(maps: &Maps, cache: &Cache, asker: Asker) -> Option<u16> {
    let small = cache.index.lists[List::Cached as usize].bytes <= cache.share;
    let order: &[List] = match asker {
        Asker::Others | Asker::Waiting => &[List::Played, List::Cached, List::Ahead],
        Asker::Reader if small => &[List::Played, List::Ahead, List::Cached],
        Asker::Reader => &[List::Played, List::Cached, List::Ahead],
        Asker::Ahead if small => &[List::Played],
        Asker::Ahead => &[List::Played, List::Cached],
    };
    order.iter().find_map(|list| {
        let mut next = cache.index.coldest(*list);
        while let Some(slot) = next {
            if maps.at(slot).loose() && !kept(maps, slot) {
                return Some(slot);
            }
            next = cache.index.warmer(slot);
        }
        None
    })
}

/// Gives segments up until `need` bytes came free or nothing more may go: how many came free.
pub fn evict(maps: &mut Maps, cache: &mut Cache, need: usize, asker: Asker) -> usize {
    let mut freed = 0;
    while freed < need {
        let Some(slot) = victim(maps, cache, asker) else {
            break;
        };
        freed += drop_segment(maps, cache, slot);
        cache.counts.evictions += 1;
        cache.counts.given += u64::from(asker == Asker::Others);
    }
    freed
}

/// The callbacks of a segment's block.
struct Ops<H>(H);

impl<H: House<State: Cached>> Ops<H> {
    const OPS: Callbacks =
        Callbacks { move_callback: Some(moved), shrink_callback: Some(shrink::<H>), sync_callback: None };
}

/// The pool moves a segment: nothing points into one that is not pinned.
extern "C" fn moved(_handle: c_int, _current: *mut c_void, _new: *mut c_void) -> c_int {
    CB_OK
}

/// The pool is short. Frees the coldest segments; never waits for anything but the lock.
extern "C" fn shrink<H: House<State: Cached>>(_handle: c_int, hints: u32, _start: *mut c_void, _size: usize) -> c_int {
    let mut g = H::monitor().enter();
    let everything = hints & HINT_BOTH == HINT_BOTH;
    let need = (hints & HINT_SIZE) as usize;
    let (maps, cache) = g.parts();
    let free = maps.pool.map_or(0, Pool::available);
    // What can never be enough is not begun: the segments would go for nothing.
    if !everything && need as u64 > cache.bytes() + free as u64 {
        cache.counts.refusals += 1;
        return CB_CANNOT_SHRINK;
    }
    let ahead = cache.index.lists[List::Ahead as usize].bytes;
    // The hint is the whole request: free memory counts towards it. If walls make it useless, the pool asks again.
    let lack = (need + HEADER).saturating_sub(free).max(1);
    if evict(maps, cache, lack, Asker::Others) == 0 {
        cache.counts.refusals += 1;
        return CB_CANNOT_SHRINK;
    }
    if cache.index.lists[List::Ahead as usize].bytes < ahead {
        cache.pressed = Some(H::ticks());
    }
    CB_OK
}

/// Takes a block of this size after making room for it as far as the asker may. Nothing moves and nobody is called:
/// whoever reads a file may have pointers into the pool.
pub fn take_room(
    maps: &mut Maps,
    cache: &mut Cache,
    size: usize,
    asker: Asker,
    ops: *const Callbacks,
) -> Option<Block> {
    let pool = maps.pool?;
    for _ in 0..TRIES {
        loop {
            let lack = (size + HEADER).saturating_sub(pool.available());
            if lack == 0 {
                break;
            }
            if evict(maps, cache, lack, asker) == 0 {
                return None;
            }
        }
        if let Some(block) = Block::take_still(pool, size, ops) {
            return Some(block);
        }
        // Enough, but not in one piece. One victim more may join two holes.
        if evict(maps, cache, 1, asker) == 0 {
            return None;
        }
    }
    None
}

/// The segment for a byte of an open file, made if there is none; its bytes may have to be read still. None when there
/// is no memory for one, and for a byte beyond the end.
pub fn segment<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    most: u8,
    asker: Asker,
) -> Option<Name> {
    let (maps, cache) = g.parts();
    if let Some(slot) = cache.index.find(maps, object, offset) {
        return Some(maps.name(slot));
    }
    let size = maps.objects[object].size;
    if offset >= size || !maps.has_slot() && evict(maps, cache, 1, asker) == 0 {
        return None;
    }
    let most = cache.index.room(maps, object, offset, most.min(cache.largest));
    let ops: *const Callbacks = const { &Ops::<H>::OPS };
    let list = if asker == Asker::Reader { List::Cached } else { List::Ahead };
    (0..=most).rev().find_map(|class| {
        let shift = SHIFTS[usize::from(class)];
        let start = offset >> shift << shift;
        let length = (size - start).next_multiple_of(H::SECTOR as u64).min(1 << shift) as u32;
        let block = take_room(maps, cache, block_size(length), asker, ops)?;
        let Some(name) = maps.add(object, start, length, block) else {
            block.give();
            return None;
        };
        cache.index.insert(maps, name.slot, class, list);
        cache.counts.peak = cache.counts.peak.max(cache.bytes());
        Some(name)
    })
}

/// Says which bytes of a file a stream needs next: they are not given up. An empty range ends it.
pub fn keep(maps: &mut Maps, object: u16, from: u64, to: u64) {
    let object = &mut maps.objects[object];
    (object.keep_from, object.keep_to) = (from, to.max(from));
}

/// Gives back every segment of a file that nobody holds.
pub fn drop_file(maps: &mut Maps, cache: &mut Cache, object: u16) {
    for slot in 0..maps.slots() as u16 {
        if cache.index.is_segment(slot) && maps.at(slot).object == object && maps.at(slot).loose() {
            drop_segment(maps, cache, slot);
        }
    }
}
