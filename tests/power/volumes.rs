//! The volume goes: pulled out, or handed to another host that writes to it.

use core::ffi::CStr;

use rockmem::cache::flush;
use rockmem::port::storage::{Errno, How, Names, Storage};

use crate::disk::fat::check::{Verdict, check};
use crate::disk::fat::volume::format;
use crate::disk::fatdisk::Fat;
use crate::disk::files::{Files, Mode};
use crate::disk::media::Shared;
use crate::disk::ours::Ours;
use crate::disk::port::{Plain, Volume, World};
use crate::disk::story::{Op, State, Told, tell_on};
use crate::open;
use crate::verdict::{Disk, files_are_right};

/// Files that are open, confirmed, changed since, in memory and on the disk.
fn story() -> Vec<Op> {
    let (write, append) = (|at| Op::Write { slot: 0, at, len: 1300 }, Op::Append { slot: 0, len: 900 });
    vec![
        open(0, "f", Mode::Create),
        append,
        Op::Sync { slot: 0 },
        append,
        write(200),
        open(1, "g", Mode::Create),
        Op::Append { slot: 1, len: 3000 },
        Op::Close { slot: 1 },
        open(1, "g", Mode::Write),
        Op::Write { slot: 1, at: 100, len: 700 },
        Op::Map { slot: 0, at: 0, len: 600 },
        Op::Sync { slot: 0 },
        Op::Truncate { slot: 0, size: 1000 },
        write(500),
    ]
}

/// The number by which the floors know the volume.
fn mounted() -> u64 {
    let opened = Plain::open(c"probe", How::WRITE | How::CREATE).expect("a file");
    Plain::close(opened.stream).expect("closed");
    Plain::remove(c"probe").expect("the same file");
    opened.identity.volume
}

struct Scene {
    world: World,
    files: Ours<Plain>,
    disk: Shared,
    volume: u64,
    told: Told,
}

/// Tells the first so many operations.
fn tell(count: usize) -> Scene {
    let (volume, disk) = Fat::mount(format(4300, 1)).expect("a volume");
    let world = World::new(256 << 10, Box::new(volume), disk.clone());
    let mut files = Ours::<Plain>::new(world.pool());
    let volume = mounted();
    let mut told = Told::begin(State::default(), &disk);
    tell_on(&mut told, &mut files, &disk, &story()[..count], 0);
    Scene { world, files, disk, volume, told }
}

/// Every call on a descriptor of a volume that is gone says so; close works.
fn gone(files: &mut Ours<Plain>, state: &State) {
    for (fd, writes) in state.open_slots() {
        let mut byte = [0];
        assert_eq!(files.read(fd, &mut byte), Err(Errno::NXIO));
        assert_eq!(files.seek(fd, 0), Err(Errno::NXIO));
        if writes {
            assert_eq!(files.write(fd, &byte), Err(Errno::NXIO));
            assert_eq!(files.sync(fd), Err(Errno::NXIO));
            assert_eq!(files.truncate(fd, 0), Err(Errno::NXIO));
        }
        // Whether it has something to tell or not, the descriptor ends.
        let _ = files.close(fd);
        assert_eq!(files.read(fd, &mut byte), Err(Errno::BADF));
    }
}

/// What is in a file now.
fn bytes_of(files: &mut Ours<Plain>, path: &str) -> Result<Vec<u8>, Errno> {
    let fd = files.open(path, Mode::Read)?;
    let mut bytes = vec![0; 20_000];
    let got = files.read(fd, &mut bytes)?;
    bytes.truncate(got);
    files.close(fd).map(|()| bytes)
}

#[test]
fn a_volume_that_is_pulled_out_is_told_of_and_found_as_it_was_confirmed() {
    for count in 1..=story().len() {
        let Scene { world, mut files, disk, volume, told } = tell(count);
        disk.lock().set_present(false);
        flush::gone(&mut files.enter(), volume);
        gone(&mut files, told.states.last().expect("a state"));

        disk.lock().set_present(true);
        world.insert(Box::new(Fat::mount_on(&disk).expect("what is on the disk")));
        let image = disk.lock().image().clone();
        let report = check(&image);
        assert!(report.verdict() <= Verdict::Allowed, "after {count}: {report:?}");
        let right = files_are_right(&report, &image, &told, told.states.len() - 1, Disk::InOrder);
        right.unwrap_or_else(|wrong| panic!("after {count}: {wrong}"));
        for path in report.files.keys() {
            let seen = bytes_of(&mut files, &path[1..]).expect("a file that is there");
            assert!(Some(seen) == report.read(&image, path), "after {count}: {path} is not what is on the disk");
        }
        // And it can be written again.
        let fd = files.open("new", Mode::Create).expect("a new file");
        assert_eq!(files.write(fd, &[1; 700]), Ok(700));
        assert_eq!(files.close(fd), Ok(()));
        let image = disk.lock().image().clone();
        assert_eq!(check(&image).read(&image, "/new"), Some(vec![1; 700]));
    }
}

#[test]
fn what_another_host_wrote_meanwhile_is_what_is_read_after_it() {
    for count in 8..=story().len() {
        let Scene { world, mut files, disk, volume, told } = tell(count);
        assert_eq!(flush::unmount(&mut files.enter(), volume), Ok(()));
        world.unmount().expect("an orderly end");
        let state = told.states.last().expect("a state");
        let image = disk.lock().image().clone();
        let report = check(&image);
        assert_eq!(report.verdict(), Verdict::Clean, "handed over: {report:?}");
        for (path, file) in &state.names {
            let there = report.read(&image, &format!("/{path}"));
            assert!(there.as_ref() == Some(&*state.bytes[*file]), "handed over without all of {path}");
        }

        // The other host: one file gets other bytes of the same length, one goes, one comes.
        let mut other = Fat::mount_on(&disk).expect("what is on the disk");
        let length = state.bytes[state.names["f"]].len();
        let mut put = |path: &CStr, bytes: &[u8]| {
            let stream = other.open(path, How::WRITE | How::CREATE).expect("a file").stream;
            assert_eq!(other.write_at(stream, 0, bytes), Ok(bytes.len()));
            other.sync(stream).expect("on the disk");
            other.close(stream).expect("closed");
        };
        put(c"f", &vec![7; length]);
        put(c"h", &[8; 2000]);
        other.remove(c"g").expect("a file");
        Box::new(other).unmount().expect("given back");

        world.insert(Box::new(Fat::mount_on(&disk).expect("what is on the disk")));
        gone(&mut files, state);
        assert_eq!(bytes_of(&mut files, "f"), Ok(vec![7; length]));
        assert_eq!(bytes_of(&mut files, "h"), Ok(vec![8; 2000]));
        assert_eq!(bytes_of(&mut files, "g"), Err(Errno::NOENT));
    }
}
