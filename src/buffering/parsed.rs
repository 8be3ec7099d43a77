//! Handles whose content the program makes: tags and pictures.
//!
//! ```text
//!   tags      ┌────────────────────────┬──────────┐   the program fills the first part in on the buffering thread
//!             │ id3_size bytes          │ path, 0  │
//!             └────────────────────────┴──────────┘
//!   picture   ┌──────────────┬ ─ ─ ─ ─ ─ ┐            decoded by the caller's thread before the handle exists;
//!             │ used          │  given back             what it did not take goes back to the pool
//!             └──────────────┴ ─ ─ ─ ─ ─ ┘
//! ```
//!
//! Neither moves: a player keeps pointers into them across everything it does.

use core::ffi::{CStr, c_void};

use super::handle::{Handle, Home, Kind};
use super::hooks::Tags;
use super::{Buffered, ERR_BITMAP_TOO_LARGE, ERR_BUFFER_FULL, ERR_FILE_ERROR, ERR_UNSUPPORTED_TYPE, budget, take};
use crate::mmap::memory::Block;
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};

/// What of the buffer no picture may take.
const OTHERS: u64 = 64 * 1024;

/// Opens a handle for the tags of a file, which need not exist: its place is taken now, they are parsed later.
///
/// # Errors
/// `ERR_UNSUPPORTED_TYPE` where nobody parses tags; `ERR_BUFFER_FULL`.
pub fn tags<H: House<State: Buffered>>(g: &mut Guard<H>, path: &CStr) -> Result<i32, i32> {
    let hooks = g.buffering().hooks;
    if hooks.id3_load.is_none() {
        return Err(ERR_UNSUPPORTED_TYPE);
    }
    let size = hooks.id3_size;
    let name = path.to_bytes_with_nul();
    let fixed = |pool| Block::take_fixed(pool, size + name.len());
    let block = take(g, fixed, |block| *block).ok_or(ERR_BUFFER_FULL)?;
    block.pin().zero(0, size);
    block.pin().write(size, name);
    let tags = if size > 0 { Tags::Due } else { Tags::None };
    let id = enter(g, block, Handle { kind: Kind::Id3, filesize: size as u64, tags, ..Handle::FREE })?;
    g.buffering().filling = true;
    H::wake(Channel::Work);
    Ok(id)
}

/// Opens a handle for a picture. It is decoded here, in the caller's thread, with no lock held.
///
/// # Errors
/// `ERR_UNSUPPORTED_TYPE` where nobody decodes pictures; `ERR_FILE_ERROR` when it cannot be decoded;
/// `ERR_BITMAP_TOO_LARGE` when it would leave less than 64 KB of an empty buffer, as large as that is now, or when handles
/// hold less than that and it does not fit all the same: a player does without it; `ERR_BUFFER_FULL` when there will be
/// room once something is closed: a player waits for that.
pub fn picture<H: House<State: Buffered>>(g: &mut Guard<H>, path: &CStr, offset: u64, user: usize) -> Result<i32, i32> {
    let Some(decode) = g.buffering().hooks.picture else {
        return Err(ERR_UNSUPPORTED_TYPE);
    };
    let user = user as *mut c_void;
    let room = g.unlocked(|| decode(path.as_ptr(), offset, user, core::ptr::null_mut(), 0));
    let room = usize::try_from(room).ok().filter(|room| *room > 0).ok_or(ERR_FILE_ERROR)?;
    let mut painted = false;
    let paint = |pool| {
        let block = Block::take_fixed(pool, room)?;
        let used = decode(path.as_ptr(), offset, user, block.hold().cast(), room);
        block.release();
        painted = true;
        Some((block, usize::try_from(used).ok().filter(|used| (1..=room).contains(used))))
    };
    let Some((block, used)) = take(g, paint, |(block, _)| *block) else {
        let (all, used) = (budget::length(g), budget::used(g));
        let never = room as u64 + OTHERS >= all || used < OTHERS;
        // With everything closed meanwhile there may be room at once.
        return Err(if never && !painted { ERR_BITMAP_TOO_LARGE } else { ERR_BUFFER_FULL });
    };
    let Some(used) = used else {
        block.give();
        return Err(ERR_FILE_ERROR);
    };
    let size = used as u64;
    enter(g, block.cut(used), Handle { kind: Kind::Bitmap, filesize: size, end: size, ..Handle::FREE })
}

/// Enters a handle over a block, which is held from now on; the block goes back when there is no room for the handle.
fn enter<H: House<State: Buffered>>(g: &mut Guard<H>, block: Block, handle: Handle) -> Result<i32, i32> {
    let home = Home::Memory { block: Some(block), data: block.hold() as usize, size: handle.filesize };
    let finish_due = super::hooks::will_finish(handle.kind, handle.end, handle.filesize);
    match g.buffering().add(Handle { home, finish_due, ..handle }) {
        Some(id) => {
            g.buffering().fixed += handle.filesize;
            Ok(id)
        }
        None => {
            block.release();
            block.give();
            Err(ERR_BUFFER_FULL)
        }
    }
}
