//! The pool as the floors above and the C functions use it: one call each, lock to unlock.

use super::context::{Callbacks, Context, HEADER, WORD};
use super::index::layout;
use super::words::Core;
use crate::port::PoolLock;
use crate::port::fault::{self, Fault};
use core::cell::UnsafeCell;
use core::ffi::c_char;
use core::ops::Range;

/// A context that several threads may name: its pool has the lock.
#[repr(transparent)]
#[derive(Debug)]
pub struct SharedContext(UnsafeCell<Context>);

// SAFETY: a context is only read and written under its pool's lock; where there is no lock there is one thread at a
// time.
unsafe impl Sync for SharedContext {}

/// The core pool's context: `core_ctx` of the tree, all memory that nobody else has.
#[unsafe(export_name = prefix!("core_ctx"))]
pub static CORE: SharedContext = SharedContext(UnsafeCell::new(Context::new()));

/// A pool that was initialised. Handles that are not alive end in `panicf`, with the handle and the fault named.
#[derive(Clone, Copy, Debug)]
pub struct Pool(*mut Context);

// SAFETY: every access goes through the pool's lock.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    /// Lays out `size` bytes at `buf` as the pool of `ctx` (`buflib_init`). The ends are cut to whole words; no bytes
    /// at all end in `panicf`. A pool of a few words is valid and refuses everything. The memory is not touched before the
    /// first allocation: pictureflow's album art goes through it in between.
    ///
    /// # Safety
    /// - `ctx` is writable and stays where it is for the pool's life.
    /// - From the first allocation on the memory is the pool's alone, but for the data of live handles.
    pub unsafe fn init(ctx: *mut Context, buf: *mut u8, size: usize) {
        let skip = buf.align_offset(WORD);
        let words = size.saturating_sub(skip) / WORD;
        if words == 0 {
            fault::panic(Fault::EmptyPool, 0, ctx as usize);
        }
        // SAFETY: the caller's promise.
        unsafe { Core::claim(ctx, buf.wrapping_add(skip).cast(), words) }
    }

    /// The pool of a context.
    ///
    /// # Safety
    /// The context was initialised, and stays valid and in its place as long as the result is used.
    #[inline]
    pub unsafe fn new(ctx: *mut Context) -> Pool {
        Pool(ctx)
    }

    /// The core pool. It must have been initialised, by `core_allocator_init`.
    #[inline]
    pub fn core() -> Pool {
        Pool(CORE.0.get())
    }

    /// The context of this pool.
    pub fn context(self) -> *mut Context {
        self.0
    }

    #[inline]
    pub(super) fn with<R>(self, f: impl FnOnce(&mut Core) -> R) -> R {
        // SAFETY: `new`'s promise.
        let mut core = unsafe { Core::enter(self.0) };
        let result = f(&mut core);
        core.leave();
        result
    }

    /// Allocates `size` bytes; a handle above 0, -1 when no handle can be had, -2 when no space. `ops` may be null:
    /// the block may be moved at any time it is not pinned. Callbacks of other blocks may run.
    #[inline]
    pub fn alloc(self, size: usize, ops: *const Callbacks) -> i32 {
        self.with(|core| core.alloc(size, ops))
    }

    /// As [`Pool::alloc`], but from memory that is free as it lies: nothing moves and no callback runs. For those who
    /// may not move what others point into, and give memory up themselves.
    pub fn alloc_still(self, size: usize, ops: *const Callbacks) -> i32 {
        self.with(|core| core.alloc_still(size, ops))
    }

    /// Allocates the largest block that can be had, and says its size; -1 and size 0 when there is nothing.
    pub fn alloc_maximum(self, size: &mut usize, ops: *const Callbacks) -> i32 {
        self.with(|core| core.alloc_maximum(size, ops))
    }

    /// Frees a handle. One that is not above 0 is ignored. Always 0, so that callers can write `h = free(h)`.
    #[inline]
    pub fn free(self, handle: i32) -> i32 {
        if handle > 0 {
            self.with(|core| core.free(handle));
        }
        0
    }

    /// Cuts a block down to `size` bytes from `start` on (null: from where it starts now). False, and nothing changed,
    /// when that is not inside the block. Runs no callbacks.
    #[inline]
    pub fn shrink(self, handle: i32, start: *mut u8, size: usize) -> bool {
        self.with(|core| core.shrink(handle, (!start.is_null()).then_some(start as usize), size))
    }

    /// The addresses of the data of a handle, up to its block's end, until the next allocation by anybody moves it.
    pub fn range(self, handle: i32) -> Range<usize> {
        self.with(|core| {
            let i = core.block(handle);
            core.address(i)..core.address(i + core.len(i))
        })
    }

    /// Where the data of a handle is, until the next allocation by anybody moves it.
    #[inline]
    pub fn data(self, handle: i32) -> *mut u8 {
        self.with(|core| {
            core.block(handle);
            core.entry(handle as usize) as *mut u8
        })
    }

    /// Shows `work` where the data of a handle is, under the pool's lock: it does not move meanwhile. The handle is
    /// alive; `work` is short and does not call the pool. `settled`: the block cannot move just now, because its owner
    /// lets no move begin (sync callback) or it never moves; no lock is needed then.
    #[inline]
    pub fn peek<R>(self, handle: i32, settled: bool, work: impl FnOnce(*mut u8) -> R) -> R {
        let lock = if settled { PoolLock::NONE } else { PoolLock::of(self.0 as usize) };
        lock.lock();
        // SAFETY: `new`'s promise, and the lock is held or nothing changes the entry; that of a live handle is the word so
        // many words below the table's end, wherever the handle came from.
        let data = unsafe { (*self.0).handle_table.sub(handle as usize).read() };
        let result = work(data as *mut u8);
        // SAFETY: taken above.
        unsafe { lock.unlock() };
        result
    }

    /// Pins a handle and answers where its data is, and stays.
    #[inline]
    pub fn data_pinned(self, handle: i32) -> *mut u8 {
        self.with(|core| {
            core.change_pins(handle, 1);
            core.entry(handle as usize) as *mut u8
        })
    }

    /// Takes a pin back by the pointer that [`Pool::data_pinned`] gave.
    #[inline]
    pub fn put_pinned(self, data: *mut u8) {
        self.with(|core| {
            let handle = core.handle_at(data as usize);
            core.change_pins(handle, -1);
        });
    }

    /// Keeps a block where it is until as many unpins.
    #[inline]
    pub fn pin(self, handle: i32) {
        self.with(|core| core.change_pins(handle, 1));
    }

    /// Takes one pin back.
    #[inline]
    pub fn unpin(self, handle: i32) {
        self.with(|core| core.change_pins(handle, -1));
    }

    /// The pins of a block.
    pub fn pin_count(self, handle: i32) -> u32 {
        self.with(|core| {
            let i = core.block(handle);
            core.pins(i)
        })
    }

    /// The free bytes of the pool less a header, in however many holes.
    pub fn available(self) -> usize {
        self.with(|core| core.available())
    }

    /// The largest size that an allocation would get now without asking anybody to shrink. Moves blocks.
    pub fn allocatable(self) -> usize {
        self.with(|core| core.allocatable())
    }

    /// Prepares a move of the pool's memory to `buf`; the caller moves it after `true`.
    pub fn relocate(self, buf: *mut u8) -> bool {
        // SAFETY: `new`'s promise.
        let core = unsafe { Core::enter(self.0) };
        let done = core.relocate(buf as usize);
        core.leave();
        done
    }

    /// Gives memory at the pool's front away: up to `size` bytes, 0 for as much as possible; says how much.
    pub fn buffer_out(self, size: &mut usize) -> *mut u8 {
        let (bytes, start) = self.with(|core| core.buffer_out(*size));
        *size = bytes;
        start as *mut u8
    }

    /// Takes memory in front of the pool back, as much as [`Pool::buffer_out`] gave.
    pub fn buffer_in(self, size: i32) {
        self.with(|core| core.buffer_in(usize::try_from(size).unwrap_or(0)));
    }

    /// The number of blocks, free ones too.
    pub fn num_blocks(self) -> i32 {
        self.with(|core| core.num_blocks()) as i32
    }

    /// Describes a block in a line of at most 40 bytes, NUL included. False past the last one, with an empty line.
    ///
    /// # Safety
    /// `size` bytes at `text` are writable.
    pub unsafe fn print_block_at(self, number: i32, text: *mut c_char, size: usize) -> bool {
        let line = match size {
            0 => &mut [],
            // SAFETY: the caller's promise.
            _ => unsafe { core::slice::from_raw_parts_mut(text.cast::<u8>(), size) },
        };
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        self.with(|core| core.print_block(number, line))
    }

    /// Judges the whole pool; a fault ends in `panicf`.
    pub fn check_valid(self) {
        self.with(|core| core.check());
    }

    /// Blocks and bytes moved since init; both wrap.
    pub fn moved(self) -> (usize, usize) {
        let (blocks, words) = self.with(|core| if core.is_void() { (0, 0) } else { core.moved() });
        (blocks, words.wrapping_mul(WORD))
    }

    /// The bytes of the pool that blocks can have, headers included.
    pub fn size(self) -> usize {
        self.with(|core| core.span()) * WORD
    }
}

impl Core {
    /// Whether the pool can hold anything; divides it at its first use.
    #[inline]
    pub(super) fn ready(&mut self) -> bool {
        !self.is_void() || self.first_use()
    }

    #[cold]
    #[inline(never)]
    fn first_use(&mut self) -> bool {
        let Some((index, reserve)) = layout(self.span()) else { return false };
        self.lay_out(index, reserve);
        self.index_init();
        self.release(0, self.span(), false);
        true
    }

    /// The words that a pool not used so far would have for blocks, and for its first handles.
    pub(super) fn unused_words(&self) -> (usize, usize) {
        layout(self.span()).map_or((0, 0), |(index, reserve)| (self.span() - index.words - reserve, reserve))
    }

    /// Counts pins up or down; below zero, and beyond what the word holds, ends in `panicf`.
    #[cfg_attr(feature = "host", inline)]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn change_pins(&mut self, handle: i32, by: i32) {
        let i = self.block(handle);
        match self.pins(i).checked_add_signed(by) {
            Some(pins) => self.set_pins(i, pins),
            None => self.panic(Fault::Unpin, handle),
        }
    }

    /// The live handle whose data is at `data`.
    fn handle_at(&self, data: usize) -> i32 {
        if !self.is_void()
            && let Some(i) = self.block_of(data)
            && i + HEADER <= self.span()
            && self.is_used(i)
        {
            let n = self.number(i);
            if n != 0 && self.is_slot(n) && self.is_live(n) && self.block(n as i32) == i {
                return n as i32;
            }
        }
        self.panic(Fault::Pointer, 0)
    }
}
