//! The raw memory of the pool: the buffers themselves, and references that are handed from thread to thread.

use core::alloc::Layout;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};
use std::alloc::{alloc, dealloc};
use std::boxed::Box;

/// Buffers begin on a cache line of their own: two threads that fill neighbours do not slow each other down, and any
/// sample format is aligned.
const LINE: usize = 64;

fn layout(capacity: usize) -> Option<Layout> {
    Layout::from_size_align(capacity.max(1).checked_next_multiple_of(LINE)?, LINE).ok()
}

/// A fresh buffer, not cleared; None when there is no memory.
pub fn allocate(capacity: usize) -> Option<NonNull<u8>> {
    let layout = layout(capacity)?;
    // SAFETY: the size is at least one line, never zero.
    NonNull::new(unsafe { alloc(layout) })
}

/// Gives a buffer's memory back.
///
/// # Safety
/// * `data` came from [`allocate`] with the same capacity, and nobody uses it any more.
pub unsafe fn free(data: NonNull<u8>, capacity: usize) {
    if let Some(layout) = layout(capacity) {
        // SAFETY: allocated with this layout, by the caller's promise.
        unsafe { dealloc(data.as_ptr(), layout) }
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

/// The bytes of a lent buffer, for its holder: what was written is readable, nothing else is.
#[derive(Debug)]
pub struct Bytes {
    data: NonNull<u8>,
    capacity: usize,
    length: usize,
}

// SAFETY: the bytes belong to whoever holds this value, and it is moved, never copied.
unsafe impl Send for Bytes {}
// SAFETY: shared references only read.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// Nothing written yet.
    ///
    /// # Safety
    /// * `data` has `capacity` bytes that belong to the new value alone for as long as it lives.
    pub unsafe fn new(data: NonNull<u8>, capacity: usize) -> Bytes {
        Bytes { data, capacity, length: 0 }
    }

    /// Where the bytes are.
    pub fn data(&self) -> NonNull<u8> {
        self.data
    }

    /// How many bytes fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// What was written.
    pub fn written(&self) -> &[u8] {
        // SAFETY: the first `length` bytes are ours and were written.
        unsafe { core::slice::from_raw_parts(self.data.as_ptr(), self.length) }
    }

    /// What was written, to change it.
    pub fn written_mut(&mut self) -> &mut [u8] {
        // SAFETY: the first `length` bytes are ours and were written.
        unsafe { core::slice::from_raw_parts_mut(self.data.as_ptr(), self.length) }
    }

    /// Appends; false, and nothing changed, when it does not fit.
    pub fn append(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() > self.capacity - self.length {
            return false;
        }
        // SAFETY: the bytes fit behind what was written, in memory that nobody else uses.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), self.data.as_ptr().add(self.length), bytes.len());
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

/// An object for the rest of the process's life. Its users keep a list of those that are free and take from it first.
pub fn forever<T>(object: T) -> &'static T {
    Box::leak(Box::new(object))
}
