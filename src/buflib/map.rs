//! The map of a pool: every block in a line, as text.
//!
//! ```text
//!          0     1056      1  used pinned 1
//!       1056       96      -  free
//!       1152     4160      2  cached dirty
//!       5312      528      -  lists
//!       5840      ...      -  handles, then  index: where the blocks end
//!     offset     size handle  what, and what else holds for it
//! ```
//!
//! Offsets and sizes are bytes, from the pool's first block on, headers included; so each line begins where the one
//! before ends.

use super::block::Mark;
use super::context::WORD;
use super::debug::Line;
use super::pool::Pool;
use super::purge::List;
use super::words::Core;

/// Columns of offset, size and handle.
const WIDTHS: [usize; 3] = [10, 10, 6];

impl Core {
    /// Writes lines from the first block on that begins at `from` bytes or behind, as many as there is room for, but one
    /// at least, and a NUL. Answers where to go on, 0 behind the last line.
    fn map(&self, from: usize, text: &mut [u8]) -> usize {
        let mut line = Line::new(text);
        let mut next = self.part_at(0);
        while let Some(part) = next {
            next = self.part_at(part.at + part.len);
            if part.at < from.div_ceil(WORD) {
                continue;
            }
            let begun = line.mark();
            self.describe(&part, &mut line);
            if line.is_full() && begun > 0 {
                line.end_at(begun);
                return part.at * WORD;
            }
            if line.is_full() {
                line.end();
                return next.map_or(0, |next| next.at * WORD);
            }
        }
        line.end();
        0
    }

    /// The part of the pool that begins at word `i`.
    fn part_at(&self, i: usize) -> Option<Part> {
        let (end, name) = match () {
            () if self.is_void() => (self.span(), "unused"),
            () if i < self.span() => return Some(Part { at: i, len: self.len(i), name: None }),
            () if i < self.table => (self.table, "handles"),
            () => (self.limit(), "index"),
        };
        (i < end).then(|| Part { at: i, len: end - i, name: Some(name) })
    }

    fn describe(&self, part: &Part, line: &mut Line) {
        let i = part.at;
        let used = part.name.is_none() && self.is_used(i);
        line.number(i * WORD, 10, WIDTHS[0], b"");
        line.number(part.len * WORD, 10, WIDTHS[1] + 1, b"");
        if used {
            line.number(self.number(i), 10, WIDTHS[2] + 1, b"");
        } else {
            (0..WIDTHS[2]).for_each(|_| line.push(b' '));
            line.push(b'-');
        }
        line.text(b"  ");
        match part.name {
            Some(name) => line.text(name.as_bytes()),
            None if used => self.describe_used(i, line),
            None if self.is_free(i) => line.text(b"free"),
            None if self.purge_block() == Some(i) => line.text(b"lists"),
            None if self.is_extension(i) => line.text(b"handles"),
            None => line.text(b"held"),
        }
        line.push(b'\n');
    }

    fn describe_used(&self, i: usize, line: &mut Line) {
        let purgeable = self.is_purgeable(i);
        line.text(match self.list_of_used(i) {
            _ if !purgeable && self.is_locked(i) => b"locked",
            _ if !purgeable => b"used",
            None => b"now",
            Some(List::Soon) => b"soon",
            Some(List::Probation | List::Main) => b"cached",
            Some(List::Disposable) => b"disposable",
        });
        let (dirty, io) = self.dirty_and_busy(i);
        let flags: [(bool, &[u8]); 5] = [
            (self.list_of_used(i) == Some(List::Main), b" again"),
            (dirty, b" dirty"),
            (io, b" io"),
            (purgeable && self.is_locked(i), b" locked"),
            (self.marked(i, Mark::MOVING), b" moving"),
        ];
        flags.iter().filter(|(holds, _)| *holds).for_each(|(_, word)| line.text(word));
        if self.pins(i) > 0 {
            line.text(b" pinned ");
            line.number(self.pins(i) as usize, 10, 0, b"");
        }
    }
}

/// A block, or what lies behind the blocks.
struct Part {
    at: usize,
    len: usize,
    name: Option<&'static str>,
}

impl Pool {
    /// Writes the map of the pool into `text`, from the first block on that begins `from` bytes or more behind the pool's
    /// first: whole lines, as many as fit; if not even one does, its beginning. Ended by a NUL. Answers the `from` of the
    /// next call, 0 when the map is complete. Each call shows one moment; between two of them things may have changed.
    pub fn map(self, from: usize, text: &mut [u8]) -> usize {
        if text.is_empty() {
            return 0;
        }
        self.with(|core| core.map(from, text))
    }
}
