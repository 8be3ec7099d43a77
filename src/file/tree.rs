//! Descriptors that are somebody else's: in the tree they are file.c's, with offset, mode and locks.
//!
//! ```text
//!    file.c: read(fd) ──► glue: read_at(fd, its offset) ──► the same slot fd ──► object
//!                                     │ not known yet
//!                                     └► claim: the glue opens a stream of that file
//! ```
//!
//! A descriptor is known here from its first use on, however it was opened, until its owner lets go of it.

use super::transfer::{goes_on, read_from, write_from};
use super::{Descriptor, Filed, Mode, Under, close};
use crate::buflib::Pool;
use crate::cache::names::bury;
use crate::cache::open::{attach_as, fresh};
use crate::cache::pattern::Pattern;
use crate::cache::prepare;
use crate::mmap::mapping::Mapped;
use crate::port::monitor::{Guard, House};
use crate::port::storage::{Claim, Errno, Identity};

/// Sees to it that a descriptor is known.
///
/// # Errors
/// `EBADF`; `ENOMEM` when the pool has no room for the cache's tables; `EMFILE`; the device's.
pub fn know<H: House<State: Filed>>(g: &mut Guard<H>, pool: Pool, fd: i32) -> Result<(), Errno> {
    let slot = |g: &mut Guard<H>| match usize::try_from(fd).ok().and_then(|fd| g.files().table.get(fd).copied()) {
        Some(slot) => Ok(slot.open),
        None => Err(Errno::BADF),
    };
    if slot(g)? {
        return Ok(());
    }
    prepare(g, pool)?;
    let (opened, claim) = fresh(g, || H::claim(fd))?;
    let object = attach_as(g, opened, claim.contains(Claim::NAMELESS))?;
    if slot(g)? {
        // Another thread was faster: this one's user goes again.
        return crate::cache::open::release(g, object);
    }
    let mut mode = Mode::empty();
    mode.set(Mode::READ, claim.contains(Claim::READ));
    mode.set(Mode::WRITE, claim.contains(Claim::WRITE));
    let slot = &mut g.files().table[fd as usize];
    *slot = Descriptor {
        under: Under::Cached(object),
        open: true,
        uses: slot.uses,
        generation: slot.generation.wrapping_add(1),
        mode,
        wrote: false,
        offset: 0,
        pattern: Pattern::new(),
    };
    Ok(())
}

/// Reads at an offset: fewer bytes than asked only at the end of the file or before an error.
///
/// # Errors
/// As [`know`] and [`read`](super::read).
pub fn read_at<H: House<State: Filed>>(
    g: &mut Guard<H>,
    pool: Pool,
    fd: i32,
    offset: u64,
    into: &mut [u8],
) -> Result<usize, Errno> {
    if goes_on(g, fd, offset, into) {
        return Ok(into.len());
    }
    know(g, pool, fd)?;
    read_from(g, fd, offset, into)
}

/// Writes at an offset, or at the end of the file with `u64::MAX`: how many bytes, and where the next one would go.
///
/// # Errors
/// As [`know`] and [`write`](super::write).
pub fn write_at<H: House<State: Filed>>(
    g: &mut Guard<H>,
    pool: Pool,
    fd: i32,
    offset: u64,
    from: &[u8],
) -> Result<(usize, u64), Errno> {
    know(g, pool, fd)?;
    write_from(g, fd, offset, from)
}

/// The length of the file that a descriptor is of.
///
/// # Errors
/// As [`know`]; `ENXIO`.
pub fn size<H: House<State: Filed>>(g: &mut Guard<H>, pool: Pool, fd: i32) -> Result<u64, Errno> {
    know(g, pool, fd)?;
    super::length::size_of(g, fd)
}

/// Its owner closes a descriptor: what was written through it is on the disk. One that is not known needs nothing.
///
/// # Errors
/// As [`close`].
pub fn let_go<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<(), Errno> {
    match close(g, fd) {
        Err(Errno::BADF) => Ok(()),
        result => result,
    }
}

/// The last name of a file is gone: nobody finds it again, and what is dirty of it need not be written once its last
/// descriptor is closed.
pub fn removed<H: House<State: Filed>>(g: &mut Guard<H>, file: &Identity) {
    if g.maps().pool.is_some() {
        bury(g, file);
    }
}
