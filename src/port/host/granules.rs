//! Bits that may be read without a lock while their owner gives them away.
//!
//! ```text
//!   Shown ──► Granules { shift, words }    one bit a granule of 2^shift bytes
//!     ▲            ▲
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
    shift: AtomicU32,
    words: Box<[AtomicUsize]>,
}

impl Granules {
    /// Bits for so many bytes, all clear, of granules of `page` bytes or a power of two times that.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn take(bytes: usize, page: usize) -> Result<&'static Granules, Errno> {
        let mut shift = page.trailing_zeros();
        while (bytes.saturating_sub(1) >> shift) / BITS >= MOST {
            shift += 1;
        }
        let words = ((bytes.saturating_sub(1) >> shift) / BITS + 1).next_power_of_two();
        let spare = &mut SPARE.lock()[words.trailing_zeros() as usize];
        if let Some(granules) = spare.list.pop() {
            granules.shift.store(shift, Ordering::Relaxed);
            return Ok(granules);
        }
        let mut fresh = Vec::new();
        fresh.try_reserve_exact(words).map_err(|_| Errno::NOMEM)?;
        fresh.resize_with(words, || AtomicUsize::new(0));
        // The list is empty; it must be able to take all of them back without asking for memory.
        spare.list.try_reserve(spare.made + 1).map_err(|_| Errno::NOMEM)?;
        spare.made += 1;
        Ok(Box::leak(Box::new(Granules { shift: AtomicU32::new(shift), words: fresh.into_boxed_slice() })))
    }

    /// Gives them back. Late readers find them clear.
    pub fn give(&'static self) {
        for word in &self.words {
            word.store(0, Ordering::Relaxed);
        }
        SPARE.lock()[self.words.len().trailing_zeros() as usize].list.push(self);
    }

    /// The bytes of a granule.
    pub fn size(&self) -> usize {
        1 << self.shift.load(Ordering::Relaxed)
    }

    /// Whether every granule that a range touches is set; `length` is above 0.
    #[inline]
    pub fn all(&self, offset: usize, length: usize) -> bool {
        let shift = self.shift.load(Ordering::Relaxed);
        let (first, last) = (offset >> shift, (offset + (length - 1)) >> shift);
        if first / BITS == last / BITS {
            return self.words.get(first / BITS).is_some_and(|word| set_in(word, mask(first % BITS, last % BITS)));
        }
        self.all_of_many(first, last)
    }

    #[inline(never)]
    fn all_of_many(&self, first: usize, last: usize) -> bool {
        let Some(words) = self.words.get(first / BITS..=last / BITS) else { return false };
        let end = words.len() - 1;
        words.iter().enumerate().all(|(n, word)| {
            let from = if n == 0 { first % BITS } else { 0 };
            let to = if n == end { last % BITS } else { BITS - 1 };
            set_in(word, mask(from, to))
        })
    }

    /// Sets the granules from the one of byte `from` to that before byte `to`; both are borders of granules, or `to` is
    /// the end of all.
    pub fn set(&self, from: usize, to: usize) {
        self.change(from, to, |word, mask| {
            word.fetch_or(mask, Ordering::Release);
        });
    }

    /// Clears the granules from that of byte `from` on, up to byte `to`.
    pub fn clear(&self, from: usize, to: usize) {
        self.change(from, to, |word, mask| {
            word.fetch_and(!mask, Ordering::Release);
        });
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
