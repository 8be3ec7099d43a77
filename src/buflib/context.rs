//! What C callers can see of a pool: the context and the callbacks.
//!
//! ```text
//!   struct buflib_context            six words, ABI: callers embed it by value
//!     0  handle_table                handle n is the word n words below it: inline code in callers reads it
//!     1  … 5                         ours
//!
//!   in front of a block's data, downwards from the pointer rounded down to a word:
//!     -1 pin count                   inline code in callers counts it up and down
//!     -2 -3 -4                       ours
//! ```

use core::ffi::{c_int, c_void};

/// A pool, as callers hold it. Only `handle_table` has a meaning outside the library.
#[derive(Debug)]
#[repr(C)]
pub struct Context {
    /// The word above the entry of handle 1.
    pub(crate) handle_table: *mut usize,
    /// Handles below this one are all in use: where the search for a free one starts.
    pub(crate) first_free: usize,
    /// The entries of the table, used or free: the highest handle ever reached and not trimmed since.
    pub(crate) table_len: usize,
    /// The first word of the first block.
    pub(crate) base: *mut usize,
    /// The words that blocks cover, from `base` on; what follows up to the table's end is the table's reserve.
    pub(crate) span: usize,
    /// Flags of the pool; see `PoolFlags`.
    pub(crate) flags: usize,
}

/// What an allocation lets the pool do with it (`struct buflib_callbacks`). The struct stays the caller's: the pool
/// keeps the pointer, so it must live as long as the allocation.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Callbacks {
    /// Called before the block moves; answers [`CB_OK`] or [`CB_CANNOT_MOVE`]. None: never moved.
    pub move_callback: Option<
        unsafe extern "C" fn(handle: c_int, current: *mut c_void, new: *mut c_void) -> c_int,
    >,
    /// Called when memory is short; gives some up with `buflib_shrink` or `buflib_free` and answers [`CB_OK`].
    pub shrink_callback: Option<
        unsafe extern "C" fn(handle: c_int, hints: u32, start: *mut c_void, size: usize) -> c_int,
    >,
    /// Called with true before the move callback, and with false after the move, moved or not.
    pub sync_callback: Option<unsafe extern "C" fn(handle: c_int, lock: bool)>,
}

/// A callback agreed.
pub const CB_OK: c_int = 0;
/// A move callback refused.
pub const CB_CANNOT_MOVE: c_int = 1;

const WORD: usize = size_of::<usize>();
const _: () = assert!(size_of::<Context>() == 6 * WORD);
const _: () = assert!(core::mem::offset_of!(Context, handle_table) == 0);
const _: () = assert!(size_of::<Callbacks>() == 3 * WORD);
