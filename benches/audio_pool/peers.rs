//! The pools that are compared, each by its fastest way to pass a buffer on.

use core::ffi::{c_int, c_void};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::ArrayQueue;
use lockfree_object_pool::{LinearObjectPool, LinearReusable};
use opool::{PoolAllocator, RefGuard};
use rockmem::audio_pool::owned::{AudioPool, Buffer};
use rockmem::capi::audio_pool::{audio_pool_create, audio_pool_destroy, audio_pool_get, audio_pool_put};

/// Buffers that are kept at most, and made in the beginning, where a pool says so.
const KEPT: usize = 120;

/// A pool of buffers of one size.
pub trait Peer: Sync {
    type Item<'a>: Send
    where
        Self: 'a;

    fn get(&self) -> Self::Item<'_>;

    fn put<'a>(&'a self, item: Self::Item<'a>);

    /// Where the buffer begins.
    fn data(item: &mut Self::Item<'_>) -> *mut u64;
}

type Get = unsafe extern "C" fn(c_int, *mut usize) -> *mut c_void;
type Put = unsafe extern "C" fn(c_int, *mut c_void) -> c_int;

/// Ours, as a Rust program has it.
pub struct Ours(AudioPool);

impl Ours {
    pub fn new(size: usize) -> Ours {
        Ours(AudioPool::new(size, Default::default()).expect("a pool"))
    }
}

impl Peer for Ours {
    type Item<'a> = Buffer;

    fn get(&self) -> Buffer {
        self.0.get().expect("memory")
    }

    fn put(&self, item: Buffer) {
        drop(item);
    }

    fn data(item: &mut Buffer) -> *mut u64 {
        item.as_mut_ptr().cast()
    }
}

/// Ours, as a C program calls it: nothing is inlined.
pub struct OursFromC {
    pool: c_int,
    get: Get,
    put: Put,
}

pub struct Address(*mut c_void);

// SAFETY: whoever has the address has the buffer.
unsafe impl Send for Address {}

impl OursFromC {
    pub fn new(size: usize) -> OursFromC {
        let pool = audio_pool_create(size, 0, 0);
        assert!(pool > 0);
        OursFromC { pool, get: black_box(audio_pool_get), put: black_box(audio_pool_put) }
    }
}

impl Drop for OursFromC {
    fn drop(&mut self) {
        assert_eq!(audio_pool_destroy(self.pool), 0);
    }
}

impl Peer for OursFromC {
    type Item<'a> = Address;

    fn get(&self) -> Address {
        let mut capacity = 0;
        // SAFETY: writable.
        let data = unsafe { (self.get)(self.pool, &mut capacity) };
        assert!(!data.is_null());
        Address(data)
    }

    fn put(&self, item: Address) {
        // SAFETY: not used any more.
        let answer = unsafe { (self.put)(self.pool, item.0) };
        assert_eq!(answer, 0);
    }

    fn data(item: &mut Address) -> *mut u64 {
        item.0.cast()
    }
}

/// crossbeam's ArrayQueue of boxed buffers.
pub struct Queue {
    free: ArrayQueue<Box<[u8]>>,
    size: usize,
}

impl Queue {
    pub fn new(size: usize) -> Queue {
        let free = ArrayQueue::new(KEPT);
        for _ in 0..KEPT / 6 {
            let _ = free.push(vec![0; size].into_boxed_slice());
        }
        Queue { free, size }
    }
}

impl Peer for Queue {
    type Item<'a> = Box<[u8]>;

    fn get(&self) -> Box<[u8]> {
        self.free.pop().unwrap_or_else(|| vec![0; self.size].into_boxed_slice())
    }

    fn put(&self, item: Box<[u8]>) {
        drop(self.free.push(item));
    }

    fn data(item: &mut Box<[u8]>) -> *mut u64 {
        item.as_mut_ptr().cast()
    }
}

/// lockfree-object-pool's linear pool.
pub struct Reusable(LinearObjectPool<Box<[u8]>>);

impl Reusable {
    pub fn new(size: usize) -> Reusable {
        Reusable(LinearObjectPool::new(move || vec![0; size].into_boxed_slice(), |_| {}))
    }
}

impl Peer for Reusable {
    type Item<'a> = LinearReusable<'a, Box<[u8]>>;

    fn get(&self) -> Self::Item<'_> {
        self.0.pull()
    }

    fn put<'a>(&'a self, item: Self::Item<'a>) {
        drop(item);
    }

    fn data(item: &mut Self::Item<'_>) -> *mut u64 {
        item.as_mut_ptr().cast()
    }
}

pub struct Make(usize);

impl PoolAllocator<Box<[u8]>> for Make {
    fn allocate(&self) -> Box<[u8]> {
        vec![0; self.0].into_boxed_slice()
    }
}

/// opool's concurrent pool.
pub struct Opool(opool::Pool<Make, Box<[u8]>>);

impl Opool {
    pub fn new(size: usize) -> Opool {
        Opool(opool::Pool::new(KEPT, Make(size)))
    }
}

impl Peer for Opool {
    type Item<'a> = RefGuard<'a, Make, Box<[u8]>>;

    fn get(&self) -> Self::Item<'_> {
        self.0.get()
    }

    fn put<'a>(&'a self, item: Self::Item<'a>) {
        drop(item);
    }

    fn data(item: &mut Self::Item<'_>) -> *mut u64 {
        item.as_mut_ptr().cast()
    }
}

/// A list behind a mutex.
pub struct Mutexed {
    free: Mutex<Vec<Box<[u8]>>>,
    size: usize,
}

impl Mutexed {
    pub fn new(size: usize) -> Mutexed {
        Mutexed { free: Mutex::new(Vec::with_capacity(KEPT)), size }
    }
}

impl Peer for Mutexed {
    type Item<'a> = Box<[u8]>;

    fn get(&self) -> Box<[u8]> {
        let free = self.free.lock().expect("held").pop();
        free.unwrap_or_else(|| vec![0; self.size].into_boxed_slice())
    }

    fn put(&self, item: Box<[u8]>) {
        let mut free = self.free.lock().expect("held");
        if free.len() < KEPT {
            free.push(item);
        }
    }

    fn data(item: &mut Box<[u8]>) -> *mut u64 {
        item.as_mut_ptr().cast()
    }
}

/// No pool: malloc and free.
pub struct Malloc(Layout);

impl Malloc {
    pub fn new(size: usize) -> Malloc {
        Malloc(Layout::from_size_align(size, 16).expect("a layout"))
    }
}

impl Peer for Malloc {
    type Item<'a> = Address;

    fn get(&self) -> Address {
        // SAFETY: the size is not 0.
        Address(unsafe { System.alloc(self.0) }.cast())
    }

    fn put(&self, item: Address) {
        // SAFETY: allocated with this layout, and not used any more.
        unsafe { System.dealloc(item.0.cast(), self.0) }
    }

    fn data(item: &mut Address) -> *mut u64 {
        item.0.cast()
    }
}

/// No pool, and no allocation either: buffers in turn, which nobody asks whether they came back. What the threads, the
/// way between them and the use of the buffers take by themselves. One thread gets.
pub struct InTurn {
    all: Vec<Address>,
    layout: Layout,
    next: AtomicUsize,
}

// SAFETY: the buffers are only handed out.
unsafe impl Sync for InTurn {}

impl InTurn {
    pub fn new(size: usize) -> InTurn {
        let layout = Layout::from_size_align(size, 16).expect("a layout");
        // SAFETY: the size is not 0.
        let all = (0..KEPT).map(|_| Address(unsafe { System.alloc(layout) }.cast())).collect();
        InTurn { all, layout, next: AtomicUsize::new(0) }
    }
}

impl Drop for InTurn {
    fn drop(&mut self) {
        for buffer in &self.all {
            // SAFETY: allocated with this layout, and not used any more.
            unsafe { System.dealloc(buffer.0.cast(), self.layout) }
        }
    }
}

impl Peer for InTurn {
    type Item<'a> = Address;

    fn get(&self) -> Address {
        let next = self.next.load(Ordering::Relaxed);
        self.next.store((next + 1) % KEPT, Ordering::Relaxed);
        Address(self.all[next].0)
    }

    fn put(&self, item: Address) {
        black_box(item);
    }

    fn data(item: &mut Address) -> *mut u64 {
        item.0.cast()
    }
}
