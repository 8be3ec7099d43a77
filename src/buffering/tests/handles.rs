//! What handles promise to a player, function by function.

use std::sync::atomic::{AtomicBool, Ordering};
use std::vec::Vec;

use super::{go, point, ready, start_it, stream, until_full, until_useful};
use crate::buffering::handle::{Home, Kind, look};
use crate::buffering::open::{alloc, close, map_from, open};
use crate::buffering::position::{advance, seek, start, strip};
use crate::buffering::stream::{data, read, readable, signal};
use crate::buffering::{
    Buffered, ERR_BUFFER_FULL, ERR_FILE_ERROR, ERR_HANDLE_NOT_FOUND, ERR_INVALID_VALUE, ERR_UNSUPPORTED_TYPE, FILES,
    budget, reset, set_watermark,
};
use crate::cache::Cached;
use crate::mmap::memory::{faults, look_at};
use crate::port::kernel::{Channel, HZ};
use crate::port::model::{Dice, World, segments, until_closed};

fn copy(world: &World, id: i32, size: usize) -> Result<Vec<u8>, i32> {
    let mut g = world.enter();
    let mut into = std::vec![0; readable(&mut g, id, size)?];
    let got = read(&mut g, id, &mut into)?;
    into.truncate(got);
    Ok(into)
}

fn hand_over(world: &World, bytes: &[u8]) -> Result<i32, i32> {
    alloc(&mut world.enter(), Some(bytes), bytes.len(), Kind::RawAtomic)
}

#[test]
fn a_stream_gives_the_bytes_of_its_file_in_pieces_of_what_is_asked_up_to_32_kb() {
    for pool in [300_000, 1_100_000, 5_000_000] {
        for len in [0, 1, 512, 40_000, 2_500_000] {
            let world = ready(pool);
            let bytes = world.put_pattern("file", len);
            let id = stream(&world, "file");
            let mut dice = Dice::new((pool * 7 + len) as u64);
            let mut pos = 0;
            while pos < len {
                let want = 1 + dice.below(50_000);
                let got = point(&world, id, want).unwrap();
                let promised = want.min(len - pos).min(32 * 1024);
                assert!(got.len() >= promised && got.len() <= want, "{} of {want} at {pos}", got.len());
                assert_eq!(got, bytes[pos..pos + got.len()], "at {pos}");
                if dice.below(20) == 0 {
                    let want = 1 + dice.below(100_000);
                    assert_eq!(copy(&world, id, want).unwrap(), bytes[pos..len.min(pos + want)]);
                }
                let step = if got.len() < 100 { got.len() } else { 1 + dice.below(got.len()) };
                assert_eq!(advance(&mut world.enter(), id, step as i64), Ok(()));
                pos += step;
            }
            assert_eq!(point(&world, id, 10).unwrap(), []);
            assert_eq!(copy(&world, id, 10).unwrap(), []);
            close(&mut world.enter(), id);
            until_closed(&mut world.enter());
        }
    }
}

#[test]
fn positions_stay_inside_the_file() {
    let world = ready(400_000);
    world.put_pattern("file", 1000);
    let id = stream(&world, "file");
    let mut g = world.enter();
    assert_eq!(seek(&mut g, id, 1000), Ok(()));
    assert_eq!(seek(&mut g, id, 1001), Err(ERR_INVALID_VALUE));
    assert_eq!(advance(&mut g, id, 1), Err(ERR_INVALID_VALUE));
    assert_eq!(advance(&mut g, id, -1000), Ok(()));
    assert_eq!(advance(&mut g, id, -1), Err(ERR_INVALID_VALUE));
    assert_eq!(advance(&mut g, id, i64::MIN), Err(ERR_INVALID_VALUE));
    assert_eq!(advance(&mut g, id, i64::MAX), Err(ERR_INVALID_VALUE));
    assert_eq!(g.buffering().find(id).unwrap().pos, 0);
    for unknown in [0, -1, id + 1, i32::MAX] {
        assert_eq!(seek(&mut g, unknown, 0), Err(ERR_HANDLE_NOT_FOUND));
        assert_eq!(data(&mut g, unknown, 1), Err(ERR_HANDLE_NOT_FOUND));
    }
}

#[test]
fn a_stripped_file_ends_where_it_was_stripped() {
    let world = ready(500_000);
    let bytes = world.put_pattern("file", 100_000);
    let id = stream(&world, "file");
    until_useful(&world, id, u64::MAX);
    let mut g = world.enter();
    assert!(!strip(&mut g, id, 100_001) && !strip(&mut g, id + 1, 0));
    assert!(strip(&mut g, id, 60_000) && strip(&mut g, id, 60_000) && !strip(&mut g, id, 60_001));
    assert_eq!(seek(&mut g, id, 60_001), Err(ERR_INVALID_VALUE));
    let sums = budget::sums(&mut g);
    assert_eq!((sums.useful, sums.remaining), (60_000, 0));
    drop(g);
    assert_eq!(copy(&world, id, 0).unwrap(), bytes[..60_000]);
    go(&world, id, 59_000);
    assert!(strip(&mut world.enter(), id, 50_000), "before the position");
    assert_eq!(point(&world, id, 10).unwrap(), []);
    assert_eq!(budget::sums(&mut world.enter()).useful, 0);
    close(&mut world.enter(), id);
    let copied = hand_over(&world, &bytes[..1000]).unwrap();
    let mut g = world.enter();
    assert!(strip(&mut g, copied, 400));
    let sums = budget::sums(&mut g);
    assert_eq!((sums.buffered, sums.useful, sums.remaining), (400, 400, 0));
}

#[test]
fn random_jumps_give_the_right_bytes() {
    for pool in [250_000, 3_000_000] {
        let world = ready(pool);
        let bytes = world.put_pattern("file", 2_000_000);
        let id = stream(&world, "file");
        let mut dice = Dice::new(9);
        for _ in 0..400 {
            let to = dice.below(bytes.len());
            go(&world, id, to);
            let want = 1 + dice.below(40_000);
            let got = point(&world, id, want).unwrap();
            assert!(got.len() >= want.min(bytes.len() - to).min(32 * 1024));
            assert_eq!(got, bytes[to..to + got.len()]);
        }
    }
}

#[test]
fn going_back_into_data_that_is_in_memory_costs_no_command() {
    let world = ready(3_000_000);
    let bytes = world.put_pattern("file", 1_500_000);
    let id = stream(&world, "file");
    until_useful(&world, id, u64::MAX);
    let before = world.reads();
    for pos in (0..bytes.len()).step_by(30_000) {
        go(&world, id, pos);
        assert_eq!(point(&world, id, 1000).unwrap(), bytes[pos..bytes.len().min(pos + 1000)]);
    }
    assert_eq!(start(&mut world.enter(), id), Some(0));
    for pos in (0..bytes.len()).step_by(70_000).rev() {
        go(&world, id, pos);
        assert_eq!(point(&world, id, 1000).unwrap(), bytes[pos..bytes.len().min(pos + 1000)]);
    }
    assert_eq!(world.reads(), before);
}

#[test]
fn an_allocation_takes_played_and_far_data_and_never_what_comes_next() {
    let world = ready(4_000_000);
    let bytes = world.put_pattern("file", 12_000_000);
    let id = stream(&world, "file");
    let mut dice = Dice::new(11);
    let (mut asked, mut given) = (0, 0);
    let mut pos = 0;
    while pos + 32_768 < bytes.len() {
        until_useful(&world, id, 300_000);
        if dice.below(3) == 0 {
            let handles: Vec<i32> = (0..1 + dice.below(2))
                .map(|_| world.pool().alloc(1000 + dice.below(1_000_000), core::ptr::null()))
                .collect();
            asked += handles.len();
            given += handles.iter().filter(|handle| **handle > 0).count();
            // While they hold it: the next reads are served from memory.
            let before = world.enter().buffering().counts.stalls;
            for _ in 0..4 {
                assert_eq!(point(&world, id, 32_768).unwrap()[..], bytes[pos..pos + 32_768]);
                assert_eq!(advance(&mut world.enter(), id, 20_000), Ok(()));
                pos += 20_000;
                if pos + 32_768 >= bytes.len() {
                    break;
                }
            }
            assert_eq!(world.enter().buffering().counts.stalls, before, "the music stopped at {pos}");
            for handle in handles {
                world.pool().free(handle);
            }
        } else {
            assert_eq!(copy(&world, id, 32_768).unwrap(), bytes[pos..pos + 32_768]);
            assert_eq!(advance(&mut world.enter(), id, 32_768), Ok(()));
            pos += 32_768;
        }
    }
    assert!(given * 10 >= asked * 9, "{given} of {asked} requests");
    assert!(asked > 50);
}

#[test]
fn allocations_of_another_thread_do_not_harm_a_stream() {
    let world = ready(2_000_000);
    let bytes = world.put_pattern("file", 6_000_000);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut dice = Dice::new(21);
            let mut held: Vec<i32> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                if held.len() < 3 {
                    held.push(world.pool().alloc(1000 + dice.below(400_000), core::ptr::null()));
                } else {
                    let _ = world.pool().free(held.swap_remove(dice.below(3)));
                }
                std::thread::yield_now();
            }
            held.into_iter().filter(|handle| *handle > 0).for_each(|handle| assert_eq!(world.pool().free(handle), 0));
        });
        let id = stream(&world, "file");
        let mut dice = Dice::new(22);
        let mut pos = 0;
        while pos < bytes.len() {
            let got = point(&world, id, 1 + dice.below(60_000)).unwrap();
            assert_eq!(got, bytes[pos..pos + got.len()], "at {pos}");
            let step = 1 + dice.below(got.len());
            assert_eq!(advance(&mut world.enter(), id, step as i64), Ok(()));
            pos += step;
        }
        stop.store(true, Ordering::Relaxed);
        others.join().unwrap();
    });
}

#[test]
fn a_stream_plays_on_when_others_have_all_the_memory() {
    let world = ready(600_000);
    let bytes = world.put_pattern("file", 500_000);
    let id = stream(&world, "file");
    while [100_000, 10_000, 1000, 100].iter().any(|size| world.pool().alloc(*size, core::ptr::null()) > 0) {}
    let mut pos = 0;
    while pos < bytes.len() {
        let got = point(&world, id, 20_000).unwrap();
        assert_eq!(got.len(), 20_000.min(bytes.len() - pos));
        assert_eq!(got, bytes[pos..pos + got.len()]);
        assert_eq!(copy(&world, id, 3000).unwrap(), bytes[pos..bytes.len().min(pos + 3000)]);
        assert_eq!(advance(&mut world.enter(), id, got.len() as i64), Ok(()));
        pos += got.len();
    }
}

/// A world with two streams and nothing left for either: both handles, and what their files hold.
fn two_without_memory() -> (World, [i32; 2], [Vec<u8>; 2]) {
    let world = ready(600_000);
    let files = [world.put_pattern("one", 300_000), world.put_pattern("two", 300_700)];
    while [100_000, 10_000, 1000, 100].iter().any(|size| world.pool().alloc(*size, core::ptr::null()) > 0) {}
    // Behind its end the first one needs no budget.
    let one = stream(&world, "one");
    go(&world, one, 300_000);
    let two = stream(&world, "two");
    go(&world, one, 0);
    (world, [one, two], files)
}

#[test]
fn without_memory_a_pointer_stays_good_while_another_stream_wants_the_bridge() {
    let (world, ids, files) = two_without_memory();
    let (start, len) = data(&mut world.enter(), ids[0], 20_000).unwrap();
    assert_eq!(len, 20_000);
    let second = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| point(&world, ids[1], 20_000));
        // It waits: there is one bridge, and the first stream stands on it.
        let mut g = world.enter();
        for _ in 0..5 {
            g.wait(Channel::Work, Some(HZ / 20));
        }
        drop(g);
        assert!(!waiter.is_finished());
        assert_eq!(look_at(start, len), files[0][..len], "somebody else's bytes");
        // Inside what it points to it moves on, and relies on the rest.
        assert_eq!(advance(&mut world.enter(), ids[0], 12_000), Ok(()));
        assert!(!waiter.is_finished());
        assert_eq!(look_at(start + 12_000, len - 12_000), files[0][12_000..len]);
        assert_eq!(advance(&mut world.enter(), ids[0], 8000), Ok(()));
        waiter.join().unwrap()
    });
    assert_eq!(second.unwrap(), files[1][..20_000]);
    // The first one waits now, until it is told not to.
    assert!(signal(&mut world.enter(), ids[0], true));
    assert_eq!(point(&world, ids[0], 20_000), Err(ERR_HANDLE_NOT_FOUND));
}

#[test]
fn without_memory_two_streams_play_to_their_ends_in_turns() {
    let (world, ids, files) = two_without_memory();
    let mut pos = 0;
    while pos < 300_700 {
        for (id, file) in ids.iter().zip(&files) {
            let got = point(&world, *id, 20_000).unwrap();
            assert_eq!(got, file[pos.min(file.len())..file.len().min(pos + 20_000)]);
            assert_eq!(advance(&mut world.enter(), *id, got.len() as i64), Ok(()));
        }
        pos += 20_000;
    }
}

#[test]
fn when_any_allocation_fails_the_stream_is_right_all_the_same() {
    for ever in [false, true] {
        for n in 1.. {
            let world = World::new(500_000);
            let bytes = world.put_pattern("file", 200_000);
            let begun = {
                faults::fail(n, ever);
                (0..5).any(|_| reset(&mut world.enter(), world.pool(), None))
            };
            if begun {
                let id = stream(&world, "file");
                let mut all = Vec::new();
                while all.len() < bytes.len() {
                    let got = point(&world, id, 30_000).unwrap();
                    assert!(!got.is_empty());
                    advance(&mut world.enter(), id, got.len() as i64).unwrap();
                    all.extend(got);
                }
                assert_eq!(all, bytes, "with allocation {n} failing");
            } else {
                assert!(ever);
                assert_eq!(start_it(&world, "file", Kind::PacketAudio), Err(ERR_BUFFER_FULL));
            }
            if !faults::clear() {
                assert!(n > 7);
                break;
            }
        }
    }
}

#[test]
fn a_read_that_fails_once_is_retried_and_one_that_fails_for_ever_is_reported() {
    for n in 1..6 {
        let world = ready(500_000);
        let bytes = world.put_pattern("file", 300_000);
        world.fail_read(n, false);
        let id = stream(&world, "file");
        let mut all = Vec::new();
        while all.len() < bytes.len() {
            let got = copy(&world, id, 10_000).unwrap();
            advance(&mut world.enter(), id, got.len() as i64).unwrap();
            all.extend(got);
        }
        assert_eq!(all, bytes);
    }
    let world = ready(500_000);
    let bytes = world.put_pattern("file", 300_000);
    world.fail_read(1, true);
    let id = stream(&world, "file");
    assert_eq!(copy(&world, id, 1000), Err(ERR_FILE_ERROR));
    assert_eq!(point(&world, id, 1000), Err(ERR_FILE_ERROR));
    assert_eq!(world.enter().buffering().find(id).unwrap().filesize, 300_000, "an error is not the end of the file");
    world.heal();
    assert_eq!(copy(&world, id, 1000).unwrap(), bytes[..1000]);
}

#[test]
fn a_file_that_storage_finds_shorter_ends_the_wait_with_less() {
    let world = ready(400_000);
    let bytes = world.put_pattern("file", 2_000_000);
    let id = stream(&world, "file");
    assert_eq!(copy(&world, id, 100).unwrap(), bytes[..100]);
    world.cut("file", 1_000_000);
    go(&world, id, 990_000);
    assert_eq!(copy(&world, id, 50_000).unwrap(), bytes[990_000..1_000_000]);
    assert_eq!(look(&mut world.enter(), id).unwrap().filesize, 1_000_000);
}

#[test]
fn closing_or_signaling_ends_a_wait() {
    for closing in [true, false] {
        let world = ready(500_000);
        let bytes = world.put_pattern("file", 100_000);
        world.hold();
        let id = stream(&world, "file");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| point(&world, id, 1000));
            world.wait_for_a_held_transfer();
            let mut g = world.enter();
            while g.buffering().find(id).unwrap().waiters == 0 {
                g.wait(Channel::Data, Some(1));
            }
            if closing {
                close(&mut g, id);
            } else {
                assert!(signal(&mut g, id, true));
            }
            drop(g);
            assert_eq!(waiting.join().unwrap(), Err(ERR_HANDLE_NOT_FOUND));
        });
        world.release();
        if !closing {
            assert!(signal(&mut world.enter(), id, false));
            assert_eq!(copy(&world, id, 1000).unwrap(), bytes[..1000]);
        }
    }
}

#[test]
fn atomic_handles_lie_whole_in_one_place() {
    let world = ready(1_000_000);
    let bytes = world.put_pattern("file", 300_001);
    for (offset, kind) in [(0, Kind::AtomicAudio), (1000, Kind::RawAtomic), (300_001, Kind::Cuesheet)] {
        let id = open(&mut world.enter(), c"file", offset as u64, kind, 0).unwrap();
        let (first, len) = data(&mut world.enter(), id, 0).unwrap();
        assert_eq!(look_at(first, len), bytes[offset..]);
        let churn: Vec<i32> = (0..40).map(|n| world.pool().alloc(n * 1500, core::ptr::null())).collect();
        churn.iter().step_by(2).for_each(|handle| assert_eq!(world.pool().free(*handle), 0));
        world.pool().allocatable();
        assert_eq!(data(&mut world.enter(), id, 0), Ok((first, len)));
        assert_eq!(look_at(first, len), bytes[offset..]);
        churn.iter().skip(1).step_by(2).for_each(|handle| assert_eq!(world.pool().free(*handle), 0));
        if len > 7 {
            go(&world, id, offset + 7);
            assert_eq!(copy(&world, id, 100).unwrap(), bytes[offset + 7..offset + 107]);
        }
        close(&mut world.enter(), id);
    }
    let id = start_it(&world, "file", Kind::AtomicAudio).unwrap();
    go(&world, id, 290_000);
    assert_eq!(point(&world, id, 0).unwrap(), bytes[290_000..], "before what lies in front is there");
    go(&world, id, 0);
    assert_eq!(point(&world, id, 0).unwrap(), bytes);
    close(&mut world.enter(), id);
    assert_eq!(start_it(&world, "file", Kind::Id3), Err(ERR_UNSUPPORTED_TYPE));
    assert_eq!(start_it(&world, "nothing", Kind::RawAtomic), Err(ERR_FILE_ERROR));
    world.put_pattern("huge", 2_000_000);
    assert_eq!(start_it(&world, "huge", Kind::AtomicAudio), Err(ERR_BUFFER_FULL));
}

#[test]
fn of_two_threads_that_go_back_before_a_whole_files_start_the_slower_one_takes_nothing_away() {
    let world = ready(1_000_000);
    let bytes = world.put_pattern("file", 100_000);
    let id = open(&mut world.enter(), c"file", 90_000, Kind::AtomicAudio, 0).unwrap();
    let Some(Home::Atomic { object, .. }) = look(&mut world.enter(), id).map(|handle| handle.home) else { panic!() };
    go(&world, id, 1000);
    let used = budget::used(&mut world.enter());
    // Still on its way here, from where the handle began then.
    assert_eq!(map_from(&mut world.enter(), id, object, 50_000), Ok(()));
    assert_eq!(point(&world, id, 0).unwrap(), bytes[50_000..]);
    // What the other one waits for is still the handle's: otherwise nobody would get anything any more.
    let Some(Home::Atomic { base, .. }) = look(&mut world.enter(), id).map(|handle| handle.home) else { panic!() };
    assert!(base <= 1000 && budget::used(&mut world.enter()) == used);
    close(&mut world.enter(), id);
    assert_eq!(budget::used(&mut world.enter()), 0);
}

#[test]
fn handles_over_memory_hold_a_copy_that_can_be_written_through_its_pointer() {
    let world = ready(400_000);
    let source = crate::port::model::pattern(5000);
    let id = hand_over(&world, &source).unwrap();
    assert_eq!(point(&world, id, 0).unwrap(), source);
    assert_eq!(advance(&mut world.enter(), id, 4000), Ok(()));
    assert_eq!(copy(&world, id, 0).unwrap(), source[4000..]);
    assert_eq!(hand_over(&world, &std::vec![0; 1_000_000]), Err(ERR_BUFFER_FULL));
    let used = budget::used(&mut world.enter());
    assert_eq!(used, 5000);
    assert!(strip(&mut world.enter(), id, 4500));
    assert_eq!(point(&world, id, 0).unwrap(), source[4000..4500]);
    close(&mut world.enter(), id);
    assert_eq!(budget::used(&mut world.enter()), 0, "what was stripped is given back too");
}

#[test]
fn numbers_of_handles_are_not_used_again_not_even_after_a_reset() {
    let world = ready(400_000);
    world.put_pattern("file", 1000);
    let mut last = 0;
    for n in 0..50 {
        let id = stream(&world, "file");
        assert!(id > last);
        last = id;
        match n % 3 {
            0 => close(&mut world.enter(), id),
            1 => assert!(reset(&mut world.enter(), world.pool(), None)),
            _ => {}
        }
        if n % 3 < 2 {
            assert_eq!(point(&world, id, 1), Err(ERR_HANDLE_NOT_FOUND));
        }
    }
    reset(&mut world.enter(), world.pool(), None);
    until_closed(&mut world.enter());
}

#[test]
fn look_ahead_is_refused_when_the_budget_is_spoken_for() {
    let world = ready(1_000_000);
    world.put_pattern("long", 5_000_000);
    world.put_pattern("short", 1000);
    let long = stream(&world, "long");
    assert_eq!(start_it(&world, "short", Kind::PacketAudio), Err(ERR_BUFFER_FULL));
    go(&world, long, 4_900_000);
    let short = stream(&world, "short");
    close(&mut world.enter(), long);
    assert_eq!(copy(&world, short, 0).unwrap().len(), 1000);
}

#[test]
fn the_same_file_opened_twice_shares_its_data() {
    let world = ready(3_000_000);
    let bytes = world.put_pattern("file", 1_000_000);
    let first = stream(&world, "file");
    until_useful(&world, first, u64::MAX);
    let before = world.reads();
    let second = stream(&world, "file");
    assert_eq!(copy(&world, second, 0).unwrap(), bytes);
    close(&mut world.enter(), first);
    let third = stream(&world, "file");
    assert_eq!(copy(&world, third, 0).unwrap(), bytes);
    assert_eq!(world.reads(), before);
}

#[test]
fn the_budget_follows_the_pool_and_is_never_overdrawn() {
    let world = ready(3_000_000);
    world.put_pattern("file", 9_000_000);
    let full = budget::length(&mut world.enter());
    let id = stream(&world, "file");
    until_useful(&world, id, full - 300_000);
    let handle = world.pool().alloc(1_000_000, core::ptr::null());
    assert!(handle > 0);
    // A segment that is being made is neither free nor one yet.
    until_full(&world);
    let less = budget::length(&mut world.enter());
    assert!(less < full - 900_000 && less > full - 1_100_000, "{full} {less}");
    assert!(budget::used(&mut world.enter()) <= less + 300_000);
    world.pool().free(handle);
    // What segments cost beside their bytes, and one that is being made, are not in it.
    assert!(budget::length(&mut world.enter()) >= full - full / 20);
    assert!(segments(&mut world.enter()) <= full + 300_000);
}

#[test]
fn between_bursts_the_disk_sleeps() {
    let world = ready(4_000_000);
    let bytes = world.put_pattern("file", 16_000_000);
    set_watermark(&mut world.enter(), 300_000);
    let id = stream(&world, "file");
    let (mut pos, mut bursts, mut last) = (0, 0, 0);
    while pos + 50_000 < bytes.len() {
        until_full(&world);
        bursts += u32::from(world.reads() != last);
        last = world.reads();
        assert_eq!(point(&world, id, 32_768).unwrap()[..], bytes[pos..pos + 32_768]);
        advance(&mut world.enter(), id, 50_000).unwrap();
        pos += 50_000;
    }
    assert!((4..=8).contains(&bursts), "{bursts} bursts for 16 MB through 3.7 MB");
    assert_eq!(world.enter().buffering().counts.waits, 0);
}

#[test]
fn steps_of_4_kb_with_32_kb_looks_copy_less_than_55_in_100_bytes() {
    let world = ready(8_000_000);
    let bytes = world.put_pattern("file", 4_000_000);
    let id = stream(&world, "file");
    let mut pos = 0;
    while pos < bytes.len() {
        let want = 32_768.min(bytes.len() - pos);
        assert_eq!(point(&world, id, 32_768).unwrap(), bytes[pos..pos + want]);
        let step = 4096.min(bytes.len() - pos);
        advance(&mut world.enter(), id, step as i64).unwrap();
        pos += step;
    }
    let copied = world.enter().buffering().counts.bridged;
    assert!(copied * 100 < bytes.len() as u64 * 55, "{copied} of {}", bytes.len());
}

#[test]
fn windows_are_a_thirty_second_of_a_pool_whose_size_is_a_power_of_two() {
    for (pool, window) in [(256, 4), (512, 16), (1024, 16), (2048, 64), (4096, 128)] {
        let world = ready(pool << 10);
        assert_eq!(world.enter().cache().window(), window << 10, "{pool} KB");
    }
}

#[test]
fn as_many_short_songs_as_there_may_be_leave_storage_some_streams_and_the_next_one_comes_after_one_of_them() {
    let world = ready(4_000_000);
    let names: Vec<_> = (0..FILES + 2).map(|n| std::format!("song {n}")).collect();
    names.iter().for_each(|name| drop(world.put_pattern(name, 5000)));
    world.put_pattern("codec", 9000);
    let mut ids: Vec<_> = names[..FILES - 1].iter().map(|name| stream(&world, name)).collect();
    // Each with the same codec: that is one file.
    let codecs: Vec<_> = ids.iter().map(|_| start_it(&world, "codec", Kind::Codec).unwrap()).collect();
    let next = |n: usize| start_it(&world, &names[n], Kind::PacketAudio);
    assert_eq!(next(FILES), Err(ERR_BUFFER_FULL));
    assert_eq!(world.streams(), FILES);
    // Another place of a song that is open already.
    ids.push(next(0).unwrap());
    close(&mut world.enter(), ids.remove(1));
    ids.push(next(FILES).unwrap());
    assert_eq!(next(FILES + 1), Err(ERR_BUFFER_FULL));
    for id in ids.into_iter().chain(codecs) {
        close(&mut world.enter(), id);
    }
    until_closed(&mut world.enter());
}
