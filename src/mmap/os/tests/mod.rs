//! What mappings over the system's `mmap` promise.

mod crowd;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::vec;
use std::vec::Vec;

use crate::mmap::mode::{Access, Mode};
use crate::mmap::os::{Mapping, Stream, extending, owed, page, resize};
use crate::port::region::faults::{CALLS, POPULATE, SYNC, peek, poke};
use crate::port::storage::Errno;

/// A file without a name, of bytes that tell their place.
pub fn file(bytes: usize) -> (File, Vec<u8>) {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(std::format!("rockmem-mapped-{}-{n}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    let whole: Vec<u8> = (0..bytes as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    file.write_all_at(&whole, 0).unwrap();
    (file, whole)
}

pub fn map(file: &File, mode: Mode, offset: u64, length: usize) -> Result<Mapping, Errno> {
    create(file, Access::all(), mode, offset, length)
}

fn create(file: &File, access: Access, mode: Mode, offset: u64, length: usize) -> Result<Mapping, Errno> {
    Mapping::create(Stream::duplicate(file.as_raw_fd())?, access, mode, offset, length)
}

/// The bytes of a mapping as they are now.
pub fn bytes(mapping: Mapping, from: usize, len: usize) -> Vec<u8> {
    let start = mapping.get().unwrap();
    let bytes = peek(start, from, len);
    mapping.put().unwrap();
    bytes
}

/// Declares, then changes.
fn change(mapping: Mapping, from: usize, with: &[u8]) {
    mapping.write(from, with.len()).unwrap();
    let start = mapping.get().unwrap();
    poke(start, from, with);
    mapping.put().unwrap();
}

/// All of a file.
fn content(file: &File) -> Vec<u8> {
    let mut content = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut content, 0).unwrap();
    content
}

#[test]
fn a_mapping_lives_past_the_close_of_its_descriptor() {
    let (file, whole) = file(100_000);
    let mapping = map(&file, Mode::Read, page() as u64, 50_000).unwrap();
    drop(file);
    mapping.read(100, 49_900).unwrap();
    assert_eq!(bytes(mapping, 0, 50_000), whole[page()..page() + 50_000]);
    assert_eq!(mapping.destroy(50_000, true), Ok(()));
}

#[test]
fn bytes_past_the_end_of_the_file_read_as_zero_and_are_never_written_back() {
    let (file, whole) = file(page() + 1000);
    let length = 5 * page() - 7;
    let mapping = map(&file, Mode::Both, 0, length).unwrap();
    mapping.read(0, length).unwrap();
    assert_eq!(bytes(mapping, 0, page() + 1000), whole);
    assert!(bytes(mapping, page() + 1000, length - page() - 1000).iter().all(|byte| *byte == 0));
    change(mapping, page() + 990, &vec![0xee; 3 * page()]);
    assert_eq!(mapping.sync(0, length), Ok(()));
    assert_eq!(mapping.destroy(length, true), Ok(()));
    let now = content(&file);
    assert_eq!(now[..page() + 990], whole[..page() + 990]);
    assert_eq!(now[page() + 990..], [0xee; 10]);
}

#[test]
fn a_mapping_beyond_the_end_of_the_file_is_zero() {
    let (file, _) = file(100);
    let mapping = map(&file, Mode::Both, 1 << 30, 3 * page()).unwrap();
    mapping.read(0, 3 * page()).unwrap();
    assert!(bytes(mapping, 0, 3 * page()).iter().all(|byte| *byte == 0));
    change(mapping, 10, b"nowhere");
    mapping.destroy(3 * page(), true).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 100);
}

#[test]
fn a_file_that_grows_shows_under_a_mapping_that_is_held() {
    let (file, whole) = file(page() + 10);
    let fd = file.as_raw_fd();
    let mapping = map(&file, Mode::Read, 0, 4 * page()).unwrap();
    let start = mapping.get().unwrap();
    mapping.read(0, 4 * page()).unwrap();
    let end = 2 * page() as u64 + 5;
    extending(fd, end, || file.write_all_at(b"12345", 2 * page() as u64)).unwrap();
    assert_eq!(peek(start, 2 * page(), 6), b"12345\0");
    assert_eq!(peek(start, 0, page() + 10), whole);
    resize(fd, 4 * page() as u64).unwrap();
    file.write_all_at(b"in place", 4 * page() as u64 - 8).unwrap();
    assert_eq!(peek(start, 4 * page() - 8, 8), b"in place");
    mapping.put().unwrap();
    mapping.destroy(4 * page(), false).unwrap();
}

#[test]
fn what_was_written_behind_the_end_does_not_become_the_files_when_it_grows() {
    for through_a_mapping_that_ended in [false, true] {
        let (file, whole) = file(page() + 1000);
        let mapping = map(&file, Mode::Write, 0, 3 * page()).unwrap();
        change(mapping, page() + 1000, &vec![0xee; 2 * page() - 1000]);
        if through_a_mapping_that_ended {
            mapping.destroy(3 * page(), false).unwrap();
        }
        resize(file.as_raw_fd(), 3 * page() as u64).unwrap();
        let now = content(&file);
        assert_eq!(now[..page() + 1000], whole);
        assert!(now[page() + 1000..].iter().all(|byte| *byte == 0));
        if !through_a_mapping_that_ended {
            assert_eq!(bytes(mapping, 0, 3 * page()), now);
            mapping.destroy(3 * page(), false).unwrap();
        }
    }
}

#[test]
fn a_write_past_the_end_leaves_zeroes_between_whatever_a_mapping_wrote_there() {
    let (file, whole) = file(1000);
    let mapping = map(&file, Mode::Both, 0, page()).unwrap();
    change(mapping, 1000, &[0xee; 500]);
    extending(file.as_raw_fd(), 1203, || file.write_all_at(b"end", 1200)).unwrap();
    let mut wanted = whole;
    wanted.resize(1200, 0);
    wanted.extend(b"end");
    assert_eq!(content(&file), wanted);
    mapping.read(0, page()).unwrap();
    assert_eq!(bytes(mapping, 0, 1203), wanted);
    mapping.destroy(page(), true).unwrap();
}

#[test]
fn a_file_that_shrinks_leaves_zeroes_under_a_mapping_that_is_held() {
    let (file, whole) = file(4 * page());
    let mapping = map(&file, Mode::Both, 0, 4 * page()).unwrap();
    change(mapping, 0, b"changed");
    mapping.write(0, 4 * page()).unwrap();
    let start = mapping.get().unwrap();
    resize(file.as_raw_fd(), page() as u64 + 10).unwrap();
    assert_eq!(peek(start, 7, page() + 3), whole[7..page() + 10]);
    assert!(peek(start, page() + 10, 3 * page() - 10).iter().all(|byte| *byte == 0));
    // And it may be written to, for nothing.
    poke(start, 3 * page(), b"lost");
    resize(file.as_raw_fd(), 4 * page() as u64).unwrap();
    mapping.read(0, 4 * page()).unwrap();
    assert!(peek(start, page() + 10, 3 * page() - 10).iter().all(|byte| *byte == 0));
    mapping.put().unwrap();
    mapping.destroy(4 * page(), true).unwrap();
    assert_eq!(content(&file)[..7], *b"changed");
}

#[test]
fn a_length_that_another_process_changed_is_found_when_pages_are_declared() {
    let (file, whole) = file(8 * page());
    let mapping = map(&file, Mode::Read, 0, 8 * page()).unwrap();
    mapping.read(0, page()).unwrap();
    file.set_len(2 * page() as u64).unwrap();
    assert_eq!(mapping.read(0, 8 * page()), Ok(()));
    assert_eq!(bytes(mapping, 0, 2 * page()), whole[..2 * page()]);
    assert!(bytes(mapping, 2 * page(), 6 * page()).iter().all(|byte| *byte == 0));
    file.write_all_at(b"again", 5 * page() as u64).unwrap();
    assert_eq!(mapping.read(5 * page(), 5), Ok(()));
    assert_eq!(bytes(mapping, 5 * page(), 5), b"again");
    assert_eq!(mapping.error(), Ok(None));
    mapping.destroy(8 * page(), true).unwrap();
}

#[test]
fn a_page_that_was_declared_costs_no_call() {
    let (file, _) = file(300 * page());
    let mapping = map(&file, Mode::Both, 0, 300 * page()).unwrap();
    let calls = |work: &dyn Fn()| {
        let before = CALLS.get();
        work();
        CALLS.get() - before
    };
    assert_eq!(calls(&|| mapping.read(70 * page() + 1, 200 * page()).unwrap()), 1);
    assert_eq!(calls(&|| mapping.read(70 * page(), 201 * page()).unwrap()), 0);
    assert_eq!(calls(&|| mapping.read(71 * page(), 1).unwrap()), 0);
    assert_eq!(calls(&|| mapping.read(69 * page(), page() + 1).unwrap()), 1);
    assert_eq!(calls(&|| mapping.write(80 * page(), 1).unwrap()), 1);
    assert_eq!(calls(&|| mapping.write(80 * page() + 5, 100).unwrap()), 0);
    assert_eq!(calls(&|| mapping.write(0, 2).unwrap()), 1);
    assert_eq!(calls(&|| mapping.read(0, 2).unwrap()), 0, "it was brought for writing");
    mapping.destroy(300 * page(), false).unwrap();
}

#[test]
fn modes_are_checked_against_the_descriptor_and_the_declaration() {
    let (file, _) = file(1000);
    for (access, mode) in [
        (Access::READ, Mode::Write),
        (Access::READ, Mode::Both),
        (Access::WRITE, Mode::Read),
        (Access::WRITE, Mode::Write),
    ] {
        assert_eq!(create(&file, access, mode, 0, 1000), Err(Errno::ACCES));
    }
    let read = create(&file, Access::READ, Mode::Read, 0, 1000).unwrap();
    let write = map(&file, Mode::Write, 0, 1000).unwrap();
    assert_eq!(read.write(0, 1), Err(Errno::ACCES));
    assert_eq!(read.write(0, 0), Err(Errno::ACCES));
    assert_eq!(write.read(0, 1), Err(Errno::ACCES));
    assert_eq!((read.error(), write.error()), (Ok(None), Ok(None)));
    assert_eq!((read.sync(0, 1000), write.sync(0, 1000)), (Ok(()), Ok(())));
    read.destroy(1000, true).unwrap();
    write.destroy(1000, true).unwrap();
    let folder = File::open(std::env::temp_dir()).unwrap();
    assert_eq!(map(&folder, Mode::Read, 0, 1000), Err(Errno::ACCES));
}

#[test]
fn bad_input_gets_its_error_and_changes_nothing() {
    let (file, whole) = file(10_000);
    assert!(matches!(Stream::duplicate(-1), Err(Errno::BADF)));
    assert_eq!(map(&file, Mode::Read, 0, 0), Err(Errno::INVAL));
    assert_eq!(map(&file, Mode::Read, 1, 10), Err(Errno::INVAL));
    assert_eq!(map(&file, Mode::Read, page() as u64 / 2, 10), Err(Errno::INVAL));
    assert_eq!(map(&file, Mode::Read, 0, usize::MAX), Err(Errno::INVAL));
    assert_eq!(map(&file, Mode::Read, 1 << 63, 10), Err(Errno::INVAL));
    assert_eq!(map(&file, Mode::Read, (1 << 63) - page() as u64, page()), Err(Errno::INVAL));
    if usize::BITS > 32 {
        // With 32 bits half of all addresses may well be free.
        assert_eq!(map(&file, Mode::Read, 0, isize::MAX as usize), Err(Errno::NOMEM));
    }

    let mapping = map(&file, Mode::Both, 0, 6000).unwrap();
    for judge in [Mapping::read, Mapping::write, Mapping::sync] {
        assert_eq!(judge(mapping, 6000, 1), Err(Errno::INVAL));
        assert_eq!(judge(mapping, 1, usize::MAX), Err(Errno::INVAL));
        assert_eq!(judge(mapping, usize::MAX, 0), Err(Errno::INVAL));
        assert_eq!(judge(mapping, usize::MAX, 1), Err(Errno::INVAL));
        assert_eq!(judge(mapping, 6000, 0), Ok(()));
        assert_eq!(judge(mapping, 0, 6000), Ok(()));
    }
    assert_eq!(mapping.put(), Err(Errno::INVAL));
    assert_eq!(mapping.destroy(5999, true), Err(Errno::INVAL));
    let start = mapping.get().unwrap();
    assert_eq!(mapping.get(), Ok(start), "gets nest");
    assert_eq!(mapping.destroy(6000, true), Err(Errno::BUSY));
    mapping.put().unwrap();
    assert_eq!(mapping.destroy(6000, false), Err(Errno::BUSY));
    assert_eq!(peek(start, 0, 6000), whole[..6000]);
    mapping.put().unwrap();
    assert_eq!(mapping.destroy(6000, true), Ok(()));

    // Not a neighbour: that may be a mapping of a test that runs beside this one.
    for number in [mapping.number(), i32::MAX] {
        let stale = Mapping::of(number).unwrap();
        assert_eq!(stale.read(0, 0), Err(Errno::BADF));
        assert_eq!(stale.write(0, 1), Err(Errno::BADF));
        assert_eq!(stale.sync(0, 1), Err(Errno::BADF));
        assert_eq!(stale.get(), Err(Errno::BADF));
        assert_eq!(stale.put(), Err(Errno::BADF));
        assert_eq!(stale.error(), Err(Errno::BADF));
        assert_eq!(stale.destroy(6000, true), Err(Errno::BADF));
    }
    for number in [0, -1, 1, i32::MIN, (1 << 30) - 1] {
        assert_eq!(Mapping::of(number), None, "of the other engine, or none");
    }
    assert_eq!(content(&file), whole);
}

#[test]
fn a_number_is_not_used_again_soon() {
    let (file, _) = file(100);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..10_000 {
        let mapping = map(&file, Mode::Read, 0, 100).unwrap();
        assert!(mapping.number() > 0 && seen.insert(mapping.number()));
        mapping.destroy(100, false).unwrap();
    }
}

#[test]
fn an_error_is_returned_remembered_once_and_can_be_retried() {
    let (file, whole) = file(5000);
    let mapping = map(&file, Mode::Both, 0, 5000).unwrap();
    POPULATE.set(Errno::FAULT.0);
    assert_eq!(mapping.read(0, 5000), Err(Errno::IO));
    assert_eq!(mapping.error(), Ok(Some(Errno::IO)));
    assert_eq!(mapping.error(), Ok(None));
    assert_eq!(mapping.read(0, 5000), Ok(()));
    assert_eq!(bytes(mapping, 0, 5000), whole);
    SYNC.set(Errno::IO.0);
    assert_eq!(mapping.sync(0, 1), Err(Errno::IO));
    assert_eq!(mapping.error(), Ok(Some(Errno::IO)));
    assert_eq!(mapping.sync(0, 1), Ok(()));
    assert_eq!(mapping.destroy(5000, true), Ok(()));
}

#[test]
fn what_a_destroy_could_not_write_is_told_to_the_files_next_fsync() {
    let (file, _) = file(5000);
    let (other, _) = self::file(5000);
    let mapping = map(&file, Mode::Write, 0, 5000).unwrap();
    change(mapping, 0, b"x");
    SYNC.set(Errno::IO.0);
    assert_eq!(mapping.destroy(5000, true), Err(Errno::IO));
    assert_eq!(mapping.read(0, 1), Err(Errno::BADF), "it ended all the same");
    assert_eq!(owed(other.as_raw_fd()), Ok(()));
    assert_eq!(owed(file.as_raw_fd()), Err(Errno::IO));
    assert_eq!(owed(file.as_raw_fd()), Ok(()));
}

#[test]
fn a_mapping_of_any_size_knows_what_was_declared() {
    // Large enough that a bit stands for many pages, where addresses have room for that.
    let (file, whole) = file(3 * page());
    let length = if usize::BITS > 32 { 1 << (usize::BITS - 24) } else { 1 << 28 };
    let mapping = map(&file, Mode::Both, 0, length).unwrap();
    mapping.read(page() + 1, 10).unwrap();
    mapping.read(0, 3 * page()).unwrap();
    mapping.write(0, 7).unwrap();
    assert_eq!(bytes(mapping, 0, 3 * page()), whole);
    resize(file.as_raw_fd(), page() as u64).unwrap();
    mapping.read(0, 3 * page()).unwrap();
    assert!(bytes(mapping, page(), 2 * page()).iter().all(|byte| *byte == 0));
    mapping.read(length - 1, 1).unwrap();
    assert_eq!(bytes(mapping, length - 1, 1), [0]);
    assert_eq!(mapping.destroy(length, true), Ok(()));
}
