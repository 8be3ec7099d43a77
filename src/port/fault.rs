//! The end of a corrupted pool or a broken caller: `panicf`, which does not come back.
//!
//! The tree's `panicf` shows the message on the screen and waits for a reset; the host library has a weak one that
//! prints and aborts (`weak.c`). The formats are fixed strings and the formatting is `panicf`'s: `core::fmt` would be
//! more than half of a small archive.

use core::ffi::{CStr, c_char, c_int};

unsafe extern "C" {
    fn panicf(fmt: *const c_char, ...) -> !;
}

/// What was wrong, and the words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `buflib_init` was given no memory.
    EmptyPool,
    /// A handle that is zero, negative or beyond the table.
    NeverGiven,
    /// A handle that was freed, or freed twice.
    Freed,
    /// A table entry that points outside the pool: the table was overwritten.
    Entry,
    /// A block whose length is impossible: its header was overwritten.
    Length,
    /// A block that names another handle than the one that led to it: a foreign handle or an overwritten header.
    Header,
    /// More unpins than pins.
    Unpin,
    /// An ordinary block where a purgeable one is meant.
    Ordinary,
    /// The lists of purgeable blocks do not agree with the blocks.
    Lists,
    /// More transfers ended than began, or too many at once.
    Transfers,
    /// A page of a mapping was changed that was not declared, the offset in place of the context.
    Undeclared,
    /// A pointer that is not the start of a live block's data.
    Pointer,
    /// A pool that was initialised anew in a callback of a request to it.
    Anew,
}

impl Fault {
    /// The message: one `%d`, the handle (or 0), then one `%p`, the context.
    fn format(self) -> &'static CStr {
        match self {
            Fault::EmptyPool => c"buflib: handle %d: empty pool (ctx %p)",
            Fault::NeverGiven => c"buflib: handle %d: invalid handle, never given (ctx %p)",
            Fault::Freed => c"buflib: handle %d: already freed (ctx %p)",
            Fault::Entry => c"buflib: handle %d: handle table corrupted (ctx %p)",
            Fault::Length => c"buflib: handle %d: block len wacky (ctx %p)",
            Fault::Header => c"buflib: handle %d: block header corrupted or foreign handle (ctx %p)",
            Fault::Unpin => c"buflib: handle %d: handle pin underflow (ctx %p)",
            Fault::Ordinary => c"buflib: handle %d: not a purgeable block (ctx %p)",
            Fault::Lists => c"buflib: handle %d: purgeable lists corrupted (ctx %p)",
            Fault::Transfers => c"buflib: handle %d: transfers miscounted (ctx %p)",
            Fault::Undeclared => c"mmap: mapping %d: changed at offset %p without mmap_write",
            Fault::Anew => c"buflib: handle %d: pool initialised in its callback (ctx %p)",
            Fault::Pointer => c"buflib: handle %d: not the data of a live block (ctx %p)",
        }
    }
}

/// Ends in `panicf` with the handle and the fault named.
#[cold]
#[inline(never)]
pub fn panic(fault: Fault, handle: i32, ctx: usize) -> ! {
    // SAFETY: the formats take exactly an int and a pointer, and `panicf` is the tree's variadic of that kind.
    unsafe { panicf(fault.format().as_ptr(), handle as c_int, ctx as *const u8) }
}
