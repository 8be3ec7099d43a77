//! The raw memory of the pool: the buffers themselves, and references that are handed from thread to thread.

use core::alloc::Layout;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::alloc::{alloc, dealloc};
use std::boxed::Box;

use super::record::Record;

/// Buffers share no cache line: two threads that fill neighbours do not slow each other down.
const LINE: usize = 64;

/// Bytes before a buffer, on its first line: how often it was lent. Any sample format is aligned behind them.
const HEAD: usize = 32;

fn layout(capacity: usize) -> Option<Layout> {
    Layout::from_size_align(capacity.checked_add(HEAD)?.checked_next_multiple_of(LINE)?, LINE).ok()
}

/// Asks for the line of this address, to write to it: it comes from the other core while the caller goes on.
#[inline(always)]
pub fn fetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which reads and writes nothing, whatever the address; a processor that does not know it goes on.
    unsafe {
        core::arch::asm!("prefetchw [{}]", in(reg) at, options(readonly, nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("prfm pstl1keep, [{}]", in(reg) at, options(readonly, nostack, preserves_flags));
    }
    let _ = at;
}

/// Where a buffer begins, and the count before it.
#[derive(Debug)]
pub struct Data(AtomicPtr<u8>);

impl Data {
    /// Of no buffer.
    pub const fn none() -> Data {
        Data(AtomicPtr::new(ptr::null_mut()))
    }

    /// Where the buffer begins; NULL without one.
    #[inline(always)]
    pub fn get(&self) -> *mut u8 {
        self.0.load(Ordering::Relaxed)
    }

    /// A fresh buffer, whose count begins with this.
    pub fn set(&self, data: NonNull<u8>, count: u32) {
        self.0.store(data.as_ptr(), Ordering::Release);
        self.set_count(count);
    }

    /// No buffer any more; what it was.
    pub fn take(&self) -> Option<NonNull<u8>> {
        NonNull::new(self.0.swap(ptr::null_mut(), Ordering::Relaxed))
    }

    #[inline(always)]
    fn head(&self) -> Option<&AtomicU32> {
        let data = NonNull::new(self.get())?;
        // SAFETY: every buffer has its head before it, as long as a record leads to it.
        Some(unsafe { data.byte_sub(HEAD).cast::<AtomicU32>().as_ref() })
    }

    /// The count.
    #[inline(always)]
    pub fn count(&self) -> u32 {
        self.head().map_or(0, |head| head.load(Ordering::Relaxed))
    }

    /// Asks for the first line, to write to it.
    #[inline(always)]
    pub fn fetch(&self) {
        fetch(self.get());
    }

    /// Another count.
    #[inline(always)]
    pub fn set_count(&self, count: u32) {
        if let Some(head) = self.head() {
            head.store(count, Ordering::Relaxed);
        }
    }
}

/// A fresh buffer, not cleared; None when there is no memory.
pub fn allocate(capacity: usize) -> Option<NonNull<u8>> {
    let layout = layout(capacity)?;
    // SAFETY: the size is at least one line, never zero.
    let head = NonNull::new(unsafe { alloc(layout) })?;
    // SAFETY: the head is a part of it.
    Some(unsafe { head.byte_add(HEAD) })
}

/// Gives a buffer's memory back.
///
/// # Safety
/// * `data` came from [`allocate`] with the same capacity, and nobody uses it any more.
pub unsafe fn free(data: NonNull<u8>, capacity: usize) {
    if let Some(layout) = layout(capacity) {
        // SAFETY: allocated with this layout, by the caller's promise.
        unsafe { dealloc(data.as_ptr().byte_sub(HEAD), layout) }
    }
}

/// Fills a buffer with zeros.
///
/// # Safety
/// * `data` has `capacity` bytes and belongs to the caller alone.
pub unsafe fn zero(data: NonNull<u8>, capacity: usize) {
    // SAFETY: writable and unshared, by the caller's promise.
    unsafe { ptr::write_bytes(data.as_ptr(), 0, capacity) }
}

/// A lent buffer, for its holder: what was written is readable, nothing else is.
#[derive(Debug)]
pub struct Bytes {
    record: &'static Record,
    length: usize,
}

impl Bytes {
    /// Nothing written yet.
    ///
    /// # Safety
    /// * `record` was lent to the caller, who makes one value of it and puts the buffer back when that is gone.
    #[inline(always)]
    pub unsafe fn new(record: &'static Record) -> Bytes {
        Bytes { record, length: 0 }
    }

    /// The record of the buffer.
    #[inline(always)]
    pub fn record(&self) -> &'static Record {
        self.record
    }

    /// Where the bytes are.
    #[inline(always)]
    pub fn data(&self) -> *mut u8 {
        self.record.data()
    }

    /// How many bytes fit.
    #[inline(always)]
    pub fn capacity(&self) -> usize {
        self.record.capacity()
    }

    /// What was written.
    #[inline]
    pub fn written(&self) -> &[u8] {
        // SAFETY: a lent record has a buffer; its first `length` bytes are ours alone and were written.
        unsafe { core::slice::from_raw_parts(self.data(), self.length) }
    }

    /// What was written, to change it.
    #[inline]
    pub fn written_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above.
        unsafe { core::slice::from_raw_parts_mut(self.data(), self.length) }
    }

    /// Appends; false, and nothing changed, when it does not fit.
    #[inline]
    pub fn append(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() > self.capacity() - self.length {
            return false;
        }
        // SAFETY: the bytes fit behind what was written, in memory that nobody else uses.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), self.data().add(self.length), bytes.len());
        }
        self.length += bytes.len();
        true
    }

    /// Forgets what was written.
    pub fn clear(&mut self) {
        self.length = 0;
    }
}

/// An atomic `Option<&'static T>`: objects that live as long as the process and change their place.
#[derive(Debug)]
pub struct AtomicRef<T>(AtomicPtr<T>);

impl<T: Sync> AtomicRef<T> {
    /// None.
    pub const fn none() -> AtomicRef<T> {
        AtomicRef(AtomicPtr::new(ptr::null_mut()))
    }

    /// What is there.
    #[inline]
    pub fn get(&self) -> Option<&'static T> {
        // SAFETY: every pointer stored here came from a `&'static T`, and T may be shared between threads.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Puts another one there.
    pub fn set(&self, to: &'static T) {
        self.0.store(ptr::from_ref(to).cast_mut(), Ordering::Release);
    }

    /// Puts another one there, or none.
    pub fn assign(&self, to: Option<&'static T>) {
        self.0.store(to.map_or(ptr::null_mut(), |to| ptr::from_ref(to).cast_mut()), Ordering::Release);
    }
}

/// An atomic `&'static T`: as [`AtomicRef`], and never none.
#[derive(Debug)]
pub struct AlwaysRef<T>(AtomicPtr<T>);

impl<T: Sync> AlwaysRef<T> {
    /// This object.
    pub const fn new(to: &'static T) -> AlwaysRef<T> {
        AlwaysRef(AtomicPtr::new(ptr::from_ref(to).cast_mut()))
    }

    /// What is there.
    #[inline(always)]
    pub fn get(&self) -> &'static T {
        // SAFETY: every pointer stored here came from a `&'static T`, and T may be shared between threads.
        unsafe { &*self.0.load(Ordering::Acquire) }
    }

    /// Puts another one there.
    #[inline(always)]
    pub fn set(&self, to: &'static T) {
        self.0.store(ptr::from_ref(to).cast_mut(), Ordering::Release);
    }
}

/// An atomic `Option<&'static T>` with a mark beside it.
#[derive(Debug)]
pub struct TaggedRef<T>(AtomicPtr<T>);

impl<T: Sync> TaggedRef<T> {
    /// None, without the mark.
    pub const fn new() -> TaggedRef<T> {
        const { assert!(align_of::<T>() > 1) };
        TaggedRef(AtomicPtr::new(ptr::null_mut()))
    }

    /// What is there, and whether it is marked.
    #[inline(always)]
    pub fn get(&self) -> (Option<&'static T>, bool) {
        let tagged = self.0.load(Ordering::Acquire);
        // SAFETY: without the mark in its lowest bit it is null or came from a `&'static T`, and T may be shared between
        // threads.
        (unsafe { tagged.map_addr(|addr| addr & !1).as_ref() }, tagged.addr() & 1 != 0)
    }

    /// Puts another one there.
    #[inline(always)]
    pub fn set(&self, to: Option<&'static T>, marked: bool) {
        let to = to.map_or(ptr::null_mut(), |to| ptr::from_ref(to).cast_mut());
        self.0.store(to.map_addr(|addr| addr | usize::from(marked)), Ordering::Release);
    }
}

impl<T: Sync> Default for TaggedRef<T> {
    fn default() -> TaggedRef<T> {
        TaggedRef::new()
    }
}

/// An object for the rest of the process's life. Its users keep a list of those that are free and take from it first.
pub fn forever<T>(object: T) -> &'static T {
    Box::leak(Box::new(object))
}
