//! The port of music: one thread, a clock that only transfers and waits move, files that are made up as they are read.
//!
//! ```text
//!   read_at ──► the disk is busy: the clock goes on by steps, and whoever listens lives through them (`meanwhile`)
//!   wait    ──► one turn of the buffering thread, or the clock goes on to when it wants to be asked again
//! ```

use core::ffi::CStr;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard};

use rockmem::buffering::fill::{Turns, turn};
use rockmem::buflib::Pool;
use rockmem::house::State;
use rockmem::port::kernel::{Channel, HZ, Kernel};
use rockmem::port::monitor::{Guard, House, Monitor};
use rockmem::port::storage::{Errno, How, Identity, Opened, Space, Storage};
use rockmem::port::{self, Asker, set_asker};

use super::disk::Disk;
use super::memory::Memory;

/// The port.
#[derive(Clone, Copy, Debug)]
pub struct Music;

/// Microseconds of a tick.
const TICK: u64 = 1_000_000 / HZ as u64;
/// The step in which a transfer's time passes, in microseconds.
const STEP: u64 = 5_000;

static HOUSE: Monitor<Music> = Monitor::new(State::new());
static ONE_WORLD: Mutex<()> = Mutex::new(());

type Meanwhile = Rc<dyn Fn()>;

thread_local! {
    static HELD: Cell<bool> = const { Cell::new(false) };
    static NOW: Cell<u64> = const { Cell::new(0) };
    static TURNS: Cell<Option<Turns>> = const { Cell::new(None) };
    /// When the thread wants its next turn; None: when it is called.
    static NEXT: Cell<Option<u64>> = const { Cell::new(None) };
    static DISK: RefCell<Option<Disk>> = const { RefCell::new(None) };
    static MEANWHILE: RefCell<Option<Meanwhile>> = const { RefCell::new(None) };
}

/// Microseconds since the world began.
pub fn now() -> u64 {
    NOW.get()
}

/// The clock goes on.
pub fn pass(micros: u64) {
    let before = NOW.get();
    NOW.set(before + micros);
    port::advance(((before + micros) / TICK - before / TICK) as u32);
}

/// Works on the disk.
pub fn disk<R>(work: impl FnOnce(&mut Disk) -> R) -> R {
    DISK.with_borrow_mut(|disk| work(disk.as_mut().expect("a world")))
}

/// Who lives while the disk works.
pub fn meanwhile(who: Option<Meanwhile>) {
    MEANWHILE.set(who);
}

/// Whether the buffering thread is inside a turn: nobody else may wait for it then.
pub fn in_a_turn() -> bool {
    TURNS.get().is_none()
}

/// Time passes; the listener lives through it.
fn live(micros: u64) {
    let who = MEANWHILE.with_borrow(Option::clone);
    let mut left = micros;
    while left > 0 {
        let step = left.min(STEP);
        pass(step);
        left -= step;
        if let Some(who) = &who {
            let asker = set_asker(Asker::Anyone);
            who();
            set_asker(asker);
        }
    }
}

/// The thread does what it has to do now; false when there is nothing.
pub fn fill() -> bool {
    let Some(mut turns) = TURNS.take() else { return false };
    let due = NEXT.get().is_some_and(|at| at <= now());
    if due {
        let asker = set_asker(Asker::FilePath);
        let rest = turn(&mut HOUSE.enter(), &mut turns);
        set_asker(asker);
        NEXT.set(match rest {
            None => Some(now()),
            Some(None) => None,
            Some(Some(ticks)) => Some(now() + u64::from(ticks) * TICK),
        });
    }
    TURNS.set(Some(turns));
    due
}

impl Kernel for Music {
    fn lock() {
        assert!(!HELD.replace(true), "the lock is taken twice");
    }

    unsafe fn unlock() {
        assert!(HELD.replace(false), "the lock is given back twice");
    }

    unsafe fn wait(_channel: Channel, ticks: Option<u32>) {
        assert!(HELD.replace(false));
        if !fill() {
            assert!(!in_a_turn(), "the thread waits for itself");
            let next = NEXT.get().map_or(u64::MAX, |at| at.saturating_sub(now()));
            let most = ticks.map_or(u64::MAX, |ticks| u64::from(ticks) * TICK);
            assert!(next.min(most) < u64::MAX, "everybody waits for somebody");
            pass(next.min(most).max(TICK));
        }
        HELD.set(true);
    }

    fn wake(channel: Channel) {
        if channel == Channel::Work {
            NEXT.set(Some(now()));
        }
    }

    fn ticks() -> u32 {
        (now() / TICK) as u32
    }

    fn thread() -> usize {
        1
    }

    fn start(_entry: fn()) -> Result<(), Errno> {
        TURNS.set(Some(Turns::default()));
        NEXT.set(Some(now()));
        Ok(())
    }

    fn set_errno(_error: Errno) {}
}

impl Storage for Music {
    const SECTOR: usize = 512;
    const TRANSFER: usize = 256 * 512;

    fn open(path: &CStr, how: How) -> Result<Opened, Errno> {
        if !how.is_empty() {
            return Err(Errno::ROFS);
        }
        disk(|disk| disk.open(path.to_str().map_err(|_| Errno::NOENT)?))
    }

    fn close(_stream: i32) -> Result<(), Errno> {
        Ok(())
    }

    fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        let micros = disk(|disk| disk.admit(stream, offset, into.len(), now()));
        live(micros);
        disk(|disk| disk.read(stream, offset, into, now()))
    }

    fn write_at(_stream: i32, _offset: u64, _from: &[u8]) -> Result<usize, Errno> {
        Err(Errno::ROFS)
    }

    fn truncate(_stream: i32, _size: u64) -> Result<(), Errno> {
        Err(Errno::ROFS)
    }

    fn sync(stream: i32) -> Result<Identity, Errno> {
        disk(|disk| Ok(disk.identity(stream)))
    }

    fn space(_stream: i32) -> Space {
        Space { unit: 32 << 10, free: None }
    }
}

impl House for Music {
    type State = State;

    fn monitor() -> &'static Monitor<Self> {
        &HOUSE
    }
}

/// A pool, fresh floors and a disk, one at a time. Everything happens on the thread that made it.
pub struct World {
    _only: MutexGuard<'static, ()>,
    memory: Memory,
}

impl World {
    /// A pool of so many bytes, over a disk.
    pub fn new(bytes: usize, on: Disk) -> World {
        let only = ONE_WORLD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        HELD.set(false);
        NOW.set(1_000_000);
        TURNS.set(None);
        NEXT.set(None);
        meanwhile(None);
        DISK.set(Some(on));
        *HOUSE.enter() = State::new();
        World { _only: only, memory: Memory::new(bytes) }
    }

    /// Its pool.
    pub fn pool(&self) -> Pool {
        self.memory.pool
    }

    /// Where the pool begins.
    pub fn base(&self) -> usize {
        self.memory.base()
    }

    /// The floors' state.
    pub fn enter(&self) -> Guard<Music> {
        HOUSE.enter()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        meanwhile(None);
        if std::thread::panicking() {
            return;
        }
        *HOUSE.enter() = State::new();
        self.memory.pool.check_valid();
    }
}
