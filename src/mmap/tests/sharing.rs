//! What threads that share one mapping are promised: what one of them declares lasts until its own put, whatever the
//! others do meanwhile.

use std::sync::Barrier;
use std::thread::scope;
use std::vec;

use super::writing::{close, map, open_it, roomy};
use crate::cache::write as writing;
use crate::mmap::callers::{destroy, get, put, read, sync, write};
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::poke_at;
use crate::mmap::mode::Mode;
use crate::port::model::World;

const SIZE: usize = 60_000;

/// Runs `work` in a thread of its own, to its end.
fn elsewhere(work: impl FnOnce() + Send) {
    scope(|threads| {
        threads.spawn(work);
    });
}

/// Gets, changes and puts what was declared before.
fn poke(world: &World, md: i32, from: usize, byte: u8) {
    let start = get(&mut world.enter(), md).unwrap() as usize;
    poke_at(start + from, &[byte; 100]);
    put(&mut world.enter(), md).unwrap();
}

/// A declares, B does `between`, the file is synced, A changes: the change is on the disk after the next sync.
fn declared_stays(between: impl Fn(&World, i32) + Sync) {
    let world = roomy(500_000);
    let mut bytes = world.put_pattern("file", SIZE);
    let object = open_it(&world, "file");
    let md = map(&world, object, Mode::Both, 0, SIZE).unwrap();
    write(&mut world.enter(), md, 1000, 100).unwrap();
    elsewhere(|| between(&world, md));
    assert_eq!(writing::sync(&mut world.enter(), object), Ok(()));
    poke(&world, md, 1000, 0xA7);
    bytes[1000..1100].fill(0xA7);
    assert_eq!(writing::sync(&mut world.enter(), object), Ok(()));
    assert!(world.bytes_of("file").unwrap() == bytes, "a change is lost");
    assert_eq!(world.enter().maps().dirty, 0, "both are done");
    assert_eq!(destroy(&mut world.enter(), md, SIZE), Ok(()));
    close(&world, object);
}

#[test]
fn a_change_declared_by_one_thread_outlasts_the_put_of_another() {
    declared_stays(|world, md| {
        read(&mut world.enter(), md, 0, 100).unwrap();
        get(&mut world.enter(), md).unwrap();
        put(&mut world.enter(), md).unwrap();
    });
}

#[test]
fn a_change_declared_by_one_thread_outlasts_what_another_declares_and_changes() {
    declared_stays(|world, md| {
        // What B changes are the bytes that A will, and A is later.
        write(&mut world.enter(), md, 1000, 100).unwrap();
        poke(world, md, 1000, 0x11);
    });
}

#[test]
fn a_change_declared_by_one_thread_outlasts_the_sync_of_another() {
    declared_stays(|world, md| assert_eq!(sync(&mut world.enter(), md, 0, SIZE), Ok(())));
}

#[test]
fn a_put_by_another_thread_than_the_one_that_got_ends_what_that_one_declared() {
    let world = roomy(500_000);
    world.put_pattern("file", SIZE);
    let object = open_it(&world, "file");
    let md = map(&world, object, Mode::Both, 0, SIZE).unwrap();
    write(&mut world.enter(), md, 1000, 100).unwrap();
    let start = get(&mut world.enter(), md).unwrap() as usize;
    elsewhere(|| {
        poke_at(start + 1000, &[9; 100]);
        put(&mut world.enter(), md).unwrap();
    });
    assert_eq!(writing::sync(&mut world.enter(), object), Ok(()));
    assert_eq!(world.enter().maps().dirty, 0);
    assert_eq!(destroy(&mut world.enter(), md, SIZE), Ok(()));
    close(&world, object);
}

#[test]
fn more_threads_than_can_be_told_apart_lose_nothing_either() {
    const THREADS: usize = 40;
    let world = roomy(500_000);
    world.put_pattern("file", SIZE);
    let object = open_it(&world, "file");
    let md = map(&world, object, Mode::Both, 0, SIZE).unwrap();
    let step = Barrier::new(THREADS + 1);
    scope(|threads| {
        for n in 0..THREADS {
            let (world, step, early) = (&world, &step, n < THREADS / 2);
            threads.spawn(move || {
                for turn in [early, !early] {
                    if turn {
                        write(&mut world.enter(), md, n * 1000, 100).unwrap();
                    }
                    step.wait();
                }
                // Those who came first are done before the sync, those who came last change what was written then.
                for turn in [early, false, !early] {
                    if turn {
                        poke(world, md, n * 1000, 0x5A);
                    }
                    step.wait();
                }
            });
        }
        for _ in 0..3 {
            step.wait();
        }
        assert_eq!(writing::sync(&mut world.enter(), object), Ok(()));
        step.wait();
        step.wait();
    });
    assert_eq!(destroy(&mut world.enter(), md, SIZE), Ok(()));
    let bytes = world.bytes_of("file").unwrap();
    let changed = (0..THREADS).filter(|n| bytes[n * 1000..n * 1000 + 100] == vec![0x5A; 100]).count();
    assert_eq!(changed, THREADS);
    assert_eq!(world.enter().maps().dirty, 0);
    close(&world, object);
}
