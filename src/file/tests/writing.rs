//! What descriptors for writing promise.

use std::vec;
use std::vec::Vec;

use super::{MAKE, RW, get, open_as, path, put, world};
use crate::cache::flush;
use crate::file::{Mode, Whence, close, exists, open, read, remove, rename, same, seek, size, sync, tree, truncate};
use crate::mmap::mapping::Mapped;
use crate::port::model::{Dice, Model, World, pattern};
use crate::port::monitor::House;
use crate::port::storage::{Claim, Errno, Storage};

fn at(world: &World, fd: i32, offset: i64) -> u64 {
    seek(&mut world.enter(), fd, offset, Whence::Set).unwrap()
}

fn place(world: &World, fd: i32) -> u64 {
    seek(&mut world.enter(), fd, 0, Whence::Current).unwrap()
}

fn end(world: &World, fd: i32) -> Result<(), Errno> {
    close(&mut world.enter(), fd)
}

#[test]
fn what_is_written_at_random_is_read_and_is_on_the_disk_after_close() {
    for pool in [64_000, 300_000, 2_000_000] {
        let world = world(pool);
        let mut dice = Dice::new(pool as u64);
        let (one, other) = (open_as(&world, "file", MAKE).unwrap(), open_as(&world, "file", RW).unwrap());
        let mut file: Vec<u8> = Vec::new();
        for n in 0..1500 {
            let fd = [one, other][dice.below(2)];
            let offset = dice.below(file.len() + 1);
            at(&world, fd, offset as i64);
            match dice.below(20) {
                0..9 => {
                    let most = [20, 3000, 40_000][dice.below(3)];
                    let bytes = pattern(dice.below(most) + n);
                    assert_eq!(put(&world, fd, &bytes[n..]), Ok(bytes.len() - n));
                    let end = offset + bytes.len() - n;
                    file.resize(file.len().max(end), 0);
                    file[offset..end].copy_from_slice(&bytes[n..]);
                    assert_eq!(place(&world, fd), end as u64);
                }
                9..18 => {
                    let want = dice.below(50_000);
                    assert!(get(&world, fd, want).unwrap() == file[offset..file.len().min(offset + want)], "step {n}");
                }
                18 => {
                    let to = dice.below(file.len() + 1000);
                    assert_eq!(truncate(&mut world.enter(), fd, to as i64), Ok(()));
                    file.truncate(to);
                }
                _ => {
                    assert_eq!(sync(&mut world.enter(), fd), Ok(()));
                    assert!(world.bytes_of("file").unwrap() == file);
                }
            }
            assert_eq!(size(&mut world.enter(), one), Ok(file.len() as u64));
        }
        // A close brings the file to the disk if something was written through that descriptor.
        let whole = at(&world, one, file.len() as i64) as usize;
        assert_eq!((whole, put(&world, one, b"end")), (file.len(), Ok(3)));
        file.extend(b"end");
        assert_eq!(end(&world, one), Ok(()));
        assert!(world.bytes_of("file").unwrap() == file, "after the close of one of two");
        assert_eq!(end(&world, other), Ok(()));
        assert_eq!(world.streams(), 0);
    }
}

#[test]
fn a_descriptor_does_what_it_was_opened_for_and_nothing_else() {
    let world = world(300_000);
    world.put_pattern("file", 1000);
    let reader = open_as(&world, "file", Mode::READ).unwrap();
    let writer = open_as(&world, "file", Mode::WRITE).unwrap();
    assert_eq!(put(&world, reader, &[1]), Err(Errno::BADF));
    assert_eq!(put(&world, reader, &[]), Err(Errno::BADF));
    assert_eq!(truncate(&mut world.enter(), reader, 0), Err(Errno::BADF));
    assert_eq!(sync(&mut world.enter(), reader), Err(Errno::INVAL));
    assert_eq!(get(&world, writer, 1), Err(Errno::BADF));
    assert_eq!(truncate(&mut world.enter(), writer, -1), Err(Errno::INVAL));
    assert_eq!(open_as(&world, "file", Mode::READ | Mode::TRUNCATE), Err(Errno::INVAL));
    assert_eq!(open_as(&world, "file", MAKE | Mode::EXCLUSIVE), Err(Errno::EXIST));
    assert_eq!(open_as(&world, "none", RW | Mode::TRUNCATE), Err(Errno::NOENT));
    // Without `CREATE`, `EXCLUSIVE` means nothing.
    let fd = open_as(&world, "file", RW | Mode::EXCLUSIVE).unwrap();
    assert_eq!((put(&world, fd, &[]), get(&world, fd, 0)), (Ok(0), Ok(vec![])));
    for fd in [fd, reader, writer] {
        assert_eq!(end(&world, fd), Ok(()));
        for bad in [fd, -1, 31, i32::MIN, i32::MAX] {
            assert_eq!(put(&world, bad, &[1]), Err(Errno::BADF));
            assert_eq!(get(&world, bad, 1), Err(Errno::BADF));
            assert_eq!(truncate(&mut world.enter(), bad, 0), Err(Errno::BADF));
            assert_eq!(sync(&mut world.enter(), bad), Err(Errno::BADF));
            assert_eq!(size(&mut world.enter(), bad), Err(Errno::BADF));
            assert_eq!(same(&mut world.enter(), bad, bad), Err(Errno::BADF));
            assert_eq!(end(&world, bad), Err(Errno::BADF));
        }
        if fd == writer {
            break;
        }
        // The numbers of the others are still good.
        assert_eq!(size(&mut world.enter(), writer), Ok(1000));
    }
    assert_eq!(world.bytes_of("file").unwrap(), pattern(1000));
}

#[test]
fn an_appending_descriptor_writes_at_the_end_whoever_moved_it() {
    let world = world(300_000);
    let (log, other) = (open_as(&world, "log", MAKE | Mode::APPEND).unwrap(), open_as(&world, "log", RW).unwrap());
    assert_eq!(put(&world, log, b"one "), Ok(4));
    at(&world, other, 4);
    assert_eq!(put(&world, other, b"two "), Ok(4));
    at(&world, log, 0);
    assert_eq!(put(&world, log, b"three"), Ok(5));
    assert_eq!(place(&world, log), 13);
    at(&world, log, 4);
    assert_eq!(get(&world, log, 100).unwrap(), b"two three");
    assert_eq!((end(&world, log), end(&world, other)), (Ok(()), Ok(())));
    assert_eq!(world.bytes_of("log").unwrap(), b"one two three");
}

#[test]
fn emptying_at_open_and_shortening_move_the_offsets_of_all_to_the_end() {
    let world = world(300_000);
    world.put_pattern("file", 50_000);
    let first = open_as(&world, "file", RW).unwrap();
    at(&world, first, 40_000);
    let second = open_as(&world, "file", RW).unwrap();
    assert_eq!(truncate(&mut world.enter(), second, 30_000), Ok(()));
    assert_eq!(place(&world, first), 30_000);
    assert_eq!(truncate(&mut world.enter(), second, 40_000), Ok(()), "it never makes a file longer");
    assert_eq!(size(&mut world.enter(), first), Ok(30_000));
    let third = open_as(&world, "file", RW | Mode::TRUNCATE).unwrap();
    assert_eq!(size(&mut world.enter(), first), Ok(0));
    assert_eq!(place(&world, first), 0);
    assert_eq!(put(&world, first, b"new"), Ok(3));
    assert_eq!(get(&world, third, 10).unwrap(), b"new");
    for fd in [first, second, third] {
        assert_eq!(end(&world, fd), Ok(()));
    }
    assert_eq!(world.bytes_of("file").unwrap(), b"new");
}

#[test]
fn reading_the_one_sector_again_answers_its_bytes() {
    // The original moves the offset and the bytes, and answers 0.
    let world = world(300_000);
    let bytes = world.put_pattern("file", 3000);
    let fd = open_as(&world, "file", Mode::READ).unwrap();
    assert_eq!(get(&world, fd, 10).unwrap(), bytes[..10]);
    at(&world, fd, 0);
    assert_eq!(get(&world, fd, 512).unwrap(), bytes[..512]);
    end(&world, fd).unwrap();
}

#[test]
fn no_room_is_told_at_the_write_that_needs_it() {
    let world = World::new(300_000);
    world.limit(20_000);
    let fd = open_as(&world, "file", MAKE).unwrap();
    let bytes = pattern(30_000);
    // Four clusters of 4 KB are free.
    assert_eq!(put(&world, fd, &bytes[..10_000]), Ok(10_000));
    assert_eq!(put(&world, fd, &bytes[10_000..]), Ok(6384));
    assert_eq!(put(&world, fd, &bytes[..1]), Err(Errno::NOSPC));
    assert_eq!(size(&mut world.enter(), fd), Ok(16_384));
    assert_eq!(place(&world, fd), 16_384);
    at(&world, fd, 0);
    assert_eq!(put(&world, fd, &bytes[..100]), Ok(100), "inside the file there is room");
    assert_eq!(end(&world, fd), Ok(()));
    assert!(world.bytes_of("file").unwrap() == bytes[..16_384]);
}

#[test]
fn a_failed_write_is_reported_by_fsync_or_close_and_can_be_retried() {
    for by_close in [false, true] {
        let world = world(300_000);
        let bytes = pattern(20_000);
        let fd = open_as(&world, "file", MAKE).unwrap();
        assert_eq!(put(&world, fd, &bytes), Ok(20_000));
        world.fail_write(1, true);
        if by_close {
            assert_eq!(end(&world, fd), Err(Errno::IO));
            assert_eq!(end(&world, fd), Err(Errno::BADF), "it is closed all the same");
            world.heal();
            let fd = open_as(&world, "file", RW).unwrap();
            assert_eq!(get(&world, fd, 30_000).unwrap(), bytes);
            assert_eq!(sync(&mut world.enter(), fd), Ok(()));
            end(&world, fd).unwrap();
        } else {
            assert_eq!(sync(&mut world.enter(), fd), Err(Errno::IO));
            assert_eq!(sync(&mut world.enter(), fd), Err(Errno::IO));
            world.heal();
            assert_eq!(sync(&mut world.enter(), fd), Ok(()));
            assert!(world.bytes_of("file").unwrap() == bytes);
            assert_eq!(end(&world, fd), Ok(()));
        }
        assert!(world.bytes_of("file").unwrap() == bytes);
    }
}

#[test]
fn a_removed_file_lives_until_its_last_close_and_its_name_is_free() {
    let world = world(300_000);
    let bytes = world.put_pattern("file", 9000);
    let old = open_as(&world, "file", RW).unwrap();
    assert_eq!(put(&world, old, b"changed"), Ok(7));
    assert_eq!(remove(&mut world.enter(), &path("file")), Ok(()));
    assert!(!exists(&mut world.enter(), &path("file")));
    assert_eq!(remove(&mut world.enter(), &path("file")), Err(Errno::NOENT));
    assert_eq!(open_as(&world, "file", RW), Err(Errno::NOENT));
    let new = open_as(&world, "file", MAKE).unwrap();
    assert_eq!(size(&mut world.enter(), new), Ok(0));
    assert_eq!(put(&world, new, b"another"), Ok(7));
    assert_eq!(same(&mut world.enter(), old, new), Ok(false));
    at(&world, old, 0);
    assert_eq!(get(&world, old, 10).unwrap(), [b"changed", &bytes[7..10]].concat());
    assert_eq!((end(&world, old), end(&world, new)), (Ok(()), Ok(())));
    assert_eq!(world.bytes_of("file").unwrap(), b"another");
    assert_eq!(world.streams(), 0);
}

#[test]
fn a_renamed_file_stays_what_its_descriptors_have_and_replaces_another() {
    let world = world(300_000);
    world.put_pattern("victim", 5000);
    let (fd, victim) = (open_as(&world, "file", MAKE).unwrap(), open_as(&world, "victim", Mode::READ).unwrap());
    assert_eq!(put(&world, fd, b"before "), Ok(7));
    assert_eq!(rename(&mut world.enter(), &path("file"), &path("victim")), Ok(()));
    assert_eq!(put(&world, fd, b"after"), Ok(5));
    assert_eq!(get(&world, victim, 6000).unwrap(), pattern(5000));
    let again = open_as(&world, "victim", Mode::READ).unwrap();
    assert_eq!(same(&mut world.enter(), fd, again), Ok(true));
    assert_eq!(get(&world, again, 100).unwrap(), b"before after");
    assert_eq!(rename(&mut world.enter(), &path("file"), &path("other")), Err(Errno::NOENT));
    for fd in [fd, victim, again] {
        assert_eq!(end(&world, fd), Ok(()));
    }
    assert_eq!(world.bytes_of("victim").unwrap(), b"before after");
    assert_eq!(world.bytes_of("file"), None);
}

#[test]
fn after_its_volume_is_gone_a_descriptor_can_only_be_closed() {
    let world = world(300_000);
    world.put_pattern("file", 5000);
    let fd = open_as(&world, "file", RW).unwrap();
    assert_eq!(put(&world, fd, b"kept"), Ok(4));
    assert_eq!(flush::unmount(&mut world.enter(), 1), Ok(()));
    assert_eq!(world.bytes_of("file").unwrap()[..4], *b"kept", "what was dirty was written first");
    assert_eq!(get(&world, fd, 1), Err(Errno::NXIO));
    assert_eq!(put(&world, fd, &[1]), Err(Errno::NXIO));
    assert_eq!(size(&mut world.enter(), fd), Err(Errno::NXIO));
    assert_eq!(seek(&mut world.enter(), fd, 0, Whence::Set), Err(Errno::NXIO));
    assert_eq!(truncate(&mut world.enter(), fd, 0), Err(Errno::NXIO));
    assert_eq!(sync(&mut world.enter(), fd), Err(Errno::NXIO));
    assert_eq!(end(&world, fd), Ok(()), "closing works");
    let fd = open_as(&world, "file", RW).unwrap();
    assert_eq!(put(&world, fd, b"lost"), Ok(4));
    flush::gone(&mut world.enter(), 1);
    assert_eq!(end(&world, fd), Err(Errno::NXIO), "what was not written is reported");
    assert_eq!(world.bytes_of("file").unwrap()[..4], *b"kept");
    assert_eq!(world.streams(), 0);
}

#[test]
fn after_its_volume_is_gone_nothing_is_read_though_a_stream_holds_it_still() {
    let world = world(500_000);
    world.put_pattern("file", 5000);
    let fd = open_as(&world, "file", Mode::READ).unwrap();
    get(&world, fd, 100).unwrap();
    let object = crate::file::object(&mut world.enter(), fd).unwrap();
    let slot = world.enter().maps().find(object, 0).unwrap();
    world.enter().maps().get(slot).unwrap();
    flush::gone(&mut world.enter(), 1);
    assert_eq!(get(&world, fd, 100), Err(Errno::NXIO));
    assert!(world.enter().maps().put(slot));
    assert_eq!(end(&world, fd), Ok(()));
}

#[test]
fn a_call_under_way_keeps_the_descriptor_that_another_thread_closes() {
    let world = world(300_000);
    let bytes = world.put_pattern("file", 9000);
    let fd = open_as(&world, "file", Mode::READ).unwrap();
    world.hold();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| get(&world, fd, 5000));
        world.wait_for_a_held_transfer();
        assert_eq!(end(&world, fd), Ok(()));
        assert_eq!(get(&world, fd, 1), Err(Errno::BADF));
        assert_eq!(open_as(&world, "file", Mode::READ), Ok(fd + 1), "its slot is not free yet");
        world.release();
        assert_eq!(reader.join().unwrap().unwrap(), bytes[..5000]);
    });
    assert_eq!(open_as(&world, "file", Mode::READ), Ok(fd));
    end(&world, fd).unwrap();
    end(&world, fd + 1).unwrap();
    assert_eq!(world.streams(), 0);
}

/// Storage shows a change before the call that makes it comes back: who opens the file between the two finds the same
/// file, not one that somebody else has changed, or there would be two caches of it.
#[test]
fn a_file_that_is_opened_while_a_long_write_or_a_cut_is_under_way_stays_one_file() {
    // How its only writer changes it first of all, and how.
    type Change = fn(&World, i32, &mut Vec<u8>);
    let long: Change = |world, fd, oracle| {
        let bytes: Vec<u8> = pattern(300_000).iter().map(|byte| !byte).collect();
        assert_eq!(put(world, fd, &bytes), Ok(bytes.len()));
        oracle[..bytes.len()].copy_from_slice(&bytes);
    };
    let cut: Change = |world, fd, oracle| {
        assert_eq!(truncate(&mut world.enter(), fd, 200_000), Ok(()));
        oracle.truncate(200_000);
    };
    for (change, largest) in [(long, Model::TRANSFER), (cut, 0)] {
        let world = world(1_000_000);
        let mut oracle = world.put_pattern("file", 400_000);
        let writer = open_as(&world, "file", RW).unwrap();
        let ((tell, told), pool) = (std::sync::mpsc::channel(), world.pool());
        world.when_changed(move || {
            let mut g = Model::monitor().enter();
            let reader = open(&mut g, pool, &path("file"), Mode::READ).unwrap();
            // Some of it comes into memory.
            let mut bytes = [0; 5000];
            seek(&mut g, reader, 190_000, Whence::Set).unwrap();
            read(&mut g, reader, &mut bytes).unwrap();
            tell.send(reader).unwrap();
        });
        change(&world, writer, &mut oracle);
        assert_eq!(world.largest_write(), largest, "past the cache");
        let reader = told.recv().unwrap();
        at(&world, reader, 0);
        assert!(get(&world, reader, 500_000).unwrap() == oracle, "the reader sees what was");
        assert_eq!(same(&mut world.enter(), writer, reader), Ok(true));
        end(&world, writer).unwrap();
        end(&world, reader).unwrap();
        assert!(world.bytes_of("file").unwrap() == oracle);
        assert_eq!(world.streams(), 0);
    }
}

/// What storage says of a file while it is opened may be from before a writer's last sync; then the opener asks again, or it
/// would take the file for one that somebody else has changed.
#[test]
fn a_file_that_is_closed_after_writing_while_it_is_opened_again_stays_one_file() {
    // Opened by path, and claimed as a descriptor of the tree.
    for claimed in [false, true] {
        let world = world(1_000_000);
        let bytes = pattern(5000);
        let writer = open_as(&world, "file", MAKE).unwrap();
        assert_eq!(put(&world, writer, &bytes), Ok(5000));
        world.when_opened(move || close(&mut Model::monitor().enter(), writer).unwrap());
        let opens = world.enter().maps().opens;
        let read = if claimed {
            world.lend(9, "file", Claim::READ);
            let mut got = vec![0; 6000];
            let count = tree::read_at(&mut world.enter(), world.pool(), 9, 0, &mut got).unwrap();
            tree::let_go(&mut world.enter(), 9).unwrap();
            got.truncate(count);
            got
        } else {
            let reader = open_as(&world, "file", Mode::READ).unwrap();
            let got = get(&world, reader, 6000).unwrap();
            end(&world, reader).unwrap();
            got
        };
        assert!(read == bytes, "{} bytes read, claimed {claimed}", read.len());
        assert_eq!(world.reads(), 0, "what was written is in memory");
        assert_eq!(world.enter().maps().opens, opens.wrapping_add(1));
        assert_eq!(world.streams(), 0);
    }
}
