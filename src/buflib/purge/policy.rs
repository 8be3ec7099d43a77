//! The order in which cached blocks go, after S3-FIFO (Yang and others, SOSP 2023): a scan passes through Probation
//! and is gone; what is used again while on probation, or comes back soon after it went, goes to Main.
//!
//! ```text
//!   new ──► Probation ──────► gone ──► ghost: its key          Probation is kept at a tenth of the cached words
//!               │ used              │
//!               ▼                   │ known to the ghost
//!   ┌──────►  Main ◄────────────────┘
//!   │ used     │
//!   └──────────┴────────────► gone
//! ```
//!
//! A use only counts up in the block's own record: no list changes when a block is touched.

use super::super::words::Core;
use super::lists::List;

/// One part in so many of the cached words is Probation's.
const PROBATION_SHARE: usize = 10;

/// Blocks looked at in one go before one is called the coldest, used or not.
const STEPS: usize = 64;

impl Core {
    /// Puts a new cached block where it belongs.
    pub(super) fn admit(&mut self, i: usize) {
        let key = self.key(i);
        if self.recall(key) {
            self.count(super::lists::Counter::Returned as usize, 1);
            self.enlist(i, List::Main);
        } else {
            self.enlist(i, List::Probation);
        }
    }

    /// Whether the next cached block to go is one on probation.
    pub(super) fn probation_is_full(&self) -> bool {
        let (probation, main) = (self.list_words(List::Probation), self.list_words(List::Main));
        main == 0 || probation > (probation + main) / PROBATION_SHARE
    }

    /// Gives used blocks at the cold ends another chance, so that what stands there is what should go.
    pub(super) fn settle(&mut self) {
        for _ in 0..STEPS {
            let list = if self.probation_is_full() { List::Probation } else { List::Main };
            let n = self.coldest(list);
            if n == 0 {
                return;
            }
            let i = self.block(n as i32);
            let uses = self.uses(i);
            if uses == 0 {
                return;
            }
            self.delist(i);
            self.set_uses(i, if list == List::Main { uses - 1 } else { 0 });
            self.enlist(i, List::Main);
        }
    }
}
