//! Reading through the cache.
//!
//! ```text
//!   hit             copied from the segment or region that speaks for the bytes
//!   miss            a window (`pattern.rs` says how large), filled as far as it deserves
//!   no memory       whole sectors straight into the caller's buffer, the rest through the reserve
//!   large, and of a file that memory would not hold: straight into the caller's buffer too
//! ```

use super::direct::{direct, passes_by};
use super::pattern::{Deserves, Pattern};
use super::segment::{Made, Reader, segment};
use super::{Cached, ahead, reserve};
use crate::buflib::Priority;
use crate::mmap::mapping::{Mapped, Maps, Marks, Name};
use crate::mmap::object::Flags;
use crate::mmap::transfer::populate;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// Lone misses in one file after which windows grow, if memory for all of it is free.
const GATHER: [u16; 3] = [8, 16, 32];

/// Windows from this class on are read ahead of a run.
const READ_AHEAD: u8 = 3;

/// Reads from the segment where the last read was, if all of it is there: most reads are of this kind. Waits for nothing.
#[inline]
pub fn hit<H: House<State: Cached>>(g: &mut Guard<H>, object: u16, offset: u64, into: &mut [u8], last: Name) -> bool {
    let maps = g.maps();
    let Some(map) = maps.live(last) else { return false };
    let (inside, ahead, file) = (offset.wrapping_sub(map.offset), map.ahead, &maps.objects[object]);
    let there = map.object == object
        && map.marks.contains(Marks::SEGMENT)
        && inside < u64::from(map.length)
        && into.len() as u64 <= u64::from(map.length) - inside
        && offset + into.len() as u64 <= file.size
        // A stream may hold what its volume has no more.
        && !file.flags.contains(Flags::GONE);
    if !there || !maps.copy_all(last.slot, inside as usize, into) {
        return false;
    }
    if ahead != 0 {
        maps.use_ahead(last.slot);
    }
    let counts = &mut g.cache().counts;
    counts.asked += into.len() as u64;
    counts.hits += 1;
    true
}

/// Reads from an open file at an offset: how many bytes, fewer than asked only at the end of the file or before an
/// error.
///
/// # Errors
/// The device's, when no byte could be read; `ENXIO` when the volume is gone.
#[inline]
pub fn read<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    into: &mut [u8],
    pattern: &mut Pattern,
) -> Result<usize, Errno> {
    if hit(g, object, offset, into, pattern.last) {
        pattern.goes_on_or_jumps(offset, into.len());
        return Ok(into.len());
    }
    let deserves = pattern.note(offset, into.len());
    by_parts(g, object, offset, into, pattern, deserves)
}

fn by_parts<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    into: &mut [u8],
    pattern: &mut Pattern,
    deserves: Deserves,
) -> Result<usize, Errno> {
    g.cache().counts.asked += into.len() as u64;
    let mut done = 0usize;
    let mut fresh = false;
    loop {
        let maps = g.maps();
        let file = &maps.objects[object];
        if file.flags.contains(Flags::GONE) {
            return Err(Errno::NXIO);
        }
        let at = offset.saturating_add(done as u64);
        let left = file.size.saturating_sub(at);
        let end = into.len().min(done.saturating_add(usize::try_from(left).unwrap_or(usize::MAX)));
        if done >= end {
            return Ok(done);
        }
        let there = maps.authority(object, at);
        if let Some(slot) = there {
            let inside = (at - maps.at(slot).offset) as usize;
            let most = (maps.reach(slot, at) - at).min((end - done) as u64) as usize;
            let got = maps.copy_out(slot, inside, &mut into[done..done + most]);
            if got > 0 {
                done += got;
                let name = maps.name(slot);
                if maps.at(slot).marks.contains(Marks::SEGMENT) && pattern.last != name {
                    // Not again while it stays in there.
                    let left = core::mem::replace(&mut pattern.last, name);
                    maps.touch(slot);
                    let scans = pattern.scans() && too_large(g, object);
                    moved_on(g.maps(), left, slot, scans);
                    if deserves.run && deserves.class >= READ_AHEAD {
                        let end = g.maps().at(slot).end();
                        ahead::want(g, object, end, deserves.class);
                    }
                }
                if !fresh {
                    g.maps().use_ahead(slot);
                    g.cache().counts.hits += 1;
                }
                fresh = false;
                continue;
            }
        }
        g.cache().counts.misses += 1;
        fresh = true;
        let region = there.filter(|slot| g.maps().at(*slot).marks.contains(Marks::REGION));
        let result = match region {
            Some(slot) => {
                let (name, map) = (g.maps().name(slot), *g.maps().at(slot));
                populate(g, name, (at - map.offset) as usize, end - done).map(drop)
            }
            None => miss(g, object, at, &mut into[done..end], pattern, deserves).map(|got| done += got),
        };
        if let Err(error) = result {
            return if done > 0 { Ok(done) } else { Err(error) };
        }
    }
}

/// Whether memory would not hold a file until it is read again from its start.
fn too_large<H: House<State: Cached>>(g: &mut Guard<H>, object: u16) -> bool {
    let memory = g.cache().size as u64;
    g.maps().objects[object].size > memory / 2
}

/// A reader went from one segment to another. What a long scan leaves behind goes before what others come back to; what
/// somebody comes back to is no longer left behind.
fn moved_on(maps: &mut Maps, left: Name, slot: u16, scans: bool) {
    if scans && maps.live(left).is_some_and(|map| map.want == Priority::Cached as u8) {
        maps.want(left.slot, Priority::Disposable, 0);
    } else if !scans && maps.at(slot).want == Priority::Disposable as u8 {
        maps.want(slot, Priority::Cached, 0);
    }
}

/// Brings the bytes from `at` on into memory, or some of them into the caller's buffer: how many.
fn miss<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    at: u64,
    into: &mut [u8],
    pattern: &Pattern,
    deserves: Deserves,
) -> Result<usize, Errno> {
    if passes_by(g, object, at, into) {
        return direct(g, object, at, into);
    }
    let gathered = if deserves.run { 0 } else { gather(g, object) };
    let class = deserves.class.max(gathered + 1);
    match segment(g, object, at, class, Reader::File, false) {
        Made::Again => Ok(0),
        Made::Held => direct(g, object, at, into),
        Made::Here(name) => {
            let map = *g.maps().at(name.slot);
            let inside = (at - map.offset) as usize;
            let (from, len) = match (gathered, deserves.run) {
                (0, false) if !mostly_here(g, object) => (inside, into.len()),
                (0, true) => (inside, map.length as usize - inside),
                _ => (0, map.length as usize),
            };
            let before = g.maps().counts.bytes;
            let there = populate(g, name, from, len)?;
            let maps = g.maps();
            let more = (maps.counts.bytes - before).saturating_sub(into.len() as u64) as usize;
            if there && more > 0 && maps.live(name).is_some() {
                maps.read_ahead(name.slot, more.min(map.length as usize));
            }
            Ok(0)
        }
        Made::NoMemory => {
            if at.is_multiple_of(H::SECTOR as u64) && into.len() >= H::SECTOR {
                return direct(g, object, at, into);
            }
            match reserve::segment(g, object, at, pattern.last) {
                Made::Here(name) => {
                    let inside = (at - g.maps().at(name.slot).offset) as usize;
                    populate(g, name, inside, into.len()).map(|_| 0)
                }
                Made::Again => Ok(0),
                Made::Held | Made::NoMemory => direct(g, object, at, into),
            }
        }
    }
}

/// Whether memory has windows for most of a file in which lone reads gather: then the rest of a window, which has its
/// place already, is read as well.
fn mostly_here<H: House<State: Cached>>(g: &mut Guard<H>, object: u16) -> bool {
    let file = &g.maps().objects[object];
    file.lone >= GATHER[0] && file.cached >= file.size / 2
}

/// Lone misses in a file after which half of its losses are forgotten.
const FORGIVEN: u16 = 256;

/// Counts a lone miss in a file: how much larger a window it deserves because others were there before it, and all of
/// the file would fit into memory that is free. Every segment that the file lost lately doubles what that takes: where it
/// nearly fits, large windows would push each other out, and each costs a hundred times what a lone read does.
fn gather<H: House<State: Cached>>(g: &mut Guard<H>, object: u16) -> u8 {
    let maps = g.maps();
    let file = &mut maps.objects[object];
    file.lone = file.lone.checked_add(1).unwrap_or(FORGIVEN);
    if file.lone.is_multiple_of(FORGIVEN) {
        file.lost /= 2;
    }
    let (lone, size, cached) = (file.lone >> file.lost.min(15), file.size, file.cached);
    let steps = GATHER.iter().filter(|count| lone >= **count).count() as u8;
    if steps == 0 {
        return 0;
    }
    let free = maps.pool.map_or(0, |pool| {
        let (free, disposable) = pool.free_and_disposable();
        free + disposable
    });
    if (free as u64) < size.saturating_sub(cached) / 8 * 7 { 0 } else { steps }
}
