//! The clock by which tests and benches time their own work.

/// Processor time of this thread, in nanoseconds: what others do on this machine is not in it.
pub fn processor_time() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a `timespec` of ours.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    assert_eq!(done, 0, "a clock of this thread");
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
