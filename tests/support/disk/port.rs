//! The port of tests and benches: the host's kernel over one volume on a disk that is watched.
//!
//! ```text
//!   World::new(pool bytes, volume, disk)     one at a time: fresh floors, a pool of its own
//!      │ Plain: Storage ──► Volume ──► Extents, or a FAT volume
//!      └ media(…)                          └────────► Media
//! ```

use core::ffi::CStr;
use std::sync::{Mutex, MutexGuard};

use rockmem::buflib::Pool;
use rockmem::house::State;
use rockmem::port::kernel::{Channel, Kernel};
use rockmem::port::monitor::{House, Monitor};
use rockmem::port::storage::{Errno, How, Identity, Names, Opened, Space, Storage};
use rockmem::port::{self, System};

use super::extents::LONGEST;
use super::image::SECTOR;
use super::media::{Media, Shared};
use super::memory::Memory;

/// Files on a disk, without a cache.
pub trait Volume: Send {
    fn open(&mut self, path: &CStr, how: How) -> Result<Opened, Errno>;
    fn close(&mut self, stream: i32) -> Result<(), Errno>;
    fn read_at(&mut self, stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno>;
    fn write_at(&mut self, stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno>;
    fn truncate(&mut self, stream: i32, size: u64) -> Result<(), Errno>;
    fn sync(&mut self, stream: i32) -> Result<Identity, Errno>;
    fn space(&self) -> Space;
    fn remove(&mut self, path: &CStr) -> Result<Option<Identity>, Errno>;
    fn rename(&mut self, from: &CStr, to: &CStr) -> Result<Option<Identity>, Errno>;

    /// Ends the mount in order.
    fn unmount(self: Box<Self>) -> Result<(), Errno> {
        Ok(())
    }
}

/// The port.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

static HOUSE: Monitor<Plain> = Monitor::new(State::new());
static VOLUME: Mutex<Option<Box<dyn Volume>>> = Mutex::new(None);
static MEDIA: Mutex<Option<Shared>> = Mutex::new(None);
static ONE_WORLD: Mutex<()> = Mutex::new(());

fn hold<T>(what: &'static Mutex<T>) -> MutexGuard<'static, T> {
    what.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Works on the volume of this world.
fn volume<R>(work: impl FnOnce(&mut dyn Volume) -> R) -> R {
    work(hold(&VOLUME).as_mut().expect("a world").as_mut())
}

/// Works on the disk of this world.
pub fn media<R>(work: impl FnOnce(&mut Media) -> R) -> R {
    let shared = hold(&MEDIA).clone().expect("a world");
    work(&mut shared.lock())
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

    fn thread() -> usize {
        System::thread()
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
        volume(|volume| volume.open(path, how))
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
    fn remove(path: &CStr) -> Result<Option<Identity>, Errno> {
        volume(|volume| volume.remove(path))
    }

    fn rename(from: &CStr, to: &CStr) -> Result<Option<Identity>, Errno> {
        volume(|volume| volume.rename(from, to))
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
    memory: Memory,
}

impl World {
    /// A pool of so many bytes over a volume, which lies on a disk.
    pub fn new(bytes: usize, on: Box<dyn Volume>, disk: Shared) -> World {
        let only = hold(&ONE_WORLD);
        *hold(&VOLUME) = Some(on);
        *hold(&MEDIA) = Some(disk);
        *HOUSE.enter() = State::new();
        World { _only: only, memory: Memory::new(bytes) }
    }

    /// Takes the volume off the disk in order; nothing works after it.
    pub fn unmount(&self) -> Result<(), Errno> {
        hold(&VOLUME).take().map_or(Ok(()), Volume::unmount)
    }

    /// Another volume is there from now on; what was there is gone without a word.
    pub fn insert(&self, on: Box<dyn Volume>) {
        *hold(&VOLUME) = Some(on);
    }

    /// Its pool.
    pub fn pool(&self) -> Pool {
        self.memory.pool
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        *HOUSE.enter() = State::new();
        *hold(&VOLUME) = None;
        *hold(&MEDIA) = None;
    }
}
