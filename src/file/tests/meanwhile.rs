//! What one thread does while another has given the floors' lock back in the midst of a call.
//!
//! ```text
//!   call ──── unlock ── storage or memory ── lock ──── goes on from what is true now, not from what was
//!                          ▲
//!                          └ here somebody else syncs, opens, declares, cuts, or pulls the card out
//! ```

use std::vec::Vec;

use super::{MAKE, RW, get, open_as, path, put, world};
use crate::cache::flush;
use crate::file::{Mode, Whence, close, object, open, read, remove, rename, same, seek, sync, truncate, write};
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::{faults, look_at, poke_at};
use crate::mmap::{callers, mode};
use crate::port::failing::Fault;
use crate::port::model::{Model, World, failing, on_the_disk, open_objects, pattern, pull};
use crate::port::monitor::House;
use crate::port::storage::{Errno, Storage};
use crate::port::turns::{self, point};

/// A mapping of a file for reading and writing; its descriptor is closed.
fn mapped(world: &World, name: &str, length: usize) -> i32 {
    let fd = open_as(world, name, RW).unwrap();
    let of = object(&mut world.enter(), fd).unwrap();
    let md = callers::create(&mut world.enter(), world.pool(), of, mode::Mode::Both, 0, length).unwrap();
    close(&mut world.enter(), fd).unwrap();
    md
}

/// How many uses of the first file there are.
fn users_of_the_first(world: &World) -> u32 {
    world.enter().maps().objects[0].users()
}

/// Waits until so many uses of a file are under way.
fn until_used(world: &World, users: u32) {
    let mut g = world.enter();
    while g.maps().objects.all().iter().all(|object| object.users() < users) {
        g.wait(crate::port::kernel::Channel::Data, Some(1));
    }
}

/// Changes bytes of a mapping that were declared.
fn poke(world: &World, md: i32, from: usize, bytes: &[u8]) {
    let start = callers::get(&mut world.enter(), md).unwrap();
    poke_at(start.addr() + from, bytes);
    callers::put(&mut world.enter(), md).unwrap();
}

/// Nobody knows how much of a change a sync has brought to the disk that ran beside it: the next one does not take it for
/// done.
#[test]
fn what_is_written_or_cut_while_another_syncs_is_on_the_disk_after_the_next_sync() {
    type Change = fn(&World, i32);
    let long: Change = |world, fd| assert_eq!(put(world, fd, &pattern(300_000)), Ok(300_000));
    let cut: Change = |world, fd| assert_eq!(truncate(&mut world.enter(), fd, 100), Ok(()));
    for (change, largest) in [(long, Model::TRANSFER), (cut, 0)] {
        let world = world(1_000_000);
        world.put_pattern("file", 400_000);
        let fd = open_as(&world, "file", RW).unwrap();
        world.when_changed(move || sync(&mut Model::monitor().enter(), fd).unwrap());
        change(&world, fd);
        assert_eq!((world.syncs(), world.largest_write()), (1, largest));
        assert_eq!(sync(&mut world.enter(), fd), Ok(()));
        assert_eq!(world.syncs(), 2, "what was not there when the first one ran is left to chance");
        close(&mut world.enter(), fd).unwrap();
    }
}

/// What storage says of a file changes with a sync, and before the call that brings it comes back.
#[test]
fn a_file_that_is_opened_while_what_a_close_left_behind_is_synced_stays_one_file() {
    let world = world(500_000);
    let fd = open_as(&world, "file", MAKE).unwrap();
    assert_eq!(put(&world, fd, &[1; 5000]), Ok(5000));
    world.fail_sync(1);
    assert_eq!(close(&mut world.enter(), fd), Err(Errno::IO));
    let writer = open_as(&world, "file", RW).unwrap();
    let ((tell, told), pool) = (std::sync::mpsc::channel(), world.pool());
    world.when_synced(move || {
        let mut g = Model::monitor().enter();
        let reader = open(&mut g, pool, &path("file"), Mode::READ).unwrap();
        assert_eq!(read(&mut g, reader, &mut [0; 700]), Ok(700));
        tell.send(reader).unwrap();
    });
    assert_eq!(sync(&mut world.enter(), writer), Ok(()));
    let reader = told.recv().unwrap();
    assert_eq!(same(&mut world.enter(), writer, reader), Ok(true));
    assert_eq!(put(&world, writer, &[2; 5000]), Ok(5000));
    seek(&mut world.enter(), reader, 0, Whence::Set).unwrap();
    assert_eq!(get(&world, reader, 6000).unwrap(), [2; 5000]);
    for fd in [writer, reader] {
        close(&mut world.enter(), fd).unwrap();
    }
    assert_eq!(world.streams(), 0);
}

#[test]
fn a_mapping_that_was_written_back_in_the_background_is_on_the_disk_when_it_ends() {
    let world = world(500_000);
    let mut bytes = world.put_pattern("file", 9000);
    let md = mapped(&world, "file", 9000);
    callers::write(&mut world.enter(), md, 0, 100).unwrap();
    poke(&world, md, 0, &[7; 100]);
    assert_eq!(flush::idle(&mut world.enter(), false), Ok(()));
    assert_eq!((world.writes(), world.syncs()), (1, 0));
    assert_eq!(callers::destroy(&mut world.enter(), md, 9000), Ok(()));
    assert_eq!(world.syncs(), 1, "its date may be lost, and what the disk keeps in a buffer");
    bytes[..100].fill(7);
    assert!(world.bytes_of("file").unwrap() == bytes);
    assert_eq!((world.streams(), open_objects(&mut world.enter())), (0, 0));
}

/// A sync of a whole mapping ends what was declared before it, not what another thread declares while it waits.
#[test]
fn what_is_declared_while_a_mapping_is_synced_is_written_though_the_background_comes_between() {
    let world = world(500_000);
    let mut bytes = world.put_pattern("file", 9000);
    let md = mapped(&world, "file", 9000);
    callers::write(&mut world.enter(), md, 0, 100).unwrap();
    poke(&world, md, 0, &[7; 100]);
    world.hold();
    std::thread::scope(|scope| {
        let syncer = scope.spawn(|| callers::sync(&mut world.enter(), md, 0, 9000));
        world.wait_for_a_held_transfer();
        // Without a transfer, which would wait at the same door.
        callers::overwrite(&mut world.enter(), md, 4096, 512).unwrap();
        world.release();
        assert_eq!(syncer.join().unwrap(), Ok(()));
    });
    flush::idle(&mut world.enter(), false).unwrap();
    poke(&world, md, 4096, &[8; 512]);
    assert_eq!(callers::destroy(&mut world.enter(), md, 9000), Ok(()));
    bytes[..100].fill(7);
    bytes[4096..4608].fill(8);
    assert!(world.bytes_of("file").unwrap() == bytes, "a change that was declared is lost");
}

/// Who waits for somebody in the background is the next one to be told what failed there, before and now, though his own
/// attempt then succeeds.
#[test]
fn what_failed_in_the_background_is_told_by_a_sync_that_comes_while_it_is_tried_again() {
    for before in [false, true] {
        let world = world(500_000);
        let fd = open_as(&world, "file", MAKE).unwrap();
        assert_eq!(put(&world, fd, &[5; 700]), Ok(700));
        world.fail_write(1, false);
        if before {
            assert_eq!(flush::idle(&mut world.enter(), false), Err(Errno::IO));
        }
        world.hold();
        std::thread::scope(|scope| {
            let sweeper = scope.spawn(|| flush::idle(&mut world.enter(), true));
            world.wait_for_a_held_transfer();
            let users = users_of_the_first(&world);
            let syncer = scope.spawn(|| sync(&mut world.enter(), fd));
            // Until it waits.
            until_used(&world, users + 3);
            world.release();
            assert_eq!(sweeper.join().unwrap().is_ok(), before);
            assert_eq!(syncer.join().unwrap(), Err(Errno::IO), "before: {before}");
        });
        assert_eq!(world.bytes_of("file").unwrap(), [5; 700]);
        assert_eq!(sync(&mut world.enter(), fd), Ok(()));
        assert_eq!(close(&mut world.enter(), fd), Ok(()));
    }
}

#[test]
fn who_opens_a_file_while_its_volume_is_pulled_and_put_back_has_the_file_of_now() {
    let world = world(500_000);
    let bytes = world.put_pattern("file", 3000);
    let before = open_as(&world, "file", RW).unwrap();
    assert_eq!(put(&world, before, &[5; 700]), Ok(700));
    world.when_opened(|| {
        let volume = pull();
        flush::gone(&mut Model::monitor().enter(), volume);
    });
    let fd = open_as(&world, "file", RW).unwrap();
    assert_eq!(get(&world, fd, 4000).unwrap(), bytes);
    assert_eq!(put(&world, fd, &[6; 700]), Ok(700));
    assert_eq!(close(&mut world.enter(), fd), Ok(()));
    assert_eq!(close(&mut world.enter(), before), Err(Errno::NXIO));
    assert_eq!(world.bytes_of("file").unwrap()[..3000], bytes);
    assert_eq!(world.bytes_of("file").unwrap()[3000..], [6; 700]);
    assert_eq!((world.streams(), open_objects(&mut world.enter())), (0, 0));
}

#[test]
fn every_descriptor_that_wrote_what_went_with_its_volume_is_told_when_it_is_closed() {
    let world = world(500_000);
    world.put_pattern("file", 3000);
    let (one, other) = (open_as(&world, "file", RW).unwrap(), open_as(&world, "file", RW).unwrap());
    let reader = open_as(&world, "file", Mode::READ).unwrap();
    for fd in [one, other] {
        assert_eq!(put(&world, fd, &[5; 700]), Ok(700));
    }
    flush::gone(&mut world.enter(), 1);
    assert_eq!(close(&mut world.enter(), one), Err(Errno::NXIO));
    assert_eq!(close(&mut world.enter(), other), Err(Errno::NXIO));
    let _: Result<(), Errno> = close(&mut world.enter(), reader);
    assert_eq!((world.streams(), open_objects(&mut world.enter())), (0, 0));
}

#[test]
fn of_a_volume_that_is_gone_nothing_stays_when_the_last_mapping_ends() {
    for late in [false, true] {
        let world = world(500_000);
        world.put_pattern("file", 9000);
        let md = mapped(&world, "file", 9000);
        callers::write(&mut world.enter(), md, 0, 100).unwrap();
        poke(&world, md, 0, &[7; 100]);
        if late {
            // Declared when it is gone already: the thread was on its way.
            world.hold();
            std::thread::scope(|scope| {
                let writer = scope.spawn(|| callers::write(&mut world.enter(), md, 4096, 100));
                world.wait_for_a_held_transfer();
                flush::gone(&mut world.enter(), 1);
                world.release();
                let _ = writer.join().unwrap();
            });
        } else {
            flush::idle(&mut world.enter(), false).unwrap();
            flush::gone(&mut world.enter(), 1);
        }
        let _: Result<(), Errno> = callers::destroy(&mut world.enter(), md, 9000);
        let left: Vec<usize> = {
            let mut g = world.enter();
            let maps = g.maps();
            let objects = maps.objects.all().iter().filter(|object| object.used() && !object.idle()).count();
            std::vec![maps.dirty as usize, objects]
        };
        assert_eq!((world.streams(), left), (0, std::vec![0, 0]), "late: {late}");
    }
}

/// Who writes where nothing is cached takes memory for a window. If a mapping comes over the place meanwhile, its bytes are
/// the file's from then on.
#[test]
fn what_is_written_while_a_mapping_comes_over_the_place_is_seen_in_both() {
    let world = world(500_000);
    let mut bytes = world.put_pattern("file", 30_000);
    let fd = open_as(&world, "file", RW).unwrap();
    let of = object(&mut world.enter(), fd).unwrap();
    let ((tell, told), pool) = (std::sync::mpsc::channel(), world.pool());
    faults::meanwhile(move || {
        let mut g = Model::monitor().enter();
        let md = callers::create(&mut g, pool, of, mode::Mode::Read, 0, 20_000).unwrap();
        callers::read(&mut g, md, 0, 20_000).unwrap();
        tell.send(md).unwrap();
    });
    seek(&mut world.enter(), fd, 10_240, Whence::Set).unwrap();
    // Whole sectors, which need not be read first.
    assert_eq!(put(&world, fd, &[9; 1024]), Ok(1024));
    bytes[10_240..11_264].fill(9);
    let md = told.try_recv().unwrap();
    callers::read(&mut world.enter(), md, 0, 20_000).unwrap();
    let start = callers::get(&mut world.enter(), md).unwrap();
    assert!(look_at(start.addr(), 20_000) == bytes[..20_000], "the mapping has what was");
    callers::put(&mut world.enter(), md).unwrap();
    seek(&mut world.enter(), fd, 0, Whence::Set).unwrap();
    assert!(get(&world, fd, 40_000).unwrap() == bytes);
    callers::destroy(&mut world.enter(), md, 20_000).unwrap();
    close(&mut world.enter(), fd).unwrap();
    assert!(world.bytes_of("file").unwrap() == bytes);
}

/// What has lost its name is the file that had it in the end, not the one that had it when somebody looked.
#[test]
fn a_file_that_gets_out_of_the_way_of_a_rename_or_a_remove_in_time_is_kept() {
    for removes in [false, true] {
        let world = world(500_000);
        for name in ["old", "new"] {
            world.put_pattern(name, 3000);
        }
        let fd = open_as(&world, "old", RW).unwrap();
        assert_eq!(put(&world, fd, &[5; 700]), Ok(700));
        world.when_renaming(move || {
            // The file gets another name, and a third one its old name.
            rename(&mut Model::monitor().enter(), &path("old"), &path("kept")).unwrap();
            let mut g = Model::monitor().enter();
            rename(&mut g, &path("new"), &path("old")).unwrap();
        });
        match removes {
            true => remove(&mut world.enter(), &path("old")).unwrap(),
            false => {
                world.put_pattern("third", 100);
                rename(&mut world.enter(), &path("third"), &path("old")).unwrap();
            }
        }
        let other = open_as(&world, "kept", RW).unwrap();
        assert_eq!(same(&mut world.enter(), fd, other), Ok(true), "removes: {removes}");
        close(&mut world.enter(), other).unwrap();
        close(&mut world.enter(), fd).unwrap();
        assert_eq!(world.bytes_of("kept").unwrap()[..700], [5; 700], "removes: {removes}");
        assert_eq!(world.bytes_of("old").is_none(), removes);
        assert_eq!(world.streams(), 0);
    }
}

/// Who opens a file that loses its name before he hears of it has what the name leads to now, or nothing: never a second
/// object of the old one, without what is not written yet.
#[test]
fn a_file_that_is_replaced_while_it_is_opened_is_not_opened_a_second_time() {
    for removes in [false, true] {
        let world = world(500_000);
        world.put_pattern("new", 3000);
        let writer = open_as(&world, "file", MAKE).unwrap();
        assert_eq!(put(&world, writer, &[5; 700]), Ok(700));
        world.when_opened(move || match removes {
            true => remove(&mut Model::monitor().enter(), &path("file")).unwrap(),
            false => rename(&mut Model::monitor().enter(), &path("new"), &path("file")).unwrap(),
        });
        match open_as(&world, "file", Mode::READ) {
            Err(error) => assert!(removes && error == Errno::NOENT),
            Ok(reader) => {
                assert_eq!(get(&world, reader, 4000).unwrap(), pattern(3000));
                close(&mut world.enter(), reader).unwrap();
            }
        }
        close(&mut world.enter(), writer).unwrap();
        assert_eq!(world.streams(), 0);
    }
}

/// Who opens a file for writing waits for readers whose stream cannot write. It is theirs whatever becomes of its name.
#[test]
fn a_writer_who_waits_for_a_readers_stream_has_the_readers_file_though_it_loses_its_name() {
    let world = world(500_000);
    world.modest();
    world.put_pattern("file", 30_000);
    let reader = open_as(&world, "file", Mode::READ).unwrap();
    world.hold();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| get(&world, reader, 1000).unwrap());
        world.wait_for_a_held_transfer();
        let opening = scope.spawn(|| open_as(&world, "file", RW).unwrap());
        // Until he has the stream that he will give in exchange, and waits.
        while world.streams() < 2 {
            std::thread::yield_now();
        }
        until_used(&world, 4);
        remove(&mut world.enter(), &path("file")).unwrap();
        world.release();
        assert_eq!(reading.join().unwrap(), pattern(30_000)[..1000]);
        let writer = opening.join().unwrap();
        assert_eq!(same(&mut world.enter(), reader, writer), Ok(true));
        assert_eq!(put(&world, writer, &[6; 5000]), Ok(5000));
        seek(&mut world.enter(), reader, 0, Whence::Set).unwrap();
        assert_eq!(get(&world, reader, 5000).unwrap(), [6; 5000]);
        close(&mut world.enter(), writer).unwrap();
    });
    close(&mut world.enter(), reader).unwrap();
    assert_eq!(world.streams(), 0);
}

/// The first opening of all takes memory for the cache's tables, and others may be faster with a file of theirs.
#[test]
fn a_file_that_others_change_while_the_first_opening_takes_memory_is_one_file() {
    let world = world(500_000);
    world.put_pattern("file", 3000);
    let ((tell, told), pool) = (std::sync::mpsc::channel(), world.pool());
    faults::meanwhile(move || {
        let mut g = Model::monitor().enter();
        let fd = open(&mut g, pool, &path("file"), RW).unwrap();
        assert_eq!(write(&mut g, fd, &[4; 9000]), Ok(9000));
        sync(&mut g, fd).unwrap();
        close(&mut g, fd).unwrap();
        tell.send(open(&mut g, pool, &path("file"), RW).unwrap()).unwrap();
    });
    let fd = open_as(&world, "file", RW).unwrap();
    let other = told.try_recv().unwrap();
    assert_eq!(same(&mut world.enter(), fd, other), Ok(true));
    assert_eq!(get(&world, fd, 10_000).unwrap(), [4; 9000]);
    close(&mut world.enter(), fd).unwrap();
    close(&mut world.enter(), other).unwrap();
    assert_eq!(world.streams(), 0);
}

/// Storage may refuse to cut a file: until it has answered, nobody knows where the file ends.
#[test]
fn what_is_declared_or_synced_while_a_cut_fails_is_on_the_disk() {
    for seed in 1..60 {
        let run = turns::begin(seed);
        let world = world(500_000);
        let mut bytes = world.put_pattern("file", 20_000);
        let (fd, other) = (open_as(&world, "file", RW).unwrap(), open_as(&world, "file", RW).unwrap());
        let md = mapped(&world, "file", 9000);
        seek(&mut world.enter(), fd, 12_000, Whence::Set).unwrap();
        assert_eq!(put(&world, fd, &[8; 100]), Ok(100));
        failing(|failing| failing.cuts = Fault::new(1, 1));
        world.when_changed(|| (0..20).for_each(|_| point()));
        turns::spawn(move || assert_eq!(truncate(&mut Model::monitor().enter(), fd, 100), Err(Errno::IO)));
        match run.below(2) {
            0 => turns::spawn(move || {
                assert_eq!(sync(&mut Model::monitor().enter(), other), Ok(()));
                assert!(on_the_disk("file").unwrap()[12_000..12_100] == [8; 100], "seed {seed}");
            }),
            _ => turns::spawn(move || {
                let start = callers::get(&mut Model::monitor().enter(), md).unwrap().addr();
                callers::write(&mut Model::monitor().enter(), md, 5000, 100).unwrap();
                poke_at(start + 5000, &[7; 100]);
                callers::put(&mut Model::monitor().enter(), md).unwrap();
            }),
        }
        turns::wait_for_all();
        callers::read(&mut world.enter(), md, 5000, 100).unwrap();
        let start = callers::get(&mut world.enter(), md).unwrap().addr();
        bytes[5000..5100].copy_from_slice(&look_at(start + 5000, 100));
        bytes[12_000..12_100].fill(8);
        callers::put(&mut world.enter(), md).unwrap();
        assert_eq!(callers::destroy(&mut world.enter(), md, 9000), Ok(()));
        for fd in [fd, other] {
            assert_eq!(close(&mut world.enter(), fd), Ok(()));
        }
        assert!(world.bytes_of("file").unwrap() == bytes, "seed {seed}: a change is lost");
    }
}

/// What storage answered may be of before a sync, though the file was forgotten since then for want of room.
#[test]
fn a_file_that_is_synced_and_forgotten_while_it_is_opened_has_the_length_of_now() {
    let world = world(500_000);
    let fd = open_as(&world, "file", MAKE).unwrap();
    assert_eq!(put(&world, fd, &[5; 5000]), Ok(5000));
    world.fail_write(1, false);
    assert_eq!(close(&mut world.enter(), fd), Err(Errno::IO));
    let (pool, others) = (world.pool(), world.enter().maps().objects.count());
    world.when_opened(move || {
        let mut g = Model::monitor().enter();
        assert_eq!(flush::all(&mut g), Ok(()));
        for n in 0..others {
            let fd = open(&mut g, pool, &path(&std::format!("other{n}")), MAKE).unwrap();
            close(&mut g, fd).unwrap();
        }
    });
    let fd = open_as(&world, "file", Mode::READ).unwrap();
    assert!(get(&world, fd, 6000).unwrap() == [5; 5000], "an older length");
    close(&mut world.enter(), fd).unwrap();
    assert_eq!(world.streams(), 0);
}

/// Room is counted for all that was promised, not only for what is written already.
#[test]
fn two_who_make_files_longer_at_once_are_not_promised_the_same_room() {
    for (seed, margin) in (1..40).flat_map(|seed| [(seed, 0), (seed, 1 << 20)]) {
        let _run = turns::begin(seed);
        let world = world(500_000);
        let free = margin + 24 * 4096;
        world.limit(free as u64);
        let one = open_as(&world, "one", MAKE).unwrap();
        let other = open_as(&world, "other", MAKE).unwrap();
        for fd in [one, other] {
            turns::spawn(move || {
                let (bytes, mut put) = (std::vec![fd as u8; 30_000], 0);
                while let Ok(more) = write(&mut Model::monitor().enter(), fd, &bytes) {
                    put += more;
                    assert!(put <= free, "seed {seed}");
                }
                assert_eq!(sync(&mut Model::monitor().enter(), fd), Ok(()), "seed {seed}, margin {margin}");
            });
        }
        // Whoever else writes back what they wrote is not told that there is no room.
        turns::spawn(move || {
            for _ in 0..40 {
                assert_eq!(flush::idle(&mut Model::monitor().enter(), false), Ok(()), "seed {seed}, margin {margin}");
                point();
            }
        });
        turns::wait_for_all();
        let sum: usize = ["one", "other"].iter().map(|name| world.bytes_of(name).unwrap().len()).sum();
        assert_eq!(sum, free, "seed {seed}, margin {margin}");
        for fd in [one, other] {
            assert_eq!(close(&mut world.enter(), fd), Ok(()));
        }
    }
}
