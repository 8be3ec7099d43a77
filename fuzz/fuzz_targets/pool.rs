//! Arbitrary actions on a pool with ordinary and purgeable blocks; the pool is judged after each, and every block's
//! bytes are compared.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rockmem::buflib::{CB_CANNOT_MOVE, CB_OK, Callbacks, Context, Pool, Priority, PurgeCallbacks, WORD};
use rockmem::port::{Asker, advance, set_asker};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::ptr::null;

#[derive(Arbitrary, Debug)]
enum Action {
    Alloc {
        size: u16,
        ops: u8,
    },
    AllocPurgeable {
        size: u16,
        align: u8,
        priority: u8,
        key: u8,
    },
    AllocMaximum,
    Free {
        pick: u8,
    },
    Shrink {
        pick: u8,
        front: u16,
        keep: u16,
    },
    Pin {
        pick: u8,
    },
    Unpin {
        pick: u8,
    },
    Touch {
        pick: u8,
    },
    Prioritise {
        pick: u8,
        priority: u8,
        distance: u16,
    },
    Dirty {
        pick: u8,
        dirty: bool,
    },
    BeginTransfer {
        pick: u8,
    },
    EndTransfer {
        pick: u8,
    },
    MoveHigh {
        pick: u8,
    },
    Ask {
        asker: u8,
    },
    /// Which callbacks refuse from now on.
    Refuse {
        moves: bool,
        frees: bool,
        cleans: bool,
    },
    Wait {
        ticks: u16,
    },
    Allocatable,
}

#[derive(Arbitrary, Debug)]
struct Script {
    words: u16,
    actions: Vec<Action>,
}

#[derive(Clone, Copy)]
struct Block {
    size: usize,
    first: u8,
    pins: u32,
    transfers: u32,
    purgeable: bool,
}

thread_local! {
    static POOL: Cell<Option<Pool>> = const { Cell::new(None) };
    static LIVE: RefCell<BTreeMap<c_int, Block>> = const { RefCell::new(BTreeMap::new()) };
    static REFUSES: Cell<(bool, bool, bool)> = const { Cell::new((false, false, false)) };
}

fn live<R>(f: impl FnOnce(&mut BTreeMap<c_int, Block>) -> R) -> R {
    LIVE.with_borrow_mut(f)
}

unsafe extern "C" fn moves(handle: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    assert!(live(|live| live[&handle].pins + live[&handle].transfers == 0), "a pinned block is to move");
    if REFUSES.get().0 { CB_CANNOT_MOVE } else { CB_OK }
}

unsafe extern "C" fn goes(handle: c_int, _: *mut c_void, _: usize) -> c_int {
    let block = live(|live| live[&handle]);
    assert!(block.purgeable && block.pins + block.transfers == 0, "a held block is to go");
    if REFUSES.get().1 {
        return 1;
    }
    live(|live| live.remove(&handle));
    CB_OK
}

unsafe extern "C" fn cleans(handle: c_int) -> c_int {
    if !REFUSES.get().2 {
        POOL.get().expect("a pool").set_dirty(handle, false);
    }
    CB_OK
}

/// Gives its second half.
unsafe extern "C" fn shrinks(handle: c_int, _: u32, start: *mut c_void, size: usize) -> c_int {
    POOL.get().expect("a pool").shrink(handle, start.cast(), size / 2);
    live(|live| live.get_mut(&handle).map(|block| block.size = block.size.min(size / 2)));
    CB_OK
}

static ASKS: Callbacks = Callbacks { move_callback: Some(moves), shrink_callback: None, sync_callback: None };
static LOCKED: Callbacks = Callbacks { move_callback: None, shrink_callback: None, sync_callback: None };
static GIVES: Callbacks = Callbacks { move_callback: Some(moves), shrink_callback: Some(shrinks), sync_callback: None };
static GOES: PurgeCallbacks = PurgeCallbacks { base: ASKS, free_callback: Some(goes), clean_callback: Some(cleans) };

fn priority(number: u8) -> Priority {
    [Priority::Now, Priority::Soon, Priority::Cached, Priority::Disposable][number as usize % 4]
}

fn bytes(pool: Pool, handle: c_int, size: usize) -> &'static mut [u8] {
    // SAFETY: alive, and that large; used up before the next call.
    unsafe { std::slice::from_raw_parts_mut(pool.data(handle), size) }
}

fn check(pool: Pool) {
    pool.check_valid();
    for (handle, block) in live(|live| live.clone()) {
        let whole = bytes(pool, handle, block.size)
            .iter()
            .enumerate()
            .all(|(i, &byte)| byte == block.first.wrapping_add(i as u8));
        assert!(whole, "block {handle} lost its bytes");
    }
}

fn keep(pool: Pool, handle: c_int, size: usize, purgeable: bool) {
    if handle > 0 {
        let first = (handle as u8).wrapping_mul(37);
        bytes(pool, handle, size).iter_mut().enumerate().for_each(|(i, byte)| *byte = first.wrapping_add(i as u8));
        let block = Block { size, first, pins: 0, transfers: 0, purgeable };
        assert!(live(|live| live.insert(handle, block)).is_none(), "handle {handle} was given twice");
    }
}

fn act(pool: Pool, action: Action) {
    let pick = |pick: u8| {
        live(|live| live.iter().nth(pick as usize % live.len().max(1)).map(|(&handle, &block)| (handle, block)))
    };
    let change = |handle, f: fn(&mut Block)| live(|live| f(live.get_mut(&handle).expect("alive")));
    match action {
        Action::Alloc { size, ops } => {
            let which = ops as usize % 4;
            let ops: *const Callbacks = [null(), &raw const ASKS, &raw const LOCKED, &raw const GIVES][which];
            keep(pool, pool.alloc(size as usize, ops), size as usize, false);
        }
        Action::AllocPurgeable { size, align, priority: number, key } => {
            let align = [0, 8, 64, 512, 4096, 3][align as usize % 6];
            let handle = pool.alloc_purgeable(size as usize, align, priority(number), key as usize, &GOES);
            assert!(handle <= 0 || align < 2 || (pool.data(handle) as usize).is_multiple_of(align));
            keep(pool, handle, size as usize, true);
        }
        Action::AllocMaximum => {
            let mut size = 0;
            let handle = pool.alloc_maximum(&mut size, &ASKS);
            keep(pool, handle, size, false);
        }
        Action::Free { pick: number } => {
            if let Some((handle, block)) = pick(number) {
                (0..block.transfers).for_each(|_| pool.io_end(handle));
                live(|live| live.remove(&handle));
                pool.free(handle);
            }
        }
        Action::Shrink { pick: number, front, keep } => {
            if let Some((handle, block)) = pick(number) {
                // The record of a purgeable block stands behind its data, and its alignment is that of its start.
                let front = if block.purgeable { 0 } else { front as usize % (block.size + 1) };
                let keep = keep as usize % (block.size - front + 1);
                let start = pool.data(handle).wrapping_add(front);
                assert!(pool.shrink(handle, start, keep));
                live(|live| {
                    let block = live.get_mut(&handle).expect("alive");
                    (block.size, block.first) = (keep, block.first.wrapping_add(front as u8));
                });
            }
        }
        Action::Pin { pick: number } => {
            if let Some((handle, _)) = pick(number) {
                pool.pin(handle);
                change(handle, |block| block.pins += 1);
            }
        }
        Action::Unpin { pick: number } => {
            if let Some((handle, _)) = pick(number).filter(|(_, block)| block.pins > 0) {
                pool.unpin(handle);
                change(handle, |block| block.pins -= 1);
            }
        }
        Action::MoveHigh { pick: number } => {
            if let Some((handle, _)) = pick(number) {
                pool.move_high(handle);
            }
        }
        Action::Touch { pick: n }
        | Action::Prioritise { pick: n, .. }
        | Action::Dirty { pick: n, .. }
        | Action::BeginTransfer { pick: n }
        | Action::EndTransfer { pick: n } => {
            let Some((handle, block)) = pick(n).filter(|(_, block)| block.purgeable) else { return };
            match action {
                Action::Touch { .. } => pool.touch(handle),
                Action::Prioritise { priority: number, distance, .. } => {
                    pool.set_priority(handle, priority(number), distance as usize);
                }
                Action::Dirty { dirty, .. } => pool.set_dirty(handle, dirty),
                Action::BeginTransfer { .. } if block.transfers < 255 => {
                    pool.io_begin(handle);
                    change(handle, |block| block.transfers += 1);
                }
                Action::EndTransfer { .. } if block.transfers > 0 => {
                    pool.io_end(handle);
                    change(handle, |block| block.transfers -= 1);
                }
                _ => {}
            }
        }
        Action::Ask { asker } => {
            set_asker([Asker::FilePath, Asker::Playback, Asker::Anyone][asker as usize % 3]);
        }
        Action::Refuse { moves, frees, cleans } => REFUSES.set((moves, frees, cleans)),
        Action::Wait { ticks } => advance(u32::from(ticks) % 600),
        Action::Allocatable => {
            let most = pool.allocatable();
            assert!(most <= pool.available().max(pool.size()));
        }
    }
}

fuzz_target!(|script: Script| {
    let words = 32 + script.words as usize % 6000;
    let (mut ctx, mut memory) = (Box::new(Context::new()), vec![0_usize; words]);
    // SAFETY: both outlive the pool's use below.
    let pool = unsafe {
        Pool::init(&mut *ctx, memory.as_mut_ptr().cast(), words * WORD);
        Pool::new(&mut *ctx)
    };
    POOL.set(Some(pool));
    live(BTreeMap::clear);
    REFUSES.set((false, false, false));
    set_asker(Asker::Anyone);
    for action in script.actions {
        act(pool, action);
        check(pool);
    }
});
