//! What the program's hooks are told, and when.

use core::ffi::{c_char, c_int, c_ushort, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::vec::Vec;

use super::{go, point, ready, start_it, stream, until_useful};
use crate::buffering::handle::Kind;
use crate::buffering::hooks::Hooks;
use crate::buffering::open::{alloc, close, open};
use crate::buffering::position::strip;
use crate::buffering::{
    BUFFER_EVENT_BUFFER_LOW, BUFFER_EVENT_BUFFER_RESET, BUFFER_EVENT_FINISHED, Buffered, ERR_BITMAP_TOO_LARGE,
    ERR_BUFFER_FULL, ERR_FILE_ERROR, ERR_UNSUPPORTED_TYPE, budget, reset, set_watermark,
};
use crate::cache;
use crate::cache::pattern::Pattern;
use crate::cache::write::write;
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::{look_at, text_at, write_at};
use crate::port::kernel::Channel;
use crate::port::model::{Model, World};
use crate::port::monitor::House;
use crate::port::storage::How;
use parking_lot::Mutex;
/// What the hooks of these tests saw, in order.
static SEEN: Mutex<Vec<(u16, i32)>> = Mutex::new(Vec::new());

extern "C" fn saw(event: c_ushort, data: *mut c_void) {
    let id = if data.is_null() { 0 } else { look_at(data as usize, 4).try_into().map_or(0, i32::from_ne_bytes) };
    SEEN.lock().push((event, id));
}

/// Tags: the path's length, then its bytes.
extern "C" fn load(path: *const c_char, id3: *mut c_void) {
    let path = text_at(path as usize);
    write_at(id3 as usize, &[&[path.len() as u8], path.as_slice()].concat());
}

/// A picture: the offset, as a byte, as often as `user` says; 99 is none, 98 turns out to be none.
extern "C" fn paint(path: *const c_char, offset: u64, user: *mut c_void, into: *mut c_void, room: usize) -> isize {
    assert_eq!(text_at(path as usize), b"cover");
    match (user as usize, into.is_null()) {
        (99, _) | (98, false) => -1,
        (size, true) => size as isize + 40_000,
        (size, false) => {
            assert_eq!(room, size + 40_000);
            write_at(into as usize, &std::vec![offset as u8; size]);
            size as isize
        }
    }
}

fn hooked(pool: usize) -> World {
    let world = World::new(pool);
    let hooks = Hooks { event: Some(saw), id3_size: 64, id3_load: Some(load), picture: Some(paint), ..Hooks::NONE };
    SEEN.lock().clear();
    world.enter().buffering().hooks = hooks;
    assert!(reset(&mut world.enter(), world.pool(), None));
    assert_eq!(core::mem::take(&mut *SEEN.lock()), [(BUFFER_EVENT_BUFFER_RESET, 0)]);
    world
}

/// Sleeps until the program has heard of this.
fn until_seen(world: &World, what: (u16, i32)) {
    let mut g = world.enter();
    while !SEEN.lock().contains(&what) {
        g.wait(Channel::Data, Some(1));
    }
}

#[test]
fn tags_are_parsed_on_the_buffering_thread_and_announced() {
    let world = hooked(400_000);
    let id = start_it(&world, "artist - title", Kind::Id3).unwrap();
    // Waits for the parsing.
    let tags = point(&world, id, 64).unwrap();
    assert_eq!((tags.len(), tags[0], &tags[1..15]), (64, 14, b"artist - title".as_slice()));
    until_seen(&world, (BUFFER_EVENT_FINISHED, id));
    let given = alloc(&mut world.enter(), Some(&[7; 64]), 64, Kind::Id3).unwrap();
    assert_eq!(point(&world, given, 64).unwrap(), [7; 64]);
    close(&mut world.enter(), id);
    close(&mut world.enter(), given);
    assert_eq!(SEEN.lock().len(), 1, "bufalloc announces nothing");
}

#[test]
fn tags_that_are_stripped_before_they_are_parsed_are_those_of_their_file() {
    let world = hooked(400_000);
    let mut g = world.enter();
    let id = open(&mut g, c"artist - title", 0, Kind::Id3, 0).unwrap();
    assert!(strip(&mut g, id, 10));
    drop(g);
    assert_eq!(&point(&world, id, 0).unwrap(), b"\x0eartist - ");
    close(&mut world.enter(), id);
    assert_eq!(budget::used(&mut world.enter()), 0);
}

#[test]
fn tags_that_are_closed_while_they_are_parsed_leave_nothing_behind() {
    let world = hooked(400_000);
    let free = world.pool().available();
    for _ in 0..500 {
        let id = start_it(&world, "x", Kind::Id3).unwrap();
        close(&mut world.enter(), id);
    }
    assert_eq!(world.pool().available(), free);
}

#[test]
fn a_picture_is_there_when_its_opening_returns_and_takes_only_what_it_needs() {
    let world = hooked(400_000);
    let free = world.pool().available();
    let picture = |user, offset| open(&mut world.enter(), c"cover", offset, Kind::Bitmap, user);
    let id = picture(5000, 3).unwrap();
    assert_eq!(point(&world, id, 0).unwrap(), [3; 5000]);
    assert!(free - world.pool().available() < 5100);
    assert_eq!((picture(99, 0), picture(98, 0)), (Err(ERR_FILE_ERROR), Err(ERR_FILE_ERROR)));
    assert_eq!(picture(1_000_000, 0), Err(ERR_BITMAP_TOO_LARGE));
    let most = world.pool().allocatable() - 60_000;
    let rest = alloc(&mut world.enter(), None, most, Kind::RawAtomic).unwrap();
    assert_eq!(picture(60_000, 0), Err(ERR_BUFFER_FULL));
    close(&mut world.enter(), rest);
    close(&mut world.enter(), id);
    assert_eq!(world.pool().available(), free);
    assert_eq!(*SEEN.lock(), [], "a picture announces nothing");
}

#[test]
fn a_picture_is_too_large_when_no_closing_would_make_room_for_it_just_now() {
    let world = hooked(2_000_000);
    world.put_pattern("song", 3_000_000);
    let picture = |size| open(&mut world.enter(), c"cover", 0, Kind::Bitmap, size);
    let take = |size| {
        let handle = world.pool().alloc(size, crate::mmap::memory::fixed());
        assert!(handle > 0);
        handle
    };
    // What others take is no part of the buffer any more.
    let id = picture(700_000).unwrap();
    close(&mut world.enter(), id);
    let other = take(1_200_000);
    assert_eq!(picture(700_000), Err(ERR_BITMAP_TOO_LARGE));
    world.pool().free(other);
    // The buffer is large, but lies in pieces that nobody can join.
    let pieces: Vec<_> = (0..12).map(|n| take(if n % 2 == 0 { 280_000 } else { 3000 })).collect();
    pieces.iter().step_by(2).for_each(|handle| assert_eq!(world.pool().free(*handle), 0));
    assert!(budget::length(&mut world.enter()) > 1_200_000);
    assert_eq!(picture(700_000), Err(ERR_BITMAP_TOO_LARGE), "to wait would be in vain");
    pieces.iter().skip(1).step_by(2).for_each(|handle| assert_eq!(world.pool().free(*handle), 0));
    // A handle has the room: once it is closed there is enough.
    let rest = alloc(&mut world.enter(), None, 1_100_000, Kind::RawAtomic).unwrap();
    assert_eq!(picture(800_000), Err(ERR_BUFFER_FULL));
    assert_eq!(picture(1_930_000), Err(ERR_BITMAP_TOO_LARGE), "not even then");
    close(&mut world.enter(), rest);
    // What lies far ahead of a stream gives way.
    let song = stream(&world, "song");
    until_useful(&world, song, 1_000_000);
    let id = picture(700_000).unwrap();
    close(&mut world.enter(), id);
}

#[test]
fn without_hooks_tags_and_pictures_are_refused() {
    let world = ready(300_000);
    for kind in [Kind::Id3, Kind::Bitmap] {
        assert_eq!(start_it(&world, "file", kind), Err(ERR_UNSUPPORTED_TYPE));
    }
}

#[test]
fn a_file_that_is_all_in_memory_is_announced_once_and_again_after_a_jump_that_read() {
    let world = hooked(900_000);
    world.put_pattern("file", 200_000);
    world.put_pattern("empty", 0);
    start_it(&world, "empty", Kind::PacketAudio).unwrap();
    let id = stream(&world, "file");
    let whole = start_it(&world, "file", Kind::RawAtomic).unwrap();
    until_seen(&world, (BUFFER_EVENT_FINISHED, id));
    until_seen(&world, (BUFFER_EVENT_FINISHED, whole));
    assert_eq!(SEEN.lock().len(), 2);
    go(&world, id, 100_000);
    assert_eq!(SEEN.lock().len(), 2, "a jump inside memory reads nothing");
    close(&mut world.enter(), whole);
    close(&mut world.enter(), id);
    world.put_pattern("long", 3_000_000);
    let id = stream(&world, "long");
    for times in 1..=3 {
        go(&world, id, 2_900_000);
        let told = || SEEN.lock().iter().filter(|seen| **seen == (BUFFER_EVENT_FINISHED, id)).count();
        let mut g = world.enter();
        while told() < times {
            g.wait(Channel::Data, Some(1));
        }
        drop(g);
        assert_eq!(told(), times);
        go(&world, id, 0);
        until_useful(&world, id, 300_000);
    }
}

#[test]
fn stripping_to_what_is_there_finishes_a_file() {
    let world = hooked(700_000);
    world.put_pattern("long", 5_000_000);
    let id = stream(&world, "long");
    until_useful(&world, id, 100_000);
    assert!(strip(&mut world.enter(), id, 50_000));
    until_seen(&world, (BUFFER_EVENT_FINISHED, id));
}

#[test]
fn a_low_level_is_told_when_nothing_is_left_to_read_and_a_mark_is_armed() {
    let world = hooked(900_000);
    world.put_pattern("file", 100_000);
    let id = stream(&world, "file");
    until_seen(&world, (BUFFER_EVENT_FINISHED, id));
    assert!(!SEEN.lock().iter().any(|(event, _)| *event == BUFFER_EVENT_BUFFER_LOW), "no mark, no event");
    set_watermark::<Model>(&mut world.enter(), 300_000);
    until_seen(&world, (BUFFER_EVENT_BUFFER_LOW, 0));
}

/// How often a burst ended, and how many of these times something was dirty.
static ENDS: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

extern "C" fn burst(begins: c_int) {
    if begins == 0 {
        let dirty = Model::monitor().enter().maps().dirty > 0;
        ENDS[1].fetch_add(usize::from(dirty), Ordering::Relaxed);
        ENDS[0].fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_is_dirty_is_written_before_the_disk_is_left_to_sleep() {
    let world = ready(2_000_000);
    world.limit(1 << 30);
    world.put_pattern("song", 300_000);
    world.enter().buffering().hooks = Hooks { fill: Some(burst), ..Hooks::NONE };
    let mut g = world.enter();
    let object = cache::open::open(&mut g, c"settings", How::WRITE | How::CREATE).unwrap();
    let written = write(&mut g, object, 0, &[7; 100], &mut Pattern::new());
    assert_eq!(written, Ok((100, 100)));
    assert!(g.maps().dirty > 0, "it waits for the disk to be awake");
    drop(g);
    let id = stream(&world, "song");
    let mut g = world.enter();
    while ENDS[0].load(Ordering::Relaxed) == 0 {
        g.wait(Channel::Data, Some(1));
    }
    drop(g);
    assert_eq!((ENDS[1].load(Ordering::Relaxed), world.bytes_of("settings")), (0, Some(std::vec![7; 100])));
    close(&mut world.enter(), id);
    assert_eq!(cache::open::release(&mut world.enter(), object), Ok(()));
}
