//! What windows the ways of reading get.

use std::ffi::CString;
use std::vec;

use crate::cache::open::{open, release};
use crate::cache::pattern::Pattern;
use crate::cache::{prepare, read};
use crate::mmap::callers;
use crate::mmap::mapping::Mapped;
use crate::mmap::mode::Mode;
use crate::port::model::{Model, World};
use crate::port::storage::{How, Storage};

/// Memory in which windows may be as large as they get.
const POOL: usize = 8 << 20;

fn open_it(world: &World, path: &str) -> u16 {
    let mut g = world.enter();
    prepare(&mut g, world.pool()).unwrap();
    open(&mut g, &CString::new(path).unwrap(), How::empty()).unwrap()
}

#[test]
fn the_windows_of_a_run_grow_from_four_to_128_kilobytes() {
    let world = World::new(POOL);
    let bytes = world.put_pattern("file", 1 << 20);
    let object = open_it(&world, "file");
    let (mut pattern, mut at, mut lengths) = (Pattern::new(), 0, vec![]);
    let mut piece = [0; 100];
    while at < bytes.len() {
        let got = read::read(&mut world.enter(), object, at as u64, &mut piece, &mut pattern).unwrap();
        assert!(piece[..got] == bytes[at..at + got]);
        let mut g = world.enter();
        let slot = g.maps().find(object, at as u64).unwrap();
        let length = g.maps().at(slot).length >> 10;
        if lengths.last() != Some(&length) {
            lengths.push(length);
        }
        at += got;
    }
    assert_eq!(lengths, [4, 16, 64, 128]);
    release(&mut world.enter(), object).unwrap();
}

#[test]
fn runs_that_one_descriptor_interleaves_get_the_windows_of_runs_and_lone_reads_beside_them_do_not() {
    let world = World::new(POOL);
    let bytes = world.put_pattern("file", 8 << 20);
    let object = open_it(&world, "file");
    let mut pattern = Pattern::new();
    let mut get = |at: usize, len: usize| {
        let mut piece = vec![0; len];
        assert_eq!(read::read(&mut world.enter(), object, at as u64, &mut piece, &mut pattern), Ok(len));
        assert!(piece == bytes[at..at + len]);
    };
    for n in 0..256 {
        for run in 0..2 {
            get(run * (3 << 20) + n * 2000, 2000);
        }
        if n % 64 == 63 {
            get((7 << 20) + n * 1000, 10);
        }
    }
    // Two runs of 512 KB, of which four windows are large, and four lone reads.
    assert_eq!(world.largest_read(), Model::TRANSFER);
    assert!(world.reads() <= 2 * 8 + 4 * 2, "{} reads", world.reads());
    let mut g = world.enter();
    let slot = g.maps().find(object, (7 << 20) + 63_000).unwrap();
    assert_eq!(g.maps().at(slot).length, 4096);
    release(&mut g, object).unwrap();
}

#[test]
fn what_is_declared_comes_in_the_longest_transfers_that_storage_takes() {
    let world = World::new(POOL);
    world.put_pattern("file", 1 << 20);
    let object = open_it(&world, "file");
    let mut g = world.enter();
    let md = callers::create(&mut g, world.pool(), object, Mode::Read, 512, 5 * Model::TRANSFER).unwrap();
    callers::read(&mut g, md, Model::TRANSFER + 100, 512).unwrap();
    assert_eq!((world.reads(), world.largest_read()), (1, 1024));
    // Around what is there already.
    callers::read(&mut g, md, 0, 5 * Model::TRANSFER).unwrap();
    assert_eq!((world.reads(), world.largest_read()), (1 + 1 + 4, Model::TRANSFER));
    callers::destroy(&mut g, md, 5 * Model::TRANSFER).unwrap();
    release(&mut g, object).unwrap();
}
