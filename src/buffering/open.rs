//! Opening and closing handles.

use core::ffi::{CStr, c_void};

use super::handle::{Handle, Home, Kind, drop_bridge, let_go};
use super::hooks::{Tags, will_finish};
use super::{Buffered, ERR_BUFFER_FULL, ERR_FILE_ERROR, ERR_HANDLE_NOT_FOUND, FILES, budget, parsed, position, take};
use crate::cache::open::{open as open_file, release};
use crate::cache::segment::keep;
use crate::mmap::mapping::{Mapped, Marks, block_size};
use crate::mmap::memory::Block;
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::{Errno, How};

/// Opens a file from an offset on: the handle, or an `ERR_` code. Reading begins on the buffering thread. `user` is handed
/// to whoever decodes a picture.
///
/// # Errors
/// `ERR_FILE_ERROR`; `ERR_BUFFER_FULL` when what open streams have before them fills the budget, when an atomic file does
/// not fit, or when there are too many handles or files of streams; for tags and pictures see [`parsed`].
pub fn open<H: House<State: Buffered>>(
    g: &mut Guard<H>,
    path: &CStr,
    offset: u64,
    kind: Kind,
    user: usize,
) -> Result<i32, i32> {
    if !g.buffering().live {
        return Err(ERR_BUFFER_FULL);
    }
    match kind {
        Kind::Id3 => return parsed::tags(g, path),
        Kind::Bitmap => return parsed::picture(g, path, offset, user),
        _ => {}
    }
    let object = open_file(g, path, How::empty()).map_err(|error| match error {
        Errno::NOMEM => ERR_BUFFER_FULL,
        // Closing one of those will help.
        Errno::MFILE if files(g, None) > 0 => ERR_BUFFER_FULL,
        _ => ERR_FILE_ERROR,
    })?;
    let size = g.maps().objects[object].size;
    let start = if offset > size { 0 } else { offset };
    let opened = match kind {
        Kind::Codec | Kind::PacketAudio => stream_home(g, object),
        _ => atomic_home(g, object, start, size),
    };
    let added = opened.and_then(|home| {
        let line = g.buffering().all().iter().map(|handle| handle.line + handle.filesize).max().unwrap_or(0);
        let handle = Handle {
            kind,
            home,
            line,
            filesize: size,
            start,
            pos: start,
            end: start,
            finish_due: will_finish(kind, start, size),
            ..Handle::FREE
        };
        let id = g.buffering().add(handle);
        if id.is_none() {
            drop_home(g, &handle);
        }
        id
    });
    let Some(id) = added else {
        let _ = release(g, object);
        return Err(ERR_BUFFER_FULL);
    };
    g.buffering().filling = true;
    H::wake(Channel::Work);
    Ok(id)
}

/// How many files streams hold open, beside this one.
fn files<H: House<State: Buffered>>(g: &mut Guard<H>, beside: Option<u16>) -> usize {
    let all = g.buffering().all();
    let of = |handle: &Handle| match handle.home {
        Home::Stream { object } => Some(object),
        _ => None,
    };
    let counts = |n: usize| {
        of(&all[n]).is_some_and(|file| Some(file) != beside && all[..n].iter().all(|other| of(other) != Some(file)))
    };
    (0..all.len()).filter(|n| counts(*n)).count()
}

/// A stream needs no memory of its own, but it is refused while those before it have yet to fill the budget, or are too many.
fn stream_home<H: House<State: Buffered>>(g: &mut Guard<H>, object: u16) -> Option<Home> {
    let ahead: u64 = g
        .buffering()
        .all()
        .iter()
        .filter(|handle| matches!(handle.home, Home::Stream { .. }))
        .map(|handle| handle.filesize.saturating_sub(handle.pos))
        .sum();
    let fits = ahead == 0 || ahead < budget::limit(g);
    (fits && files(g, Some(object)) < FILES && g.buffering().has_room()).then_some(Home::Stream { object })
}

/// A mapping of the rest of a file, held where it is.
fn atomic_home<H: House<State: Buffered>>(g: &mut Guard<H>, object: u16, start: u64, size: u64) -> Option<Home> {
    let base = start - start % H::SECTOR as u64;
    let length = (size - base).next_multiple_of(H::SECTOR as u64);
    let length = u32::try_from(length).ok().filter(|length| *length < 1 << 30)?;
    if size == start {
        return Some(Home::Atomic { object, map: None, base: start, data: 0 });
    }
    let bytes = block_size(length, H::SECTOR.trailing_zeros());
    let block = take(g, |pool| Block::take(pool, bytes, core::ptr::null()), |block| *block)?;
    let Some(name) = g.maps().add(object, base, length, block, Marks::empty()) else {
        block.give();
        return None;
    };
    let data = g.maps().get(name.slot)? as usize;
    g.buffering().fixed += u64::from(length);
    Some(Home::Atomic { object, map: Some(name), base, data })
}

/// Gives a handle that lies whole a mapping of its file from an earlier byte on, where its position is then.
///
/// # Errors
/// `ERR_BUFFER_FULL`; `ERR_HANDLE_NOT_FOUND` when it is closed meanwhile.
pub fn map_from<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, object: u16, start: u64) -> Result<(), i32> {
    let size = g.maps().objects[object].size;
    // A use of our own: the handle may be closed while we ask for memory.
    g.maps().objects[object].hold();
    let result = match (atomic_home(g, object, start, size), g.buffering().find(id)) {
        (None, _) => Err(ERR_BUFFER_FULL),
        (Some(home), Some(handle)) if matches!(handle.home, Home::Atomic { base, .. } if base <= start) => {
            // Another thread was faster, from farther back: what it waits for may lie before this place.
            drop_home(g, &Handle { home, ..Handle::FREE });
            position::seek(g, id, start)
        }
        (Some(home), Some(handle)) => {
            let old = *handle;
            *handle = Handle { home, start, pos: start, end: start, finish_due: start < handle.filesize, ..old };
            drop_home(g, &old);
            g.buffering().filling = true;
            H::wake(Channel::Work);
            Ok(())
        }
        (Some(home), None) => {
            drop_home(g, &Handle { home, ..Handle::FREE });
            Err(ERR_HANDLE_NOT_FOUND)
        }
    };
    // Storage has what it should have, or the file remembers.
    let _ = release(g, object);
    result
}

/// Opens a handle over `size` bytes: a copy of `source`, or any content without one.
///
/// # Errors
/// `ERR_BUFFER_FULL`.
pub fn alloc<H: House<State: Buffered>>(
    g: &mut Guard<H>,
    source: Option<&[u8]>,
    size: usize,
    kind: Kind,
) -> Result<i32, i32> {
    let hooks = g.buffering().hooks;
    let copy = hooks.id3_copy.filter(|_| kind == Kind::Id3 && size == hooks.id3_size);
    let filled = |pool| {
        let block = Block::take_fixed(pool, size)?;
        match (source, copy) {
            (Some(source), Some(copy)) => copy(block.pin().address() as *mut c_void, source.as_ptr().cast()),
            (Some(source), None) => block.pin().write(0, source),
            (None, _) => {}
        }
        Some(block)
    };
    let block = take(g, filled, |block| *block).ok_or(ERR_BUFFER_FULL)?;
    let handle = Handle {
        kind,
        home: Home::Memory { block: Some(block), data: block.hold() as usize, size: size as u64 },
        filesize: size as u64,
        end: size as u64,
        ..Handle::FREE
    };
    g.buffering().fixed += size as u64;
    match g.buffering().add(handle) {
        Some(id) => Ok(id),
        None => {
            drop_home(g, &handle);
            Err(ERR_BUFFER_FULL)
        }
    }
}

/// Closes a handle; a number that is none is closed already. What a stream had in memory stays until somebody needs
/// the room. Threads that wait for the handle are told.
pub fn close<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32) {
    let_go(g, id);
    // Its tags may be being parsed: into its block, from its path.
    while g.buffering().find(id).is_some_and(|handle| handle.tags == Tags::Loading) {
        g.wait(Channel::Data, None);
    }
    let Some(handle) = g.buffering().take(id) else {
        return;
    };
    drop_bridge(g, handle.bridge);
    if let Home::Stream { object } = handle.home {
        if !position::shared(g, object) {
            position::pass(g, object, handle.pos, handle.end);
            keep(g.maps(), object, 0, 0, handle.line);
        }
        position::settle(g, object);
    }
    drop_home(g, &handle);
    if let Home::Stream { object } | Home::Atomic { object, .. } = handle.home {
        // Storage has what it should have, or the file remembers.
        let _ = release(g, object);
    }
    if g.buffering().all().is_empty() {
        budget::forget(g);
    }
    H::wake(Channel::Data);
    H::wake(Channel::Work);
}

/// Gives back what a handle holds in memory of its own; not its use of the file.
fn drop_home<H: House<State: Buffered>>(g: &mut Guard<H>, handle: &Handle) {
    match handle.home {
        Home::Stream { .. } => {}
        Home::Memory { block, size, .. } => {
            if let Some(block) = block {
                block.release();
                block.give();
                g.buffering().fixed -= size;
            }
        }
        Home::Atomic { map, .. } => {
            let Some(name) = map else { return };
            let length = g.maps().at(name.slot).length;
            g.maps().put(name.slot);
            // The filler may be reading into it.
            while g.maps().live(name).is_some_and(|map| !map.loose()) {
                g.wait(Channel::Data, None);
            }
            // A region that was given back meanwhile took it along.
            if g.maps().live(name).is_some() {
                g.maps().remove(name.slot);
            }
            g.buffering().fixed -= u64::from(length);
        }
    }
}
