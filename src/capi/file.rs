//! Files through the segment cache. The names begin with rm_, so that the C library's are never shadowed.
//!
//! Every function sets errno when it fails. Descriptors are 0 to 30 and have nothing to do with the system's.
//! This version reads; a program that asks for writing gets EROFS.

//#include "prefix.h"
//#include "file_inline.h"

use core::ffi::{CStr, c_char, c_int, c_void};

use crate::buflib::Pool;
use crate::file::{self, Whence};
use crate::port::System;
use crate::port::kernel::Kernel;
use crate::port::monitor::House;
use crate::port::storage::Errno;
use crate::port::types::{Off, Ssize, to_off};

/// The number, or -1 with errno set.
fn answer<T: From<i8>>(result: Result<T, Errno>) -> T {
    result.unwrap_or_else(|error| {
        System::set_errno(error);
        T::from(-1)
    })
}

/// Opens a file: a descriptor, or -1. `oflag` is O_RDONLY, else errno is EROFS; `mode` has no meaning for reading.
/// ENOENT and its like come from the system, EMFILE when 31 are open, ENOMEM when the core pool has no room for the
/// cache's tables.
///
/// # Safety
/// * `path` is a C string.
/// * The core pool was initialised.
#[unsafe(export_name = prefix!("rm_open"))]
pub unsafe extern "C" fn rm_open(path: *const c_char, oflag: c_int, mode: c_int) -> c_int {
    let _ = mode;
    if path.is_null() {
        return answer(Err(Errno::FAULT));
    }
    if oflag != 0 {
        return answer(Err(Errno::ROFS));
    }
    // SAFETY: a C string, by the caller's promise.
    let path = unsafe { CStr::from_ptr(path) };
    answer(file::open(&mut System::monitor().enter(), Pool::core(), path))
}

/// Closes a descriptor: 0, or -1 with EBADF. Mappings of the file stay; what is cached of it is found again when the
/// same file is opened.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_close"))]
pub unsafe extern "C" fn rm_close(fd: c_int) -> c_int {
    answer(file::close(&mut System::monitor().enter(), fd).map(|()| 0))
}

/// Reads from the offset on: the number of bytes, 0 at the end of the file, or -1. Bytes that were read before an
/// error are a short count; the next call reports the error.
///
/// # Safety
/// * `buf` is writable for `count` bytes, and does not move meanwhile.
#[unsafe(export_name = prefix!("rm_read"))]
pub unsafe extern "C" fn rm_read(fd: c_int, buf: *mut c_void, count: usize) -> Ssize {
    let count = count.min(isize::MAX as usize);
    if buf.is_null() && count > 0 {
        return answer(Err(Errno::FAULT));
    }
    let into = if count == 0 {
        &mut []
    } else {
        // SAFETY: writable, by the caller's promise.
        unsafe { core::slice::from_raw_parts_mut(buf.cast::<u8>(), count) }
    };
    answer(file::read(&mut System::monitor().enter(), fd, into).map(|got| got as Ssize))
}

/// Moves the offset (SEEK_SET, SEEK_CUR, SEEK_END): where it is now, or -1: EINVAL for a place before the start or
/// beyond the end, EBADF.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_lseek"))]
pub unsafe extern "C" fn rm_lseek(fd: c_int, offset: Off, whence: c_int) -> Off {
    let whence = match whence {
        0 => Whence::Set,
        1 => Whence::Current,
        2 => Whence::End,
        _ => return answer(Err(Errno::INVAL)),
    };
    #[allow(clippy::useless_conversion)] // off_t has 32 bits in some trees
    let offset = i64::from(offset);
    answer(file::seek(&mut System::monitor().enter(), fd, offset, whence).map(to_off))
}

/// The length of the file in bytes, or -1 with EBADF.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_filesize"))]
pub unsafe extern "C" fn rm_filesize(fd: c_int) -> Off {
    answer(file::size(&mut System::monitor().enter(), fd).map(to_off))
}
