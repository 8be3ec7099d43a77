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

use core::ffi::c_int;
use core::ptr;

use crate::buflib::{Callbacks, Context, Pool, Priority, PurgeCallbacks};
use crate::port::in_file_path;
use crate::port::monitor::House;

/// To what segments are aligned, in bytes: a cache line where storage has a DMA, nothing on the host.
const LINE: usize = if cfg!(feature = "rockbox") { 64 } else { 0 };

/// Whether storage takes a caller's buffer as it is, without copying it to one of its own.
pub fn suits_storage(buffer: &[u8]) -> bool {
    LINE == 0 || buffer.as_ptr().addr().is_multiple_of(LINE)
}

/// An allocation that never moves and is never asked to shrink.
static FIXED: Callbacks = Callbacks { move_callback: None, shrink_callback: None, sync_callback: None };

/// The callbacks of a block that never moves.
pub fn fixed() -> *const Callbacks {
    &raw const FIXED
}

/// The sync callback of blocks that are looked at under the floors' lock alone ([`Block::settled`]): the pool has that lock
/// while it moves one. Where threads are cooperative, none goes on during a move anyway.
pub const fn settle<H: House>() -> Option<unsafe extern "C" fn(c_int, bool)> {
    extern "C" fn settle<H: House>(_handle: c_int, moving: bool) {
        if moving {
            H::lock();
        } else {
            // SAFETY: taken by the call before the move, on this thread.
            unsafe { H::unlock() }
        }
    }
    if cfg!(feature = "host") { Some(settle::<H>) } else { None }
}

/// Bytes that may be copied under the pool's lock; more are with a pin, where the floors' lock does not settle the block.
const SHORT: usize = 1024;

/// A block of the pool, by name.
#[derive(Clone, Copy)]
pub struct Block {
    pool: Pool,
    handle: i32,
    size: usize,
    settled: bool,
}

impl Block {
    /// Takes a block. The pool may call callbacks, ours too: not with the floors' lock held.
    pub fn take(pool: Pool, size: usize, ops: *const Callbacks) -> Option<Block> {
        Self::taken(pool, size, || pool.alloc(size, ops))
    }

    /// Takes a block of free memory, or of memory that holds clean purgeable blocks: nothing moves and nothing that
    /// blocks is called. Not with the floors' lock held: owners of purgeable blocks are asked, ours too.
    pub fn take_clean(pool: Pool, size: usize) -> Option<Block> {
        Self::taken(pool, size, || in_file_path(false, || pool.alloc(size, fixed())))
    }

    /// Takes a purgeable block in the same way. `key`: what its data is called; `spare`: nothing that is needed later
    /// goes for it.
    pub fn take_purgeable(
        pool: Pool,
        size: usize,
        priority: Priority,
        key: usize,
        ops: *const PurgeCallbacks,
        spare: bool,
    ) -> Option<Block> {
        Self::taken(pool, size, || in_file_path(spare, || pool.alloc_purgeable(size, LINE, priority, key, ops)))
    }

    fn taken(pool: Pool, size: usize, alloc: impl FnOnce() -> i32) -> Option<Block> {
        #[cfg(test)]
        if faults::strikes() {
            return None;
        }
        let handle = alloc();
        (handle > 0).then_some(Block { pool, handle, size, settled: false })
    }

    /// Takes a block that stays where it is.
    pub fn take_fixed(pool: Pool, size: usize) -> Option<Block> {
        Self::take(pool, size, fixed())
    }

    /// A block that was taken before, again by name.
    pub fn of(pool: Pool, handle: i32, size: usize) -> Block {
        Block { pool, handle, size, settled: false }
    }

    /// The block as one that does not move as long as the floors' lock is held: it never does, or its sync callback is
    /// [`settle`].
    #[inline]
    pub fn settled(self, settled: bool) -> Block {
        Block { settled, ..self }
    }

    /// Whether it is a block of this pool.
    pub fn is_in(self, pool: Pool) -> bool {
        self.pool.context() == pool.context()
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
        let data = self.pool.data_pinned(self.handle);
        Pin { pool: self.pool, bytes: Bytes { data, size: self.size } }
    }

    /// Looks at the bytes for a short moment, under the pool's lock where the floors' is not enough. `work` does not call
    /// the pool.
    #[inline]
    pub fn peek<R>(self, work: impl FnOnce(&Bytes) -> R) -> R {
        self.pool.peek(self.handle, self.settled, |data| work(&Bytes { data, size: self.size }))
    }

    /// Looks at the bytes for as long as it takes to copy so many of them.
    #[inline]
    pub fn look<R>(self, len: usize, work: impl FnOnce(&Bytes) -> R) -> R {
        if cfg!(feature = "rockbox") || self.settled || len <= SHORT { self.peek(work) } else { work(&self.pin()) }
    }

    /// Holds the bytes until [`Block::release`], and says where they are.
    pub fn hold(self) -> *mut u8 {
        self.pool.data_pinned(self.handle)
    }

    /// Of a purgeable block: a transfer begins, during which it neither moves nor goes.
    pub fn begin_transfer(self) {
        self.pool.io_begin(self.handle);
    }

    /// That transfer is over.
    pub fn end_transfer(self) {
        self.pool.io_end(self.handle);
    }

    /// Of a purgeable block: whether it holds the only copy of something.
    pub fn set_dirty(self, dirty: bool) {
        self.pool.set_dirty(self.handle, dirty);
    }

    /// Of a purgeable block: it was used.
    pub fn touch(self) {
        self.pool.touch(self.handle);
    }

    /// Of a purgeable block: how much it is wanted, and how far away the need is.
    pub fn set_priority(self, priority: Priority, distance: usize) {
        self.pool.set_priority(self.handle, priority, distance);
    }

    /// Of a purgeable block that is needed later: how far away that is.
    pub fn distance(self) -> usize {
        self.pool.distance(self.handle)
    }

    /// Ends a [`Block::hold`].
    pub fn release(self) {
        self.pool.unpin(self.handle);
    }
}

/// The bytes of a block that stays where it is as long as this is looked at.
pub struct Bytes {
    data: *mut u8,
    size: usize,
}

impl Bytes {
    /// A pointer to a range of the block; a range outside it is a bug of the floors.
    #[inline]
    fn at(&self, from: usize, len: usize) -> *mut u8 {
        assert!(from <= self.size && len <= self.size - from);
        // SAFETY: inside the block, which stays as long as this value does.
        unsafe { self.data.add(from) }
    }

    /// Where the bytes are; good as long as something holds the block there.
    pub fn address(&self) -> usize {
        self.data as usize
    }

    /// Copies bytes out.
    #[inline]
    pub fn read(&self, from: usize, into: &mut [u8]) {
        let source = self.at(from, into.len());
        // SAFETY: `at` checked the range. A destination inside the same block would be a caller's overlap: `copy`
        // allows even that.
        unsafe { ptr::copy(source, into.as_mut_ptr(), into.len()) }
    }

    /// Copies bytes in, from memory that is not the block's.
    #[inline]
    pub fn write(&self, from: usize, bytes: &[u8]) {
        let target = self.at(from, bytes.len());
        // SAFETY: `at` checked the range, and a slice that somebody can read is no part of a block that is written.
        unsafe { ptr::copy(bytes.as_ptr(), target, bytes.len()) }
    }

    /// Copies bytes in from another block.
    pub fn take_from(&self, to: usize, other: &Bytes, from: usize, len: usize) {
        // SAFETY: `at` checked both ranges; `copy` allows an overlap.
        unsafe { ptr::copy(other.at(from, len), self.at(to, len), len) }
    }

    /// Sets bytes to a value.
    pub fn fill(&self, from: usize, len: usize, value: u8) {
        // SAFETY: `at` checked the range.
        unsafe { ptr::write_bytes(self.at(from, len), value, len) }
    }

    /// Whether all bytes of a range have a value.
    pub fn is_filled(&self, from: usize, len: usize, value: u8) -> bool {
        // SAFETY: `at` checked the range.
        unsafe { core::slice::from_raw_parts(self.at(from, len), len) }.iter().all(|byte| *byte == value)
    }

    /// Whether a range has the same bytes as one of another block.
    pub fn is_same(&self, from: usize, other: &Bytes, at: usize, len: usize) -> bool {
        // SAFETY: `at` checked both ranges.
        unsafe {
            core::slice::from_raw_parts(self.at(from, len), len) == core::slice::from_raw_parts(other.at(at, len), len)
        }
    }

    /// Sets bytes to zero.
    pub fn zero(&self, from: usize, len: usize) {
        self.fill(from, len, 0);
    }

    /// Gives a range to a transfer that fills it. Only the holder of the busy mark over these bytes calls it, so
    /// nobody else sees them meanwhile.
    pub fn transfer<R>(&self, from: usize, len: usize, work: impl FnOnce(&mut [u8]) -> R) -> R {
        let start = self.at(from, len);
        // SAFETY: `at` checked the range, the block stays, and the busy mark makes this the only reference.
        work(unsafe { core::slice::from_raw_parts_mut(start, len) })
    }

    /// Gives a range to a transfer that empties it. While it runs nobody changes these bytes: the busy mark.
    pub fn lend<R>(&self, from: usize, len: usize, work: impl FnOnce(&[u8]) -> R) -> R {
        let start = self.at(from, len);
        // SAFETY: `at` checked the range, the block stays, and the busy mark keeps writers away.
        work(unsafe { core::slice::from_raw_parts(start, len) })
    }

    /// Bit `n` of the bit field that starts at byte `from`.
    #[inline]
    pub fn bit(&self, from: usize, n: usize) -> bool {
        // SAFETY: `at` checked the byte.
        unsafe { *self.at(from + n / 8, 1) & (1 << (n % 8)) != 0 }
    }

    /// Sets or clears bit `n` of that field; whether that changed it.
    #[inline]
    pub fn set_bit(&self, from: usize, n: usize, on: bool) -> bool {
        let byte = self.at(from + n / 8, 1);
        // SAFETY: `at` checked the byte; bits are changed with the floors' lock held only.
        unsafe {
            let (old, bit) = (*byte, 1 << (n % 8));
            *byte = if on { old | bit } else { old & !bit };
            *byte != old
        }
    }

    /// The first of bits `first..until` of that field that is `on`; `until` if there is none.
    pub fn find_bit(&self, from: usize, first: usize, until: usize, on: bool) -> usize {
        let skip = if on { 0 } else { u8::MAX };
        let mut n = first;
        while n < until {
            // SAFETY: `at` checked the byte.
            if n.is_multiple_of(8) && unsafe { *self.at(from + n / 8, 1) } == skip {
                n += 8;
            } else if self.bit(from, n) == on {
                return n;
            } else {
                n += 1;
            }
        }
        until
    }
}

/// The bytes of a pinned block.
pub struct Pin {
    pool: Pool,
    bytes: Bytes,
}

impl core::ops::Deref for Pin {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.bytes
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.pool.put_pinned(self.bytes.data);
    }
}

/// The context of the arena.
struct ArenaContext(core::cell::UnsafeCell<Context>);

// SAFETY: reached through `Pool` only, which takes the pool's lock.
unsafe impl Sync for ArenaContext {}

static ARENA: ArenaContext = ArenaContext(core::cell::UnsafeCell::new(Context::new()));

/// A region that a program lends.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    start: *mut u8,
    len: usize,
}

impl Region {
    /// A region of so many bytes.
    ///
    /// # Safety
    /// Nobody else uses them until the region is given back.
    pub unsafe fn new(start: *mut u8, len: usize) -> Region {
        Region { start, len }
    }

    /// How long it is, in bytes.
    pub fn bytes(self) -> usize {
        self.len
    }

    /// A pool over it: the one arena. What was lent before is not used any more.
    pub fn pool(self) -> Pool {
        // SAFETY: the bytes are ours by the promise of `new`; the static context lives as long as the program, and no
        // block of an earlier region is alive.
        unsafe {
            Pool::init(ARENA.0.get(), self.start, self.len);
            Pool::new(ARENA.0.get())
        }
    }

    /// A region for a test, of memory that is never given back to the system.
    #[cfg(test)]
    pub fn for_test(len: usize) -> Region {
        let memory = std::vec![0u64; len.div_ceil(8)].leak();
        // SAFETY: nobody else knows it.
        unsafe { Region::new(memory.as_mut_ptr().cast(), len) }
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

/// Changes bytes at an address that a test was given.
#[cfg(test)]
pub fn poke_at(start: usize, bytes: &[u8]) {
    // SAFETY: tests change bytes of mappings that they hold and have declared.
    unsafe { ptr::copy(bytes.as_ptr(), start as *mut u8, bytes.len()) }
}

/// Allocations that fail on command.
#[cfg(test)]
pub mod faults {
    use std::boxed::Box;
    use std::sync::atomic::{AtomicI32, Ordering};

    use parking_lot::Mutex;

    /// Allocations until one fails; below 1: never.
    static LEFT: AtomicI32 = AtomicI32::new(0);
    /// Whether all after it fail too.
    static EVER: AtomicI32 = AtomicI32::new(0);

    /// What happens while the next block is taken.
    static MEANWHILE: Mutex<Option<Box<dyn FnOnce() + Send>>> = Mutex::new(None);

    /// While the next block is taken, this happens.
    pub fn meanwhile(what: impl FnOnce() + Send + 'static) {
        *MEANWHILE.lock() = Some(Box::new(what));
    }

    /// The n-th allocation from now on fails, or that and all after it.
    pub fn fail(n: i32, ever: bool) {
        EVER.store(i32::from(ever), Ordering::SeqCst);
        LEFT.store(n, Ordering::SeqCst);
    }

    /// None fails any more. Whether one did.
    pub fn clear() -> bool {
        LEFT.swap(0, Ordering::SeqCst) < 0
    }

    /// Whether this one fails.
    pub(super) fn strikes() -> bool {
        let what = MEANWHILE.lock().take();
        if let Some(what) = what {
            what();
        }
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
