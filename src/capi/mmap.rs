//! Memory-mapped files without an MMU. A mapping is a range of a file in the core pool: it may move while nobody has
//! got it, and its bytes come when they are declared.
//!
//! mmap_create; then, as often as needed, mmap_read (declare), mmap_get (where is it), use, mmap_put; mmap_destroy.
//! A mapping outlives the descriptor it was made from. Bytes past the end of the file read as zero.
//!
//! The functions without a result cannot report; beside each stands one that ends in _wait and does, and mmap_error
//! tells the first error since it was last asked. This version reads: mappings for writing are refused with EACCES.

//#include "prefix.h"
//#include "mmap_inline.h"

use core::ffi::{c_int, c_void};

use crate::buflib::Pool;
use crate::file;
use crate::mmap::callers;
use crate::mmap::mode::Mode;
use crate::port::System;
use crate::port::kernel::Kernel;
use crate::port::monitor::House;
use crate::port::storage::{Errno, Storage};
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

/// Maps `length` bytes of an open file from `offset` on: a number above 0, or -1 with errno: EBADF, EACCES for
/// MMAP_WRITE and MMAP_READWRITE, EINVAL for what is no mode, a length of 0, an offset that is no multiple of the page or a
/// range that no file has, ENOMEM, EMFILE when there are as many mappings as the pool can have.
///
/// # Safety
/// * The core pool was initialised.
#[unsafe(export_name = prefix!("mmap_create"))]
pub unsafe extern "C" fn mmap_create(fd: c_int, mode: c_int, offset: Off, length: usize) -> c_int {
    let mut g = System::monitor().enter();
    #[cfg(feature = "rockbox")]
    let known = file::tree::know(&mut g, Pool::core(), fd);
    #[cfg(not(feature = "rockbox"))]
    let known = Ok(());
    let made = known.and_then(|()| file::object(&mut g, fd)).and_then(|object| {
        let mode = Mode::of(mode)?;
        let (_, may) = file::under(&mut g, fd)?;
        if mode.reads() && !may.contains(file::Mode::READ) || mode.writes() && !may.contains(file::Mode::WRITE) {
            return Err(Errno::ACCES);
        }
        let offset = u64::try_from(offset).map_err(|_| Errno::INVAL)?;
        callers::create(&mut g, Pool::core(), object, mode, offset, length)
    });
    made.unwrap_or_else(|error| {
        System::set_errno(error);
        -1
    })
}

/// Ends a mapping; `length` is the length it was made with. As `mmap_destroy_wait`, without the answer.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_destroy"))]
pub unsafe extern "C" fn mmap_destroy(md: c_int, length: usize) {
    let _ = done(callers::destroy(&mut System::monitor().enter(), md, length));
}

/// Ends a mapping: 0, or -1 and the mapping stays: EBADF, EINVAL for a wrong length, EBUSY while a get is outstanding.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_destroy_wait"))]
pub unsafe extern "C" fn mmap_destroy_wait(md: c_int, length: usize) -> c_int {
    done(callers::destroy(&mut System::monitor().enter(), md, length))
}

/// Declares that a range of a mapping will be read, and waits until its bytes are there. As `mmap_read_wait`, without
/// the answer: ask `mmap_error`.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_read"))]
pub unsafe extern "C" fn mmap_read(md: c_int, offset: usize, length: usize) {
    let _ = done(callers::read(&mut System::monitor().enter(), md, offset, length));
}

/// Declares that a range of a mapping will be read, and waits until its bytes are there: 0, or -1 with errno: EBADF,
/// EINVAL for a range outside the mapping, EIO and its like from storage.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_read_wait"))]
pub unsafe extern "C" fn mmap_read_wait(md: c_int, offset: usize, length: usize) -> c_int {
    done(callers::read(&mut System::monitor().enter(), md, offset, length))
}

/// Holds a mapping where it is until `mmap_put`: the address of its first byte, or NULL with errno EBADF. Gets nest.
/// What was not declared has any content.
///
/// # Safety
/// * The bytes are read only between get and put.
#[unsafe(export_name = prefix!("mmap_get"))]
pub unsafe extern "C" fn mmap_get(md: c_int) -> *mut c_void {
    match callers::get(&mut System::monitor().enter(), md) {
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
    let _ = done(callers::put(&mut System::monitor().enter(), md));
}

/// The first error of storage in this mapping since the last call, as errno has it; 0 if there was none; -1 with EBADF
/// for a number that is no mapping.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_error"))]
pub unsafe extern "C" fn mmap_error(md: c_int) -> c_int {
    match callers::error(&mut System::monitor().enter(), md) {
        Ok(found) => found.map_or(0, |error| error.0),
        Err(error) => done(Err(error)),
    }
}

/// The unit in which bytes come and to which offsets are aligned: a constant of the build, a power of two.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("mmap_pagesize"))]
pub unsafe extern "C" fn mmap_pagesize() -> usize {
    System::SECTOR
}
