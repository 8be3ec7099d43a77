//! What becomes of handles when an allocation or a read fails, whichever it is.

use std::vec::Vec;

use super::{point, ready, start_it};
use crate::buffering::handle::{Kind, look};
use crate::buffering::open::{alloc, close};
use crate::buffering::position::{advance, seek};
use crate::buffering::stream::read;
use crate::buffering::{Buffered, ERR_BITMAP_TOO_LARGE, ERR_BUFFER_FULL, ERR_FILE_ERROR};
use crate::mmap::memory::faults;
use crate::port::model::{World, until_closed};

const SONG: usize = 120_000;

fn scene() -> (World, Vec<u8>) {
    let world = ready(400_000);
    let song = world.put_pattern("song", SONG);
    (world, song)
}

/// Plays a stream to its end, and a whole file beside it; errors go to `failed`, which says whether to go on.
fn play(world: &World, song: &[u8], mut failed: impl FnMut(i32)) {
    let id = start_it(world, "song", Kind::PacketAudio).unwrap();
    let whole = start_it(world, "song", Kind::AtomicAudio).unwrap();
    let (mut pos, mut piece) = (0, std::vec![0; 7000]);
    while pos < song.len() {
        let got = match pos % 3 {
            0 => read(&mut world.enter(), id, &mut piece).map(|got| piece[..got].to_vec()),
            _ => point(world, id, 20_000),
        };
        match got {
            Ok(bytes) => {
                assert!(!bytes.is_empty(), "the end of the file at {pos}");
                assert_eq!(bytes, song[pos..pos + bytes.len()]);
                advance(&mut world.enter(), id, bytes.len() as i64).unwrap();
                pos += bytes.len();
            }
            Err(error) => failed(error),
        }
        assert_eq!(look(&mut world.enter(), id).unwrap().filesize, SONG as u64, "an error is not the end of a file");
    }
    loop {
        match point(world, whole, 0) {
            Ok(bytes) if bytes.len() == song.len() => break assert_eq!(bytes, song),
            // What could be read of it.
            Ok(bytes) => assert!(!bytes.is_empty() && song.starts_with(&bytes)),
            Err(error) => failed(error),
        }
    }
    close(&mut world.enter(), id);
    close(&mut world.enter(), whole);
}

#[test]
fn any_read_that_fails_once_is_tried_again_and_nobody_hears_of_it() {
    let (world, song) = scene();
    play(&world, &song, |error| panic!("error {error}"));
    let reads = world.reads();
    drop(world);
    for n in 1..reads + 4 {
        let (world, song) = scene();
        world.fail_read(n, false);
        play(&world, &song, |error| panic!("error {error} when read {n} fails"));
    }
    assert!(reads > 3);
}

#[test]
fn from_any_failing_read_on_readers_hear_of_it_and_play_on_when_storage_is_well() {
    for n in 1..8 {
        let (world, song) = scene();
        world.fail_read(n, true);
        let mut heard = 0;
        play(&world, &song, |error| {
            assert_eq!(error, ERR_FILE_ERROR);
            heard += 1;
            if heard == 3 {
                world.heal();
            }
        });
        assert!(heard >= 3 || n > 2, "read {n}: {heard} errors");
    }
}

#[test]
fn any_allocation_that_fails_refuses_a_handle_or_costs_nothing_and_leaves_nothing_behind() {
    for ever in [false, true] {
        for n in 1.. {
            let (world, song) = scene();
            // The tables are there: what is left are the handles' own.
            play(&world, &song, |error| panic!("error {error}"));
            let owned = |world: &World| {
                let stats = world.pool().stats();
                stats.blocks - stats.purgeable
            };
            let before = owned(&world);
            faults::fail(n, ever);
            let mut open_ones = Vec::new();
            // One stream: without any memory there is one bridge, and who lacks one waits for it.
            for kind in [Kind::PacketAudio, Kind::AtomicAudio, Kind::Cuesheet] {
                match start_it(&world, "song", kind) {
                    Ok(id) => open_ones.push(id),
                    Err(error) => assert!(error == ERR_BUFFER_FULL || error == ERR_FILE_ERROR),
                }
            }
            match alloc(&mut world.enter(), Some(&song[..900]), 900, Kind::RawAtomic) {
                Ok(id) => open_ones.push(id),
                Err(error) => assert!(error == ERR_BUFFER_FULL || error == ERR_BITMAP_TOO_LARGE),
            }
            for id in &open_ones {
                let bytes = point(&world, *id, 900).unwrap();
                assert_eq!(bytes, song[..bytes.len()]);
                let there = look(&mut world.enter(), *id).unwrap();
                if there.filesize == SONG as u64 {
                    seek(&mut world.enter(), *id, 100_000).unwrap();
                    assert_eq!(point(&world, *id, 5000).unwrap(), song[100_000..105_000], "allocation {n}");
                }
            }
            open_ones.into_iter().for_each(|id| close(&mut world.enter(), id));
            let struck = faults::clear();
            let mut g = world.enter();
            until_closed(&mut g);
            assert_eq!(g.buffering().fixed, 0);
            drop(g);
            assert_eq!(owned(&world), before, "allocation {n}");
            if !struck {
                assert!(n > 4);
                break;
            }
        }
    }
}

#[test]
fn a_whole_file_that_is_cut_while_it_is_read_ends_there() {
    let (world, song) = scene();
    world.hold();
    let id = start_it(&world, "song", Kind::AtomicAudio).unwrap();
    world.wait_for_a_held_transfer();
    world.cut("song", 50_000);
    world.release();
    assert_eq!(point(&world, id, 0).unwrap(), song[..50_000]);
    assert_eq!(look(&mut world.enter(), id).unwrap().filesize, 50_000);
    close(&mut world.enter(), id);
}

#[test]
fn numbers_of_handles_begin_again_behind_the_largest_and_pass_over_those_in_use() {
    let (world, _) = scene();
    let one = || alloc(&mut world.enter(), None, 10, Kind::RawAtomic).unwrap();
    assert_eq!(one(), 1);
    world.enter().buffering().next_id = i32::MAX - 2;
    let ids = [one(), one(), one()];
    assert_eq!(ids, [i32::MAX - 1, i32::MAX, 2]);
}
