//! What a file that grows while it is played promises: to the stream, whose pointer stays what it is, and to the writer.

use core::ffi::c_void;
use std::vec::Vec;

use super::{go, point, ready, start_it, stream};
use crate::buffering::Buffered;
use crate::buffering::handle::{Home, Kind};
use crate::buffering::open::{close, open};
use crate::buffering::position::seek;
use crate::buffering::stream::{data, read};
use crate::buflib::{CB_OK, Callbacks, Priority, PurgeCallbacks};
use crate::cache::open as files;
use crate::cache::pattern::Pattern;
use crate::cache::write::{APPEND, sync, truncate, write};
use crate::cache::{flush, read as reading};
use crate::mmap::callers;
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::look_at;
use crate::mmap::mode::Mode;
use crate::port::model::{Dice, Model, World, pattern};
use crate::port::monitor::House;
use crate::port::storage::How;

const SIZES: [usize; 5] = [2000, 2048, 65_536, 70_000, 300_000];

fn writer(world: &World) -> u16 {
    files::open(&mut world.enter(), c"file", How::WRITE).unwrap()
}

fn append(world: &World, file: u16, oracle: &mut Vec<u8>, len: usize) {
    let bytes: Vec<u8> = pattern(len + 3).iter().skip(3).map(|byte| byte ^ 0x5A).collect();
    let put = write(&mut world.enter(), file, APPEND, &bytes, &mut Pattern::new());
    oracle.extend_from_slice(&bytes);
    assert_eq!(put, Ok((len, oracle.len() as u64)));
}

fn all(world: &World, file: u16, from: usize, len: usize) -> Vec<u8> {
    let mut into = std::vec![0; len];
    let got = reading::read(&mut world.enter(), file, from as u64, &mut into, &mut Pattern::new()).unwrap();
    into.truncate(got);
    into
}

/// A stream that holds a pointer to the last bytes of its file: the number, the pointer, how many.
fn at_the_end(world: &World, len: usize) -> (i32, usize, usize) {
    let id = stream(world, "file");
    go(world, id, len - 1000);
    let (start, there) = data(&mut world.enter(), id, 1000).unwrap();
    assert_eq!(there, 1000);
    (id, start, there)
}

#[test]
fn appends_of_any_size_succeed_while_a_stream_holds_the_end_and_its_bytes_stay() {
    for limit in [0, 1u64 << 30] {
        for len in SIZES {
            let world = ready(3_000_000);
            if limit > 0 {
                world.limit(limit);
            }
            let mut oracle = world.put_pattern("file", len);
            let (id, start, there) = at_the_end(&world, len);
            let file = writer(&world);
            for size in 1..=600 {
                append(&world, file, &mut oracle, size);
                assert_eq!(look_at(start, there), oracle[len - 1000..len], "{len} and {size}");
            }
            assert!(all(&world, file, 0, oracle.len() + 1) == oracle, "{len}: read back");
            assert_eq!(look_at(start, there), oracle[len - 1000..len]);
            close(&mut world.enter(), id);
            // The buffering thread may be at the file still: the last user may be that one.
            assert_eq!(sync(&mut world.enter(), file), Ok(()));
            assert!(world.bytes_of("file").unwrap() == oracle, "{len}: on the disk");
            assert_eq!(world.enter().maps().dirty, 0);
            assert_eq!(files::release(&mut world.enter(), file), Ok(()));
        }
    }
}

#[test]
fn one_append_is_on_the_disk_after_sync_with_the_end_still_held() {
    for len in SIZES {
        for size in [1, 47, 48, 49, 511, 512, 513, 600, 5000, 200_000] {
            let world = ready(2_000_000);
            world.limit(1 << 30);
            let mut oracle = world.put_pattern("file", len);
            let (id, start, there) = at_the_end(&world, len);
            let file = writer(&world);
            append(&world, file, &mut oracle, size);
            assert_eq!(sync(&mut world.enter(), file), Ok(()));
            assert!(world.bytes_of("file").unwrap() == oracle, "{len} and {size}");
            assert_eq!(look_at(start, there), oracle[len - 1000..len]);
            // Somebody who opens it now plays on into what is new.
            let next = stream(&world, "file");
            go(&world, next, len - 500);
            let wanted = (500 + size).min(20_000);
            assert_eq!(point(&world, next, wanted).unwrap(), oracle[len - 500..len - 500 + wanted]);
            close(&mut world.enter(), next);
            close(&mut world.enter(), id);
            assert_eq!(files::release(&mut world.enter(), file), Ok(()));
        }
    }
}

/// The pool wants a block: its owner cuts the file first.
extern "C" fn cuts(_: i32, _: *mut c_void, _: usize) -> i32 {
    let mut g = Model::monitor().enter();
    let object = g.buffering().all().iter().find_map(|handle| match handle.home {
        Home::Stream { object } => Some(object),
        _ => None,
    });
    assert_eq!(truncate(&mut g, object.unwrap(), 10_000), Ok(()));
    CB_OK
}

static CUTS: PurgeCallbacks = PurgeCallbacks {
    base: Callbacks { move_callback: None, shrink_callback: None, sync_callback: None },
    free_callback: Some(cuts),
    clean_callback: None,
};

#[test]
fn a_file_may_be_cut_while_memory_is_taken_for_what_it_has_behind_a_held_end() {
    let world = ready(1_000_000);
    let mut oracle = world.put_pattern("file", 70_000);
    let (id, start, _) = at_the_end(&world, 70_000);
    let file = writer(&world);
    append(&world, file, &mut oracle, 60_000);
    assert_eq!(sync(&mut world.enter(), file), Ok(()));
    // Nothing is free but a block whose owner cuts the file when it goes.
    let pool = world.pool();
    let victim = pool.alloc_purgeable(40_000, 0, Priority::Disposable, 0, &CUTS);
    pool.io_begin(victim);
    for size in (6..20).rev().map(|shift| 1 << shift) {
        while pool.alloc(size, core::ptr::null()) > 0 {}
    }
    pool.io_end(victim);
    assert_eq!(all(&world, file, 100_000, 100), []);
    assert_eq!(look_at(start, 1000), [0; 1000], "behind the end");
    assert!(all(&world, file, 0, 20_000) == oracle[..10_000]);
    close(&mut world.enter(), id);
    assert_eq!(files::release(&mut world.enter(), file), Ok(()));
    assert!(world.bytes_of("file").unwrap() == oracle[..10_000]);
}

#[test]
fn streams_readers_writers_and_mappings_of_a_growing_file_agree() {
    for (pool, seed) in [(1_000_000, 1), (1_000_000, 2), (2_500_000, 3), (600_000, 4), (2_500_000, 5)] {
        let world = ready(pool);
        world.limit(1 << 30);
        let mut oracle = world.put_pattern("file", 3000);
        let file = writer(&world);
        let mut dice = Dice::new(seed);
        let mut streams: Vec<(i32, usize, usize, usize)> = Vec::new();
        let mut block = 0;
        for step in 0..1500 {
            match dice.below(10) {
                0..3 => {
                    let most = [600, 600, 6000, 40_000][dice.below(4)];
                    let size = 1 + dice.below(most);
                    if oracle.len() < 700_000 {
                        append(&world, file, &mut oracle, size);
                    }
                }
                3 if streams.len() < 4 => {
                    let id = start_it(&world, "file", Kind::PacketAudio);
                    let Ok(id) = id else { continue };
                    let at = oracle.len() - 1 - dice.below(oracle.len().min(9000));
                    assert_eq!(seek(&mut world.enter(), id, at as u64), Ok(()));
                    let (start, there) = data(&mut world.enter(), id, 1 + dice.below(20_000)).unwrap();
                    streams.push((id, at, start, there));
                }
                4 if !streams.is_empty() => {
                    let n = dice.below(streams.len());
                    close(&mut world.enter(), streams.swap_remove(n).0);
                }
                5 => {
                    let at = dice.below(oracle.len());
                    let len = 1 + dice.below(30_000);
                    let end = oracle.len().min(at + len);
                    assert!(all(&world, file, at, len) == oracle[at..end], "step {step}, seed {seed}");
                }
                6 => {
                    world.pool().free(block);
                    block = world.pool().alloc(dice.below(pool / 3), core::ptr::null());
                }
                7 if dice.below(4) == 0 => {
                    assert_eq!(sync(&mut world.enter(), file), Ok(()));
                    assert!(world.bytes_of("file").unwrap() == oracle, "step {step}, seed {seed}");
                }
                8 => {
                    let from = oracle.len().saturating_sub(dice.below(9000)) / 512 * 512;
                    let len = 1 + dice.below(9000);
                    let made = callers::create(&mut world.enter(), world.pool(), file, Mode::Read, from as u64, len);
                    let Ok(md) = made else { continue };
                    assert_eq!(callers::read(&mut world.enter(), md, 0, len), Ok(()));
                    let start = callers::get(&mut world.enter(), md).unwrap() as usize;
                    let there = len.min(oracle.len() - from);
                    assert!(look_at(start, there) == oracle[from..from + there], "step {step}, seed {seed}");
                    callers::put(&mut world.enter(), md).unwrap();
                    assert_eq!(callers::destroy(&mut world.enter(), md, len), Ok(()));
                }
                _ => {
                    let Ok(id) = open(&mut world.enter(), c"file", 0, Kind::PacketAudio, 0) else { continue };
                    let at = dice.below(oracle.len());
                    go(&world, id, at);
                    let mut into = std::vec![0; (oracle.len() - at).min(15_000)];
                    let got = read(&mut world.enter(), id, &mut into);
                    assert_eq!(got, Ok(into.len()));
                    assert!(into == oracle[at..at + into.len()], "step {step}, seed {seed}");
                    close(&mut world.enter(), id);
                }
            }
            for &(_, at, start, there) in &streams {
                assert!(look_at(start, there) == oracle[at..at + there], "step {step}, seed {seed}");
            }
        }
        for (id, ..) in streams {
            close(&mut world.enter(), id);
        }
        world.pool().free(block);
        assert_eq!(flush::all(&mut world.enter()), Ok(()));
        assert_eq!(files::release(&mut world.enter(), file), Ok(()));
        assert!(world.bytes_of("file").unwrap() == oracle, "seed {seed}");
    }
}

#[test]
fn a_held_mapping_beside_a_stream_shows_what_is_written_by_offset_at_once() {
    for size in [1500, 512, 5000] {
        let world = ready(2_000_000);
        world.limit(1 << 30);
        let mut oracle = world.put_pattern("file", 5000);
        let id = stream(&world, "file");
        assert_eq!(data(&mut world.enter(), id, 5000).unwrap().1, 5000);
        let file = writer(&world);
        let md = callers::create(&mut world.enter(), world.pool(), file, Mode::Read, 0, 5000).unwrap();
        assert_eq!(callers::read(&mut world.enter(), md, 0, 5000), Ok(()));
        let start = callers::get(&mut world.enter(), md).unwrap() as usize;
        let put = write(&mut world.enter(), file, 0, &std::vec![b'B'; size], &mut Pattern::new());
        assert_eq!(put, Ok((size, size as u64)));
        oracle[..size].fill(b'B');
        assert!(look_at(start, 5000) == oracle, "{size}");
        callers::put(&mut world.enter(), md).unwrap();
        assert_eq!(callers::destroy(&mut world.enter(), md, 5000), Ok(()));
        close(&mut world.enter(), id);
        assert_eq!(files::release(&mut world.enter(), file), Ok(()));
        assert!(world.bytes_of("file").unwrap() == oracle, "{size}");
    }
}
