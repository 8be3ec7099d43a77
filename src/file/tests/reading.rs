//! What files through the cache promise.

use core::ffi::{c_int, c_void};
use std::ffi::CString;
use std::sync::atomic::{AtomicU32, Ordering};
use std::vec::Vec;

use super::get;
use crate::buflib::{CB_OK, Callbacks};
use crate::cache::Cached;
use crate::file::{DESCRIPTORS, Mode, Whence, close, open, seek, size};
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::faults;
use crate::port::model::{Dice, World, open_objects, segments};
use crate::port::storage::Errno;

fn open_it(world: &World, path: &str) -> Result<i32, Errno> {
    open(&mut world.enter(), world.pool(), &CString::new(path).unwrap(), Mode::READ)
}

fn at(world: &World, fd: i32, offset: usize) {
    assert_eq!(seek(&mut world.enter(), fd, offset as i64, Whence::Set), Ok(offset as u64));
}

fn read_all(world: &World, fd: i32, step: usize) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let bytes = get(world, fd, step).unwrap();
        if bytes.is_empty() {
            return all;
        }
        all.extend(bytes);
    }
}

#[test]
fn reads_give_the_bytes_of_the_file_at_any_place_from_any_pool() {
    for pool in [20_000, 64_000, 300_000, 2_000_000] {
        for len in [0, 1, 511, 512, 513, 4096, 70_000, 900_000] {
            let world = World::new(pool);
            let bytes = world.put_pattern("file", len);
            let fd = open_it(&world, "file").unwrap();
            let mut dice = Dice::new((pool + len) as u64);
            assert_eq!(size(&mut world.enter(), fd), Ok(len as u64));
            for _ in 0..300 {
                let from = dice.below(len + 1);
                let most = [3, 700, 9000, 100_000][dice.below(4)];
                let want = dice.below(most);
                at(&world, fd, from);
                let got = get(&world, fd, want).unwrap();
                assert_eq!(got, bytes[from..len.min(from + want)], "pool {pool}, file {len}, {from}+{want}");
            }
            at(&world, fd, 0);
            assert_eq!(read_all(&world, fd, 777), bytes);
            assert_eq!(close(&mut world.enter(), fd), Ok(()));
        }
    }
}

#[test]
fn the_offset_moves_only_inside_the_file() {
    let world = World::new(200_000);
    world.put_pattern("file", 1000);
    let fd = open_it(&world, "file").unwrap();
    let go = |offset, whence| seek(&mut world.enter(), fd, offset, whence);
    assert_eq!(go(1000, Whence::Set), Ok(1000));
    assert_eq!(get(&world, fd, 10).unwrap(), []);
    assert_eq!(go(1001, Whence::Set), Err(Errno::INVAL));
    assert_eq!(go(-1, Whence::Set), Err(Errno::INVAL));
    assert_eq!(go(-400, Whence::Current), Ok(600));
    assert_eq!(go(401, Whence::Current), Err(Errno::INVAL));
    assert_eq!(go(i64::MAX, Whence::Current), Err(Errno::INVAL));
    assert_eq!(go(i64::MIN, Whence::End), Err(Errno::INVAL));
    assert_eq!(go(-1000, Whence::End), Ok(0));
    assert_eq!(get(&world, fd, 600).unwrap().len(), 600);
    assert_eq!(go(0, Whence::Current), Ok(600));
}

#[test]
fn what_was_read_is_found_again_after_close_without_a_command() {
    let world = World::new(2_000_000);
    let bytes = world.put_pattern("file", 500_000);
    let fd = open_it(&world, "file").unwrap();
    assert_eq!(read_all(&world, fd, 10_000), bytes);
    close(&mut world.enter(), fd).unwrap();
    assert_eq!(world.streams(), 0);
    let before = world.reads();
    let fd = open_it(&world, "file").unwrap();
    assert_eq!(read_all(&world, fd, 999), bytes);
    assert_eq!(world.reads(), before);
}

#[test]
fn a_file_that_changed_is_read_anew_and_its_old_readers_finish_the_old_one() {
    let world = World::new(1_000_000);
    let old = world.put_pattern("file", 50_000);
    let first = open_it(&world, "file").unwrap();
    assert_eq!(get(&world, first, 20_000).unwrap(), old[..20_000]);
    let new: Vec<u8> = old.iter().map(|byte| !byte).collect();
    world.put("file", new.clone());
    let second = open_it(&world, "file").unwrap();
    assert_eq!(read_all(&world, second, 5000), new);
    assert_eq!(read_all(&world, first, 5000), old[20_000..]);
    close(&mut world.enter(), first).unwrap();
    close(&mut world.enter(), second).unwrap();
    let third = open_it(&world, "file").unwrap();
    assert_eq!(read_all(&world, third, 5000), new);
}

#[test]
fn reading_byte_by_byte_costs_no_more_commands_than_reading_windows() {
    let world = World::new(4_500_000);
    let bytes = world.put_pattern("file", 1 << 20);
    let fd = open_it(&world, "file").unwrap();
    assert_eq!(read_all(&world, fd, 1), bytes);
    assert!(world.reads() <= 8 + 12, "{} commands for 8 windows of 128 KB", world.reads());
}

#[test]
fn a_lone_read_fetches_only_the_sectors_it_touches() {
    let world = World::new(1_000_000);
    let bytes = world.put_pattern("file", 4 << 20);
    let fd = open_it(&world, "file").unwrap();
    let mut dice = Dice::new(5);
    for n in 1..=50 {
        let from = dice.below(bytes.len() / 4096) * 4096 + dice.below(4000);
        at(&world, fd, from);
        assert_eq!(get(&world, fd, 64).unwrap(), bytes[from..from + 64]);
        assert!(world.largest_read() <= 1024);
        assert!(world.reads() <= n);
    }
}

#[test]
fn random_reads_that_gather_in_a_file_that_fits_into_memory_bring_all_of_it_soon() {
    let world = World::new(5_000_000);
    let bytes = world.put_pattern("file", 4 << 20);
    let fd = open_it(&world, "file").unwrap();
    let mut dice = Dice::new(15);
    for _ in 0..20_000 {
        let from = dice.below(bytes.len() - 64);
        at(&world, fd, from);
        assert_eq!(get(&world, fd, 64).unwrap(), bytes[from..from + 64]);
    }
    assert!(world.reads() <= 200, "{} commands", world.reads());
}

#[test]
fn random_reads_in_a_file_that_nearly_fits_cost_no_more_with_more_memory_nor_than_without_a_cache() {
    // A card: half a millisecond a command, 18 MB a second.
    let cost = |commands: u64, bytes: u64| commands as f64 / 2.0 + bytes as f64 / 18e3;
    let mut least = f64::INFINITY;
    for pool in (3_800_000..4_700_000).step_by(60_000) {
        let world = World::new(pool);
        let bytes = world.put_pattern("file", 4 << 20);
        let fd = open_it(&world, "file").unwrap();
        let mut dice = Dice::new(16);
        let mut sectors = 0;
        for _ in 0..8000 {
            let from = dice.below(bytes.len() - 64);
            at(&world, fd, from);
            assert_eq!(get(&world, fd, 64).unwrap(), bytes[from..from + 64]);
            sectors += ((from + 63) / 512 - from / 512 + 1) as u64;
        }
        let read = world.enter().maps().counts.bytes;
        let (ours, theirs) = (cost(world.reads(), read), cost(sectors, sectors * 512));
        assert!(ours <= theirs, "{ours} ms and {theirs} ms, pool {pool}: {} commands, {read} bytes", world.reads());
        assert!(ours <= least * 1.25, "{ours} ms with {pool} bytes, {least} with fewer");
        least = least.min(ours);
    }
}

#[test]
fn when_any_allocation_fails_the_bytes_are_right_all_the_same() {
    for ever in [false, true] {
        for n in 1.. {
            let world = World::new(300_000);
            let bytes = world.put_pattern("file", 200_000);
            faults::fail(n, ever);
            let mut refused = 0;
            let fd = loop {
                match open_it(&world, "file") {
                    Ok(fd) => break Some(fd),
                    Err(error) => assert_eq!(error, Errno::NOMEM),
                }
                refused += 1;
                if refused > 4 {
                    break None;
                }
            };
            if let Some(fd) = fd {
                assert_eq!(read_all(&world, fd, 3000), bytes);
                assert_eq!(get(&world, fd, 1).unwrap(), []);
                close(&mut world.enter(), fd).unwrap();
            } else {
                assert!(ever, "a table could not be had a second time");
            }
            let struck = faults::clear();
            assert_eq!(world.streams(), 0);
            if !struck {
                assert!(n > 6, "the loop met no allocation");
                break;
            }
        }
    }
}

#[test]
fn a_failing_read_is_reported_once_and_can_be_retried() {
    for n in 1.. {
        let world = World::new(500_000);
        let bytes = world.put_pattern("file", 300_000);
        let fd = open_it(&world, "file").unwrap();
        world.fail_read(n, false);
        let (mut all, mut errors) = (Vec::new(), 0);
        loop {
            match get(&world, fd, 7000) {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => all.extend(bytes),
                Err(error) => {
                    assert_eq!(error, Errno::IO);
                    errors += 1;
                }
            }
        }
        assert_eq!(all, bytes, "with read {n} failing");
        if world.reads() < n {
            assert_eq!(errors, 0);
            assert!(n > 4);
            break;
        }
        // Bytes before the error are a short count; the next call goes on behind them and succeeds.
        assert!(errors <= 1);
    }
}

#[test]
fn a_file_that_storage_finds_shorter_ends_there() {
    let world = World::new(300_000);
    let bytes = world.put_pattern("file", 100_000);
    let fd = open_it(&world, "file").unwrap();
    assert_eq!(get(&world, fd, 100).unwrap(), bytes[..100]);
    world.cut("file", 30_000);
    at(&world, fd, 0);
    assert_eq!(read_all(&world, fd, 4000), bytes[..30_000]);
    assert_eq!(size(&mut world.enter(), fd), Ok(30_000));
}

#[test]
fn descriptors_run_out_with_an_error_and_come_back() {
    let world = World::new(300_000);
    world.put_pattern("file", 10);
    let fds: Vec<i32> = (0..DESCRIPTORS).map(|_| open_it(&world, "file").unwrap()).collect();
    assert_eq!(fds, (0..DESCRIPTORS as i32).collect::<Vec<_>>());
    assert_eq!(world.streams(), 1, "one stream per file");
    assert_eq!(open_it(&world, "file"), Err(Errno::MFILE));
    assert_eq!(close(&mut world.enter(), 7), Ok(()));
    assert_eq!(close(&mut world.enter(), 7), Err(Errno::BADF));
    assert_eq!(get(&world, 7, 1), Err(Errno::BADF));
    assert_eq!(open_it(&world, "file"), Ok(7));
    assert_eq!(open_it(&world, "nothing"), Err(Errno::MFILE), "there is none for what is missing either");
    for fd in fds {
        close(&mut world.enter(), fd).unwrap();
    }
    assert_eq!((world.streams(), open_objects(&mut world.enter())), (0, 0));
    for fd in [-1, 31, i32::MAX, i32::MIN] {
        assert_eq!(close(&mut world.enter(), fd), Err(Errno::BADF));
    }
}

#[test]
fn more_files_than_there_are_objects_can_be_read_one_after_the_other() {
    let world = World::new(2_000_000);
    for n in 0..200 {
        let path = std::format!("file{n}");
        let bytes = world.put_pattern(&path, 3000 + n);
        let fd = open_it(&world, &path).unwrap();
        assert_eq!(read_all(&world, fd, 1000), bytes);
        close(&mut world.enter(), fd).unwrap();
    }
}

#[test]
fn cached_data_gives_way_to_any_allocation_that_fits_without_it() {
    let world = World::new(1_000_000);
    let bytes = world.put_pattern("file", 3_000_000);
    let fd = open_it(&world, "file").unwrap();
    let free = world.pool().available();
    assert_eq!(read_all(&world, fd, 9000), bytes);
    assert!(segments(&mut world.enter()) as usize > free / 2, "free memory is cache");
    let handle = world.pool().alloc(free / 10 * 9, core::ptr::null());
    assert!(handle > 0);
    at(&world, fd, 0);
    assert_eq!(read_all(&world, fd, 9000), bytes);
    world.pool().free(handle);
}

#[test]
fn the_coldest_segments_go_first() {
    let world = World::new(1_000_000);
    let hot = world.put_pattern("hot", 200_000);
    world.put_pattern("cold", 400_000);
    let fds = [open_it(&world, "hot").unwrap(), open_it(&world, "cold").unwrap()];
    read_all(&world, fds[0], 8000);
    read_all(&world, fds[1], 8000);
    at(&world, fds[0], 0);
    read_all(&world, fds[0], 8000);
    let all = world.pool().available();
    let handle = world.pool().alloc(all - 350_000, core::ptr::null());
    assert!(handle > 0);
    let before = world.reads();
    at(&world, fds[0], 0);
    assert_eq!(read_all(&world, fds[0], 8000), hot);
    assert_eq!(world.reads(), before, "the file that was read last had to be read again");
    assert!(world.enter().cache().counts.given > 0);
    world.pool().free(handle);
}

#[test]
fn two_readers_of_the_same_bytes_cost_one_command() {
    let world = World::new(500_000);
    let bytes = world.put_pattern("file", 60_000);
    let fds = [open_it(&world, "file").unwrap(), open_it(&world, "file").unwrap()];
    world.hold();
    std::thread::scope(|scope| {
        let readers = fds.map(|fd| {
            scope.spawn({
                let world = &world;
                move || get(world, fd, 4096).unwrap()
            })
        });
        world.wait_for_a_held_transfer();
        world.release();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), bytes[..4096]);
        }
    });
    assert_eq!(world.reads(), 1);
}

/// Calls of the callbacks below.
static CALLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn told_to_move(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    CALLED.fetch_add(1, Ordering::SeqCst);
    CB_OK
}

extern "C" fn told_to_shrink(_: c_int, _: u32, _: *mut c_void, _: usize) -> c_int {
    CALLED.fetch_add(1, Ordering::SeqCst);
    1
}

static OPS: Callbacks =
    Callbacks { move_callback: Some(told_to_move), shrink_callback: Some(told_to_shrink), sync_callback: None };

#[test]
fn reading_moves_no_block_of_others_and_calls_nobody() {
    let world = World::new(600_000);
    let bytes = world.put_pattern("file", 2_000_000);
    let fd = open_it(&world, "file").unwrap();
    // Blocks with holes between them: a window fits only where one is free.
    let blocks: Vec<i32> = (1..20).map(|n| world.pool().alloc(n * 2500, &raw const OPS)).collect();
    for handle in blocks.iter().step_by(2) {
        world.pool().free(*handle);
    }
    let stay: Vec<i32> = blocks.iter().skip(1).step_by(2).copied().filter(|handle| *handle > 0).collect();
    let places: Vec<_> = stay.iter().map(|handle| world.pool().data(*handle)).collect();
    CALLED.store(0, Ordering::SeqCst);
    assert_eq!(read_all(&world, fd, 10_000), bytes);
    let mut dice = Dice::new(8);
    for _ in 0..500 {
        let from = dice.below(bytes.len());
        at(&world, fd, from);
        assert_eq!(get(&world, fd, 100).unwrap(), bytes[from..bytes.len().min(from + 100)]);
    }
    assert!(segments(&mut world.enter()) > 0);
    assert_eq!(CALLED.load(Ordering::SeqCst), 0);
    assert_eq!(stay.iter().map(|handle| world.pool().data(*handle)).collect::<Vec<_>>(), places);
}
