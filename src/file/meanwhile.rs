//! What one thread does while another has given the floors' lock back in the midst of a call.
//!
//! ```text
//!   call ──── unlock ── storage or memory ── lock ──── goes on from what is true now, not from what was
//!                          ▲
//!                          └ here somebody else syncs, opens, declares, cuts, or pulls the card out
//! ```

use super::testing::{MAKE, RW, get, open_as, path, put, world};
use super::{Mode, Whence, close, open, read, same, seek, sync, truncate};
use crate::port::model::{Model, World, pattern};
use crate::port::monitor::House;
use crate::port::storage::{Errno, Storage};

/// Nobody knows how much of a change a sync has brought to the disk that ran beside it: the next one does not take it for
/// done.
#[test]
fn what_is_written_or_cut_while_another_syncs_is_on_the_disk_after_the_next_sync() {
    type Change = fn(&World, i32);
    let long: Change = |world, fd| assert_eq!(put(world, fd, &pattern(300_000)), Ok(300_000));
    let cut: Change = |world, fd| assert_eq!(truncate(&mut world.enter(), fd, 100), Ok(()));
    for (change, largest) in [(long, Model::TRANSFER), (cut, 0)] {
        let world = world(1_000_000);
        world.put_pattern("file", 400_000);
        let fd = open_as(&world, "file", RW).unwrap();
        world.when_changed(move || sync(&mut Model::monitor().enter(), fd).unwrap());
        change(&world, fd);
        assert_eq!((world.syncs(), world.largest_write()), (1, largest));
        assert_eq!(sync(&mut world.enter(), fd), Ok(()));
        assert_eq!(world.syncs(), 2, "what was not there when the first one ran is left to chance");
        close(&mut world.enter(), fd).unwrap();
    }
}

/// What storage says of a file changes with a sync, and before the call that brings it comes back.
#[test]
fn a_file_that_is_opened_while_what_a_close_left_behind_is_synced_stays_one_file() {
    let world = world(500_000);
    let fd = open_as(&world, "file", MAKE).unwrap();
    assert_eq!(put(&world, fd, &[1; 5000]), Ok(5000));
    world.fail_sync(1);
    assert_eq!(close(&mut world.enter(), fd), Err(Errno::IO));
    let writer = open_as(&world, "file", RW).unwrap();
    let ((tell, told), pool) = (std::sync::mpsc::channel(), world.pool());
    world.when_synced(move || {
        let mut g = Model::monitor().enter();
        let reader = open(&mut g, pool, &path("file"), Mode::READ).unwrap();
        assert_eq!(read(&mut g, reader, &mut [0; 700]), Ok(700));
        tell.send(reader).unwrap();
    });
    assert_eq!(sync(&mut world.enter(), writer), Ok(()));
    let reader = told.recv().unwrap();
    assert_eq!(same(&mut world.enter(), writer, reader), Ok(true));
    assert_eq!(put(&world, writer, &[2; 5000]), Ok(5000));
    seek(&mut world.enter(), reader, 0, Whence::Set).unwrap();
    assert_eq!(get(&world, reader, 6000).unwrap(), [2; 5000]);
    for fd in [writer, reader] {
        close(&mut world.enter(), fd).unwrap();
    }
    assert_eq!(world.streams(), 0);
}
