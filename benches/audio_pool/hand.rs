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

/// How many items lie between the two at most.
pub const PLACES: usize = 32;
/// How many items a side tells the other one of at once.
pub const TOLD: usize = 8;

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

impl<T> Hand<T> {
    pub fn new() -> Hand<T> {
        let places = [const { UnsafeCell::new(MaybeUninit::uninit()) }; PLACES];
        Hand { sender: Side::default(), receiver: Side::default(), places }
    }

    /// Hands an item over; gives it back when the ring is full. Only the sender calls it.
    #[inline]
    pub fn send(&self, item: T) -> Result<(), T> {
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

    /// The next item, if there is one. Only the receiver calls it.
    #[inline]
    pub fn receive(&self) -> Option<T> {
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
