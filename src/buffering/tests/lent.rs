//! What buffering promises in a region of its own.

use core::ffi::{c_char, c_void};
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::vec::Vec;

use super::{start_it, until_full};
use crate::buffering::handle::{Kind, look};
use crate::buffering::open::{alloc, close};
use crate::buffering::position::{advance, seek};
use crate::buffering::stream::data;
use crate::buffering::{Buffered, ERR_BUFFER_FULL, budget, reset};
use crate::file::{self, Mode, Whence};
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::{Region, look_at, write_at};
use crate::port::model::{Dice, World};

const REGION: usize = 1_500_000;

/// A world whose pool is nearly used up, with buffering in a region.
fn ready(region: usize) -> World {
    let world = World::new(600_000);
    assert!(reset(&mut world.enter(), world.pool(), Some(Region::for_test(region))));
    world
}

fn play(world: &World, id: i32, bytes: &[u8], step: usize) {
    let mut pos = 0;
    while pos < bytes.len() {
        let (start, len) = data(&mut world.enter(), id, 32 * 1024).unwrap();
        assert_eq!(look_at(start, len), bytes[pos..pos + len]);
        let step = step.min(len);
        advance(&mut world.enter(), id, step as i64).unwrap();
        pos += step;
    }
}

#[test]
fn streams_play_from_the_region_and_leave_the_pool_alone() {
    let world = ready(REGION);
    let bytes = world.put_pattern("song", 6_000_000);
    let id = start_it(&world, "song", Kind::PacketAudio).unwrap();
    until_full(&world);
    assert!(look(&mut world.enter(), id).unwrap().useful() > REGION as u64 / 10 * 7, "the region is used");
    let free = world.pool().available();
    let all = world.pool().alloc(world.pool().allocatable(), core::ptr::null());
    assert!(all > 0 && world.pool().available() < 4096, "what was left of the pool is somebody else's now");
    play(&world, id, &bytes, 9000);
    world.pool().free(all);
    assert!(world.pool().available() >= free - 4096);
}

#[test]
fn every_kind_of_handle_lives_in_the_region() {
    let world = ready(REGION);
    let bytes = world.put_pattern("file", 300_000);
    let free = world.pool().available();
    let whole = start_it(&world, "file", Kind::AtomicAudio).unwrap();
    let copy = alloc(&mut world.enter(), Some(&bytes[..9000]), 9000, Kind::RawAtomic).unwrap();
    let (start, len) = data(&mut world.enter(), whole, 0).unwrap();
    assert_eq!(look_at(start, len), bytes);
    let (start, len) = data(&mut world.enter(), copy, 0).unwrap();
    assert_eq!(look_at(start, len), bytes[..9000]);
    assert!(free - world.pool().available() < 20_000);
    assert_eq!(alloc(&mut world.enter(), None, REGION, Kind::RawAtomic), Err(ERR_BUFFER_FULL));
    assert!(budget::length(&mut world.enter()) <= REGION as u64);
}

#[test]
fn a_reset_gives_the_region_back_and_another_one_is_used_at_once() {
    let world = ready(REGION);
    let bytes = world.put_pattern("song", 700_000);
    for region in [400_000, REGION, 100_000] {
        let id = start_it(&world, "song", Kind::PacketAudio).unwrap();
        play(&world, id, &bytes, 30_000);
        assert!(reset(&mut world.enter(), world.pool(), Some(Region::for_test(region))));
        assert!(world.enter().buffering().find(id).is_none());
    }
    assert!(reset(&mut world.enter(), world.pool(), None));
    assert!(world.enter().maps().arena.open().is_none());
    let id = start_it(&world, "song", Kind::PacketAudio).unwrap();
    play(&world, id, &bytes, 30_000);
    close(&mut world.enter(), id);
}

#[test]
fn a_region_that_is_too_small_is_refused_and_nothing_can_be_opened() {
    let world = ready(REGION);
    world.put_pattern("file", 100);
    assert!(!reset(&mut world.enter(), world.pool(), Some(Region::for_test(20_000))));
    assert_eq!(start_it(&world, "file", Kind::PacketAudio), Err(ERR_BUFFER_FULL));
    assert!(reset(&mut world.enter(), world.pool(), Some(Region::for_test(REGION))));
    assert!(start_it(&world, "file", Kind::PacketAudio).is_ok());
}

#[test]
fn files_are_cached_in_the_region_until_streams_need_the_room_and_what_was_written_survives_a_reset() {
    let world = ready(REGION);
    let old = world.put_pattern("file", 300_000);
    let song = world.put_pattern("song", 3_000_000);
    // Nothing is left of the pool, as while a player has taken all of it.
    let mut held = Vec::new();
    for size in [100_000, 10_000, 2000, 500] {
        while let handle @ 1.. = world.pool().alloc(size, core::ptr::null()) {
            held.push(handle);
        }
    }
    let mut g = world.enter();
    let fd = file::open(&mut g, world.pool(), c"file", Mode::READ).unwrap();
    let mut into = std::vec![0; 300_000];
    let mut fetch = |g: &mut _| {
        file::seek(g, fd, 0, Whence::Set).unwrap();
        for piece in into.chunks_mut(5000) {
            assert_eq!(file::read(g, fd, piece), Ok(piece.len()));
        }
        assert_eq!(into, old);
    };
    fetch(&mut g);
    let before = world.reads();
    fetch(&mut g);
    assert_eq!(world.reads(), before, "all of it was in the region");
    drop(g);
    let id = start_it(&world, "song", Kind::PacketAudio).unwrap();
    play(&world, id, &song, 32_000);
    assert!(reset(&mut world.enter(), world.pool(), Some(Region::for_test(REGION))));
    let mut g = world.enter();
    fetch(&mut g);
    file::close(&mut g, fd).unwrap();
    drop(g);
    for handle in held {
        world.pool().free(handle);
    }
}

#[test]
fn regions_come_and_go_while_others_read_files_and_every_byte_is_right() {
    let world = ready(300_000);
    let ended = AtomicBool::new(false);
    let files: Vec<Vec<u8>> = (0..3).map(|n| world.put_pattern(&std::format!("file{n}"), 200_000 + n)).collect();
    std::thread::scope(|scope| {
        for seed in 1..=2 {
            let (world, files) = (&world, &files);
            scope.spawn(move || {
                let mut dice = Dice::new(seed);
                for _ in 0..150 {
                    let n = dice.below(3);
                    let path = CString::new(std::format!("file{n}")).unwrap();
                    let fd = file::open(&mut world.enter(), world.pool(), &path, Mode::READ).unwrap();
                    let from = dice.below(190_000);
                    let mut into = std::vec![0; 1 + dice.below(9000)];
                    file::seek(&mut world.enter(), fd, from as i64, Whence::Set).unwrap();
                    assert_eq!(file::read(&mut world.enter(), fd, &mut into), Ok(into.len()));
                    assert_eq!(into, files[n][from..from + into.len()]);
                    file::close(&mut world.enter(), fd).unwrap();
                }
            });
        }
        scope.spawn(|| {
            // Who opens meanwhile gets his handle, before or after it, or none; never a block of a region that is not lent.
            let (mut given, mut dice) = (0, Dice::new(3));
            while given < 100 || !ended.load(Ordering::Relaxed) {
                let size = 1 + dice.below(9000);
                let id = match dice.below(2) {
                    0 => start_it(&world, "file1", Kind::AtomicAudio),
                    _ => alloc(&mut world.enter(), Some(&files[0][..size]), size, Kind::RawAtomic),
                };
                assert!(id.is_ok() || id == Err(ERR_BUFFER_FULL));
                given += u32::from(id.is_ok());
                id.into_iter().for_each(|id| close(&mut world.enter(), id));
            }
        });
        for n in 0..40 {
            let region = Some(Region::for_test(100_000 + n * 5000)).filter(|_| n % 4 > 0);
            assert!(reset(&mut world.enter(), world.pool(), region));
            let id = start_it(&world, "file0", Kind::PacketAudio).unwrap();
            seek(&mut world.enter(), id, 1000).unwrap();
            let (start, len) = data(&mut world.enter(), id, 5000).unwrap();
            assert_eq!(look_at(start, len), files[0][1000..1000 + len]);
        }
        ended.store(true, Ordering::Relaxed);
    });
}

/// A picture is being decoded; it may be finished.
static PAINTING: AtomicBool = AtomicBool::new(false);
static PAINT_ON: AtomicBool = AtomicBool::new(false);

extern "C" fn paint(_: *const c_char, _: u64, _: *mut c_void, into: *mut c_void, room: usize) -> isize {
    if !into.is_null() {
        PAINTING.store(true, Ordering::Release);
        while !PAINT_ON.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        write_at(into as usize, &std::vec![1; room]);
    }
    5000
}

#[test]
fn a_region_is_given_back_when_the_picture_that_is_decoded_there_is_done() {
    let world = ready(REGION);
    world.enter().buffering().hooks.picture = Some(paint);
    std::thread::scope(|scope| {
        let opener = scope.spawn(|| start_it(&world, "cover", Kind::Bitmap));
        while !PAINTING.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        let resetter = scope.spawn(|| reset(&mut world.enter(), world.pool(), None));
        while world.enter().maps().arena.open().is_some() {
            std::thread::yield_now();
        }
        PAINT_ON.store(true, Ordering::Release);
        assert_eq!(opener.join().unwrap(), Err(ERR_BUFFER_FULL), "there is no place for it any more");
        assert!(resetter.join().unwrap());
    });
    assert_eq!(budget::used(&mut world.enter()), 0);
}
