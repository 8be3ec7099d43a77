//! Six parties open, read, write, map, cut, rename and remove the same few files in tiny pools, in orders that seeds
//! decide (`port/turns.rs`): nobody sees a record torn, of another file, older than it was, or a hole where one should be.
//!
//! ```text
//!   f0 f1       whole files, made under another name and renamed over the last one: so many records, of one making
//!   g0 g1       each with one party that makes it longer, and everybody who cuts it
//!   record      { making, place, version, sum }   each has one writer; versions only grow
//! ```
//!
//! A failure names its seed: `SEED=n ROUNDS=1 cargo test --lib seeds` runs that one again.

use std::vec;
use std::vec::Vec;

use super::known::{Faults, File, PARTIES, Parts, RECORD, WHOLE, enter, growing, record, told, whole};
use super::{MAKE, RW, path};
use crate::cache::{Cached, flush};
use crate::file::{Mode, close, object, open, read, remove, rename, size, sync, tree, truncate};
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::{faults, look_at, poke_at};
use crate::mmap::{callers, mode};
use crate::port::failing::Fault;
use crate::port::model::{World, failing, open_objects};
use crate::port::storage::Errno;
use crate::port::turns::{self, below, point};

const STEPS: usize = 30;

fn opened(parts: &Parts) -> Option<File> {
    let n = below(2);
    let mode = if below(3) == 0 { Mode::READ } else { RW };
    if below(2) == 0 {
        let result = open(&mut enter(), parts.pool, &growing(n), mode);
        let fd = parts.fine(result)?;
        return known(fd, File::new(fd, Some(n), n as u32 + 1));
    }
    let fd = match open(&mut enter(), parts.pool, &whole(n), mode) {
        Err(Errno::NOENT) => return None,
        other => parts.fine(other)?,
    };
    let mut file = known(fd, File::new(fd, None, 0))?;
    let mut bytes = vec![0; RECORD];
    let result = read(&mut enter(), fd, &mut bytes);
    let making = parts.fine(result).map(|got| {
        assert_eq!(got, RECORD);
        told(&bytes, 0).0
    });
    let length = size(&mut enter(), fd);
    let length = parts.fine(length);
    assert!(length.is_none_or(|length| length == (WHOLE * RECORD) as u64), "{length:?} bytes of a whole file");
    match making {
        Some(making) => file.making = making,
        None => {
            ends(parts, &file);
            return None;
        }
    }
    Some(file)
}

/// A file, or nothing and its descriptor is closed.
fn known(fd: i32, file: Option<File>) -> Option<File> {
    if file.is_none() {
        let _ = close(&mut enter(), fd);
    }
    file
}

/// Closes a descriptor.
fn ends(parts: &Parts, file: &File) -> Option<()> {
    parts.call(file, all(file).filter(|_| file.wrote), || close(&mut enter(), file.fd))
}

/// All records of a file.
fn all(file: &File) -> Option<(usize, usize)> {
    Some((0, if file.grows.is_some() { usize::MAX } else { WHOLE }))
}

/// Brings a file to the disk.
fn syncs(parts: &Parts, file: &mut File) -> Option<()> {
    let done = parts.call(file, all(file), || sync(&mut enter(), file.fd));
    file.wrote &= done.is_none();
    done
}

/// Writes records: how many of them have been written.
fn put(parts: &Parts, file: &mut File, place: usize, count: usize, version: u32) -> Result<usize, Errno> {
    let bytes: Vec<u8> = (place..place + count).flat_map(|place| record(file.making, place, version)).collect();
    let began = parts.begin();
    // Not by the descriptor's offset: who cuts the file moves that.
    let result = tree::write_at(&mut enter(), parts.pool, file.fd, (place * RECORD) as u64, &bytes);
    let put = result.map_or(0, |(put, _)| put);
    assert!(put == bytes.len() || put.is_multiple_of(RECORD), "{put} bytes are no records");
    parts.end(file, began, put < bytes.len(), false);
    parts.note(file, place, put / RECORD, version);
    file.wrote |= put > 0;
    match result {
        // Here it is told, and nowhere else.
        Err(Errno::NOSPC) if parts.full => Ok(0),
        result => result.map(|_| put / RECORD),
    }
}

/// Makes a whole file under a name of its own, and gives it one that all know.
fn make(parts: &Parts, me: usize) -> Option<()> {
    let making = parts.next_making();
    let mine = path(&std::format!("t{me}"));
    if parts.faulty() {
        // What was begun and failed.
        let result = remove(&mut enter(), &mine);
        assert!(matches!(result, Ok(()) | Err(Errno::NOENT)), "{result:?}");
    }
    let result = open(&mut enter(), parts.pool, &mine, MAKE);
    let fd = parts.fine(result)?;
    let mut file = known(fd, File::new(fd, None, making))?;
    let (mut place, mut tries) = (0, 0);
    while place < WHOLE && tries < 4 {
        let count = [1, 7, WHOLE][below(3)].min(WHOLE - place);
        let result = put(parts, &mut file, place, count, 0);
        match parts.fine(result) {
            Some(put) => {
                assert!(put == count || parts.faulty(), "{put} of {count}");
                place += put;
                tries += usize::from(put == 0);
            }
            None => tries += 1,
        }
    }
    // Where the volume is pulled, what all know is on the disk.
    let early = place == WHOLE && parts.faults < Faults::Volume && below(2) == 0;
    if early {
        rename(&mut enter(), &mine, &whole(below(2))).expect("a name");
    }
    let mut done = ends(parts, &file).filter(|()| place == WHOLE);
    while place == WHOLE && !early && done.is_none() && tries < 4 && file.living() {
        // What a close could not bring to the disk is with the file.
        tries += 1;
        let result = open(&mut enter(), parts.pool, &mine, RW);
        let Some(fd) = parts.fine(result) else { continue };
        // Not the file of a volume that has come instead.
        file = known(fd, File::new(fd, None, making).filter(|now| now.name == file.name && now.living()))?;
        let length = size(&mut enter(), fd);
        assert!(parts.fine(length).is_none_or(|length| length == (WHOLE * RECORD) as u64), "{length:?} bytes are kept");
        done = syncs(parts, &mut file);
        ends(parts, &file);
    }
    if !early {
        done?;
        rename(&mut enter(), &mine, &whole(below(2))).expect("a name");
    }
    Some(())
}

/// Looks at records from `place` on that were read.
fn look(parts: &Parts, file: &File, place: usize, before: &[u32], bytes: &[u8]) {
    for (n, bytes) in bytes.chunks_exact(RECORD).enumerate() {
        parts.look(file.making, place + n, before[n], bytes);
    }
}

fn count_of(file: &File) -> usize {
    // Nothing, where its volume is gone.
    size(&mut enter(), file.fd).unwrap_or(0) as usize / RECORD
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
    let result = tree::read_at(&mut enter(), parts.pool, file.fd, at, &mut bytes);
    let Some(got) = parts.fine(result) else { return };
    let there = parts.faulty() || file.grows.is_some() || got == count.min(WHOLE - place) * RECORD;
    assert!(there, "{got} bytes of a whole file at {place}");
    look(parts, file, place, &before, &bytes[..got]);
}

/// Writes records that are this party's.
fn writes(parts: &Parts, file: &mut File, me: usize) {
    let most = count_of(file);
    let (place, count) = match file.grows {
        Some(owner) if owner == me => (below(most + 1), some(WHOLE)),
        Some(_) => return,
        None => (below(WHOLE / PARTIES) * PARTIES + me, 1),
    };
    let version = parts.next_version(file.making, place, count);
    match put(parts, file, place, count, version) {
        Ok(put) => assert!(put == count || file.grows.is_some() || parts.faulty(), "{put} of {count}"),
        // It was cut in between.
        Err(Errno::INVAL) => assert!(file.grows.is_some()),
        error => assert!(parts.fine(error).is_none()),
    }
}

/// Maps a part of a file, whose descriptor is closed meanwhile if it `ends`; whether it was.
fn maps(parts: &Parts, file: &File, me: usize, ending: bool) -> bool {
    let most = count_of(file);
    let own = file.grows.is_none_or(|owner| owner == me && most > 0);
    let writes = own && below(2) == 0;
    let place = match (writes, file.grows) {
        (true, None) => below(WHOLE / PARTIES) * PARTIES + me,
        _ => below(most.max(1)),
    };
    let count = if writes { 1 } else { some(300) };
    let from = place * RECORD / 512 * 512;
    let len = place * RECORD - from + count * RECORD;
    let of = object(&mut enter(), file.fd);
    let Some(of) = parts.fine(of) else { return false };
    let mode = if writes { mode::Mode::Both } else { mode::Mode::Read };
    let md = match callers::create(&mut enter(), parts.pool, of, mode, from as u64, len) {
        Ok(md) => md,
        Err(error) => {
            let full = matches!(error, Errno::NOMEM | Errno::BUSY | Errno::ACCES | Errno::MFILE);
            assert!(full || parts.fine::<()>(Err(error)).is_none());
            return false;
        }
    };
    if ending {
        ends(parts, file);
    }
    let inside = place * RECORD - from;
    for _ in 0..1 + below(2) {
        let before: Vec<u32> = (place..place + count).map(|place| parts.newest(file.making, place)).collect();
        let start = callers::get(&mut enter(), md).expect("held").addr();
        let mut newest = None;
        if writes {
            let declared = callers::write(&mut enter(), md, inside, RECORD);
            if parts.fine(declared).is_some() {
                let version = parts.next_version(file.making, place, 1);
                point();
                let _held = enter();
                poke_at(start + inside, &record(file.making, place, version));
                newest = Some(version);
            }
        } else {
            let declared = callers::read(&mut enter(), md, inside, count * RECORD);
            let bytes = look_at(start + inside, count * RECORD);
            // What was cut off reads as zero.
            let there = match (declared, file.grows) {
                (Ok(()), Some(_)) => bytes.chunks(RECORD).take_while(|one| one[0..8] != [0; 8]).count(),
                (Ok(()), None) => count.min(WHOLE - place),
                (Err(_), _) => 0,
            };
            parts.fine(declared);
            look(parts, file, place, &before, &bytes[..there * RECORD]);
        }
        point();
        if writes && below(3) == 0 {
            parts.call(file, None, || callers::sync(&mut enter(), md, 0, len));
        }
        callers::put(&mut enter(), md).expect("held");
        // Now that it is put, others see it, copies too.
        newest.into_iter().for_each(|version| parts.note(file, place, 1, version));
    }
    parts.call(file, Some((place, 1)).filter(|_| writes), || callers::destroy(&mut enter(), md, len));
    ending
}

/// Something is to fail, or nothing any more.
fn disturb(parts: &Parts) {
    let fault = Fault::new(1 + below(8) as u64, [1, 2, 5, 1000][below(4)]);
    let (kind, torn) = (below(8), below(2) == 0);
    match kind {
        0..5 => failing(|failing| {
            failing.torn = torn;
            match kind {
                0 => failing.reads = fault,
                1 => failing.cuts = fault,
                2 => failing.syncs = fault,
                _ => failing.writes = fault,
            }
        }),
        5 => faults::fail(1 + below(6) as i32, below(4) == 0),
        6 => well(),
        _ if parts.faults == Faults::Volume && below(3) == 0 => parts.pull(),
        _ => {}
    }
}

/// Nothing fails any more.
fn well() {
    faults::clear();
    failing(|failing| failing.heal());
}

fn party(parts: &Parts, me: usize) {
    let mut files: Vec<File> = Vec::new();
    for _ in 0..STEPS {
        let kind = below(100);
        if parts.faulty() && below(5) == 0 {
            disturb(parts);
        }
        if files.is_empty() || kind < 15 && files.len() < 3 {
            files.extend(opened(parts));
            continue;
        }
        let n = below(files.len());
        let file = &mut files[n];
        match kind {
            _ if !file.living() && below(3) > 0 => {
                ends(parts, &files.swap_remove(n));
            }
            15..30 => {
                ends(parts, &files.swap_remove(n));
            }
            30..50 => reads(parts, file),
            50..68 => {
                let writable =
                    crate::file::under(&mut enter(), file.fd).is_ok_and(|(_, mode)| mode.contains(Mode::WRITE));
                if writable {
                    writes(parts, file, me);
                }
            }
            68..76 => {
                let writable =
                    crate::file::under(&mut enter(), file.fd).is_ok_and(|(_, mode)| mode.contains(Mode::WRITE));
                if file.grows.is_some() && writable {
                    let to = below(count_of(file) + 1);
                    let to = [0, to / 8 * 8, to][below(3)];
                    let result = truncate(&mut enter(), file.fd, (to * RECORD) as i64);
                    parts.fine(result);
                }
            }
            76..84 => {
                let writable =
                    crate::file::under(&mut enter(), file.fd).is_ok_and(|(_, mode)| mode.contains(Mode::WRITE));
                if writable && maps(parts, file, me, below(3) == 0) {
                    files.swap_remove(n);
                }
            }
            84..89 => {
                make(parts, me);
            }
            89..91 => {
                let result = remove(&mut enter(), &whole(below(2)));
                assert!(matches!(result, Ok(()) | Err(Errno::NOENT)), "{result:?}");
            }
            91..94 => {
                let result = rename(&mut enter(), &whole(0), &whole(1));
                assert!(matches!(result, Ok(()) | Err(Errno::NOENT)), "{result:?}");
            }
            94..96 => {
                let writable =
                    crate::file::under(&mut enter(), file.fd).is_ok_and(|(_, mode)| mode.contains(Mode::WRITE));
                if writable {
                    syncs(parts, file);
                }
            }
            96..98 => {
                let result = flush::idle(&mut enter(), below(2) == 0);
                parts.fine(result);
            }
            _ => {
                let block = parts.pool.alloc(1 + below(60_000), core::ptr::null());
                point();
                parts.pool.free(block.max(0));
            }
        }
    }
    for file in files {
        ends(parts, &file);
    }
}

/// One seed; what it has seen of failures, and of pulled volumes.
fn run(seed: u64, faulty: bool) -> [usize; 4] {
    let turns = turns::begin(seed);
    let pool = [90_000, 160_000, 400_000][turns.below(3)];
    let world = World::new(pool);
    let kind = if faulty { [Faults::Commands, Faults::Volume][turns.below(2)] } else { Faults::None };
    let room = if faulty { [120 << 12, 320 << 12, 400 << 12, 1 << 30][turns.below(4)] } else { 1 << 30 };
    world.limit(room);
    if turns.below(2) == 0 {
        world.modest();
    }
    let mut parts = Parts::new(world.pool(), kind, 2);
    parts.full = room < 1 << 30;
    for n in 0..2 {
        let bytes: Vec<u8> = (0..900).flat_map(|place| record(n + 1, place, 0)).collect();
        world.put(&std::format!("g{n}"), bytes);
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
    well();
    // Once more what failed before is told, where nobody has the file open; all is tried again.
    assert!(flush::all(&mut enter()).is_ok() || faulty, "seed {seed}");
    assert_eq!(flush::all(&mut enter()), Ok(()), "seed {seed}");
    parts.all_were_told(seed);
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
            parts.look(making, place, parts.newest(making, place), bytes);
            assert!(faulty || version == parts.newest(making, place), "seed {seed}: record {place} of {name}");
        }
    }
    let [failures, told, confirmed] = parts.counts();
    [failures, told, confirmed, failing(|failing| failing.pulls) as usize]
}

fn seeds(faulty: bool) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("SEED").unwrap_or(1);
    let mut seen = [0; 4];
    for seed in first..first + number("ROUNDS").unwrap_or(200) {
        let counts = run(seed, faulty);
        (0..4).for_each(|n| seen[n] += counts[n]);
    }
    let few = number("ROUNDS").is_some();
    assert!(few || seen[2] > 500 && (!faulty || seen[0] > 500 && seen[1] > 500 && seen[3] > 50), "{seen:?}");
}

#[test]
fn in_every_order_of_six_threads_records_are_whole_and_new_and_on_the_disk_in_the_end() {
    seeds(false);
}

#[test]
fn in_every_order_what_fails_is_told_and_tried_again_and_what_was_confirmed_stays() {
    seeds(true);
}
