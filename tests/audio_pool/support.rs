//! Short names for the C face.

use core::ffi::{c_int, c_void};
use core::ptr;

use rockmem::capi::audio_pool::*;

pub use rockmem::audio_pool::testing::{World, world};

/// A pool that ends with the test.
pub struct Pool(pub c_int);

pub fn pool(size: usize) -> Pool {
    pool_of(size, 0, 0)
}

pub fn pool_of(size: usize, max: u32, flags: u32) -> Pool {
    let pool = audio_pool_create(size, max, flags);
    assert!(pool > 0, "{pool}");
    Pool(pool)
}

/// A lent buffer, as a number that may go to another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lent(pub usize);

impl Lent {
    pub fn pointer(self) -> *mut c_void {
        ptr::with_exposed_provenance_mut(self.0)
    }

    /// Writes a byte to its first and last place.
    pub fn mark(self, mark: u8) {
        let size = audio_pool_capacity(self.pointer());
        assert!(size > 0, "lent");
        let bytes = self.pointer().cast::<u8>();
        // SAFETY: lent, with this many bytes.
        unsafe {
            bytes.write(mark);
            bytes.add(size - 1).write(mark);
        }
    }

    /// Whether they are still there.
    pub fn has(self, mark: u8) -> bool {
        let size = audio_pool_capacity(self.pointer());
        let bytes = self.pointer().cast::<u8>();
        // SAFETY: lent, with this many bytes, written by `mark`.
        size > 0 && unsafe { bytes.read() == mark && bytes.add(size - 1).read() == mark }
    }
}

impl Pool {
    pub fn get(&self) -> Lent {
        self.get_sized().0
    }

    pub fn get_sized(&self) -> (Lent, usize) {
        let mut capacity = 0;
        // SAFETY: writable.
        let data = unsafe { audio_pool_get(self.0, &mut capacity) };
        assert!(!data.is_null() && capacity > 0);
        (Lent(data.expose_provenance()), capacity)
    }

    pub fn try_put(&self, lent: Lent) -> c_int {
        // SAFETY: the tests do not use what they have put.
        unsafe { audio_pool_put(self.0, lent.pointer()) }
    }

    pub fn put(&self, lent: Lent) {
        assert_eq!(self.try_put(lent), 0);
    }

    pub fn stats(&self) -> audio_pool_stats {
        let mut stats = audio_pool_stats::default();
        // SAFETY: writable.
        assert_eq!(unsafe { audio_pool_get_stats(self.0, &mut stats) }, 0);
        assert_eq!(stats.gets, stats.hits + stats.misses);
        assert_eq!(stats.hits, stats.hits_thread + stats.hits_preallocated + stats.hits_overflow);
        assert_eq!(stats.idle, stats.current + stats.preallocated + stats.in_threads);
        stats
    }

    /// How many lie in preallocated list, overflow tier and threads, and how many are out.
    pub fn places(&self) -> [u32; 4] {
        let stats = self.stats();
        [stats.preallocated, stats.current, stats.in_threads, stats.lent]
    }

    /// Ends it before its time.
    pub fn destroy(self) -> c_int {
        let pool = self.0;
        drop(self);
        pool
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        assert_eq!(audio_pool_destroy(self.0), 0);
    }
}

pub fn configured(change: impl FnOnce(&mut audio_pool_config)) {
    let mut config = audio_pool_config::default();
    // SAFETY: writable, then readable.
    unsafe {
        audio_pool_get_config(&mut config);
        change(&mut config);
        assert_eq!(audio_pool_set_config(&config), 0);
    }
}

pub fn latency() -> Option<audio_pool_latency> {
    let mut latency = audio_pool_latency::default();
    // SAFETY: writable.
    unsafe { audio_pool_get_latency(&mut latency) }.then_some(latency)
}

/// Records a latency and waits until the recorder has it. Monitoring runs.
pub fn record(world: &World, us: u32) {
    let before = world.rounds().recorded;
    assert!(audio_pool_record_latency(us));
    world.wait(|rounds| rounds.recorded > before);
    while latency().is_none_or(|latency| latency.us != us) {
        let seen = world.rounds().recorded;
        world.wait(|rounds| rounds.recorded > seen);
    }
}
