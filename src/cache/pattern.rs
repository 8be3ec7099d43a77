//! How somebody reads or writes a file, and what windows that deserves.
//!
//! ```text
//!   lone              4 KB window, only the sectors that it touches
//!   a run             windows that grow with it: 4, 16, 64, 128 KB, filled to their end in one command
//!   several runs      told apart: each goes on where it ended
//!   lone ones that gather in a file which fits into free memory: windows that grow with their number
//! ```

use crate::mmap::mapping::Name;

/// Runs that one descriptor may interleave.
const RUNS: usize = 3;

/// Bytes in sequence after which a reader is taken to scan a file.
const SCAN: u32 = 512 * 1024;

/// One run. Every descriptor of a player has some of them in static memory: no bytes between.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, packed(4))]
struct Run {
    /// Where it ended.
    next: u64,
    /// Bytes in sequence up to there, or the most there can be.
    bytes: u32,
}

/// A number of bytes as runs count them.
fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// What is known about the way in which somebody uses a file.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// The last one used first.
    runs: [Run; RUNS],
    /// The segment it was in last.
    pub last: Name,
}

/// What a use of a file deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deserves {
    /// The class of window.
    pub class: u8,
    /// It goes on where another one ended, or is long: the whole window is wanted.
    pub run: bool,
}

impl Pattern {
    /// Somebody new.
    pub const fn new() -> Self {
        Pattern { runs: [Run { next: 0, bytes: 0 }; RUNS], last: Name::NOBODY }
    }

    /// Takes note of a use that goes on where the last one ended, without looking further; false if it does not.
    #[inline]
    pub fn goes_on(&mut self, offset: u64, len: usize) -> bool {
        let run = &mut self.runs[0];
        if run.next != offset {
            return false;
        }
        run.next = offset.wrapping_add(len as u64);
        run.bytes = run.bytes.saturating_add(count(len));
        true
    }

    /// Takes note of a use that needs no window.
    #[inline]
    pub fn goes_on_or_jumps(&mut self, offset: u64, len: usize) {
        if !self.goes_on(offset, len) {
            self.note(offset, len);
        }
    }

    /// Takes note of a use.
    pub fn note(&mut self, offset: u64, len: usize) -> Deserves {
        if !self.goes_on(offset, len) {
            let end = offset.saturating_add(len as u64);
            match self.runs.iter().position(|run| run.next == offset) {
                Some(n) => {
                    let run = self.runs[n];
                    self.runs.copy_within(..n, 1);
                    self.runs[0] = run;
                    self.goes_on(offset, len);
                }
                None => {
                    self.runs.copy_within(..RUNS - 1, 1);
                    self.runs[0] = Run { next: end, bytes: count(len) };
                }
            }
        }
        self.deserves(len)
    }

    /// Whether it has gone on for long enough to be a scan of a whole file.
    pub fn scans(&self) -> bool {
        self.runs[0].bytes >= SCAN
    }

    /// What the last use deserves, which was this long.
    pub fn deserves(&self, len: usize) -> Deserves {
        let bytes = self.runs[0].bytes;
        let class = match bytes {
            0..4096 => 1,
            4096..16384 => 2,
            16384..65536 => 3,
            _ => 4,
        };
        Deserves { class, run: bytes > count(len) || len >= 4096 }
    }
}

impl Default for Pattern {
    fn default() -> Self {
        Self::new()
    }
}
