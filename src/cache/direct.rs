//! Transfers between storage and a caller's buffer, past the cache: for what memory would not hold, and when there is
//! no memory.
//!
//! What is in memory wins: a direct read stops where somebody has the bytes valid, and the caller copies those. A direct
//! write stops where a mapping or the window of one begins, and the caller changes that. Who wants bytes that are being
//! written past the cache waits for `Object::direct`, one range a file.

use super::Cached;
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::suits_storage;
use crate::mmap::object::Flags;
use crate::mmap::transfer::{begin, end};
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// From this many bytes on a request may go past the cache.
const LARGE: usize = 64 * 1024;

/// Whether a request goes past the cache: it is large, begins with a sector, its buffer suits storage, and it belongs to a
/// file of which the cache would keep only a part until it is asked for again.
pub fn passes_by<H: House<State: Cached>>(g: &mut Guard<H>, object: u16, at: u64, buffer: &[u8]) -> bool {
    if buffer.len() < LARGE || !at.is_multiple_of(H::SECTOR as u64) || !suits_storage(buffer) {
        return false;
    }
    let memory = g.cache().size as u64;
    g.maps().objects[object].size.max(at + buffer.len() as u64) > memory / 4
}

/// Reads into the caller's buffer up to where somebody has the bytes valid: how many bytes; 0 when that is here, or when
/// something was in the way. The caller looks again.
///
/// # Errors
/// The device's.
pub fn direct<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    into: &mut [u8],
) -> Result<usize, Errno> {
    let maps = g.maps();
    let stored = maps.objects[object].stored;
    let until = maps.gap(object, offset, (offset + into.len() as u64).min(stored));
    if until <= offset {
        return Ok(0);
    }
    if maps.objects[object].written_past(offset, until) {
        g.wait(Channel::Data, None);
        return Ok(0);
    }
    let into = &mut into[..(until - offset) as usize];
    let stream = begin(maps, object);
    let began = H::ticks();
    let result = g.unlocked(|| H::read_at(stream, offset, into));
    g.cache().counts.direct += 1;
    let maps = g.maps();
    maps.counts.commands += 1;
    maps.counts.ticks += u64::from(H::ticks().wrapping_sub(began));
    match result {
        Ok(got) => {
            maps.counts.bytes += got as u64;
            if got < into.len() {
                maps.shorten(object, offset + got as u64);
            }
        }
        Err(_) => maps.counts.errors += 1,
    }
    end(g, object);
    result
}

/// Reads bytes of a file from memory and past it, without making segments: how many, fewer than asked only at the end of
/// the file or before an error.
///
/// # Errors
/// The device's, when no byte could be read.
pub fn past<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    into: &mut [u8],
) -> Result<usize, Errno> {
    let mut done = 0usize;
    loop {
        let maps = g.maps();
        let at = offset + done as u64;
        let left = maps.objects[object].size.saturating_sub(at);
        let end = into.len().min(done.saturating_add(usize::try_from(left).unwrap_or(usize::MAX)));
        if done >= end {
            return Ok(done);
        }
        if let Some((slot, inside, run)) = maps.run_at(object, at).filter(|(_, _, run)| *run > 0) {
            let most = run.min(end - done);
            done += maps.copy_out(slot, inside, &mut into[done..done + most]);
            continue;
        }
        match direct(g, object, at, &mut into[done..end]) {
            Ok(got) => done += got,
            Err(_) if done > 0 => return Ok(done),
            Err(error) => return Err(error),
        }
    }
}

/// Writes whole sectors from the caller's buffer, where there are two or more that no mapping covers, and nothing dirty
/// before them is behind the file's end in storage: how many bytes; 0 where that cannot be, and the caller takes memory.
///
/// # Errors
/// The device's, when no byte could be written; `ENOSPC`.
pub fn write_past<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    at: u64,
    from: &[u8],
) -> Result<usize, Errno> {
    let maps = g.maps();
    let whole = (from.len().min(H::TRANSFER) & !(H::SECTOR - 1)) as u64;
    let file = &maps.objects[object];
    let free = file.direct == (0, 0) && !file.flags.contains(Flags::SWEPT) && at <= file.stored;
    if !at.is_multiple_of(H::SECTOR as u64) || !free {
        return Ok(0);
    }
    let mut until = at;
    while until < at + whole && maps.authority(object, until).is_none() && maps.near(object, until).is_none() {
        until += H::SECTOR as u64;
    }
    if until - at < 2 * H::SECTOR as u64 || maps.copies_in_transfer(object, at, until) {
        return Ok(0);
    }
    // Whoever wants these bytes meanwhile waits for the mark; whoever opens the file sees by the flags who changes it.
    let file = &mut maps.objects[object];
    file.direct = (at, until);
    file.flags |= Flags::UNSYNCED | Flags::WRITTEN;
    let stream = begin(maps, object);
    let from = &from[..(until - at) as usize];
    let result = g.unlocked(|| H::write_at(stream, at, from));
    let maps = g.maps();
    maps.counts.writes += 1;
    let put = *result.as_ref().unwrap_or(&0);
    maps.counts.written += put as u64;
    maps.counts.errors += u64::from(result.is_err());
    maps.write_to_copies(object, at, &from[..put.min(from.len())]);
    let file = &mut maps.objects[object];
    file.direct = (0, 0);
    // Who brought the file to the disk meanwhile had not all of this.
    file.flags |= Flags::UNSYNCED;
    file.stored = file.stored.max(at + put as u64);
    file.size = file.size.max(at + put as u64);
    file.change();
    g.cache().counts.direct += 1;
    end(g, object);
    match result {
        Ok(put) if put > 0 => Ok(put),
        Ok(_) => Err(Errno::NOSPC),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::vec::Vec;

    use super::*;
    use crate::cache::open::{open, release};
    use crate::cache::pattern::Pattern;
    use crate::cache::read::read;
    use crate::cache::write::{sync, truncate, write};
    use crate::cache::{flush, prepare};
    use crate::mmap::callers;
    use crate::mmap::memory::poke_at;
    use crate::mmap::mode::Mode;
    use crate::port::model::{Dice, Model, World, pattern, segments};
    use crate::port::storage::{How, Storage};

    /// An open file, and what it should hold.
    struct File<'a> {
        world: &'a World,
        object: u16,
        pattern: Pattern,
        bytes: Vec<u8>,
    }

    impl File<'_> {
        fn new(world: &World) -> File<'_> {
            let mut g = world.enter();
            prepare(&mut g, world.pool()).unwrap();
            let path = CString::new("file").unwrap();
            let object = open(&mut g, &path, How::WRITE | How::CREATE).unwrap();
            File { world, object, pattern: Pattern::new(), bytes: Vec::new() }
        }

        fn put(&mut self, at: usize, bytes: &[u8]) -> Result<usize, Errno> {
            let mut g = self.world.enter();
            let (put, end) = write(&mut g, self.object, at as u64, bytes, &mut self.pattern)?;
            assert_eq!(end, (at + put) as u64);
            self.bytes.resize(self.bytes.len().max(at + put), 0);
            self.bytes[at..at + put].copy_from_slice(&bytes[..put]);
            Ok(put)
        }

        fn compare(&mut self) {
            let mut all = std::vec![0; self.bytes.len() + 1];
            let got = read(&mut self.world.enter(), self.object, 0, &mut all, &mut Pattern::new());
            assert_eq!(got, Ok(self.bytes.len()));
            assert!(all[..self.bytes.len()] == self.bytes, "reads otherwise than it was written");
        }

        fn direct(&self) -> u64 {
            self.world.enter().cache().counts.direct
        }

        fn close_and_compare(mut self) {
            self.compare();
            assert_eq!(release(&mut self.world.enter(), self.object), Ok(()));
            assert!(self.world.bytes_of("file").unwrap() == self.bytes, "the disk has other bytes");
        }
    }

    fn roomy(pool: usize) -> World {
        let world = World::new(pool);
        world.limit(1 << 30);
        world
    }

    #[test]
    fn a_long_write_goes_from_the_callers_buffer_to_storage_and_takes_no_memory() {
        let world = roomy(1_000_000);
        let mut file = File::new(&world);
        let bytes = pattern(4 * Model::TRANSFER);
        assert_eq!(file.put(0, &bytes), Ok(bytes.len()));
        assert_eq!((file.direct(), world.writes(), world.largest_write()), (4, 4, Model::TRANSFER));
        assert_eq!(segments(&mut world.enter()), 0);
        assert!(world.bytes_of("file").unwrap() == bytes);
        file.close_and_compare();
    }

    #[test]
    fn a_long_write_that_memory_holds_gathers_there() {
        let world = roomy(4_000_000);
        let mut file = File::new(&world);
        assert_eq!(file.put(0, &pattern(4 * Model::TRANSFER)), Ok(4 * Model::TRANSFER));
        assert_eq!((file.direct(), world.writes()), (0, 0));
        file.close_and_compare();
    }

    #[test]
    fn a_long_write_agrees_with_dirty_segments_and_held_mappings_in_its_way() {
        let world = roomy(1_000_000);
        let mut file = File::new(&world);
        assert_eq!(file.put(0, &pattern(400_000)), Ok(400_000));
        // Dirty, and partly so.
        for at in [70_000, 131_000, 200_010] {
            assert_eq!(file.put(at, &[at as u8; 700]), Ok(700));
        }
        let create = callers::create(&mut world.enter(), world.pool(), file.object, Mode::Both, 262_144, 8192);
        let md = create.unwrap();
        callers::write(&mut world.enter(), md, 0, 8192).unwrap();
        let start = callers::get(&mut world.enter(), md).unwrap();
        poke_at(start.addr(), &[9; 100]);
        file.bytes[262_144..262_244].fill(9);
        file.compare();
        let before = file.direct();
        assert_eq!(file.put(65_536, &[0x5A; 210_000]), Ok(210_000));
        assert!(file.direct() > before, "nothing went past");
        file.compare();
        // The holder sees it too.
        assert_eq!(crate::mmap::memory::look_at(start.addr(), 8192), file.bytes[262_144..270_336]);
        callers::put(&mut world.enter(), md).unwrap();
        callers::destroy(&mut world.enter(), md, 8192).unwrap();
        file.close_and_compare();
    }

    #[test]
    fn long_writes_among_others_are_read_back_and_on_the_disk_after_sync() {
        for (pool, behind) in [(100_000, true), (400_000, true), (400_000, false), (1_500_000, true)] {
            let world = roomy(pool);
            let mut file = File::new(&world);
            world.enter().cache().settings.write_behind = behind;
            let mut dice = Dice::new(pool as u64);
            for step in 0..400 {
                let end = file.bytes.len();
                let any = if end < 900_000 { [dice.below(end + 1), end][dice.below(2)] } else { dice.below(end + 1) };
                let tag = |bytes: Vec<u8>| bytes.iter().map(|byte| byte ^ step as u8).collect::<Vec<u8>>();
                match dice.below(8) {
                    0..3 => {
                        let bytes = tag(pattern(LARGE + dice.below(300_000)));
                        assert_eq!(file.put(any / Model::SECTOR * Model::SECTOR, &bytes), Ok(bytes.len()));
                    }
                    3..5 => {
                        let bytes = tag(pattern(1 + dice.below(3000)));
                        assert_eq!(file.put(any, &bytes), Ok(bytes.len()));
                    }
                    5 => {
                        let size = end.saturating_sub(dice.below(200_000));
                        assert_eq!(truncate(&mut world.enter(), file.object, size as u64), Ok(()));
                        file.bytes.truncate(size);
                    }
                    6 => file.compare(),
                    _ => {
                        assert_eq!(sync(&mut world.enter(), file.object), Ok(()));
                        assert!(world.bytes_of("file").unwrap() == file.bytes, "after sync, step {step}");
                    }
                }
            }
            assert!(file.direct() > 0, "none went past the cache, with {pool}");
            file.close_and_compare();
        }
    }

    #[test]
    fn a_long_write_is_short_when_the_volume_is_full_and_when_a_command_fails() {
        let world = World::new(1_000_000);
        world.limit(3 << 20);
        let mut file = File::new(&world);
        world.fail_write(2, false);
        assert_eq!(file.put(0, &pattern(1 << 20)), Ok(Model::TRANSFER));
        assert_eq!(file.put(Model::TRANSFER, &pattern(1 << 20)), Ok(1 << 20));
        world.fail_write(1, false);
        let end = file.bytes.len();
        assert_eq!(file.put(end, &pattern(1 << 20)), Err(Errno::IO));
        assert_eq!(file.put(end, &pattern(4 << 20)), Ok((3 << 20) - end));
        assert_eq!(file.put(3 << 20, &pattern(1 << 20)), Err(Errno::NOSPC));
        assert_eq!(flush::all(&mut world.enter()), Ok(()));
        file.close_and_compare();
    }
}
