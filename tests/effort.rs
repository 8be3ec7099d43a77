//! What requests cost in blocks looked at: fast paths none but their own, others eight windows and then one pass.
//! The counters are there where debug assertions are on.

#![cfg(debug_assertions)]

#[path = "support/dice.rs"]
mod dice;
#[path = "support/memory.rs"]
mod memory;

use dice::Dice;
use memory::Memory;
use rockmem::buflib::{CB_OK, Callbacks, Effort, Pool, Priority, PurgeCallbacks, WORD, take_effort};
use rockmem::port::{Asker, advance, set_asker};
use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::ptr::null;

/// Long enough ago for a use to protect nothing.
const LONG: u32 = 1000;

thread_local! {
    static GONE: RefCell<Vec<c_int>> = const { RefCell::new(Vec::new()) };
}

unsafe extern "C" fn moves(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    CB_OK
}

unsafe extern "C" fn goes(handle: c_int, _: *mut c_void, _: usize) -> c_int {
    GONE.with_borrow_mut(|gone| gone.push(handle));
    CB_OK
}

const BASE: Callbacks = Callbacks { move_callback: Some(moves), shrink_callback: None, sync_callback: None };
static GOES: PurgeCallbacks = PurgeCallbacks { base: BASE, free_callback: Some(goes), clean_callback: None };
static ASKS: Callbacks = BASE;

struct World {
    _memory: Memory,
    pool: Pool,
}

impl World {
    fn new(bytes: usize) -> World {
        let memory = Memory::new(bytes);
        GONE.take();
        World { pool: memory.pool, _memory: memory }
    }

    fn cached(&self, size: usize) -> c_int {
        let handle = self.pool.alloc_purgeable(size, 0, Priority::Cached, 0, &GOES);
        assert!(handle > 0);
        handle
    }

    /// Cached blocks of this size, until little more than one of them fits: with header, record and handle.
    fn fill(&self, size: usize) -> Vec<c_int> {
        let each = size.next_multiple_of(WORD) + 11 * WORD;
        (0..(self.pool.size() - 4000) / each).map(|_| self.cached(size)).collect()
    }
}

/// What `work` costs.
fn cost<R>(work: impl FnOnce() -> R) -> (R, Effort) {
    take_effort();
    let result = work();
    (result, take_effort().expect("counters"))
}

#[test]
fn fast_paths_look_at_no_blocks_but_their_own() {
    for count in [100, 10_000] {
        let world = World::new(count * 400);
        let pool = world.pool;
        let all: Vec<c_int> = (0..count).map(|_| world.cached(100)).collect();
        for &handle in all.iter().step_by(3) {
            pool.free(handle);
        }
        let few = |what: &str, effort: Effort| {
            assert!(effort.blocks <= 24, "{what} among {count}: {effort:?}");
            assert_eq!((effort.windows, effort.passes), (0, 0), "{what}");
        };
        let (handle, effort) = cost(|| pool.alloc(80, null()));
        few("alloc", effort);
        let (_, effort) = cost(|| pool.shrink(handle, std::ptr::null_mut(), 40));
        few("shrink", effort);
        let (_, effort) = cost(|| pool.free(handle));
        few("free", effort);
        let (handle, effort) = cost(|| world.cached(90));
        few("alloc_purgeable", effort);
        for handle in [handle, all[1], all[count / 3 * 3 - 1], all[count / 2 / 3 * 3 + 1]] {
            let (_, effort) = cost(|| pool.touch(handle));
            few("touch", effort);
            let (_, effort) = cost(|| pool.set_priority(handle, Priority::Soon, 7));
            few("set_priority", effort);
            let (_, effort) = cost(|| pool.set_dirty(handle, true));
            few("set_dirty", effort);
            let (_, effort) = cost(|| pool.free(handle));
            few("free of a purgeable block", effort);
        }
    }
}

/// Requests of all sizes to a pool that lives, by every asker; `judge` is told of each: blocks there were, whether it was
/// refused, and what it cost.
fn live(bytes: usize, largest: usize, seed: u64, mut judge: impl FnMut(usize, bool, Effort)) {
    let world = World::new(bytes);
    let (pool, mut dice) = (world.pool, Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    // Handle, purgeable, pins.
    let mut blocks: Vec<(c_int, bool, u32)> = Vec::new();
    for _ in 0..600 {
        let pick = dice.below(blocks.len());
        match dice.below(12) {
            0..=6 => {
                let asker = [Asker::Anyone, Asker::Playback, Asker::FilePath][dice.below(3)];
                let (purgeable, scale) = (dice.below(3) > 0, dice.below(largest) + 1);
                let size = dice.below(scale);
                let priority =
                    [Priority::Now, Priority::Soon, Priority::Cached, Priority::Cached, Priority::Disposable]
                        [dice.below(5)];
                let count = pool.num_blocks() as usize + 1;
                let before = set_asker(asker);
                let (handle, effort) = cost(|| match purgeable {
                    true => pool.alloc_purgeable(size, 0, priority, 0, &GOES),
                    false => pool.alloc(size, &ASKS),
                });
                set_asker(before);
                let gone = GONE.take();
                blocks.retain(|block| !gone.contains(&block.0));
                if handle > 0 {
                    blocks.push((handle, purgeable, 0));
                }
                judge(count, handle <= 0, effort);
            }
            7 | 8 if !blocks.is_empty() => {
                let (handle, _, pins) = blocks.swap_remove(pick);
                (0..pins).for_each(|_| pool.unpin(handle));
                pool.free(handle);
            }
            9 if !blocks.is_empty() && dice.below(8) == 0 => {
                pool.pin(blocks[pick].0);
                blocks[pick].2 += 1;
            }
            10 if !blocks.is_empty() && blocks[pick].1 => pool.touch(blocks[pick].0),
            _ => advance(dice.below(100) as u32),
        }
    }
}

/// Blocks that a request may look at in search of ways to carry blocks elsewhere.
const PLANS: usize = 1 << 15;

#[test]
fn a_request_looks_at_eight_windows_at_most_and_makes_one_pass() {
    let (mut at_windows, mut with_pass) = (0, 0);
    for seed in 1..=60 {
        live(256 << 10, [2000, 20_000, 100_000][seed as usize % 3], seed, |blocks, _, effort| {
            let told = format!("seed {seed}, {blocks} blocks: {effort:?}");
            assert!(effort.windows <= 8, "{told}");
            // One that finds no slot in the handle table looks for the table's end, and for a hole there, as well.
            assert!(effort.passes <= 1 + 2 * effort.slots, "{told}");
            assert!(effort.blocks <= 40 * blocks * effort.passes.max(1) + 3 * PLANS, "{told}");
            at_windows += usize::from(effort.windows == 8);
            with_pass += usize::from(effort.passes == 1);
        });
    }
    assert!(at_windows > 100 && with_pass > 1000, "{at_windows}, {with_pass}: too few to judge");
}

#[test]
fn among_thousands_of_blocks_windows_suffice_and_a_pass_looks_at_each_a_few_times() {
    let world = World::new(1 << 20);
    let pool = world.pool;
    let all = world.fill(60);
    let count = pool.num_blocks() as usize;
    assert!(count > 5000);
    // Whether everything was used just now or long ago.
    for _ in 0..2 {
        let (handle, effort) = cost(|| pool.alloc(3500, null()));
        assert!(handle > 0 && effort.windows <= 8 && effort.passes == 0, "{effort:?}");
        assert!(effort.blocks < count, "{count} blocks: {effort:?}");
        advance(LONG);
    }
    // The coldest of all pinned: more of them than a request looks at.
    let gone = GONE.take();
    all.iter().filter(|handle| !gone.contains(handle)).take(200).for_each(|&handle| pool.pin(handle));
    let (handle, effort) = cost(|| pool.alloc(3500, null()));
    assert!(handle > 0 && effort.windows <= 8, "{effort:?}");
    assert!(effort.passes == 1 && effort.blocks < 12 * count, "{count} blocks: {effort:?}");
    // A request that cannot be served.
    let (handle, effort) = cost(|| pool.alloc(2 << 20, null()));
    assert!(handle == -2 && effort.blocks < 10, "{effort:?}");
    let (handle, effort) = cost(|| pool.alloc(1_035_000, null()));
    assert!(handle == -2 && effort.passes == 1 && effort.blocks < 30 * count, "{count} blocks: {effort:?}");
}

thread_local! {
    static REFUSALS: Cell<usize> = const { Cell::new(0) };
}

unsafe extern "C" fn refuses(_: c_int, _: *mut c_void, _: usize) -> c_int {
    REFUSALS.set(REFUSALS.get() + 1);
    1
}

static REFUSES: PurgeCallbacks = PurgeCallbacks { base: BASE, free_callback: Some(refuses), clean_callback: None };

#[test]
fn each_refusal_costs_a_pass_at_most() {
    let world = World::new(64 << 10);
    let pool = world.pool;
    while pool.stats().free > 3000 {
        assert!(pool.alloc_purgeable(1000, 0, Priority::Cached, 0, &REFUSES) > 0);
    }
    advance(LONG);
    let (handle, effort) = cost(|| pool.alloc(6000, null()));
    let refusals = REFUSALS.take();
    assert!(handle == -2 && refusals > 3);
    assert!(effort.windows <= 8 && effort.passes <= refusals + 2, "{refusals} refusals: {effort:?}");
}
