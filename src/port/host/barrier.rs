//! A pair of barriers for the case that one side runs a million times as often as the other.
//!
//! `light` before a read on the frequent side and `heavy` on the rare side order like two full fences. On Linux the
//! system can interrupt every core that runs a thread of this process (`membarrier`); then the frequent side needs no
//! instruction. Where it cannot, both are fences.

use core::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

/// The kernel has promised the heavy barrier: set once, before any light barrier relies on it.
static PROMISED: AtomicBool = AtomicBool::new(false);

/// Asks the system for the heavy barrier. Without this call, or where the answer is no, `light` is a full fence.
pub fn prepare() {
    if !PROMISED.load(Ordering::Acquire) && system::register() {
        PROMISED.store(true, Ordering::Release);
    }
}

/// Whether the light barrier is no instruction.
pub fn is_asymmetric() -> bool {
    PROMISED.load(Ordering::Relaxed)
}

/// The frequent side's barrier.
#[inline(always)]
pub fn light() {
    // A thread that still sees false makes a full fence, which is right with either heavy barrier.
    if PROMISED.load(Ordering::Relaxed) {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The rare side's barrier. False: the system took its promise back, and nothing may be concluded.
pub fn heavy() -> bool {
    fence(Ordering::SeqCst);
    // A light barrier without a fence exists only after the promise, and whoever holds the promise sees it here: either
    // it made it, or it reached the other side's memory through a lock that thread took after making it.
    if PROMISED.load(Ordering::Acquire) {
        return system::barrier();
    }
    true
}

#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    const NONE: libc::c_long = 0;
    const PRIVATE_EXPEDITED: libc::c_long = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_long = 1 << 4;

    fn membarrier(command: libc::c_long) -> bool {
        // SAFETY: membarrier takes a command, flags and a CPU number, and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, NONE, NONE) == 0 }
    }

    pub fn register() -> bool {
        membarrier(REGISTER_PRIVATE_EXPEDITED)
    }

    pub fn barrier() -> bool {
        // A child of fork may have to ask again.
        membarrier(PRIVATE_EXPEDITED) || (register() && membarrier(PRIVATE_EXPEDITED))
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod system {
    pub fn register() -> bool {
        false
    }

    pub fn barrier() -> bool {
        true
    }
}
