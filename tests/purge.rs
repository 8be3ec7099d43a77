//! Purgeable blocks: what goes, in which order, and what never does.

#[path = "support/dice.rs"]
mod dice;
#[path = "support/memory.rs"]
mod memory;

use dice::Dice;
use memory::Memory;
use rockmem::buflib::{CB_OK, Callbacks, Pool, Priority, PurgeCallbacks, WORD};
use rockmem::port::{Asker, advance, set_asker};
use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};

const NO_OPS: *const PurgeCallbacks = std::ptr::null();

/// Long enough ago for a use to protect nothing.
const LONG: u32 = 1000;

thread_local! {
    /// Handles in the order they were asked to go.
    static ASKED: RefCell<Vec<c_int>> = const { RefCell::new(Vec::new()) };
    /// Handles that refuse.
    static REFUSING: RefCell<Vec<c_int>> = const { RefCell::new(Vec::new()) };
    /// The pool that callbacks use.
    static POOL: Cell<Option<Pool>> = const { Cell::new(None) };
    static SHRINKS: Cell<u32> = const { Cell::new(0) };
    static MOVES: Cell<u32> = const { Cell::new(0) };
}

unsafe extern "C" fn moves(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    MOVES.set(MOVES.get() + 1);
    CB_OK
}

unsafe extern "C" fn goes(handle: c_int, _: *mut c_void, _: usize) -> c_int {
    ASKED.with_borrow_mut(|asked| asked.push(handle));
    i32::from(REFUSING.with_borrow(|refusing| refusing.contains(&handle)))
}

unsafe extern "C" fn cleans(handle: c_int) -> c_int {
    ASKED.with_borrow_mut(|asked| asked.push(-handle));
    if REFUSING.with_borrow(|refusing| refusing.contains(&-handle)) {
        return 1;
    }
    POOL.get().expect("a pool").set_dirty(handle, false);
    CB_OK
}

unsafe extern "C" fn frees_itself(handle: c_int, _: *mut c_void, _: usize) -> c_int {
    POOL.get().expect("a pool").free(handle);
    CB_OK
}

unsafe extern "C" fn allocates(_: c_int, _: *mut c_void, _: usize) -> c_int {
    POOL.get().expect("a pool").alloc(300, std::ptr::null());
    CB_OK
}

unsafe extern "C" fn gives_nothing(_: c_int, _: u32, _: *mut c_void, _: usize) -> c_int {
    SHRINKS.set(SHRINKS.get() + 1);
    CB_OK
}

const fn base() -> Callbacks {
    Callbacks { move_callback: Some(moves), shrink_callback: None, sync_callback: None }
}

static PLAIN: PurgeCallbacks = PurgeCallbacks { base: base(), free_callback: Some(goes), clean_callback: Some(cleans) };
static FREES: PurgeCallbacks = PurgeCallbacks { base: base(), free_callback: Some(frees_itself), clean_callback: None };
static ALLOCATES: PurgeCallbacks =
    PurgeCallbacks { base: base(), free_callback: Some(allocates), clean_callback: None };
static LIAR: Callbacks = Callbacks { move_callback: None, shrink_callback: Some(gives_nothing), sync_callback: None };
static ASKS: Callbacks = base();

struct World {
    _memory: Memory,
    pool: Pool,
}

impl World {
    fn new(bytes: usize) -> World {
        let memory = Memory::new(bytes);
        ASKED.take();
        REFUSING.take();
        POOL.set(Some(memory.pool));
        SHRINKS.set(0);
        MOVES.set(0);
        World { pool: memory.pool, _memory: memory }
    }

    /// A cached block of 4000 bytes.
    fn cached(&self) -> c_int {
        let handle = self.pool.alloc_purgeable(4000, 0, Priority::Cached, 0, &PLAIN);
        assert!(handle > 0);
        handle
    }

    /// Fills the pool with cached blocks.
    fn fill(&self) -> Vec<c_int> {
        let mut all = Vec::new();
        // What the pool's own tables take varies with its size.
        let most = self.pool.size() / 4100;
        while self.pool.stats().free > 5000 && all.len() < most {
            all.push(self.cached());
        }
        all
    }

    /// The same, and what is left, which depends on the size of a word, is somebody's.
    fn fill_up(&self) -> Vec<c_int> {
        let all = self.fill();
        let rest = self.pool.stats().free;
        if rest > 1000 {
            assert!(self.pool.alloc(rest - 1000, std::ptr::null()) > 0);
        }
        all
    }

    fn asked(&self) -> Vec<c_int> {
        self.pool.check_valid();
        ASKED.take()
    }
}

#[test]
fn the_coldest_cached_block_goes_first_and_only_as_many_as_it_takes() {
    let world = World::new(64 << 10);
    let all = world.fill_up();
    advance(LONG);
    assert!(world.pool.alloc(3500, std::ptr::null()) > 0);
    assert_eq!(world.asked(), [all[0]]);
    assert!(world.pool.alloc(7500, std::ptr::null()) > 0);
    assert_eq!(world.asked().len(), 2);
}

#[test]
fn a_block_that_was_touched_outlives_those_that_were_not() {
    let world = World::new(64 << 10);
    let all = world.fill();
    world.pool.touch(all[0]);
    advance(LONG);
    for _ in 0..all.len() - 1 {
        assert!(world.pool.alloc(3900, std::ptr::null()) > 0);
    }
    let asked = world.asked();
    assert!(!asked.contains(&all[0]), "{asked:?}");
}

#[test]
fn disposable_goes_before_cached_before_needed_later_and_needed_now_never() {
    let world = World::new(40 << 10);
    let kinds = [Priority::Now, Priority::Soon, Priority::Cached, Priority::Disposable];
    let handles = kinds.map(|kind| world.pool.alloc_purgeable(8000, 0, kind, 0, &PLAIN));
    advance(LONG);
    let mut taken = 0;
    while world.pool.alloc(7000, std::ptr::null()) > 0 {
        taken += 1;
    }
    assert!(taken >= 3);
    assert_eq!(world.asked(), [handles[3], handles[2], handles[1]]);
}

#[test]
fn of_blocks_needed_later_the_farthest_goes_first() {
    let world = World::new(40 << 10);
    let handles: Vec<c_int> = [500, 9000, 100, 3000]
        .into_iter()
        .map(|distance| {
            let handle = world.pool.alloc_purgeable(8000, 0, Priority::Soon, 0, &PLAIN);
            world.pool.set_priority(handle, Priority::Soon, distance);
            handle
        })
        .collect();
    advance(LONG);
    while world.pool.alloc(7900, std::ptr::null()) > 0 {}
    assert_eq!(world.asked(), [handles[1], handles[3], handles[0], handles[2]]);
}

#[test]
fn a_dirty_block_is_cleaned_before_it_goes_and_goes_after_the_clean_ones() {
    let world = World::new(20 << 10);
    let dirty = world.pool.alloc_purgeable(8000, 0, Priority::Disposable, 0, &PLAIN);
    let clean = world.pool.alloc_purgeable(8000, 0, Priority::Cached, 0, &PLAIN);
    world.pool.set_dirty(dirty, true);
    advance(LONG);
    assert!(world.pool.alloc(7900, std::ptr::null()) > 0);
    assert_eq!(world.asked(), [clean]);
    assert!(world.pool.alloc(7900, std::ptr::null()) > 0);
    assert_eq!(world.asked(), [-dirty, dirty]);
}

#[test]
fn a_dirty_block_that_cannot_be_cleaned_is_kept_and_the_request_fails() {
    let world = World::new(16 << 10);
    let dirty = world.pool.alloc_purgeable(12000, 0, Priority::Cached, 0, &PLAIN);
    world.pool.set_dirty(dirty, true);
    REFUSING.with_borrow_mut(|refusing| refusing.push(-dirty));
    advance(LONG);
    assert_eq!(world.pool.alloc(8000, std::ptr::null()), -2);
    assert_eq!(world.asked(), [-dirty]);
    assert!(!world.pool.data(dirty).is_null());
}

#[test]
fn a_block_with_a_transfer_under_way_or_a_pin_is_never_purged() {
    let world = World::new(24 << 10);
    let busy = world.pool.alloc_purgeable(8000, 0, Priority::Disposable, 0, &PLAIN);
    let pinned = world.pool.alloc_purgeable(8000, 0, Priority::Disposable, 0, &PLAIN);
    let place = world.pool.io_begin(busy);
    world.pool.pin(pinned);
    advance(LONG);
    assert_eq!(world.pool.alloc(12000, std::ptr::null()), -2);
    assert!(world.asked().is_empty());
    assert_eq!(world.pool.data(busy), place);
    world.pool.io_end(busy);
    world.pool.unpin(pinned);
    assert!(world.pool.alloc(12000, std::ptr::null()) > 0);
}

#[test]
fn a_block_used_in_the_last_seconds_is_spared_while_anything_older_is_left() {
    let world = World::new(20 << 10);
    let old = world.pool.alloc_purgeable(8000, 0, Priority::Soon, 0, &PLAIN);
    advance(LONG);
    let fresh = world.pool.alloc_purgeable(8000, 0, Priority::Disposable, 0, &PLAIN);
    assert!(world.pool.alloc(7900, std::ptr::null()) > 0);
    assert_eq!(world.asked(), [old]);
    assert!(world.pool.alloc(7900, std::ptr::null()) > 0);
    assert_eq!(world.asked(), [fresh]);
}

#[test]
fn a_refusing_owner_keeps_its_block_and_another_one_goes() {
    let world = World::new(64 << 10);
    let all = world.fill_up();
    REFUSING.with_borrow_mut(|refusing| refusing.push(all[0]));
    advance(LONG);
    assert!(world.pool.alloc(3500, std::ptr::null()) > 0);
    let asked = world.asked();
    assert_eq!(asked[..2], [all[0], all[1]]);
    assert!(!world.pool.data(all[0]).is_null());
}

#[test]
fn owners_that_refuse_for_ever_end_in_a_refusal() {
    let world = World::new(64 << 10);
    let all = world.fill();
    REFUSING.with_borrow_mut(|refusing| refusing.extend(&all));
    advance(LONG);
    assert_eq!(world.pool.alloc(20_000, std::ptr::null()), -2);
    let asked = world.asked();
    assert!(asked.len() <= all.len(), "each is asked once: {asked:?}");
    for handle in all {
        world.pool.free(handle);
    }
    world.pool.check_valid();
}

#[test]
fn a_free_callback_may_free_its_own_block_or_allocate() {
    for ops in [&FREES, &ALLOCATES] {
        let world = World::new(64 << 10);
        while world.pool.stats().free > 5000 {
            assert!(world.pool.alloc_purgeable(4000, 0, Priority::Cached, 0, ops) > 0);
        }
        advance(LONG);
        for _ in 0..20 {
            world.pool.alloc(3000, std::ptr::null());
            world.pool.check_valid();
        }
    }
}

#[test]
fn what_may_be_purged_counts_as_available_and_can_be_allocated() {
    let world = World::new(128 << 10);
    let before = world.pool.available();
    world.fill();
    advance(LONG);
    assert!(world.pool.available() + 2000 >= before);
    let most = world.pool.allocatable();
    assert!(most + 2000 >= before);
    assert!(world.asked().is_empty(), "asking takes nothing");
    assert!(world.pool.alloc(most, std::ptr::null()) > 0);
}

#[test]
fn the_maximum_takes_all_that_is_purgeable_unless_the_asker_can_shrink() {
    let world = World::new(1 << 20);
    world.fill();
    advance(LONG);
    let mut size = 0;
    assert!(world.pool.alloc_maximum(&mut size, &LIAR) > 0);
    let left = world.pool.stats();
    let kept = left.probation + left.main;
    assert!((48 << 10..=64 << 10).contains(&kept), "64 KB of cache stay in a small pool: {kept}");
    assert!(size > 900 << 10);

    let world = World::new(1 << 20);
    world.fill();
    advance(LONG);
    assert!(world.pool.alloc_maximum(&mut size, std::ptr::null()) > 0);
    assert_eq!(world.pool.stats().purgeable, 0);
}

#[test]
fn no_owner_is_asked_to_shrink_while_purgeable_memory_would_do() {
    let world = World::new(64 << 10);
    let liar = world.pool.alloc(20_000, &LIAR);
    world.fill();
    advance(LONG);
    assert!(world.pool.alloc(15_000, std::ptr::null()) > 0);
    assert_eq!(SHRINKS.get(), 0);
    assert_eq!(world.pool.alloc(60_000, std::ptr::null()), -2);
    assert_eq!(SHRINKS.get(), 1, "and one that lies is asked once");
    world.pool.free(liar);
}

#[test]
fn the_handle_table_draws_on_purgeable_memory() {
    let world = World::new(16 << 10);
    world.fill();
    advance(LONG);
    let mut small = 0;
    while world.pool.alloc(0, std::ptr::null()) > 0 {
        small += 1;
    }
    world.pool.check_valid();
    assert!(small * 5 * WORD > 13 << 10, "{small}");
}

#[test]
fn an_alignment_survives_moves() {
    for align in [32, 64, 512, 4096] {
        let world = World::new(256 << 10);
        let spacers: Vec<c_int> = (0..20).map(|i| world.pool.alloc(1000 + 37 * i, &ASKS)).collect();
        let aligned: Vec<c_int> = (0..8)
            .map(|i| {
                world.pool.alloc(100 + i, std::ptr::null());
                world.pool.alloc_purgeable(6000, align, Priority::Now, 0, &PLAIN)
            })
            .collect();
        for (i, &handle) in aligned.iter().enumerate() {
            let data = world.pool.data(handle);
            assert!((data as usize).is_multiple_of(align));
            // SAFETY: alive, and that large.
            unsafe { data.write_bytes(i as u8 + 1, 6000) };
        }
        for spacer in spacers.into_iter().step_by(2) {
            world.pool.free(spacer);
        }
        let most = world.pool.allocatable();
        assert!(world.pool.alloc(most, std::ptr::null()) > 0);
        world.pool.check_valid();
        for (i, &handle) in aligned.iter().enumerate() {
            let data = world.pool.data(handle);
            assert_eq!(data as usize % align, 0, "align {align}");
            // SAFETY: alive, and that large.
            let bytes = unsafe { std::slice::from_raw_parts(data, 6000) };
            assert!(bytes.iter().all(|&byte| byte == i as u8 + 1));
        }
    }
}

#[test]
fn a_bad_alignment_is_refused() {
    let world = World::new(64 << 10);
    for align in [3, 24, 8192, usize::MAX] {
        assert_eq!(world.pool.alloc_purgeable(100, align, Priority::Cached, 0, NO_OPS), -2);
    }
    assert!(world.pool.alloc_purgeable(100, 4096, Priority::Cached, 0, NO_OPS) > 0);
    assert_eq!(world.pool.alloc_purgeable(usize::MAX - 40, 0, Priority::Cached, 0, NO_OPS), -2);
}

#[test]
fn a_shrunk_purgeable_block_keeps_its_record() {
    let world = World::new(64 << 10);
    let handle = world.pool.alloc_purgeable(8000, 0, Priority::Cached, 0, &PLAIN);
    assert!(!world.pool.shrink(handle, std::ptr::null_mut(), 8001 + WORD));
    assert!(world.pool.shrink(handle, std::ptr::null_mut(), 3000));
    world.pool.check_valid();
    world.pool.touch(handle);
    let start = world.pool.data(handle);
    assert!(world.pool.shrink(handle, start.wrapping_add(1000), 2000));
    world.pool.check_valid();
    world.pool.free(handle);
    assert_eq!(world.pool.stats().purgeable, 0);
}

#[test]
fn inside_the_file_path_nothing_moves_and_no_owner_is_asked() {
    let world = World::new(64 << 10);
    let liar = world.pool.alloc(10_000, &LIAR);
    let mut spacers: Vec<c_int> = (0..8).map(|_| world.pool.alloc(2000, &ASKS)).collect();
    let all = world.fill();
    for handle in spacers.drain(..).step_by(2) {
        world.pool.free(handle);
    }
    advance(LONG);
    let before = set_asker(Asker::FilePath);
    // More than any hole: only clean victims help.
    assert!(world.pool.alloc(3500, std::ptr::null()) > 0);
    assert_eq!(world.asked(), [all[0]]);
    while world.pool.alloc(3500, std::ptr::null()) > 0 {}
    assert_eq!((MOVES.get(), SHRINKS.get()), (0, 0));
    set_asker(before);
    world.pool.free(liar);
}

#[test]
fn playback_threads_move_and_purge_but_ask_no_owner_and_wait_for_nothing_dirty() {
    let world = World::new(32 << 10);
    world.pool.alloc(8000, &LIAR);
    let dirty = world.pool.alloc_purgeable(12_000, 0, Priority::Cached, 0, &PLAIN);
    world.pool.set_dirty(dirty, true);
    advance(LONG);
    let before = set_asker(Asker::Playback);
    assert_eq!(world.pool.alloc(14_000, std::ptr::null()), -2);
    assert!(world.asked().is_empty());
    assert_eq!(SHRINKS.get(), 0);
    set_asker(before);
    assert!(world.pool.alloc(14_000, std::ptr::null()) > 0);
}

#[test]
fn a_block_moved_high_stands_in_nobodys_way() {
    let world = World::new(64 << 10);
    let (first, long, last) =
        (world.pool.alloc(10_000, &ASKS), world.pool.alloc(2000, &ASKS), world.pool.alloc(10_000, &ASKS));
    let start = world.pool.data(long) as usize;
    assert!(world.pool.move_high(long));
    world.pool.check_valid();
    assert!(world.pool.data(long) as usize > start + 30_000);
    world.pool.pin(long);
    world.pool.free(first);
    world.pool.free(last);
    assert!(world.pool.alloc(55_000, std::ptr::null()) > 0);
}

#[test]
fn victims_beside_each_other_make_room_for_a_large_request() {
    let world = World::new(512 << 10);
    let all = world.fill();
    let pinned = all[all.len() / 2];
    world.pool.pin(pinned);
    advance(LONG);
    assert!(world.pool.alloc(200 << 10, std::ptr::null()) > 0);
    let gone = world.asked().len();
    assert!(gone * 4000 <= (200 << 10) + 8000, "{gone} blocks went for 200 KB");
}

fn filled(pool: Pool, handle: c_int, size: usize, fill: u8) -> bool {
    // SAFETY: alive, and that large.
    unsafe { std::slice::from_raw_parts(pool.data(handle), size) }.iter().all(|&byte| byte == fill)
}

fn live(world: &World, seed: u64, steps: usize, largest: usize) {
    let mut dice = Dice(seed);
    // Handle, size, fill, purgeable, transfers.
    let mut blocks: Vec<(c_int, usize, u8, bool, u32)> = Vec::new();
    for step in 0..steps {
        let pick = dice.below(blocks.len());
        match dice.below(16) {
            0..=6 => {
                let (purgeable, scale) = (dice.below(3) > 0, dice.below(largest) + 1);
                let (size, fill) = (dice.below(scale), step as u8);
                let priority =
                    [Priority::Now, Priority::Soon, Priority::Cached, Priority::Cached, Priority::Disposable]
                        [dice.below(5)];
                let align = [0, 0, 32, 512][dice.below(4)];
                let key = dice.below(50);
                let handle = match purgeable {
                    true => world.pool.alloc_purgeable(size, align, priority, key, &PLAIN),
                    false => world.pool.alloc(size, &ASKS),
                };
                let gone = ASKED.take();
                blocks.retain(|block| !gone.contains(&block.0));
                if handle > 0 {
                    // SAFETY: alive, and that large.
                    unsafe { world.pool.data(handle).write_bytes(fill, size) };
                    blocks.push((handle, size, fill, purgeable, 0));
                }
            }
            7..=9 if !blocks.is_empty() => {
                let (handle, size, fill, _, transfers) = blocks.swap_remove(pick);
                assert!(filled(world.pool, handle, size, fill), "seed {seed}, step {step}");
                for _ in 0..transfers {
                    world.pool.io_end(handle);
                }
                world.pool.free(handle);
            }
            10 => advance(dice.below(400) as u32),
            11 if !blocks.is_empty() => {
                let keep = dice.below(blocks[pick].1 + 1);
                assert!(world.pool.shrink(blocks[pick].0, std::ptr::null_mut(), keep));
                blocks[pick].1 = keep;
            }
            _ if !blocks.is_empty() && blocks[pick].3 => match dice.below(6) {
                0 | 1 => world.pool.touch(blocks[pick].0),
                2 => world.pool.set_priority(blocks[pick].0, Priority::Soon, dice.below(1000)),
                3 => world.pool.set_dirty(blocks[pick].0, dice.below(2) == 0),
                4 => {
                    world.pool.io_begin(blocks[pick].0);
                    blocks[pick].4 += 1;
                }
                _ if blocks[pick].4 > 0 => {
                    world.pool.io_end(blocks[pick].0);
                    blocks[pick].4 -= 1;
                }
                _ => {}
            },
            _ => {}
        }
        world.pool.check_valid();
        for &(handle, size, fill, ..) in &blocks {
            assert!(filled(world.pool, handle, size, fill), "seed {seed}, step {step}, handle {handle}");
        }
    }
}

/// How many random lives a pool has; in emulation, one.
const SEEDS: u64 = if cfg!(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")) { 8 } else { 1 };

#[test]
fn random_actions_keep_a_pool_with_purgeable_blocks_whole() {
    for (bytes, largest) in [(2 << 10, 300), (8 << 10, 2000), (64 << 10, 9000), (64 << 10, 40_000), (256 << 10, 9000)] {
        for seed in 1..=SEEDS {
            live(&World::new(bytes), seed * 0x9E37_79B9, 1500, largest);
        }
    }
}
