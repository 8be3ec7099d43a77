//! The kernel on the host: parking_lot for the lock, std for the rest.

use super::clock::ticks;
use super::gate::Gate;
use crate::port::kernel::{Channel, Kernel};
use crate::port::storage::Errno;

/// The host, as a port.
#[derive(Clone, Copy, Debug)]
pub struct System;

static GATE: Gate = Gate::new();

/// Starts a thread of the name `buffering`.
pub fn start(entry: fn()) -> Result<(), Errno> {
    std::thread::Builder::new()
        .name("buffering".into())
        .spawn(entry)
        .map(drop)
        .map_err(|error| Errno(error.raw_os_error().unwrap_or(Errno::NOMEM.0)))
}

/// Where the calling thread's `errno` is.
pub fn thread() -> usize {
    // SAFETY: no more than a question.
    unsafe { libc::__errno_location() as usize }
}

/// Sets the C library's `errno`.
pub fn set_errno(error: Errno) {
    // SAFETY: the C library's pointer to this thread's errno is always valid.
    unsafe { *libc::__errno_location() = error.0 }
}

impl Kernel for System {
    fn lock() {
        GATE.lock();
    }

    unsafe fn unlock() {
        // SAFETY: the caller's promise.
        unsafe { GATE.unlock() }
    }

    unsafe fn wait(channel: Channel, ticks: Option<u32>) {
        // SAFETY: the caller's promise.
        unsafe { GATE.wait(channel, ticks) }
    }

    fn wake(channel: Channel) {
        GATE.wake(channel);
    }

    fn ticks() -> u32 {
        ticks()
    }

    fn thread() -> usize {
        thread()
    }

    fn start(entry: fn()) -> Result<(), Errno> {
        start(entry)
    }

    fn set_errno(error: Errno) {
        set_errno(error);
    }
}
