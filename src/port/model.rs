//! The model port of the tests: a disk in memory that counts, fails and waits as it is told, under the host's lock, or
//! with threads that take turns (`turns.rs`).
//!
//! ```text
//!   World::new(pool bytes)   one at a time: an empty disk, a pool of its own, fresh floors
//!     put(path, bytes)       a file; put again: another version of it
//!     bytes_of(path)         what a file holds on the disk now
//!     faults                 the n-th read or write fails, once or for ever; the n-th allocation of the floors fails
//!     limit(bytes)           the room on the volume
//!     hold() … release()     reads stop at the door until they are let in
//! ```

use core::ffi::CStr;
use std::boxed::Box;
use std::collections::HashMap;
use std::string::{String, ToString};
use std::vec::Vec;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::failing::{Failing, Fault};
use super::imp::gate::Gate;
use super::imp::kernel as host;
use super::kernel::{Channel, Kernel};
use super::monitor::{Guard, House, Monitor};
use super::storage::{Claim, Errno, How, Identity, Names, Opened, Space, Storage};
use super::turns;
use crate::buffering::{self, Buffered};
use crate::buflib::{Context, Pool};
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

/// A file: named, open, or both. Another version of it, put under the same name, is another one with the same number.
struct File {
    number: u64,
    stamp: u64,
    bytes: Vec<u8>,
    streams: u32,
    named: bool,
}

/// What the disk has seen, and what it shall do.
#[derive(Default)]
struct Disk {
    names: HashMap<String, usize>,
    files: Vec<File>,
    /// By stream: which of the files.
    streams: Vec<Option<usize>>,
    stamp: u64,
    reads: u64,
    writes: u64,
    syncs: u64,
    opens: u64,
    largest: usize,
    largest_write: usize,
    /// Commands that begin inside a sector, or end inside one before the end of the file.
    ragged: u64,
    /// Descriptors of somebody else's: what they are of, and for.
    lent: HashMap<i32, (usize, Claim)>,
    failing: Failing,
    limit: Option<u64>,
    /// Streams that were asked for to read with can do nothing else.
    modest: bool,
    held: bool,
    waiting: u32,
    /// What happens once a file has been opened, before its opener hears of it.
    opened: Option<Box<dyn FnOnce() + Send>>,
    /// What happens once a file has been changed, before who changed it hears of it.
    changed: Option<Box<dyn FnOnce() + Send>>,
    /// What happens before a name is taken from a file.
    renaming: Option<Box<dyn FnOnce() + Send>>,
    /// What happens once a file has been synced, before who synced it hears of it.
    synced: Option<Box<dyn FnOnce() + Send>>,
}

/// What the model's files grow by.
const UNIT: u64 = 4096;

impl Disk {
    fn identity(&self, file: usize) -> Identity {
        let file = &self.files[file];
        let volume = self.failing.volume();
        Identity { volume, file: file.number, size: file.bytes.len() as u64, stamp: file.stamp }
    }

    /// The file of a stream, if its volume is there still.
    fn there(&self, stream: i32) -> Result<usize, Errno> {
        match self.failing.dead.contains(&stream) {
            true => Err(Errno::NXIO),
            false => Ok(self.streams[stream as usize].expect("an open stream")),
        }
    }

    fn open_file(&mut self, stream: i32) -> &mut File {
        let file = self.streams[stream as usize].expect("an open stream");
        &mut self.files[file]
    }

    fn stream_of(&mut self, file: usize) -> Opened {
        self.opens += 1;
        self.files[file].streams += 1;
        let free = self.streams.iter().position(Option::is_none);
        let stream = free.unwrap_or_else(|| {
            self.streams.push(None);
            self.streams.len() - 1
        });
        self.streams[stream] = Some(file);
        self.failing.dead.remove(&(stream as i32));
        Opened { stream: stream as i32, identity: self.identity(file), writable: true }
    }

    fn make(&mut self, path: &str, number: u64, bytes: Vec<u8>) -> usize {
        self.files.push(File { number, stamp: self.stamp, bytes, streams: 0, named: true });
        self.names.insert(path.to_string(), self.files.len() - 1);
        self.files.len() - 1
    }

    /// Bytes of clusters that files hold which are named or open.
    fn used(&self) -> u64 {
        let living = self.files.iter().filter(|file| file.named || file.streams > 0);
        living.map(|file| (file.bytes.len() as u64).next_multiple_of(UNIT)).sum()
    }

    /// A file has lost its name.
    fn buried(&mut self, file: usize) -> Option<Identity> {
        self.files[file].named = false;
        Some(self.identity(file))
    }

    fn free(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.used()))
    }
}

fn disk<R>(work: impl FnOnce(&mut Disk) -> R) -> R {
    work(DISK.lock().as_mut().expect("a world"))
}

impl Kernel for Model {
    fn lock() {
        if !turns::lock() {
            GATE.lock();
        }
    }

    unsafe fn unlock() {
        if !turns::unlock() {
            // SAFETY: the caller's promise.
            unsafe { GATE.unlock() }
        }
    }

    unsafe fn wait(channel: Channel, ticks: Option<u32>) {
        if !turns::wait(channel, ticks) {
            // SAFETY: the caller's promise.
            unsafe { GATE.wait(channel, ticks) }
        }
    }

    fn wake(channel: Channel) {
        if !turns::wake(channel) {
            GATE.wake(channel);
        }
    }

    fn ticks() -> u32 {
        crate::port::ticks()
    }

    fn thread() -> usize {
        host::thread()
    }

    fn start(entry: fn()) -> Result<(), Errno> {
        if turns::start(entry) { Ok(()) } else { host::start(entry) }
    }

    fn set_errno(error: Errno) {
        host::set_errno(error);
    }
}

impl Storage for Model {
    const SECTOR: usize = 512;
    const TRANSFER: usize = 256 * 512;

    fn open(path: &CStr, how: How) -> Result<Opened, Errno> {
        let path = path.to_str().expect("text");
        let opened = disk(|disk| {
            let file = match disk.names.get(path) {
                Some(_) if how.contains(How::CREATE | How::EXCLUSIVE) => return Err(Errno::EXIST),
                Some(file) => *file,
                None if how.contains(How::CREATE) => disk.make(path, disk.files.len() as u64 + 1, Vec::new()),
                None => return Err(Errno::NOENT),
            };
            let opened = disk.stream_of(file);
            Ok(Opened { writable: how.contains(How::WRITE) || !disk.modest, ..opened })
        });
        happens(|disk| disk.opened.take());
        opened
    }

    fn close(stream: i32) -> Result<(), Errno> {
        disk(|disk| {
            let file = disk.streams[stream as usize].take();
            disk.files[file.expect("a stream that is not closed twice")].streams -= 1;
            Ok(())
        })
    }

    fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        let _ends = Transfer::begins();
        let mut guard = at_the_door();
        let disk = guard.as_mut().expect("a world");
        disk.reads += 1;
        disk.largest = disk.largest.max(into.len());
        disk.there(stream)?;
        if disk.failing.reads.strikes() {
            return Err(Errno::IO);
        }
        let (sector, end) = (Self::SECTOR as u64, offset + into.len() as u64);
        let file = disk.open_file(stream);
        let inside = !offset.is_multiple_of(sector) || (!end.is_multiple_of(sector) && end < file.bytes.len() as u64);
        disk.ragged += u64::from(inside);
        let file = disk.open_file(stream);
        let start = (offset as usize).min(file.bytes.len());
        let got = into.len().min(file.bytes.len() - start);
        into[..got].copy_from_slice(&file.bytes[start..start + got]);
        Ok(got)
    }

    fn write_at(stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
        let _ends = Transfer::begins();
        let mut guard = at_the_door();
        let disk = guard.as_mut().expect("a world");
        disk.writes += 1;
        disk.largest_write = disk.largest_write.max(from.len());
        let number = disk.files[disk.there(stream)?].number;
        disk.stamp += 1;
        disk.failing.change(number);
        if disk.failing.writes.strikes() {
            disk.failing.note(number);
            let (torn, stamp) = (disk.failing.torn, disk.stamp);
            let file = disk.open_file(stream);
            let start = (offset as usize).min(file.bytes.len());
            let half = (from.len() / 2).min(file.bytes.len() - start) / Self::SECTOR * Self::SECTOR;
            if torn && half > 0 {
                file.bytes[start..start + half].copy_from_slice(&from[..half]);
                file.stamp = stamp;
            }
            return Err(Errno::IO);
        }
        let free = disk.free().unwrap_or(u64::MAX);
        let stamp = disk.stamp;
        let file = disk.open_file(stream);
        let (start, length) = (offset as usize, file.bytes.len());
        let end = start + from.len();
        let inside = !start.is_multiple_of(Self::SECTOR) || (!end.is_multiple_of(Self::SECTOR) && end < length);
        assert!(start <= length, "a write at {start} leaves a hole behind {length}");
        let room = (length as u64).next_multiple_of(UNIT).saturating_add(free);
        let put = from.len().min(usize::try_from(room.saturating_sub(offset)).unwrap_or(usize::MAX));
        if put == 0 && !from.is_empty() {
            return Err(Errno::NOSPC);
        }
        file.bytes.resize(length.max(start + put), 0);
        file.bytes[start..start + put].copy_from_slice(&from[..put]);
        file.stamp = stamp;
        disk.ragged += u64::from(inside);
        drop(guard);
        happens(|disk| disk.changed.take());
        Ok(put)
    }

    fn truncate(stream: i32, size: u64) -> Result<(), Errno> {
        let cut = disk(|disk| {
            disk.stamp += 1;
            let (stamp, file) = (disk.stamp, disk.there(stream)?);
            if disk.failing.cuts.strikes() {
                return Err(Errno::IO);
            }
            let file = &mut disk.files[file];
            file.bytes.truncate(size as usize);
            file.stamp = stamp;
            disk.failing.change(file.number);
            Ok(())
        });
        happens(|disk| disk.changed.take());
        cut
    }

    fn sync(stream: i32) -> Result<Identity, Errno> {
        let synced = disk(|disk| {
            disk.syncs += 1;
            let file = disk.there(stream)?;
            let number = disk.files[file].number;
            if disk.failing.syncs.strikes() {
                disk.failing.note(number);
                return Err(Errno::IO);
            }
            disk.failing.unsynced.remove(&number);
            Ok(disk.identity(file))
        });
        happens(|disk| disk.synced.take());
        synced
    }

    fn claim(fd: i32) -> Result<(Opened, Claim), Errno> {
        let claimed = disk(|disk| {
            let (file, mut claim) = disk.lent.get(&fd).copied().ok_or(Errno::BADF)?;
            claim.set(Claim::NAMELESS, !disk.files[file].named);
            Ok((disk.stream_of(file), claim))
        });
        if let Some(meanwhile) = disk(|disk| disk.opened.take()) {
            meanwhile();
        }
        claimed
    }

    fn space(_stream: i32) -> Space {
        Space { unit: UNIT as u32, free: disk(|disk| disk.free()) }
    }
}

/// Others may go on when a transfer begins and when it ends.
struct Transfer;

impl Transfer {
    fn begins() -> Self {
        turns::transfer();
        Transfer
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        turns::transfer();
    }
}

/// What shall happen at this moment happens.
fn happens(what: impl FnOnce(&mut Disk) -> Option<Box<dyn FnOnce() + Send>>) {
    if let Some(meanwhile) = disk(what) {
        meanwhile();
    }
}

/// The disk, once transfers are let in.
fn at_the_door() -> MutexGuard<'static, Option<Disk>> {
    let mut guard = DISK.lock();
    while guard.as_ref().expect("a world").held {
        guard.as_mut().expect("a world").waiting += 1;
        DOOR.notify_all();
        DOOR.wait(&mut guard);
        guard.as_mut().expect("a world").waiting -= 1;
    }
    guard
}

impl Names for Model {
    fn remove(path: &CStr) -> Result<Option<Identity>, Errno> {
        happens(|disk| disk.renaming.take());
        disk(|disk| {
            let file = disk.names.remove(path.to_str().expect("text")).ok_or(Errno::NOENT)?;
            Ok(disk.buried(file))
        })
    }

    fn rename(from: &CStr, to: &CStr) -> Result<Option<Identity>, Errno> {
        happens(|disk| disk.renaming.take());
        disk(|disk| {
            let file = disk.names.remove(from.to_str().expect("text")).ok_or(Errno::NOENT)?;
            let victim = disk.names.insert(to.to_str().expect("text").to_string(), file);
            Ok(victim.filter(|victim| *victim != file).and_then(|victim| disk.buried(victim)))
        })
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
            let old = disk.names.get(path).copied();
            if let Some(old) = old {
                disk.files[old].named = false;
            }
            let number = old.map_or(disk.files.len() as u64 + 1, |old| disk.files[old].number);
            disk.make(path, number, bytes);
        });
    }

    /// Writes a file of bytes that tell their place.
    pub fn put_pattern(&self, path: &str, len: usize) -> Vec<u8> {
        let bytes = pattern(len);
        self.put(path, bytes.clone());
        bytes
    }

    /// A file of this number, as when the disk gives a removed file's place to another.
    pub fn put_as(&self, path: &str, number: u64, bytes: Vec<u8>) {
        disk(|disk| {
            disk.stamp += 1;
            disk.make(path, number, bytes);
        });
    }

    /// The number of a file.
    pub fn number_of(&self, path: &str) -> u64 {
        disk(|disk| disk.files[disk.names[path]].number)
    }

    /// Somebody else has opened a file under a number of its own.
    pub fn lend(&self, fd: i32, path: &str, claim: Claim) {
        disk(|disk| disk.lent.insert(fd, (disk.names[path], claim)));
    }

    /// Commands so far that began or ended inside a sector.
    pub fn ragged(&self) -> u64 {
        disk(|disk| disk.ragged)
    }

    /// Takes bytes off the end of a file, without a word.
    pub fn cut(&self, path: &str, len: usize) {
        disk(|disk| {
            let file = disk.names[path];
            disk.files[file].bytes.truncate(len);
        });
    }

    /// What a file holds on the disk; None if there is none of this name.
    pub fn bytes_of(&self, path: &str) -> Option<Vec<u8>> {
        on_the_disk(path)
    }

    /// The room on the volume, in bytes of clusters; without this call nobody has counted it.
    pub fn limit(&self, bytes: u64) {
        disk(|disk| disk.limit = Some(bytes));
    }

    /// From now on streams can write only where that was asked for.
    pub fn modest(&self) {
        disk(|disk| disk.modest = true);
    }

    /// Read commands so far.
    pub fn reads(&self) -> u64 {
        disk(|disk| disk.reads)
    }

    /// Write commands so far.
    pub fn writes(&self) -> u64 {
        disk(|disk| disk.writes)
    }

    /// Syncs so far.
    pub fn syncs(&self) -> u64 {
        disk(|disk| disk.syncs)
    }

    /// Open streams.
    pub fn streams(&self) -> usize {
        disk(|disk| disk.streams.iter().flatten().count())
    }

    /// The longest read so far.
    pub fn largest_read(&self) -> usize {
        disk(|disk| disk.largest)
    }

    /// The longest write so far.
    pub fn largest_write(&self) -> usize {
        disk(|disk| disk.largest_write)
    }

    /// The n-th read from now on fails, or that and all after it.
    pub fn fail_read(&self, n: u64, ever: bool) {
        self.fail_reads(n, if ever { u64::MAX } else { 1 });
    }

    /// The n-th read from now on fails, and so many in all.
    pub fn fail_reads(&self, n: u64, times: u64) {
        disk(|disk| disk.failing.reads = Fault::new(n, times));
    }

    /// The n-th write from now on fails, or that and all after it.
    pub fn fail_write(&self, n: u64, ever: bool) {
        disk(|disk| disk.failing.writes = Fault::new(n, if ever { u64::MAX } else { 1 }));
    }

    /// The n-th sync from now on fails.
    pub fn fail_sync(&self, n: u64) {
        disk(|disk| disk.failing.syncs = Fault::new(n, 1));
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        failing(|failing| failing.heal());
    }

    /// The next time that a file is opened, this happens before its opener hears what the file is.
    pub fn when_opened(&self, meanwhile: impl FnOnce() + Send + 'static) {
        disk(|disk| disk.opened = Some(Box::new(meanwhile)));
    }

    /// The next time that a file is changed, this happens before who changed it hears that it is done.
    pub fn when_changed(&self, meanwhile: impl FnOnce() + Send + 'static) {
        disk(|disk| disk.changed = Some(Box::new(meanwhile)));
    }

    /// The next time that a file is brought to the disk, this happens before who does it hears that it is done.
    pub fn when_synced(&self, meanwhile: impl FnOnce() + Send + 'static) {
        disk(|disk| disk.synced = Some(Box::new(meanwhile)));
    }

    /// The next time that a name is removed or given to another file, this happens before.
    pub fn when_renaming(&self, meanwhile: impl FnOnce() + Send + 'static) {
        disk(|disk| disk.renaming = Some(Box::new(meanwhile)));
    }

    /// Transfers stop before they begin.
    pub fn hold(&self) {
        disk(|disk| disk.held = true);
    }

    /// Waits until a transfer has stopped.
    pub fn wait_for_a_held_transfer(&self) {
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

/// What a file holds on the disk of the world that is; None if there is none of this name.
pub fn on_the_disk(path: &str) -> Option<Vec<u8>> {
    disk(|disk| disk.names.get(path).map(|file| disk.files[*file].bytes.clone()))
}

/// What the file of this number holds; None if it has no name any more.
pub fn named(number: u64) -> Option<Vec<u8>> {
    disk(|disk| disk.files.iter().find(|file| file.named && file.number == number).map(|file| file.bytes.clone()))
}

/// What fails of the disk of the world that is, and what has failed.
pub fn failing<R>(work: impl FnOnce(&mut Failing) -> R) -> R {
    disk(|disk| work(&mut disk.failing))
}

/// The volume is pulled, and put back before anybody sees: no stream leads anywhere. The number that it had; the floors
/// are still to be told.
pub fn pull() -> u64 {
    disk(|disk| {
        disk.failing.dead.extend((0..).zip(&disk.streams).filter(|(_, file)| file.is_some()).map(|(n, _)| n));
        disk.failing.pulls += 1;
        // What is there is what somebody finds who looks.
        disk.failing.unsynced.clear();
        disk.failing.pulls
    })
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
    crate::cache::bytes(g)
}

/// Users of files that are open.
pub fn open_objects(g: &mut Guard<Model>) -> usize {
    g.maps().objects.all().iter().filter(|object| object.open()).count()
}

/// Waits until no file is open: the filler closes what it was at work on in its own time.
pub fn until_closed(g: &mut Guard<Model>) {
    for _ in 0..10_000 {
        if open_objects(g) == 0 && disk(|disk| disk.streams.iter().all(Option::is_none)) {
            return;
        }
        g.wait(Channel::Data, Some(1));
    }
    panic!("{} files stay open", open_objects(g));
}
