//! What writing through the cache promises.

mod access;
mod wide;

use std::ffi::CString;
use std::vec;
use std::vec::Vec;

use crate::cache::open::{open, release};
use crate::cache::pattern::Pattern;
use crate::cache::write::{APPEND, sync, truncate, write};
use crate::cache::{Cached, flush, names, prepare, read};
use crate::mmap::callers;
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::faults;
use crate::mmap::mode::Mode;
use crate::port::model::{Dice, World, pattern};
use crate::port::storage::{Errno, How};

/// An open file with a position of its own.
struct Open {
    object: u16,
    pattern: Pattern,
}

fn open_it(world: &World, path: &str) -> Open {
    let mut g = world.enter();
    prepare(&mut g, world.pool()).unwrap();
    let object = open(&mut g, &CString::new(path).unwrap(), How::WRITE | How::CREATE).unwrap();
    Open { object, pattern: Pattern::new() }
}

fn put(world: &World, file: &mut Open, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
    write(&mut world.enter(), file.object, offset, bytes, &mut file.pattern).map(|(put, _)| put)
}

fn take(world: &World, file: &mut Open, offset: u64, len: usize) -> Result<Vec<u8>, Errno> {
    let mut into = vec![0xAA; len];
    let got = read::read(&mut world.enter(), file.object, offset, &mut into, &mut file.pattern)?;
    into.truncate(got);
    Ok(into)
}

fn close(world: &World, file: Open) -> Result<(), Errno> {
    release(&mut world.enter(), file.object)
}

/// A world with room on its volume, so that writes may wait.
fn roomy(pool: usize) -> World {
    let world = World::new(pool);
    world.limit(1 << 30);
    world
}

#[test]
fn what_is_written_anywhere_is_read_back_and_is_on_the_disk_after_close() {
    for pool in [40_000, 100_000, 400_000, 3_000_000] {
        for through in [false, true] {
            let world = if through { World::new(pool) } else { roomy(pool) };
            let mut oracle: Vec<u8> = Vec::new();
            let mut file = open_it(&world, "file");
            let mut dice = Dice::new(pool as u64 + u64::from(through));
            for step in 0..1500 {
                let most = [10, 300, 5000, 90_000][dice.below(4)];
                match dice.below(12) {
                    0..5 => {
                        let bytes: Vec<u8> = pattern(1 + dice.below(most)).iter().map(|b| b ^ step as u8).collect();
                        let at = if oracle.len() < 600_000 { oracle.len() } else { 0 };
                        assert_eq!(put(&world, &mut file, at as u64, &bytes), Ok(bytes.len()));
                        oracle.resize(oracle.len().max(at + bytes.len()), 0);
                        oracle[at..at + bytes.len()].copy_from_slice(&bytes);
                    }
                    5..7 => {
                        let bytes: Vec<u8> = pattern(1 + dice.below(most)).iter().map(|b| b ^ step as u8).collect();
                        let at = dice.below(oracle.len() + 1);
                        assert_eq!(put(&world, &mut file, at as u64, &bytes), Ok(bytes.len()));
                        oracle.resize(oracle.len().max(at + bytes.len()), 0);
                        oracle[at..at + bytes.len()].copy_from_slice(&bytes);
                    }
                    7..10 => {
                        let (at, len) = (dice.below(oracle.len() + 1), dice.below(most));
                        let got = take(&world, &mut file, at as u64, len).unwrap();
                        assert_eq!(got, oracle[at..oracle.len().min(at + len)], "step {step}, {len} at {at}");
                    }
                    10 => {
                        let size = dice.below(oracle.len() + 1).max(oracle.len().saturating_sub(100_000));
                        assert_eq!(truncate(&mut world.enter(), file.object, size as u64), Ok(()));
                        oracle.truncate(size);
                    }
                    _ if dice.below(4) == 0 => {
                        assert_eq!(sync(&mut world.enter(), file.object), Ok(()));
                        assert!(world.bytes_of("file").unwrap() == oracle, "after sync, step {step}");
                    }
                    _ => {
                        assert_eq!(close(&world, file), Ok(()));
                        assert!(world.bytes_of("file").unwrap() == oracle, "after close, step {step}");
                        assert_eq!(world.streams(), 0);
                        file = open_it(&world, "file");
                    }
                }
            }
            assert_eq!(close(&world, file), Ok(()));
            assert!(world.bytes_of("file").unwrap() == oracle);
            assert_eq!(world.enter().maps().dirty, 0);
        }
    }
}

#[test]
fn small_writes_gather_into_one_command_a_file() {
    let world = roomy(4_500_000);
    let mut dice = Dice::new(6);
    for n in 0..200 {
        let mut file = open_it(&world, &std::format!("file{n}"));
        let size = 20_000 + dice.below(40_000);
        for at in (0..size).step_by(100) {
            assert_eq!(put(&world, &mut file, at as u64, &[n as u8; 100]), Ok(100));
        }
        assert_eq!(close(&world, file), Ok(()));
    }
    assert!(world.writes() <= 210, "{} writes", world.writes());
    assert_eq!(world.reads(), 0);
}

#[test]
fn records_appended_to_three_files_in_turn_go_out_in_long_commands() {
    let world = roomy(4_500_000);
    let mut dice = Dice::new(7);
    let mut files: Vec<Open> = (0..3).map(|n| open_it(&world, &std::format!("db{n}"))).collect();
    for n in 0..20_000 {
        let record = vec![n as u8; 24 + dice.below(177)];
        assert_eq!(put(&world, &mut files[n % 3], APPEND, &record), Ok(record.len()));
    }
    for file in files {
        assert_eq!(close(&world, file), Ok(()));
    }
    assert!(world.writes() <= 40, "{} writes", world.writes());
    assert_eq!(world.reads(), 0);
}

#[test]
fn a_whole_sector_is_written_without_being_read_and_a_part_of_one_after_it_was() {
    let world = roomy(1_000_000);
    let bytes = world.put_pattern("file", 100_000);
    let mut file = open_it(&world, "file");
    assert_eq!(put(&world, &mut file, 51_200, &[7; 1024]), Ok(1024));
    assert_eq!(world.reads(), 0);
    assert_eq!(put(&world, &mut file, 700, &[8; 10]), Ok(10));
    assert_eq!((world.reads(), world.largest_read()), (1, 512));
    assert_eq!(close(&world, file), Ok(()));
    let mut expected = bytes;
    expected[51_200..52_224].fill(7);
    expected[700..710].fill(8);
    assert!(world.bytes_of("file").unwrap() == expected);
}

#[test]
fn a_write_that_fails_stays_is_told_once_and_is_tried_again() {
    for n in 1.. {
        let world = roomy(1_000_000);
        let mut file = open_it(&world, "file");
        let bytes = pattern(300_000);
        world.fail_write(n, false);
        let mut errors = 0;
        for (k, piece) in bytes.chunks(3000).enumerate() {
            assert_eq!(put(&world, &mut file, k as u64 * 3000, piece), Ok(piece.len()));
            if k % 20 == 19 {
                errors += u32::from(sync(&mut world.enter(), file.object) == Err(Errno::IO));
            }
        }
        assert_eq!(take(&world, &mut file, 0, 300_000).unwrap(), bytes);
        errors += u32::from(close(&world, file).is_err());
        // What the last close could not write stays with the file, and the next one takes it along.
        let again = open_it(&world, "file");
        errors += u32::from(sync(&mut world.enter(), again.object).is_err());
        assert_eq!(close(&world, again), Ok(()));
        assert!(world.bytes_of("file").unwrap() == bytes, "with write {n} failing");
        if world.writes() < n {
            assert_eq!(errors, 0);
            assert!(n > 4);
            break;
        }
        assert!(errors >= 1, "write {n} failed and nobody was told");
        assert_eq!(world.streams(), 0);
    }
}

#[test]
fn a_full_volume_is_known_at_the_write_and_nothing_later_fails() {
    for limit in [0, 4096, 50_000, 131_072, 3_000_000] {
        let world = World::new(1_000_000);
        world.limit(limit);
        let mut files = [open_it(&world, "one"), open_it(&world, "two")];
        let mut sizes = [0, 0];
        let mut full = [false, false];
        while full != [true, true] {
            for n in 0..2 {
                match put(&world, &mut files[n], sizes[n], &[n as u8; 1000]) {
                    Ok(put) => sizes[n] += put as u64,
                    Err(error) => {
                        assert_eq!(error, Errno::NOSPC);
                        full[n] = true;
                    }
                }
            }
        }
        // Whole clusters of 4 KB, all of them.
        assert_eq!(sizes[0].next_multiple_of(4096) + sizes[1].next_multiple_of(4096), limit / 4096 * 4096);
        for (file, path) in files.into_iter().zip(["one", "two"]) {
            assert_eq!(close(&world, file), Ok(()));
            let bytes = world.bytes_of(path).unwrap();
            let n = u8::from(path == "two");
            assert!(bytes.len() as u64 == sizes[usize::from(n)] && bytes.iter().all(|byte| *byte == n));
        }
    }
}

#[test]
fn when_any_allocation_fails_writes_and_reads_are_right_all_the_same() {
    for ever in [false, true] {
        for n in 12.. {
            let world = roomy(300_000);
            let mut file = open_it(&world, "file");
            faults::fail(n - 11, ever);
            let bytes = pattern(100_000);
            for (k, piece) in bytes.chunks(700).enumerate() {
                assert_eq!(put(&world, &mut file, k as u64 * 700, piece), Ok(piece.len()));
            }
            for k in (0..100_000).step_by(13_000) {
                assert_eq!(put(&world, &mut file, k, &bytes[k as usize..k as usize + 100]), Ok(100));
            }
            let mut got = Vec::new();
            while got.len() < bytes.len() {
                got.extend(take(&world, &mut file, got.len() as u64, 900).unwrap());
            }
            assert!(got == bytes);
            let struck = faults::clear();
            assert_eq!(close(&world, file), Ok(()));
            assert!(world.bytes_of("file").unwrap() == bytes);
            if ever {
                // A sector or two at a time, as one cached sector per stream would.
                assert!(world.writes() <= 2 * 100_000 / 512, "{} writes", world.writes());
            }
            if !struck {
                assert!(n > 13);
                break;
            }
        }
    }
}

#[test]
fn without_write_behind_every_write_is_in_storage_at_once() {
    let world = roomy(1_000_000);
    let mut file = open_it(&world, "file");
    world.enter().cache().settings.write_behind = false;
    for n in 1..=10 {
        assert_eq!(put(&world, &mut file, APPEND, &[n; 100]), Ok(100));
        assert_eq!(world.bytes_of("file").unwrap().len(), usize::from(n) * 100);
    }
    assert_eq!(close(&world, file), Ok(()));
}

#[test]
fn no_more_is_dirty_than_a_share_of_the_memory_and_nothing_for_longer_than_its_age() {
    let world = roomy(2_000_000);
    let mut file = open_it(&world, "file");
    for _ in 0..2900 {
        assert_eq!(put(&world, &mut file, APPEND, &[1; 1000]), Ok(1000));
        let dirty = u64::from(world.enter().maps().dirty) * 512;
        assert!(dirty <= 500_000 + 2000, "{dirty} bytes are dirty");
    }
    flush::tick(&mut world.enter());
    assert!(world.enter().maps().dirty > 0, "nothing is old yet");
    let age = world.enter().cache().settings.age;
    crate::port::advance(age);
    flush::tick(&mut world.enter());
    assert_eq!(world.enter().maps().dirty, 0);
    assert_eq!(close(&world, file), Ok(()));
}

#[test]
fn a_removed_file_lives_on_for_its_users_and_another_one_may_have_its_name() {
    let world = roomy(1_000_000);
    let mut old = open_it(&world, "file");
    assert_eq!(put(&world, &mut old, 0, &[1; 5000]), Ok(5000));
    assert_eq!(names::remove(&mut world.enter(), c"file"), Ok(()));
    assert_eq!(names::remove(&mut world.enter(), c"file"), Err(Errno::NOENT));
    let mut new = open_it(&world, "file");
    assert_ne!(old.object, new.object);
    assert_eq!(put(&world, &mut new, 0, &[2; 100]), Ok(100));
    assert_eq!(take(&world, &mut old, 0, 9000).unwrap(), [1; 5000]);
    let before = world.writes();
    assert_eq!(close(&world, old), Ok(()));
    assert_eq!(world.writes(), before, "what nobody will read was written");
    assert_eq!(names::rename(&mut world.enter(), c"file", c"other"), Ok(()));
    assert_eq!(close(&world, new), Ok(()));
    assert_eq!(world.bytes_of("other").unwrap(), [2; 100]);
}

#[test]
fn a_volume_that_is_unmounted_has_everything_and_one_that_vanished_says_so() {
    for vanished in [false, true] {
        let world = roomy(1_000_000);
        let mut file = open_it(&world, "file");
        assert_eq!(put(&world, &mut file, 0, &[1; 5000]), Ok(5000));
        if vanished {
            flush::gone(&mut world.enter(), 1);
            assert_eq!(world.bytes_of("file").unwrap(), []);
        } else {
            assert_eq!(flush::unmount(&mut world.enter(), 1), Ok(()));
            assert_eq!(world.bytes_of("file").unwrap(), [1; 5000]);
        }
        assert_eq!(put(&world, &mut file, 0, &[1]), Err(Errno::NXIO));
        assert_eq!(take(&world, &mut file, 0, 1), Err(Errno::NXIO));
        assert_eq!(sync(&mut world.enter(), file.object), Err(Errno::NXIO));
        let mut again = open_it(&world, "file");
        assert_ne!(again.object, file.object);
        assert_eq!(take(&world, &mut again, 0, 9000).unwrap().len(), if vanished { 0 } else { 5000 });
        let _ = close(&world, file);
        assert_eq!(close(&world, again), Ok(()));
        assert_eq!((world.streams(), world.enter().maps().dirty), (0, 0));
    }
}

#[test]
fn who_waits_for_a_transfer_waits_for_nothing_else() {
    let world = roomy(1_000_000);
    let mut file = open_it(&world, "file");
    assert_eq!(put(&world, &mut file, 0, &[1; 61_440]), Ok(61_440));
    world.hold();
    std::thread::scope(|scope| {
        let object = file.object;
        let syncing = scope.spawn({
            let world = &world;
            move || sync(&mut world.enter(), object)
        });
        world.wait_for_a_held_transfer();
        // On their way to the disk they can be read; what stands elsewhere can be written.
        assert_eq!(take(&world, &mut file, 0, 100).unwrap(), [1; 100]);
        assert_eq!(put(&world, &mut file, 61_440, &[2; 10_000]), Ok(10_000));
        world.release();
        assert_eq!(syncing.join().unwrap(), Ok(()));
    });
    assert_eq!(close(&world, file), Ok(()));
    let bytes = world.bytes_of("file").unwrap();
    assert!(bytes[..61_440].iter().all(|byte| *byte == 1) && bytes[61_440..].iter().all(|byte| *byte == 2));
}

#[test]
fn records_appended_by_several_threads_are_all_there_and_whole() {
    for pool in [60_000, 160_000, 2_000_000] {
        let world = roomy(pool);
        let object = open_it(&world, "log").object;
        std::thread::scope(|scope| {
            for thread in 0..8u8 {
                let world = &world;
                scope.spawn(move || {
                    let mut pattern = Pattern::new();
                    for n in 0..150u8 {
                        let record = [[thread, n]; 50].concat();
                        let put = write(&mut world.enter(), object, APPEND, &record, &mut pattern);
                        let (put, end) = put.unwrap();
                        assert_eq!(put, 100);
                        let mut back = [0; 100];
                        let got = read::read(&mut world.enter(), object, end - 100, &mut back, &mut pattern);
                        assert_eq!((got, &back[..]), (Ok(100), &record[..]), "thread {thread}, record {n}");
                    }
                });
            }
            scope.spawn(|| {
                for n in 0..300 {
                    let handle = world.pool().alloc(n * 97 % (pool / 2), core::ptr::null());
                    std::thread::yield_now();
                    world.pool().free(handle);
                }
            });
        });
        assert_eq!(release(&mut world.enter(), object), Ok(()));
        let bytes = world.bytes_of("log").unwrap();
        assert_eq!(bytes.len(), 8 * 150 * 100);
        let mut next = [0; 8];
        for record in bytes.chunks(100) {
            let (thread, n) = (record[0], record[1]);
            assert!(record.chunks(2).all(|pair| pair == [thread, n]));
            assert_eq!(n, next[usize::from(thread)]);
            next[usize::from(thread)] += 1;
        }
    }
}

/// A file that ends at `end`, and behind that a mapping that a program holds and may be changing.
fn held_behind_the_end(world: &World, end: usize) -> (Open, i32, Vec<u8>) {
    let mut file = open_it(world, "file");
    let mut bytes = pattern(102_400);
    assert_eq!(put(world, &mut file, 0, &bytes), Ok(bytes.len()));
    let md = callers::create(&mut world.enter(), world.pool(), file.object, Mode::Both, 35_328, 748).unwrap();
    callers::get(&mut world.enter(), md).unwrap();
    assert_eq!(truncate(&mut world.enter(), file.object, end as u64), Ok(()));
    bytes.truncate(end);
    (file, md, bytes)
}

#[test]
fn a_file_grows_over_a_held_mapping_also_when_there_is_no_memory() {
    for (pool, end) in [(60_000, 34_845), (100_000, 34_816), (100_000, 35_328), (300_000, 35_500)] {
        let world = roomy(pool);
        let (mut file, md, mut bytes) = held_behind_the_end(&world, end);
        faults::fail(1, true);
        for _ in 0..2 {
            let more: Vec<u8> = pattern(88_414).iter().map(|byte| byte ^ 0x5A).collect();
            assert_eq!(put(&world, &mut file, bytes.len() as u64, &more), Ok(more.len()));
            bytes.extend(more);
        }
        assert!(take(&world, &mut file, 0, bytes.len() + 1).unwrap() == bytes, "reads otherwise than it was written");
        assert!(faults::clear(), "there was memory");
        assert_eq!(callers::put(&mut world.enter(), md), Ok(()));
        assert_eq!(callers::destroy(&mut world.enter(), md, 748), Ok(()));
        assert_eq!(close(&world, file), Ok(()));
        assert!(world.bytes_of("file").unwrap() == bytes, "the disk has other bytes, {pool} {end}");
    }
}

#[test]
fn growing_over_a_held_mapping_fails_when_the_device_does() {
    let world = roomy(100_000);
    let (mut file, md, bytes) = held_behind_the_end(&world, 34_845);
    faults::fail(1, true);
    world.fail_write(1, true);
    let more = pattern(88_414);
    let put_there = put(&world, &mut file, bytes.len() as u64, &more);
    assert!(put_there.is_err() || put_there.is_ok_and(|put| put < more.len()), "{put_there:?} without a device");
    world.heal();
    assert!(faults::clear());
    callers::put(&mut world.enter(), md).unwrap();
    let _ = callers::destroy(&mut world.enter(), md, 748);
    let _ = close(&world, file);
}

#[test]
fn a_write_that_may_not_wait_is_in_storage_also_behind_a_held_mapping() {
    let world = roomy(1_000_000);
    let (mut file, md, bytes) = held_behind_the_end(&world, 34_845);
    world.enter().cache().settings.write_behind = false;
    let more = vec![7; 30_000];
    assert_eq!(put(&world, &mut file, bytes.len() as u64, &more), Ok(more.len()));
    assert!(world.bytes_of("file").unwrap() == [bytes, more].concat());
    callers::put(&mut world.enter(), md).unwrap();
    assert_eq!(callers::destroy(&mut world.enter(), md, 748), Ok(()));
    assert_eq!(close(&world, file), Ok(()));
}

#[test]
fn the_reserve_is_of_use_though_segments_and_mappings_have_all_they_may_have() {
    let world = roomy(100_000);
    world.put("file", pattern(400_000));
    let mut file = open_it(&world, "file");
    for place in 0..60 {
        take(&world, &mut file, place * 4096, 1).unwrap();
    }
    let map = |n: u64| callers::create(&mut world.enter(), world.pool(), file.object, Mode::Read, n * 1024, 512);
    let made: Vec<i32> = (300..).map_while(|n| map(n).ok()).collect();
    assert!(made.len() >= 4, "an eighth is theirs");
    let other = open_it(&world, "other");
    let count = world.enter().maps().reserve.count() as u64;
    for n in 0..count {
        let mut g = world.enter();
        let made = crate::cache::reserve::segment(&mut g, other.object, n << 17, crate::mmap::mapping::Name::NOBODY);
        assert!(matches!(made, crate::cache::segment::Made::Here(_)), "{n} of {count}");
    }
    for md in made {
        callers::destroy(&mut world.enter(), md, 512).unwrap();
    }
    assert_eq!(close(&world, file), Ok(()));
    assert_eq!(close(&world, other), Ok(()));
    assert_eq!(world.streams(), 0);
}
