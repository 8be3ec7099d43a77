//! Files through the segment cache, with what the tree's own calls mean. The names begin with rm_, so that the C library's
//! are never shadowed.
//!
//! Descriptors are 0 to 30 and have nothing to do with the system's. A file has at most 2^31 - 1 bytes. Every function
//! answers -1 and sets errno when it fails, and changes nothing then. What rm_close and rm_fsync confirmed is on the disk.
//!
//! Paths are the operating system's, whose own cache is the cache then; or, between rm_mount_image and rm_unmount, those
//! of a disk image with a FAT filesystem, whose files are cached in the core pool.

//#include "prefix.h"
//#include "file_inline.h"

use core::ffi::{CStr, c_char, c_int, c_void};
use std::boxed::Box;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::buflib::Pool;
use crate::cache::{Cached, flush};
use crate::file::{self, Mode, Whence};
use crate::port::System;
use crate::port::fat::{Format, Image, format};
use crate::port::image;
use crate::port::kernel::Kernel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;
use crate::port::types::{Off, Ssize, to_off};

/// The number, or -1 with errno set.
fn answer<T: From<i8>>(result: Result<T, Errno>) -> T {
    result.unwrap_or_else(|error| {
        System::set_errno(error);
        T::from(-1)
    })
}

fn enter() -> Guard<System> {
    System::monitor().enter()
}

/// A path that C gave.
///
/// # Safety
/// * It is null or a C string that lives long enough.
unsafe fn path<'a>(path: *const c_char) -> Result<&'a CStr, Errno> {
    // SAFETY: a C string where it is not null, by the caller's promise.
    (!path.is_null()).then(|| unsafe { CStr::from_ptr(path) }).ok_or(Errno::FAULT)
}

/// What `oflag` says.
fn mode(oflag: c_int) -> Result<Mode, Errno> {
    let mut mode = match oflag & libc::O_ACCMODE {
        libc::O_RDONLY => Mode::READ,
        libc::O_WRONLY => Mode::WRITE,
        libc::O_RDWR => Mode::READ | Mode::WRITE,
        _ => return Err(Errno::INVAL),
    };
    mode.set(Mode::CREATE, oflag & libc::O_CREAT != 0);
    mode.set(Mode::EXCLUSIVE, oflag & libc::O_EXCL != 0);
    mode.set(Mode::TRUNCATE, oflag & libc::O_TRUNC != 0);
    mode.set(Mode::APPEND, oflag & libc::O_APPEND != 0);
    Ok(mode)
}

/// Opens a file: the lowest free descriptor, or -1. `oflag` is O_RDONLY, O_WRONLY or O_RDWR with any of O_CREAT, O_EXCL,
/// O_TRUNC and O_APPEND; `mode` has no meaning, new files get what the system gives. ENOENT, EEXIST, EISDIR, EACCES and
/// their like; EINVAL for O_TRUNC without writing; EMFILE when 31 are open; ENOSPC; ENOMEM when the core pool has no
/// room for the cache's tables. Programs call it as rm_open, with or without the last argument.
///
/// # Safety
/// * `path` is a C string.
/// * The core pool was initialised, while an image is mounted.
#[unsafe(export_name = prefix!("rm_open_mode"))]
pub unsafe extern "C" fn rm_open_mode(path: *const c_char, oflag: c_int, mode: c_int) -> c_int {
    let _ = mode;
    // SAFETY: the caller's promise.
    let path = unsafe { self::path(path) };
    answer(path.and_then(|path| file::open(&mut enter(), Pool::core(), path, self::mode(oflag)?)))
}

/// Makes an empty file, or empties one, and opens it for writing: as rm_open with O_WRONLY, O_CREAT and O_TRUNC.
///
/// # Safety
/// * As `rm_open_mode`.
#[unsafe(export_name = prefix!("rm_creat"))]
pub unsafe extern "C" fn rm_creat(path: *const c_char, mode: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { rm_open_mode(path, libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC, mode) }
}

/// Closes a descriptor: 0, when everything that was written through it is on the disk. Else -1, and it is closed all the
/// same: EBADF, or why it could not be written; what could not be stays with the file, and whoever opens or syncs it next
/// tries again. Mappings of the file stay; what is cached of it is found again when it is opened.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_close"))]
pub unsafe extern "C" fn rm_close(fd: c_int) -> c_int {
    answer(file::close(&mut enter(), fd).map(|()| 0))
}

/// Reads from the offset on and moves it: the number of bytes, 0 at the end of the file, or -1: EBADF, also for a
/// descriptor that only writes; ENXIO when the volume is gone; EIO and its like. Bytes that were read before an error are a
/// short count; the next call reports the error.
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
    answer(file::read(&mut enter(), fd, into).map(|got| got as Ssize))
}

/// Writes at the offset, or at the end of the file with O_APPEND, and moves the offset behind it: the number of bytes, or
/// -1: EBADF, also for a descriptor that only reads; ENOSPC; EFBIG at the largest size; ENXIO; EIO and its like. Bytes that
/// were written before an error are a short count; the next call reports the error. EBUSY in a full pool only: a stream's
/// pointer leads to where the file ends, or ended before it grew, and there is no memory for more beside it.
///
/// # Safety
/// * `buf` is readable for `count` bytes, and does not move meanwhile.
#[unsafe(export_name = prefix!("rm_write"))]
pub unsafe extern "C" fn rm_write(fd: c_int, buf: *const c_void, count: usize) -> Ssize {
    let count = count.min(isize::MAX as usize);
    if buf.is_null() && count > 0 {
        return answer(Err(Errno::FAULT));
    }
    let from = if count == 0 {
        &[]
    } else {
        // SAFETY: readable, by the caller's promise.
        unsafe { core::slice::from_raw_parts(buf.cast::<u8>(), count) }
    };
    answer(file::write(&mut enter(), fd, from).map(|put| put as Ssize))
}

/// Moves the offset (SEEK_SET, SEEK_CUR, SEEK_END): where it is now, or -1: EINVAL for a place before the start or
/// beyond the end, EBADF, ENXIO.
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
    #[allow(clippy::useless_conversion)] // off_t has 32 bits in some places
    let offset = i64::from(offset);
    answer(file::seek(&mut enter(), fd, offset, whence).map(to_off))
}

/// Makes a file shorter: 0. Never longer: then it does nothing and answers 0 too. -1: EBADF, also for a descriptor that only
/// reads; EINVAL below 0; ENXIO; EIO and its like.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_ftruncate"))]
pub unsafe extern "C" fn rm_ftruncate(fd: c_int, length: Off) -> c_int {
    #[allow(clippy::useless_conversion)] // as above
    let length = i64::from(length);
    answer(file::truncate(&mut enter(), fd, length).map(|()| 0))
}

/// Brings a file to the disk: 0 when its bytes, length and date are there. -1: EBADF; EINVAL for a descriptor that only
/// reads; ENXIO; EIO and its like, for a write that failed earlier too: what is not on the disk is tried again by the next
/// call.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_fsync"))]
pub unsafe extern "C" fn rm_fsync(fd: c_int) -> c_int {
    answer(file::sync(&mut enter(), fd).map(|()| 0))
}

/// The length of the file in bytes, or -1 with EBADF, ENXIO, or EOVERFLOW for a file that is too long.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_filesize"))]
pub unsafe extern "C" fn rm_filesize(fd: c_int) -> Off {
    answer(file::size(&mut enter(), fd).map(to_off))
}

/// Whether two descriptors are of the same file: 1 or 0, or -1 with EBADF or ENXIO.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_fsamefile"))]
pub unsafe extern "C" fn rm_fsamefile(fd1: c_int, fd2: c_int) -> c_int {
    answer(file::same(&mut enter(), fd1, fd2).map(c_int::from))
}

/// Whether there is a file or directory of this name.
///
/// # Safety
/// * `path` is a C string.
#[unsafe(export_name = prefix!("rm_file_exists"))]
pub unsafe extern "C" fn rm_file_exists(path: *const c_char) -> bool {
    // SAFETY: the caller's promise.
    unsafe { self::path(path) }.is_ok_and(|path| file::exists(&mut enter(), path))
}

/// Removes a file: 0, or -1 with ENOENT, EISDIR and its like. Its data stays until the last descriptor is closed.
///
/// # Safety
/// * `path` is a C string.
#[unsafe(export_name = prefix!("rm_remove"))]
pub unsafe extern "C" fn rm_remove(path: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let path = unsafe { self::path(path) };
    answer(path.and_then(|path| file::remove(&mut enter(), path)).map(|()| 0))
}

/// Gives a file another name, in the place of a file that has it: 0, or -1 with ENOENT, EISDIR, EINVAL, EBUSY for
/// the root, and their like. Descriptors of both stay what they are.
///
/// # Safety
/// * `from` and `to` are C strings.
#[unsafe(export_name = prefix!("rm_rename"))]
pub unsafe extern "C" fn rm_rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let paths = unsafe { (path(from), path(to)) };
    answer(paths.0.and_then(|from| file::rename(&mut enter(), from, paths.1?)).map(|()| 0))
}

/// A path of the system, for images.
///
/// # Safety
/// * As `path`.
unsafe fn system_path<'a>(name: *const c_char) -> Result<&'a Path, Errno> {
    // SAFETY: the caller's promise.
    unsafe { path(name) }.map(|path| Path::new(OsStr::from_bytes(path.to_bytes())))
}

/// Makes an image file: an empty volume of so many bytes in clusters of so many, 512 to 32768. `bits` is 16 (4085 to 65524
/// clusters) or 32 (65525 and more). 0, or -1: EINVAL for what is no such volume, EEXIST, ENOSPC and their like.
///
/// # Safety
/// * `image` is a C string.
#[unsafe(export_name = prefix!("rm_make_image"))]
pub unsafe extern "C" fn rm_make_image(image: *const c_char, bytes: u64, cluster: u32, bits: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let image = unsafe { system_path(image) };
    let kind = match bits {
        16 => Ok(Format::Fat16),
        32 => Ok(Format::Fat32),
        _ => Err(Errno::INVAL),
    };
    answer(image.and_then(|image| {
        let kind = kind?;
        let why = |error: std::io::Error| Errno(error.raw_os_error().unwrap_or(Errno::IO.0));
        let file = OpenOptions::new().write(true).create_new(true).open(image).map_err(why)?;
        let made =
            file.set_len(bytes).map_err(why).and_then(|()| format(Box::new(Image::open(image, 512)?), kind, cluster));
        if let Err(error) = made {
            // It was made here, and is of no use.
            let _ = std::fs::remove_file(image);
            return Err(error);
        }
        Ok(0)
    }))
}

/// Mounts the FAT16 or FAT32 volume of an image file: 0. From then on paths are the image's; descriptors that are open stay
/// what they are. -1: EBUSY when one is mounted; EINVAL for no such volume; ENOENT and its like.
///
/// # Safety
/// * `image` is a C string.
#[unsafe(export_name = prefix!("rm_mount_image"))]
pub unsafe extern "C" fn rm_mount_image(image: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let path = unsafe { system_path(image) };
    let mount = |path| {
        // Said first, whatever the path is; `mount` itself decides when two threads come here at once.
        if image::mounted().is_some() {
            return Err(Errno::BUSY);
        }
        image::mount(Box::new(Image::open(path, 512)?)).map(|_| 0)
    };
    answer(path.and_then(mount))
}

/// Unmounts the image, once everything dirty is on it: 0. Descriptors of its files answer ENXIO from then on to
/// everything but rm_close. -1: ENXIO when none is mounted; EIO and its like when something could not be written, which is
/// lost; it is unmounted all the same.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_unmount"))]
pub unsafe extern "C" fn rm_unmount() -> c_int {
    let mut g = enter();
    let flushed = image::mounted().map_or(Ok(()), |volume| flush::unmount(&mut g, volume));
    let (_, unmounted) = g.unlocked(image::unmount);
    answer(flushed.and(unmounted).map(|()| 0))
}

/// Says whether writes may wait in memory, as they do at first. Without that every rm_write goes to storage at once, and what
/// waits now goes there too: 0, or -1 with the first error of that.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_write_behind"))]
pub unsafe extern "C" fn rm_write_behind(on: bool) -> c_int {
    let mut g = enter();
    g.cache().settings.write_behind = on;
    answer(if on { Ok(0) } else { flush::all(&mut g).map(|()| 0) })
}

/// Brings everything that is dirty to the disk: 0, or -1 with the first error; the others are tried all the same, and the
/// files' own next rm_fsync or rm_close reports theirs.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_flush"))]
pub unsafe extern "C" fn rm_flush() -> c_int {
    answer(flush::all(&mut enter()).map(|()| 0))
}
