//! The lock of a buflib context on the host.
//!
//! A `struct buflib_context` is the caller's and its size is ABI, so there is no room in it for a lock: contexts share
//! a small table of locks, by a hash of their address. Sharing is harmless because no lock is held while anything
//! else is called: not a callback, not another context.
//!
//! A process that has one thread takes none at all where the C library says so (glibc, which leaves its own atomics out
//! in the same way). Since nothing is called in between, no thread can come into being between taking and giving back;
//! whether there is a lock is decided once for both.

#[cfg(shuttle)]
use modelled::RawMutex;
#[cfg(not(shuttle))]
use parking_lot::RawMutex;
use parking_lot::lock_api::RawMutex as _;

const LOCKS: usize = 64;

/// One lock per cache line, so that neighbours do not slow each other down.
#[repr(align(64))]
struct Line(RawMutex);

static TABLE: [Line; LOCKS] = [const { Line(RawMutex::INIT) }; LOCKS];

/// Whether this process has only one thread. False where nobody can tell.
#[inline]
fn alone() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            static __libc_single_threaded: core::ffi::c_char;
        }
        // SAFETY: a byte of the C library, changed only by calls that this thread would make.
        unsafe { (&raw const __libc_single_threaded).read_volatile() != 0 }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        false
    }
}

/// The lock of one context, or none where there is nobody to lock out. It is a name, not a guard: the compactor drops
/// it around callbacks.
#[derive(Clone, Copy)]
pub struct PoolLock(Option<&'static RawMutex>);

impl PoolLock {
    /// No lock, for who needs none.
    pub const NONE: PoolLock = PoolLock(None);

    /// The lock of the context at this address, to be taken once and given back once.
    #[inline]
    pub fn of(address: usize) -> Self {
        // Contexts are some dozen bytes apart at least: the low bits say little, so mix in the higher ones.
        let slot = (address >> 4) ^ (address >> 10) ^ (address >> 16);
        PoolLock((!alone()).then(|| &TABLE[slot % LOCKS].0))
    }

    /// Waits for the lock and takes it.
    #[inline]
    pub fn lock(self) {
        #[cfg(test)]
        crate::port::turns::point();
        if let Some(lock) = self.0 {
            lock.lock();
        }
    }

    /// Gives the lock back.
    ///
    /// # Safety
    /// The calling thread holds it.
    #[inline]
    pub unsafe fn unlock(self) {
        if let Some(lock) = self.0 {
            // SAFETY: held by this thread, by the caller's promise.
            unsafe { lock.unlock() }
        }
    }
}

/// The lock in models of threads (`--cfg shuttle`): every attempt to take it lets the scheduler choose who goes on.
#[cfg(shuttle)]
mod modelled {
    use core::sync::atomic::{AtomicBool, Ordering};
    use parking_lot::lock_api;

    pub struct RawMutex(AtomicBool);

    // SAFETY: who finds the flag down and raises it holds the lock.
    unsafe impl lock_api::RawMutex for RawMutex {
        #[allow(clippy::declare_interior_mutable_const)] // as the trait has it
        const INIT: RawMutex = RawMutex(AtomicBool::new(false));
        type GuardMarker = lock_api::GuardSend;

        fn lock(&self) {
            shuttle::thread::yield_now();
            while !self.try_lock() {
                shuttle::thread::yield_now();
            }
        }

        fn try_lock(&self) -> bool {
            !self.0.swap(true, Ordering::Acquire)
        }

        unsafe fn unlock(&self) {
            self.0.store(false, Ordering::Release);
        }
    }
}
