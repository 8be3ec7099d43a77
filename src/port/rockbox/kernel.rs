//! The kernel in the tree: functions of the glue.
//!
//! Every kernel object is the glue's, in C, where the tree's configuration gives its size and its kind of memory. Each
//! function here is documented for whoever writes the glue; docs/porting.md has the list.

use core::ffi::c_void;

use crate::port::Asker;
use crate::port::kernel::{Channel, HZ, Kernel};
use crate::port::storage::Errno;

unsafe extern "C" {
    /// Takes the library's one mutex (`mutex_lock`). The same thread does not take it twice.
    fn rmport_lock();
    /// Gives it back (`mutex_unlock`).
    fn rmport_unlock();
    /// With the mutex held: gives it back, sleeps until `rmport_wake` with the same channel (0 or 1) or until so many
    /// ticks have passed (below 0: for ever), and takes it again. May return early.
    fn rmport_wait(channel: u32, ticks: i32);
    /// Wakes every thread that sleeps on the channel. Called with or without the mutex.
    fn rmport_wake(channel: u32);
    /// The tick counter (`current_tick`), 100 a second; it may wrap.
    fn rmport_ticks() -> u32;
    /// An address that no other living thread has, such as that of its `errno`.
    fn rmport_thread() -> *const c_void;
    /// Creates the buffering thread, which calls `entry` and never comes back from it. 0, or a negative error number.
    fn rmport_thread_start(entry: extern "C" fn()) -> i32;
    /// What the running thread is to the pool: 0 inside the file path (between entering and leaving a function of
    /// file.c, and always on the buffering thread), 1 on the codec and voice threads, 2 elsewhere. Must not block.
    fn rmport_asker() -> u32;
    /// Sets `errno`.
    fn rmport_set_errno(error: i32);
}

/// The tree, as a port.
#[derive(Clone, Copy, Debug)]
pub struct System;

/// The thread's function: written once before the thread exists, read once by it.
static mut ENTRY: Option<fn()> = None;

extern "C" fn trampoline() {
    // SAFETY: written before `rmport_thread_start`, and never again.
    if let Some(entry) = unsafe { ENTRY } {
        entry();
    }
}

impl Kernel for System {
    fn lock() {
        // SAFETY: a function of the glue without arguments.
        unsafe { rmport_lock() }
    }

    unsafe fn unlock() {
        // SAFETY: the caller holds the lock.
        unsafe { rmport_unlock() }
    }

    unsafe fn wait(channel: Channel, ticks: Option<u32>) {
        let ticks = ticks.map_or(-1, |ticks| i32::try_from(ticks).unwrap_or(i32::MAX));
        // SAFETY: the caller holds the lock.
        unsafe { rmport_wait(channel as u32, ticks) }
    }

    fn wake(channel: Channel) {
        // SAFETY: a function of the glue, legal at any time.
        unsafe { rmport_wake(channel as u32) }
    }

    fn ticks() -> u32 {
        // SAFETY: a function of the glue without arguments.
        unsafe { rmport_ticks() }
    }

    fn thread() -> usize {
        // SAFETY: a function of the glue, legal at any time.
        unsafe { rmport_thread() as usize }
    }

    fn start(entry: fn()) -> Result<(), Errno> {
        // SAFETY: called once, under the lock, before the thread that reads ENTRY exists.
        unsafe { ENTRY = Some(entry) };
        // SAFETY: the function lives as long as the program.
        match unsafe { rmport_thread_start(trampoline) } {
            0 => Ok(()),
            error => Err(Errno(error.wrapping_neg())),
        }
    }

    fn set_errno(error: Errno) {
        // SAFETY: a function of the glue, legal at any time.
        unsafe { rmport_set_errno(error.0) }
    }
}

/// Set while a request of our own runs: 1, or 2 when it spares what is needed later. Such a request calls nothing that
/// lets other threads run.
static mut OURS: u8 = 0;

fn ours() -> u8 {
    // SAFETY: threads are cooperative, and none runs between a change and the change back.
    unsafe { OURS }
}

/// Runs a request for memory as one inside the file path. `spare`: what is needed later does not go for it, see
/// [`spares`].
pub fn in_file_path<R>(spare: bool, work: impl FnOnce() -> R) -> R {
    let before = ours();
    // SAFETY: as in `ours`.
    unsafe { OURS = 1 + u8::from(spare) };
    let result = work();
    // SAFETY: as in `ours`.
    unsafe { OURS = before };
    result
}

/// Whether the request for which an owner is asked now spares what is needed later.
pub fn spares() -> bool {
    ours() == 2
}

/// What the calling thread is to the pool.
pub fn asker() -> Asker {
    if ours() != 0 {
        return Asker::FilePath;
    }
    // SAFETY: a function of the glue without arguments.
    match unsafe { rmport_asker() } {
        0 => Asker::FilePath,
        1 => Asker::Playback,
        _ => Asker::Anyone,
    }
}

/// The tick counter.
pub fn ticks() -> u32 {
    // SAFETY: as above.
    unsafe { rmport_ticks() }
}

/// Microseconds, in steps of a tick; they wrap.
pub fn micros() -> u32 {
    ticks().wrapping_mul(1_000_000 / HZ)
}
