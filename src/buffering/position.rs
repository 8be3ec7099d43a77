//! Moving a position, and what that means for the segments it passes.

use super::handle::{Handle, Home, let_go, look};
use super::{Buffered, ERR_HANDLE_NOT_FOUND, ERR_INVALID_VALUE, budget, open};
use crate::buflib::Priority;
use crate::cache::segment::keep;
use crate::mmap::index::needed;
use crate::mmap::mapping::{Mapped, Marks};
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};

/// Whether a stream handle is open on this file.
pub fn shared<H: House<State: Buffered>>(g: &mut Guard<H>, object: u16) -> bool {
    let is_it = |handle: &Handle| matches!(handle.home, Home::Stream { object: o } if o == object);
    g.buffering().all().iter().any(is_it)
}

/// Marks segments that lie wholly in a range as played.
pub fn pass<H: House<State: Buffered>>(g: &mut Guard<H>, object: u16, from: u64, to: u64) {
    let maps = g.maps();
    let mut at = from;
    while at < to {
        let Some(slot) = maps.find(object, at) else {
            break;
        };
        let stop = maps.at(slot).end();
        // The last one ends where its file does, or in the sector behind that.
        if stop.min(maps.objects[object].size) > to {
            break;
        }
        let map = maps.at(slot);
        if map.loose() && needed(map.want) {
            maps.want(slot, Priority::Disposable, 0);
        }
        at = stop;
    }
}

/// A stream on this file has ended or jumped: what none needs is anybody's from now on.
pub fn settle<H: House<State: Buffered>>(g: &mut Guard<H>, object: u16) {
    let near = g.buffering().near;
    let mut left = g.maps().objects[object].needed;
    for slot in 0..g.maps().slots() as u16 {
        // Mostly there is none: what lay ahead of the position was passed.
        if left == 0 {
            return;
        }
        let map = *g.maps().at(slot);
        if !map.marks.contains(Marks::USED | Marks::SEGMENT) || map.object != object || !needed(map.want) {
            continue;
        }
        left -= 1;
        let (mut now, mut soon) = (false, None);
        for handle in g.buffering().all() {
            let is_it = matches!(handle.home, Home::Stream { object: o } if o == object);
            if is_it && map.end() > handle.pos {
                now |= map.offset < handle.pos + near;
                soon = soon.or(Some(handle.line));
            }
        }
        match soon {
            Some(_) if now => {}
            Some(line) => g.maps().want(slot, Priority::Soon, line),
            None => g.maps().want(slot, Priority::Cached, 0),
        }
    }
}

/// Moves the position to a byte of the file, or to its end.
///
/// # Errors
/// `ERR_HANDLE_NOT_FOUND`; `ERR_INVALID_VALUE` beyond the end; `ERR_BUFFER_FULL` when a handle that lies whole was
/// opened behind this place, and there is no memory for more of its file.
pub fn seek<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, target: u64) -> Result<(), i32> {
    let handle = look(g, id).ok_or(ERR_HANDLE_NOT_FOUND)?;
    if target > handle.filesize {
        return Err(ERR_INVALID_VALUE);
    }
    if let Home::Atomic { object, base, .. } = handle.home
        && target < base
    {
        return open::map_from(g, id, object, target);
    }
    let near = g.buffering().near;
    let now = g.buffering().find(id).ok_or(ERR_HANDLE_NOT_FOUND)?;
    now.pos = target;
    let Home::Stream { object } = handle.home else {
        if target < now.start {
            // In the first sector of its mapping: nobody knows yet whether that was read.
            (now.start, now.end) = (target, target);
            g.buffering().filling = true;
            H::wake(Channel::Work);
        }
        return Ok(());
    };
    let inside = target >= handle.pos && target <= handle.end;
    if !inside {
        let_go(g, id);
        keep(g.maps(), object, target, target, handle.line);
        settle(g, object);
    }
    let now = g.buffering().find(id).ok_or(ERR_HANDLE_NOT_FOUND)?;
    if !inside {
        // A jump: what is in memory at the new place is looked for from there.
        now.end = target;
        now.seen = None;
        now.start = if target < handle.pos { now.start.min(target) } else { target };
        now.steady = false;
        now.retry = None;
        now.finish_due |= target < now.filesize;
    }
    keep(g.maps(), object, target, target + near, handle.line);
    if target > handle.pos {
        // From the segment that the old position stood in, to the one that the new one stands in.
        pass(g, object, handle.pos, target.min(handle.end));
        g.buffering().counts.played += if inside { target - handle.pos } else { 0 };
    }
    let now = look(g, id).ok_or(ERR_HANDLE_NOT_FOUND)?;
    if now.end < now.filesize && (!inside || budget::low(g, &now)) {
        g.buffering().filling |= !inside;
        H::wake(Channel::Work);
    }
    Ok(())
}

/// Moves the position relative to where it is.
///
/// # Errors
/// As [`seek`]; `ERR_INVALID_VALUE` before the start too.
pub fn advance<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, by: i64) -> Result<(), i32> {
    let pos = g.buffering().find(id).ok_or(ERR_HANDLE_NOT_FOUND)?.pos;
    seek(g, id, pos.checked_add_signed(by).ok_or(ERR_INVALID_VALUE)?)
}

/// Makes the file end earlier for this handle; false when it does not reach that far, or is not open.
pub fn strip<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, size: u64) -> bool {
    let Some(handle) = g.buffering().find(id).filter(|handle| size <= handle.filesize) else { return false };
    handle.filesize = size;
    handle.end = handle.end.min(size);
    // A reader may wait for bytes that do not count any more.
    H::wake(Channel::Data);
    // And the file may be complete.
    H::wake(Channel::Work);
    true
}

/// The first byte that is in memory without a gap up to the position.
pub fn start<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32) -> Option<u64> {
    let handle = look(g, id)?;
    let Home::Stream { object } = handle.home else { return Some(handle.start) };
    let maps = g.maps();
    let mut first = handle.pos;
    while first > handle.start {
        let Some(slot) = maps.find(object, first - 1) else { break };
        let map = maps.at(slot);
        // Windows are filled from some sector on to their end: back to the first valid one.
        let mut at = (first - map.offset) as usize;
        while at > 0 && maps.valid_run(slot, (at - 1) / H::SECTOR * H::SECTOR) > 0 {
            at = (at - 1) / H::SECTOR * H::SECTOR;
        }
        let back = map.offset + at as u64;
        if back >= first {
            break;
        }
        first = back;
        if at > 0 {
            break;
        }
    }
    Some(first.max(handle.start))
}
