//! Copies of programs: what `mmap_create` made beside a held region or segment, for reading.
//!
//! ```text
//!   write() ─► region or segment that speaks for the bytes
//!          └─► and every copy of them
//! ```
//!
//! So a program that holds a copy sees what is written by offset, as it would in a region. What changes through another
//! mapping is not written by anybody's call: a copy shows it after its next `mmap_read` once it is put or synced. The copies
//! of atomic handles are left as they are: those keep what was read.

use super::mapping::{Maps, Marks};

impl Maps {
    /// The copy of a file's bytes, among those that overlap a range, for which `f` answers true.
    fn find_copy(&self, object: u16, from: u64, to: u64, f: impl Fn(u16) -> bool) -> Option<u16> {
        if self.copies == 0 {
            return None;
        }
        let mut all = self.views.all().iter().filter(|view| view.used).filter_map(|view| {
            let map = self.live(view.map)?;
            let is_it = map.object == object && !map.marks.contains(Marks::REGION);
            (is_it && map.offset < to && map.end() > from).then_some(view.map.slot)
        });
        all.find(|slot| f(*slot))
    }

    /// Whether bytes of this range are on their way into a copy.
    pub fn copies_in_transfer(&self, object: u16, from: u64, to: u64) -> bool {
        self.find_copy(object, from, to, |slot| self.at(slot).marks.contains(Marks::BUSY)).is_some()
    }

    /// These bytes were written to a file: copies of them get them, too. None is on its way into one.
    pub fn write_to_copies(&self, object: u16, offset: u64, bytes: &[u8]) {
        let end = offset + bytes.len() as u64;
        self.find_copy(object, offset, end, |slot| {
            self.overwrite(slot, offset, bytes);
            false
        });
    }

    /// Overwrites bytes that a mapping covers in part at least, valid or not: a program may be looking at what it declared
    /// before something else changed, and what was never declared is read before it counts.
    fn overwrite(&self, slot: u16, offset: u64, bytes: &[u8]) {
        let Some(pool) = self.pool else { return };
        let map = self.at(slot);
        let (start, end) = (map.offset.max(offset), map.end().min(offset + bytes.len() as u64));
        let bytes = &bytes[(start - offset) as usize..(end - offset) as usize];
        self.block(pool, slot).look(bytes.len(), |block| block.write((start - map.offset) as usize, bytes));
    }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use crate::cache::open::{open, release};
    use crate::cache::pattern::Pattern;
    use crate::cache::prepare;
    use crate::cache::write::{truncate, write};
    use crate::mmap::callers::{create, destroy, get, put, read, sync, write as declare};
    use crate::mmap::mapping::Mapped;
    use crate::mmap::memory::{look_at, poke_at};
    use crate::mmap::mode::Mode;
    use crate::port::model::{Dice, World, pattern};
    use crate::port::storage::How;

    #[test]
    fn held_mappings_that_overlap_show_what_is_written_by_offset_at_once() {
        for (pool, seed) in [(600_000, 1), (1_000_000, 2), (2_500_000, 3)] {
            let world = World::new(pool);
            world.limit(1 << 30);
            let mut oracle = world.put_pattern("file", 150_000);
            prepare(&mut world.enter(), world.pool()).unwrap();
            let object = open(&mut world.enter(), c"file", How::WRITE).unwrap();
            let mut dice = Dice::new(seed);
            // A mapping, where it begins and how long it is, where its bytes are.
            let mut held: Vec<(i32, usize, usize, usize)> = Vec::new();
            let mut copies = 0;
            for step in 0..1000 {
                match dice.below(7) {
                    0 if held.len() < 6 => {
                        let (from, len) = (dice.below(300) * 512, 1 + dice.below(20_000));
                        let made = create(&mut world.enter(), world.pool(), object, Mode::Read, from as u64, len);
                        let Ok(md) = made else { continue };
                        assert_eq!(read(&mut world.enter(), md, 0, len), Ok(()));
                        held.push((md, from, len, get(&mut world.enter(), md).unwrap() as usize));
                        copies = world.enter().maps().copies.max(copies);
                    }
                    1 if !held.is_empty() => {
                        let (md, _, len, _) = held.swap_remove(dice.below(held.len()));
                        put(&mut world.enter(), md).unwrap();
                        assert_eq!(destroy(&mut world.enter(), md, len), Ok(()));
                    }
                    3 if !held.is_empty() => {
                        // Declares a part of what is declared already.
                        let (md, _, len, _) = held[dice.below(held.len())];
                        assert_eq!(read(&mut world.enter(), md, dice.below(len), 1), Ok(()));
                    }
                    2 => {
                        let size = [0, 50_000, oracle.len()][dice.below(3)].min(oracle.len());
                        assert_eq!(truncate(&mut world.enter(), object, size as u64), Ok(()));
                        oracle.truncate(size);
                    }
                    _ => {
                        let most = [600, 5000, 200_000][dice.below(3)];
                        let (at, len) = (dice.below(oracle.len().min(150_000) + 1), 1 + dice.below(most));
                        let at = if dice.below(2) == 0 { at / 512 * 512 } else { at };
                        let bytes: Vec<u8> = pattern(len).iter().map(|byte| byte ^ step as u8).collect();
                        let done = write(&mut world.enter(), object, at as u64, &bytes, &mut Pattern::new());
                        assert_eq!(done, Ok((len, (at + len) as u64)));
                        oracle.resize(oracle.len().max(at + len), 0);
                        oracle[at..at + len].copy_from_slice(&bytes);
                    }
                }
                for &(md, from, len, start) in &held {
                    let mut expected = vec![0; len];
                    let there = oracle.len().saturating_sub(from).min(len);
                    expected[..there].copy_from_slice(oracle.get(from..from + there).unwrap_or(&[]));
                    assert!(look_at(start, len) == expected, "seed {seed}, step {step}, mapping {md}");
                }
            }
            assert!(copies > 1, "none was a copy");
            for (md, _, len, _) in held {
                put(&mut world.enter(), md).unwrap();
                assert_eq!(destroy(&mut world.enter(), md, len), Ok(()));
            }
            assert_eq!(world.enter().maps().copies, 0);
            assert_eq!(release(&mut world.enter(), object), Ok(()));
            assert!(world.bytes_of("file").unwrap() == oracle, "seed {seed}");
        }
    }

    #[test]
    fn a_copy_shows_what_was_declared_before_it_was_filled_and_changed_after_that_once_it_is_put_or_synced() {
        for syncs in [false, true] {
            let world = World::new(600_000);
            let mut bytes = world.put_pattern("file", 20_000);
            prepare(&mut world.enter(), world.pool()).unwrap();
            let object = open(&mut world.enter(), c"file", How::WRITE).unwrap();
            let map = |mode, from: u64| create(&mut world.enter(), world.pool(), object, mode, from, 8192).unwrap();
            let writer = map(Mode::Both, 0);
            let start = get(&mut world.enter(), writer).unwrap() as usize;
            let reader = map(Mode::Read, 4096);
            assert_eq!(world.enter().maps().copies, 1);
            declare(&mut world.enter(), writer, 0, 8192).unwrap();
            assert_eq!(read(&mut world.enter(), reader, 0, 8192), Ok(()));
            poke_at(start + 5000, &[9; 100]);
            bytes[5000..5100].fill(9);
            match syncs {
                true => sync(&mut world.enter(), writer, 0, 8192).unwrap(),
                false => put(&mut world.enter(), writer).unwrap(),
            }
            assert_eq!(read(&mut world.enter(), reader, 0, 8192), Ok(()));
            let copy = get(&mut world.enter(), reader).unwrap() as usize;
            assert!(look_at(copy, 8192) == bytes[4096..12_288], "syncs: {syncs}");
            put(&mut world.enter(), reader).unwrap();
            if syncs {
                put(&mut world.enter(), writer).unwrap();
            }
            for md in [reader, writer] {
                assert_eq!(destroy(&mut world.enter(), md, 8192), Ok(()));
            }
            assert_eq!(release(&mut world.enter(), object), Ok(()));
            assert!(world.bytes_of("file").unwrap() == bytes);
        }
    }
}
