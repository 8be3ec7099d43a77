//! The rockbox port: no heap, no atomics; every kernel object lives in the glue's C files.

mod kernel;
mod panic;
mod storage;

pub use kernel::{System, asker, in_file_path, micros, spares, ticks};

/// The lock of a buflib context in the tree: none. Threads there are cooperative, and the pool's state is complete
/// whenever a callback runs.
#[derive(Clone, Copy)]
pub struct PoolLock;

impl PoolLock {
    /// No lock, for who needs none.
    pub const NONE: PoolLock = PoolLock;

    /// The lock of the context at this address.
    #[inline]
    pub fn of(_address: usize) -> Self {
        PoolLock
    }

    /// Takes the lock.
    #[inline]
    pub fn lock(self) {}

    /// Gives the lock back.
    ///
    /// # Safety
    /// The calling thread holds it.
    #[inline]
    pub unsafe fn unlock(self) {}
}
