//! Writing through the cache.
//!
//! ```text
//!   write ─► room on the volume? ─► window ─► sectors covered in part: read first, or zero behind the end ─► copied, dirty
//!              space.rs              │
//!                                    ├ large, or no memory: whole sectors from the caller's buffer (direct.rs)
//!                                    └ no memory: the reserve, its last window written back
//!   then, if there is too much that is dirty, or may not wait: written back (flush.rs)
//! ```
//!
//! A whole sector is written without being read. Only what is in transfer just now is waited for.

use super::direct::{passes_by, write_past};
use super::pattern::{Deserves, Pattern};
use super::segment::{Made, Reader, segment};
use super::{Cached, flush, reserve, space};
use crate::mmap::mapping::{Mapped, Marks, NONE, Name};
use crate::mmap::object::Flags;
use crate::mmap::transfer::{begin, end as end_transfer, populate};
use crate::mmap::writeback::{Sweep, to_disk, write_back};
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// Asks [`write`] to write at the end of the file, wherever that is by then.
pub const APPEND: u64 = u64::MAX;

/// Writes to a file that is open for writing, at an offset that is at most its size, or at its end ([`APPEND`]): how many
/// bytes, and where the next one would go. Fewer than given when the volume is full or before an error.
///
/// # Errors
/// `ENOSPC` when no byte has room; `EINVAL` for an offset behind the end; the device's; `ENXIO` when the volume is gone;
/// `EACCES` when storage gave a stream that cannot write; `EBUSY` where a stream holds the window, and there is no memory
/// beside it.
pub fn write<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    from: &[u8],
    pattern: &mut Pattern,
) -> Result<(usize, u64), Errno> {
    let (at, limit, grows) = loop {
        let file = &mut g.maps().objects[object];
        if file.flags.contains(Flags::GONE) {
            return Err(Errno::NXIO);
        }
        if !file.flags.contains(Flags::WRITABLE) {
            return Err(Errno::ACCES);
        }
        let size = file.size;
        let at = if offset == APPEND { size } else { offset };
        if at > size {
            return Err(Errno::INVAL);
        }
        if from.is_empty() {
            return Ok((0, at));
        }
        let wanted = at.checked_add(from.len() as u64).ok_or(Errno::FBIG)?;
        let grows = wanted > size;
        // One at a time makes a file longer: nobody's place is taken by another. None is cut while it is written to, or
        // what comes behind the new end would leave a hole before it.
        if file.flags.contains(Flags::CUT) || grows && file.flags.contains(Flags::GROWING) {
            g.wait(Channel::Data, None);
            continue;
        }
        file.writers += 1;
        if grows {
            file.flags |= Flags::GROWING;
        }
        break (at, if grows { space::reserve(g, object, wanted) } else { wanted }, grows);
    };
    let result = bounded(g, object, at, limit, from, pattern);
    let file = &mut g.maps().objects[object];
    file.writers -= 1;
    if grows {
        file.flags -= Flags::GROWING;
        file.growing = 0;
    }
    if grows || file.flags.contains(Flags::CUT) {
        H::wake(Channel::Data);
    }
    result
}

/// Writes as far as there is room.
fn bounded<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    limit: u64,
    from: &[u8],
    pattern: &mut Pattern,
) -> Result<(usize, u64), Errno> {
    let from = &from[..limit.saturating_sub(offset).min(from.len() as u64) as usize];
    if from.is_empty() {
        return Err(Errno::NOSPC);
    }
    let deserves = pattern.note(offset, from.len());
    let mut done = 0;
    while done < from.len() {
        match piece(g, object, offset + done as u64, &from[done..], pattern, deserves) {
            Ok(put) => done += put,
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    g.cache().counts.taken += done as u64;
    let at = offset + done as u64;
    match flush::after_write(g, object) {
        Ok(()) => Ok((done, at)),
        Err(error) => fallen_short(g, object, offset, done, error),
    }
}

/// A write that may not wait failed: what storage did not take of it does not count, where it made the file longer.
fn fallen_short<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    done: usize,
    error: Errno,
) -> Result<(usize, u64), Errno> {
    let maps = g.maps();
    let file = &mut maps.objects[object];
    if error != Errno::NOSPC {
        // It stays dirty, and the file remembers: fsync or close tells, and tries again.
        return Ok((done, offset + done as u64));
    }
    // Told here. What failed for another reason is still to be told.
    if file.error == Errno::NOSPC.0 {
        file.error = 0;
    }
    let end = file.stored.max(offset).min(offset + done as u64);
    if end < file.size && file.stored < file.size {
        file.size = file.stored.max(offset);
        let size = file.size;
        maps.drop_behind(object, size);
        clear_tail(maps, object, size);
    }
    match (end - offset) as usize {
        0 => Err(Errno::NOSPC),
        put => Ok((put, end)),
    }
}

/// Copies as many bytes as lie in one mapping: how many; 0 to look again.
fn piece<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    at: u64,
    from: &[u8],
    pattern: &mut Pattern,
    deserves: Deserves,
) -> Result<usize, Errno> {
    let maps = g.maps();
    // Most writes go on in the segment where the last one was.
    let in_last = maps
        .live(pattern.last)
        .is_some_and(|map| map.marks.contains(Marks::SEGMENT) && map.object == object && map.covers(at));
    let there = match in_last && maps.objects[object].regions == NONE {
        true => Some(pattern.last),
        false => maps.authority(object, at).map(|slot| maps.name(slot)),
    };
    let name = match there {
        Some(name) => name,
        None => match place(g, object, at, from, pattern, deserves)? {
            // While memory was taken for it a region may have come over it, which speaks for its bytes from then on.
            Placed::Here(name) if g.maps().authority(object, at) == Some(name.slot) => name,
            Placed::Here(_) => return Ok(0),
            Placed::Again => return Ok(0),
            Placed::Past(put) => return Ok(put),
        },
    };
    let maps = g.maps();
    let Some(map) = maps.live(name).copied() else { return Ok(0) };
    // What begins in a segment may belong to a region further on.
    let reach = maps.reach(name.slot, at);
    let put = ((reach - at) as usize).min(from.len());
    let (inside, shift) = ((at - map.offset) as usize, maps.shift);
    let (first, last) = (inside >> shift, (inside + put - 1) >> shift);
    let end = at + put as u64;
    let passes = maps.objects[object].written_past(at, end) || maps.copies_in_transfer(object, at, end);
    if passes || maps.in_transfer(name.slot, first, last + 1) {
        g.wait(Channel::Data, None);
        return Ok(0);
    }
    let sector = maps.sector();
    let head = !inside.is_multiple_of(sector);
    // Bytes behind the end of the write that the file has.
    let size = maps.objects[object].size;
    let tail = !(inside + put).is_multiple_of(sector) && at + (put as u64) < size;
    for (partly, n) in [(head, first), (tail, last)] {
        if partly && !g.maps().valid(name.slot, n) {
            if map.offset + ((n as u64) << shift) < g.maps().objects[object].stored {
                populate(g, name, n << shift, 1)?;
                return Ok(0);
            }
            if map.marks.contains(Marks::BUSY) {
                g.wait(Channel::Data, None);
                return Ok(0);
            }
            g.maps().zero(name.slot, n, n + 1);
        }
    }
    let maps = g.maps();
    if !tail && !(inside + put).is_multiple_of(sector) && !maps.valid(name.slot, last) {
        // The rest of the last sector lies behind the end of the file.
        maps.zero(name.slot, last, last + 1);
    }
    let clean = maps.objects[object].dirty.0 == NONE;
    maps.copy_in(name.slot, inside, &from[..put]);
    maps.write_to_copies(object, at, &from[..put]);
    let file = &mut maps.objects[object];
    file.size = file.size.max(at + put as u64);
    file.change();
    if clean {
        file.dirtied = H::ticks();
        // Somebody has to look when it has been so for too long.
        H::wake(Channel::Work);
    }
    if map.marks.contains(Marks::SEGMENT) && pattern.last != name {
        pattern.last = name;
        maps.touch(name.slot);
    }
    Ok(put)
}

/// What became of bytes that nobody speaks for.
enum Placed {
    /// There is a window for them.
    Here(Name),
    /// Look again.
    Again,
    /// So many of them went past the cache.
    Past(usize),
}

/// A window for a byte that nobody speaks for. Whole sectors go to storage as they are where there are many, or no memory.
fn place<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    at: u64,
    from: &[u8],
    pattern: &Pattern,
    deserves: Deserves,
) -> Result<Placed, Errno> {
    if passes_by(g, object, at, from) {
        let put = write_past(g, object, at, from)?;
        if put > 0 {
            return Ok(Placed::Past(put));
        }
    }
    let grows = at + from.len() as u64 > g.maps().objects[object].size;
    match segment(g, object, at, deserves.class, Reader::File, grows) {
        Made::Here(name) => return Ok(Placed::Here(name)),
        Made::Again => return Ok(Placed::Again),
        Made::Held => return Err(Errno::BUSY),
        Made::NoMemory => {}
    }
    if flush::make_clean(g) {
        return Ok(Placed::Again);
    }
    let put = write_past(g, object, at, from)?;
    if put > 0 {
        return Ok(Placed::Past(put));
    }
    match reserve::segment(g, object, at, pattern.last) {
        Made::Here(name) => return Ok(Placed::Here(name)),
        Made::Again => return Ok(Placed::Again),
        Made::Held => return Err(Errno::BUSY),
        Made::NoMemory => {}
    }
    let error = core::mem::take(&mut g.maps().objects[object].error);
    if error != 0 {
        return Err(Errno(error));
    }
    let maps = g.maps();
    if !maps.reserve.all().iter().any(|place| place.slot != NONE && maps.at(place.slot).marks.contains(Marks::BUSY)) {
        // What lies in it cannot be written back.
        return Err(Errno::IO);
    }
    g.wait(Channel::Data, None);
    Ok(Placed::Again)
}

/// Makes a file shorter; one that is shorter already stays as it is. Waits for what is in transfer.
///
/// # Errors
/// The device's: the file keeps its length. `ENXIO`; `EACCES`.
pub fn truncate<H: House<State: Cached>>(g: &mut Guard<H>, object: u16, size: u64) -> Result<(), Errno> {
    let result = cut(g, object, size);
    g.maps().objects[object].flags -= Flags::CUT;
    H::wake(Channel::Data);
    result
}

fn cut<H: House<State: Cached>>(g: &mut Guard<H>, object: u16, size: u64) -> Result<(), Errno> {
    loop {
        let file = &mut g.maps().objects[object];
        if file.flags.contains(Flags::GONE) {
            return Err(Errno::NXIO);
        }
        if !file.flags.contains(Flags::WRITABLE) {
            return Err(Errno::ACCES);
        }
        if size >= file.size {
            return Ok(());
        }
        file.flags |= Flags::CUT;
        if file.transfers == 0 && file.writers == 0 && file.direct == (0, 0) && !file.flags.contains(Flags::SWEPT) {
            break;
        }
        g.wait(Channel::Data, None);
    }
    let maps = g.maps();
    let file = &mut maps.objects[object];
    let (stored, old) = (file.stored, file.size);
    // Nobody reads or writes beyond the new end from now on, as if these bytes were written just now.
    (file.size, file.stored) = (size, stored.min(size));
    file.change();
    file.direct = (size, u64::MAX);
    let result = if stored > size {
        // Whoever opens the file meanwhile sees who changes it.
        file.flags |= Flags::UNSYNCED | Flags::WRITTEN;
        let stream = begin(maps, object);
        let result = g.unlocked(|| H::truncate(stream, size));
        let file = &mut g.maps().objects[object];
        // Who brought the file to the disk meanwhile may have come too early for this.
        file.flags |= Flags::UNSYNCED;
        if result.is_err() {
            (file.size, file.stored) = (old, stored);
        }
        end_transfer(g, object);
        result
    } else {
        Ok(())
    };
    let maps = g.maps();
    maps.objects[object].direct = (0, 0);
    if result.is_ok() {
        maps.drop_behind(object, size);
        clear_tail(maps, object, size);
    }
    result
}

/// What lies behind a file's end reads as zero: in its last sector, and further on where mappings reach.
fn clear_tail(maps: &mut crate::mmap::mapping::Maps, object: u16, size: u64) {
    let Some(pool) = maps.pool else { return };
    for slot in 0..maps.slots() as u16 {
        let map = *maps.at(slot);
        if !map.marks.contains(Marks::USED) || map.object != object || map.end() <= size {
            continue;
        }
        let inside = size.saturating_sub(map.offset) as usize;
        let sectors = map.length as usize >> maps.shift;
        let first = inside.div_ceil(maps.sector());
        maps.block(pool, slot).peek(|bytes| bytes.zero(inside, map.length as usize - inside));
        if map.marks.contains(Marks::SEGMENT) && first < sectors {
            maps.set_valid(slot, first, sectors, false);
        }
    }
}

/// Brings a file to the disk: data, length, date. Reports an earlier failure that nobody was told of, too; what failed is
/// tried again.
///
/// # Errors
/// The device's, `ENOSPC`: what is not on the disk stays dirty, and the next call tries again. `ENXIO`.
pub fn sync<H: House<State: Cached>>(g: &mut Guard<H>, object: u16) -> Result<(), Errno> {
    g.maps().objects[object].hold();
    let result = settle(g, object);
    // Only now: whoever asks while this waits must not find that all is well. It may have failed meanwhile, too.
    let error = core::mem::take(&mut g.maps().objects[object].error);
    crate::mmap::transfer::release(g, object);
    match error {
        0 => result,
        error => result.and(Err(Errno(error))),
    }
}

/// The same for somebody in the background: the file remembers what failed, now or earlier, for those who ask.
///
/// # Errors
/// As [`sync`], of this time.
pub(super) fn settle<H: House<State: Cached>>(g: &mut Guard<H>, object: u16) -> Result<(), Errno> {
    write_back(g, object, 0, u64::MAX, Sweep::Sync)?;
    to_disk(g, object)
}
