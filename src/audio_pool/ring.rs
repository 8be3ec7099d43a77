//! A bounded queue for many threads: the preallocated list, the overflow tier, the queue of latency samples.
//!
//! ```text
//!   head ──► pop                       a position is (lap, index): when the index passes the last slot
//!   tail ──► push                      the lap goes up by one and the index starts at 0 again
//!
//!   slot.stamp == tail position        free in this lap: whoever moves the tail on may write it
//!   slot.stamp == head position + 1    full: whoever moves the head on may read it
//!   after reading                      stamp = head position + one lap: free for the next lap
//! ```
//!
//! Producers meet only at the tail and consumers only at the head, so two threads that pass buffers to each other share
//! the slots and nothing else. Nobody waits: a slot that another thread is in the middle of counts as full to a push and as
//! empty to a pop, and the caller goes on to its next tier. The number of slots is the bound itself: a full queue refuses, and "fewer than the maximum"
//! needs no counter.
//!
//! A slot has a line of its own: where one thread pushes and another one pops, they are seldom far apart. Positions are 32 bits and come again after two
//! thousand million pushes at the least: a thread would have to be stopped for so long, to the exact number, between its
//! look and its compare-and-swap.

use std::boxed::Box;

use super::sync::{AtomicU32, Ordering, spin};

/// A line of its own: head and tail belong to different threads.
#[derive(Debug)]
#[repr(align(128))]
pub struct Line(pub(super) AtomicU32);

/// A place in the queue.
#[derive(Debug)]
#[repr(align(64))]
pub struct Slot {
    pub(super) stamp: AtomicU32,
    pub(super) value: AtomicU32,
}

/// The bounded queue, over a boxed slice or an array of its own.
#[derive(Debug)]
pub struct Ring<S = Box<[Slot]>> {
    pub(super) head: Line,
    pub(super) tail: Line,
    /// The step from one lap to the next: a power of two above the number of slots.
    pub(super) lap: u32,
    pub(super) slots: S,
}

impl Ring {
    /// A queue of exactly `bound` slots; 0 is a queue that is always full and always empty.
    pub fn new(bound: usize) -> Ring {
        Ring {
            head: Line(AtomicU32::new(0)),
            tail: Line(AtomicU32::new(0)),
            lap: (bound as u32 + 1).next_power_of_two(),
            slots: (0..bound)
                .map(|index| Slot { stamp: AtomicU32::new(index as u32), value: AtomicU32::new(0) })
                .collect(),
        }
    }
}

impl<S: AsRef<[Slot]>> Ring<S> {
    /// How many values it holds at most.
    pub fn bound(&self) -> usize {
        self.slots.as_ref().len()
    }

    #[inline]
    fn index(&self, position: u32) -> usize {
        (position & (self.lap - 1)) as usize
    }

    #[inline]
    fn after(&self, position: u32) -> u32 {
        if self.index(position) + 1 < self.slots.as_ref().len() {
            position.wrapping_add(1)
        } else {
            (position & !(self.lap - 1)).wrapping_add(self.lap)
        }
    }

    /// Appends a value; false when the queue is full, or its next slot is being emptied at this moment.
    #[inline]
    pub fn push(&self, value: u32) -> bool {
        let mut tail = self.tail.0.load(Ordering::Relaxed);
        loop {
            let Some(slot) = self.slots.as_ref().get(self.index(tail)) else {
                return false; // a bound of 0
            };
            let stamp = slot.stamp.load(Ordering::Acquire);
            if stamp == tail {
                match self.tail.0.compare_exchange_weak(tail, self.after(tail), Ordering::AcqRel, Ordering::Relaxed) {
                    Ok(_) => {
                        slot.value.store(value, Ordering::Relaxed);
                        slot.stamp.store(tail.wrapping_add(1), Ordering::Release);
                        return true;
                    }
                    Err(now) => tail = now,
                }
                continue;
            }
            if stamp.wrapping_add(self.lap) == tail.wrapping_add(1) {
                return false; // the value of the lap before is there, or is being read
            }
            tail = self.tail.0.load(Ordering::Relaxed); // somebody was faster
        }
    }

    /// Takes the oldest value; None when the queue is empty, or its next slot is being filled at this moment.
    #[inline]
    pub fn pop(&self) -> Option<u32> {
        let mut head = self.head.0.load(Ordering::Relaxed);
        loop {
            let slot = self.slots.as_ref().get(self.index(head))?;
            let stamp = slot.stamp.load(Ordering::Acquire);
            if stamp == head.wrapping_add(1) {
                match self.head.0.compare_exchange_weak(head, self.after(head), Ordering::AcqRel, Ordering::Relaxed) {
                    Ok(_) => {
                        let value = slot.value.load(Ordering::Relaxed);
                        slot.stamp.store(head.wrapping_add(self.lap), Ordering::Release);
                        return Some(value);
                    }
                    Err(now) => head = now,
                }
                continue;
            }
            if stamp == head {
                return None; // nothing is there, or it is being written
            }
            head = self.head.0.load(Ordering::Relaxed); // somebody was faster
        }
    }

    /// How many values it holds; exact while nobody is pushing or popping.
    pub fn len(&self) -> usize {
        loop {
            let tail = self.tail.0.load(Ordering::Acquire);
            let head = self.head.0.load(Ordering::Acquire);
            if self.tail.0.load(Ordering::Acquire) == tail {
                let laps = (tail & !(self.lap - 1)).wrapping_sub(head & !(self.lap - 1));
                let (tail, head) = (self.index(tail), self.index(head));
                return if laps == 0 { tail.saturating_sub(head) } else { self.slots.as_ref().len() + tail - head };
            }
            spin();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Ring;

    #[test]
    fn a_ring_gives_back_in_order_what_it_was_given_and_refuses_beyond_its_bound() {
        for bound in [1usize, 2, 3, 10, 20, 100] {
            let ring = Ring::new(bound);
            assert_eq!(ring.bound(), bound);
            let mut next = 0;
            let mut oldest = 0;
            for round in 0..50 {
                let wanted = ring.len().max((round * 7) % (bound + 1));
                while ring.len() < wanted {
                    assert!(ring.push(next));
                    next += 1;
                }
                if wanted == bound {
                    assert!(!ring.push(9999), "bound {bound}");
                }
                assert_eq!(ring.len(), wanted);
                for _ in 0..(round % (wanted + 1)) {
                    assert_eq!(ring.pop(), Some(oldest));
                    oldest += 1;
                }
            }
            while let Some(value) = ring.pop() {
                assert_eq!(value, oldest);
                oldest += 1;
            }
            assert_eq!(oldest, next);
            assert_eq!(ring.len(), 0);
        }
    }

    #[test]
    fn a_ring_without_room_takes_nothing_and_gives_nothing() {
        let ring = Ring::new(0);
        assert!(!ring.push(1));
        assert_eq!(ring.pop(), None);
        assert_eq!(ring.len(), 0);
    }
}
