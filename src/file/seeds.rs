//! Six parties open, read, write, map, cut, rename and remove the same few files in tiny pools, in orders that seeds
//! decide (`port/turns.rs`): nobody sees a record torn, of another file, older than it was, or a hole where one should be.
//!
//! ```text
//!   f0 f1       whole files, made under another name and renamed over the last one: so many records, of one making
//!   g0 g1       each with one party that makes it longer, and everybody who cuts it
//!   record      { making, place, version, sum }   each has one writer; versions only grow
//! ```
//!
//! A failure names its seed: `SEED=n ROUNDS=1 cargo test --lib file::seeds` runs that one again.

use std::collections::HashMap;
use std::ffi::CString;
use std::format;
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use parking_lot::Mutex;

use super::testing::{MAKE, RW, path};
use super::{Mode, close, object, open, read, remove, rename, size, sync, tree, truncate, write};
use crate::buflib::Pool;
use crate::cache::{Cached, flush};
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::{look_at, poke_at};
use crate::mmap::{callers, mode};
use crate::port::model::{Model, World, open_objects};
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;
use crate::port::turns::{self, below, point};

const RECORD: usize = 64;
/// Records of a whole file.
const WHOLE: usize = 1500;
const PARTIES: usize = 6;
const STEPS: usize = 30;

fn enter() -> Guard<Model> {
    Model::monitor().enter()
}

fn record(making: u32, place: usize, version: u32) -> [u8; RECORD] {
    let head = u64::from(making) << 48 | (place as u64) << 24 | u64::from(version);
    let mut bytes = [0; RECORD];
    for (n, word) in bytes.chunks_mut(8).enumerate() {
        word.copy_from_slice(&head.wrapping_mul(2 * n as u64 + 1).to_le_bytes());
    }
    bytes
}

/// Making and version of a record, which is whole and belongs there.
fn told(bytes: &[u8], place: usize) -> (u32, u32) {
    let head = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
    let (making, version) = ((head >> 48) as u32, head as u32 & 0xFF_FFFF);
    assert!(
        making > 0 && bytes == record(making, place, version),
        "record {place} is torn, lost or another one's: {head:x}"
    );
    (making, version)
}

/// What all parties know.
#[derive(Default)]
struct Known {
    makings: u32,
    /// The newest version of a record whose writing has ended.
    written: HashMap<(u32, usize), u32>,
}

#[derive(Clone)]
struct Parts {
    pool: Pool,
    known: Arc<Mutex<Known>>,
}

impl Parts {
    fn newest(&self, making: u32, place: usize) -> u32 {
        self.known.lock().written.get(&(making, place)).copied().unwrap_or(0)
    }

    fn note(&self, making: u32, place: usize, version: u32) {
        self.known.lock().written.insert((making, place), version);
    }

    fn next_making(&self) -> u32 {
        let mut known = self.known.lock();
        known.makings += 1;
        known.makings
    }
}

/// An open file.
struct File {
    fd: i32,
    /// One that is cut.
    grows: Option<usize>,
    making: u32,
}

fn whole(n: usize) -> CString {
    path(&format!("f{n}"))
}

fn growing(n: usize) -> CString {
    path(&format!("g{n}"))
}

fn opened(parts: &Parts, me: usize) -> Option<File> {
    let n = below(2);
    if below(2) == 0 {
        let fd = open(&mut enter(), parts.pool, &growing(n), if below(3) == 0 { Mode::READ } else { RW })
            .expect("it is there");
        return Some(File { fd, grows: Some(n), making: n as u32 + 1 });
    }
    let fd = match open(&mut enter(), parts.pool, &whole(n), if below(3) == 0 { Mode::READ } else { RW }) {
        Err(Errno::NOENT) => return None,
        other => other.expect("it is there"),
    };
    let _ = me;
    let mut bytes = vec![0; RECORD];
    assert_eq!(read(&mut enter(), fd, &mut bytes), Ok(RECORD));
    let (making, _) = told(&bytes, 0);
    assert_eq!(size(&mut enter(), fd), Ok((WHOLE * RECORD) as u64));
    Some(File { fd, grows: None, making })
}

/// Makes a whole file under a name of its own, and gives it one that all know.
fn make(parts: &Parts, me: usize) {
    let making = parts.next_making();
    let mine = path(&format!("t{me}"));
    let fd = open(&mut enter(), parts.pool, &mine, MAKE).expect("a new file");
    let mut place = 0;
    while place < WHOLE {
        let count = [1, 7, WHOLE][below(3)].min(WHOLE - place);
        let bytes: Vec<u8> = (place..place + count).flat_map(|place| record(making, place, 0)).collect();
        assert_eq!(write(&mut enter(), fd, &bytes), Ok(bytes.len()));
        place += count;
    }
    if below(2) == 0 {
        close(&mut enter(), fd).expect("on the disk");
        rename(&mut enter(), &mine, &whole(below(2))).expect("a name");
    } else {
        rename(&mut enter(), &mine, &whole(below(2))).expect("a name");
        close(&mut enter(), fd).expect("on the disk");
    }
}

/// Looks at records from `place` on that were read.
fn look(file: &File, place: usize, before: &[u32], bytes: &[u8]) {
    for (n, bytes) in bytes.chunks_exact(RECORD).enumerate() {
        let (making, version) = told(bytes, place + n);
        assert_eq!(making, file.making, "record {} of {:?} is of another making", place + n, file.grows);
        assert!(version >= before[n], "record {} of {:?} is old: {version}, {}", place + n, file.grows, before[n]);
    }
}

fn count_of(file: &File) -> usize {
    size(&mut enter(), file.fd).expect("open") as usize / RECORD
}

fn some(limit: usize) -> usize {
    (1 + below([3, 40, 1500][below(3)])).min(limit)
}

fn reads(parts: &Parts, file: &File) {
    let most = count_of(file);
    let place = below(most.max(1));
    let count = some(WHOLE);
    let before: Vec<u32> = (place..place + count).map(|place| parts.newest(file.making, place)).collect();
    let mut bytes = vec![0; count * RECORD];
    let at = (place * RECORD) as u64;
    let got = tree::read_at(&mut enter(), parts.pool, file.fd, at, &mut bytes).expect("bytes");
    assert!(file.grows.is_some() || got == count.min(WHOLE - place) * RECORD, "{got} bytes of a whole file at {place}");
    look(file, place, &before, &bytes[..got]);
}

/// Writes records that are this party's.
fn writes(parts: &Parts, file: &File, me: usize) {
    let most = count_of(file);
    let (place, count) = match file.grows {
        Some(owner) if owner == me => (below(most + 1), some(WHOLE)),
        Some(_) => return,
        None => (below(WHOLE / PARTIES) * PARTIES + me, 1),
    };
    let version = (place..place + count).map(|place| parts.newest(file.making, place)).max().unwrap_or(0) + 1;
    let bytes: Vec<u8> = (place..place + count).flat_map(|place| record(file.making, place, version)).collect();
    // Not by the descriptor's offset: who cuts the file moves that.
    match tree::write_at(&mut enter(), parts.pool, file.fd, (place * RECORD) as u64, &bytes) {
        Ok((put, _)) => {
            assert!(put == bytes.len() || file.grows.is_some(), "{put} of {}", bytes.len());
            (place..place + put / RECORD).for_each(|place| parts.note(file.making, place, version));
        }
        // It was cut in between.
        Err(error) => assert!(file.grows.is_some() && error == Errno::INVAL, "{error:?}"),
    }
}

/// Maps a part of a file, whose descriptor is closed meanwhile if it `ends`; whether it was.
fn maps(parts: &Parts, file: &File, me: usize, ends: bool) -> bool {
    let most = count_of(file);
    let writes = file.grows.is_none() && below(2) == 0;
    let place = if writes { below(WHOLE / PARTIES) * PARTIES + me } else { below(most.max(1)) };
    let count = if writes { 1 } else { some(300) };
    let from = place * RECORD / 512 * 512;
    let len = place * RECORD - from + count * RECORD;
    let of = object(&mut enter(), file.fd).expect("open");
    let mode = if writes { mode::Mode::Both } else { mode::Mode::Read };
    let md = match callers::create(&mut enter(), parts.pool, of, mode, from as u64, len) {
        Ok(md) => md,
        Err(error) => {
            assert!(matches!(error, Errno::NOMEM | Errno::BUSY | Errno::ACCES | Errno::MFILE), "{error:?}");
            return false;
        }
    };
    if ends {
        close(&mut enter(), file.fd).expect("on the disk");
    }
    let inside = place * RECORD - from;
    for _ in 0..1 + below(2) {
        let before: Vec<u32> = (place..place + count).map(|place| parts.newest(file.making, place)).collect();
        let start = callers::get(&mut enter(), md).expect("held").addr();
        let mut newest = None;
        if writes {
            let version = before[0] + 1;
            callers::write(&mut enter(), md, inside, RECORD).expect("declared");
            point();
            let _held = enter();
            poke_at(start + inside, &record(file.making, place, version));
            drop(_held);
            newest = Some(version);
        } else {
            callers::read(&mut enter(), md, inside, count * RECORD).expect("declared");
            let bytes = look_at(start + inside, count * RECORD);
            // What was cut off reads as zero.
            let there = if file.grows.is_some() {
                bytes.chunks(RECORD).take_while(|one| one[0..8] != [0; 8]).count()
            } else {
                count
            };
            let there = there.min(if file.grows.is_none() { WHOLE - place } else { count });
            look(file, place, &before, &bytes[..there * RECORD]);
        }
        point();
        if writes && below(3) == 0 {
            callers::sync(&mut enter(), md, 0, len).expect("on the disk");
        }
        callers::put(&mut enter(), md).expect("held");
        // Now that it is put, others see it, copies too.
        newest.into_iter().for_each(|version| parts.note(file.making, place, version));
    }
    assert_eq!(callers::destroy(&mut enter(), md, len), Ok(()));
    ends
}

fn party(parts: &Parts, me: usize) {
    let mut files: Vec<File> = Vec::new();
    for _ in 0..STEPS {
        let kind = below(100);
        if files.is_empty() || kind < 15 && files.len() < 3 {
            files.extend(opened(parts, me));
            continue;
        }
        let n = below(files.len());
        let file = &mut files[n];
        match kind {
            15..30 => close(&mut enter(), files.swap_remove(n).fd).expect("on the disk"),
            30..50 => reads(parts, file),
            50..68 => {
                let writable = super::under(&mut enter(), file.fd).is_ok_and(|(_, mode)| mode.contains(Mode::WRITE));
                if writable {
                    writes(parts, file, me);
                }
            }
            68..76 => {
                let writable = super::under(&mut enter(), file.fd).is_ok_and(|(_, mode)| mode.contains(Mode::WRITE));
                if file.grows.is_some() && writable {
                    let to = below(count_of(file) + 1);
                    let to = [0, to / 8 * 8, to][below(3)];
                    assert_eq!(truncate(&mut enter(), file.fd, (to * RECORD) as i64), Ok(()));
                }
            }
            76..84 => {
                let writable = super::under(&mut enter(), file.fd).is_ok_and(|(_, mode)| mode.contains(Mode::WRITE));
                if writable && maps(parts, file, me, below(3) == 0) {
                    files.swap_remove(n);
                }
            }
            84..89 => make(parts, me),
            89..91 => {
                let result = remove(&mut enter(), &whole(below(2)));
                assert!(matches!(result, Ok(()) | Err(Errno::NOENT)), "{result:?}");
            }
            91..94 => {
                let result = rename(&mut enter(), &whole(0), &whole(1));
                assert!(matches!(result, Ok(()) | Err(Errno::NOENT)), "{result:?}");
            }
            94..96 => match sync(&mut enter(), file.fd) {
                Ok(()) | Err(Errno::INVAL) => {}
                Err(error) => panic!("{error:?}"),
            },
            96..98 => flush::idle(&mut enter(), below(2) == 0).expect("written"),
            _ => {
                let block = parts.pool.alloc(1 + below(60_000), core::ptr::null());
                point();
                parts.pool.free(block.max(0));
            }
        }
    }
    for file in files {
        close(&mut enter(), file.fd).expect("on the disk");
    }
}

fn run(seed: u64) {
    let turns = turns::begin(seed);
    let pool = [90_000, 160_000, 400_000][turns.below(3)];
    let world = World::new(pool);
    world.limit(1 << 30);
    if turns.below(2) == 0 {
        world.modest();
    }
    let parts = Parts { pool: world.pool(), known: Arc::new(Mutex::new(Known { makings: 2, ..Known::default() })) };
    for n in 0..2 {
        let bytes: Vec<u8> = (0..900).flat_map(|place| record(n + 1, place, 0)).collect();
        world.put(&format!("g{n}"), bytes);
    }
    if turns.below(4) == 0 {
        crate::cache::prepare(&mut enter(), world.pool()).expect("memory");
        enter().cache().settings.write_behind = false;
    }
    for me in 0..PARTIES {
        let parts = parts.clone();
        turns::spawn(move || party(&parts, me));
    }
    turns::wait_for_all();
    flush::all(&mut enter()).expect("on the disk");
    {
        let mut g = enter();
        for object in g.maps().objects.all().iter().filter(|object| object.open()) {
            std::eprintln!(
                "{:?} users {} stream {} settled {} mappings {} error {} size {} stored {} transfers {} {:?}",
                object.flags,
                object.users(),
                object.stream(),
                object.settled(),
                object.mappings,
                object.error,
                object.size,
                object.stored,
                object.transfers,
                object.identity
            );
        }
        assert_eq!((g.maps().dirty, open_objects(&mut g)), (0, 0), "seed {seed}");
    }
    assert_eq!(world.streams(), 0, "seed {seed}");
    for (name, count) in [("f0", WHOLE), ("f1", WHOLE), ("g0", 0), ("g1", 0)] {
        let Some(bytes) = world.bytes_of(name) else { continue };
        assert!(bytes.len() == count * RECORD || count == 0, "seed {seed}: {name} has {} bytes", bytes.len());
        for (place, bytes) in bytes.chunks(RECORD).enumerate() {
            let (making, version) = told(bytes, place);
            assert_eq!(version, parts.newest(making, place), "seed {seed}: record {place} of {name} on the disk");
        }
    }
}

#[test]
fn in_every_order_of_six_threads_records_are_whole_and_new_and_on_the_disk_in_the_end() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("SEED").unwrap_or(1);
    for seed in first..first + number("ROUNDS").unwrap_or(200) {
        run(seed);
    }
}
