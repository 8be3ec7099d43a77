//! What mappings promise to programs.

mod sharing;
mod writing;

use std::ffi::CString;
use std::vec::Vec;

use crate::file;
use crate::mmap::callers::{create, destroy, error, get, put, read};
use crate::mmap::memory::faults;
use crate::mmap::mode::Mode;
use crate::port::model::{Dice, World};
use crate::port::storage::Errno;

fn open(world: &World, path: &str) -> i32 {
    file::open(&mut world.enter(), world.pool(), &CString::new(path).unwrap(), file::Mode::READ).unwrap()
}

fn map(world: &World, fd: i32, offset: u64, length: usize) -> Result<i32, Errno> {
    let mut g = world.enter();
    let object = file::object(&mut g, fd)?;
    create(&mut g, world.pool(), object, Mode::Read, offset, length)
}

/// What lies in a mapping now.
fn bytes(world: &World, md: i32, from: usize, len: usize) -> Vec<u8> {
    let start = get(&mut world.enter(), md).unwrap();
    let bytes = crate::mmap::memory::look_at(start as usize + from, len);
    put(&mut world.enter(), md).unwrap();
    bytes
}

#[test]
fn a_mapping_lives_past_the_close_of_its_descriptor() {
    let world = World::new(500_000);
    let whole = world.put_pattern("file", 100_000);
    let fd = open(&world, "file");
    let md = map(&world, fd, 1024, 50_000).unwrap();
    assert!(md > 0);
    file::close(&mut world.enter(), fd).unwrap();
    assert_eq!(read(&mut world.enter(), md, 100, 49_900), Ok(()));
    assert_eq!(bytes(&world, md, 100, 49_900), whole[1124..51_024]);
    assert_eq!(destroy(&mut world.enter(), md, 50_000), Ok(()));
    assert_eq!(world.streams(), 0);
}

#[test]
fn bytes_past_the_end_of_the_file_read_as_zero() {
    let world = World::new(300_000);
    let whole = world.put_pattern("file", 5000);
    let fd = open(&world, "file");
    let md = map(&world, fd, 4096, 9000).unwrap();
    read(&mut world.enter(), md, 0, 9000).unwrap();
    assert_eq!(bytes(&world, md, 0, 904), whole[4096..]);
    assert!(bytes(&world, md, 904, 8096).iter().all(|byte| *byte == 0));
    let beyond = map(&world, fd, 1 << 40, 600).unwrap();
    read(&mut world.enter(), beyond, 0, 600).unwrap();
    assert!(bytes(&world, beyond, 0, 600).iter().all(|byte| *byte == 0));
    destroy(&mut world.enter(), md, 9000).unwrap();
    destroy(&mut world.enter(), beyond, 600).unwrap();
    file::close(&mut world.enter(), fd).unwrap();
}

#[test]
fn only_declared_pages_are_read_and_only_once() {
    let world = World::new(500_000);
    let whole = world.put_pattern("file", 200_000);
    let fd = open(&world, "file");
    let md = map(&world, fd, 0, 200_000).unwrap();
    read(&mut world.enter(), md, 100_000, 1).unwrap();
    assert_eq!((world.reads(), world.largest_read()), (1, 512));
    read(&mut world.enter(), md, 99_840, 512).unwrap();
    assert_eq!(world.reads(), 1, "the sector was there");
    read(&mut world.enter(), md, 0, 200_000).unwrap();
    // Before it 195 sectors, behind it the rest: each in commands of at most 128 KB.
    assert_eq!(world.reads(), 3);
    assert_eq!(bytes(&world, md, 0, 200_000), whole);
    file::close(&mut world.enter(), fd).unwrap();
    destroy(&mut world.enter(), md, 200_000).unwrap();
}

#[test]
fn a_mapping_moves_while_nobody_holds_it_and_stays_while_somebody_does() {
    let world = World::new(400_000);
    let whole = world.put_pattern("file", 60_000);
    let fd = open(&world, "file");
    let below: Vec<i32> = (0..8).map(|_| world.pool().alloc(20_000, core::ptr::null())).collect();
    let md = map(&world, fd, 0, 60_000).unwrap();
    read(&mut world.enter(), md, 0, 60_000).unwrap();
    let first = get(&mut world.enter(), md).unwrap();
    assert_eq!(get(&mut world.enter(), md).unwrap(), first, "gets nest");
    for handle in below {
        world.pool().free(handle);
    }
    // Larger than any hole beside the mapping: with it held, the pool has to leave it.
    let around = world.pool().alloc(world.pool().allocatable(), core::ptr::null());
    assert_eq!(crate::mmap::memory::look_at(first as usize, 60_000), whole);
    world.pool().free(around);
    put(&mut world.enter(), md).unwrap();
    put(&mut world.enter(), md).unwrap();
    let all = world.pool().alloc(world.pool().allocatable(), core::ptr::null());
    assert!(all > 0);
    assert_eq!(bytes(&world, md, 0, 60_000), whole, "after the pool was filled to the brim");
    assert_ne!(get(&mut world.enter(), md).unwrap(), first, "it had to move for that");
    put(&mut world.enter(), md).unwrap();
    world.pool().free(all);
    file::close(&mut world.enter(), fd).unwrap();
    destroy(&mut world.enter(), md, 60_000).unwrap();
}

#[test]
fn a_mapping_is_never_purged() {
    let world = World::new(300_000);
    let whole = world.put_pattern("file", 100_000);
    let fd = open(&world, "file");
    let md = map(&world, fd, 0, 100_000).unwrap();
    read(&mut world.enter(), md, 0, 100_000).unwrap();
    while world.pool().alloc(5000, core::ptr::null()) > 0 {}
    assert_eq!(bytes(&world, md, 0, 100_000), whole);
    assert_eq!(map(&world, fd, 1 << 20, 100_000), Err(Errno::NOMEM));
    file::close(&mut world.enter(), fd).unwrap();
    destroy(&mut world.enter(), md, 100_000).unwrap();
}

#[test]
fn bad_input_gets_its_error_and_changes_nothing() {
    let world = World::new(300_000);
    world.put_pattern("file", 10_000);
    let fd = open(&world, "file");
    assert_eq!(map(&world, fd, 0, 0), Err(Errno::INVAL));
    assert_eq!(map(&world, fd, 100, 512), Err(Errno::INVAL));
    assert_eq!(map(&world, fd, 0, usize::MAX), Err(Errno::INVAL));
    assert_eq!(map(&world, fd, u64::MAX - 511, 512), Err(Errno::INVAL));
    // What a file may have, but no pool.
    for length in [900_000, (1 << 29) - 1, 1 << 29, (1 << 30) + 1, (1 << 31) - 512, isize::MAX as usize - 8191] {
        assert_eq!(map(&world, fd, 0, length), Err(Errno::NOMEM), "{length}");
        assert_eq!(map(&world, fd, 100, length), Err(Errno::INVAL), "{length}");
    }
    assert_eq!(map(&world, 9, 0, 512), Err(Errno::BADF));
    let md = map(&world, fd, 0, 6000).unwrap();
    let mut g = world.enter();
    assert_eq!(read(&mut g, md, 6000, 1), Err(Errno::INVAL));
    assert_eq!(read(&mut g, md, 1, usize::MAX), Err(Errno::INVAL));
    assert_eq!(read(&mut g, md, usize::MAX, 0), Err(Errno::INVAL));
    assert_eq!(read(&mut g, md, 6000, 0), Ok(()));
    assert_eq!(put(&mut g, md), Err(Errno::INVAL));
    assert_eq!(destroy(&mut g, md, 5999), Err(Errno::INVAL));
    get(&mut g, md).unwrap();
    assert_eq!(destroy(&mut g, md, 6000), Err(Errno::BUSY));
    put(&mut g, md).unwrap();
    assert_eq!(destroy(&mut g, md, 6000), Ok(()));
    for stale in [md, 0, -1, i32::MIN, i32::MAX] {
        assert_eq!(get(&mut g, stale), Err(Errno::BADF));
        assert_eq!(put(&mut g, stale), Err(Errno::BADF));
        assert_eq!(destroy(&mut g, stale, 6000), Err(Errno::BADF));
        assert_eq!(error(&mut g, stale), Err(Errno::BADF));
    }
    drop(g);
    let again = map(&world, fd, 0, 6000).unwrap();
    assert_ne!(again, md, "a number is not used again at once");
    destroy(&mut world.enter(), again, 6000).unwrap();
    file::close(&mut world.enter(), fd).unwrap();
}

#[test]
fn an_error_is_returned_remembered_once_and_can_be_retried() {
    let world = World::new(400_000);
    let whole = world.put_pattern("file", 100_000);
    let fd = open(&world, "file");
    let md = map(&world, fd, 0, 100_000).unwrap();
    world.fail_read(1, true);
    assert_eq!(read(&mut world.enter(), md, 0, 100), Err(Errno::IO));
    assert_eq!(error(&mut world.enter(), md), Ok(Some(Errno::IO)));
    assert_eq!(error(&mut world.enter(), md), Ok(None));
    world.heal();
    assert_eq!(read(&mut world.enter(), md, 0, 100_000), Ok(()));
    assert_eq!(bytes(&world, md, 0, 100_000), whole);
    destroy(&mut world.enter(), md, 100_000).unwrap();
    file::close(&mut world.enter(), fd).unwrap();
}

#[test]
fn threads_that_declare_the_same_pages_share_one_transfer_and_others_go_on() {
    let world = World::new(600_000);
    let whole = world.put_pattern("file", 100_000);
    world.put_pattern("other", 1000);
    let (fd, other) = (open(&world, "file"), open(&world, "other"));
    let md = map(&world, fd, 0, 100_000).unwrap();
    file::read(&mut world.enter(), other, &mut [0; 10]).unwrap();
    let before = world.reads();
    world.hold();
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|_| scope.spawn(|| read(&mut world.enter(), md, 0, 100_000)));
        world.wait_for_a_held_transfer();
        // The lock is not held over the transfer: what is in memory is there for others.
        assert_eq!(file::read(&mut world.enter(), other, &mut [0; 10]), Ok(10));
        world.release();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), Ok(()));
        }
    });
    assert_eq!(world.reads(), before + 1);
    assert_eq!(bytes(&world, md, 0, 100_000), whole);
    destroy(&mut world.enter(), md, 100_000).unwrap();
    file::close(&mut world.enter(), fd).unwrap();
    file::close(&mut world.enter(), other).unwrap();
}

#[test]
fn mappings_and_cached_reads_of_a_file_agree_in_any_order() {
    let world = World::new(700_000);
    let whole = world.put_pattern("file", 300_000);
    let fd = open(&world, "file");
    let mut dice = Dice::new(3);
    let mut live: Vec<(i32, u64, usize)> = Vec::new();
    for _ in 0..400 {
        let (from, len) = (dice.below(600) * 512, dice.below(20_000) + 1);
        match dice.below(3) {
            0 if live.len() < 10 => match map(&world, fd, from as u64, len) {
                Ok(md) => live.push((md, from as u64, len)),
                Err(error) => assert_eq!(error, Errno::NOMEM),
            },
            1 if !live.is_empty() => {
                let (md, _, len) = live.swap_remove(dice.below(live.len()));
                destroy(&mut world.enter(), md, len).unwrap();
            }
            _ => {
                let mut got = std::vec![0; len];
                file::seek(&mut world.enter(), fd, from.min(300_000) as i64, file::Whence::Set).unwrap();
                let n = file::read(&mut world.enter(), fd, &mut got).unwrap();
                assert_eq!(got[..n], whole[from.min(300_000)..300_000.min(from + len)]);
            }
        }
        for &(md, from, len) in &live {
            let (at, some) = (dice.below(len), dice.below(3000));
            let some = some.min(len - at);
            read(&mut world.enter(), md, at, some).unwrap();
            let mut wanted: Vec<u8> = whole.iter().skip(from as usize + at).take(some).copied().collect();
            wanted.resize(some, 0);
            assert_eq!(bytes(&world, md, at, some), wanted);
        }
    }
    for (md, _, len) in live {
        destroy(&mut world.enter(), md, len).unwrap();
    }
    file::close(&mut world.enter(), fd).unwrap();
}

#[test]
fn a_mapping_that_cannot_be_made_leaves_nothing_behind() {
    for n in 1.. {
        let world = World::new(300_000);
        world.put_pattern("file", 10_000);
        let fd = open(&world, "file");
        let free = world.pool().available();
        faults::fail(n, false);
        let made = map(&world, fd, 0, 6000);
        let struck = faults::clear();
        assert_eq!(made.is_err(), struck);
        match made {
            Ok(md) => destroy(&mut world.enter(), md, 6000).unwrap(),
            Err(error) => assert_eq!(error, Errno::NOMEM),
        }
        file::close(&mut world.enter(), fd).unwrap();
        assert_eq!((world.pool().available(), world.streams()), (free, 0));
        if !struck {
            break;
        }
    }
}
