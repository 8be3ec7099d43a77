//! A story: operations on files, told to whoever serves them, and what each file should hold after each of them.
//!
//! ```text
//!   setup ── persistence point ── op 0 ── op 1 ── op 2 …
//!                 S0               S1      S2      S3       states: names, bytes, when they were last confirmed
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use rockmem::port::storage::Errno;

use super::files::{Files, Mode};
use super::image::Image;
use super::media::{Event, Shared};

/// One operation. Files are open in numbered slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Open {
        slot: usize,
        path: &'static str,
        mode: Mode,
    },
    /// Bytes at an offset, which is clipped to the end of the file.
    Write {
        slot: usize,
        at: u64,
        len: usize,
    },
    /// Bytes at the end.
    Append {
        slot: usize,
        len: usize,
    },
    Truncate {
        slot: usize,
        size: u64,
    },
    /// Bytes changed through a mapping, clipped to the file.
    Map {
        slot: usize,
        at: u64,
        len: usize,
    },
    Sync {
        slot: usize,
    },
    Close {
        slot: usize,
    },
    Rename {
        from: &'static str,
        to: &'static str,
    },
    Remove {
        path: &'static str,
    },
    /// Somebody takes all memory and gives it back.
    Evict,
    /// The disk is awake anyway.
    Idle,
}

/// How things should be after an operation.
#[derive(Clone, Default)]
pub struct State {
    /// Which file has a name.
    pub names: BTreeMap<String, usize>,
    /// By file.
    pub bytes: Vec<Arc<Vec<u8>>>,
    /// By file: after which operation its bytes were confirmed last; None if they never were.
    pub confirmed: Vec<Option<usize>>,
    /// By file: how many have it open for writing.
    pub writers: Vec<u32>,
    slots: BTreeMap<usize, (i32, usize, Mode)>,
}

/// A story that was told.
pub struct Told {
    /// The disk at the persistence point.
    pub before: Image,
    /// What happened to it from there.
    pub log: Vec<Event>,
    /// States from there on.
    pub states: Vec<State>,
}

/// The byte that operation `n` puts at a place.
fn byte(n: usize, at: u64) -> u8 {
    (at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) as u8)
        ^ (n as u8).wrapping_mul(37).wrapping_add(11)
}

impl State {
    fn file_of(&mut self, path: &str) -> usize {
        let files = self.bytes.len();
        let file = *self.names.entry(path.to_string()).or_insert(files);
        if file == files {
            self.bytes.push(Arc::default());
            self.confirmed.push(None);
            self.writers.push(0);
        }
        file
    }

    /// The descriptors that are open, and whether they are for writing.
    pub fn open_slots(&self) -> Vec<(i32, bool)> {
        self.slots.values().map(|(fd, _, mode)| (*fd, *mode != Mode::Read)).collect()
    }

    /// Adds a file that is on the disk.
    pub fn add(&mut self, path: &str, bytes: Vec<u8>) {
        let file = self.file_of(path);
        self.bytes[file] = Arc::new(bytes);
        self.confirmed[file] = Some(0);
    }

    fn put(&mut self, file: usize, at: usize, from: &[u8]) {
        let bytes = Arc::make_mut(&mut self.bytes[file]);
        bytes.resize(bytes.len().max(at + from.len()), 0);
        bytes[at..at + from.len()].copy_from_slice(from);
    }

    /// Does one operation; `n` is its number and `step` that of the state after it.
    pub fn tell(&mut self, files: &mut dyn Files, op: Op, n: usize, step: usize) -> Result<(), Errno> {
        let fill = |at: u64, len: usize| (at..at + len as u64).map(|at| byte(n, at)).collect::<Vec<u8>>();
        match op {
            Op::Open { slot, path, mode } => {
                let fd = files.open(path, mode)?;
                let file = self.file_of(path);
                if mode == Mode::Create {
                    self.bytes[file] = Arc::default();
                }
                self.writers[file] += u32::from(mode != Mode::Read);
                self.slots.insert(slot, (fd, file, mode));
            }
            Op::Write { slot, at, len } => {
                let (fd, file, mode) = self.slots[&slot];
                let end = self.bytes[file].len() as u64;
                let at = if mode == Mode::Append { end } else { at.min(end) };
                let bytes = fill(at, len);
                files.seek(fd, at)?;
                assert_eq!(files.write(fd, &bytes)?, len, "a short write");
                self.put(file, at as usize, &bytes);
            }
            Op::Append { slot, len } => {
                let (fd, file, _) = self.slots[&slot];
                let at = self.bytes[file].len() as u64;
                let bytes = fill(at, len);
                files.seek(fd, at)?;
                assert_eq!(files.write(fd, &bytes)?, len, "a short write");
                self.put(file, at as usize, &bytes);
            }
            Op::Truncate { slot, size } => {
                let (fd, file, _) = self.slots[&slot];
                files.truncate(fd, size)?;
                Arc::make_mut(&mut self.bytes[file]).truncate(size as usize);
            }
            Op::Map { slot, at, len } => {
                let (fd, file, _) = self.slots[&slot];
                let end = self.bytes[file].len();
                let at = at.min(end as u64);
                let bytes = fill(at, len.min(end - at as usize));
                if !bytes.is_empty() {
                    files.map_write(fd, at, &bytes)?;
                    self.put(file, at as usize, &bytes);
                }
            }
            Op::Sync { slot } => {
                let (fd, file, _) = self.slots[&slot];
                files.sync(fd)?;
                self.confirmed[file] = Some(step);
            }
            Op::Close { slot } => {
                let (fd, file, mode) = self.slots.remove(&slot).expect("an open slot");
                files.close(fd)?;
                if mode != Mode::Read {
                    self.writers[file] -= 1;
                    self.confirmed[file] = Some(step);
                }
            }
            Op::Rename { from, to } => {
                files.rename(from, to)?;
                let file = self.names.remove(from).expect("a file of this name");
                self.names.insert(to.to_string(), file);
            }
            Op::Remove { path } => {
                files.remove(path)?;
                self.names.remove(path);
            }
            Op::Evict => files.evict(),
            Op::Idle => files.idle(),
        }
        Ok(())
    }

    /// Whether the operation can be told now: its slot is open for it, its name is there.
    pub fn allows(&self, op: Op) -> bool {
        match op {
            Op::Open { slot, path, mode } => {
                !self.slots.contains_key(&slot) && (mode != Mode::Read || self.names.contains_key(path))
            }
            Op::Write { slot, .. } | Op::Append { slot, .. } | Op::Truncate { slot, .. } | Op::Map { slot, .. } => {
                self.slots.get(&slot).is_some_and(|slot| slot.2 != Mode::Read)
            }
            Op::Sync { slot } => self.slots.get(&slot).is_some_and(|slot| slot.2 != Mode::Read),
            Op::Close { slot } => self.slots.contains_key(&slot),
            Op::Rename { from, .. } => self.names.contains_key(from),
            Op::Remove { path } => self.names.contains_key(path),
            Op::Evict | Op::Idle => true,
        }
    }

    /// The bytes of each file are what its readers see.
    pub fn compare(&self, files: &mut dyn Files) {
        for (path, file) in &self.names {
            let wanted = &self.bytes[*file];
            let fd = files.open(path, Mode::Read).expect("a file that is there");
            let mut bytes = vec![0; wanted.len() + 10];
            let got = files.read(fd, &mut bytes).expect("its bytes");
            assert!(bytes[..got] == wanted[..], "{path} reads otherwise than it was written");
            files.close(fd).expect("closed");
        }
    }
}

impl Told {
    /// Nothing has been told; from now on the disk remembers.
    pub fn begin(state: State, disk: &Shared) -> Told {
        let mut media = disk.lock();
        media.flush();
        media.record();
        Told { before: media.image().clone(), log: Vec::new(), states: vec![state] }
    }

    /// All is told.
    pub fn end(&mut self, disk: &Shared) {
        self.log = disk.lock().take_log();
    }
}

/// Tells a story on; its operations count on from `number`, which makes their bytes differ. Answers them.
pub fn tell_on(told: &mut Told, files: &mut dyn Files, disk: &Shared, ops: &[Op], number: usize) -> Vec<Op> {
    for (n, op) in ops.iter().enumerate() {
        let mut state = told.states.last().expect("a state").clone();
        let step = told.states.len();
        state.tell(files, *op, number + n, step).unwrap_or_else(|error| panic!("{op:?} in {ops:?}: {error:?}"));
        disk.lock().done(step - 1);
        told.states.push(state);
    }
    ops.to_vec()
}

/// Tells a story whose first `setup` operations are before the persistence point. All files are read at its end.
pub fn tell(files: &mut dyn Files, disk: &Shared, setup: usize, ops: &[Op]) -> Told {
    let mut state = State::default();
    for (n, op) in ops[..setup].iter().enumerate() {
        state.tell(files, *op, n, 0).unwrap_or_else(|error| panic!("{op:?}: {error:?}"));
    }
    let mut told = Told::begin(state, disk);
    tell_on(&mut told, files, disk, &ops[setup..], setup);
    told.end(disk);
    told.states.last().expect("a state").compare(files);
    told
}
