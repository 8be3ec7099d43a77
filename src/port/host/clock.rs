//! The clock of the host, which tests may advance: none of them waits for real seconds.

use crate::port::kernel::HZ;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::LazyLock;
use std::time::Instant;

static BOOT: LazyLock<Instant> = LazyLock::new(Instant::now);
static AHEAD: AtomicU32 = AtomicU32::new(0);

/// Ticks since the first call, and those that were added.
pub fn ticks() -> u32 {
    #[cfg(test)]
    if let Some(ticks) = crate::port::turns::ticks() {
        return ticks;
    }
    ((BOOT.elapsed().as_millis() * u128::from(HZ) / 1000) as u32).wrapping_add(AHEAD.load(Ordering::Relaxed))
}

/// Microseconds since the first call of either; real ones, and they wrap.
pub fn micros() -> u32 {
    BOOT.elapsed().as_micros() as u32
}

/// Lets so many ticks pass at once.
pub fn advance(ticks: u32) {
    AHEAD.fetch_add(ticks, Ordering::Relaxed);
}
