//! Counters that do not wrap and cost their writer a load and a store.

#[cfg(target_has_atomic = "64")]
pub use wide::Counter;

#[cfg(not(target_has_atomic = "64"))]
pub use split::Counter;

#[cfg(target_has_atomic = "64")]
mod wide {
    use core::sync::atomic::{AtomicU64, Ordering};

    /// Counts what one thread does; any thread may read it.
    #[derive(Debug)]
    pub struct Counter(AtomicU64);

    impl Counter {
        /// From 0.
        pub const fn new() -> Counter {
            Counter(AtomicU64::new(0))
        }

        /// One more. Only the owner calls it. Answers the count before.
        #[inline]
        pub fn add(&self) -> u32 {
            let before = self.0.load(Ordering::Relaxed);
            self.0.store(before.wrapping_add(1), Ordering::Relaxed);
            before as u32
        }

        /// The count's low bits, for the owner.
        #[inline]
        pub fn low(&self) -> u32 {
            self.0.load(Ordering::Relaxed) as u32
        }

        /// The count.
        pub fn get(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        /// The count, and 0 again: for the owner's heir.
        pub fn take(&self) -> u64 {
            let count = self.get();
            self.0.store(0, Ordering::Relaxed);
            count
        }
    }
}

/// Where there are no 64-bit atomics: two halves. The high one changes once in four thousand million counts, inside a
/// sequence number that readers check. Compiled everywhere, so that it is tested everywhere.
#[cfg(any(test, not(target_has_atomic = "64")))]
mod split {
    use core::sync::atomic::{AtomicU32, Ordering, fence};

    /// Counts what one thread does; any thread may read it.
    #[derive(Debug)]
    pub struct Counter {
        low: AtomicU32,
        high: AtomicU32,
        sequence: AtomicU32,
    }

    impl Counter {
        /// From 0.
        pub const fn new() -> Counter {
            Counter { low: AtomicU32::new(0), high: AtomicU32::new(0), sequence: AtomicU32::new(0) }
        }

        /// One more. Only the owner calls it. Answers the low half of the count before.
        #[inline]
        pub fn add(&self) -> u32 {
            let before = self.low.load(Ordering::Relaxed);
            if before == u32::MAX {
                self.carry();
            } else {
                self.low.store(before + 1, Ordering::Relaxed);
            }
            before
        }

        /// The count's low bits, for the owner.
        #[inline]
        #[cfg_attr(target_has_atomic = "64", allow(dead_code))]
        pub fn low(&self) -> u32 {
            self.low.load(Ordering::Relaxed)
        }

        #[cold]
        fn carry(&self) {
            let sequence = self.sequence.load(Ordering::Relaxed);
            self.sequence.store(sequence.wrapping_add(1), Ordering::Relaxed);
            fence(Ordering::Release);
            self.low.store(0, Ordering::Relaxed);
            let high = self.high.load(Ordering::Relaxed);
            self.high.store(high.wrapping_add(1), Ordering::Relaxed);
            self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
        }

        /// The count.
        pub fn get(&self) -> u64 {
            loop {
                let before = self.sequence.load(Ordering::Acquire);
                let high = self.high.load(Ordering::Relaxed);
                let low = self.low.load(Ordering::Relaxed);
                fence(Ordering::Acquire);
                if before & 1 == 0 && self.sequence.load(Ordering::Relaxed) == before {
                    return u64::from(high) << 32 | u64::from(low);
                }
                core::hint::spin_loop();
            }
        }

        /// The count, and 0 again: for the owner's heir.
        #[cfg_attr(target_has_atomic = "64", allow(dead_code))]
        pub fn take(&self) -> u64 {
            let count = self.get();
            self.low.store(0, Ordering::Relaxed);
            self.high.store(0, Ordering::Relaxed);
            count
        }

        #[cfg(test)]
        pub fn start_at(&self, count: u64) {
            self.low.store(count as u32, Ordering::Relaxed);
            self.high.store((count >> 32) as u32, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;
    use std::thread;

    #[test]
    fn a_counter_of_two_halves_passes_four_thousand_million_without_wrapping() {
        let counter = split::Counter::new();
        counter.start_at(u64::from(u32::MAX) - 1);
        for _ in 0..4 {
            counter.add();
        }
        assert_eq!(counter.get(), u64::from(u32::MAX) + 3);
    }

    #[test]
    fn a_reader_never_sees_half_of_a_carry() {
        let counter = split::Counter::new();
        counter.start_at(u64::from(u32::MAX) - 100_000);
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..200_000 {
                    counter.add();
                }
            });
            let mut last = 0;
            while last < u64::from(u32::MAX) + 100_000 {
                let now = counter.get();
                assert!(now >= last, "the count went back from {last} to {now}");
                last = now;
            }
        });
    }
}
