//! Descriptors come and go.

use core::ffi::CStr;

use super::{Descriptor, Filed, LARGEST, Mode, Under, direct};
use crate::buflib::Pool;
use crate::cache::open::{attach, release, stream};
use crate::cache::pattern::Pattern;
use crate::cache::{prepare, write as cached};
use crate::mmap::mapping::Mapped;
use crate::mmap::object::Flags;
use crate::port::monitor::{Guard, House};
use crate::port::storage::{Errno, How};

/// Opens a file: the lowest free descriptor. The offset is 0.
///
/// # Errors
/// Storage's; `EMFILE`; `EINVAL` for `TRUNCATE` without `WRITE`; `ENOMEM` when the pool has no room for the cache's
/// tables.
pub fn open<H: House<State: Filed>>(g: &mut Guard<H>, pool: Pool, path: &CStr, mode: Mode) -> Result<i32, Errno> {
    if mode.contains(Mode::TRUNCATE) && !mode.contains(Mode::WRITE) {
        return Err(Errno::INVAL);
    }
    let mut how = How::empty();
    how.set(How::WRITE, mode.contains(Mode::WRITE));
    how.set(How::CREATE, mode.contains(Mode::CREATE));
    how.set(How::EXCLUSIVE, mode.contains(Mode::CREATE | Mode::EXCLUSIVE));
    if free(g).is_none() {
        return Err(Errno::MFILE);
    }
    let under = loop {
        let opened = stream(g, path, how)?;
        if H::cached_below(opened.stream) {
            break Under::Passed(opened.stream);
        }
        if g.maps().index.furnished() {
            break Under::Cached(attach(g, opened)?);
        }
        // The first of all takes memory for the tables. Others go on meanwhile: what storage said is of before that.
        let _ = g.unlocked(|| H::close(opened.stream));
        prepare(g, pool)?;
        how -= How::EXCLUSIVE;
    };
    if mode.contains(Mode::TRUNCATE)
        && let Err(error) = empty(g, under)
    {
        let _ = end(g, under, false);
        return Err(error);
    }
    // Another thread may have been faster meanwhile.
    let Some(fd) = free(g) else {
        let _ = end(g, under, false);
        return Err(Errno::MFILE);
    };
    let slot = &mut g.files().table[fd];
    *slot = Descriptor {
        under,
        open: true,
        uses: 0,
        generation: slot.generation.wrapping_add(1),
        mode,
        wrote: mode.contains(Mode::TRUNCATE),
        offset: 0,
        pattern: Pattern::new(),
    };
    Ok(fd as i32)
}

fn free<H: House<State: Filed>>(g: &mut Guard<H>) -> Option<usize> {
    g.files().table.iter().position(|slot| !slot.open && slot.uses == 0)
}

/// Empties a file that is being opened. Whoever else has it open is at its end then.
fn empty<H: House<State: Filed>>(g: &mut Guard<H>, under: Under) -> Result<(), Errno> {
    match under {
        Under::Cached(object) => cached::truncate(g, object, 0)?,
        Under::Passed(stream) => g.unlocked(|| direct::truncate::<H>(stream, 0))?,
    }
    clip(g, under, 0);
    Ok(())
}

/// No descriptor of the file stays behind its end.
pub(super) fn clip<H: House<State: Filed>>(g: &mut Guard<H>, under: Under, size: u64) {
    for slot in g.files().table.iter_mut().filter(|slot| slot.open && slot.under == under) {
        slot.offset = slot.offset.min(size).min(LARGEST);
    }
}

/// Closes a descriptor. Mappings of the file, and what is cached of it, stay. What was written through it is on the disk.
///
/// # Errors
/// `EBADF`; what was written is not on the disk: it stays with the file, and is tried again with the next one who opens
/// or syncs it; `ENXIO`: it went with its volume. The descriptor is closed all the same.
pub fn close<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<(), Errno> {
    let slot = g.files().at(fd)?;
    slot.open = false;
    if slot.uses > 0 {
        // The last call under way ends it.
        return Ok(());
    }
    // Nobody may take the slot before its stream is gone.
    slot.uses = 1;
    let (under, wrote) = (slot.under, slot.wrote);
    let result = end(g, under, wrote);
    g.files().table[fd as usize].uses -= 1;
    result
}

/// One user of a file less.
fn end<H: House<State: Filed>>(g: &mut Guard<H>, under: Under, wrote: bool) -> Result<(), Errno> {
    match under {
        Under::Cached(object) => {
            let file = &g.maps().objects[object];
            // The last user's release does it too.
            let others = wrote && file.users() > 1;
            let synced = match file.flags.contains(Flags::GONE) {
                true if others && (file.error != 0 || !file.settled()) => Err(Errno::NXIO),
                false if others => cached::sync(g, object),
                _ => Ok(()),
            };
            let released = release(g, object);
            synced.and(released)
        }
        Under::Passed(stream) => g.unlocked(|| {
            let synced = if wrote { direct::sync::<H>(stream) } else { direct::owed(stream) };
            synced.and(H::close(stream))
        }),
    }
}

/// Begins a call that may wait: its descriptor's slot and file stay meanwhile.
pub(super) fn begin<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<Descriptor, Errno> {
    let descriptor = super::living(g, fd)?;
    g.files().at(fd)?.uses += 1;
    if let Under::Cached(object) = descriptor.under {
        g.maps().objects[object].hold();
    }
    Ok(descriptor)
}

/// Ends what [`begin`] began, and the descriptor too if it was closed meanwhile.
pub(super) fn finish<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32, descriptor: &Descriptor) {
    if let Under::Cached(object) = descriptor.under {
        // Of a user beside the descriptor's own: there is nothing to report.
        let _ = release(g, object);
    }
    let slot = &mut g.files().table[fd as usize];
    slot.uses -= 1;
    if slot.uses == 0 && !slot.open {
        slot.uses = 1;
        let (under, wrote) = (slot.under, slot.wrote);
        // Whoever closed it has gone on. What could not be written stays with the file.
        let _ = end(g, under, wrote);
        g.files().table[fd as usize].uses -= 1;
    }
}
