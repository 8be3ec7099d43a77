//! What volumes promise, on a disk in memory, with the crate's own reading as the other opinion.

use std::boxed::Box;
use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::format;
use std::io::{Cursor, Read};
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use parking_lot::Mutex;

use super::{Blocks, Format, Volume, format};
use crate::port::model::{Dice, pattern};
use crate::port::storage::{Errno, How};

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    sector: usize,
    reads: Vec<(u64, usize)>,
    writes: Vec<(u64, usize)>,
    flushes: usize,
    /// So many writes succeed, then none does, or all but one.
    fail_after: Option<usize>,
    fail_once: bool,
    failures: usize,
}

impl Memory {
    fn new(bytes: usize, sector: usize) -> Memory {
        let memory = Memory::default();
        *memory.0.lock() = State { bytes: vec![0xE7; bytes], sector, ..State::default() };
        memory
    }

    fn made(bytes: usize, sector: usize, kind: Format, cluster: u32) -> (Memory, Volume) {
        let memory = Memory::new(bytes, sector);
        let disk = format(Box::new(memory.clone()), kind, cluster).unwrap();
        (memory, Volume::mount(disk).unwrap())
    }

    fn forget(&self) {
        let mut state = self.0.lock();
        state.reads.clear();
        state.writes.clear();
        state.flushes = 0;
    }

    fn reads(&self) -> Vec<(u64, usize)> {
        self.0.lock().reads.clone()
    }

    fn writes(&self) -> Vec<(u64, usize)> {
        self.0.lock().writes.clone()
    }
}

impl Blocks for Memory {
    fn sector(&self) -> usize {
        self.0.lock().sector
    }

    fn sectors(&self) -> u64 {
        let state = self.0.lock();
        (state.bytes.len() / state.sector) as u64
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), Errno> {
        let mut state = self.0.lock();
        let at = sector as usize * state.sector;
        assert!(into.len().is_multiple_of(state.sector) && into.len() <= 128 * 1024);
        state.reads.push((sector, into.len()));
        into.copy_from_slice(&state.bytes[at..at + into.len()]);
        Ok(())
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), Errno> {
        let mut state = self.0.lock();
        let at = sector as usize * state.sector;
        assert!(from.len().is_multiple_of(state.sector) && from.len() <= 128 * 1024);
        match state.fail_after.as_mut() {
            Some(0) => {
                state.failures += 1;
                state.fail_after = state.fail_after.filter(|_| !state.fail_once);
                return Err(Errno::IO);
            }
            Some(left) => *left -= 1,
            None => {}
        }
        state.writes.push((sector, from.len()));
        state.bytes[at..at + from.len()].copy_from_slice(from);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Errno> {
        self.0.lock().flushes += 1;
        Ok(())
    }
}

fn c(path: &str) -> CString {
    CString::new(path).unwrap()
}

fn create(volume: &mut Volume, path: &str) -> i32 {
    volume.open(&c(path), How::WRITE | How::CREATE).unwrap().stream
}

fn contents(volume: &mut Volume, path: &str) -> Vec<u8> {
    let opened = volume.open(&c(path), How::empty()).unwrap();
    let mut bytes = vec![0; opened.identity.size as usize + 1];
    let got = volume.read_at(opened.stream, 0, &mut bytes).unwrap();
    bytes.truncate(got);
    volume.close(opened.stream).unwrap();
    bytes
}

/// All files of an image as the crate reads them; and that the volume is sound: no cluster in two chains, none lost, no
/// chain longer than its file, tables alike.
fn by_the_crate(memory: &Memory) -> HashMap<String, Vec<u8>> {
    let image = memory.0.lock().bytes.clone();
    let half = |at: usize| usize::from(u16::from_le_bytes([image[at], image[at + 1]]));
    let word = |at: usize| half(at) | half(at + 2) << 16;
    let sector = half(11);
    let of_table = if half(22) != 0 { half(22) } else { word(36) } * sector;
    let table = half(14) * sector;
    assert!(image[table..table + of_table] == image[table + of_table..table + 2 * of_table], "tables differ");
    let wide = if half(22) != 0 { 2 } else { 4 };
    let link =
        |cluster: usize| if wide == 2 { half(table + cluster * 2) } else { word(table + cluster * 4) & 0xFFF_FFFF };
    let data = table + 2 * of_table + half(17) * 32;
    let cluster = usize::from(image[13]) * sector;
    let total = if half(19) != 0 { half(19) } else { word(32) };
    let end = (total * sector - data) / cluster + 2;
    let mut seen = HashSet::new();
    let mut walk = |first: usize, name: &str| {
        let (mut at, mut count) = (first, 0);
        while at >= 2 && at < end {
            assert!(seen.insert(at), "cluster {at} of {name} is in two chains");
            count += 1;
            at = link(at);
        }
        assert!(first == 0 || at >= if wide == 2 { 0xFFF8 } else { 0xFFF_FFF8 }, "chain of {name} ends in {at}");
        count
    };
    if wide == 4 {
        walk(word(44), "the root");
    }
    let fs = fatfs::FileSystem::new(Cursor::new(image.clone()), fatfs::FsOptions::new()).unwrap();
    let mut files = HashMap::new();
    let mut dirs = vec![(String::new(), fs.root_dir())];
    while let Some((path, dir)) = dirs.pop() {
        for entry in dir.iter() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            if name == "." || name == ".." {
                continue;
            }
            let path = format!("{path}/{name}");
            if entry.is_dir() {
                dirs.push((path, entry.to_dir()));
            } else {
                let mut bytes = Vec::new();
                entry.to_file().read_to_end(&mut bytes).unwrap();
                assert_eq!(bytes.len() as u64, entry.len(), "{path} is shorter than its entry says");
                files.insert(path, bytes);
            }
        }
    }
    // First clusters by a plain look at every directory entry of the root and of clusters that chains of directories own.
    let mut at = vec![if wide == 4 { data + (word(44) - 2) * cluster } else { table + 2 * of_table }];
    while let Some(start) = at.pop() {
        let mut places = vec![];
        if wide == 2 && start < data {
            places.push((start, data));
        } else {
            let mut n = (start - data) / cluster + 2;
            while n >= 2 && n < end {
                places.push((data + (n - 2) * cluster, data + (n - 1) * cluster));
                n = link(n);
            }
        }
        'dir: for (from, to) in places {
            for raw in (from..to).step_by(32) {
                match image[raw] {
                    0 => break 'dir,
                    0xE5 | b'.' => continue,
                    _ if image[raw + 11] & 0x0F == 0x0F || image[raw + 11] & 8 != 0 => continue,
                    _ => {}
                }
                let first = half(raw + 26) | half(raw + 20) << 16;
                let size = word(raw + 28);
                let name = String::from_utf8_lossy(&image[raw..raw + 11]).to_string();
                let count = walk(first, &name);
                if image[raw + 11] & 0x10 != 0 {
                    at.push(data + (first - 2) * cluster);
                } else {
                    assert_eq!(count, size.div_ceil(cluster), "chain of {name}");
                }
            }
        }
    }
    let used = (2..end).filter(|n| link(*n) != 0).count();
    assert_eq!(used, seen.len(), "lost clusters");
    if wide == 4 {
        let info = half(48) * sector;
        assert_eq!(word(info + 488), end - 2 - used, "the count of free clusters");
    }
    assert_eq!(image[if wide == 4 { 0x41 } else { 0x25 }] & 1, 0, "marked as in use");
    files
}

/// Kinds of volumes: bytes of the disk, of a sector, of a cluster.
const KINDS: [(usize, usize, Format, u32); 7] = [
    (4 << 20, 512, Format::Fat16, 512),
    (12 << 20, 512, Format::Fat16, 2048),
    (160 << 20, 512, Format::Fat16, 32768),
    (40 << 20, 512, Format::Fat32, 512),
    (270 << 20, 512, Format::Fat32, 4096),
    (20 << 20, 2048, Format::Fat16, 4096),
    (270 << 20, 4096, Format::Fat32, 4096),
];

#[test]
fn files_written_at_random_are_what_was_written_on_every_kind_of_volume() {
    for (n, (bytes, sector, kind, cluster)) in KINDS.into_iter().enumerate() {
        let (memory, mut volume) = Memory::made(bytes, sector, kind, cluster);
        let mut dice = Dice::new(n as u64 + 77);
        let mut files: HashMap<String, Vec<u8>> = HashMap::new();
        volume.make_directory(&c("/Music")).unwrap();
        let mut open: Vec<(String, i32)> = Vec::new();
        for step in 0..1500 {
            let name = format!("{}file number {}.txt", ["/", "/Music/"][dice.below(2)], dice.below(12));
            match dice.below(12) {
                0..4 => {
                    let held = open.iter().position(|(path, _)| *path == name);
                    let stream = match held {
                        Some(n) => open[n].1,
                        None if open.len() < 6 => {
                            let stream = create(&mut volume, &name);
                            files.entry(name.clone()).or_default();
                            open.push((name.clone(), stream));
                            stream
                        }
                        None => continue,
                    };
                    let file = files.get_mut(&name).unwrap();
                    let offset = dice.below(file.len() + 1);
                    let data: Vec<u8> = pattern(dice.below(70_000) + step)[step..].to_vec();
                    assert_eq!(volume.write_at(stream, offset as u64, &data), Ok(data.len()));
                    file.resize(file.len().max(offset + data.len()), 0);
                    file[offset..offset + data.len()].copy_from_slice(&data);
                }
                4..7 if !open.is_empty() => {
                    let (name, stream) = &open[dice.below(open.len())];
                    let file = &files[name];
                    let (offset, len) = (dice.below(file.len() + 1), dice.below(90_000));
                    let mut got = vec![0xAA; len];
                    let n = volume.read_at(*stream, offset as u64, &mut got).unwrap();
                    assert_eq!(n, len.min(file.len() - offset));
                    assert!(got[..n] == file[offset..offset + n] && got[n..].iter().all(|byte| *byte == 0xAA));
                }
                7 if !open.is_empty() => {
                    let (name, stream) = &open[dice.below(open.len())];
                    let file = files.get_mut(name).unwrap();
                    let size = dice.below(file.len() * 2 + 1);
                    volume.truncate(*stream, size as u64).unwrap();
                    file.truncate(size);
                }
                8 if !open.is_empty() => {
                    let (_, stream) = open.swap_remove(dice.below(open.len()));
                    volume.close(stream).unwrap();
                }
                9 if !open.is_empty() => {
                    let (name, stream) = &open[dice.below(open.len())];
                    assert_eq!(volume.sync(*stream).unwrap().size, files[name].len() as u64);
                }
                10 if !open.iter().any(|(path, _)| *path == name) => {
                    let there = files.remove(&name).is_some();
                    assert_eq!(volume.remove(&c(&name)).map(drop), if there { Ok(()) } else { Err(Errno::NOENT) });
                }
                11 => {
                    let to = format!("{}file number {}.txt", ["/", "/Music/"][dice.below(2)], dice.below(12));
                    if open.iter().any(|(path, _)| *path == to) {
                        continue;
                    }
                    match files.remove(&name) {
                        None => assert_eq!(volume.rename(&c(&name), &c(&to)), Err(Errno::NOENT)),
                        Some(file) => {
                            volume.rename(&c(&name), &c(&to)).unwrap();
                            files.insert(to.clone(), file);
                            open.iter_mut().filter(|(path, _)| *path == name).for_each(|(path, _)| *path = to.clone());
                        }
                    }
                }
                _ => {}
            }
        }
        for (path, file) in &files {
            assert!(contents(&mut volume, path) == *file, "{path}");
        }
        let free = volume.room().free.unwrap();
        let (disk, result) = volume.unmount();
        assert_eq!(result, Ok(()));
        assert!(by_the_crate(&memory) == files, "volume {n}");
        assert_eq!(Volume::mount(disk).unwrap().room().free, Some(free));
    }
}

#[test]
fn a_run_of_clusters_is_one_command_and_going_back_reads_no_table() {
    let (memory, mut volume) = Memory::made(270 << 20, 512, Format::Fat32, 4096);
    let bytes = pattern(3 << 20);
    let stream = create(&mut volume, "/song");
    for (n, part) in bytes.chunks(128 * 1024).enumerate() {
        assert_eq!(volume.write_at(stream, n as u64 * 128 * 1024, part), Ok(part.len()));
    }
    volume.close(stream).unwrap();
    let stream = volume.open(&c("/song"), How::empty()).unwrap().stream;
    let mut part = vec![0; 128 * 1024];
    volume.read_at(stream, bytes.len() as u64 - 512, &mut part[..512]).unwrap();
    memory.forget();
    for n in (0..24).rev() {
        assert_eq!(volume.read_at(stream, n * 128 * 1024, &mut part), Ok(part.len()));
        assert!(part == bytes[n as usize * 128 * 1024..][..128 * 1024]);
    }
    assert_eq!(memory.reads().len(), 24);
}

#[test]
fn a_name_less_keeps_its_data_until_the_last_close() {
    let (memory, mut volume) = Memory::made(4 << 20, 512, Format::Fat16, 512);
    let free = volume.room().free;
    let stream = create(&mut volume, "a");
    let bytes = pattern(10_000);
    volume.write_at(stream, 0, &bytes).unwrap();
    let second = volume.open(&c("A"), How::empty()).unwrap();
    volume.remove(&c("a")).unwrap();
    assert_eq!(volume.open(&c("a"), How::empty()).map(drop), Err(Errno::NOENT));
    let other = create(&mut volume, "a");
    volume.write_at(other, 0, &[1; 5000]).unwrap();
    volume.close(other).unwrap();
    volume.close(stream).unwrap();
    let mut got = vec![0; 10_000];
    assert_eq!(volume.read_at(second.stream, 0, &mut got), Ok(10_000));
    assert!(got == bytes);
    volume.close(second.stream).unwrap();
    volume.remove(&c("a")).unwrap();
    assert_eq!(volume.room().free, free);
    assert_eq!(volume.unmount().1, Ok(()));
    assert!(by_the_crate(&memory).is_empty());
}

#[test]
fn a_file_renamed_or_replaced_while_open_goes_on() {
    let (memory, mut volume) = Memory::made(4 << 20, 512, Format::Fat16, 512);
    volume.make_directory(&c("/dir")).unwrap();
    let (mine, theirs) = (create(&mut volume, "/mine.txt"), create(&mut volume, "/dir/theirs.txt"));
    volume.write_at(mine, 0, &[1; 700]).unwrap();
    volume.write_at(theirs, 0, &[2; 900]).unwrap();
    let identity = volume.sync(mine).unwrap();
    volume.rename(&c("/mine.txt"), &c("/dir/theirs.txt")).unwrap();
    volume.write_at(mine, 700, &[3; 100]).unwrap();
    let mut got = [0; 1000];
    assert_eq!(volume.read_at(theirs, 0, &mut got), Ok(900));
    assert!(got[..900] == [2; 900]);
    let again = volume.open(&c("/dir/theirs.txt"), How::empty()).unwrap();
    assert_eq!((again.identity.file, again.identity.size), (identity.file, 800));
    for stream in [mine, theirs, again.stream] {
        volume.close(stream).unwrap();
    }
    volume.rename(&c("/dir"), &c("/Other dir")).unwrap();
    volume.rename(&c("/Other dir"), &c("/OTHER DIR")).unwrap();
    assert_eq!(volume.rename(&c("/other dir"), &c("/other dir/inside")), Err(Errno::INVAL));
    assert_eq!(volume.unmount().1, Ok(()));
    let files = by_the_crate(&memory);
    assert_eq!(files.len(), 1);
    assert!(files["/OTHER DIR/theirs.txt"] == [[1; 700].as_slice(), &[3; 100]].concat());
}

#[test]
fn a_full_volume_takes_what_fits_and_says_so() {
    let (memory, mut volume) = Memory::made(4 << 20, 512, Format::Fat16, 512);
    let stream = create(&mut volume, "/big");
    let free = volume.room().free.unwrap();
    let bytes = pattern(free as usize + 1000);
    assert_eq!(volume.write_at(stream, 0, &bytes), Ok(free as usize));
    assert_eq!(volume.write_at(stream, free, &bytes[..1]), Err(Errno::NOSPC));
    assert_eq!(volume.room().free, Some(0));
    assert_eq!(volume.make_directory(&c("/dir")), Err(Errno::NOSPC));
    volume.truncate(stream, 100).unwrap();
    assert_eq!(volume.write_at(stream, 100, &bytes[100..5000]), Ok(4900));
    volume.close(stream).unwrap();
    assert_eq!(volume.unmount().1, Ok(()));
    assert!(by_the_crate(&memory)["/big"] == bytes[..5000]);
}

#[test]
fn bad_input_gets_its_error_and_changes_nothing() {
    let (memory, mut volume) = Memory::made(4 << 20, 512, Format::Fat16, 512);
    memory.forget();
    let open = |volume: &mut Volume, path: &str, how| volume.open(&c(path), how).map(drop);
    assert_eq!(open(&mut volume, "/none", How::WRITE), Err(Errno::NOENT));
    assert_eq!(open(&mut volume, "/none/file", How::WRITE | How::CREATE), Err(Errno::NOENT));
    assert_eq!(open(&mut volume, "/", How::empty()), Err(Errno::ISDIR));
    assert_eq!(open(&mut volume, "/what?", How::WRITE | How::CREATE), Err(Errno::INVAL));
    assert_eq!(volume.remove(&c("/none")), Err(Errno::NOENT));
    assert_eq!(volume.rename(&c("/none"), &c("/other")), Err(Errno::NOENT));
    for stream in [-1, 0, 99] {
        assert_eq!(volume.close(stream), Err(Errno::BADF));
        assert_eq!(volume.read_at(stream, 0, &mut [0]), Err(Errno::BADF));
        assert_eq!(volume.write_at(stream, 0, &[0]), Err(Errno::BADF));
        assert_eq!(volume.truncate(stream, 0), Err(Errno::BADF));
        assert_eq!(volume.sync(stream), Err(Errno::BADF));
    }
    assert_eq!(memory.writes(), []);
    let stream = create(&mut volume, "/file");
    assert_eq!(open(&mut volume, "/file", How::CREATE | How::EXCLUSIVE), Err(Errno::EXIST));
    assert_eq!(open(&mut volume, "/file/inside", How::empty()), Err(Errno(libc::ENOTDIR)));
    assert_eq!(volume.write_at(stream, 1, &[0]), Err(Errno::INVAL));
    assert_eq!(volume.write_at(stream, 0, &[]), Ok(0));
    volume.make_directory(&c("/dir")).unwrap();
    assert_eq!(volume.make_directory(&c("/dir")), Err(Errno::EXIST));
    assert_eq!(open(&mut volume, "/dir", How::empty()), Err(Errno::ISDIR));
    assert_eq!(volume.remove(&c("/dir")), Err(Errno::ISDIR));
    assert_eq!(volume.rename(&c("/file"), &c("/dir")), Err(Errno::ISDIR));
    assert_eq!(volume.rename(&c("/"), &c("/dir")), Err(Errno::BUSY));
    volume.close(stream).unwrap();
    assert_eq!(volume.unmount().1, Ok(()));
    by_the_crate(&memory);
    for junk in [vec![0; 1 << 20], pattern(1 << 20)] {
        let disk = Memory::new(1 << 20, 512);
        disk.0.lock().bytes = junk;
        assert_eq!(Volume::mount(Box::new(disk)).map(drop), Err(Errno::INVAL));
    }
    for (cluster, bytes) in [(0, 4 << 20), (256, 4 << 20), (1000, 4 << 20), (65536, 512 << 20), (4096, 4 << 20)] {
        let disk = Box::new(Memory::new(bytes, 512));
        assert_eq!(format(disk, Format::Fat16, cluster).map(drop), Err(Errno::INVAL));
    }
}

#[test]
fn a_failed_write_is_reported_and_can_be_retried_at_every_command() {
    for n in 0.. {
        let (memory, mut volume) = Memory::made(4 << 20, 512, Format::Fat16, 512);
        let bytes = pattern(40_000);
        let old = create(&mut volume, "/old");
        volume.write_at(old, 0, &bytes[..9000]).unwrap();
        volume.close(old).unwrap();
        memory.0.lock().fail_after = Some(n);
        let mut failed = 0;
        let mut again = |volume: &mut Volume, work: &mut dyn FnMut(&mut Volume) -> Result<(), Errno>| {
            while let Err(error) = work(volume) {
                assert_eq!(error, Errno::IO);
                memory.0.lock().fail_after = None;
                failed += 1;
                assert_eq!(failed, 1, "the disk fails no more");
            }
        };
        let mut stream = -1;
        again(&mut volume, &mut |volume| {
            stream = volume.open(&c("/new"), How::WRITE | How::CREATE)?.stream;
            Ok(())
        });
        again(&mut volume, &mut |volume| volume.write_at(stream, 0, &bytes[..20_000]).map(drop));
        again(&mut volume, &mut |volume| volume.write_at(stream, 20_000, &bytes[20_000..]).map(drop));
        again(&mut volume, &mut |volume| volume.sync(stream).map(drop));
        again(&mut volume, &mut |volume| volume.truncate(stream, 30_000));
        again(&mut volume, &mut |volume| volume.sync(stream).map(drop));
        // Clusters that cannot be given back are nobody's error.
        let left = memory.0.lock().fail_after.take();
        volume.close(stream).unwrap();
        assert!(contents(&mut volume, "/new") == bytes[..30_000], "failed at write {n}");
        assert!(contents(&mut volume, "/old") == bytes[..9000]);
        let (disk, _) = volume.unmount();
        let mut volume = Volume::mount(disk).unwrap();
        assert!(contents(&mut volume, "/new") == bytes[..30_000], "failed at write {n}");
        assert!(contents(&mut volume, "/old") == bytes[..9000]);
        if left.is_some_and(|left| left > 0) {
            assert!(n > 10);
            break;
        }
    }
}

#[test]
fn a_rename_that_fails_at_any_command_leaves_one_name_and_can_be_retried() {
    for (victim, ever) in [(false, false), (true, false), (false, true), (true, true)] {
        for n in 0.. {
            let (memory, mut volume) = Memory::made(4 << 20, 512, Format::Fat16, 512);
            let bytes = pattern(5000);
            volume.make_directory(&c("/dir")).unwrap();
            for (path, len) in [("/an old name.txt", 5000), ("/dir/other", 700)] {
                let stream = create(&mut volume, path);
                volume.write_at(stream, 0, &bytes[..len]).unwrap();
                volume.close(stream).unwrap();
            }
            let to = if victim { "/dir/other" } else { "/dir/a new name.txt" };
            {
                let mut state = memory.0.lock();
                (state.fail_after, state.fail_once) = (Some(n), !ever);
            }
            let failed = volume.rename(&c("/an old name.txt"), &c(to)).is_err();
            memory.0.lock().fail_after = None;
            if failed && !ever {
                assert!(contents(&mut volume, "/an old name.txt") == bytes, "command {n}");
            }
            if failed && ever && n % 2 == 0 {
                // Whoever gives up and removes a name keeps the bytes under the other, if there is one.
                let there = volume.open(&c(to), How::empty()).map(|opened| {
                    volume.close(opened.stream).unwrap();
                    opened.identity.size == 5000
                });
                volume.remove(&c("/an old name.txt")).unwrap();
                if there == Ok(true) {
                    let other = create(&mut volume, "/fills what is free");
                    let free = volume.room().free.unwrap() as usize;
                    volume.write_at(other, 0, &vec![0xCC; free]).unwrap();
                    assert!(contents(&mut volume, to) == bytes, "command {n}");
                }
                continue;
            }
            if failed {
                volume.rename(&c("/an old name.txt"), &c(to)).unwrap();
            }
            assert!(contents(&mut volume, to) == bytes, "command {n}");
            assert_eq!(volume.open(&c("/an old name.txt"), How::empty()).map(drop), Err(Errno::NOENT));
            if memory.0.lock().failures == 0 {
                assert_eq!(volume.unmount().1, Ok(()));
                assert_eq!(by_the_crate(&memory).len(), if victim { 1 } else { 2 });
                assert!(n >= 2);
                break;
            }
        }
    }
}
