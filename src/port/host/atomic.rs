//! Atomics of 64 bits on any host: the processor's, or where it has none (ARMv5, MIPS32) a lock around each.

#[cfg(target_has_atomic = "64")]
pub use core::sync::atomic::AtomicU64;

#[cfg(not(target_has_atomic = "64"))]
pub use locked::AtomicU64;

/// Compiled for tests everywhere, so that it is tested everywhere.
#[cfg(any(test, not(target_has_atomic = "64")))]
#[allow(missing_docs)] // as in the standard library
mod locked {
    use core::sync::atomic::Ordering;

    use parking_lot::Mutex;

    /// As the standard library's. The lock orders more than any of the orders asks for.
    pub struct AtomicU64(Mutex<u64>);

    impl AtomicU64 {
        pub const fn new(value: u64) -> Self {
            AtomicU64(Mutex::new(value))
        }

        pub fn load(&self, _: Ordering) -> u64 {
            *self.0.lock()
        }

        pub fn store(&self, value: u64, _: Ordering) {
            *self.0.lock() = value;
        }

        pub fn fetch_add(&self, more: u64, _: Ordering) -> u64 {
            let mut value = self.0.lock();
            let before = *value;
            *value = before.wrapping_add(more);
            before
        }

        pub fn compare_exchange(&self, expected: u64, new: u64, _: Ordering, _: Ordering) -> Result<u64, u64> {
            let mut value = self.0.lock();
            let before = *value;
            if before == expected {
                *value = new;
                Ok(before)
            } else {
                Err(before)
            }
        }

        pub fn compare_exchange_weak(&self, expected: u64, new: u64, on: Ordering, off: Ordering) -> Result<u64, u64> {
            self.compare_exchange(expected, new, on, off)
        }
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::Ordering::SeqCst;
    use std::thread;

    use super::locked::AtomicU64;

    #[test]
    fn an_atomic_of_a_lock_answers_as_the_processors_do() {
        let (ours, theirs) = (AtomicU64::new(u64::MAX), super::AtomicU64::new(u64::MAX));
        assert_eq!(ours.fetch_add(3, SeqCst), theirs.fetch_add(3, SeqCst));
        assert_eq!(ours.load(SeqCst), 2);
        for (expected, new) in [(2, 1 << 40), (2, 5), (1 << 40, 7)] {
            let answer = ours.compare_exchange(expected, new, SeqCst, SeqCst);
            assert_eq!(answer, theirs.compare_exchange(expected, new, SeqCst, SeqCst));
        }
        ours.store(9, SeqCst);
        assert_eq!((ours.load(SeqCst), theirs.load(SeqCst)), (9, 7));
    }

    #[test]
    fn no_count_of_an_atomic_of_a_lock_is_lost() {
        let count = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let mut seen = count.load(SeqCst);
                        while let Err(now) = count.compare_exchange_weak(seen, seen + 1, SeqCst, SeqCst) {
                            seen = now;
                        }
                        count.fetch_add(1 << 32, SeqCst);
                    }
                });
            }
        });
        assert_eq!(count.load(SeqCst), 2000 << 32 | 2000);
    }
}
