//! A bounded queue for many threads: the preallocated list, the overflow tier, the queue of latency samples.
//!
//! ```text
//!              head                tail
//!                ▼                   ▼
//!   [ ][ ][ ][ ][a][b][c][d][e][f][ ][ ][ ][ ]     a position is (lap, index): behind the last place the lap goes up
//!                pop                 push          by one and the index starts at 0 again
//!
//!   a place is empty for a lap, even or odd      whoever moves the tail of that lap past it fills it
//!            filled in a lap                     whoever moves the head of that lap past it empties it for the next lap
//! ```
//!
//! Producers meet only at the tail and consumers only at the head; neither looks at the other's position. Nobody waits: a
//! place that another thread is about to fill counts as empty to a pop, one that it is about to empty as full to a
//! push, and the call goes on to its next tier. The number of places is the bound itself: a full queue refuses, and
//! "fewer than the maximum" needs no counter. Neither side can pass a place twice without the other, so whether a lap is
//! even or odd tells it from the one before and the one after.
//!
//! Several values move with one step of the tail or head, so two threads that pass buffers to each other through the queue
//! fetch each other's lines once for all of them.
//!
//! Positions are 32 bits and come again after two thousand million pushes at the least: a thread would have to be stopped
//! for so long, to the exact number, between its look and its compare-and-swap.

use std::boxed::Box;

use super::sync::{AtomicU32, Item, Ordering, Tagged, fetch, spin};

/// How many values move together.
pub const GROUP: usize = 4;
const CHUNK: usize = 4 * GROUP;

/// A place: a value or nothing, and a lap.
pub trait Place {
    /// The value.
    type Value: Copy;

    /// The value, and whether its lap, or the one that it is empty for, is odd. Sees what was written before it.
    fn get(&self) -> (Option<Self::Value>, bool);

    /// Puts a value or nothing there. Shows what was written before it.
    fn set(&self, value: Option<Self::Value>, odd: bool);
}

impl Place for Tagged {
    type Value = Item;

    #[inline(always)]
    fn get(&self) -> (Option<Item>, bool) {
        Tagged::get(self)
    }

    #[inline(always)]
    fn set(&self, value: Option<Item>, odd: bool) {
        Tagged::set(self, value, odd);
    }
}

/// A number below 2^31 - 1; larger ones become that. 0 is nothing, for an even lap.
impl Place for AtomicU32 {
    type Value = u32;

    fn get(&self) -> (Option<u32>, bool) {
        let word = self.load(Ordering::Acquire);
        ((word >> 1).checked_sub(1), word & 1 != 0)
    }

    fn set(&self, value: Option<u32>, odd: bool) {
        let number = value.map_or(0, |value| value.min(u32::MAX / 2 - 1) + 1);
        self.store(number << 1 | u32::from(odd), Ordering::Release);
    }
}

/// A line of its own: head and tail belong to different threads.
#[derive(Debug)]
#[repr(align(128))]
struct Line(AtomicU32);

/// Where the places are.
pub trait Places {
    /// What holds a value.
    type Place: Place;

    /// How many there are.
    fn count(&self) -> usize;

    /// One of them.
    fn at(&self, index: usize) -> Option<&Self::Place>;

    /// Several from this one on, if they lie beside each other.
    fn group(&self, index: usize) -> Option<&[Self::Place; GROUP]>;
}

/// Places that share lines with nothing else.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Chunk([Tagged; CHUNK]);

/// As many places in chunks.
#[derive(Debug)]
pub struct Chunks {
    count: usize,
    chunks: Box<[Chunk]>,
}

impl Places for Chunks {
    type Place = Tagged;

    #[inline(always)]
    fn count(&self) -> usize {
        self.count
    }

    #[inline(always)]
    fn at(&self, index: usize) -> Option<&Tagged> {
        if index >= self.count {
            return None;
        }
        self.chunks.get(index / CHUNK)?.0.get(index % CHUNK)
    }

    #[inline(always)]
    fn group(&self, index: usize) -> Option<&[Tagged; GROUP]> {
        if index + GROUP > self.count {
            return None;
        }
        self.chunks.get(index / CHUNK)?.0.get(index % CHUNK..)?.first_chunk()
    }
}

impl<P: Place, const N: usize> Places for [P; N] {
    type Place = P;

    fn count(&self) -> usize {
        N
    }

    fn at(&self, index: usize) -> Option<&P> {
        self.get(index)
    }

    fn group(&self, index: usize) -> Option<&[P; GROUP]> {
        self.get(index..)?.first_chunk()
    }
}

type Value<P> = <<P as Places>::Place as Place>::Value;

#[inline(always)]
fn is_free<P: Place>(place: &P, odd: bool) -> bool {
    matches!(place.get(), (None, empty_for) if empty_for == odd)
}

/// The bounded queue.
#[derive(Debug)]
pub struct Ring<P = Chunks> {
    head: Line,
    tail: Line,
    /// The bits of a position that are the index: more than are needed to count the places.
    bits: u32,
    places: P,
}

impl Ring {
    /// A queue of exactly `bound` places; 0 is a queue that is always full and always empty.
    pub fn new(bound: usize) -> Ring {
        let chunks = (0..bound.div_ceil(CHUNK)).map(|_| Chunk::default()).collect();
        Ring::over(bound, Chunks { count: bound, chunks })
    }
}

impl<P> Ring<P> {
    super::sync::constant! {
        /// A queue over these places, as many as `bound` says: nothing in any of them, for an even lap.
        pub fn over(bound: usize, places: P) -> Ring<P> {
            Ring {
                head: Line(AtomicU32::new(0)),
                tail: Line(AtomicU32::new(0)),
                bits: usize::BITS - bound.leading_zeros(),
                places,
            }
        }
    }
}

impl<P: Places> Ring<P> {
    /// How many values it holds at most.
    pub fn bound(&self) -> usize {
        self.places.count()
    }

    #[inline(always)]
    fn index(&self, position: u32) -> usize {
        (position & !(u32::MAX << self.bits)) as usize
    }

    #[inline(always)]
    fn is_odd(&self, position: u32) -> bool {
        position >> self.bits & 1 != 0
    }

    #[inline(always)]
    fn place(&self, position: u32) -> Option<&P::Place> {
        self.places.at(self.index(position))
    }

    /// The position `count` places further; not more than there are.
    #[inline(always)]
    fn after(&self, position: u32, count: usize) -> u32 {
        if self.index(position) + count < self.bound() {
            position.wrapping_add(count as u32)
        } else {
            (position >> self.bits).wrapping_add(1) << self.bits
        }
    }

    #[inline(always)]
    fn step(&self, line: &Line, from: u32, by: usize) -> Result<u32, u32> {
        line.0.compare_exchange(from, self.after(from, by), Ordering::AcqRel, Ordering::Relaxed)
    }

    /// Appends a value; false when the queue is full, or its next place is being emptied at this moment.
    #[inline]
    pub fn push(&self, value: Value<P>) -> bool {
        let mut tail = self.tail.0.load(Ordering::Relaxed);
        loop {
            let Some(place) = self.place(tail) else {
                return false; // a bound of 0
            };
            let now = if is_free(place, self.is_odd(tail)) {
                match self.step(&self.tail, tail, 1) {
                    Ok(_) => {
                        place.set(Some(value), self.is_odd(tail));
                        return true;
                    }
                    Err(now) => now,
                }
            } else {
                self.tail.0.load(Ordering::Relaxed)
            };
            if now == tail {
                return false;
            }
            tail = now; // somebody was faster
        }
    }

    /// Appends values with one step of the tail. False, and nothing happened: one by one it may go, since there is not room
    /// for all of them side by side, or somebody was faster.
    #[inline(always)]
    pub fn push_group(&self, values: &[Value<P>; GROUP]) -> bool {
        let tail = self.tail.0.load(Ordering::Relaxed);
        let odd = self.is_odd(tail);
        let Some(places) = self.places.group(self.index(tail)) else {
            return false;
        };
        // The line is read and then written: it need not come twice.
        fetch(places);
        let free = places.iter().all(|place| is_free(place, odd));
        if !free || self.step(&self.tail, tail, GROUP).is_err() {
            return false;
        }
        for (place, value) in places.iter().zip(values) {
            place.set(Some(*value), odd);
        }
        true
    }

    /// Takes the oldest value; None when the queue is empty, or its next place is being filled at this moment.
    #[inline]
    pub fn pop(&self) -> Option<Value<P>> {
        let mut head = self.head.0.load(Ordering::Relaxed);
        loop {
            let place = self.place(head)?;
            let now = match place.get() {
                (Some(value), odd) if odd == self.is_odd(head) => match self.step(&self.head, head, 1) {
                    Ok(_) => {
                        place.set(None, !odd);
                        return Some(value);
                    }
                    Err(now) => now,
                },
                _ => self.head.0.load(Ordering::Relaxed),
            };
            if now == head {
                return None;
            }
            head = now; // somebody was faster
        }
    }

    /// Takes the oldest values with one step of the head. None, and nothing happened: one by one it may go, since there are
    /// not so many side by side, or somebody was faster.
    #[inline(always)]
    pub fn pop_group(&self) -> Option<[Value<P>; GROUP]> {
        let head = self.head.0.load(Ordering::Relaxed);
        let odd = self.is_odd(head);
        let places = self.places.group(self.index(head))?;
        fetch(places);
        let [a, b, c, d] = places.each_ref().map(Place::get);
        let values = match (a, b, c, d) {
            ((Some(a), ao), (Some(b), bo), (Some(c), co), (Some(d), d_odd))
                if ao == odd && bo == odd && co == odd && d_odd == odd =>
            {
                [a, b, c, d]
            }
            _ => return None,
        };
        self.step(&self.head, head, GROUP).ok()?;
        for place in places {
            place.set(None, !odd);
        }
        Some(values)
    }

    /// Whether a push would be refused at this moment.
    #[inline]
    pub fn is_full(&self) -> bool {
        let tail = self.tail.0.load(Ordering::Relaxed);
        !self.place(tail).is_some_and(|place| is_free(place, self.is_odd(tail)))
    }

    /// Whether a pop would find nothing at this moment.
    #[inline]
    pub fn is_empty(&self) -> bool {
        let head = self.head.0.load(Ordering::Relaxed);
        !self.place(head).is_some_and(|place| matches!(place.get(), (Some(_), odd) if odd == self.is_odd(head)))
    }

    /// How many values it holds; exact while nobody is pushing or popping.
    pub fn len(&self) -> usize {
        loop {
            let tail = self.tail.0.load(Ordering::Acquire);
            let head = self.head.0.load(Ordering::Acquire);
            if self.tail.0.load(Ordering::Acquire) == tail {
                let same = tail >> self.bits == head >> self.bits;
                let (tail, head) = (self.index(tail), self.index(head));
                return if same { tail.saturating_sub(head) } else { self.bound() + tail - head };
            }
            spin();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::vec::Vec;

    use super::super::sync::{AtomicU32, Ordering};
    use super::{Places, Ring};

    impl Places for Vec<AtomicU32> {
        type Place = AtomicU32;

        fn count(&self) -> usize {
            self.len()
        }

        fn at(&self, index: usize) -> Option<&AtomicU32> {
            self.get(index)
        }

        fn group(&self, index: usize) -> Option<&[AtomicU32; super::GROUP]> {
            self.get(index..)?.first_chunk()
        }
    }

    fn ring(bound: u32) -> Ring<Vec<AtomicU32>> {
        Ring::over(bound as usize, (0..bound).map(|_| AtomicU32::new(0)).collect())
    }

    #[test]
    fn a_ring_gives_back_in_order_what_it_was_given_and_refuses_beyond_its_bound() {
        for bound in [1, 2, 3, 10, 20, 100] {
            let ring = ring(bound);
            assert_eq!(ring.bound(), bound as usize);
            let mut next = 0;
            let mut oldest = 0;
            for round in 0..50 {
                let wanted = ring.len().max((round * 7) % (bound as usize + 1));
                while ring.len() < wanted {
                    assert!(ring.push(next));
                    next += 1;
                }
                if wanted == bound as usize {
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
    fn groups_move_in_order_and_all_or_none() {
        for bound in [3u32, 4, 7, 20] {
            let ring = ring(bound);
            let (mut next, mut oldest) = (0, 0);
            let mut moved = [0, 0];
            for round in 0..200 {
                let before = ring.len();
                if ring.push_group(&[next, next + 1, next + 2, next + 3]) {
                    assert!(before + 4 <= bound as usize, "bound {bound}");
                    next += 4;
                    moved[0] += 1;
                } else if ring.push(next) {
                    next += 1;
                }
                match ring.pop_group() {
                    Some(found) => {
                        assert_eq!(found, [oldest, oldest + 1, oldest + 2, oldest + 3]);
                        oldest += 4;
                        moved[1] += 1;
                    }
                    None if round % 5 == 0 => {
                        while let Some(found) = ring.pop() {
                            assert_eq!(found, oldest);
                            oldest += 1;
                        }
                    }
                    None => {}
                }
                assert_eq!(ring.len() as u32, next - oldest);
            }
            assert_eq!(moved.contains(&0), bound < 4, "bound {bound}: {moved:?}");
        }
    }

    #[test]
    fn a_ring_without_room_takes_nothing_and_gives_nothing() {
        let ring = ring(0);
        assert!(!ring.push(1));
        assert_eq!(ring.pop(), None);
        assert_eq!(ring.len(), 0);
    }

    #[test]
    fn positions_that_wrap_change_nothing() {
        let ring = ring(3);
        for line in [&ring.head, &ring.tail] {
            line.0.store(u32::MAX << 2 & !4, Ordering::Relaxed); // the last even lap
        }
        for round in 0..20 {
            assert!(ring.push(round) && ring.push(round + 1) && ring.push(round + 2));
            assert!(!ring.push(9));
            assert_eq!(ring.len(), 3);
            assert_eq!([ring.pop(), ring.pop(), ring.pop()], [Some(round), Some(round + 1), Some(round + 2)]);
            assert_eq!(ring.pop(), None);
        }
    }
}
