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
    pub(super) handle_table: *mut usize,
    /// The first superblock of the handle table that may hold a free slot; see `table.rs`.
    pub(super) first_free: usize,
    /// The slots the table has reached, used or free.
    pub(super) table_len: usize,
    /// The first word of the first block.
    pub(super) base: *mut usize,
    /// The words that blocks cover, from `base` on. From there to the table's last entry lies the table's reserve.
    pub(super) span: usize,
    /// Flags in the low bits, above them the words of the index; see `words.rs`.
    pub(super) state: usize,
}

impl Context {
    /// A context before `buflib_init`.
    pub const fn new() -> Self {
        let nothing = core::ptr::null_mut();
        Context { handle_table: nothing, first_free: 0, table_len: 0, base: nothing, span: 0, state: 0 }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

/// What an allocation lets the pool do with it (`struct buflib_callbacks`). The struct stays the caller's: the pool
/// keeps the pointer, so it must live as long as the allocation.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Callbacks {
    /// Called before the block moves; answers [`CB_OK`] or [`CB_CANNOT_MOVE`]. None: never moved.
    pub move_callback: Option<unsafe extern "C" fn(handle: c_int, current: *mut c_void, new: *mut c_void) -> c_int>,
    /// Called when memory is short; gives some up with `buflib_shrink` or `buflib_free` and answers [`CB_OK`].
    pub shrink_callback:
        Option<unsafe extern "C" fn(handle: c_int, hints: u32, start: *mut c_void, size: usize) -> c_int>,
    /// Called with true before the move callback, and with false after the move, moved or not.
    pub sync_callback: Option<unsafe extern "C" fn(handle: c_int, lock: bool)>,
}

/// A callback agreed.
pub const CB_OK: c_int = 0;
/// A move callback refused.
pub const CB_CANNOT_MOVE: c_int = 1;

/// Shrink hint: give memory up at the front.
pub const SHRINK_POS_FRONT: u32 = 1 << 31;
/// Shrink hint: give memory up at the back.
pub const SHRINK_POS_BACK: u32 = 1 << 30;
/// The rest of a shrink hint: the bytes that are wanted.
pub const SHRINK_SIZE_MASK: u32 = !(SHRINK_POS_FRONT | SHRINK_POS_BACK);

/// Bytes of a word, the unit of everything in a pool.
pub const WORD: usize = size_of::<usize>();
/// Words of a block's header.
pub const HEADER: usize = 4;

const _: () = assert!(WORD == 4 || WORD == 8);
const _: () = assert!(size_of::<Context>() == 6 * WORD);
const _: () = assert!(core::mem::offset_of!(Context, handle_table) == 0);
const _: () = assert!(size_of::<Callbacks>() == 3 * WORD);
