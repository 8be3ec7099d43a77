//! State that calls share, in the form each port has: words that are read without a lock, and values behind one.
//!
//! On the host a word is an atomic. In the tree threads take turns and change only inside calls that may block, none of
//! which is made here; a word is a plain cell, and the lock is the port's.

use core::cell::UnsafeCell;

use crate::port::PoolLock;

/// A value behind the port's lock. No callback runs and nothing blocks while it is held.
#[derive(Debug)]
pub struct Guarded<T>(UnsafeCell<T>);

// SAFETY: the value is only reached in `with`, under the lock of its address.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    /// The value, free.
    pub const fn new(value: T) -> Guarded<T> {
        Guarded(UnsafeCell::new(value))
    }

    /// Runs `work` on the value. Not to be nested: on the host two values may share a lock.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let lock = PoolLock::of(self.0.get().addr());
        lock.lock();
        // SAFETY: the lock is held, so this is the only reference.
        let answer = work(unsafe { &mut *self.0.get() });
        // SAFETY: taken above, by this thread.
        unsafe { lock.unlock() };
        answer
    }
}

#[cfg(feature = "host")]
mod word {
    use core::sync::atomic::{AtomicU32, Ordering};

    /// A word that is read without a lock.
    #[derive(Debug)]
    pub struct Word(AtomicU32);

    impl Word {
        /// With this value.
        pub const fn new(value: u32) -> Word {
            Word(AtomicU32::new(value))
        }

        /// The value.
        #[inline]
        pub fn get(&self) -> u32 {
            self.0.load(Ordering::Acquire)
        }

        /// Another value.
        pub fn set(&self, value: u32) {
            self.0.store(value, Ordering::Release);
        }
    }
}

#[cfg(feature = "rockbox")]
mod word {
    use core::cell::Cell;

    /// A word that is read without a lock.
    #[derive(Debug)]
    pub struct Word(Cell<u32>);

    // SAFETY: the tree's threads take turns; none is stopped in the middle of a load or a store of a word.
    unsafe impl Sync for Word {}

    impl Word {
        /// With this value.
        pub const fn new(value: u32) -> Word {
            Word(Cell::new(value))
        }

        /// The value.
        #[inline]
        pub fn get(&self) -> u32 {
            self.0.get()
        }

        /// Another value.
        pub fn set(&self, value: u32) {
            self.0.set(value);
        }
    }
}

pub use word::Word;
