//! The clock of the host, which tests may advance: none of them waits for real seconds.

use crate::port::kernel::HZ;
use std::cell::Cell;
use std::sync::LazyLock;
use std::thread_local;
use std::time::Instant;

static BOOT: LazyLock<Instant> = LazyLock::new(Instant::now);
thread_local! {
    // Of the thread alone: tests that run side by side keep their own time.
    static AHEAD: Cell<u32> = const { Cell::new(0) };
}

/// Ticks since the first call, and those that this thread added.
pub fn ticks() -> u32 {
    #[cfg(test)]
    if let Some(ticks) = crate::port::turns::ticks() {
        return ticks;
    }
    ((BOOT.elapsed().as_millis() * u128::from(HZ) / 1000) as u32).wrapping_add(AHEAD.get())
}

/// Microseconds since the first call of either; real ones, and they wrap.
pub fn micros() -> u32 {
    BOOT.elapsed().as_micros() as u32
}

/// Lets so many ticks pass at once, for the calling thread.
pub fn advance(ticks: u32) {
    AHEAD.set(AHEAD.get().wrapping_add(ticks));
}
