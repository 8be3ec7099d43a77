//! buflib_stats: what a pool counts, and its map. For debug screens and tests: both walk over the blocks, with the pool's
//! lock held.
//!
//! Pins are counted nowhere: callers' inline code pins and unpins by itself.
//!
//! A line of the map is a block: the bytes from the pool's first block to it, its bytes with its header, its handle or -,
//! and what it is: free; used; locked, never to be moved; now, soon, cached or disposable, purgeable (see purgeable.h);
//! lists, handles, index or held, what the pool itself uses; unused, a pool that nothing was allocated in yet. Behind that: again, a cached block that was used again;
//! dirty; io, with a transfer under way; moving, its callbacks are running; pinned and how often.

//#include "buflib.h"
//#types src/buflib/stats.rs

use core::ffi::c_char;

use crate::buflib::{Context, Pool, Stats};

/// Writes into a caller's buffer.
///
/// # Safety
/// The `bufsize` bytes at `buf` are writable.
unsafe fn print_map(pool: Pool, from: usize, buf: *mut c_char, bufsize: usize) -> usize {
    if buf.is_null() || bufsize == 0 {
        return 0;
    }
    // SAFETY: the caller's promise.
    pool.map(from, unsafe { core::slice::from_raw_parts_mut(buf.cast::<u8>(), bufsize) })
}

/// Fills in the figures of a pool.
///
/// # Safety
/// * `ctx` is the context of a pool; `stats` is writable.
#[unsafe(export_name = prefix!("buflib_get_stats"))]
pub unsafe extern "C" fn buflib_get_stats(ctx: *mut Context, stats: *mut Stats) {
    // SAFETY: a pool's context, by the caller's promise.
    let figures = unsafe { Pool::new(ctx) }.stats();
    // SAFETY: writable, by the caller's promise.
    unsafe { stats.write(figures) }
}

/// `buflib_get_stats` of the core pool.
///
/// # Safety
/// * `core_allocator_init` was called; `stats` is writable.
#[unsafe(export_name = prefix!("core_get_stats"))]
pub unsafe extern "C" fn core_get_stats(stats: *mut Stats) {
    let figures = Pool::core().stats();
    // SAFETY: writable, by the caller's promise.
    unsafe { stats.write(figures) }
}

/// Writes the pool's map into `buf`, ended by a zero: whole lines, as many as fit, from the first block on that begins
/// `from` bytes or more behind the pool's first. Answers what `from` is for the lines that follow, 0 after the last. 96
/// bytes are enough for any line; with fewer its beginning is written. A call shows one moment, so a map that must agree
/// with itself takes a buffer that holds all of it: 96 bytes for each of `buflib_get_num_blocks`, and three more.
///
/// # Safety
/// * `ctx` is the context of a pool; `bufsize` bytes at `buf` are writable.
#[unsafe(export_name = prefix!("buflib_print_map"))]
pub unsafe extern "C" fn buflib_print_map(ctx: *mut Context, from: usize, buf: *mut c_char, bufsize: usize) -> usize {
    // SAFETY: a pool's context and a writable buffer, by the caller's promise.
    unsafe { print_map(Pool::new(ctx), from, buf, bufsize) }
}

/// `buflib_print_map` of the core pool.
///
/// # Safety
/// * `core_allocator_init` was called; `bufsize` bytes at `buf` are writable.
#[unsafe(export_name = prefix!("core_print_map"))]
pub unsafe extern "C" fn core_print_map(from: usize, buf: *mut c_char, bufsize: usize) -> usize {
    // SAFETY: a writable buffer, by the caller's promise.
    unsafe { print_map(Pool::core(), from, buf, bufsize) }
}
