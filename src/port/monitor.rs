//! The state of the floors above, and the lock around it.
//!
//! ```text
//!    Monitor ──enter()──► Guard ──deref──► the state
//!                          │  unlocked(f)   runs f without the lock: transfers, allocations
//!                          │  wait(channel) sleeps without the lock
//!                          └─ drop          gives the lock back
//! ```
//!
//! A guard cannot be copied and `unlocked` borrows it whole, so nothing that was read through it can be kept across
//! the gap: whoever comes back looks again. Indices and numbers may be kept, and are checked anew.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use super::kernel::{Channel, Kernel};
use super::storage::Storage;

/// A port together with the one state that it guards. The floors are generic over it.
pub trait House: Kernel + Storage + Sized {
    /// What the floors keep.
    type State: 'static;

    /// Where it is kept.
    fn monitor() -> &'static Monitor<Self>;
}

/// The state of a house. A house has one monitor, because it has one lock.
pub struct Monitor<H: House> {
    state: UnsafeCell<H::State>,
}

// SAFETY: the state is reached only through a `Guard`, which exists only while the house's one lock is held.
unsafe impl<H: House> Sync for Monitor<H> where H::State: Send {}

impl<H: House> Monitor<H> {
    /// A monitor over this state.
    pub const fn new(state: H::State) -> Self {
        Monitor { state: UnsafeCell::new(state) }
    }

    /// Takes the lock. Not for a thread that has it already.
    pub fn enter(&'static self) -> Guard<H> {
        H::lock();
        Guard { monitor: self, thread: PhantomData }
    }
}

/// The lock of a house, held, and with it the state.
pub struct Guard<H: House> {
    monitor: &'static Monitor<H>,
    /// The lock belongs to a thread: guards stay on it.
    thread: PhantomData<*mut ()>,
}

/// Takes the lock again when the gap ends, however it ends.
struct Gap<H: House>(PhantomData<H>);

impl<H: House> Drop for Gap<H> {
    fn drop(&mut self) {
        H::lock();
    }
}

impl<H: House> Guard<H> {
    /// Runs `work` without the lock.
    pub fn unlocked<R>(&mut self, work: impl FnOnce() -> R) -> R {
        // SAFETY: a guard exists, so this thread holds the lock; the borrow keeps every reference into the state out
        // of the gap.
        unsafe { H::unlock() }
        let _gap = Gap::<H>(PhantomData);
        work()
    }

    /// Sleeps without the lock until the channel is woken or the ticks have passed, or for nothing.
    pub fn wait(&mut self, channel: Channel, ticks: Option<u32>) {
        // SAFETY: as in `unlocked`.
        unsafe { H::wait(channel, ticks) }
    }
}

impl<H: House> Deref for Guard<H> {
    type Target = H::State;

    fn deref(&self) -> &H::State {
        // SAFETY: the lock is held as long as the guard lives, and shared access goes through the borrow of the guard.
        unsafe { &*self.monitor.state.get() }
    }
}

impl<H: House> DerefMut for Guard<H> {
    fn deref_mut(&mut self) -> &mut H::State {
        // SAFETY: the lock is held as long as the guard lives, and the borrow of the guard is exclusive.
        unsafe { &mut *self.monitor.state.get() }
    }
}

impl<H: House> Drop for Guard<H> {
    fn drop(&mut self) {
        // SAFETY: a guard exists only while its thread holds the lock.
        unsafe { H::unlock() }
    }
}
