//! Sectors between threads under chosen orders: `RUSTFLAGS="--cfg shuttle" cargo test --release --test pages_shuttle`. A failure
//! prints the schedule that led to it; SEED and ROUNDS in the environment choose others.
//!
//! ```text
//!   write ── read ── mmap_write … put ── fsync ── memory taken and given back          a thread each, one file
//!                      ▲ transfers change threads in their midst, locks before they are taken
//!   record   128 bytes, all the same: its version. One thread writes it; versions only grow
//! ```
//!
//! Nobody sees a record torn, or older than a write that had returned before he began to read; in the end the disk has
//! the last version of each.

#![cfg(shuttle)]

use core::ffi::CStr;
use std::cell::{Cell, RefCell};
use std::ptr::null;
use std::sync::atomic::{AtomicBool, Ordering};

use rockmem::buflib::{Context, Pool};
use rockmem::cache::pattern::Pattern;
use rockmem::cache::{open, prepare, read, write};
use rockmem::house::State;
use rockmem::mmap::callers;
use rockmem::mmap::mode::Mode;
use rockmem::port::kernel::{Channel, Kernel};
use rockmem::port::monitor::{House, Monitor};
use rockmem::port::storage::{Errno, How, Identity, Opened, Space, Storage};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread::{self, yield_now};

const BYTES: usize = 40 << 10;
const FILE: usize = 8 << 10;
const RECORD: usize = 128;
const RECORDS: usize = FILE / RECORD;
/// Threads that write records: record n is thread n % WRITERS's.
const WRITERS: usize = 3;

/// The port of the models: every attempt on the lock and every half of a transfer lets the scheduler choose.
struct Choice;

static HOUSE: Monitor<Choice> = Monitor::new(State::new());
static LOCKED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static POOL: Cell<Option<Pool>> = const { Cell::new(None) };
    static OBJECT: Cell<u16> = const { Cell::new(0) };
    static DISK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// The version of each record that a write has returned for.
    static DONE: RefCell<[u8; RECORDS]> = const { RefCell::new([0; RECORDS]) };
    static TRANSFERS: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

impl Kernel for Choice {
    fn lock() {
        yield_now();
        while LOCKED.swap(true, Ordering::Acquire) {
            yield_now();
        }
    }

    unsafe fn unlock() {
        assert!(LOCKED.swap(false, Ordering::Release));
    }

    unsafe fn wait(_: Channel, _: Option<u32>) {
        // It may wake for nothing, and in these models always does.
        // SAFETY: the caller's promise.
        unsafe { Self::unlock() };
        Self::lock();
    }

    fn wake(_: Channel) {}

    fn ticks() -> u32 {
        0
    }

    fn start(_: fn()) -> Result<(), Errno> {
        Err(Errno::NOMEM)
    }

    fn set_errno(_: Errno) {}
}

fn identity() -> Identity {
    Identity { volume: 1, file: 1, size: FILE as u64, stamp: 1 }
}

impl Storage for Choice {
    const SECTOR: usize = 512;
    const TRANSFER: usize = 2048;

    fn open(_: &CStr, _: How) -> Result<Opened, Errno> {
        Ok(Opened { stream: 0, identity: identity(), writable: true })
    }

    fn close(_: i32) -> Result<(), Errno> {
        Ok(())
    }

    fn read_at(_: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        assert!(into.len() <= Self::TRANSFER);
        let (at, len) = (offset as usize, into.len());
        let half = len / 2;
        DISK.with_borrow(|disk| into[..half].copy_from_slice(&disk[at..at + half]));
        yield_now();
        DISK.with_borrow(|disk| into[half..].copy_from_slice(&disk[at + half..at + len]));
        TRANSFERS.set((TRANSFERS.get().0 + 1, TRANSFERS.get().1));
        Ok(len)
    }

    fn write_at(_: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
        assert!(from.len() <= Self::TRANSFER);
        let (at, half) = (offset as usize, from.len() / 2);
        DISK.with_borrow_mut(|disk| disk[at..at + half].copy_from_slice(&from[..half]));
        yield_now();
        DISK.with_borrow_mut(|disk| disk[at + half..at + from.len()].copy_from_slice(&from[half..]));
        TRANSFERS.set((TRANSFERS.get().0, TRANSFERS.get().1 + 1));
        Ok(from.len())
    }

    fn truncate(_: i32, _: u64) -> Result<(), Errno> {
        Ok(())
    }

    fn sync(_: i32) -> Result<Identity, Errno> {
        yield_now();
        Ok(identity())
    }

    fn space(_: i32) -> Space {
        Space { unit: 4096, free: Some(1 << 30) }
    }
}

impl House for Choice {
    type State = State;

    fn monitor() -> &'static Monitor<Self> {
        &HOUSE
    }
}

fn pool() -> Pool {
    POOL.get().expect("a pool")
}

fn dice(n: usize) -> usize {
    thread_rng().gen_range(0..n)
}

/// A record of this writer, and its next version, all of whose bytes are the same.
fn next_of(writer: usize) -> (usize, [u8; RECORD]) {
    let n = dice(RECORDS / WRITERS) * WRITERS + writer;
    (n, [DONE.with_borrow(|done| done[n]) + 1; RECORD])
}

fn wrote(n: usize, bytes: &[u8]) {
    DONE.with_borrow_mut(|done| done[n] = bytes[0]);
}

fn writes(writer: usize, steps: usize) {
    let mut pattern = Pattern::new();
    for _ in 0..steps {
        let (n, bytes) = next_of(writer);
        let mut g = HOUSE.enter();
        let put = write::write(&mut g, OBJECT.get(), (n * RECORD) as u64, &bytes, &mut pattern);
        assert_eq!(put.expect("written").0, RECORD);
        drop(g);
        wrote(n, &bytes);
    }
}

fn reads(steps: usize) {
    let mut pattern = Pattern::new();
    for _ in 0..steps {
        let n = dice(RECORDS);
        let least = DONE.with_borrow(|done| done[n]);
        let mut into = [0xEE; RECORD];
        let got = read::read(&mut HOUSE.enter(), OBJECT.get(), (n * RECORD) as u64, &mut into, &mut pattern);
        assert_eq!(got, Ok(RECORD));
        assert!(into.iter().all(|byte| *byte == into[0]), "record {n} is torn");
        assert!(into[0] >= least, "record {n} is of version {}, and {least} was written", into[0]);
    }
}

/// Changes records through mappings that come and go.
fn maps(writer: usize, steps: usize) {
    for _ in 0..steps {
        let (n, bytes) = next_of(writer);
        let sector = n * RECORD / 512;
        let (from, len) = (sector.saturating_sub(dice(3)), 1 + dice(4));
        let (from, len) = (from * 512, (sector - from + len) * 512);
        let made = {
            let mut g = HOUSE.enter();
            callers::create(&mut g, pool(), OBJECT.get(), Mode::Both, from as u64, len)
        };
        let md = match made {
            Ok(md) => md,
            Err(error) => {
                assert!(error == Errno::NOMEM || error == Errno::BUSY);
                continue;
            }
        };
        let start = callers::get(&mut HOUSE.enter(), md).expect("held");
        callers::write(&mut HOUSE.enter(), md, n * RECORD - from, RECORD).expect("declared");
        {
            // As a program on one core: nobody runs in the midst of its copying.
            let _g = HOUSE.enter();
            // SAFETY: the record lies in the mapping, which is held.
            unsafe { start.add(n * RECORD - from).copy_from(bytes.as_ptr(), RECORD) };
        }
        wrote(n, &bytes);
        callers::put(&mut HOUSE.enter(), md).expect("put");
        if dice(2) == 0 {
            callers::sync(&mut HOUSE.enter(), md, 0, len).expect("synced");
        }
        callers::destroy(&mut HOUSE.enter(), md, len).expect("destroyed");
    }
}

/// Brings the file to the disk, and takes memory from the cache.
fn presses(steps: usize) {
    for _ in 0..steps {
        if dice(2) == 0 {
            write::sync(&mut HOUSE.enter(), OBJECT.get()).expect("synced");
        }
        let handle = pool().alloc(dice(BYTES), null());
        yield_now();
        pool().free(handle);
    }
}

/// The state is one for the whole program: models run one after the other.
static ONE_MODEL: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn under_many_orders(model: fn()) {
    let _only = ONE_MODEL.lock();
    let number =
        |name: &str, otherwise| std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("a number"));
    let (seed, rounds) = (number("SEED", 1), number("ROUNDS", 1000) as usize);
    let run = |scheduler: Box<dyn Scheduler + Send>| {
        shuttle::Runner::new(scheduler, shuttle::Config::default()).run(move || {
            *HOUSE.enter() = State::new();
            DISK.set(vec![0; FILE]);
            DONE.set([0; RECORDS]);
            let (mut ctx, mut memory) = (Context::new(), vec![0u64; BYTES / 8]);
            // SAFETY: both live until the end of this closure, and nothing uses the pool after it.
            POOL.set(Some(unsafe {
                Pool::init(&raw mut ctx, memory.as_mut_ptr().cast(), BYTES);
                Pool::new(&raw mut ctx)
            }));
            prepare(&mut HOUSE.enter(), pool()).expect("tables");
            OBJECT.set(open::open(&mut HOUSE.enter(), c"file", How::WRITE).expect("open"));
            model();
            assert_eq!(open::release(&mut HOUSE.enter(), OBJECT.get()), Ok(()));
            let done = DONE.with_borrow(|done| *done);
            DISK.with_borrow(|disk| {
                for (n, record) in disk.chunks(RECORD).enumerate() {
                    assert!(
                        record.iter().all(|byte| *byte == done[n]),
                        "record {n} on the disk is not of version {}",
                        done[n]
                    );
                }
            });
            pool().check_valid();
            POOL.set(None);
            *HOUSE.enter() = State::new();
        });
    };
    TRANSFERS.set((0, 0));
    run(Box::new(RandomScheduler::new_from_seed(seed, rounds)));
    run(Box::new(PctScheduler::new_from_seed(seed, 3, rounds)));
    assert!(TRANSFERS.get().0 > 100 && TRANSFERS.get().1 > 100, "{:?} transfers", TRANSFERS.get());
}

fn together(threads: Vec<fn()>) {
    let threads: Vec<_> = threads.into_iter().map(thread::spawn).collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
}

#[test]
fn writers_and_readers_share_sectors_while_memory_is_taken() {
    under_many_orders(|| together(vec![|| writes(0, 5), || writes(1, 5), || reads(6), || presses(3)]));
}

#[test]
fn mappings_come_and_go_over_what_others_read_and_write() {
    under_many_orders(|| together(vec![|| writes(0, 4), || maps(1, 2), || maps(2, 2), || reads(5), || presses(1)]));
}
