//! The hand-over from one thread to another: a ring for one sender and one receiver.
//!
//! ```text
//!   sender    [ moved, seen, told ]       what it moved, what it saw last of the other side, what it told the other side
//!   receiver  [ moved, seen, told ]       a line each, and two between them
//!   places    [ ][ ][ ][ ] ... [ ]
//! ```
//!
//! It is as cheap as such a thing can be, so that the pool shows and not the way between the threads: a side tells the
//! other one of eight items at once, and looks at the other side's line only when the ring is full or empty by what it
//! saw last. It makes no barrier, which would make a pool wait for what it need not wait for.

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::ArrayQueue;

/// How many items lie between the two at most.
pub const PLACES: usize = 32;
/// How many items a side tells the other one of at once.
pub const TOLD: usize = 8;

/// What leads from one thread to another one.
pub trait Way<T>: Sync {
    /// How long a side that must wait leaves the way alone, in spins: to look at a queue disturbs the other side.
    const SPINS: u32;
    /// After how many waits it lets another thread have the core.
    const WAITS: u32;

    fn new() -> Self;

    /// Hands an item over; gives it back when there is no room. Only the sender calls it.
    fn send(&self, item: T) -> Result<(), T>;

    /// The next item, if there is one. Only the receiver calls it.
    fn receive(&self) -> Option<T>;
}

/// A way with barriers and for many threads, as programs have it as well.
impl<T: Send> Way<T> for ArrayQueue<T> {
    const SPINS: u32 = 20;
    const WAITS: u32 = 1;

    fn new() -> ArrayQueue<T> {
        ArrayQueue::new(PLACES)
    }

    fn send(&self, item: T) -> Result<(), T> {
        self.push(item)
    }

    fn receive(&self) -> Option<T> {
        self.pop()
    }
}

#[derive(Default)]
#[repr(align(128))]
struct Side {
    moved: Cell<usize>,
    seen: Cell<usize>,
    told: AtomicUsize,
}

impl Side {
    /// What the other side may not yet have left or filled, by what this side saw last.
    fn ahead(&self) -> usize {
        self.moved.get() - self.seen.get()
    }

    fn look(&self, other: &Side) {
        self.seen.set(other.told.load(Ordering::Acquire));
    }

    fn step(&self) {
        let moved = self.moved.get() + 1;
        self.moved.set(moved);
        if moved.is_multiple_of(TOLD) {
            self.told.store(moved, Ordering::Release);
        }
    }
}

/// The ring.
pub struct Hand<T> {
    sender: Side,
    receiver: Side,
    places: [UnsafeCell<MaybeUninit<T>>; PLACES],
}

// SAFETY: one thread sends and one receives. A place is the sender's until it told of it and the receiver's until that
// told of it; each side's cells are its own.
unsafe impl<T: Send> Sync for Hand<T> {}

impl<T: Send> Way<T> for Hand<T> {
    const SPINS: u32 = 1;
    const WAITS: u32 = 50;

    fn new() -> Hand<T> {
        let places = [const { UnsafeCell::new(MaybeUninit::uninit()) }; PLACES];
        Hand { sender: Side::default(), receiver: Side::default(), places }
    }

    #[inline]
    fn send(&self, item: T) -> Result<(), T> {
        if self.sender.ahead() == PLACES {
            self.sender.look(&self.receiver);
            if self.sender.ahead() == PLACES {
                return Err(item);
            }
        }
        let place = &self.places[self.sender.moved.get() % PLACES];
        // SAFETY: the receiver has left it.
        unsafe { (*place.get()).write(item) };
        self.sender.step();
        Ok(())
    }

    #[inline]
    fn receive(&self) -> Option<T> {
        if self.receiver.ahead() == 0 {
            self.receiver.look(&self.sender);
            if self.receiver.ahead() == 0 {
                return None;
            }
        }
        let place = &self.places[self.receiver.moved.get() % PLACES];
        // SAFETY: the sender has filled it.
        let item = unsafe { (*place.get()).assume_init_read() };
        self.receiver.step();
        Some(item)
    }
}
