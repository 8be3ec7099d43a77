//! What fails of the model's disk (`model.rs`): commands that are counted off, and a volume that is pulled.
//!
//! ```text
//!   reads, writes, cuts, syncs   the n-th from now on fails, and so many in all; of a write a part may be there all the same
//!   pulled                       streams of before lead nowhere; the volume that is put back has another number
//!   record                       when which file's write or sync failed, on a clock that tests look at too
//! ```

use std::collections::{HashMap, HashSet};
use std::vec::Vec;

/// When commands of one kind fail.
#[derive(Clone, Copy, Default)]
pub struct Fault {
    at: Option<u64>,
    times: u64,
}

impl Fault {
    /// The n-th command from now on, and so many in all.
    pub fn new(n: u64, times: u64) -> Fault {
        Fault { at: Some(n), times }
    }

    /// One more command; whether it fails.
    pub fn strikes(&mut self) -> bool {
        match self.at {
            Some(1) => {
                self.times = self.times.saturating_sub(1);
                self.at = (self.times > 0).then_some(1);
                true
            }
            Some(n) => {
                self.at = Some(n - 1);
                false
            }
            None => false,
        }
    }
}

/// What fails, and what has failed.
#[derive(Default)]
pub struct Failing {
    /// Commands that read.
    pub reads: Fault,
    /// Commands that write.
    pub writes: Fault,
    /// Commands that make a file shorter.
    pub cuts: Fault,
    /// Syncs.
    pub syncs: Fault,
    /// Half of what a failed write was to change inside its file is changed, in whole sectors.
    pub torn: bool,
    /// How often the volume was pulled.
    pub pulls: u64,
    /// Streams from before that.
    pub dead: HashSet<i32>,
    /// When files were changed that were not synced since, by number.
    pub unsynced: HashMap<u64, u64>,
    clock: u64,
    record: Vec<Failure>,
}

/// A write or a sync that failed.
#[derive(Clone, Copy)]
pub struct Failure {
    /// When.
    pub moment: u64,
    /// Volume and number of the file.
    pub file: (u64, u64),
}

impl Failing {
    /// A moment that nobody else has.
    pub fn moment(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// No command fails any more.
    pub fn heal(&mut self) {
        (self.reads, self.writes) = (Fault::default(), Fault::default());
        (self.cuts, self.syncs) = (Fault::default(), Fault::default());
    }

    /// The number of the volume.
    pub fn volume(&self) -> u64 {
        1 + self.pulls
    }

    /// The file of this number was changed, in part at least.
    pub fn change(&mut self, number: u64) {
        let now = self.moment();
        self.unsynced.insert(number, now);
    }

    /// A write or a sync of the file of this number has failed.
    pub fn note(&mut self, number: u64) {
        let failure = Failure { moment: self.moment(), file: (self.volume(), number) };
        self.record.push(failure);
    }

    /// All that have failed.
    pub fn record(&self) -> &[Failure] {
        &self.record
    }
}
