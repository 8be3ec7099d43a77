//! The only raw memory of floors 3 to 6: bytes in blocks of the pool, and tables that live in one.
//!
//! ```text
//!   Block   {pool, handle, size}   a name: the bytes may move until it is pinned
//!     │ pin()
//!     ▼
//!   Pin     the bytes stay where they are until it is dropped; read, write, bits, and one slice for a transfer
//!
//!   Table<T>   a block that never moves, seen as an array of T
//! ```
//!
//! Every access is checked against the block's size. Nothing here locks: who may touch which bytes when is the
//! business of `mapping.rs`, whose busy mark keeps two threads off the same sectors.

use core::ptr;

use crate::buflib::{Callbacks, Pool};

/// An allocation that never moves and is never asked to shrink.
static FIXED: Callbacks = Callbacks { move_callback: None, shrink_callback: None, sync_callback: None };

/// The callbacks of a block that never moves.
pub fn fixed() -> *const Callbacks {
    &raw const FIXED
}

/// A block of the pool, by name.
#[derive(Clone, Copy)]
pub struct Block {
    pool: Pool,
    handle: i32,
    size: usize,
}

impl Block {
    /// Takes a block. The pool may call callbacks, ours too: not with the floors' lock held.
    pub fn take(pool: Pool, size: usize, ops: *const Callbacks) -> Option<Block> {
        Self::taken(pool, size, || pool.alloc(size, ops))
    }

    /// Takes a block of free memory as it lies: nothing moves and no callback runs, so this one may be called with the
    /// floors' lock held.
    pub fn take_still(pool: Pool, size: usize, ops: *const Callbacks) -> Option<Block> {
        Self::taken(pool, size, || pool.alloc_still(size, ops))
    }

    fn taken(pool: Pool, size: usize, alloc: impl FnOnce() -> i32) -> Option<Block> {
        #[cfg(test)]
        if faults::strikes() {
            return None;
        }
        let handle = alloc();
        (handle > 0).then_some(Block { pool, handle, size })
    }

    /// Takes a block that stays where it is.
    pub fn take_fixed(pool: Pool, size: usize) -> Option<Block> {
        Self::take(pool, size, fixed())
    }

    /// A block that was taken before, again by name.
    pub fn of(pool: Pool, handle: i32, size: usize) -> Block {
        Block { pool, handle, size }
    }

    /// Its handle.
    pub fn handle(self) -> i32 {
        self.handle
    }

    /// Gives all but the first `size` bytes back.
    pub fn cut(self, size: usize) -> Block {
        let kept = size <= self.size && self.pool.shrink(self.handle, ptr::null_mut(), size);
        Block { size: if kept { size } else { self.size }, ..self }
    }

    /// Gives the memory back. Callbacks do not run.
    pub fn give(self) {
        self.pool.free(self.handle);
    }

    /// Holds the bytes where they are for as long as the pin lives.
    pub fn pin(self) -> Pin {
        Pin { pool: self.pool, data: self.pool.data_pinned(self.handle), size: self.size }
    }

    /// Holds the bytes until [`Block::release`], and says where they are.
    pub fn hold(self) -> *mut u8 {
        self.pool.data_pinned(self.handle)
    }

    /// Ends a [`Block::hold`].
    pub fn release(self) {
        self.pool.unpin(self.handle);
    }
}

/// The bytes of a pinned block.
pub struct Pin {
    pool: Pool,
    data: *mut u8,
    size: usize,
}

impl Pin {
    /// A pointer to a range of the block; a range outside it is a bug of the floors.
    fn at(&self, from: usize, len: usize) -> *mut u8 {
        assert!(from <= self.size && len <= self.size - from);
        // SAFETY: inside the block, which is pinned as long as this pin lives.
        unsafe { self.data.add(from) }
    }

    /// Where the bytes are; good as long as something holds the block there.
    pub fn address(&self) -> usize {
        self.data as usize
    }

    /// Copies bytes out.
    pub fn read(&self, from: usize, into: &mut [u8]) {
        let source = self.at(from, into.len());
        // SAFETY: `at` checked the range. A destination inside the same block would be a caller's overlap: `copy`
        // allows even that.
        unsafe { ptr::copy(source, into.as_mut_ptr(), into.len()) }
    }

    /// Copies bytes in, from memory that is not the block's.
    pub fn write(&self, from: usize, bytes: &[u8]) {
        let target = self.at(from, bytes.len());
        // SAFETY: `at` checked the range, and a slice that somebody can read is no part of a block that is written.
        unsafe { ptr::copy(bytes.as_ptr(), target, bytes.len()) }
    }

    /// Sets bytes to zero.
    pub fn zero(&self, from: usize, len: usize) {
        // SAFETY: `at` checked the range.
        unsafe { ptr::write_bytes(self.at(from, len), 0, len) }
    }

    /// Gives a range to a transfer. Only the holder of the busy mark over these bytes calls it, so nobody else sees
    /// them meanwhile.
    pub fn transfer<R>(&self, from: usize, len: usize, work: impl FnOnce(&mut [u8]) -> R) -> R {
        let start = self.at(from, len);
        // SAFETY: `at` checked the range, the pin keeps it in place, and the busy mark makes this the only reference.
        work(unsafe { core::slice::from_raw_parts_mut(start, len) })
    }

    /// Bit `n` of the bit field that starts at byte `from`.
    pub fn bit(&self, from: usize, n: usize) -> bool {
        // SAFETY: `at` checked the byte.
        unsafe { *self.at(from + n / 8, 1) & (1 << (n % 8)) != 0 }
    }

    /// Sets bit `n` of that field.
    pub fn set_bit(&self, from: usize, n: usize) {
        // SAFETY: `at` checked the byte; bits are changed with the floors' lock held only.
        unsafe { *self.at(from + n / 8, 1) |= 1 << (n % 8) }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.pool.put_pinned(self.data);
    }
}

/// An array in a block that does not move. Empty until [`Table::take`].
pub struct Table<T: Copy> {
    start: *mut T,
    len: usize,
    handle: i32,
}

// SAFETY: the table owns its memory, and its contents are Send.
unsafe impl<T: Copy + Send> Send for Table<T> {}

impl<T: Copy> Table<T> {
    /// A table without entries.
    pub const fn empty() -> Self {
        Table { start: ptr::null_mut(), len: 0, handle: 0 }
    }

    /// A table of `len` entries, each a copy of `first`. Not with the floors' lock held.
    pub fn take(pool: Pool, len: usize, first: T) -> Option<Self> {
        let bytes = len.checked_mul(size_of::<T>())? + align_of::<T>();
        let block = Block::take_fixed(pool, bytes)?;
        let data = block.hold();
        let start = data.wrapping_add(data.align_offset(align_of::<T>())).cast::<T>();
        for n in 0..len {
            // SAFETY: `bytes` leaves room for the alignment, so all `len` entries lie inside the block.
            unsafe { start.add(n).write(first) }
        }
        Some(Table { start, len, handle: block.handle() })
    }

    /// Gives the memory back and leaves an empty table.
    pub fn give(&mut self, pool: Pool) {
        if self.handle > 0 {
            pool.unpin(self.handle);
            pool.free(self.handle);
        }
        *self = Self::empty();
    }

    /// The entries.
    pub fn all(&self) -> &[T] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: `take` wrote `len` entries into a block that stays until `give`.
        unsafe { core::slice::from_raw_parts(self.start, self.len) }
    }

    /// The entries, to change.
    pub fn all_mut(&mut self) -> &mut [T] {
        if self.len == 0 {
            return &mut [];
        }
        // SAFETY: as in `all`, and the table is borrowed exclusively.
        unsafe { core::slice::from_raw_parts_mut(self.start, self.len) }
    }

    /// How many entries there are.
    pub fn count(&self) -> usize {
        self.len
    }
}

impl<T: Copy> core::ops::Index<u16> for Table<T> {
    type Output = T;

    fn index(&self, n: u16) -> &T {
        &self.all()[usize::from(n)]
    }
}

impl<T: Copy> core::ops::IndexMut<u16> for Table<T> {
    fn index_mut(&mut self, n: u16) -> &mut T {
        &mut self.all_mut()[usize::from(n)]
    }
}

/// A copy of the bytes at an address that a test was given.
#[cfg(test)]
pub fn look_at(start: usize, len: usize) -> std::vec::Vec<u8> {
    if len == 0 {
        return std::vec::Vec::new();
    }
    // SAFETY: tests ask for bytes of mappings that they hold.
    unsafe { core::slice::from_raw_parts(start as *const u8, len) }.to_vec()
}

/// The text at an address that a test was given.
#[cfg(test)]
pub fn text_at(start: usize) -> std::vec::Vec<u8> {
    // SAFETY: hooks of tests are given C strings.
    unsafe { core::ffi::CStr::from_ptr(start as *const core::ffi::c_char) }.to_bytes().to_vec()
}

/// Writes bytes where a test was told to.
#[cfg(test)]
pub fn write_at(start: usize, bytes: &[u8]) {
    // SAFETY: hooks of tests are told to write to blocks that are theirs meanwhile.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), start as *mut u8, bytes.len()) }
}

/// Allocations that fail on command.
#[cfg(test)]
pub mod faults {
    use std::sync::atomic::{AtomicI64, Ordering};

    /// Allocations until one fails; below 1: never.
    static LEFT: AtomicI64 = AtomicI64::new(0);
    /// Whether all after it fail too.
    static EVER: AtomicI64 = AtomicI64::new(0);

    /// The n-th allocation from now on fails, or that and all after it.
    pub fn fail(n: i64, ever: bool) {
        EVER.store(i64::from(ever), Ordering::SeqCst);
        LEFT.store(n, Ordering::SeqCst);
    }

    /// None fails any more. Whether one did.
    pub fn clear() -> bool {
        LEFT.swap(0, Ordering::SeqCst) < 0
    }

    /// Whether this one fails.
    pub(super) fn strikes() -> bool {
        match LEFT.load(Ordering::SeqCst) {
            0 => false,
            1 => {
                LEFT.store(-1, Ordering::SeqCst);
                true
            }
            -1 => EVER.load(Ordering::SeqCst) != 0,
            n => {
                LEFT.store(n - 1, Ordering::SeqCst);
                false
            }
        }
    }
}
