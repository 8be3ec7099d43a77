//! The four slots of one thread in one pool: the owner's plain loads and stores, and a door for the cleaner.
//!
//! ```text
//!   owner, every call                    thief: cleaner, destroy, under the registry's lock
//!     busy = 1                             door = closed
//!     light barrier                        heavy barrier
//!     door open? use the slots             wait until busy == 0
//!     busy = 0                             the slots are the thief's
//! ```
//!
//! Of the two first stores at least one is seen by the other side, so never do both use the slots. The heavy barrier makes
//! every other core of the process pass a full one, which lets the light one be no instruction at all: the owner pays two
//! stores to memory that is its own. The door is opened under the registry's lock only. Where the system has no heavy barrier,
//! it is opened for the slow calls only, whose light barrier is a fence then.
//!
//! The slots are a stack: the buffer that was put last is the one that is still in the core's cache.

use super::sync::{AtomicU32, Item, NOTHING, Ordering, Place, compiler_fence, constant, light};

/// How many buffers a thread keeps for itself in a pool.
pub const SLOTS: usize = 4;

/// The door: nobody but a thief is let in.
const CLOSED: u32 = 0;
/// The owner is let in by the fast calls, and the light barrier is none.
const FAST: u32 = 1;
/// The owner is let in by the other calls only, which make a full barrier where the light one is none.
const SLOW: u32 = 2;

/// The slots.
#[derive(Debug)]
pub struct Slots {
    door: AtomicU32,
    busy: AtomicU32,
    count: AtomicU32,
    places: [Place; SLOTS],
}

impl Slots {
    constant! {
        /// Empty and closed.
        pub fn new() -> Slots {
            Slots {
                door: AtomicU32::new(CLOSED),
                busy: AtomicU32::new(0),
                count: AtomicU32::new(0),
                places: [Place::new(NOTHING), Place::new(NOTHING), Place::new(NOTHING), Place::new(NOTHING)],
            }
        }
    }

    /// Whether the owner may keep buffers here.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.door.load(Ordering::Relaxed) != CLOSED
    }

    /// Whether the fast calls are let in and find no room.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.door.load(Ordering::Relaxed) == FAST && self.len() == SLOTS
    }

    /// Whether the fast calls find nothing: no buffers, or the owner has no cache yet.
    #[inline]
    pub fn is_bare(&self) -> bool {
        match self.door.load(Ordering::Relaxed) {
            FAST => self.len() == 0,
            CLOSED => true,
            _ => false,
        }
    }

    /// How many buffers lie here; exact while the owner is not in a call.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed) as usize
    }

    /// Lets the owner in, to the fast calls too or not. Under the registry's lock.
    pub fn open(&self, fast: bool) {
        self.door.store(if fast { FAST } else { SLOW }, Ordering::Relaxed);
    }

    /// Owner, fast: takes the buffer that was put last.
    #[inline(always)]
    pub fn take_fast(&self) -> Option<Item> {
        self.busy.store(1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        let taken = if self.door.load(Ordering::Relaxed) == FAST { self.pop() } else { None };
        self.busy.store(0, Ordering::Release);
        taken
    }

    /// Owner, fast: keeps a buffer if there is room and `claim` gets it.
    #[inline(always)]
    pub fn give_fast(&self, item: Item, claim: impl FnOnce() -> bool) -> bool {
        self.busy.store(1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        let given = self.door.load(Ordering::Relaxed) == FAST && self.push(item, claim);
        self.busy.store(0, Ordering::Release);
        given
    }

    /// Owner, fast: gives full slots away, the buffer that was put first first, and keeps another buffer instead. False:
    /// nothing was kept; `give` did not take them, or the slots are not full.
    #[inline(always)]
    pub fn exchange_fast(&self, item: Item, give: impl FnOnce(&[Item; SLOTS]) -> bool) -> bool {
        self.busy.store(1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        let given = self.door.load(Ordering::Relaxed) == FAST
            && self.len() == SLOTS
            && give(&self.places.each_ref().map(Place::get));
        if given {
            if let Some(first) = self.places.first() {
                first.set(item);
            }
            self.count.store(1, Ordering::Relaxed);
        }
        self.busy.store(0, Ordering::Release);
        given
    }

    /// Owner, fast: keeps buffers in bare slots so that the first of them is taken first; false when they are not bare.
    #[inline(always)]
    pub fn fill_fast<const N: usize>(&self, items: &[Item; N]) -> bool {
        const { assert!(N <= SLOTS) };
        self.busy.store(1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        let bare = self.door.load(Ordering::Relaxed) == FAST && self.len() == 0;
        if bare {
            for (place, item) in self.places.iter().zip(items.iter().rev()) {
                place.set(*item);
            }
            self.count.store(N as u32, Ordering::Relaxed);
        }
        self.busy.store(0, Ordering::Release);
        bare
    }

    /// Owner: takes the buffer that was put last.
    pub fn take(&self) -> Option<Item> {
        self.busy.store(1, Ordering::Relaxed);
        light();
        let taken = if self.is_open() { self.pop() } else { None };
        self.busy.store(0, Ordering::Release);
        taken
    }

    /// Owner: keeps a buffer; false when the slots are full or closed.
    pub fn give(&self, item: Item) -> bool {
        self.busy.store(1, Ordering::Relaxed);
        light();
        let given = self.is_open() && self.push(item, || true);
        self.busy.store(0, Ordering::Release);
        given
    }

    #[inline(always)]
    fn pop(&self) -> Option<Item> {
        let left = self.count.load(Ordering::Relaxed).wrapping_sub(1);
        let item = self.places.get(left as usize)?.get();
        self.count.store(left, Ordering::Relaxed);
        Some(item)
    }

    #[inline(always)]
    fn push(&self, item: Item, claim: impl FnOnce() -> bool) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        match self.places.get(count as usize) {
            Some(place) if claim() => {
                place.set(item);
                self.count.store(count + 1, Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }

    /// Thief, first step: no later call of the owner touches the slots, once the heavy barrier has passed.
    pub fn close(&self) {
        self.door.store(CLOSED, Ordering::Relaxed);
    }

    /// Thief, after the heavy barrier: whether the owner has left.
    pub fn is_left(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    /// Thief, last step, and the owner itself at its end: takes what lies here. The door is closed.
    pub fn drain(&self, mut keep: impl FnMut(Item)) {
        let count = self.count.load(Ordering::Relaxed) as usize;
        self.count.store(0, Ordering::Relaxed);
        for place in self.places.iter().take(count) {
            keep(place.get());
        }
    }
}
