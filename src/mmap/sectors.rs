//! The sectors of one mapping: bytes in and out, and the two bits that each has.

use super::mapping::{Maps, field};
use super::memory::Bytes;

impl Maps {
    /// Copies bytes out as far as they are valid; how many that was. The range starts inside the mapping.
    #[inline]
    pub fn copy_out(&self, slot: u16, from: usize, into: &mut [u8]) -> usize {
        let Some(pool) = self.pool else { return 0 };
        let length = self.maps[slot].length as usize;
        let wanted = into.len().min(length.saturating_sub(from));
        if wanted == 0 {
            return 0;
        }
        let (shift, block) = (self.shift, self.block(pool, slot));
        let good = |bytes: &Bytes| {
            let (first, until) = (from >> shift, ((from + wanted - 1) >> shift) + 1);
            let end = match until - first {
                1 if bytes.bit(length, first) => until,
                1 => first,
                _ => bytes.find_bit(length, first, until, false),
            };
            (end << shift).saturating_sub(from).min(wanted)
        };
        block.look(wanted, |bytes| {
            let good = good(bytes);
            bytes.read(from, &mut into[..good]);
            good
        })
    }

    /// Copies bytes out if all of them are valid. The range lies in the mapping.
    #[inline]
    pub fn copy_all(&self, slot: u16, from: usize, into: &mut [u8]) -> bool {
        let Some(pool) = self.pool else { return false };
        let (first, last) = (from >> self.shift, (from + into.len().max(1) - 1) >> self.shift);
        if first != last {
            return self.copy_out(slot, from, into) == into.len();
        }
        let length = self.maps[slot].length as usize;
        self.block(pool, slot).peek(|bytes| {
            let valid = bytes.bit(length, first);
            if valid {
                bytes.read(from, into);
            }
            valid
        })
    }

    /// Copies bytes in, and makes their sectors valid and dirty; the rest of these sectors is valid already, or zero. The range
    /// lies inside the mapping, and none of it is in transfer.
    pub fn copy_in(&mut self, slot: u16, from: usize, bytes: &[u8]) {
        let Some(pool) = self.pool else { return };
        if bytes.is_empty() {
            return;
        }
        self.block(pool, slot).look(bytes.len(), |block| block.write(from, bytes));
        let (first, until) = (from >> self.shift, ((from + bytes.len() - 1) >> self.shift) + 1);
        self.set_valid(slot, first, until, true);
        self.set_dirty(slot, first, until, true);
    }

    /// Sets a range of the mapping's bytes to zero and makes it valid.
    pub fn zero(&mut self, slot: u16, first: usize, until: usize) {
        let Some(pool) = self.pool else { return };
        self.block(pool, slot).peek(|bytes| bytes.zero(first << self.shift, (until - first) << self.shift));
        self.set_valid(slot, first, until, true);
    }

    /// Sectors become valid, or absent.
    pub fn set_valid(&mut self, slot: u16, first: usize, until: usize, on: bool) {
        let Some(pool) = self.pool else { return };
        let length = self.maps[slot].length as usize;
        self.block(pool, slot).peek(|bytes| {
            for n in first..until {
                bytes.set_bit(length, n, on);
            }
        });
        if !on {
            let object = self.maps[slot].object;
            self.objects[object].losses = self.objects[object].losses.wrapping_add(1);
        }
    }

    /// Sectors become dirty, or clean.
    pub fn set_dirty(&mut self, slot: u16, first: usize, until: usize, on: bool) {
        let Some(pool) = self.pool else { return };
        let length = self.maps[slot].length;
        let (at, sectors) = (length as usize + field(length, self.shift), length as usize >> self.shift);
        let (changed, left) = self.block(pool, slot).peek(|bytes| {
            let changed = (first..until).filter(|n| bytes.set_bit(at, *n, on)).count() as u32;
            (changed, on || changed > 0 && bytes.find_bit(at, 0, sectors, true) < sectors)
        });
        if on {
            self.dirty += changed;
            self.list(slot);
        } else {
            self.dirty -= changed;
            if changed > 0 && !left {
                self.unlist(slot);
            }
        }
    }

    /// Whether a sector is valid.
    pub fn valid(&self, slot: u16, n: usize) -> bool {
        let Some(pool) = self.pool else { return false };
        let length = self.maps[slot].length as usize;
        self.block(pool, slot).peek(|bytes| bytes.bit(length, n))
    }

    /// How many bytes from `from` on are valid without a gap.
    pub fn valid_run(&self, slot: u16, from: usize) -> usize {
        let Some(pool) = self.pool else { return 0 };
        let length = self.maps[slot].length as usize;
        let sectors = length >> self.shift;
        let end = self.block(pool, slot).peek(|bytes| bytes.find_bit(length, from >> self.shift, sectors, false));
        (end << self.shift).min(length).saturating_sub(from)
    }

    /// The first absent sectors of a range, as many as stand together up to `most`.
    pub(super) fn absent(&self, slot: u16, first: usize, last: usize, most: usize) -> (usize, usize) {
        let Some(pool) = self.pool else { return (last, last) };
        let length = self.maps[slot].length as usize;
        self.block(pool, slot).peek(|bytes| {
            let from = bytes.find_bit(length, first, last, false);
            (from, bytes.find_bit(length, from, last.min(from.saturating_add(most)), true))
        })
    }

    /// The first valid sectors of a range, as many as stand together.
    pub(super) fn valid_from(&self, slot: u16, first: usize, last: usize) -> (usize, usize) {
        let Some(pool) = self.pool else { return (last, last) };
        let length = self.maps[slot].length as usize;
        self.block(pool, slot).peek(|bytes| {
            let from = bytes.find_bit(length, first, last, true);
            (from, bytes.find_bit(length, from, last, false))
        })
    }

    /// The first dirty sectors of a range, as many as stand together up to `most`.
    pub(super) fn dirty_run(&self, slot: u16, first: usize, last: usize, most: usize) -> (usize, usize) {
        let Some(pool) = self.pool else { return (last, last) };
        let length = self.maps[slot].length;
        let at = length as usize + field(length, self.shift);
        self.block(pool, slot).peek(|bytes| {
            let from = bytes.find_bit(at, first, last, true);
            (from, bytes.find_bit(at, from, last.min(from.saturating_add(most)), false))
        })
    }

    /// Whether a sector is dirty.
    pub fn is_dirty(&self, slot: u16, n: usize) -> bool {
        self.dirty_run(slot, n, n + 1, 1).0 == n
    }

    /// How many sectors of a mapping are dirty.
    pub fn dirty_count(&self, slot: u16) -> usize {
        let Some(pool) = self.pool else { return 0 };
        let length = self.maps[slot].length;
        let at = length as usize + field(length, self.shift);
        let sectors = length as usize >> self.shift;
        self.block(pool, slot).peek(|bytes| (0..sectors).filter(|n| bytes.bit(at, *n)).count())
    }

    /// Who has a byte of a file valid, where it lies in there, and how many bytes from there on are valid without a gap.
    pub fn run_at(&self, object: u16, offset: u64) -> Option<(u16, usize, usize)> {
        let slot = self.authority(object, offset)?;
        let inside = (offset - self.maps[slot].offset) as usize;
        let reach = (self.reach(slot, offset) - offset) as usize;
        Some((slot, inside, self.valid_run(slot, inside).min(reach)))
    }
}
