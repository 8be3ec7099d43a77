//! What mappings for writing promise, and how they agree with `read()`, `write()` and each other.

use std::ffi::CString;
use std::vec;
use std::vec::Vec;

use crate::cache::pattern::Pattern;
use crate::cache::{open, prepare, read as reading, write as writing};
use crate::mmap::callers::{create, destroy, error, get, overwrite, put, read, sync, write};
use crate::mmap::check::{POISON, undeclared};
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::{look_at, poke_at};
use crate::mmap::mode::Mode;
use crate::port::model::{Dice, World, pattern};
use crate::port::storage::{Errno, How};

pub(super) fn roomy(pool: usize) -> World {
    let world = World::new(pool);
    world.limit(1 << 30);
    world
}

pub(super) fn open_it(world: &World, path: &str) -> u16 {
    let mut g = world.enter();
    prepare(&mut g, world.pool()).unwrap();
    open::open(&mut g, &CString::new(path).unwrap(), How::WRITE | How::CREATE).unwrap()
}

pub(super) fn map(world: &World, object: u16, mode: Mode, offset: usize, length: usize) -> Result<i32, Errno> {
    create(&mut world.enter(), world.pool(), object, mode, offset as u64, length)
}

fn look(world: &World, md: i32, from: usize, len: usize) -> Vec<u8> {
    let start = get(&mut world.enter(), md).unwrap() as usize;
    let bytes = look_at(start + from, len);
    put(&mut world.enter(), md).unwrap();
    bytes
}

/// Declares a range, changes it, and lets go.
fn change(world: &World, md: i32, from: usize, bytes: &[u8]) -> Result<(), Errno> {
    let start = get(&mut world.enter(), md)? as usize;
    let declared = write(&mut world.enter(), md, from, bytes.len());
    if declared.is_ok() {
        poke_at(start + from, bytes);
    }
    put(&mut world.enter(), md).unwrap();
    declared
}

fn read_file(world: &World, object: u16, from: usize, len: usize) -> Vec<u8> {
    let mut into = vec![0; len];
    let mut g = world.enter();
    let got = reading::read(&mut g, object, from as u64, &mut into, &mut Pattern::new()).unwrap();
    into.truncate(got);
    into
}

fn write_file(world: &World, object: u16, from: usize, bytes: &[u8]) -> Result<usize, Errno> {
    writing::write(&mut world.enter(), object, from as u64, bytes, &mut Pattern::new()).map(|(put, _)| put)
}

pub(super) fn close(world: &World, object: u16) {
    assert_eq!(open::release(&mut world.enter(), object), Ok(()));
}

#[test]
fn a_declared_page_keeps_what_was_not_changed_of_it() {
    let world = roomy(500_000);
    let mut bytes = world.put_pattern("file", 100_000);
    let object = open_it(&world, "file");
    let md = map(&world, object, Mode::Write, 51_200, 20_000).unwrap();
    change(&world, md, 700, &[0xEE]).unwrap();
    bytes[51_900] = 0xEE;
    assert_eq!(read_file(&world, object, 51_000, 2000), bytes[51_000..53_000]);
    assert_eq!(destroy(&mut world.enter(), md, 20_000), Ok(()));
    assert!(world.bytes_of("file").unwrap() == bytes, "destroy writes back");
    assert_eq!((world.writes(), world.largest_write()), (1, 512));
    close(&world, object);
}

#[test]
fn overwriting_reads_only_the_sectors_that_it_covers_in_part() {
    let world = roomy(500_000);
    let mut bytes = world.put_pattern("file", 100_000);
    let object = open_it(&world, "file");
    let md = map(&world, object, Mode::Both, 0, 50_000).unwrap();
    assert_eq!(overwrite(&mut world.enter(), md, 1024, 20_480), Ok(()));
    assert_eq!(world.reads(), 0);
    let start = get(&mut world.enter(), md).unwrap() as usize;
    poke_at(start + 1024, &[5; 20_480]);
    put(&mut world.enter(), md).unwrap();
    bytes[1024..21_504].fill(5);
    assert_eq!(overwrite(&mut world.enter(), md, 30_000, 5000), Ok(()));
    assert_eq!((world.reads(), world.largest_read()), (2, 512));
    let start = get(&mut world.enter(), md).unwrap() as usize;
    poke_at(start + 30_000, &[6; 5000]);
    put(&mut world.enter(), md).unwrap();
    bytes[30_000..35_000].fill(6);
    assert_eq!(sync(&mut world.enter(), md, 0, 50_000), Ok(()));
    assert!(world.bytes_of("file").unwrap() == bytes);
    destroy(&mut world.enter(), md, 50_000).unwrap();
    close(&world, object);
}

#[test]
fn modes_are_checked_and_wrong_calls_change_nothing() {
    let world = roomy(500_000);
    world.put_pattern("file", 10_000);
    let object = open_it(&world, "file");
    let reader = map(&world, object, Mode::Read, 0, 5000).unwrap();
    let writer = map(&world, object, Mode::Write, 5120, 4000).unwrap();
    let mut g = world.enter();
    assert_eq!(write(&mut g, reader, 0, 1), Err(Errno::ACCES));
    assert_eq!(overwrite(&mut g, reader, 0, 1), Err(Errno::ACCES));
    assert_eq!(read(&mut g, writer, 0, 1), Err(Errno::ACCES));
    assert_eq!(write(&mut g, writer, 4000, 1), Err(Errno::INVAL));
    assert_eq!(write(&mut g, writer, 1, usize::MAX), Err(Errno::INVAL));
    assert_eq!(sync(&mut g, writer, 0, 4001), Err(Errno::INVAL));
    assert_eq!(sync(&mut g, 0, 0, 0), Err(Errno::BADF));
    assert_eq!(g.maps().dirty, 0);
    assert_eq!(destroy(&mut g, writer, 4001), Err(Errno::INVAL));
    assert_eq!(destroy(&mut g, writer, 4000), Ok(()));
    assert_eq!(destroy(&mut g, writer, 4000), Err(Errno::BADF));
    assert_eq!(get(&mut g, writer), Err(Errno::BADF));
    assert_eq!(destroy(&mut g, reader, 5000), Ok(()));
    drop(g);
    close(&world, object);
}

#[test]
fn what_stayed_dirty_because_a_view_was_held_is_on_the_disk_when_the_last_view_goes() {
    let world = roomy(500_000);
    let mut bytes = world.put_pattern("file", 100_000);
    let object = open_it(&world, "file");
    let outer = map(&world, object, Mode::Both, 0, 60_000).unwrap();
    let inner = map(&world, object, Mode::Both, 10_240, 4000).unwrap();
    change(&world, outer, 30_000, &[0xEE]).unwrap();
    bytes[30_000] = 0xEE;
    get(&mut world.enter(), inner).unwrap();
    assert_eq!(destroy(&mut world.enter(), outer, 60_000), Ok(()));
    assert!(world.bytes_of("file").unwrap() == bytes, "each writes what it covers");
    put(&mut world.enter(), inner).unwrap();
    assert_eq!(destroy(&mut world.enter(), inner, 4000), Ok(()));
    assert_eq!(world.enter().maps().dirty, 0);
    assert!(world.bytes_of("file").unwrap() == bytes);
    close(&world, object);
}

#[test]
fn a_mapping_inside_another_one_is_a_view_of_it() {
    let world = roomy(500_000);
    world.put_pattern("file", 100_000);
    let object = open_it(&world, "file");
    let outer = map(&world, object, Mode::Both, 0, 60_000).unwrap();
    let held = get(&mut world.enter(), outer).unwrap() as usize;
    let inner = map(&world, object, Mode::Both, 10_240, 4000).unwrap();
    let start = get(&mut world.enter(), inner).unwrap() as usize;
    assert_eq!(start, held + 10_240);
    write(&mut world.enter(), inner, 0, 100).unwrap();
    poke_at(start, &[9; 100]);
    assert_eq!(look_at(held + 10_240, 100), [9; 100]);
    put(&mut world.enter(), inner).unwrap();
    assert_eq!(put(&mut world.enter(), inner), Err(Errno::INVAL), "the other view's get is not this one's to put");
    put(&mut world.enter(), outer).unwrap();
    destroy(&mut world.enter(), outer, 60_000).unwrap();
    assert_eq!(read(&mut world.enter(), inner, 0, 4000), Ok(()));
    assert_eq!(look(&world, inner, 0, 100), [9; 100]);
    destroy(&mut world.enter(), inner, 4000).unwrap();
    close(&world, object);
}

#[test]
fn a_mapping_over_segments_and_mappings_nobody_holds_takes_them_over_dirty_pages_too() {
    let world = roomy(1_000_000);
    let mut bytes = world.put_pattern("file", 100_000);
    let object = open_it(&world, "file");
    assert_eq!(write_file(&world, object, 1000, &[1; 3000]), Ok(3000));
    bytes[1000..4000].fill(1);
    let one = map(&world, object, Mode::Write, 10_240, 5000).unwrap();
    change(&world, one, 100, &[2; 50]).unwrap();
    bytes[10_340..10_390].fill(2);
    let two = map(&world, object, Mode::Both, 14_848, 20_000).unwrap();
    change(&world, two, 0, &[3; 10]).unwrap();
    bytes[14_848..14_858].fill(3);
    let before = world.writes();
    let all = map(&world, object, Mode::Both, 512, 30_000).unwrap();
    assert_eq!(read(&mut world.enter(), all, 0, 30_000), Ok(()));
    assert_eq!(look(&world, all, 0, 30_000), bytes[512..30_512]);
    assert_eq!(world.writes(), before, "nothing had to be written for that");
    change(&world, one, 0, &[4; 10]).unwrap();
    bytes[10_240..10_250].fill(4);
    assert_eq!(look(&world, all, 10_240 - 512, 10), [4; 10]);
    assert_eq!(read_file(&world, object, 0, 100_000), bytes);
    for (md, length) in [(one, 5000), (all, 30_000), (two, 20_000)] {
        assert_eq!(destroy(&mut world.enter(), md, length), Ok(()));
    }
    close(&world, object);
    assert!(world.bytes_of("file").unwrap() == bytes);
}

#[test]
fn over_a_held_mapping_a_reader_gets_a_copy_that_follows_and_a_writer_gets_busy() {
    let world = roomy(1_000_000);
    let bytes = world.put_pattern("file", 100_000);
    let object = open_it(&world, "file");
    let held = map(&world, object, Mode::Both, 0, 10_000).unwrap();
    let start = get(&mut world.enter(), held).unwrap() as usize;
    assert_eq!(map(&world, object, Mode::Both, 5120, 20_000), Err(Errno::BUSY));
    assert_eq!(map(&world, object, Mode::Write, 5120, 20_000), Err(Errno::BUSY));
    let copy = map(&world, object, Mode::Read, 5120, 20_000).unwrap();
    read(&mut world.enter(), copy, 0, 20_000).unwrap();
    assert_eq!(look(&world, copy, 0, 20_000), bytes[5120..25_120]);
    write(&mut world.enter(), held, 6000, 10).unwrap();
    poke_at(start + 6000, &[7; 10]);
    assert_eq!(write_file(&world, object, 20_000, &[8; 10]), Ok(10));
    read(&mut world.enter(), copy, 0, 20_000).unwrap();
    let now = look(&world, copy, 0, 20_000);
    assert_eq!((&now[880..890], &now[14_880..14_890]), (&[7; 10][..], &[8; 10][..]));
    put(&mut world.enter(), held).unwrap();
    for (md, length) in [(copy, 20_000), (held, 10_000)] {
        assert_eq!(destroy(&mut world.enter(), md, length), Ok(()));
    }
    close(&world, object);
}

#[test]
fn a_page_that_is_held_stays_dirty_until_its_owner_is_done() {
    let world = roomy(500_000);
    let mut bytes = world.put_pattern("file", 10_000);
    let object = open_it(&world, "file");
    let md = map(&world, object, Mode::Both, 0, 10_000).unwrap();
    let start = get(&mut world.enter(), md).unwrap() as usize;
    write(&mut world.enter(), md, 0, 10).unwrap();
    poke_at(start, &[1; 5]);
    crate::cache::flush::idle(&mut world.enter(), false).unwrap();
    assert_eq!(world.writes(), 0, "the background leaves it alone");
    writing::sync(&mut world.enter(), object).unwrap();
    assert_eq!(world.bytes_of("file").unwrap()[..5], [1; 5]);
    // Changed after the sync, without another declaration: it was never put.
    poke_at(start + 5, &[2; 5]);
    put(&mut world.enter(), md).unwrap();
    writing::sync(&mut world.enter(), object).unwrap();
    bytes[..5].fill(1);
    bytes[5..10].fill(2);
    assert!(world.bytes_of("file").unwrap() == bytes);
    assert_eq!(world.enter().maps().dirty, 0);
    destroy(&mut world.enter(), md, 10_000).unwrap();
    close(&world, object);
}

#[test]
fn a_destroy_that_cannot_write_leaves_the_bytes_to_the_next_fsync() {
    let world = roomy(500_000);
    let mut bytes = world.put_pattern("file", 10_000);
    let object = open_it(&world, "file");
    let md = map(&world, object, Mode::Both, 0, 10_000).unwrap();
    change(&world, md, 2000, &[3; 100]).unwrap();
    bytes[2000..2100].fill(3);
    world.fail_write(1, true);
    assert_eq!(sync(&mut world.enter(), md, 0, 10_000), Err(Errno::IO));
    assert_eq!(error(&mut world.enter(), md), Ok(Some(Errno::IO)));
    assert_eq!(error(&mut world.enter(), md), Ok(None));
    assert_eq!(destroy(&mut world.enter(), md, 10_000), Err(Errno::IO));
    assert_eq!(get(&mut world.enter(), md), Err(Errno::BADF));
    assert_eq!(read_file(&world, object, 0, 10_000), bytes, "the bytes are the file's");
    assert_eq!(writing::sync(&mut world.enter(), object), Err(Errno::IO));
    world.heal();
    assert_eq!(writing::sync(&mut world.enter(), object), Ok(()));
    assert!(world.bytes_of("file").unwrap() == bytes);
    close(&world, object);
    assert_eq!(world.enter().maps().dirty, 0);
}

#[test]
fn what_lies_behind_the_end_reads_as_zero_and_is_never_written() {
    let world = roomy(500_000);
    let bytes = world.put_pattern("file", 1000);
    let object = open_it(&world, "file");
    let md = map(&world, object, Mode::Both, 0, 5000).unwrap();
    change(&world, md, 0, &bytes).unwrap();
    change(&world, md, 900, &[1; 4000]).unwrap();
    assert_eq!(sync(&mut world.enter(), md, 0, 5000), Ok(()));
    let there = world.bytes_of("file").unwrap();
    assert_eq!((there.len(), &there[900..]), (1000, &[1; 100][..]));
    // The file grows into the mapping, and is cut there again.
    assert_eq!(write_file(&world, object, 1000, &[2; 1000]), Ok(1000));
    read(&mut world.enter(), md, 0, 5000).unwrap();
    assert_eq!(look(&world, md, 1000, 1000), [2; 1000]);
    writing::truncate(&mut world.enter(), object, 1500).unwrap();
    assert_eq!(look(&world, md, 1000, 500), [2; 500]);
    assert!(look(&world, md, 1500, 3500).iter().all(|byte| *byte == 0));
    destroy(&mut world.enter(), md, 5000).unwrap();
    close(&world, object);
    assert_eq!(world.bytes_of("file").unwrap().len(), 1500);
}

#[test]
fn reads_writes_and_mappings_of_a_file_agree_in_any_order_and_the_disk_agrees_at_the_end() {
    for (pool, seed) in [(900_000, 1), (900_000, 2), (260_000, 3), (2_000_000, 4)] {
        let world = roomy(pool);
        let mut oracle = world.put_pattern("file", 150_000);
        let object = open_it(&world, "file");
        let mut dice = Dice::new(seed);
        let mut live: Vec<(i32, Mode, usize, usize)> = Vec::new();
        let mut block = 0;
        for step in 0..3000 {
            let most = [600, 5000, 40_000][dice.below(3)];
            let (from, len) = (dice.below(320) * 512, 1 + dice.below(most));
            match dice.below(10) {
                0 if live.len() < 8 => {
                    let mode = [Mode::Read, Mode::Write, Mode::Both][dice.below(3)];
                    match map(&world, object, mode, from, len) {
                        Ok(md) => live.push((md, mode, from, len)),
                        Err(error) => assert_eq!(error, Errno::NOMEM),
                    }
                }
                1 if !live.is_empty() => {
                    let (md, _, _, len) = live.swap_remove(dice.below(live.len()));
                    assert_eq!(destroy(&mut world.enter(), md, len), Ok(()));
                }
                2 | 3 if !live.is_empty() => {
                    let (md, mode, from, len) = live[dice.below(live.len())];
                    let at = dice.below(len);
                    let some = (1 + dice.below(3000)).min(len - at);
                    let bytes: Vec<u8> = pattern(some).iter().map(|byte| byte ^ step as u8).collect();
                    let changed = change(&world, md, at, &bytes);
                    if mode.writes() {
                        assert_eq!(changed, Ok(()));
                        for (n, byte) in bytes.iter().enumerate() {
                            if let Some(place) = oracle.get_mut(from + at + n) {
                                *place = *byte;
                            }
                        }
                    } else {
                        assert_eq!(changed, Err(Errno::ACCES));
                    }
                }
                4 | 5 => {
                    let at = from.min(oracle.len());
                    let bytes: Vec<u8> = pattern(len).iter().map(|byte| byte ^ step as u8).collect();
                    assert_eq!(write_file(&world, object, at, &bytes), Ok(len));
                    oracle.resize(oracle.len().max(at + len), 0);
                    oracle[at..at + len].copy_from_slice(&bytes);
                }
                6 => {
                    let size = oracle.len().saturating_sub(dice.below(20_000)).max(50_000);
                    writing::truncate(&mut world.enter(), object, size as u64).unwrap();
                    oracle.truncate(size);
                }
                7 => {
                    world.pool().free(block);
                    block = world.pool().alloc(dice.below(pool / 2), core::ptr::null());
                    if let Some((md, ..)) = live.first() {
                        assert_eq!(sync(&mut world.enter(), *md, 0, 1), Ok(()));
                    }
                }
                _ => {
                    let at = from.min(oracle.len());
                    assert_eq!(read_file(&world, object, at, len), oracle[at..oracle.len().min(at + len)], "{step}");
                }
            }
            let read_modes = live.iter().filter(|(_, mode, ..)| mode.reads());
            for &(md, _, from, len) in read_modes {
                let at = dice.below(len);
                let some = (1 + dice.below(2000)).min(len - at);
                assert_eq!(read(&mut world.enter(), md, at, some), Ok(()));
                let got = look(&world, md, at, some);
                let there = oracle.len().saturating_sub(from + at).min(some);
                assert_eq!(
                    got[..there],
                    *oracle.get(from + at..from + at + there).unwrap_or(&[]),
                    "step {step}, mapping {md}"
                );
            }
        }
        for (md, _, _, len) in live {
            assert_eq!(destroy(&mut world.enter(), md, len), Ok(()));
        }
        close(&world, object);
        assert!(world.bytes_of("file").unwrap() == oracle, "seed {seed}");
        assert_eq!((world.streams(), world.enter().maps().dirty), (0, 0));
    }
}

#[test]
fn with_the_checks_on_a_change_that_was_not_declared_is_found() {
    let world = roomy(500_000);
    world.put_pattern("file", 20_000);
    let object = open_it(&world, "file");
    world.enter().maps().set_checks(true);
    let md = map(&world, object, Mode::Both, 0, 15_000).unwrap();
    let find = || undeclared(&mut world.enter(), md);
    assert_eq!(find(), None);
    read(&mut world.enter(), md, 0, 5000).unwrap();
    write(&mut world.enter(), md, 6000, 100).unwrap();
    let start = get(&mut world.enter(), md).unwrap() as usize;
    poke_at(start + 6000, &[1; 100]);
    assert_eq!(find(), None, "read pages, a declared one, and the rest untouched");
    let was = look_at(start + 700, 1);
    poke_at(start + 700, &[!was[0]]);
    assert_eq!(find(), Some(512), "a page that was only read");
    poke_at(start + 700, &was);
    poke_at(start + 12_000, &[7]);
    assert_eq!(find(), Some(11_776), "a page that was never declared");
    poke_at(start + 12_000, &[POISON]);
    assert_eq!(find(), None);
    put(&mut world.enter(), md).unwrap();
    destroy(&mut world.enter(), md, 15_000).unwrap();
    close(&world, object);
}
