//! Buffering: what a player opens, reads ahead and decodes from. The functions, types and error codes of the tree's
//! apps/buffering.h, over segments of the core pool in place of a ring.
//!
//! An allocation from the core pool by anybody during playback takes data that was played, then data that is far
//! ahead; playback goes on. Data in place of a ring may leave memory again: what a handle has is what it has now.
//!
//! TYPE_PACKET_AUDIO and TYPE_CODEC are streams; the other types lie whole in one block that does not move. Tags
//! (TYPE_ID3) and pictures (TYPE_BITMAP) are made by the program, which says how with `buffering_set_hooks`, and hears of
//! events in the same way; until it does, those two types are refused with ERR_UNSUPPORTED_TYPE.

//#include "prefix.h"
//#include "buffering_inline.h"

use core::ffi::{CStr, c_char, c_int, c_void};

use crate::buffering::handle::{DataType, Kind};
use crate::buffering::hooks::Hooks;
use crate::buffering::{
    self, Buffered, ERR_BUFFER_FULL, ERR_FILE_ERROR, ERR_HANDLE_NOT_FOUND, ERR_INVALID_VALUE, ERR_UNSUPPORTED_TYPE,
    budget, open, position, stream,
};
use crate::buflib::{Pool, loan};
use crate::mmap::memory::Region;
use crate::port::System;
use crate::port::monitor::{Guard, House};
use crate::port::types::{Off, Ssize, to_off};

fn enter() -> Guard<System> {
    System::monitor().enter()
}

/// Figures of the handles, for a debug screen.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct buffering_debug {
    /// Open handles.
    pub num_handles: c_int,
    /// Bytes in memory.
    pub buffered_data: usize,
    /// Bytes that are not in memory yet.
    pub data_rem: usize,
    /// Bytes in memory from the positions on, of the base handle and those opened after it.
    pub useful_data: usize,
    /// The low mark.
    pub watermark: usize,
}

/// Prepares buffering. Memory is taken, and the buffering thread started, by the first `buffering_reset`. In the tree
/// this function is the glue's, which sets hooks and resets there.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buffering_init"))]
pub unsafe extern "C" fn buffering_init() {
    drop(enter());
}

/// Says what the program does for buffering: parses tags, decodes pictures, hears events. NULL: nothing. To be called
/// while no handle is open.
///
/// # Safety
/// * `hooks` is NULL, or points to functions that can be called for as long as the program runs, on the threads and in
///   the way that `struct buffering_hooks` tells.
#[unsafe(export_name = prefix!("buffering_set_hooks"))]
pub unsafe extern "C" fn buffering_set_hooks(hooks: *const Hooks) {
    // SAFETY: NULL or readable, by the caller's promise.
    let hooks = unsafe { hooks.as_ref() }.copied();
    enter().buffering().hooks = hooks.unwrap_or(Hooks::NONE);
}

/// Closes every handle and begins anew. With a region, data lives there until the next reset, when what is dirty there is
/// written back and the region is the caller's again; with NULL and 0 it lives in the core pool, shared with everybody.
/// False, and nothing can be opened, for less than 36 KB, or when the core pool has no room for the tables.
///
/// A region in a block of the core pool is given back, and nothing can be opened, when `core_shrink` or `core_free` is
/// called for that block, as by playback of the tree, which resets after that.
///
/// # Safety
/// * The core pool was initialised.
/// * `buf` is NULL, or `buflen` bytes that nobody else uses until the next reset.
/// * No thread is inside another of these functions with a handle that was open before.
#[unsafe(export_name = prefix!("buffering_reset"))]
pub unsafe extern "C" fn buffering_reset(buf: *mut c_char, buflen: usize) -> bool {
    // SAFETY: nobody else's until the next reset, by the caller's promise.
    let region = (!buf.is_null()).then(|| unsafe { Region::new(buf.cast(), buflen) });
    let done = buffering::reset(&mut enter(), Pool::core(), region);
    loan::lend((done && !buf.is_null()).then_some((buf as usize, buflen)), leave);
    done
}

/// The region is about to be somebody else's.
fn leave() {
    buffering::end(&mut enter());
}

/// Opens a file from `offset` on (0 if that is beyond its end): a handle above 0; ERR_FILE_ERROR; ERR_BUFFER_FULL when
/// what the streams opened before have yet to read fills the budget, when a type that lies whole does not fit, or when
/// there are too many handles; ERR_UNSUPPORTED_TYPE. Reading begins at once, on the buffering thread. TYPE_ID3 does not
/// look whether there is such a file. TYPE_BITMAP is decoded before this returns; ERR_BITMAP_TOO_LARGE when it would fill
/// the buffer as it is now, or does not fit though handles hold next to nothing; else ERR_BUFFER_FULL.
///
/// When the file is changed meanwhile, a stream shows what is written, and ends where the file does. What lies whole keeps
/// what was read of it, and has zeros where the file was cut before or after that.
///
/// # Safety
/// * `file` is a C string.
/// * `user_data` is what the program's decoder of pictures expects; for other types it has no meaning.
#[unsafe(export_name = prefix!("bufopen"))]
pub unsafe extern "C" fn bufopen(file: *const c_char, offset: Off, type_: DataType, user_data: *mut c_void) -> c_int {
    let Some(kind) = Kind::of(type_) else { return ERR_UNSUPPORTED_TYPE };
    if file.is_null() {
        return ERR_FILE_ERROR;
    }
    // SAFETY: a C string, by the caller's promise.
    let path = unsafe { CStr::from_ptr(file) };
    let offset = u64::try_from(offset).unwrap_or(0);
    open::open(&mut enter(), path, offset, kind, user_data as usize).unwrap_or_else(|error| error)
}

/// Opens a handle over a copy of `size` bytes at `src`, or over as many bytes of any content if `src` is NULL: a
/// handle, ERR_BUFFER_FULL or ERR_UNSUPPORTED_TYPE.
///
/// # Safety
/// * `src` is NULL or readable for `size` bytes.
#[unsafe(export_name = prefix!("bufalloc"))]
pub unsafe extern "C" fn bufalloc(src: *const c_void, size: usize, type_: DataType) -> c_int {
    let Some(kind) = Kind::of(type_) else { return ERR_UNSUPPORTED_TYPE };
    if size > isize::MAX as usize {
        return ERR_BUFFER_FULL;
    }
    // SAFETY: readable, by the caller's promise.
    let source = (!src.is_null()).then(|| unsafe { core::slice::from_raw_parts(src.cast::<u8>(), size) });
    open::alloc(&mut enter(), source, size, kind).unwrap_or_else(|error| error)
}

/// Closes a handle. True: a handle that is not open is closed already. Threads that wait for its data are told.
///
/// # Safety
/// * No pointer of `bufgetdata` from this handle is used any more.
#[unsafe(export_name = prefix!("bufclose"))]
pub unsafe extern "C" fn bufclose(handle_id: c_int) -> bool {
    if handle_id > 0 {
        open::close(&mut enter(), handle_id);
    }
    true
}

/// Moves the position to `newpos` bytes from the start of the file: 0, ERR_HANDLE_NOT_FOUND, or ERR_INVALID_VALUE
/// beyond the end; ERR_BUFFER_FULL for a place before the offset at which a type that lies whole was opened, when there
/// is no memory for what lies between. Never waits for data.
///
/// # Safety
/// * After a jump out of what is in memory, pointers of `bufgetdata` from this handle are not used any more.
#[unsafe(export_name = prefix!("bufseek"))]
pub unsafe extern "C" fn bufseek(handle_id: c_int, newpos: usize) -> c_int {
    status(position::seek(&mut enter(), handle_id, newpos as u64))
}

/// Moves the position by `offset` bytes: 0, ERR_HANDLE_NOT_FOUND, or ERR_INVALID_VALUE before the start or beyond the
/// end; ERR_BUFFER_FULL as `bufseek`. Never waits for data.
///
/// # Safety
/// * As `bufseek`.
#[unsafe(export_name = prefix!("bufadvance"))]
pub unsafe extern "C" fn bufadvance(handle_id: c_int, offset: Off) -> c_int {
    #[allow(clippy::useless_conversion)] // off_t has 32 bits in some trees
    let by = i64::from(offset);
    status(position::advance(&mut enter(), handle_id, by))
}

fn status(result: Result<(), i32>) -> c_int {
    result.err().unwrap_or(0)
}

/// The position, from the start of the file, or ERR_HANDLE_NOT_FOUND.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("bufftell"))]
pub unsafe extern "C" fn bufftell(handle_id: c_int) -> Off {
    let mut g = enter();
    g.buffering().find(handle_id).map_or(Off::from(ERR_HANDLE_NOT_FOUND), |handle| to_off(handle.pos))
}

/// Copies `size` bytes from the position on to `dest` (0: all that is left), and waits until they are there; the
/// position stays. The number of bytes, less than `size` only where the file ends or cannot be read on;
/// ERR_HANDLE_NOT_FOUND, also when the handle is closed or signaled meanwhile; ERR_FILE_ERROR.
///
/// # Safety
/// * `dest` is writable for `size` bytes, or for all that is left, and does not move meanwhile.
#[unsafe(export_name = prefix!("bufread"))]
pub unsafe extern "C" fn bufread(handle_id: c_int, size: usize, dest: *mut c_void) -> Ssize {
    let mut g = enter();
    let count = match stream::readable(&mut g, handle_id, size) {
        Ok(count) => count,
        Err(error) => return error as Ssize,
    };
    if count == 0 {
        return 0;
    }
    if dest.is_null() {
        return ERR_INVALID_VALUE as Ssize;
    }
    // SAFETY: writable, by the caller's promise.
    let into = unsafe { core::slice::from_raw_parts_mut(dest.cast::<u8>(), count) };
    match stream::read(&mut g, handle_id, into) {
        Ok(got) => got as Ssize,
        Err(error) => error as Ssize,
    }
}

/// Makes the file end at `size` bytes, as the handle sees it: `size`, or ERR_INVALID_VALUE when it is longer than the
/// file or the handle is not open. What lies behind it is not read, not counted and not given.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("bufstripsize"))]
pub unsafe extern "C" fn bufstripsize(handle_id: c_int, size: Off) -> Off {
    let stripped = u64::try_from(size).is_ok_and(|size| position::strip(&mut enter(), handle_id, size));
    if stripped { size } else { Off::from(ERR_INVALID_VALUE) }
}

/// Points `data` at bytes from the position on and waits until they are there: how many there are in one piece. All of
/// `size` (0: all that is left) for types that lie whole. For streams at least `size`, the rest of the file or 32 KB,
/// whichever is least, and more where more lies together; less only when several streams cross from one segment to the
/// next at once and the pool has no memory left, and after five seconds in which there was none for a stream. If there was
/// none for a single byte, ERR_BUFFER_FULL then: perhaps the caller has it. ERR_HANDLE_NOT_FOUND and ERR_FILE_ERROR as
/// `bufread`.
///
/// The pointer is good until the handle is closed, jumps, moves past what it points to, or gives the next one.
///
/// # Safety
/// * `data` is NULL or writable.
#[unsafe(export_name = prefix!("bufgetdata"))]
pub unsafe extern "C" fn bufgetdata(handle_id: c_int, size: usize, data: *mut *mut c_void) -> Ssize {
    match stream::data(&mut enter(), handle_id, size) {
        Ok((start, len)) => {
            if !data.is_null() {
                // SAFETY: writable, by the caller's promise.
                unsafe { data.write(start as *mut c_void) };
            }
            len as Ssize
        }
        Err(error) => error as Ssize,
    }
}

/// Whether the handle is open.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_is_handle"))]
pub unsafe extern "C" fn buf_is_handle(handle_id: c_int) -> bool {
    enter().buffering().find(handle_id).is_some()
}

/// The type it was opened with, or ERR_HANDLE_NOT_FOUND.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_handle_data_type"))]
pub unsafe extern "C" fn buf_handle_data_type(handle_id: c_int) -> c_int {
    enter().buffering().find(handle_id).map_or(ERR_HANDLE_NOT_FOUND, |handle| handle.kind as c_int)
}

/// The length of its file, or ERR_HANDLE_NOT_FOUND.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_filesize"))]
pub unsafe extern "C" fn buf_filesize(handle_id: c_int) -> Off {
    let mut g = enter();
    g.buffering().find(handle_id).map_or(Off::from(ERR_HANDLE_NOT_FOUND), |handle| to_off(handle.filesize))
}

/// The offset of the first byte that is in memory without a gap up to the position, or ERR_HANDLE_NOT_FOUND.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_handle_offset"))]
pub unsafe extern "C" fn buf_handle_offset(handle_id: c_int) -> Off {
    position::start(&mut enter(), handle_id).map_or(Off::from(ERR_HANDLE_NOT_FOUND), to_off)
}

/// How many bytes of the file, behind those that are in memory from the position on, are not there yet, or
/// ERR_HANDLE_NOT_FOUND.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_handle_remaining"))]
pub unsafe extern "C" fn buf_handle_remaining(handle_id: c_int) -> Off {
    buffering::handle::look(&mut enter(), handle_id)
        .map_or(Off::from(ERR_HANDLE_NOT_FOUND), |handle| to_off(handle.filesize.saturating_sub(handle.end)))
}

/// Counts a wish that the handle's data stays in place. Data of atomic types never moves, and pointers into streams
/// hold what they point to, so that the count changes nothing else. False if the handle is not open.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_pin_handle"))]
pub unsafe extern "C" fn buf_pin_handle(handle_id: c_int, pin: bool) -> bool {
    let mut g = enter();
    let Some(handle) = g.buffering().find(handle_id) else { return false };
    handle.pins = if pin { handle.pins.saturating_add(1) } else { handle.pins.saturating_sub(1) };
    true
}

/// Calls waits for this handle's data off, now and until it is taken back: they end with ERR_HANDLE_NOT_FOUND. False
/// if the handle is not open.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_signal_handle"))]
pub unsafe extern "C" fn buf_signal_handle(handle_id: c_int, signal: bool) -> bool {
    stream::signal(&mut enter(), handle_id, signal)
}

/// All that buffering may hold now, in bytes: it follows the core pool.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_length"))]
pub unsafe extern "C" fn buf_length() -> usize {
    budget::length(&mut enter()) as usize
}

/// What open handles hold from their positions on, and atomic ones as a whole, in bytes.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_used"))]
pub unsafe extern "C" fn buf_used() -> usize {
    budget::used(&mut enter()) as usize
}

/// Says which handle plays: it is filled first, and useful data is counted from it on.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_set_base_handle"))]
pub unsafe extern "C" fn buf_set_base_handle(handle_id: c_int) {
    buffering::set_base(&mut enter(), handle_id);
}

/// Below how many bytes of useful data reading begins again. 0: a quarter of what buffering may hold.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_set_watermark"))]
pub unsafe extern "C" fn buf_set_watermark(bytes: usize) {
    buffering::set_watermark(&mut enter(), bytes);
}

/// The watermark that was set, at most three quarters of what buffering may hold.
///
/// # Safety
/// * None.
#[unsafe(export_name = prefix!("buf_get_watermark"))]
pub unsafe extern "C" fn buf_get_watermark() -> usize {
    budget::watermark(&mut enter())
}

/// Fills in the figures.
///
/// # Safety
/// * `dbgdata` is writable.
#[unsafe(export_name = prefix!("buffering_get_debugdata"))]
pub unsafe extern "C" fn buffering_get_debugdata(dbgdata: *mut buffering_debug) {
    let mut g = enter();
    let sums = budget::sums(&mut g);
    let figures = buffering_debug {
        num_handles: sums.handles,
        buffered_data: sums.buffered as usize,
        data_rem: sums.remaining as usize,
        useful_data: sums.useful as usize,
        watermark: budget::watermark(&mut g),
    };
    if !dbgdata.is_null() {
        // SAFETY: writable, by the caller's promise.
        unsafe { dbgdata.write(figures) }
    }
}
