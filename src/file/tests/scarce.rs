//! What every call on files promises while allocations fail: one at a time, or all from some moment on.

use std::vec;
use std::vec::Vec;

use super::{MAKE, RW, get, open_as, path, put, world};
use crate::cache::prepare;
use crate::file::{Whence, close, object, remove, rename, seek, sync, truncate};
use crate::mmap::memory::{faults, poke_at};
use crate::mmap::mode::Mode;
use crate::mmap::{callers, mapping::Mapped};
use crate::port::model::{World, pattern};
use crate::port::storage::Errno;

/// Maps a range of a file and changes some of it; false when there is no memory for the mapping.
fn change(world: &World, fd: i32, from: usize, bytes: &[u8]) -> bool {
    let of = object(&mut world.enter(), fd).unwrap();
    let created = callers::create(&mut world.enter(), world.pool(), of, Mode::Both, from as u64, bytes.len());
    let md = match created {
        Ok(md) => md,
        Err(error) => {
            assert_eq!(error, Errno::NOMEM);
            return false;
        }
    };
    let start = callers::get(&mut world.enter(), md).unwrap();
    assert_eq!(callers::write(&mut world.enter(), md, 0, bytes.len()), Ok(()));
    poke_at(start.addr(), bytes);
    assert_eq!(callers::sync(&mut world.enter(), md, 0, bytes.len()), Ok(()));
    assert_eq!(callers::put(&mut world.enter(), md), Ok(()));
    assert_eq!(callers::destroy(&mut world.enter(), md, bytes.len()), Ok(()));
    true
}

/// A file as it should be.
struct File {
    fd: i32,
    bytes: Vec<u8>,
}

impl File {
    fn put(&mut self, world: &World, at: usize, bytes: &[u8]) {
        assert_eq!(seek(&mut world.enter(), self.fd, at as i64, Whence::Set), Ok(at as u64));
        assert_eq!(put(world, self.fd, bytes), Ok(bytes.len()));
        self.bytes.resize(self.bytes.len().max(at + bytes.len()), 0);
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn compare(&self, world: &World) {
        seek(&mut world.enter(), self.fd, 0, Whence::Set).unwrap();
        assert!(
            get(world, self.fd, self.bytes.len() + 1).unwrap() == self.bytes,
            "reads otherwise than it was written"
        );
    }
}

/// All that files can do, in a pool that holds a part of them. How many commands it took.
fn everything(world: &World) -> u64 {
    let before = world.reads() + world.writes();
    let mut one = File { fd: open_as(world, "one", RW).unwrap(), bytes: pattern(90_000) };
    one.compare(world);
    one.put(world, 1000, &[1; 700]);
    one.put(world, 89_900, &[2; 30_000]);
    if change(world, one.fd, 40_960, &[3; 2000]) {
        one.bytes[40_960..42_960].fill(3);
    }
    assert_eq!(truncate(&mut world.enter(), one.fd, 70_001), Ok(()));
    one.bytes.truncate(70_001);
    one.put(world, 70_001, &[4; 100]);
    assert_eq!(sync(&mut world.enter(), one.fd), Ok(()));
    assert!(world.bytes_of("one").unwrap() == one.bytes, "after sync");

    let mut two = File { fd: open_as(world, "two", MAKE).unwrap(), bytes: Vec::new() };
    for n in 0..40 {
        two.put(world, n * 900, &[n as u8; 900]);
    }
    one.put(world, 10, &[5; 10]);
    assert_eq!(rename(&mut world.enter(), &path("two"), &path("three")), Ok(()));
    two.put(world, 36_000, &[6; 5000]);
    if change(world, two.fd, 1024, &[7; 512]) {
        two.bytes[1024..1536].fill(7);
    }
    two.compare(world);
    assert_eq!(close(&mut world.enter(), two.fd), Ok(()));
    assert!(world.bytes_of("three").unwrap() == two.bytes, "after close");

    assert_eq!(remove(&mut world.enter(), &path("one")), Ok(()));
    one.put(world, 0, &[8; 5000]);
    one.compare(world);
    assert_eq!(close(&mut world.enter(), one.fd), Ok(()));
    assert_eq!(remove(&mut world.enter(), &path("three")), Ok(()));
    world.reads() + world.writes() - before
}

/// Commands that one sector of cache for each descriptor takes for the same, at least: two for each of 40 records, its whole
/// sector and the one that it shares, and a dozen reads and as many writes for the rest.
const UNCACHED: u64 = 40 * 2 + 12 + 12;

#[test]
fn when_any_allocation_fails_every_call_works_and_a_mapping_is_refused_at_most() {
    for ever in [false, true] {
        let mut met = 0;
        for n in 1.. {
            let world = world(300_000);
            world.put_pattern("one", 90_000);
            prepare(&mut world.enter(), world.pool()).unwrap();
            faults::fail(n, ever);
            let commands = everything(&world);
            let struck = faults::clear();
            assert!(commands <= UNCACHED, "{commands} commands, {UNCACHED} without a cache: allocation {n}, {ever}");
            assert_eq!((world.streams(), world.enter().maps().dirty), (0, 0));
            if !struck {
                break;
            }
            met += 1;
        }
        assert!(met > 8, "{met} allocations");
    }
}

#[test]
fn what_could_not_be_mapped_can_be_when_there_is_memory_again() {
    let world = world(300_000);
    world.put_pattern("one", 90_000);
    let fd = open_as(&world, "one", RW).unwrap();
    faults::fail(1, true);
    assert!(!change(&world, fd, 0, &vec![1; 5000]));
    faults::clear();
    assert!(change(&world, fd, 0, &vec![1; 5000]));
    assert_eq!(close(&mut world.enter(), fd), Ok(()));
    assert_eq!(world.bytes_of("one").unwrap()[..5000], [1; 5000]);
}
