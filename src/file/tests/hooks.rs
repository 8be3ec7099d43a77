//! What a cache under `read()` and `write()` must honour in the tree: one test for each point of the list, by its number.

use core::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::vec;
use std::vec::Vec;

use super::{MAKE, RW, get, open_as, path, put, world};
use crate::buflib::{CB_OK, Callbacks};
use crate::cache::flush;
use crate::file::{Mode, Whence, close, read, remove, rename, same, seek, size, sync, tree, truncate};
use crate::port::model::{Dice, World, pattern};
use crate::port::storage::{Claim, Errno, Identity};

fn at(world: &World, fd: i32, offset: usize) {
    seek(&mut world.enter(), fd, offset as i64, Whence::Set).unwrap();
}

fn end(world: &World, fd: i32) -> Result<(), Errno> {
    close(&mut world.enter(), fd)
}

#[test]
fn hook_01_identity_is_the_file_never_descriptor_or_path() {
    let world = world(1_000_000);
    let bytes = world.put_pattern("one", 50_000);
    let fd = open_as(&world, "one", RW).unwrap();
    assert_eq!(get(&world, fd, 50_000).unwrap(), bytes);
    end(&world, fd).unwrap();
    let before = world.reads();
    rename(&mut world.enter(), &path("one"), &path("other")).unwrap();
    let fd = open_as(&world, "other", RW).unwrap();
    assert_eq!(get(&world, fd, 50_000).unwrap(), bytes);
    assert_eq!(world.reads(), before, "the same file under another path and descriptor");
    end(&world, fd).unwrap();
    world.put("other", vec![7; 50_000]);
    let fd = open_as(&world, "other", RW).unwrap();
    assert_eq!(get(&world, fd, 50_000).unwrap(), [7; 50_000], "another file under the same path");
    end(&world, fd).unwrap();
}

#[test]
fn hook_02_open_empties_and_makes_and_descriptors_that_never_passed_it_work() {
    let world = world(300_000);
    let bytes = world.put_pattern("file", 10_000);
    let reader = open_as(&world, "file", Mode::READ).unwrap();
    assert_eq!(get(&world, reader, 5000).unwrap(), bytes[..5000]);
    let writer = open_as(&world, "file", Mode::WRITE | Mode::TRUNCATE).unwrap();
    assert_eq!(get(&world, reader, 5000).unwrap(), []);
    let fresh = open_as(&world, "fresh", MAKE).unwrap();
    assert_eq!(size(&mut world.enter(), fresh), Ok(0));
    for fd in [reader, writer, fresh] {
        end(&world, fd).unwrap();
    }
    // A descriptor of the tree's own, known from its first use on.
    world.put("theirs", bytes.clone());
    world.lend(9, "theirs", Claim::READ);
    let mut got = [0; 100];
    let mut g = world.enter();
    assert_eq!(tree::read_at(&mut g, world.pool(), 9, 300, &mut got), Ok(100));
    assert_eq!(got, bytes[300..400]);
    assert_eq!(tree::write_at(&mut g, world.pool(), 9, 0, &[1]), Err(Errno::BADF));
    assert_eq!(tree::size(&mut g, world.pool(), 9), Ok(10_000));
    assert_eq!(tree::let_go(&mut g, 9), Ok(()));
    assert_eq!(tree::let_go(&mut g, 9), Ok(()), "one that is not known needs nothing");
    for bad in [10, -1, 31] {
        assert_eq!(tree::read_at(&mut g, world.pool(), bad, 0, &mut got), Err(Errno::BADF));
    }
}

#[test]
fn hook_03_read_checks_mode_and_volume_and_ends_at_the_size() {
    let world = world(300_000);
    let bytes = world.put_pattern("file", 1000);
    let (reader, writer) =
        (open_as(&world, "file", Mode::READ).unwrap(), open_as(&world, "file", Mode::WRITE).unwrap());
    assert_eq!(get(&world, writer, 1), Err(Errno::BADF));
    at(&world, reader, 990);
    assert_eq!(get(&world, reader, 100).unwrap(), bytes[990..]);
    assert_eq!(get(&world, reader, 100).unwrap(), []);
    truncate(&mut world.enter(), writer, 500).unwrap();
    at(&world, reader, 400);
    assert_eq!(get(&world, reader, 1000).unwrap(), bytes[400..500]);
    flush::unmount(&mut world.enter(), 1).unwrap();
    assert_eq!(get(&world, reader, 1), Err(Errno::NXIO));
    assert_eq!((end(&world, reader), end(&world, writer)), (Ok(()), Ok(())));
}

#[test]
fn hook_04_write_extends_for_all_and_moves_its_own_offset_only() {
    let world = World::new(300_000);
    world.limit(40_000);
    let (log, other) = (open_as(&world, "log", MAKE | Mode::APPEND).unwrap(), open_as(&world, "log", RW).unwrap());
    assert_eq!(put(&world, log, &[1; 3000]), Ok(3000));
    assert_eq!(size(&mut world.enter(), other), Ok(3000));
    assert_eq!(seek(&mut world.enter(), other, 0, Whence::Current), Ok(0));
    at(&world, other, 2990);
    assert_eq!(put(&world, other, &[2; 20]), Ok(20));
    assert_eq!(put(&world, log, &[3; 5]), Ok(5));
    assert_eq!(seek(&mut world.enter(), log, 0, Whence::Current), Ok(3015));
    at(&world, log, 2980);
    assert_eq!(get(&world, log, 100).unwrap(), [[1; 10].as_slice(), &[2; 20], &[3; 5]].concat());
    let room = 36_864 - 3015;
    assert_eq!(put(&world, log, &vec![4; 50_000]), Ok(room), "what has room");
    assert_eq!(put(&world, log, &[4]), Err(Errno::NOSPC));
    assert_eq!((end(&world, log), end(&world, other)), (Ok(()), Ok(())));
    assert_eq!(world.bytes_of("log").unwrap().len(), 36_864);
}

#[test]
fn hook_05_lseek_does_nothing_but_move_the_offset() {
    let world = world(300_000);
    world.put_pattern("file", 100_000);
    let fd = open_as(&world, "file", RW).unwrap();
    let before = (world.reads(), world.writes(), world.syncs());
    let mut dice = Dice::new(1);
    for _ in 0..1000 {
        at(&world, fd, dice.below(100_001));
    }
    assert_eq!(seek(&mut world.enter(), fd, 1, Whence::End), Err(Errno::INVAL));
    assert_eq!((world.reads(), world.writes(), world.syncs()), before);
    assert_eq!(size(&mut world.enter(), fd), Ok(100_000));
    end(&world, fd).unwrap();
}

#[test]
fn hook_06_what_was_cut_off_never_comes_back() {
    for dirty in [false, true] {
        let world = world(300_000);
        let fd = open_as(&world, "file", MAKE).unwrap();
        put(&world, fd, &[0xEE; 60_000]).unwrap();
        if !dirty {
            sync(&mut world.enter(), fd).unwrap();
        }
        // In the middle of a sector of a segment.
        truncate(&mut world.enter(), fd, 20_100).unwrap();
        at(&world, fd, 20_100);
        put(&world, fd, &[1; 10]).unwrap();
        at(&world, fd, 20_090);
        assert_eq!(get(&world, fd, 100).unwrap(), [[0xEE; 10], [1; 10]].concat());
        end(&world, fd).unwrap();
        let wanted = [vec![0xEE; 20_100], vec![1; 10]].concat();
        assert!(world.bytes_of("file").unwrap() == wanted);
    }
}

#[test]
fn hook_07_fsync_and_close_and_closing_by_force_bring_data_before_the_entry() {
    let world = world(300_000);
    let bytes = pattern(30_000);
    let fd = open_as(&world, "file", MAKE).unwrap();
    put(&world, fd, &bytes).unwrap();
    assert_eq!(sync(&mut world.enter(), fd), Ok(()));
    assert!(world.bytes_of("file").unwrap() == bytes);
    let (writes, syncs) = (world.writes(), world.syncs());
    assert!(syncs > 0);
    put(&world, fd, b"more").unwrap();
    assert_eq!(end(&world, fd), Ok(()));
    assert_eq!(world.bytes_of("file").unwrap().len(), 30_004);
    assert!(world.writes() > writes && world.syncs() > syncs);
    // By force: the tree closes a writer's descriptor under it.
    world.lend(3, "file", Claim::READ | Claim::WRITE);
    let mut g = world.enter();
    assert_eq!(tree::write_at(&mut g, world.pool(), 3, u64::MAX, b"last"), Ok((4, 30_008)));
    assert_eq!(tree::let_go(&mut g, 3), Ok(()));
    drop(g);
    assert_eq!(world.bytes_of("file").unwrap()[30_000..], *b"morelast");
}

#[test]
fn hook_08_a_victim_keeps_its_data_and_a_new_file_with_its_number_has_its_own() {
    let world = world(1_000_000);
    let bytes = world.put_pattern("file", 20_000);
    let number = world.number_of("file");
    let fd = open_as(&world, "file", RW).unwrap();
    assert_eq!(get(&world, fd, 20_000).unwrap(), bytes);
    remove(&mut world.enter(), &path("file")).unwrap();
    world.put_as("new", number, vec![9; 20_000]);
    let new = open_as(&world, "new", RW).unwrap();
    assert_eq!(get(&world, new, 20_000).unwrap(), [9; 20_000]);
    assert_eq!(same(&mut world.enter(), fd, new), Ok(false));
    at(&world, fd, 0);
    assert_eq!(get(&world, fd, 20_000).unwrap(), bytes);
    assert_eq!((end(&world, fd), end(&world, new)), (Ok(()), Ok(())));
    // As the tree says it, with nobody holding the file.
    let identity = Identity { volume: 1, file: number, size: 0, stamp: 0 };
    tree::removed(&mut world.enter(), &identity);
    world.put_as("newest", number, vec![5; 100]);
    let newest = open_as(&world, "newest", RW).unwrap();
    assert_eq!(get(&world, newest, 200).unwrap(), [5; 100]);
    end(&world, newest).unwrap();
}

#[test]
fn hook_08_descriptors_of_a_file_without_a_name_agree_whenever_they_are_first_used() {
    for used_before in [true, false] {
        let world = world(1_000_000);
        let bytes = world.put_pattern("file", 20_000);
        world.lend(3, "file", Claim::READ | Claim::WRITE);
        world.lend(4, "file", Claim::READ | Claim::WRITE);
        let mut got = vec![0; 20_000];
        if used_before {
            assert_eq!(tree::read_at(&mut world.enter(), world.pool(), 3, 0, &mut got), Ok(20_000));
            assert_eq!(got, bytes);
        }
        let number = world.number_of("file");
        remove(&mut world.enter(), &path("file")).unwrap();
        world.put_as("new", number, vec![9; 20_000]);
        assert_eq!(tree::write_at(&mut world.enter(), world.pool(), 3, 5, b"one"), Ok((3, 8)));
        assert_eq!(tree::write_at(&mut world.enter(), world.pool(), 4, 10, b"other"), Ok((5, 15)));
        for fd in [3, 4] {
            assert_eq!(tree::read_at(&mut world.enter(), world.pool(), fd, 0, &mut got[..20]), Ok(20));
            assert_eq!((&got[5..8], &got[10..15], got[15]), (&b"one"[..], &b"other"[..], bytes[15]));
        }
        let new = open_as(&world, "new", RW).unwrap();
        assert_eq!(get(&world, new, 20).unwrap(), [9; 20], "and another file with its number is another");
        for fd in [3, 4, new] {
            end(&world, fd).unwrap();
        }
        assert_eq!(world.streams(), 0);
        assert_eq!(world.bytes_of("new"), Some(vec![9; 20_000]));
    }
}

#[test]
fn hook_09_unmounting_reaches_readers_that_nobody_closes() {
    let world = world(300_000);
    let bytes = world.put_pattern("file", 20_000);
    let fd = open_as(&world, "file", Mode::READ).unwrap();
    assert_eq!(get(&world, fd, 5000).unwrap(), bytes[..5000]);
    flush::unmount(&mut world.enter(), 1).unwrap();
    assert_eq!(get(&world, fd, 5000), Err(Errno::NXIO), "also what was in memory");
    // Another computer had the card: same file by its number, other bytes, same length.
    world.put("file", vec![3; 20_000]);
    let again = open_as(&world, "file", Mode::READ).unwrap();
    assert_eq!(get(&world, again, 20_000).unwrap(), [3; 20_000]);
    assert_eq!((end(&world, fd), end(&world, again)), (Ok(()), Ok(())));
}

#[test]
fn hook_10_nothing_is_dirty_after_an_idle_callback_or_before_an_unmount() {
    for forced in [false, true] {
        let world = world(300_000);
        let bytes = pattern(20_000);
        let fd = open_as(&world, "file", MAKE).unwrap();
        put(&world, fd, &bytes).unwrap();
        assert_eq!(world.writes(), 0, "it waits in memory");
        flush::idle(&mut world.enter(), forced).unwrap();
        assert!(world.bytes_of("file").unwrap() == bytes);
        assert_eq!(world.syncs() > 0, forced, "before power-off the entry goes too");
        let writes = world.writes();
        flush::unmount(&mut world.enter(), 1).unwrap();
        assert_eq!(world.writes(), writes);
        assert!(world.syncs() > 0);
        end(&world, fd).unwrap();
    }
}

#[test]
fn hook_11_the_size_is_published_by_the_sync_that_ends_every_write_back() {
    let world = world(300_000);
    let fd = open_as(&world, "file", MAKE).unwrap();
    for n in 1..=20 {
        put(&world, fd, &[n; 700]).unwrap();
        let syncs = world.syncs();
        sync(&mut world.enter(), fd).unwrap();
        assert_eq!(world.syncs(), syncs + 1);
        assert_eq!(world.bytes_of("file").unwrap().len(), usize::from(n) * 700);
        sync(&mut world.enter(), fd).unwrap();
        assert_eq!(world.syncs(), syncs + 1, "nothing has changed since");
    }
    end(&world, fd).unwrap();
}

#[test]
fn hook_12_a_growing_file_is_written_in_ascending_order_and_room_is_known_at_write() {
    // The model's disk panics at a write that would leave a hole.
    let world = World::new(120_000);
    world.limit(400_000);
    let fd = open_as(&world, "file", MAKE).unwrap();
    let mut dice = Dice::new(12);
    let mut file = Vec::new();
    loop {
        let bytes = vec![dice.below(256) as u8; 1 + dice.below(9000)];
        let offset = if dice.below(3) == 0 { dice.below(file.len() + 1) } else { file.len() };
        at(&world, fd, offset);
        match put(&world, fd, &bytes) {
            Ok(n) => {
                file.resize(file.len().max(offset + n), 0);
                file[offset..offset + n].copy_from_slice(&bytes[..n]);
            }
            Err(error) => {
                assert_eq!((error, file.len()), (Errno::NOSPC, 397_312), "every cluster is used");
                break;
            }
        }
    }
    assert_eq!(end(&world, fd), Ok(()), "what write() took has room");
    assert!(world.bytes_of("file").unwrap() == file);
}

#[test]
fn hook_13_transfers_are_whole_sectors() {
    // That their memory is aligned for a DMA, in the players' port, is seen by the glue of tests/floors.
    let world = world(500_000);
    let bytes = world.put_pattern("file", 300_000);
    let fd = open_as(&world, "file", RW).unwrap();
    let mut dice = Dice::new(13);
    let mut file = bytes;
    for _ in 0..2000 {
        let offset = dice.below(file.len());
        at(&world, fd, offset);
        let len = dice.below(3000).min(file.len() - offset);
        if dice.below(2) == 0 {
            assert!(get(&world, fd, len).unwrap() == file[offset..offset + len]);
        } else {
            put(&world, fd, &vec![len as u8; len]).unwrap();
            file[offset..offset + len].fill(len as u8);
        }
    }
    end(&world, fd).unwrap();
    assert_eq!(world.ragged(), 0);
    assert!(world.bytes_of("file").unwrap() == file);
}

/// Moves and shrinks that anybody was asked for.
static ASKED: AtomicU32 = AtomicU32::new(0);

extern "C" fn asked_to_move(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    ASKED.fetch_add(1, Ordering::Relaxed);
    CB_OK
}

extern "C" fn asked_to_shrink(_: c_int, _: u32, _: *mut c_void, _: usize) -> c_int {
    ASKED.fetch_add(1, Ordering::Relaxed);
    CB_OK
}

#[test]
fn hook_14_the_file_path_calls_nobody_back() {
    static OPS: Callbacks =
        Callbacks { move_callback: Some(asked_to_move), shrink_callback: Some(asked_to_shrink), sync_callback: None };
    let world = world(400_000);
    let handles: Vec<i32> = (0..10).map(|_| world.pool().alloc(8000, &raw const OPS)).collect();
    handles.iter().step_by(2).for_each(|handle| assert_eq!(world.pool().free(*handle), 0));
    ASKED.store(0, Ordering::Relaxed);
    let fd = open_as(&world, "file", MAKE).unwrap();
    let bytes = pattern(900_000);
    for part in bytes.chunks(7000) {
        assert_eq!(put(&world, fd, part), Ok(part.len()));
    }
    at(&world, fd, 0);
    for part in bytes.chunks(5000) {
        assert!(get(&world, fd, part.len()).unwrap() == part);
    }
    truncate(&mut world.enter(), fd, 1000).unwrap();
    end(&world, fd).unwrap();
    assert_eq!(ASKED.load(Ordering::Relaxed), 0);
}

#[test]
fn hook_15_no_lock_of_ours_is_held_over_a_transfer() {
    let world = world(500_000);
    let bytes = world.put_pattern("other", 3000);
    let (fd, other) = (open_as(&world, "file", MAKE).unwrap(), open_as(&world, "other", RW).unwrap());
    assert_eq!(get(&world, other, 3000).unwrap(), bytes);
    put(&world, fd, &[1; 50_000]).unwrap();
    world.hold();
    std::thread::scope(|scope| {
        let syncer = scope.spawn(|| sync(&mut world.enter(), fd));
        world.wait_for_a_held_transfer();
        at(&world, other, 0);
        assert_eq!(get(&world, other, 3000).unwrap(), bytes, "another file");
        assert_eq!(put(&world, other, b"x"), Ok(1));
        assert_eq!(size(&mut world.enter(), fd), Ok(50_000), "the same file");
        world.release();
        assert_eq!(syncer.join().unwrap(), Ok(()));
    });
    assert_eq!((end(&world, fd), end(&world, other)), (Ok(()), Ok(())));
}

#[test]
fn hook_16_the_ways_in_which_the_tree_reads_and_writes_cost_few_commands() {
    let world = world(4_500_000);
    let mut buffer = vec![0; 32 << 10];
    world.put_pattern("song", 4 << 20);
    let fd = open_as(&world, "song", Mode::READ).unwrap();
    while read(&mut world.enter(), fd, &mut buffer).unwrap() > 0 {}
    assert!(world.reads() <= 32 + 8, "playback by 32 KB: {}", world.reads());
    end(&world, fd).unwrap();

    world.put_pattern("tags", 4 << 20);
    let before = world.reads();
    let fd = open_as(&world, "tags", Mode::READ).unwrap();
    get(&world, fd, 10).unwrap();
    at(&world, fd, (4 << 20) - 128);
    get(&world, fd, 128).unwrap();
    at(&world, fd, 2000);
    (0..50).for_each(|_| drop(get(&world, fd, 4).unwrap()));
    assert!(world.reads() - before <= 4, "a parser of tags: {}", world.reads() - before);
    end(&world, fd).unwrap();

    let before = world.writes();
    let fd = open_as(&world, "recording", MAKE).unwrap();
    (0..1024).for_each(|_| assert_eq!(put(&world, fd, &buffer[..4096]), Ok(4096)));
    end(&world, fd).unwrap();
    assert!(world.writes() - before <= 32 + 8, "a recording: {}", world.writes() - before);
}
