//! Eight threads read, write and append to the same files, in a pool that is too small for them, while memory is taken
//! and given back: nobody sees a record torn, older than it was, or another one's, and in the end all is on the disk.
//!
//! ```text
//!   file     0 1 2 3 4 5 6 7 0 1 2 3 …     records of 64 bytes, each with one thread that writes it
//!   record   { file, place, version, sum }   versions only grow
//!   long     records of one writer, written by the thousand, past the cache
//!   log      whole records in the order of each writer, none missing
//! ```
//!
//! Over a folder bytes pass straight to the system, whose reads do not wait for writes: there a record may be seen while it
//! is half written, and is read again.
//!
//! Under the thread sanitizer: docs/threads.md has the command.

#[path = "support/dice.rs"]
mod dice;
#[path = "support/disk/mod.rs"]
mod disk;

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use dice::Dice;
use disk::extents::Extents;
use disk::fat::volume::format;
use disk::files::{Files, Mode};
use disk::ours::Ours;
use disk::port::{Plain, World};
use disk::uncached::Uncached;
use rockmem::buflib::{Context, Pool};
use rockmem::cache::Cached;
use rockmem::file::Filed;
use rockmem::port::System;
use rockmem::port::monitor::House;
use rockmem::port::storage::Names;

const THREADS: usize = 8;
const FILES: usize = 2;
const RECORD: usize = 64;
const RECORDS: usize = 1024;
/// A file of one writer has so many blocks of as many records; two blocks are one write.
const BLOCKS: usize = 3;

/// How much is done: less where every access is watched.
fn rounds() -> usize {
    std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1500)
}

/// A record: who it is, which version, and a sum over both in all the rest.
fn record(file: usize, place: usize, version: u32) -> [u8; RECORD] {
    let head = (file as u64) << 48 | (place as u64) << 32 | u64::from(version);
    let mut bytes = [0; RECORD];
    for (n, word) in bytes.chunks_mut(8).enumerate() {
        word.copy_from_slice(&(head.wrapping_mul(2 * n as u64 + 1)).to_le_bytes());
    }
    bytes
}

/// The version of a record, if it is whole and the one that belongs there.
fn whole(bytes: &[u8], file: usize, place: usize) -> Option<u32> {
    let version = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    (bytes == record(file, place, version)).then_some(version)
}

/// The same of one that is.
fn version_of(bytes: &[u8], file: usize, place: usize) -> u32 {
    whole(bytes, file, place).unwrap_or_else(|| panic!("record {place} of file {file} is torn or another one's"))
}

fn name(file: usize) -> String {
    format!("shared{file}")
}

/// What all threads know.
struct Crowd<'a> {
    prefix: &'a str,
    /// The system reads and writes, nobody else.
    passes: bool,
    /// Versions that were written, by file and record: no reader may see an older one than was there when it began.
    written: Vec<Vec<AtomicU32>>,
    /// The same by writer, and block of his file.
    long: Vec<Vec<AtomicU32>>,
    start: Barrier,
}

impl Crowd<'_> {
    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The version of a record that was read, in the end.
    fn version(&self, files: &mut dyn Files, fd: i32, bytes: &mut [u8], file: usize, place: usize) -> u32 {
        // Every time that it is half written it is another write.
        let mut tries = if self.passes { 20 } else { 0 };
        while tries > 0 && whole(bytes, file, place).is_none() {
            files.seek(fd, (place * RECORD) as u64).expect("a place in the file");
            assert_eq!(files.read(fd, bytes), Ok(RECORD));
            tries -= 1;
        }
        version_of(bytes, file, place)
    }

    fn read(&self, files: &mut dyn Files, fd: i32, file: usize, dice: &mut Dice) {
        let place = dice.below(RECORDS);
        let count = (1 + dice.below(40)).min(RECORDS - place);
        let before: Vec<u32> =
            self.written[file][place..place + count].iter().map(|v| v.load(Ordering::SeqCst)).collect();
        let mut bytes = vec![0; count * RECORD];
        files.seek(fd, (place * RECORD) as u64).expect("a place in the file");
        assert_eq!(files.read(fd, &mut bytes), Ok(bytes.len()));
        for (n, bytes) in bytes.chunks_mut(RECORD).enumerate() {
            let version = self.version(files, fd, bytes, file, place + n);
            assert!(version >= before[n], "record {} of {}{} is older than it was", place + n, self.prefix, name(file));
        }
    }

    fn write(&self, files: &mut dyn Files, fd: i32, file: usize, thread: usize, dice: &mut Dice) {
        let place = dice.below(RECORDS / THREADS) * THREADS + thread;
        let version = self.written[file][place].load(Ordering::SeqCst) + 1;
        let bytes = record(file, place, version);
        if dice.below(8) == 0 {
            files.map_write(fd, (place * RECORD) as u64, &bytes).or_else(|_| {
                // Somebody holds a mapping beside it, or there is no memory for one.
                files.seek(fd, (place * RECORD) as u64)?;
                files.write(fd, &bytes).map(drop)
            })
        } else {
            files.seek(fd, (place * RECORD) as u64).expect("a place in the file");
            files.write(fd, &bytes).map(drop)
        }
        .expect("a record");
        self.written[file][place].store(version, Ordering::SeqCst);
    }

    /// Two blocks of a thread's own file at once.
    fn write_long(&self, files: &mut dyn Files, thread: usize, dice: &mut Dice) {
        let fd = files.open(&self.path(&format!("long{thread}")), Mode::Write).expect("open");
        let block = dice.below(BLOCKS - 1);
        let blocks = &self.long[thread][block..block + 2];
        let version = blocks.iter().map(|block| block.load(Ordering::SeqCst)).max().unwrap_or(0) + 1;
        let places = block * RECORDS..(block + 2) * RECORDS;
        let bytes: Vec<u8> = places.flat_map(|place| record(FILES + 1 + thread, place, version)).collect();
        files.seek(fd, (block * RECORDS * RECORD) as u64).expect("a place in the file");
        assert_eq!(files.write(fd, &bytes), Ok(bytes.len()));
        blocks.iter().for_each(|block| block.store(version, Ordering::SeqCst));
        files.close(fd).expect("on the disk");
    }

    fn read_long(&self, files: &mut dyn Files, dice: &mut Dice) {
        let (thread, place) = (dice.below(THREADS), dice.below(BLOCKS * RECORDS));
        let count = (1 + dice.below(1500)).min(BLOCKS * RECORDS - place);
        let before: Vec<u32> = self.long[thread].iter().map(|block| block.load(Ordering::SeqCst)).collect();
        let fd = files.open(&self.path(&format!("long{thread}")), Mode::Read).expect("open");
        let mut bytes = vec![0; count * RECORD];
        files.seek(fd, (place * RECORD) as u64).expect("a place in the file");
        assert_eq!(files.read(fd, &mut bytes), Ok(bytes.len()));
        for (n, bytes) in bytes.chunks_mut(RECORD).enumerate() {
            let version = self.version(files, fd, bytes, FILES + 1 + thread, place + n);
            assert!(
                version >= before[(place + n) / RECORDS],
                "record {} of {}long{thread} is old",
                place + n,
                self.prefix
            );
        }
        files.close(fd).expect("closed");
    }

    fn one<H: House<State: Filed> + Names>(&self, pool: Pool, thread: usize) {
        let mut files = Ours::<H>::new(pool);
        let mut dice = Dice(thread as u64 * 7919 + 17);
        let open = |files: &mut Ours<H>, file: usize| files.open(&self.path(&name(file)), Mode::Write).expect("open");
        let mut fds: Vec<i32> = (0..FILES).map(|file| open(&mut files, file)).collect();
        let mut logged = 0;
        self.start.wait();
        for _ in 0..rounds() {
            let file = dice.below(FILES);
            match dice.below(100) {
                0..2 => self.write_long(&mut files, thread, &mut dice),
                2..5 => self.read_long(&mut files, &mut dice),
                5..50 => self.read(&mut files, fds[file], file, &mut dice),
                50..85 => self.write(&mut files, fds[file], file, thread, &mut dice),
                85..92 => {
                    let log = files.open(&self.path("log"), Mode::Append).expect("the log");
                    assert_eq!(files.write(log, &record(FILES, thread, logged)), Ok(RECORD));
                    files.close(log).expect("on the disk");
                    logged += 1;
                }
                92..95 => files.sync(fds[file]).expect("on the disk"),
                95..98 => {
                    files.close(fds[file]).expect("on the disk");
                    fds[file] = open(&mut files, file);
                }
                _ => {
                    let handle = pool.alloc(20_000 + dice.below(60_000), std::ptr::null());
                    thread::yield_now();
                    if handle > 0 {
                        pool.free(handle);
                    }
                }
            }
        }
        for fd in fds {
            files.close(fd).expect("on the disk");
        }
        self.written[FILES][thread].store(logged, Ordering::SeqCst);
    }
}

/// Lets the crowd loose on a port; paths begin with `prefix`.
fn crowd<H: House<State: Filed> + Names>(pool: Pool, prefix: &str) {
    let versions = |count: usize| (0..count).map(|_| AtomicU32::new(0)).collect::<Vec<_>>();
    let mut written: Vec<Vec<AtomicU32>> = (0..FILES).map(|_| versions(RECORDS)).collect();
    written.push(versions(THREADS));
    let long = (0..THREADS).map(|_| versions(BLOCKS)).collect();
    let passes = prefix.len() > 1;
    let crowd = Crowd { prefix, passes, written, long, start: Barrier::new(THREADS) };
    let mut files = Ours::<H>::new(pool);
    for file in 0..FILES {
        let fd = files.open(&crowd.path(&name(file)), Mode::Create).expect("a new file");
        for place in 0..RECORDS {
            assert_eq!(files.write(fd, &record(file, place, 0)), Ok(RECORD));
        }
        files.close(fd).expect("on the disk");
    }
    for thread in 0..THREADS {
        let fd = files.open(&crowd.path(&format!("long{thread}")), Mode::Create).expect("a new file");
        for place in 0..BLOCKS * RECORDS {
            assert_eq!(files.write(fd, &record(FILES + 1 + thread, place, 0)), Ok(RECORD));
        }
        files.close(fd).expect("on the disk");
    }
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let crowd = &crowd;
            scope.spawn(move || crowd.one::<H>(pool, thread));
        }
    });

    // What is in storage now, without anything of ours in between.
    let mut plain = Uncached::<H>::new();
    for file in 0..FILES {
        let fd = plain.open(&crowd.path(&name(file)), Mode::Read).expect("a file");
        let mut bytes = vec![0; RECORDS * RECORD + 1];
        assert_eq!(plain.read(fd, &mut bytes), Ok(RECORDS * RECORD));
        for (place, bytes) in bytes.chunks_exact(RECORD).enumerate() {
            let wanted = crowd.written[file][place].load(Ordering::SeqCst);
            assert_eq!(version_of(bytes, file, place), wanted, "record {place} of file {file} on the disk");
        }
        plain.close(fd).expect("closed");
    }
    for thread in 0..THREADS {
        let fd = plain.open(&crowd.path(&format!("long{thread}")), Mode::Read).expect("a file");
        let mut bytes = vec![0; BLOCKS * RECORDS * RECORD + 1];
        assert_eq!(plain.read(fd, &mut bytes), Ok(BLOCKS * RECORDS * RECORD));
        for (place, bytes) in bytes.chunks_exact(RECORD).enumerate() {
            let wanted = crowd.long[thread][place / RECORDS].load(Ordering::SeqCst);
            assert_eq!(version_of(bytes, FILES + 1 + thread, place), wanted, "record {place} of thread {thread}");
        }
        plain.close(fd).expect("closed");
    }
    let fd = plain.open(&crowd.path("log"), Mode::Read).expect("the log");
    let mut next = [0; THREADS];
    let mut bytes = [0; RECORD];
    let mut all = Vec::new();
    while plain.read(fd, &mut bytes) == Ok(RECORD) {
        let writer = usize::from(u16::from_le_bytes([bytes[4], bytes[5]]));
        all.push((writer, version_of(&bytes, FILES, writer)));
    }
    for (place, (writer, version)) in all.iter().enumerate() {
        let near = &all[place.saturating_sub(6)..all.len().min(place + 6)];
        assert_eq!(*version, next[*writer], "record {place} of {} in the log, of thread {writer}: {near:?}", all.len());
        next[*writer] += 1;
    }
    for (writer, next) in next.into_iter().enumerate() {
        assert_eq!(next, crowd.written[FILES][writer].load(Ordering::SeqCst), "the log of thread {writer}");
    }
}

/// A pool of so many bytes that lives as long as the process.
fn pool(bytes: usize) -> Pool {
    let context = Box::leak(Box::new(Context::new()));
    let memory = Vec::leak(vec![0u64; bytes / 8]);
    // SAFETY: both are the pool's alone, for ever.
    unsafe {
        Pool::init(context, memory.as_mut_ptr().cast(), bytes);
        Pool::new(context)
    }
}

#[test]
fn eight_threads_share_files_in_a_small_pool() {
    let volume = Extents::new(900, 4096);
    let disk = volume.disk();
    let world = World::new(160_000, Box::new(volume), disk);
    crowd::<Plain>(world.pool(), "");
    assert!(Plain::monitor().enter().cache().counts.direct > 0, "nothing went past the cache");
    world.pool().check_valid();
}

#[test]
fn eight_threads_share_files_on_the_host_port() {
    // First in the system's files, then on an image; both through one pool.
    let pool = pool(160_000);
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crowd{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    crowd::<System>(pool, &format!("{}/", folder.display()));
    std::fs::remove_dir_all(&folder).expect("an orderly end");

    let disk = disk::media::Shared::new(disk::media::Media::new(format(18_000, 4)));
    rockmem::port::image::mount(disk::fatdisk::on(&disk).expect("a volume")).expect("mounted");
    crowd::<System>(pool, "/");
    let (_, result) = rockmem::port::image::unmount();
    result.expect("an orderly end");
    let image = disk.lock().image().clone();
    let report = disk::fat::check::check(&image);
    assert_eq!(report.verdict(), disk::fat::check::Verdict::Clean, "{report:?}");
    pool.check_valid();
}
