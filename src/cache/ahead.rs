//! The next window of a file that somebody reads from front to back, read before he comes there.
//!
//! ```text
//!    reader   ──── window n ────►│──── window n + 1 ────►
//!               │ enters: wants n + 1
//!               ▼
//!    buffering thread   reads n + 1 meanwhile
//! ```
//!
//! Where that thread does not run, a reader reads each window when he needs it.

use super::Cached;
use super::open::release;
use super::segment::{Made, Reader, segment};
use crate::mmap::mapping::Mapped;
use crate::mmap::object::Flags;
use crate::mmap::transfer::populate;
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};

/// Readers who may want something at once.
const WANTED: usize = 4;

/// What somebody will want.
#[derive(Clone, Copy)]
struct Want {
    object: u16,
    /// Which opening of it.
    opened: u32,
    /// Where the window begins.
    at: u64,
    class: u8,
}

/// What readers will want, the newest first.
#[derive(Clone, Copy)]
pub struct Ahead {
    wanted: [Option<Want>; WANTED],
    /// Whether somebody serves them.
    pub served: bool,
}

impl Ahead {
    /// Nothing.
    pub const fn new() -> Self {
        Ahead { wanted: [None; WANTED], served: false }
    }

    fn take(&mut self) -> Option<Want> {
        self.wanted.iter_mut().find_map(Option::take)
    }
}

/// A reader has entered a window that ends at `at`, and will want the next one.
pub fn want<H: House<State: Cached>>(g: &mut Guard<H>, object: u16, at: u64, class: u8) {
    if !g.cache().ahead.served || at >= g.maps().objects[object].stored || g.maps().authority(object, at).is_some() {
        return;
    }
    let opened = g.maps().objects[object].opened;
    let wanted = &mut g.cache().ahead.wanted;
    // A reader's new wish takes the place of his last one.
    let place = wanted.iter().position(|want| want.is_none_or(|want| want.object == object));
    wanted[..=place.unwrap_or(WANTED - 1)].rotate_right(1);
    wanted[0] = Some(Want { object, opened, at, class });
    H::wake(Channel::Work);
}

/// Reads one window that somebody will want: false if there is none. Failures are the reader's to meet.
pub fn serve<H: House<State: Cached>>(g: &mut Guard<H>) -> bool {
    let Some(Want { object, opened, at, class }) = g.cache().ahead.take() else { return false };
    let maps = g.maps();
    let file = &maps.objects[object];
    let his = file.opened == opened && file.users() > 0 && at < file.stored && !file.flags.contains(Flags::GONE);
    if !his || maps.authority(object, at).is_some() {
        return true;
    }
    maps.objects[object].hold();
    if let Made::Here(name) = segment(g, object, at, class, Reader::File, false)
        && let Some(length) = g.maps().live(name).map(|map| map.length as usize)
    {
        let before = g.maps().counts.bytes;
        let there = populate(g, name, 0, length);
        let maps = g.maps();
        let bytes = maps.counts.bytes - before;
        if there == Ok(true) && bytes > 0 && maps.live(name).is_some() {
            maps.read_ahead(name.slot, length.min(bytes as usize));
        }
    }
    // Of a user beside the reader: there is nothing to report.
    let _ = release(g, object);
    true
}

#[cfg(test)]
mod tests {
    use crate::buffering;
    use crate::file::{Mode, Whence, close, open, read, seek};
    use crate::mmap::mapping::Mapped;
    use crate::port::kernel::{Channel, HZ};
    use crate::port::model::World;

    #[test]
    fn the_next_window_of_a_scan_is_there_before_its_reader() {
        let world = World::new(2_000_000);
        let bytes = world.put_pattern("file", 1_000_000);
        assert!(buffering::reset(&mut world.enter(), world.pool(), None));
        let fd = open(&mut world.enter(), world.pool(), c"file", Mode::READ).unwrap();
        let object = crate::file::object(&mut world.enter(), fd).unwrap();
        let mut at = 0;
        let mut step = |until: usize| {
            while at < until {
                let mut piece = [0; 4096];
                let got = read(&mut world.enter(), fd, &mut piece).unwrap();
                assert!(piece[..got] == bytes[at..at + got]);
                at += got;
            }
            at
        };
        // Until windows are as large as they will be.
        let mut now = step(300_000);
        assert_eq!(world.largest_read(), 64 << 10);
        for _ in 0..3 {
            let end = {
                let mut g = world.enter();
                let slot = g.maps().find(object, now as u64).unwrap();
                g.maps().at(slot).end() as usize
            };
            // Into the next window, which makes the one behind it wanted.
            now = step(end + 1);
            let mut g = world.enter();
            let behind = g.maps().find(object, now as u64).map(|slot| g.maps().at(slot).end()).unwrap();
            while !g.maps().find(object, behind).is_some_and(|slot| {
                let maps = g.maps();
                maps.valid_run(slot, 0) == maps.at(slot).length as usize
            }) {
                g.wait(Channel::Data, Some(HZ));
            }
        }
        // No reader waits for what is there: not for the rest of this window, and not for the next one.
        world.hold();
        step(now + (64 << 10));
        world.release();
        assert!(world.enter().maps().counts.used > 0);
        close(&mut world.enter(), fd).unwrap();
    }

    #[test]
    fn nobody_reads_ahead_of_lone_reads() {
        let world = World::new(2_000_000);
        world.put_pattern("file", 1_000_000);
        assert!(buffering::reset(&mut world.enter(), world.pool(), None));
        let fd = open(&mut world.enter(), world.pool(), c"file", Mode::READ).unwrap();
        for n in 0..6 {
            seek(&mut world.enter(), fd, 131_072 * n + 70, Whence::Set).unwrap();
            read(&mut world.enter(), fd, &mut [0; 100]).unwrap();
        }
        assert_eq!((world.reads(), world.largest_read()), (6, 512));
        close(&mut world.enter(), fd).unwrap();
    }
}
