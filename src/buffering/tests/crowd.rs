//! Many threads on all floors at once, over shared files, in a pool that is much too small: every byte is right, and
//! nothing is left behind.

use std::ffi::CString;
use std::format;
use std::vec::Vec;

use crate::buffering::handle::Kind;
use crate::buffering::open::{close, open};
use crate::buffering::position::{advance, seek};
use crate::buffering::stream::{data, read};
use crate::buffering::{ERR_BUFFER_FULL, reset};
use crate::file::{self, Whence};
use crate::mmap::callers;
use crate::mmap::memory::look_at;
use crate::mmap::mode::Mode;
use crate::port::model::{Dice, World, pattern, until_closed};
use crate::port::storage::Errno;

const FILES: usize = 6;
const SIZE: usize = 400_000;

fn path(n: usize) -> CString {
    CString::new(format!("file{n}")).unwrap()
}

/// Opens streams and atomic handles, reads, jumps, closes.
fn player(world: &World, files: &[Vec<u8>], seed: u64, crowded: bool) {
    let mut dice = Dice::new(seed);
    let mut mine: Vec<(i32, usize, usize)> = Vec::new();
    for _ in 0..500 {
        if mine.len() < 3 {
            let n = dice.below(FILES);
            let kind = if dice.below(4) == 0 { Kind::RawAtomic } else { Kind::PacketAudio };
            match open(&mut world.enter(), &path(n), 0, kind, 0) {
                Ok(id) => mine.push((id, n, 0)),
                Err(error) => assert_eq!(error, ERR_BUFFER_FULL),
            }
        }
        let Some(at) = (!mine.is_empty()).then(|| dice.below(mine.len())) else { continue };
        let (id, n, pos) = mine[at];
        let file = &files[n];
        match dice.below(6) {
            0 => {
                close(&mut world.enter(), id);
                mine.swap_remove(at);
            }
            1 => {
                let to = dice.below(SIZE + 1);
                assert_eq!(seek(&mut world.enter(), id, to as u64), Ok(()));
                mine[at].2 = to;
            }
            2 => {
                let mut into = std::vec![0; dice.below(60_000).min(SIZE - pos)];
                let got = read(&mut world.enter(), id, &mut into).unwrap();
                assert_eq!(into, file[pos..pos + got]);
            }
            _ => {
                let want = 1 + dice.below(50_000);
                let (start, len) = data(&mut world.enter(), id, want).unwrap();
                // There is one bridge for sure; several streams that cross at once need memory for more.
                let promised = want.min(SIZE - pos).min(32 * 1024);
                assert!(len >= promised || len > 0 && crowded, "{len} of {promised}");
                assert_eq!(look_at(start, len), file[pos..pos + len], "file {n} at {pos}");
                let step = dice.below(len + 1);
                // The pointer is good as long as the handle gives no other.
                assert_eq!(advance(&mut world.enter(), id, step as i64), Ok(()));
                assert_eq!(look_at(start + step, len - step), file[pos + step..pos + len]);
                mine[at].2 = pos + step;
            }
        }
    }
    mine.into_iter().for_each(|(id, ..)| close(&mut world.enter(), id));
}

/// Opens, reads and maps files.
fn reader(world: &World, files: &[Vec<u8>], seed: u64) {
    let mut dice = Dice::new(seed);
    for _ in 0..150 {
        let n = dice.below(FILES);
        let fd = file::open(&mut world.enter(), world.pool(), &path(n), file::Mode::READ).unwrap();
        for _ in 0..4 {
            let from = dice.below(SIZE);
            let mut into = std::vec![0; dice.below(20_000)];
            file::seek(&mut world.enter(), fd, from as i64, Whence::Set).unwrap();
            let got = file::read(&mut world.enter(), fd, &mut into).unwrap();
            assert_eq!(into[..got], files[n][from..SIZE.min(from + into.len())]);
        }
        let (from, len) = (dice.below(SIZE / 512) * 512, 1 + dice.below(30_000));
        let made = {
            let mut g = world.enter();
            let object = file::object(&mut g, fd).unwrap();
            callers::create(&mut g, world.pool(), object, Mode::Read, from as u64, len)
        };
        file::close(&mut world.enter(), fd).unwrap();
        match made {
            Err(error) => assert_eq!(error, Errno::NOMEM),
            Ok(md) => {
                callers::read(&mut world.enter(), md, 0, len).unwrap();
                let start = callers::get(&mut world.enter(), md).unwrap() as usize;
                let there = len.min(SIZE - from);
                assert_eq!(look_at(start, there), files[n][from..from + there]);
                callers::put(&mut world.enter(), md).unwrap();
                callers::destroy(&mut world.enter(), md, len).unwrap();
            }
        }
    }
}

/// Takes and gives blocks of the pool.
fn neighbour(world: &World, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut held: Vec<i32> = Vec::new();
    for _ in 0..3000 {
        if held.len() < 5 {
            held.push(world.pool().alloc(dice.below(120_000), core::ptr::null()));
        } else {
            world.pool().free(held.swap_remove(dice.below(5)));
        }
        std::thread::yield_now();
    }
    for handle in held {
        world.pool().free(handle);
    }
}

#[test]
fn many_threads_on_all_floors_read_the_right_bytes_and_leave_nothing_behind() {
    for (pool, seed) in [(8_000_000, 1), (1_200_000, 2), (800_000, 3)] {
        let world = World::new(pool);
        let files: Vec<Vec<u8>> = (0..FILES)
            .map(|n| {
                let bytes: Vec<u8> = pattern(SIZE).into_iter().map(|byte| byte ^ n as u8).collect();
                world.put(&format!("file{n}"), bytes.clone());
                bytes
            })
            .collect();
        assert!(reset(&mut world.enter(), world.pool(), None));
        std::thread::scope(|scope| {
            for n in 0..3 {
                let (world, files) = (&world, &files);
                scope.spawn(move || player(world, files, seed * 100 + n, pool < 8_000_000));
                scope.spawn(move || reader(world, files, seed * 200 + n));
            }
            scope.spawn(|| neighbour(&world, seed));
        });
        until_closed(&mut world.enter());
    }
}
