//! The port of the models of threads that run on shuttle: every attempt on the lock and every half of a transfer lets
//! the scheduler choose who goes on. The disk holds one file.

use core::ffi::CStr;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};

use rockmem::buflib::{Context, Pool};
use rockmem::house::State;
use rockmem::port::kernel::{Channel, Kernel};
use rockmem::port::monitor::{House, Monitor};
use rockmem::port::storage::{Errno, How, Identity, Opened, Space, Storage};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread::{self, yield_now};

/// The port.
pub struct Choice;

pub static HOUSE: Monitor<Choice> = Monitor::new(State::new());
static LOCKED: AtomicBool = AtomicBool::new(false);

// All threads of a model run in one thread of the system.
thread_local! {
    static POOL: Cell<Option<Pool>> = const { Cell::new(None) };
    pub static DISK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// Reads and writes.
    pub static TRANSFERS: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
    static TICKS: Cell<u32> = const { Cell::new(0) };
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
        TICKS.set(TICKS.get() + 1);
        TICKS.get()
    }

    fn thread() -> usize {
        1
    }

    fn start(_: fn()) -> Result<(), Errno> {
        // Models run the buffering thread's turns themselves.
        Ok(())
    }

    fn set_errno(_: Errno) {}
}

fn identity() -> Identity {
    Identity { volume: 1, file: 1, size: DISK.with_borrow(Vec::len) as u64, stamp: 1 }
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

/// The pool of the model that runs.
pub fn pool() -> Pool {
    POOL.get().expect("a pool")
}

/// A number below `n`, of the scheduler's seed.
pub fn dice(n: usize) -> usize {
    thread_rng().gen_range(0..n)
}

/// Runs these threads until all have ended.
pub fn together(threads: Vec<fn()>) {
    let threads: Vec<_> = threads.into_iter().map(thread::spawn).collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
}

/// The state is one for the whole program: models run one after the other.
static ONE_MODEL: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Runs a model over fresh floors, a pool of so many bytes and a file, under random orders and under orders with few,
/// badly placed switches. SEED and ROUNDS in the environment choose others.
pub fn under_many_orders(bytes: usize, file: fn() -> Vec<u8>, model: impl Fn() + Send + Sync + Clone + 'static) {
    let _only = ONE_MODEL.lock();
    let number =
        |name: &str, otherwise| std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("a number"));
    let (seed, rounds) = (number("SEED", 1), number("ROUNDS", 1000) as usize);
    TRANSFERS.set((0, 0));
    let run = |scheduler: Box<dyn Scheduler + Send>| {
        let model = model.clone();
        shuttle::Runner::new(scheduler, shuttle::Config::default()).run(move || {
            *HOUSE.enter() = State::new();
            DISK.set(file());
            let (mut ctx, mut memory) = (Context::new(), vec![0u64; bytes / 8]);
            // SAFETY: both live until the end of this closure, and nothing uses the pool after it.
            POOL.set(Some(unsafe {
                Pool::init(&raw mut ctx, memory.as_mut_ptr().cast(), bytes);
                Pool::new(&raw mut ctx)
            }));
            model();
            pool().check_valid();
            POOL.set(None);
            *HOUSE.enter() = State::new();
        });
    };
    run(Box::new(RandomScheduler::new_from_seed(seed, rounds)));
    run(Box::new(PctScheduler::new_from_seed(seed, 3, rounds)));
}
