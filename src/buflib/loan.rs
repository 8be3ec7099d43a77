//! Memory of the core pool that a player has lent to buffering, and takes back without a word.
//!
//! ```text
//!   core_alloc_maximum ──► block ──► buffering_reset(inside it) ──► data lives there
//!                            │                                         ▲
//!                            └─ core_shrink, core_free ── first ───────┘ what is dirty is written, the rest is dropped
//! ```
//!
//! Playback of the tree stops, shrinks or frees its block, writes into it, and resets buffering after that or not at
//! all: nothing in that memory may be needed any more by then.

use core::cell::UnsafeCell;

use super::Pool;
use crate::port::PoolLock;

/// What is lent, from where to where, and who ends it.
#[derive(Clone, Copy)]
struct Loan {
    start: usize,
    end: usize,
    leave: fn(),
}

struct Place(UnsafeCell<Option<Loan>>);

// SAFETY: looked at and changed under the lock of the core pool only.
unsafe impl Sync for Place {}

static PLACE: Place = Place(UnsafeCell::new(None));

fn place<R>(work: impl FnOnce(&mut Option<Loan>) -> R) -> R {
    let lock = PoolLock::of(Pool::core().context() as usize);
    lock.lock();
    // SAFETY: the lock is held, and `work` calls nothing that might come back here.
    let result = work(unsafe { &mut *PLACE.0.get() });
    // SAFETY: taken above.
    unsafe { lock.unlock() };
    result
}

/// A region, by its first address and its length, is lent from now on, in place of what was; `leave` ends everything
/// there.
pub fn lend(region: Option<(usize, usize)>, leave: fn()) {
    place(|place| *place = region.map(|(start, len)| Loan { start, end: start + len, leave }));
}

/// The block of a handle of the core pool is about to be cut or freed: what is lent inside it ends first.
pub fn before_change(handle: i32) {
    if handle <= 0 {
        return;
    }
    let Some(loan) = place(|place| *place) else { return };
    let block = Pool::core().range(handle);
    if loan.start < block.end && loan.end > block.start {
        place(|place| *place = None);
        (loan.leave)();
    }
}
