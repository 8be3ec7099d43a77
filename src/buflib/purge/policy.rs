//! The order in which cached blocks go: that of their last use, bent in favour of what was used more than once as far as
//! that proves to pay.
//!
//! ```text
//!   new ──► Probation ──┐                          both lists in the order of the last use; of their two cold ends
//!               │ used  ├──► gone ──► ghost        Probation's goes if   age * (1 + bias) > age of Main's
//!               ▼       │    key, list, when
//!   ┌──────►  Main ─────┘                          bias 0: exactly LRU. Large: a scan sees nothing but Probation
//!   └─ used ──┘
//! ```
//!
//! The ghost judges. Something comes back that went from Main: it should have been kept, so bias grows. Something comes
//! back that went from Probation, and so soon that a larger Probation would have kept it: bias shrinks. What comes back
//! either way goes to Main. A scan never comes back, or so late that no memory would have held it, so it has no vote.
//!
//! Ages are counted in words that were used, not in seconds: a player that sleeps does not age. Uses that follow close
//! on each other are one use, for a file is read in pieces smaller than a window.

use super::super::words::Core;
use super::lists::{Counter, List};

/// The largest bias.
const BIAS_MAX: usize = 64;

/// What comes back from Main counts up to so many memories later.
const LATE: usize = 4;

/// Uses are one use if no more than this part of the memory was used between them.
const CLOSE: usize = 32;

/// A block is warm if it is less than this part as cold as the coldest one.
const WARM: usize = 4;

/// Whether a cached block is much warmer than the coldest: it is moved out of the way rather than lost.
pub(super) fn is_warm(coldness: usize, coldest: usize) -> bool {
    coldness < coldest / WARM
}

impl Core {
    /// Puts a new cached block where it belongs.
    pub(super) fn admit(&mut self, i: usize) {
        let list = match self.recall(self.key(i)) {
            Some((true, age)) if age <= LATE * self.table => {
                self.set_bias((self.bias() + 1).min(BIAS_MAX));
                List::Main
            }
            Some((false, age)) if age + self.list_words(List::Probation) <= self.table => {
                self.set_bias(self.bias().saturating_sub(1));
                List::Main
            }
            _ => List::Probation,
        };
        if list == List::Main {
            self.count(Counter::Returned, 1);
        }
        self.renew(i, list);
    }

    /// A cached block was used.
    pub(super) fn reuse(&mut self, i: usize, list: List) {
        let close = self.since_use(i) < self.table / CLOSE;
        self.delist(i);
        self.renew(i, if close { list } else { List::Main });
    }

    fn renew(&mut self, i: usize, list: List) {
        self.advance_clock(self.len(i));
        self.set_distance(i, self.clock());
        self.enlist(i, list);
    }

    /// Words used since a cached block was.
    fn since_use(&self, i: usize) -> usize {
        self.clock().wrapping_sub(self.distance(i))
    }

    /// How cold a cached block is that was used when the clock showed `used`: on probation it counts as unused for longer.
    pub(super) fn coldness(&self, list: List, used: usize) -> usize {
        let weight = if list == List::Probation { 1 + self.bias() } else { 1 };
        self.clock().wrapping_sub(used).saturating_mul(weight)
    }

    /// Notes for a request what it judges blocks by.
    pub(crate) fn judge(&mut self) {
        let mut coldest = 0;
        self.each_cached(|i| {
            coldest = self.list_of(i).map_or(0, |list| self.coldness(list, self.distance(i)));
            false
        });
        self.set_judgement(coldest, self.now());
    }

    /// Calls `f` with the cached blocks, coldest first, until it answers false; whether it never did.
    pub(super) fn each_cached(&self, mut f: impl FnMut(usize) -> bool) -> bool {
        let (mut new, mut used) = (self.coldest(List::Probation), self.coldest(List::Main));
        loop {
            let cold = |list, n: usize| match n {
                0 => None,
                _ => Some(self.coldness(list, self.distance(self.block(n as i32)))),
            };
            let n = match cold(List::Probation, new) >= cold(List::Main, used) {
                true => &mut new,
                false => &mut used,
            };
            if *n == 0 {
                return true;
            }
            let i = self.block(*n as i32);
            if !f(i) {
                return false;
            }
            *n = self.warmer(i);
        }
    }
}
