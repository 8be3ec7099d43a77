//! What the debug screens show: the blocks of a pool, one line each. And how text is written without `core::fmt`.

use super::context::WORD;
use super::words::Core;

/// Writes bytes into a caller's buffer and keeps room for the NUL. `core::fmt` would be most of a small archive.
pub(crate) struct Line<'a> {
    text: &'a mut [u8],
    at: usize,
    /// Something found no room.
    full: bool,
}

impl<'a> Line<'a> {
    pub(crate) fn new(text: &'a mut [u8]) -> Line<'a> {
        Line { text, at: 0, full: false }
    }

    pub(crate) fn push(&mut self, byte: u8) {
        self.full |= self.at + 1 >= self.text.len();
        if !self.full {
            self.text[self.at] = byte;
            self.at += 1;
        }
    }

    /// Whether something found no room.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// How much was written.
    pub(super) fn mark(&self) -> usize {
        self.at
    }

    /// Ends the text.
    pub(crate) fn end(self) {
        let at = self.at;
        self.end_at(at);
    }

    /// Ends the text where it was `mark` bytes long.
    pub(super) fn end_at(self, mark: usize) {
        if let Some(end) = self.text.get_mut(mark) {
            *end = 0;
        }
    }

    pub(crate) fn text(&mut self, text: &[u8]) {
        text.iter().for_each(|&byte| self.push(byte));
    }

    /// A number right-aligned in `width`, after `lead`.
    pub(crate) fn number(&mut self, mut value: usize, base: usize, width: usize, lead: &[u8]) {
        let mut digits = [0; 2 * WORD + 4];
        let mut count = 0;
        while count == 0 || value > 0 {
            digits[count] = b"0123456789abcdef"[value % base];
            value /= base;
            count += 1;
        }
        (count + lead.len()..width).for_each(|_| self.push(b' '));
        self.text(lead);
        digits[..count].iter().rev().for_each(|&digit| self.push(digit));
    }
}

impl Core {
    /// Where the blocks end. The free space behind the last one is none, as upstream; a pool not used so far has none.
    fn blocks_end(&self) -> usize {
        match () {
            () if self.is_void() => 0,
            () if self.last_free() => self.free_before(self.span()),
            () => self.span(),
        }
    }

    /// The number of blocks, used ones and the holes between them.
    pub(super) fn num_blocks(&self) -> usize {
        let (mut i, mut count) = (0, 0);
        while i < self.blocks_end() {
            i += self.len(i);
            count += 1;
        }
        count
    }

    /// Describes the block with this number, address and length in words, negative when free. False past the last
    /// block, with an empty text.
    pub(super) fn print_block(&self, number: usize, text: &mut [u8]) -> bool {
        let mut line = Line::new(text);
        let (mut i, mut count) = (0, 0);
        while i < self.blocks_end() && count < number {
            i += self.len(i);
            count += 1;
        }
        let found = i < self.blocks_end();
        if found {
            let free = self.is_free(i);
            line.number(self.address(i), 16, 8, b"0x");
            line.text(b": val: ");
            line.number(self.len(i), 10, 4, if free { b"-" } else { b"" });
            line.text(if free { b" (unallocated)" } else { b" (allocated)" });
        }
        line.end();
        found
    }
}
