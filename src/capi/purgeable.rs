//! purgeable: memory of a pool that may be taken back when somebody needs it for something better.
//!
//! Such a block belongs to its owner until the pool asks for it; then its free callback agrees or refuses. Under
//! pressure blocks go in this order: disposable; cached, by a policy that keeps what is used again; needed later,
//! farthest first; dirty ones of these, which are asked to clean themselves first; then those used in the last seconds, in
//! the same order. Never: needed now, pinned, or with a transfer under way. Nothing goes that would not help the
//! request, and no owner is asked to shrink while purging would do.
//!
//! What may be purged counts as available.

//#include "buflib.h"
//#include "purgeable_inline.h"

use core::ffi::{c_int, c_uint, c_void};

use crate::buflib::{Context, Pool, Priority, PurgeCallbacks};

/// The priority of a number from C; what is none is the least that may be lost unasked: cached.
fn priority(number: c_int) -> Priority {
    match number {
        0 => Priority::Now,
        1 => Priority::Soon,
        3 => Priority::Disposable,
        _ => Priority::Cached,
    }
}

/// Allocates `size` bytes that the pool may take back. `align`: of the data, a power of two up to 4096, kept when the
/// block moves; 0 for none. `priority`: BUFLIB_NOW, BUFLIB_SOON, BUFLIB_CACHED or BUFLIB_DISPOSABLE. `key`: what you
/// call the data, the same whenever it is the same, 0 for nothing: the pool knows by it what comes back soon after it
/// went. Above 0 a handle; -1 if there is none, -2 if there is no space or the alignment is none.
///
/// # Safety
/// * `ctx` is the context of a pool.
/// * `ops` is NULL, or points to callbacks that stay valid until the block is freed.
#[unsafe(export_name = prefix!("buflib_alloc_purgeable"))]
pub unsafe extern "C" fn buflib_alloc_purgeable(
    ctx: *mut Context,
    size: usize,
    align: usize,
    priority: c_int,
    key: usize,
    ops: *const PurgeCallbacks,
) -> c_int {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.alloc_purgeable(size, align, self::priority(priority), key, ops)
}

/// Notes that a purgeable block was used. The pool keeps it longer.
///
/// # Safety
/// * `ctx` is the context of a pool. An ordinary handle ends in `panicf`, here and below.
#[unsafe(export_name = prefix!("buflib_touch"))]
pub unsafe extern "C" fn buflib_touch(ctx: *mut Context, handle: c_int) {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.touch(handle)
}

/// Changes how much a purgeable block is wanted. `distance`, for BUFLIB_SOON: how far away the need is, in a unit that
/// all such blocks of the pool share.
///
/// # Safety
/// * `ctx` is the context of a pool.
#[unsafe(export_name = prefix!("buflib_set_priority"))]
pub unsafe extern "C" fn buflib_set_priority(ctx: *mut Context, handle: c_int, priority: c_int, distance: c_uint) {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.set_priority(handle, self::priority(priority), distance as usize)
}

/// Notes that a purgeable block holds the only copy of something, or no longer does. A dirty block is never purged
/// before its clean callback has made it clean.
///
/// # Safety
/// * `ctx` is the context of a pool.
#[unsafe(export_name = prefix!("buflib_set_dirty"))]
pub unsafe extern "C" fn buflib_set_dirty(ctx: *mut Context, handle: c_int, dirty: bool) {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.set_dirty(handle, dirty)
}

/// A transfer to or from a purgeable block begins: until `buflib_io_end` it neither moves nor goes. Answers where its
/// data is. Up to 255 at a time.
///
/// # Safety
/// * `ctx` is the context of a pool.
#[unsafe(export_name = prefix!("buflib_io_begin"))]
pub unsafe extern "C" fn buflib_io_begin(ctx: *mut Context, handle: c_int) -> *mut c_void {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.io_begin(handle).cast()
}

/// A transfer is over.
///
/// # Safety
/// * `ctx` is the context of a pool.
#[unsafe(export_name = prefix!("buflib_io_end"))]
pub unsafe extern "C" fn buflib_io_end(ctx: *mut Context, handle: c_int) {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.io_end(handle)
}

/// Moves a block of any kind to the end of the pool, where blocks that stay long are in nobody's way; for those who
/// will pin it for long. Its callbacks are asked. False if it stays where it is.
///
/// # Safety
/// * `ctx` is the context of a pool.
#[unsafe(export_name = prefix!("buflib_move_high"))]
pub unsafe extern "C" fn buflib_move_high(ctx: *mut Context, handle: c_int) -> bool {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.move_high(handle)
}

/// Says what the calling thread is to every pool from now on: BUFLIB_ASKER_FILE, BUFLIB_ASKER_PLAYBACK or
/// BUFLIB_ASKER_ANYONE, which a thread is at first. What its allocations may do follows from that. Answers what it was,
/// to be set again; -1 for any other number, which changes nothing. For hosted programs: a player's port knows its
/// threads.
#[cfg(feature = "host")]
#[unsafe(export_name = prefix!("buflib_set_asker"))]
pub extern "C" fn buflib_set_asker(asker: c_int) -> c_int {
    use crate::port::{Asker, set_asker};
    let asker = match asker {
        0 => Asker::FilePath,
        1 => Asker::Playback,
        2 => Asker::Anyone,
        _ => return -1,
    };
    set_asker(asker) as c_int
}
