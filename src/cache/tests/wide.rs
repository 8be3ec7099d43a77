//! Sectors of 1024, 2048 and 4096 bytes: every transfer is of whole ones, and nothing else changes.

use std::vec::Vec;

use crate::cache::open::{open, release};
use crate::cache::pattern::Pattern;
use crate::cache::write::{sync, truncate, write};
use crate::cache::{prepare, read};
use crate::house::State;
use crate::mmap::callers;
use crate::mmap::memory::{look_at, poke_at};
use crate::mmap::mode::Mode;
use crate::port::model::{Dice, World, pattern};
use crate::port::monitor::House;
use crate::port::storage::{Errno, How};
use crate::port::wide::{Wide1, Wide2, Wide4};

#[test]
fn with_sectors_of_1024_bytes_every_transfer_begins_and_ends_with_one() {
    whole_sectors::<Wide1>();
}

#[test]
fn with_sectors_of_2048_bytes_every_transfer_begins_and_ends_with_one() {
    whole_sectors::<Wide2>();
}

#[test]
fn with_sectors_of_4096_bytes_every_transfer_begins_and_ends_with_one() {
    whole_sectors::<Wide4>();
}

/// Reads, writes, cuts and maps at random; the disk refuses what is no whole sector.
fn whole_sectors<H: House<State = State>>() {
    for pool in [300_000, 2_000_000] {
        let world = World::new(pool);
        world.limit(1 << 30);
        *H::monitor().enter() = State::new();
        let mut oracle = world.put_pattern("file", 150_000);
        let mut g = H::monitor().enter();
        prepare(&mut g, world.pool()).unwrap();
        let object = open(&mut g, c"file", How::WRITE).unwrap();
        assert_eq!(
            callers::create(&mut g, world.pool(), object, Mode::Read, 512, 10),
            Err(Errno::INVAL),
            "the page is a sector"
        );
        let (mut dice, mut pattern_of) = (Dice::new(pool as u64), Pattern::new());
        for step in 0..2000 {
            let (at, len) = (dice.below(oracle.len()), 1 + dice.below(9000));
            match dice.below(8) {
                0..3 => {
                    let at = if dice.below(3) == 0 { oracle.len() } else { at };
                    let bytes: Vec<u8> = pattern(len).iter().map(|byte| byte ^ step as u8).collect();
                    assert_eq!(write(&mut g, object, at as u64, &bytes, &mut pattern_of).map(|put| put.0), Ok(len));
                    oracle.resize(oracle.len().max(at + len), 0);
                    oracle[at..at + len].copy_from_slice(&bytes);
                }
                3 => {
                    let size = oracle.len().saturating_sub(dice.below(30_000)).max(60_000);
                    truncate(&mut g, object, size as u64).unwrap();
                    oracle.truncate(size);
                }
                4 => {
                    let from = at / H::SECTOR * H::SECTOR;
                    let md = callers::create(&mut g, world.pool(), object, Mode::Both, from as u64, len).unwrap();
                    callers::write(&mut g, md, 0, len).unwrap();
                    let start = callers::get(&mut g, md).unwrap() as usize;
                    let there = len.min(oracle.len() - from);
                    assert_eq!(look_at(start, there), oracle[from..from + there]);
                    poke_at(start, &[step as u8]);
                    oracle[from] = step as u8;
                    callers::put(&mut g, md).unwrap();
                    callers::destroy(&mut g, md, len).unwrap();
                }
                _ => {
                    let mut into = std::vec![0; len];
                    let got = read::read(&mut g, object, at as u64, &mut into, &mut pattern_of).unwrap();
                    assert_eq!(into[..got], oracle[at..oracle.len().min(at + len)], "step {step}");
                }
            }
        }
        assert_eq!(sync(&mut g, object), Ok(()));
        assert!(world.bytes_of("file").unwrap() == oracle);
        assert_eq!(release(&mut g, object), Ok(()));
        *g = State::new();
    }
}
