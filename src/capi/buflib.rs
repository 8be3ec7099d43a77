//! buflib: a pool of memory whose blocks may move, so that it never stays fragmented.
//!
//! An allocation is a handle, an int above 0. `buflib_get_data` answers where its data is now; any allocation in the
//! same pool may move it, unless it is pinned or its callbacks forbid that. A callback runs in the thread that
//! asked for memory, may call every function here, and may block.
//!
//! A handle that was never given, was freed or belongs to another pool ends in `panicf`, which does not come back.

//#include "buflib_inline.h"

use core::ffi::{c_char, c_int, c_uint, c_void};

use crate::buflib::{Callbacks, Context, Pool};

/// Callbacks for an allocation that may neither move nor shrink: all NULL. Such blocks divide the pool; pinning a
/// movable one for as long as it takes is nearly always better.
#[unsafe(export_name = prefix!("buflib_ops_locked"))]
#[allow(non_upper_case_globals)] // its name in C
pub static buflib_ops_locked: Callbacks = Callbacks { move_callback: None, shrink_callback: None, sync_callback: None };

/// Makes a pool of the `size` bytes at `buf`, empty, with `ctx` as its context. Neither needs an alignment; what lies
/// before the first whole word and after the last one is not used. No memory at all ends in `panicf`.
///
/// # Safety
/// * `ctx` is writable, and stays where it is while the pool is in use.
/// * The `size` bytes at `buf` are the pool's alone until the last use of it, and nobody uses `ctx` meanwhile.
#[unsafe(export_name = prefix!("buflib_init"))]
pub unsafe extern "C" fn buflib_init(ctx: *mut Context, buf: *mut c_void, size: usize) {
    // SAFETY: the caller's promises are those of `Pool::init`.
    unsafe { Pool::init(ctx, buf.cast(), size) }
}

/// The bytes of the pool that nobody holds, less the words that one allocation takes beside its data. They need not lie
/// together.
///
/// # Safety
/// * `ctx` is the context of a pool.
#[unsafe(export_name = prefix!("buflib_available"))]
pub unsafe extern "C" fn buflib_available(ctx: *mut Context) -> usize {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.available()
}

/// The size of the largest allocation that would succeed without shrinking anything, in bytes. May move blocks to
/// find out, and run their move callbacks.
///
/// # Safety
/// * `ctx` is the context of a pool.
#[unsafe(export_name = prefix!("buflib_allocatable"))]
pub unsafe extern "C" fn buflib_allocatable(ctx: *mut Context) -> usize {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.allocatable()
}

/// Prepares the pool for being moved as a whole to `buf`: for the move callback of a pool that lives inside another
/// pool's block. True: everything that points into the pool now points to its copy at `buf`, and the caller moves the
/// bytes next, before it calls anything else here. False, and nothing changed: `buf` is not aligned to a word.
/// No callback is run for the blocks inside.
///
/// # Safety
/// * `ctx` is the context of a pool.
/// * After true the caller moves the pool's whole memory to `buf`, which has room for it.
#[unsafe(export_name = prefix!("buflib_context_relocate"))]
pub unsafe extern "C" fn buflib_context_relocate(ctx: *mut Context, buf: *mut c_void) -> bool {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.relocate(buf.cast())
}

/// Allocates `size` bytes that may be moved at any time while they are not pinned: `buflib_alloc_ex` without
/// callbacks.
///
/// # Safety
/// * `ctx` is the context of a pool.
#[unsafe(export_name = prefix!("buflib_alloc"))]
pub unsafe extern "C" fn buflib_alloc(ctx: *mut Context, size: usize) -> c_int {
    // SAFETY: a pool's context, by the caller's promise; no callbacks.
    unsafe { Pool::new(ctx) }.alloc(size, core::ptr::null())
}

/// Allocates `size` bytes, aligned to a word and not cleared. `ops` says what may be done with them: NULL, they may
/// be moved; else see `struct buflib_callbacks`. The struct is not copied. A size of 0 is a valid request.
///
/// Answers the handle, above 0; -1 when no handle is left, -2 when the memory is not there even after moving and
/// shrinking what may be moved and shrunk.
///
/// # Safety
/// * `ctx` is the context of a pool.
/// * `ops` is NULL, or points to callbacks that stay valid until the allocation is freed.
#[unsafe(export_name = prefix!("buflib_alloc_ex"))]
pub unsafe extern "C" fn buflib_alloc_ex(ctx: *mut Context, size: usize, ops: *mut Callbacks) -> c_int {
    // SAFETY: a pool's context and lasting callbacks, by the caller's promise.
    unsafe { Pool::new(ctx) }.alloc(size, ops)
}

/// Asks every other allocation to give up what it can, allocates the largest piece there is then and leaves its size
/// in `size`. Answers as `buflib_alloc_ex`; on an error `size` means nothing.
///
/// # Safety
/// * `ctx` is the context of a pool; `size` is writable.
/// * `ops` is NULL, or points to callbacks that stay valid until the allocation is freed.
#[unsafe(export_name = prefix!("buflib_alloc_maximum"))]
pub unsafe extern "C" fn buflib_alloc_maximum(ctx: *mut Context, size: *mut usize, ops: *mut Callbacks) -> c_int {
    // A variable of our own: callbacks run inside, and the caller's must not be borrowed over them.
    let mut got = 0;
    // SAFETY: a pool's context and lasting callbacks, by the caller's promise.
    let handle = unsafe { Pool::new(ctx) }.alloc_maximum(&mut got, ops);
    // SAFETY: writable, by the caller's promise.
    unsafe { size.write(got) };
    handle
}

/// Makes an allocation smaller: what is left is the `newsize` bytes at `newstart`, or at the present start if that is
/// NULL. Neither needs an alignment, and no byte moves. False, and nothing changed, if they do not lie within the
/// allocation. Runs no callback and does not block.
///
/// # Safety
/// * `ctx` is the context of a pool and `handle` one of its allocations.
#[unsafe(export_name = prefix!("buflib_shrink"))]
pub unsafe extern "C" fn buflib_shrink(
    ctx: *mut Context,
    handle: c_int,
    newstart: *mut c_void,
    newsize: usize,
) -> bool {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.shrink(handle, newstart.cast(), newsize)
}

/// Pins an allocation: it is not moved, and its move and sync callbacks are not run, until as many unpins have
/// followed. It may still be asked to shrink.
///
/// # Safety
/// * `ctx` is the context of a pool and `handle` one of its allocations.
#[unsafe(export_name = prefix!("buflib_pin"))]
pub unsafe extern "C" fn buflib_pin(ctx: *mut Context, handle: c_int) {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.pin(handle)
}

/// Takes one pin back. One too many ends in `panicf`.
///
/// # Safety
/// * `ctx` is the context of a pool and `handle` one of its allocations.
#[unsafe(export_name = prefix!("buflib_unpin"))]
pub unsafe extern "C" fn buflib_unpin(ctx: *mut Context, handle: c_int) {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.unpin(handle)
}

/// How often an allocation is pinned; 0, it may move.
///
/// # Safety
/// * `ctx` is the context of a pool and `handle` one of its allocations.
#[unsafe(export_name = prefix!("buflib_pin_count"))]
pub unsafe extern "C" fn buflib_pin_count(ctx: *mut Context, handle: c_int) -> c_uint {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.pin_count(handle)
}

/// Frees an allocation, pinned or not, and answers 0, which is no handle: `h = buflib_free(ctx, h)`. A `handle` of 0
/// or below, as a failed allocation leaves it, is nothing to free. Runs no callback and does not block.
///
/// # Safety
/// * `context` is the context of a pool; `handle` is one of its allocations, or not above 0.
/// * Nobody uses the data any more.
#[unsafe(export_name = prefix!("buflib_free"))]
pub unsafe extern "C" fn buflib_free(context: *mut Context, handle: c_int) -> c_int {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(context) }.free(handle)
}

/// Where the data of an allocation is now. The next allocation in the pool may move it, so the answer is good until
/// the caller blocks, yields or allocates; pin it to keep it longer. This is the checked form: a bad handle ends in
/// `panicf`.
///
/// # Safety
/// * `ctx` is the context of a pool and `handle` one of its allocations.
//#if ROCKMEM_GET_DATA_CHECKED
#[unsafe(export_name = prefix!("buflib_get_data"))]
pub unsafe extern "C" fn buflib_get_data(ctx: *mut Context, handle: c_int) -> *mut c_void {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.data(handle).cast()
}

/// Pins an allocation and answers where its data is: `buflib_pin` and `buflib_get_data` with nothing in between. Give
/// the pointer back with `buflib_put_data_pinned`.
///
/// # Safety
/// * `ctx` is the context of a pool and `handle` one of its allocations.
//#if ROCKMEM_PINS_LOCKED
#[unsafe(export_name = prefix!("buflib_get_data_pinned"))]
pub unsafe extern "C" fn buflib_get_data_pinned(ctx: *mut Context, handle: c_int) -> *mut c_void {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.data_pinned(handle).cast()
}

/// Takes one pin back, of the allocation whose data is at `data`.
///
/// # Safety
/// * `ctx` is the context of a pool, and `data` what `buflib_get_data_pinned` answered for one of its allocations,
///   which was not freed or shrunk from the front since.
//#if ROCKMEM_PINS_LOCKED
#[unsafe(export_name = prefix!("buflib_put_data_pinned"))]
pub unsafe extern "C" fn buflib_put_data_pinned(ctx: *mut Context, data: *mut c_void) {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.put_pinned(data.cast())
}

/// Takes memory out of the pool at its start, which everything in it slides up for: `size` bytes of it, or all that is
/// free when `size` is 0. Answers where it begins and leaves in `size` how much it is, which may be less than was
/// asked. Calling it again takes what lies right before the data then. Blocks are moved without their move callbacks,
/// so this is for pools whose owner is the only user.
///
/// # Safety
/// * `ctx` is the context of a pool in which nobody holds a pointer; `size` is readable and writable.
#[unsafe(export_name = prefix!("buflib_buffer_out"))]
pub unsafe extern "C" fn buflib_buffer_out(ctx: *mut Context, size: *mut usize) -> *mut c_void {
    // SAFETY: readable and writable, by the caller's promise. A copy: the compaction inside may run callbacks.
    let mut got = unsafe { size.read() };
    // SAFETY: a pool's context, by the caller's promise.
    let start = unsafe { Pool::new(ctx) }.buffer_out(&mut got);
    // SAFETY: as above.
    unsafe { size.write(got) };
    start.cast()
}

/// Gives `size` bytes, taken with `buflib_buffer_out`, back to the pool: everything in it slides down over them,
/// without move callbacks.
///
/// # Safety
/// * `ctx` is the context of a pool in which nobody holds a pointer, and the `size` bytes before its data came from it.
#[unsafe(export_name = prefix!("buflib_buffer_in"))]
pub unsafe extern "C" fn buflib_buffer_in(ctx: *mut Context, size: c_int) {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.buffer_in(size)
}

/// How many blocks the pool consists of, free ones included.
///
/// # Safety
/// * `ctx` is the context of a pool.
//#if BUFLIB_DEBUG_PRINT
#[unsafe(export_name = prefix!("buflib_get_num_blocks"))]
pub unsafe extern "C" fn buflib_get_num_blocks(ctx: *mut Context) -> c_int {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.num_blocks()
}

/// Writes a line about block `block_num`, counted from 0 in the order of addresses, into `buf`: cut to `bufsize`
/// bytes and always ended by a zero; 40 are enough for any. False, and an empty line, if there is no such block.
///
/// # Safety
/// * `ctx` is the context of a pool; `bufsize` bytes at `buf` are writable.
//#if BUFLIB_DEBUG_PRINT
#[unsafe(export_name = prefix!("buflib_print_block_at"))]
pub unsafe extern "C" fn buflib_print_block_at(
    ctx: *mut Context,
    block_num: c_int,
    buf: *mut c_char,
    bufsize: usize,
) -> bool {
    // SAFETY: a pool's context and a writable buffer, by the caller's promise.
    unsafe { Pool::new(ctx).print_block_at(block_num, buf, bufsize) }
}

/// Walks the whole pool and ends in `panicf` at the first thing that cannot be.
///
/// # Safety
/// * `ctx` is the context of a pool.
//#if BUFLIB_DEBUG_CHECK_VALID
#[unsafe(export_name = prefix!("buflib_check_valid"))]
pub unsafe extern "C" fn buflib_check_valid(ctx: *mut Context) {
    // SAFETY: a pool's context, by the caller's promise.
    unsafe { Pool::new(ctx) }.check_valid()
}
