//! What is promised to a reader when memory is short: that others give what they need less, and that he never waits for
//! ever. On a clock of its own, with the buffering thread as the only other party.

use std::vec::Vec;

use super::{go, point, ready, stream, until_useful};
use crate::buffering::fill::{Turns, turn};
use crate::buffering::handle::Kind;
use crate::buffering::open::open;
use crate::buffering::stream::data;
use crate::buffering::{Buffered, ERR_BUFFER_FULL};
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::look_at;
use crate::port::kernel::{Channel, HZ};
use crate::port::model::World;
use crate::port::turns;

const FILE: usize = 150_000;

/// Takes what the pool gives.
fn take_all(world: &World, taken: &mut Vec<i32>) {
    for size in (8..16).rev().map(|shift| 1usize << shift) {
        loop {
            let block = world.pool().alloc(size, core::ptr::null());
            if block <= 0 {
                break;
            }
            taken.push(block);
        }
    }
}

fn give(world: &World, taken: Vec<i32>) {
    for block in taken {
        world.pool().free(block);
    }
}

/// A stream that holds a pointer into the bridge that is always there: its number, the pointer.
fn crossing(world: &World) -> (i32, usize) {
    let id = stream(world, "playing");
    until_useful(world, id, 64 << 10);
    for at in (0..60_000).step_by(500) {
        go(world, id, at);
        let (start, there) = data(&mut world.enter(), id, 32_000).unwrap();
        assert!(there >= 32_000);
        if world.enter().buffering().reserve_taken {
            return (id, start);
        }
    }
    panic!("no request crossed from one segment to the next");
}

#[test]
fn a_reader_who_waits_gets_memory_of_streams_that_only_have_it_ahead() {
    for seed in 1..=100 {
        let _run = turns::begin(seed);
        let world = ready(300_000);
        let playing = world.put_pattern("playing", FILE);
        let other = world.put_pattern("other", FILE);
        let (first, start) = crossing(&world);
        let at = world.enter().buffering().find(first).unwrap().pos as usize;
        let second = stream(&world, "other");
        let mut taken = Vec::new();
        for place in [100_000, 20_000, 140_000] {
            go(&world, second, place);
            take_all(&world, &mut taken);
            assert!(world.enter().maps().index.bytes[0] > 0, "seed {seed}: nobody has anything ahead");
            let began = turns::ticks().unwrap();
            let got = point(&world, second, 1000).unwrap();
            assert_eq!(got.len(), 1000, "seed {seed} at {place}");
            assert!(got == other[place..place + 1000], "seed {seed}");
            let waited = turns::ticks().unwrap() - began;
            assert!(waited < 5 * HZ, "seed {seed}: {waited} ticks");
            assert_eq!(look_at(start, 32_000), playing[at..at + 32_000], "seed {seed}");
        }
        give(&world, taken);
        // The first one has what it lost again.
        assert_eq!(point(&world, first, 32_000).unwrap()[..32_000], playing[at..at + 32_000]);
    }
}

/// Two streams hold a pointer, one of them into the bridge that is always there, somebody has taken the rest, and a third
/// one has nothing at its position: its number, and what was taken.
fn nothing_left(world: &World) -> (i32, Vec<i32>) {
    world.put_pattern("small", 1000);
    let small = stream(world, "small");
    let id = open(&mut world.enter(), c"other", FILE as u64, Kind::PacketAudio, 0).unwrap();
    let (playing, _) = crossing(world);
    assert_eq!(point(world, small, 1000).unwrap().len(), 1000);
    let mut taken = Vec::new();
    // What they had before they jumped is anybody's.
    for _ in 0..4 {
        go(world, playing, FILE);
        go(world, id, FILE);
        take_all(world, &mut taken);
        // What is in transfer just now goes the next time.
        world.enter().wait(Channel::Data, Some(HZ));
    }
    // As if it stood on its bridge there: nobody else may have it.
    if let Some(bridge) = &mut world.enter().buffering().find(playing).unwrap().bridge {
        bridge.from = FILE as u64;
    }
    go(world, id, 100_000);
    (id, taken)
}

#[test]
fn a_reader_for_whom_there_is_no_memory_is_told_after_five_seconds_in_which_nobody_was_kept_busy() {
    for seed in 1..=20 {
        let _run = turns::begin(seed);
        let world = ready(300_000);
        world.put_pattern("playing", FILE);
        let other = world.put_pattern("other", FILE);
        let (id, taken) = nothing_left(&world);
        let (began, waits) = (turns::ticks().unwrap(), world.enter().buffering().counts.waits);
        assert_eq!(point(&world, id, 1000).map(|got| got.len()), Err(ERR_BUFFER_FULL), "seed {seed}");
        let waited = turns::ticks().unwrap() - began;
        assert!((5 * HZ..8 * HZ).contains(&waited), "seed {seed}: {waited} ticks");
        let waits = world.enter().buffering().counts.waits - waits;
        assert!(waits < 100, "seed {seed}: looked for memory {waits} times");
        // The thread that fills has nothing to do.
        let mut turns = Turns::default();
        assert!((0..20).any(|_| turn(&mut world.enter(), &mut turns).is_some()), "seed {seed}: busy for nothing");
        // Somebody gives some.
        give(&world, taken);
        assert_eq!(point(&world, id, 1000).unwrap(), other[100_000..101_000], "seed {seed}");
    }
}

/// With nothing to do, the buffering thread looks around every half second: who waits does not wait for that.
#[test]
fn a_reader_who_waits_calls_the_buffering_thread() {
    let mut quick = 0;
    for seed in 1..=30 {
        let _run = turns::begin(seed);
        let world = ready(300_000);
        let bytes = world.put_pattern("playing", 2_000_000);
        let id = stream(&world, "playing");
        until_useful(&world, id, 64 << 10);
        // At the new place the disk fails, until the thread lets it be for a while.
        world.fail_read(1, true);
        go(&world, id, 1_000_000);
        while world.enter().buffering().find(id).unwrap().retry.is_none() {
            world.enter().wait(Channel::Data, Some(1));
        }
        // Anywhere between two of its looks.
        world.enter().wait(Channel::Data, Some(HZ / 4 + seed as u32));
        world.heal();
        let began = turns::ticks().unwrap();
        assert_eq!(point(&world, id, 1000).unwrap()[..1000], bytes[1_000_000..1_001_000], "seed {seed}");
        quick += usize::from(turns::ticks().unwrap() - began < HZ / 10);
    }
    // Now and then the clock goes on by itself.
    assert!(quick >= 25, "{quick} of 30 were read for at once");
}
