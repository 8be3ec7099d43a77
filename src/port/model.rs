//! The model port of the tests: a disk in memory that counts, fails and waits as it is told, under the host's lock.
//!
//! ```text
//!   World::new(pool bytes)   one at a time: an empty disk, a pool of its own, fresh floors
//!     put(path, bytes)       a file; put again: another version of it
//!     faults                 the n-th read fails, once or for ever; the n-th allocation of the floors fails
//!     hold() … release()     reads stop at the door until they are let in
//! ```

use core::ffi::CStr;
use std::boxed::Box;
use std::collections::HashMap;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec::Vec;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::imp::gate::Gate;
use super::imp::kernel as host;
use super::kernel::{Channel, Kernel};
use super::monitor::{Guard, House, Monitor};
use super::storage::{Errno, Identity, Opened, Storage};
use crate::buffering::{self, Buffered};
use crate::buflib::{Context, Pool};
use crate::cache::Cached;
use crate::house::State;
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::faults;

/// The model, as a port.
#[derive(Clone, Copy, Debug)]
pub struct Model;

static GATE: Gate = Gate::new();
static HOUSE: Monitor<Model> = Monitor::new(State::new());
static ONE_WORLD: Mutex<()> = Mutex::new(());
static DISK: Mutex<Option<Disk>> = Mutex::new(None);
static DOOR: Condvar = Condvar::new();

#[derive(Clone)]
struct File {
    number: u64,
    stamp: u64,
    bytes: Arc<Vec<u8>>,
}

/// What the disk has seen, and what it shall do.
#[derive(Default)]
struct Disk {
    files: HashMap<String, File>,
    streams: Vec<Option<File>>,
    stamp: u64,
    reads: u64,
    opens: u64,
    largest: usize,
    fail_read: Option<u64>,
    fail_ever: bool,
    held: bool,
    waiting: u32,
}

fn disk<R>(work: impl FnOnce(&mut Disk) -> R) -> R {
    work(DISK.lock().as_mut().expect("a world"))
}

impl Kernel for Model {
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
        crate::port::ticks()
    }

    fn start(entry: fn()) -> Result<(), Errno> {
        host::start(entry)
    }

    fn set_errno(error: Errno) {
        host::set_errno(error);
    }
}

impl Storage for Model {
    const SECTOR: usize = 512;
    const TRANSFER: usize = 256 * 512;

    fn open(path: &CStr) -> Result<Opened, Errno> {
        disk(|disk| {
            let file = disk.files.get(path.to_str().expect("text")).cloned().ok_or(Errno::NOENT)?;
            disk.opens += 1;
            let (volume, size) = (1, file.bytes.len() as u64);
            let identity = Identity { volume, file: file.number, size, stamp: file.stamp };
            let free = disk.streams.iter().position(Option::is_none);
            let stream = free.unwrap_or_else(|| {
                disk.streams.push(None);
                disk.streams.len() - 1
            });
            disk.streams[stream] = Some(file);
            Ok(Opened { stream: stream as i32, identity })
        })
    }

    fn close(stream: i32) {
        disk(|disk| {
            let open = disk.streams[stream as usize].take();
            assert!(open.is_some(), "stream {stream} is closed twice");
        });
    }

    fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        let mut guard = DISK.lock();
        while guard.as_ref().expect("a world").held {
            guard.as_mut().expect("a world").waiting += 1;
            DOOR.notify_all();
            DOOR.wait(&mut guard);
            guard.as_mut().expect("a world").waiting -= 1;
        }
        let disk = guard.as_mut().expect("a world");
        disk.reads += 1;
        disk.largest = disk.largest.max(into.len());
        match disk.fail_read {
            Some(1) => {
                disk.fail_read = disk.fail_ever.then_some(1);
                return Err(Errno::IO);
            }
            Some(n) => disk.fail_read = Some(n - 1),
            None => {}
        }
        let file = disk.streams[stream as usize].as_ref().expect("an open stream");
        let start = (offset as usize).min(file.bytes.len());
        let got = into.len().min(file.bytes.len() - start);
        into[..got].copy_from_slice(&file.bytes[start..start + got]);
        Ok(got)
    }
}

impl House for Model {
    type State = State;

    fn monitor() -> &'static Monitor<Self> {
        &HOUSE
    }
}

/// One test's world. It ends with the test: the thread is gone, streams are closed, the pool is sound.
pub struct World {
    _only: MutexGuard<'static, ()>,
    pool: Pool,
    ctx: *mut Context,
    memory: *mut [u64],
}

// SAFETY: the pool, the disk and the floors have locks, and the other fields are not touched before the world ends.
unsafe impl Sync for World {}

impl World {
    /// A new world with a pool of so many bytes.
    pub fn new(bytes: usize) -> World {
        let only = ONE_WORLD.lock();
        faults::clear();
        *DISK.lock() = Some(Disk::default());
        *HOUSE.enter() = State::new();
        let ctx = Box::into_raw(Box::new(Context::new()));
        let memory = Box::into_raw(std::vec![0u64; bytes.div_ceil(8)].into_boxed_slice());
        // SAFETY: both are this world's alone until it ends.
        let pool = unsafe {
            Pool::init(ctx, memory.cast(), bytes);
            Pool::new(ctx)
        };
        World { _only: only, pool, ctx, memory }
    }

    /// Its pool.
    pub fn pool(&self) -> Pool {
        self.pool
    }

    /// The floors' state.
    pub fn enter(&self) -> Guard<Model> {
        HOUSE.enter()
    }

    /// Writes a file; a file that was there gets another version.
    pub fn put(&self, path: &str, bytes: Vec<u8>) {
        disk(|disk| {
            disk.stamp += 1;
            let (stamp, next) = (disk.stamp, disk.files.len() as u64 + 1);
            let number = disk.files.get(path).map_or(next, |file| file.number);
            disk.files.insert(path.to_string(), File { number, stamp, bytes: Arc::new(bytes) });
        });
    }

    /// Writes a file of bytes that tell their place.
    pub fn put_pattern(&self, path: &str, len: usize) -> Vec<u8> {
        let bytes = pattern(len);
        self.put(path, bytes.clone());
        bytes
    }

    /// Takes bytes off the end of an open file, without a word.
    pub fn cut(&self, path: &str, len: usize) {
        disk(|disk| {
            let number = disk.files[path].number;
            for file in disk.streams.iter_mut().flatten().filter(|file| file.number == number) {
                file.bytes = Arc::new(file.bytes[..len].to_vec());
            }
        });
    }

    /// Read commands so far.
    pub fn reads(&self) -> u64 {
        disk(|disk| disk.reads)
    }

    /// Open streams.
    pub fn streams(&self) -> usize {
        disk(|disk| disk.streams.iter().flatten().count())
    }

    /// The longest read so far.
    pub fn largest_read(&self) -> usize {
        disk(|disk| disk.largest)
    }

    /// The n-th read from now on fails, or that and all after it.
    pub fn fail_read(&self, n: u64, ever: bool) {
        disk(|disk| (disk.fail_read, disk.fail_ever) = (Some(n), ever));
    }

    /// No read fails any more.
    pub fn heal(&self) {
        disk(|disk| disk.fail_read = None);
    }

    /// Reads stop before they begin.
    pub fn hold(&self) {
        disk(|disk| disk.held = true);
    }

    /// Waits until a read has stopped.
    pub fn wait_for_a_held_read(&self) {
        let mut guard = DISK.lock();
        while guard.as_ref().is_some_and(|disk| disk.waiting == 0) {
            DOOR.wait(&mut guard);
        }
    }

    /// Lets them all go on.
    pub fn release(&self) {
        disk(|disk| disk.held = false);
        DOOR.notify_all();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The floors may be in any state: the next world gets new ones, and this one's memory stays.
            return;
        }
        self.heal();
        self.release();
        let mut g = self.enter();
        while let Some(id) = g.buffering().first() {
            buffering::open::close(&mut g, id);
        }
        g.buffering().stop = true;
        Model::wake(Channel::Work);
        while g.buffering().running() {
            g.wait(Channel::Data, None);
        }
        *g = State::new();
        drop(g);
        self.pool.check_valid();
        // SAFETY: made in `new`; nothing uses them any more.
        unsafe {
            drop(Box::from_raw(self.ctx));
            drop(Box::from_raw(self.memory));
        }
    }
}

/// Bytes that tell their place.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(24) as u8).collect()
}

/// A generator of numbers for tests: the same ones for the same seed.
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

/// Bytes of segments, for tests that look at the cache.
pub fn segments(g: &mut Guard<Model>) -> u64 {
    g.cache().bytes()
}

/// Users of files that are open.
pub fn open_objects(g: &mut Guard<Model>) -> usize {
    g.maps().objects.all().iter().filter(|object| object.open()).count()
}
