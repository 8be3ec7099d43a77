//! For the glue in the tree: what it calls around the tree's own file.c. Descriptors, offsets, modes and lengths stay
//! file.c's; the bytes go through the segment cache.
//!
//! A descriptor is known from its first use on: the library then asks rmport_claim for a stream of its file. The functions
//! answer a negative error number when they fail, and leave errno to the caller. None of them is called with a lock of the
//! file system held that rmport_ functions take.

//#include "prefix.h"
//#include "file_inline.h"

use crate::buflib::Pool;
use crate::cache::{Cached, flush};
use crate::file::{self, tree};
use crate::port::System;
use crate::port::monitor::{Guard, House};
use crate::port::storage::{Errno, Identity};

fn enter() -> Guard<System> {
    System::monitor().enter()
}

/// The number, or the error's, below 0.
fn answer(result: Result<usize, Errno>) -> i32 {
    match result {
        Ok(count) => count as i32,
        Err(error) => error.0.wrapping_neg(),
    }
}

/// Reads `bytes` bytes at `offset` for file.c's read(): the count, less than asked only at the end of the file or before an
/// error, which the next call reports; or a negative error number. The glue moves the offset.
///
/// # Safety
/// * `buffer` is writable for `bytes` bytes, and does not move meanwhile.
#[unsafe(export_name = prefix!("rm_tree_read"))]
pub unsafe extern "C" fn rm_tree_read(fd: i32, offset: u64, buffer: *mut u8, bytes: u32) -> i32 {
    let bytes = bytes.min(i32::MAX as u32) as usize;
    if buffer.is_null() || bytes == 0 {
        return answer(if bytes == 0 { Ok(0) } else { Err(Errno::FAULT) });
    }
    // SAFETY: writable, by the caller's promise.
    let into = unsafe { core::slice::from_raw_parts_mut(buffer, bytes) };
    answer(tree::read_at(&mut enter(), Pool::core(), fd, offset, into))
}

/// Writes `bytes` bytes for file.c's write(), at `offset` or, with all bits of it set, at the end of the file: the count,
/// less than given only when the volume or the file is full or before an error, which the next call reports; or a negative
/// error number. Where the next byte would go is in `end` then: the glue sets the offset, and the length if it is shorter.
///
/// # Safety
/// * `buffer` is readable for `bytes` bytes, and does not move meanwhile; `end` is writable.
#[unsafe(export_name = prefix!("rm_tree_write"))]
pub unsafe extern "C" fn rm_tree_write(fd: i32, offset: u64, buffer: *const u8, bytes: u32, end: *mut u64) -> i32 {
    let bytes = bytes.min(i32::MAX as u32) as usize;
    if end.is_null() || (buffer.is_null() && bytes > 0) {
        return answer(Err(Errno::FAULT));
    }
    let from = if bytes == 0 {
        &[]
    } else {
        // SAFETY: readable, by the caller's promise.
        unsafe { core::slice::from_raw_parts(buffer, bytes) }
    };
    answer(tree::write_at(&mut enter(), Pool::core(), fd, offset, from).map(|(put, at)| {
        // SAFETY: writable, by the caller's promise.
        unsafe { *end = at };
        put
    }))
}

/// The length of a descriptor's file with what is not written back yet, or a negative error number. All descriptors of the
/// file have it.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_tree_size"))]
pub unsafe extern "C" fn rm_tree_size(fd: i32) -> i64 {
    tree::size(&mut enter(), Pool::core(), fd).map_or_else(|error| -i64::from(error.0), |size| size as i64)
}

/// Makes a file shorter, for file.c's ftruncate() and O_TRUNC: 0, or a negative error number.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_tree_truncate"))]
pub unsafe extern "C" fn rm_tree_truncate(fd: i32, size: u64) -> i32 {
    let mut g = enter();
    let known = tree::know(&mut g, Pool::core(), fd);
    let size = i64::try_from(size).map_err(|_| Errno::INVAL);
    answer(known.and_then(|()| file::truncate(&mut g, fd, size?)).map(|()| 0))
}

/// Brings a descriptor's file to the disk, for file.c's fsync(): 0, or a negative error number, also for a write that failed
/// earlier. A descriptor that is not known has nothing to bring.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_tree_sync"))]
pub unsafe extern "C" fn rm_tree_sync(fd: i32) -> i32 {
    match file::sync(&mut enter(), fd) {
        Err(Errno::BADF) => 0,
        result => answer(result.map(|()| 0)),
    }
}

/// Lets go of a descriptor before file.c closes it, or closes it by force: 0 when everything that was written through it
/// is on the disk, or a negative error number; it is let go of in any case.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_tree_close"))]
pub unsafe extern "C" fn rm_tree_close(fd: i32) -> i32 {
    answer(tree::let_go(&mut enter(), fd).map(|()| 0))
}

/// Says whether writes may wait in memory, as they do at first. Without that every rm_tree_write goes to storage at once,
/// and what waits now goes there too: 0, or a negative error number of that.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_tree_write_behind"))]
pub unsafe extern "C" fn rm_tree_write_behind(on: bool) -> i32 {
    let mut g = enter();
    g.cache().settings.write_behind = on;
    answer(if on { Ok(0) } else { flush::all(&mut g).map(|()| 0) })
}

/// Says that the last name of a file is gone, after file.c's remove(), or after a rename() that took its place. Its data
/// stays for whoever has it open. `volume` and `file` are those of its identity.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_tree_removed"))]
pub unsafe extern "C" fn rm_tree_removed(volume: u64, file: u64) {
    tree::removed(&mut enter(), &Identity { volume, file, size: 0, stamp: 0 });
}

/// Before a volume is unmounted: writes back what is dirty of it and forgets it. Descriptors of its files answer ENXIO from
/// then on to everything but rm_tree_close. 0, or a negative error number when something could not be written and is lost.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_tree_unmount"))]
pub unsafe extern "C" fn rm_tree_unmount(volume: u64) -> i32 {
    answer(flush::unmount(&mut enter(), volume).map(|()| 0))
}

/// A volume has vanished: forgets it with what is dirty of it.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_tree_gone"))]
pub unsafe extern "C" fn rm_tree_gone(volume: u64) {
    flush::gone(&mut enter(), volume);
}

/// The disk is awake and will soon sleep: writes back what is dirty; `forced`: it will be switched off, so lengths and
/// dates go there too. 0, or a negative error number. It may block and yield: a storage idle callback that may not posts
/// to a thread that calls this.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("rm_tree_idle"))]
pub unsafe extern "C" fn rm_tree_idle(forced: bool) -> i32 {
    answer(flush::idle(&mut enter(), forced).map(|()| 0))
}
