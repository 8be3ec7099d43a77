//! The pool's lock and callbacks under chosen orders of threads: `RUSTFLAGS="--cfg shuttle" cargo test --release --test
//! pool_shuttle`. A failure prints the schedule that led to it; SEED and ROUNDS in the environment choose others.
//!
//! ```text
//!   thread      alloc ─ lock ─ … ─ unlock ─ callback ─ lock ─ … ─ unlock
//!                    ▲                     ▲    ▲     ▲                    the scheduler chooses at every arrow
//! ```
//!
//! Every attempt on the lock is a point of choice, and callbacks have one more of their own. What is checked: bytes of
//! blocks, the whole pool after every step of every thread, and that every model ends.

#![cfg(shuttle)]

use rockmem::buflib::{CB_OK, Callbacks, Context, Pool, Priority, PurgeCallbacks, WORD};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread::{self, yield_now};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::ptr::null;

const BYTES: usize = 12 << 10;
const REFUSES: c_int = 1;

/// What an owner knows of its purgeable block. All threads of a model run in one thread of the system.
#[derive(Clone, Copy, Default)]
struct Known {
    /// Which block it is: numbers of handles come back.
    serial: u32,
    /// Somebody works with it: it must not go.
    busy: bool,
    /// An ordinary block that shrinks.
    gives: bool,
    /// The pool has it, or is about to.
    gone: bool,
}

thread_local! {
    static POOL: Cell<Option<Pool>> = const { Cell::new(None) };
    static KNOWN: RefCell<HashMap<c_int, Known>> = RefCell::new(HashMap::new());
    /// Callbacks running just now, and the most at once.
    static INSIDE: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
    static PURGED: Cell<u32> = const { Cell::new(0) };
    static SERIAL: Cell<u32> = const { Cell::new(0) };
}

fn pool() -> Pool {
    POOL.get().expect("a pool")
}

fn known<R>(f: impl FnOnce(&mut HashMap<c_int, Known>) -> R) -> R {
    KNOWN.with_borrow_mut(f)
}

/// A callback lets others run in its midst: no lock is held.
fn in_callback() {
    let (now, most) = INSIDE.get();
    INSIDE.set((now + 1, most.max(now + 1)));
    yield_now();
    // With a lock held by the caller's request this would never come back.
    pool().available();
    let (now, most) = INSIDE.get();
    INSIDE.set((now - 1, most));
}

unsafe extern "C" fn moves(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    in_callback();
    CB_OK
}

unsafe extern "C" fn syncs(_: c_int, _: bool) {
    in_callback();
}

unsafe extern "C" fn goes(handle: c_int, _: *mut c_void, _: usize) -> c_int {
    in_callback();
    known(|known| match known.get_mut(&handle) {
        Some(block) if !block.busy && !block.gone => {
            block.gone = true;
            PURGED.set(PURGED.get() + 1);
            CB_OK
        }
        _ => REFUSES,
    })
}

unsafe extern "C" fn cleans(handle: c_int) -> c_int {
    in_callback();
    if known(|known| known.get(&handle).is_none_or(|block| block.busy || block.gone)) {
        return REFUSES;
    }
    // Nobody begins to free it before the callback is back: that is its owner's to see to.
    known(|known| known.get_mut(&handle).map(|block| block.busy = true));
    pool().set_dirty(handle, false);
    known(|known| known.get_mut(&handle).map(|block| block.busy = false));
    CB_OK
}

/// Gives half of itself, or nothing.
unsafe extern "C" fn shrinks(handle: c_int, _: u32, start: *mut c_void, size: usize) -> c_int {
    in_callback();
    // Its number may be another block's by now; and while it is cut its owner waits with freeing it.
    let hold = |busy: bool| {
        known(|known| {
            let block = known.get_mut(&handle).filter(|block| block.gives && block.busy != busy);
            block.map(|block| block.busy = busy)
        })
    };
    if size <= 64 || hold(true).is_none() {
        return REFUSES;
    }
    let gave = pool().shrink(handle, start.cast(), size / 2);
    hold(false);
    c_int::from(!gave)
}

static MOVES: Callbacks = Callbacks { move_callback: Some(moves), shrink_callback: None, sync_callback: Some(syncs) };
static SHRINKS: Callbacks =
    Callbacks { move_callback: Some(moves), shrink_callback: Some(shrinks), sync_callback: None };
static GOES: PurgeCallbacks = PurgeCallbacks { base: MOVES, free_callback: Some(goes), clean_callback: Some(cleans) };

struct World {
    _ctx: Box<Context>,
    _memory: Vec<usize>,
}

impl World {
    fn open() -> World {
        let (mut ctx, mut memory) = (Box::new(Context::new()), vec![0; BYTES / WORD]);
        // SAFETY: both live as long as the world, which outlives the model's threads.
        POOL.set(Some(unsafe {
            Pool::init(&mut *ctx, memory.as_mut_ptr().cast(), BYTES);
            Pool::new(&mut *ctx)
        }));
        known(HashMap::clear);
        World { _ctx: ctx, _memory: memory }
    }
}

fn fill(handle: c_int, size: usize) {
    let data = pool().data_pinned(handle);
    // SAFETY: pinned, and that large.
    unsafe { data.write_bytes(handle as u8 ^ 0x5a, size) };
    pool().put_pinned(data);
}

fn verify(handle: c_int, size: usize) {
    let data = pool().data_pinned(handle);
    yield_now();
    // SAFETY: pinned, so it stays; and that large.
    let bytes = unsafe { std::slice::from_raw_parts(data, size) };
    assert!(bytes.iter().all(|&byte| byte == handle as u8 ^ 0x5a), "block {handle} lost its bytes");
    pool().put_pinned(data);
}

/// Frees an ordinary block. Its move callbacks may be running for somebody else's request.
fn free(handle: c_int) {
    while known(|known| known[&handle].busy) {
        yield_now();
    }
    known(|known| known.remove(&handle));
    pool().free(handle);
}

/// Allocates, fills, verifies and frees ordinary blocks, some of which shrink.
fn ordinary(steps: usize) {
    let mut mine: Vec<(c_int, usize, bool)> = Vec::new();
    for _ in 0..steps {
        let size = thread_rng().gen_range(0..3000);
        let gives = thread_rng().gen_range(0..4) == 0;
        let handle = pool().alloc(size, if gives { &SHRINKS } else { &MOVES });
        if handle > 0 {
            known(|known| known.insert(handle, Known { gives, ..Known::default() }));
            if !gives {
                fill(handle, size);
            }
            mine.push((handle, size, gives));
        }
        if mine.len() > 2 || handle < 0 && !mine.is_empty() {
            let (handle, size, gives) = mine.swap_remove(thread_rng().gen_range(0..mine.len()));
            if !gives {
                verify(handle, size);
            }
            free(handle);
        }
        pool().check_valid();
    }
    mine.into_iter().for_each(|(handle, ..)| free(handle));
}

/// Makes purgeable blocks, uses them, and frees them under the callbacks that would purge them.
fn purgeable(steps: usize) {
    let mut mine: Vec<(c_int, usize, u32)> = Vec::new();
    for _ in 0..steps {
        mine.retain(|&(handle, _, serial)| {
            known(|known| known.get(&handle).is_some_and(|block| block.serial == serial && !block.gone))
        });
        if mine.len() < 3 {
            let size = thread_rng().gen_range(0..2500);
            let priority = [Priority::Soon, Priority::Cached, Priority::Disposable][thread_rng().gen_range(0..3)];
            let align = [0, 64][thread_rng().gen_range(0..2)];
            let handle = pool().alloc_purgeable(size, align, priority, 0, &GOES);
            if handle > 0 {
                let serial = SERIAL.get() + 1;
                SERIAL.set(serial);
                known(|known| known.insert(handle, Known { serial, busy: true, ..Known::default() }));
                fill(handle, size);
                known(|known| known.get_mut(&handle).map(|block| block.busy = false));
                mine.push((handle, size, serial));
            }
        }
        let Some(&(handle, size, serial)) = mine.first() else { continue };
        let taken = known(|known| {
            let Some(block) = known.get_mut(&handle) else { return false };
            let mine = block.serial == serial && !block.gone && !block.busy;
            block.busy |= mine;
            mine
        });
        if taken {
            match thread_rng().gen_range(0..4) {
                0 => pool().touch(handle),
                1 => pool().set_dirty(handle, thread_rng().gen_range(0..2) == 0),
                2 => {
                    let data = pool().io_begin(handle);
                    yield_now();
                    assert_eq!(pool().data(handle), data, "it moved under a transfer");
                    pool().io_end(handle);
                }
                _ => verify(handle, size),
            }
            if thread_rng().gen_range(0..3) == 0 {
                // Perhaps in the midst of its free callback, which refuses it then.
                known(|known| known.get_mut(&handle).map(|block| block.gone = true));
                pool().free(handle);
                mine.remove(0);
            } else {
                known(|known| known.get_mut(&handle).map(|block| block.busy = false));
            }
        }
        pool().check_valid();
    }
    for (handle, _, serial) in mine {
        let taken = known(|known| {
            let Some(block) = known.get_mut(&handle) else { return false };
            let free = block.serial == serial && !block.gone && !block.busy;
            block.gone |= free;
            free
        });
        if taken {
            pool().free(handle);
        }
    }
}

/// Runs a model under random orders, and under orders with few, badly placed switches.
fn under_many_orders(model: fn()) {
    let number =
        |name: &str, otherwise| std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("a number"));
    let (seed, rounds) = (number("SEED", 1), number("ROUNDS", 1500) as usize);
    let run = |scheduler: Box<dyn Scheduler + Send>| {
        shuttle::Runner::new(scheduler, shuttle::Config::default()).run(move || {
            let world = World::open();
            model();
            pool().check_valid();
            drop(world);
        });
    };
    INSIDE.set((0, 0));
    PURGED.set(0);
    run(Box::new(RandomScheduler::new_from_seed(seed, rounds)));
    run(Box::new(PctScheduler::new_from_seed(seed, 3, rounds)));
}

fn together(threads: Vec<fn()>) {
    let threads: Vec<_> = threads.into_iter().map(thread::spawn).collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
}

#[test]
fn threads_allocate_while_callbacks_of_others_run() {
    under_many_orders(|| together(vec![|| ordinary(6), || ordinary(6), || ordinary(6)]));
    assert!(INSIDE.get().1 > 1, "callbacks of two requests at once");
}

#[test]
fn blocks_are_freed_touched_and_held_while_they_are_being_purged_and_moved() {
    under_many_orders(|| together(vec![|| purgeable(8), || purgeable(8), || ordinary(8)]));
    assert!(PURGED.get() > 100 && INSIDE.get().1 > 1);
}

#[test]
fn the_maximum_is_taken_while_others_allocate_and_free() {
    under_many_orders(|| {
        together(vec![|| purgeable(6), || ordinary(6), || {
            for _ in 0..3 {
                let mut size = 0;
                let handle = pool().alloc_maximum(&mut size, null());
                if handle > 0 {
                    fill(handle, size);
                    verify(handle, size);
                    pool().free(handle);
                }
            }
        }]);
    });
}
