//! What the floors above need from a kernel.
//!
//! ```text
//!    lock ── unlock            one lock for the state of floors 3 to 6; never held over a transfer, an allocation
//!                              or a callback
//!    wait(Data) ◄── wake(Data)  bytes have come, or will not come: readers sleep here
//!    wait(Work) ◄── wake(Work)  the buffering thread sleeps here
//!    ticks                     a clock of 100 Hz
//!    start                     the one thread of ours
//! ```
//!
//! Functions of a type, not of a value: a port is chosen when the program is built, and a kernel has no copies. The
//! model port of the tests implements the same two traits.

use super::storage::Errno;

/// Ticks in a second.
pub const HZ: u32 = 100;

/// What a sleeper waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Bytes that storage owes, or the news that they will not come.
    Data = 0,
    /// Something to do for the buffering thread.
    Work = 1,
}

/// A kernel: one lock, two channels, a clock, threads.
pub trait Kernel: 'static {
    /// Waits for the lock of the floors' state and takes it. Not recursive.
    fn lock();

    /// Gives the lock back.
    ///
    /// # Safety
    /// The calling thread holds it.
    unsafe fn unlock();

    /// Gives the lock back, sleeps until somebody wakes the channel or so many ticks have passed (None: for ever), and
    /// takes the lock again. It may wake for nothing: the caller looks at what it waited for.
    ///
    /// # Safety
    /// The calling thread holds the lock.
    unsafe fn wait(channel: Channel, ticks: Option<u32>);

    /// Wakes everybody who sleeps on the channel.
    fn wake(channel: Channel);

    /// The clock, in ticks of 1/[`HZ`] s; it wraps.
    fn ticks() -> u32;

    /// A number of the calling thread's that no other living thread has.
    fn thread() -> usize;

    /// Starts the buffering thread.
    ///
    /// # Errors
    /// The system has no thread left.
    fn start(entry: fn()) -> Result<(), Errno>;

    /// Sets the calling thread's `errno`.
    fn set_errno(error: Errno);
}
