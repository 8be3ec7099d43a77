//! The port over [`Extents`]: the host's kernel, a clock that stands still unless it is moved, and one volume.

use core::ffi::CStr;
use std::sync::{Mutex, MutexGuard};

use rockmem::buflib::{Context, Pool};
use rockmem::house::State;
use rockmem::port::kernel::{Channel, Kernel};
use rockmem::port::monitor::{House, Monitor};
use rockmem::port::storage::{Errno, How, Identity, Names, Opened, Space, Storage};
use rockmem::port::{self, System};

use super::extents::{Extents, LONGEST};
use super::image::SECTOR;

/// The port.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

static HOUSE: Monitor<Plain> = Monitor::new(State::new());
static VOLUME: Mutex<Option<Extents>> = Mutex::new(None);
static ONE_WORLD: Mutex<()> = Mutex::new(());

/// Works on the volume of this world.
pub fn volume<R>(work: impl FnOnce(&mut Extents) -> R) -> R {
    let mut guard = VOLUME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    work(guard.as_mut().expect("a world"))
}

fn text(path: &CStr) -> &str {
    path.to_str().expect("a path of ours")
}

impl Kernel for Plain {
    fn lock() {
        System::lock();
    }

    unsafe fn unlock() {
        // SAFETY: the caller's promise.
        unsafe { System::unlock() }
    }

    unsafe fn wait(channel: Channel, ticks: Option<u32>) {
        // SAFETY: the caller's promise.
        unsafe { System::wait(channel, ticks) }
    }

    fn wake(channel: Channel) {
        System::wake(channel);
    }

    fn ticks() -> u32 {
        port::ticks()
    }

    fn start(entry: fn()) -> Result<(), Errno> {
        System::start(entry)
    }

    fn set_errno(error: Errno) {
        System::set_errno(error);
    }
}

impl Storage for Plain {
    const SECTOR: usize = SECTOR;
    const TRANSFER: usize = LONGEST * SECTOR;

    fn open(path: &CStr, how: How) -> Result<Opened, Errno> {
        volume(|volume| volume.open(text(path), how))
    }

    fn close(stream: i32) -> Result<(), Errno> {
        volume(|volume| volume.close(stream))
    }

    fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        volume(|volume| volume.read_at(stream, offset, into))
    }

    fn write_at(stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
        volume(|volume| volume.write_at(stream, offset, from))
    }

    fn truncate(stream: i32, size: u64) -> Result<(), Errno> {
        volume(|volume| volume.truncate(stream, size))
    }

    fn sync(stream: i32) -> Result<Identity, Errno> {
        volume(|volume| volume.sync(stream))
    }

    fn space(_stream: i32) -> Space {
        volume(|volume| volume.space())
    }
}

impl Names for Plain {
    fn remove(path: &CStr) -> Result<(), Errno> {
        volume(|volume| volume.remove(text(path)))
    }

    fn rename(from: &CStr, to: &CStr) -> Result<(), Errno> {
        volume(|volume| volume.rename(text(from), text(to)))
    }
}

impl House for Plain {
    type State = State;

    fn monitor() -> &'static Monitor<Self> {
        &HOUSE
    }
}

/// A pool, fresh floors and a volume, one at a time.
pub struct World {
    _only: MutexGuard<'static, ()>,
    pool: Pool,
    context: *mut Context,
    memory: *mut [u64],
}

impl World {
    /// A pool of so many bytes over a volume.
    pub fn new(bytes: usize, on: Extents) -> World {
        let only = ONE_WORLD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *VOLUME.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(on);
        *HOUSE.enter() = State::new();
        let context = Box::into_raw(Box::new(Context::new()));
        let memory = Box::into_raw(vec![0u64; bytes.div_ceil(8)].into_boxed_slice());
        // SAFETY: both are this world's alone until it ends.
        let pool = unsafe {
            Pool::init(context, memory.cast(), bytes);
            Pool::new(context)
        };
        World { _only: only, pool, context, memory }
    }

    /// Its pool.
    pub fn pool(&self) -> Pool {
        self.pool
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        *HOUSE.enter() = State::new();
        // SAFETY: made in `new`; nothing uses them any more.
        unsafe {
            drop(Box::from_raw(self.context));
            drop(Box::from_raw(self.memory));
        }
    }
}
