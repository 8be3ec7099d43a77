//! The lock of the floors' state on the host, with its two channels.

use std::mem::forget;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::port::kernel::{Channel, HZ};

/// A lock and the channels that are waited on under it.
pub struct Gate {
    lock: Mutex<()>,
    channels: [Condvar; 2],
}

impl Gate {
    /// An open gate.
    pub const fn new() -> Self {
        Gate { lock: Mutex::new(()), channels: [Condvar::new(), Condvar::new()] }
    }

    /// Waits for the lock and takes it.
    pub fn lock(&self) {
        forget(self.lock.lock());
    }

    /// Gives the lock back.
    ///
    /// # Safety
    /// The calling thread holds it.
    pub unsafe fn unlock(&self) {
        // SAFETY: held by this thread, by the caller's promise; its guard was forgotten in `lock`.
        unsafe { self.lock.force_unlock() }
    }

    /// Sleeps on a channel with the lock given back, and takes it again.
    ///
    /// # Safety
    /// The calling thread holds the lock.
    pub unsafe fn wait(&self, channel: Channel, ticks: Option<u32>) {
        // SAFETY: held by this thread, and the guard of `lock` was forgotten, so this one is the only one.
        let mut guard = unsafe { self.lock.make_guard_unchecked() };
        let condition = &self.channels[channel as usize];
        match ticks {
            None => condition.wait(&mut guard),
            Some(ticks) => {
                let time = Duration::from_millis(u64::from(ticks) * 1000 / u64::from(HZ));
                condition.wait_for(&mut guard, time);
            }
        }
        forget(guard);
    }

    /// Wakes everybody on a channel.
    pub fn wake(&self, channel: Channel) {
        self.channels[channel as usize].notify_all();
    }
}
