//! What is on a disk when the power goes: all that was written up to there, or part of it.
//!
//! ```text
//!   log      W1  W2  F  W3  W4  W5 ✂
//!   in order        1 2 3 4 5            the disk wrote what it was told
//!   torn            1 2 3 4 5'           and the last command in part
//!   reordered       1 2 + some of 3 4 5  and in any order since the last flush
//! ```

use super::image::{Image, SECTOR};
use super::media::Event;

/// Walks a log write by write. It keeps the disk as it is before the writes since the last flush, so that any part of
/// those can be put on top.
pub struct Cuts<'a> {
    log: &'a [Event],
    next: usize,
    /// The disk at the last flush.
    flushed: Image,
    /// Writes since then.
    since: Vec<(u64, &'a [u8])>,
    /// The operation that was confirmed last.
    done: Option<usize>,
    /// Whether a confirmation counts as a flush.
    confirmed_is_flushed: bool,
}

impl<'a> Cuts<'a> {
    /// Starts before the first event of the log, with the disk as it was then.
    pub fn new(before: Image, log: &'a [Event]) -> Self {
        Cuts { log, next: 0, flushed: before, since: Vec::new(), done: None, confirmed_is_flushed: false }
    }

    /// What was confirmed to the user is on the disk, whether or not a flush was sent.
    pub fn confirmed_is_flushed(mut self) -> Self {
        self.confirmed_is_flushed = true;
        self
    }

    /// Goes on to the next write and stops behind it; false at the end of the log.
    pub fn advance(&mut self) -> bool {
        while let Some(event) = self.log.get(self.next) {
            self.next += 1;
            match event {
                Event::Write { sector, bytes } => {
                    self.since.push((*sector, bytes));
                    return true;
                }
                Event::Flush => self.settle(),
                Event::Done(n) => {
                    self.done = Some(*n);
                    if self.confirmed_is_flushed {
                        self.settle();
                    }
                }
            }
        }
        false
    }

    fn settle(&mut self) {
        for (sector, bytes) in self.since.drain(..) {
            self.flushed.write(sector, bytes);
        }
    }

    /// The operation that was confirmed last before the write.
    pub fn done(&self) -> Option<usize> {
        self.done
    }

    /// How many writes could be missing.
    pub fn loose(&self) -> usize {
        self.since.len()
    }

    /// The disk with those writes since the last flush that `chosen` picks by number.
    pub fn with(&self, mut chosen: impl FnMut(usize) -> bool) -> Image {
        let mut image = self.flushed.clone();
        for (n, (sector, bytes)) in self.since.iter().enumerate() {
            if chosen(n) {
                image.write(*sector, bytes);
            }
        }
        image
    }

    /// The disk with all writes up to here.
    pub fn in_order(&self) -> Image {
        self.with(|_| true)
    }

    /// The disk with the last write cut short, for each number of its sectors; of long ones the first, the middle and
    /// the last place.
    pub fn torn(&self) -> Vec<Image> {
        let Some((sector, bytes)) = self.since.last() else { return Vec::new() };
        let sectors = bytes.len() / SECTOR;
        let places: Vec<usize> = match sectors {
            0..=4 => (1..sectors).collect(),
            _ => vec![1, sectors / 2, sectors - 1],
        };
        let last = self.since.len() - 1;
        places
            .into_iter()
            .map(|place| {
                let mut image = self.with(|n| n != last);
                image.write(*sector, &bytes[..place * SECTOR]);
                image
            })
            .collect()
    }

    /// Disks that wrote in another order: every choice of up to `all` writes; of more, each one missing, each one
    /// alone, and `random` choices at random.
    pub fn reordered(&self, all: usize, random: usize, mut dice: impl FnMut() -> u64) -> Vec<Image> {
        let loose = self.loose();
        if loose <= all {
            return (0..1u32 << loose).map(|set| self.with(|n| set >> n & 1 != 0)).collect();
        }
        let mut images = Vec::new();
        for one in 0..loose {
            images.push(self.with(|n| n != one));
            images.push(self.with(|n| n == one));
        }
        for _ in 0..random {
            let mut bits = 0;
            images.push(self.with(|n| {
                if n % 64 == 0 {
                    bits = dice();
                }
                bits >> (n % 64) & 1 != 0
            }));
        }
        images
    }
}
