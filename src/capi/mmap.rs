//! Memory-mapped files without an MMU. A mapping is a range of a file: its bytes come when they are declared.
//!
//! mmap_create; then, as often as needed, mmap_read or mmap_write (declare), mmap_get (where is it), use, mmap_put;
//! mmap_destroy. A mapping outlives the descriptor it was made from. Bytes past the end of the file read as zero, and what
//! is written there is lost. rm_read, rm_write and all mappings of a file agree; one for reading that overlaps only in part
//! what somebody holds is a copy, in which changes through another mapping show after its next mmap_read.
//!
//! There are two engines. Where files are cached in the core pool (players, disk images), a mapping lies in that pool, and
//! may be moved while nobody has got it. Where the operating system caches them, it is the system's own mmap: a page that
//! was declared before costs no call of the system and no lock.
//!
//! Threads may share a mapping. What a thread declared with mmap_write lasts until its own mmap_put, or until it syncs
//! the whole mapping, whatever the others do.
//!
//! Functions that return nothing cannot report, but set errno; beside each stands one that ends in _wait and does, and
//! mmap_error tells the first error of storage since it was last asked. Nothing is changed by a call that is refused.

//#include "prefix.h"
//#include "mmap_inline.h"

use core::ffi::{c_int, c_void};

use crate::buflib::Pool;
use crate::file::{self, Under};
use crate::mmap::callers;
use crate::mmap::mapping::Mapped;
use crate::mmap::mode::{Access, Mode};
use crate::mmap::os::{self, Mapping, Stream};
use crate::port::System;
use crate::port::kernel::Kernel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;
use crate::port::types::Off;

/// 0, or -1 with errno set.
fn done(result: Result<(), Errno>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => {
            System::set_errno(error);
            -1
        }
    }
}

/// The floors' state, for a mapping in the pool.
fn enter() -> Guard<System> {
    System::monitor().enter()
}

/// Makes a mapping in the engine that the descriptor's file needs.
fn create(fd: c_int, mode: c_int, offset: Off, length: usize) -> Result<c_int, Errno> {
    let mut g = enter();
    #[cfg(feature = "rockbox")]
    file::tree::know(&mut g, Pool::core(), fd)?;
    let (under, opened) = file::under(&mut g, fd)?;
    let mode = Mode::of(mode)?;
    let offset = u64::try_from(offset).map_err(|_| Errno::INVAL)?;
    let mut access = Access::empty();
    access.set(Access::READ, opened.contains(file::Mode::READ));
    access.set(Access::WRITE, opened.contains(file::Mode::WRITE));
    if !access.allows(mode) {
        return Err(Errno::ACCES);
    }
    match under {
        Under::Cached(object) => callers::create(&mut g, Pool::core(), object, mode, offset, length),
        Under::Passed(stream) => {
            // Ours, before another thread closes the descriptor.
            let file = Stream::duplicate(stream)?;
            g.unlocked(|| Mapping::create(file, access, mode, offset, length)).map(Mapping::number)
        }
    }
}

/// Declares pages for reading, in the engine of this number.
#[cold]
#[inline(never)]
fn read(md: c_int, offset: usize, length: usize) -> c_int {
    done(match Mapping::of(md) {
        Some(mapping) => mapping.read(offset, length),
        None => callers::read(&mut enter(), md, offset, length),
    })
}

/// Declares pages for writing; with `whole`, the caller promises every byte.
#[cold]
#[inline(never)]
fn write(md: c_int, offset: usize, length: usize, whole: bool) -> c_int {
    done(match Mapping::of(md) {
        Some(mapping) => mapping.write(offset, length),
        None if whole => callers::overwrite(&mut enter(), md, offset, length),
        None => callers::write(&mut enter(), md, offset, length),
    })
}

/// Brings a range to the disk.
fn sync(md: c_int, offset: usize, length: usize) -> c_int {
    done(match Mapping::of(md) {
        Some(mapping) => mapping.sync(offset, length),
        None => callers::sync(&mut enter(), md, offset, length),
    })
}

/// Ends a mapping; with `wait`, what it changed is on the disk then.
fn destroy(md: c_int, length: usize, wait: bool) -> c_int {
    done(match Mapping::of(md) {
        Some(mapping) => mapping.destroy(length, wait),
        None => callers::destroy(&mut enter(), md, length),
    })
}

/// Maps `length` bytes of an open file from `offset` on: a number above 0, or -1 with errno: EBADF; EACCES when the
/// descriptor was not opened for what `mode` (MMAP_READ, MMAP_WRITE, MMAP_READWRITE) says, and, where the operating system
/// caches the file, for MMAP_WRITE of a descriptor that only writes; EINVAL for what is no mode, a length of 0, an offset
/// that is no multiple of the page or a range that no file has; ENOMEM; EBUSY, in the pool only, when it is for writing and
/// somebody has got a mapping that it overlaps in part, or one that lies in one piece with what it overlaps because a third
/// one, which may be destroyed by now, overlapped both; EMFILE when there are as many as there can be.
///
/// # Safety
/// * The core pool was initialised, where files are cached in it.
#[unsafe(export_name = prefix!("mmap_create"))]
pub unsafe extern "C" fn mmap_create(fd: c_int, mode: c_int, offset: Off, length: usize) -> c_int {
    create(fd, mode, offset, length).unwrap_or_else(|error| done(Err(error)))
}

/// Ends a mapping; `length` is the length it was made with. As `mmap_destroy_wait`, without the answer; where the
/// operating system caches the file, it writes what was changed in its own time.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_destroy"))]
pub unsafe extern "C" fn mmap_destroy(md: c_int, length: usize) {
    destroy(md, length, false);
}

/// Ends a mapping, with all that was changed on the disk: 0, or -1. EBADF, EINVAL for a wrong length, EBUSY while a get is
/// outstanding: the mapping stays. EIO and its like: it has ended, and the next rm_fsync or rm_close of the file fails too.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_destroy_wait"))]
pub unsafe extern "C" fn mmap_destroy_wait(md: c_int, length: usize) -> c_int {
    destroy(md, length, true)
}

/// Declares that a range of a mapping will be read, and waits until its bytes are there. As `mmap_read_wait`, without
/// the answer: ask `mmap_error`.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_read"))]
pub unsafe extern "C" fn mmap_read(md: c_int, offset: usize, length: usize) {
    if !os::readable(md, offset, length) {
        read(md, offset, length);
    }
}

/// Declares that a range of a mapping will be read, and waits until its bytes are there: 0, or -1 with errno: EBADF,
/// EINVAL for a range outside the mapping, EACCES in one for MMAP_WRITE, EIO and its like from storage.
///
/// Where the operating system caches the file, bytes are there until another process shortens the file: who touches
/// them after that gets the signal SIGBUS, as with the system's mmap.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_read_wait"))]
pub unsafe extern "C" fn mmap_read_wait(md: c_int, offset: usize, length: usize) -> c_int {
    if os::readable(md, offset, length) { 0 } else { read(md, offset, length) }
}

/// Declares that bytes of a range of a mapping will be changed, waits until it is there, and remembers to write it. As
/// `mmap_write_wait`, without the answer: ask `mmap_error`.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_write"))]
pub unsafe extern "C" fn mmap_write(md: c_int, offset: usize, length: usize) {
    if !os::writable(md, offset, length) {
        write(md, offset, length, false);
    }
}

/// Declares that bytes of a range of a mapping will be changed, and waits until it is there: what is not changed keeps
/// its value. 0, or -1 with errno: as `mmap_read_wait`, EACCES in a mapping for MMAP_READ, and ENOSPC.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_write_wait"))]
pub unsafe extern "C" fn mmap_write_wait(md: c_int, offset: usize, length: usize) -> c_int {
    if os::writable(md, offset, length) { 0 } else { write(md, offset, length, false) }
}

/// Declares that every byte of a range will be changed: as `mmap_write_wait`, but what was there need not be read. Until
/// they are all changed, the bytes have any value.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_overwrite"))]
pub unsafe extern "C" fn mmap_overwrite(md: c_int, offset: usize, length: usize) -> c_int {
    if os::writable(md, offset, length) { 0 } else { write(md, offset, length, true) }
}

/// Brings what was changed in a range of a mapping to the disk, and waits. As `mmap_sync_wait`, without the answer: ask
/// `mmap_error`.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_sync"))]
pub unsafe extern "C" fn mmap_sync(md: c_int, offset: usize, length: usize) {
    sync(md, offset, length);
}

/// Brings what was changed in a range of a mapping to the disk, and waits: 0, or -1 with errno: EBADF, EINVAL for a range
/// outside the mapping, EIO and its like from storage. Pages that will be changed again are declared again.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_sync_wait"))]
pub unsafe extern "C" fn mmap_sync_wait(md: c_int, offset: usize, length: usize) -> c_int {
    sync(md, offset, length)
}

/// Holds a mapping where it is until `mmap_put`: the address of its first byte, or NULL with errno: EBADF, EBUSY after
/// 65,535 gets. Gets nest. What was not declared has any content.
///
/// # Safety
/// * The bytes are used only between get and put, and only as they were declared.
#[unsafe(export_name = prefix!("mmap_get"))]
pub unsafe extern "C" fn mmap_get(md: c_int) -> *mut c_void {
    let place = match Mapping::of(md) {
        Some(mapping) => mapping.get(),
        None => callers::get(&mut enter(), md),
    };
    match place {
        Ok(data) => data.cast(),
        Err(error) => {
            System::set_errno(error);
            core::ptr::null_mut()
        }
    }
}

/// Ends one get. One too many, or a number that is no mapping, does nothing but set errno to EINVAL or EBADF.
///
/// # Safety
/// * The pointer of the get is not used any more.
#[unsafe(export_name = prefix!("mmap_put"))]
pub unsafe extern "C" fn mmap_put(md: c_int) {
    done(match Mapping::of(md) {
        Some(mapping) => mapping.put(),
        None => callers::put(&mut enter(), md),
    });
}

/// The first error of storage in this mapping since the last call, as errno has it; 0 if there was none; -1 with EBADF
/// for a number that is no mapping.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_error"))]
pub unsafe extern "C" fn mmap_error(md: c_int) -> c_int {
    let found = match Mapping::of(md) {
        Some(mapping) => mapping.error(),
        None => callers::error(&mut enter(), md),
    };
    match found {
        Ok(found) => found.map_or(0, |error| error.0),
        Err(error) => done(Err(error)),
    }
}

/// The unit in which bytes come and to which offsets are aligned: a constant, a power of two; the operating system's page
/// where there is one.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_pagesize"))]
pub unsafe extern "C" fn mmap_pagesize() -> usize {
    os::page()
}

/// Switches the checks of mappings on or off, for those made from now on in the core pool: pages that were not declared
/// hold 0xDB, and a change of a page that was not declared with mmap_write ends in `panicf` at the next put or sync,
/// with the mapping and the offset named. Each put reads the clean pages again, so this is for programs that are
/// looked at. Where the operating system caches a file it does nothing.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_debug"))]
pub unsafe extern "C" fn mmap_debug(on: bool) {
    enter().maps().set_checks(on);
}
