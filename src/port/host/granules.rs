//! Bits that may be read without a lock while their owner gives them away.
//!
//! ```text
//!   Shown ──► Granules { shift, words }    one bit a granule of 2^shift bytes
//!     ▲            ▲     { prefix }        all of them are set up to this byte
//!     │ set        └── spare ones, by size: zero, and never given back to the system
//!     └ owner (under its lock)
//! ```
//!
//! A reader may come too late and look at bits that are spare or another owner's by now: it reads an old or a strange
//! answer, but never memory that is something else. Who cares about the answer asks again under the owner's lock.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::boxed::Box;
use std::vec::Vec;

use parking_lot::Mutex;

use crate::port::storage::Errno;

const BITS: usize = usize::BITS as usize;
/// Words for one owner, at most: where these do not do, a granule is more than a page.
const MOST: usize = 1 << 16;
/// Sizes: 1, 2, 4 … [`MOST`] words.
const SIZES: usize = MOST.trailing_zeros() as usize + 1;

/// The granules of one size that nobody has, with room for all that were ever made.
struct Spare {
    list: Vec<&'static Granules>,
    made: usize,
}

static SPARE: Mutex<[Spare; SIZES]> = Mutex::new([const { Spare { list: Vec::new(), made: 0 } }; SIZES]);

/// One bit a granule of a range of bytes.
#[derive(Debug)]
pub struct Granules {
    /// Every byte before this one lies in a granule that is set: what most questions end at.
    prefix: AtomicUsize,
    /// How many bytes there are.
    length: AtomicUsize,
    shift: AtomicU32,
    words: Box<[AtomicUsize]>,
}

impl Granules {
    /// Bits for so many bytes, above 0; all clear, of granules of `page` bytes or a power of two times that.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn take(length: usize, page: usize) -> Result<&'static Granules, Errno> {
        let mut shift = page.trailing_zeros();
        while ((length - 1) >> shift) / BITS >= MOST {
            shift += 1;
        }
        let words = (((length - 1) >> shift) / BITS + 1).next_power_of_two();
        let spare = &mut SPARE.lock()[words.trailing_zeros() as usize];
        if let Some(granules) = spare.list.pop() {
            granules.length.store(length, Ordering::Relaxed);
            granules.shift.store(shift, Ordering::Relaxed);
            return Ok(granules);
        }
        let mut fresh = Vec::new();
        fresh.try_reserve_exact(words).map_err(|_| Errno::NOMEM)?;
        fresh.resize_with(words, || AtomicUsize::new(0));
        // The list is empty; it must be able to take all of them back without asking for memory.
        spare.list.try_reserve(spare.made + 1).map_err(|_| Errno::NOMEM)?;
        spare.made += 1;
        Ok(Box::leak(Box::new(Granules {
            prefix: AtomicUsize::new(0),
            length: AtomicUsize::new(length),
            shift: AtomicU32::new(shift),
            words: fresh.into_boxed_slice(),
        })))
    }

    /// Gives them back. Late readers find them clear.
    pub fn give(&'static self) {
        self.prefix.store(0, Ordering::Relaxed);
        for word in &self.words {
            word.store(0, Ordering::Relaxed);
        }
        SPARE.lock()[self.words.len().trailing_zeros() as usize].list.push(self);
    }

    /// The bytes of a granule.
    pub fn size(&self) -> usize {
        1 << self.shift.load(Ordering::Relaxed)
    }

    /// Whether a range that is not empty lies inside and all its granules are set, as far as a glance tells: false may
    /// also mean that [`Granules::all`] has to look closely.
    #[inline(always)]
    pub fn all_at_a_glance(&self, offset: usize, length: usize) -> bool {
        // An empty range, or one that is longer than all there is, has no last byte behind its first.
        let last = offset.wrapping_add(length).wrapping_sub(1);
        if last < offset || last >= self.length.load(Ordering::Relaxed) {
            return false;
        }
        if last < self.prefix.load(Ordering::Acquire) {
            return true;
        }
        let shift = self.shift.load(Ordering::Relaxed);
        let granule = offset >> shift;
        granule == last >> shift
            && self
                .words
                .get(granule / BITS)
                .is_some_and(|word| word.load(Ordering::Acquire) >> (granule % BITS) & 1 != 0)
    }

    /// Whether a range that is not empty lies inside and all its granules are set.
    pub fn all(&self, offset: usize, length: usize) -> bool {
        let size = self.length.load(Ordering::Relaxed);
        if length.wrapping_sub(1) >= size || offset > size - length {
            return false;
        }
        let shift = self.shift.load(Ordering::Relaxed);
        let (first, last) = (offset >> shift, (offset + (length - 1)) >> shift);
        let Some(words) = self.words.get(first / BITS..=last / BITS) else { return false };
        let end = words.len() - 1;
        words.iter().enumerate().all(|(n, word)| {
            let from = if n == 0 { first % BITS } else { 0 };
            let to = if n == end { last % BITS } else { BITS - 1 };
            set_in(word, mask(from, to))
        })
    }

    /// Sets the granules from the one of byte `from` to that before byte `to`; both are borders of granules, or `to` is
    /// the end of all. Others may set some, too, but nobody clears any meanwhile.
    pub fn set(&self, from: usize, to: usize) {
        self.change(from, to, |word, mask| {
            word.fetch_or(mask, Ordering::Release);
        });
        if from <= self.prefix.load(Ordering::Relaxed) {
            self.prefix.fetch_max(self.set_from_the_start(), Ordering::Release);
        }
    }

    /// Clears the granules from that of byte `from` on. Nobody sets or clears any meanwhile.
    pub fn clear(&self, from: usize) {
        self.prefix.fetch_min(from & !(self.size() - 1), Ordering::Release);
        self.change(from, self.length.load(Ordering::Relaxed), |word, mask| {
            word.fetch_and(!mask, Ordering::Release);
        });
    }

    /// The first byte whose granule is not set.
    fn set_from_the_start(&self) -> usize {
        let shift = self.shift.load(Ordering::Relaxed);
        let begin = (self.prefix.load(Ordering::Relaxed) >> shift) / BITS;
        let first = self.words.iter().enumerate().skip(begin).find_map(|(n, word)| {
            let set = word.load(Ordering::Acquire).trailing_ones() as usize;
            (set < BITS).then_some(n * BITS + set)
        });
        let length = self.length.load(Ordering::Relaxed);
        first.map_or(length, |first| (first << shift).min(length))
    }

    fn change(&self, from: usize, to: usize, apply: impl Fn(&AtomicUsize, usize)) {
        if from >= to {
            return;
        }
        let shift = self.shift.load(Ordering::Relaxed);
        let (first, last) = (from >> shift, (to - 1) >> shift);
        for n in first / BITS..=last / BITS {
            let start = if n == first / BITS { first % BITS } else { 0 };
            let end = if n == last / BITS { last % BITS } else { BITS - 1 };
            if let Some(word) = self.words.get(n) {
                apply(word, mask(start, end));
            }
        }
    }
}

/// The bits `from` to `to`, both included.
#[inline]
fn mask(from: usize, to: usize) -> usize {
    (usize::MAX << from) & (usize::MAX >> (BITS - 1 - to))
}

#[inline]
fn set_in(word: &AtomicUsize, mask: usize) -> bool {
    word.load(Ordering::Acquire) & mask == mask
}

/// Where readers find an owner's bits.
#[derive(Debug)]
pub struct Shown(AtomicPtr<Granules>);

impl Shown {
    /// Nothing.
    pub const fn nothing() -> Self {
        Shown(AtomicPtr::new(ptr::null_mut()))
    }

    /// Shows these, or nothing.
    pub fn set(&self, granules: Option<&'static Granules>) {
        let pointer = granules.map_or(ptr::null_mut(), |granules| ptr::from_ref(granules).cast_mut());
        self.0.store(pointer, Ordering::Release);
    }

    /// What is shown.
    #[inline]
    pub fn get(&self) -> Option<&'static Granules> {
        // SAFETY: null or from a reference that lives for ever, to what changes only through atomics.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::model::Dice;

    /// Does arbitrary things to granules and to a list that is plainly right, and asks both.
    fn agree(length: usize, page: usize) {
        let granules = Granules::take(length, page).unwrap();
        let size = granules.size();
        let mut plain = std::vec![false; length.div_ceil(size)];
        let mut dice = Dice::new(length as u64);
        for round in 0..2000 {
            let (from, to) = (dice.below(plain.len()), 1 + dice.below(plain.len()));
            match dice.below(if round < 1000 { 8 } else { 40 }) {
                0 => {
                    granules.clear((from * size + dice.below(size)).min(length - 1));
                    plain[from..].fill(false);
                }
                1..=3 if from < to => {
                    granules.set(from * size, to * size);
                    plain[from..to].fill(true);
                }
                _ => {
                    let (offset, some) = (dice.below(length), 1 + dice.below(length / 3));
                    let inside = some <= length - offset;
                    let wanted = inside && plain[offset / size..=(offset + some - 1) / size].iter().all(|set| *set);
                    assert_eq!(granules.all(offset, some), wanted);
                    let glance = granules.all_at_a_glance(offset, some);
                    assert!(!glance || wanted, "a glance may miss something, but not see what is not there");
                    assert!(glance || !wanted || (offset / size) != (offset + some - 1) / size);
                }
            }
        }
        granules.set(0, plain.len() * size);
        assert!(granules.all_at_a_glance(0, length) && !granules.all_at_a_glance(1, length));
        assert!(!granules.all_at_a_glance(0, 0) && !granules.all(0, 0) && !granules.all(usize::MAX, usize::MAX));
        granules.give();
    }

    #[test]
    fn granules_say_what_a_plain_list_says() {
        for (length, page) in [(1, 4096), (4096, 4096), (100_000, 512), (64 * 4096, 4096), (5_000_001, 4096)] {
            agree(length, page);
        }
        let most = 1 << (usize::BITS - 1).min(40);
        assert_eq!(Granules::take(most, 4096).map(Granules::size), Ok((most / (MOST * BITS)).max(4096)));
    }
}
