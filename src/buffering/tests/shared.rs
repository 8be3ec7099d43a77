//! What buffering promises of the pool that it shares with everybody.

use std::vec::Vec;

use super::{point, ready, stream, until_full};
use crate::buffering::handle::{Kind, look};
use crate::buffering::open::{alloc, close, open};
use crate::buffering::position::advance;
use crate::buffering::{Buffered, ERR_BUFFER_FULL, budget, reset, set_watermark};
use crate::cache::Cached;
use crate::mmap::mapping::Mapped;
use crate::port::model::Model;

#[test]
fn of_a_song_that_was_played_to_its_end_nothing_is_kept_from_others() {
    let world = ready(3_000_000);
    // Neither ends with a sector, nor with a window.
    let first = world.put_pattern("first", 700_001);
    world.put_pattern("second", 500_300);
    let id = stream(&world, "first");
    let next = stream(&world, "second");
    for closed in [false, true] {
        let mut pos = world.enter().buffering().find(id).unwrap().pos as usize;
        while !closed && pos < first.len() {
            let got = point(&world, id, 32_768).unwrap().len().min(5000);
            assert_eq!(advance(&mut world.enter(), id, got as i64), Ok(()));
            pos += got;
        }
        if closed {
            close(&mut world.enter(), id);
        }
        // What is on its way is wanted, and not there yet.
        until_full(&world);
        let mut g = world.enter();
        let [now, soon, ..] = g.maps().index.bytes;
        let ahead = budget::sums(&mut g).ahead;
        // The window that was pointed into last stays until another one is.
        let held = if closed { 0 } else { g.cache().extent() as u64 };
        assert!(now + soon <= ahead + held + 512, "{now} + {soon} are wanted of {ahead}");
    }
    close(&mut world.enter(), next);
    let [now, soon, ..] = world.enter().maps().index.bytes;
    assert_eq!((now, soon), (0, 0));
}

#[test]
fn what_is_needed_within_seconds_is_left_to_a_stream_by_whoever_takes_all_there_is() {
    let world = ready(4_000_000);
    let bytes = world.put_pattern("file", 12_000_000);
    let id = stream(&world, "file");
    until_full(&world);
    assert_eq!(point(&world, id, 32_768).unwrap(), bytes[..32_768]);
    let near = world.enter().buffering().near;
    assert!(near > 800_000, "a quarter of the limit, 1 MB at most: {near}");
    let mut held = Vec::new();
    for size in [300_000, 30_000, 3000] {
        while let handle @ 1.. = world.pool().alloc(size, core::ptr::null()) {
            held.push(handle);
        }
    }
    let left = look(&mut world.enter(), id).unwrap().useful();
    assert!(left >= near, "{left} of {near}");
    assert!(left < near + 400_000, "{left} are more than {near}");
    held.into_iter().for_each(|handle| assert_eq!(world.pool().free(handle), 0));
}

#[test]
fn length_use_and_watermark_follow_the_memory_that_others_take_and_give() {
    let world = ready(4_000_000);
    world.put_pattern("file", 12_000_000);
    world.put_pattern("other", 1000);
    let all = budget::length(&mut world.enter());
    set_watermark::<Model>(&mut world.enter(), 2_500_000);
    assert_eq!(budget::watermark(&mut world.enter()), 2_500_000);
    let id = stream(&world, "file");
    until_full(&world);
    let used = budget::used(&mut world.enter());
    assert!(used > all / 10 * 9 && used < all + all / 20, "{used} of {all}");

    // Somebody takes a third, then another.
    let mut held = Vec::new();
    for taken in [1_300_000, 2_600_000] {
        held.push(world.pool().alloc(1_300_000, core::ptr::null()));
        assert!(held.iter().all(|handle| *handle > 0));
        let mut g = world.enter();
        let (length, used) = (budget::length(&mut g), budget::used(&mut g));
        assert!(length.abs_diff(all - taken) < all / 20, "{length} of {all} without {taken}");
        assert!(used < length + length / 10 + 128 * 1024, "{used} of {length}");
        assert_eq!(budget::watermark(&mut g) as u64, 2_500_000.min(length / 4 * 3));
        let other = open(&mut g, c"other", 0, Kind::PacketAudio, 0);
        assert_eq!(other, Err(ERR_BUFFER_FULL), "the first one has yet to fill all there is");
    }
    assert_eq!(alloc(&mut world.enter(), None, 2_000_000, Kind::RawAtomic), Err(ERR_BUFFER_FULL));

    // An atomic handle counts as a whole, and is taken off what streams may have.
    let before = budget::used(&mut world.enter());
    let atomic = alloc(&mut world.enter(), None, 100_000, Kind::RawAtomic).unwrap();
    let after = budget::used(&mut world.enter());
    assert!(after <= before + 100_000 && after >= 100_000);
    close(&mut world.enter(), atomic);

    held.into_iter().for_each(|handle| assert_eq!(world.pool().free(handle), 0));
    let again = budget::length(&mut world.enter());
    assert!(again.abs_diff(all) < all / 20, "{again} of {all}");
    assert_eq!(budget::watermark(&mut world.enter()), 2_500_000);
    close(&mut world.enter(), id);
    assert_eq!(budget::used(&mut world.enter()), 0);
    let other = stream(&world, "other");
    assert_eq!(point(&world, other, 0).unwrap().len(), 1000);
}

#[test]
fn what_was_taken_once_is_not_filled_again_at_once() {
    let world = ready(4_000_000);
    world.put_pattern("file", 30_000_000);
    let id = stream(&world, "file");
    until_full(&world);
    let handle = world.pool().alloc(2_000_000, core::ptr::null());
    assert!(handle > 0);
    let left = budget::sums(&mut world.enter()).ahead;
    world.pool().free(handle);
    let mut played = 0;
    while played < 6_000_000 {
        let got = point(&world, id, 32_768).unwrap().len();
        advance(&mut world.enter(), id, got as i64).unwrap();
        played += got as u64;
        let mut g = world.enter();
        let (ahead, near) = (budget::sums(&mut g).ahead, g.buffering().near);
        let most = (left + played / 64).max(near) + 128 * 1024;
        assert!(ahead <= most, "{ahead} ahead after {played}, {left} were left");
        assert!(look(&mut g, id).is_some());
    }
    // Whoever starts anew starts with all there is.
    assert!(reset(&mut world.enter(), world.pool(), None));
    stream(&world, "file");
    until_full(&world);
    let mut g = world.enter();
    let (used, all) = (budget::used(&mut g), budget::length(&mut g));
    assert!(used > all / 10 * 9, "{used} of {all}");
}
