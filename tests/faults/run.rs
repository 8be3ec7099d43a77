//! Operations some of which fail, and what may be said about the files all the same.
//!
//! - An operation that succeeded has its effect: every later read shows it.
//! - One that failed has none, or all of it: a later read says which.
//! - When a sync or a close succeeded, the disk holds what the file should.
//! - When a write of the device failed and the operation under way did not say so, the next sync or close does.
//! - When the device works again, everything can be written.
//! - A rename that failed has left one name, unless the device never worked again: then it could not be taken back.

use std::collections::BTreeMap;

use rockmem::port::storage::Errno;

use crate::disk::fat::check::{Verdict, check};
use crate::disk::files::{Files, Mode};
use crate::disk::media::Shared;
use crate::disk::story::Op;

struct Slot {
    fd: i32,
    path: &'static str,
    writes: bool,
}

/// A workload on the way.
pub struct Run {
    files: Box<dyn Files>,
    disk: Shared,
    /// What each file should hold. Files whose making failed may be missing.
    bytes: BTreeMap<&'static str, Vec<u8>>,
    slots: BTreeMap<usize, Slot>,
    /// Write commands failed of which no operation has told yet.
    untold: bool,
    /// Whether a device that fails does so for ever.
    ever: bool,
    /// A rename failed half way on such a device: the file has both names, and what is done to one is done to the other.
    twins: bool,
    /// How things came here.
    story: String,
}

fn byte(n: usize, at: usize) -> u8 {
    (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) as u8 ^ (n as u8).wrapping_mul(37)
}

/// Whether the operation, or what goes on behind it, writes what somebody wrote.
fn carries_bytes(op: Op) -> bool {
    matches!(op, Op::Write { .. } | Op::Append { .. } | Op::Map { .. } | Op::Evict | Op::Idle)
}

impl Run {
    pub fn new(files: Box<dyn Files>, disk: Shared, ever: bool) -> Run {
        let (bytes, slots) = (BTreeMap::new(), BTreeMap::new());
        Run { files, disk, bytes, slots, untold: false, ever, twins: false, story: String::new() }
    }

    fn write_failures(&self) -> u64 {
        self.disk.lock().counts().failed_writes
    }

    fn all_of(&mut self, path: &str) -> Result<Vec<u8>, Errno> {
        let fd = self.files.open(path, Mode::Read)?;
        let mut all = vec![0; 64 << 10];
        let got = self.files.read(fd, &mut all);
        let closed = self.files.close(fd);
        all.truncate(got?);
        closed.map(|()| all)
    }

    /// Does one operation.
    fn op(&mut self, n: usize, op: Op) -> Result<(), Errno> {
        match op {
            Op::Open { slot, path, mode } => {
                let fd = self.files.open(path, mode)?;
                self.slots.insert(slot, Slot { fd, path, writes: mode != Mode::Read });
                let bytes = self.bytes.entry(path).or_default();
                if mode == Mode::Create {
                    bytes.clear();
                }
                Ok(())
            }
            Op::Write { slot, at, len } => {
                let Some(Slot { fd, path, .. }) = self.slots.get(&slot) else { return Ok(()) };
                let at = (at as usize).min(self.bytes[path].len());
                self.put(*fd, path, at, len, n)
            }
            Op::Append { slot, len } => {
                let Some(Slot { fd, path, .. }) = self.slots.get(&slot) else { return Ok(()) };
                self.put(*fd, path, self.bytes[path].len(), len, n)
            }
            Op::Truncate { slot, size } => {
                let Some(Slot { fd, path, .. }) = self.slots.get(&slot) else { return Ok(()) };
                let path = *path;
                self.files.truncate(*fd, size)?;
                self.bytes.get_mut(path).expect("a file").truncate(size as usize);
                Ok(())
            }
            Op::Map { slot, at, len } => {
                let Some(Slot { fd, path, .. }) = self.slots.get(&slot) else { return Ok(()) };
                let (fd, path, at) = (*fd, *path, at as usize);
                let len = len.min(self.bytes[path].len().saturating_sub(at));
                let piece: Vec<u8> = (at..at + len).map(|at| byte(n, at)).collect();
                if !piece.is_empty() {
                    self.files.map_write(fd, at as u64, &piece)?;
                    self.bytes.get_mut(path).expect("a file")[at..at + len].copy_from_slice(&piece);
                }
                Ok(())
            }
            Op::Sync { slot } => {
                let Some(Slot { fd, path, .. }) = self.slots.get(&slot) else { return Ok(()) };
                let path = *path;
                let result = self.files.sync(*fd);
                self.told(result, path)
            }
            Op::Close { slot } => {
                let Some(Slot { fd, path, writes }) = self.slots.remove(&slot) else { return Ok(()) };
                let result = self.files.close(fd);
                if writes { self.told(result, path) } else { result }
            }
            Op::Rename { from, to } => {
                if !self.bytes.contains_key(from) {
                    return Ok(());
                }
                self.files.rename(from, to)?;
                let bytes = self.bytes.remove(from).expect("a file");
                self.bytes.insert(to, bytes);
                Ok(())
            }
            Op::Remove { path } => {
                self.files.remove(path)?;
                self.bytes.remove(path);
                Ok(())
            }
            Op::Evict => {
                self.files.evict();
                Ok(())
            }
            Op::Idle => {
                self.files.idle();
                Ok(())
            }
        }
    }

    fn put(&mut self, fd: i32, path: &'static str, at: usize, len: usize, n: usize) -> Result<(), Errno> {
        let piece: Vec<u8> = (at..at + len).map(|at| byte(n, at)).collect();
        self.files.seek(fd, at as u64)?;
        let done = self.files.write(fd, &piece)?;
        let bytes = self.bytes.get_mut(path).expect("a file");
        bytes.resize(bytes.len().max(at + done), 0);
        bytes[at..at + done].copy_from_slice(&piece[..done]);
        Ok(())
    }

    /// What a sync or a close said: a success is held against the disk, and against what failed unheard.
    fn told(&mut self, result: Result<(), Errno>, path: &'static str) -> Result<(), Errno> {
        if result.is_err() {
            self.untold = false;
            return result;
        }
        assert!(!self.untold, "{}: a write failed, and nobody was told", self.story);
        let image = self.disk.lock().image().clone();
        let there = check(&image).read(&image, &format!("/{path}"));
        assert!(
            there.as_ref() == Some(&self.bytes[path]),
            "{}: confirmed: {path} with {} bytes; on the disk: {:?}",
            self.story,
            self.bytes[path].len(),
            there.map(|bytes| bytes.len())
        );
        Ok(())
    }

    /// Tells a workload; any of its operations may fail.
    pub fn tell(&mut self, ops: &[Op]) {
        for (n, op) in ops.iter().enumerate() {
            if self.twins {
                return;
            }
            let failures = self.write_failures();
            let before = self.bytes.clone();
            let result = self.op(n, *op);
            self.story += &format!("{op:?}{} ", if result.is_ok() { "" } else { " failed," });
            let failed = self.write_failures() > failures;
            match result {
                // A name that is changed, or clusters that are given back, are no bytes of anybody.
                Ok(()) => self.untold |= failed && carries_bytes(*op),
                Err(_) => self.settle(n, *op, before),
            }
        }
    }

    /// An operation failed: its effect is there or not. What cannot be read now is looked at again later.
    fn settle(&mut self, n: usize, op: Op, before: BTreeMap<&'static str, Vec<u8>>) {
        self.disk.lock().pause(true);
        let names = |op| match op {
            Op::Rename { from, to } => vec![from, to],
            Op::Remove { path } | Op::Open { path, .. } => vec![path],
            _ => Vec::new(),
        };
        for path in names(op) {
            match self.all_of(path) {
                // Its name is what it is; its bytes are one of those that it may have.
                Ok(bytes) => {
                    let known = before.values().any(|old| *old == bytes) || bytes.is_empty();
                    assert!(known, "{}: {path} has {} bytes that it never had", self.story, bytes.len());
                    self.bytes.insert(path, bytes);
                }
                Err(Errno::NOENT) => drop(self.bytes.remove(path)),
                Err(error) => panic!("{}: {path}: {error:?} though the device works", self.story),
            }
        }
        if let Op::Rename { from, to } = op {
            self.twins = self.bytes.contains_key(from) && self.bytes.get(from) == self.bytes.get(to);
            assert!(!self.twins || self.ever, "{}: both names are there, though the device works", self.story);
        }
        let slot = match op {
            Op::Write { slot, .. } | Op::Append { slot, .. } | Op::Truncate { slot, .. } | Op::Map { slot, .. } => slot,
            _ => usize::MAX,
        };
        if let Some(path) = self.slots.get(&slot).map(|slot| slot.path) {
            let bytes = self.all_of(path).expect("the device works");
            let mut after = self.bytes[path].clone();
            match op {
                Op::Truncate { size, .. } => after.truncate(size as usize),
                Op::Map { at, len, .. } => {
                    let end = after.len().min(at as usize + len);
                    (at as usize..end).for_each(|at| after[at] = byte(n, at));
                }
                _ => {}
            }
            let either = bytes == self.bytes[path] || bytes == after;
            assert!(either, "{}: {path} has neither the old nor the new bytes", self.story);
            self.bytes.insert(path, bytes);
        }
        self.disk.lock().pause(false);
    }

    /// The device works again: everything can be brought to the disk and is what it should be.
    pub fn heal(mut self, what: &str) {
        let what = format!("{what}: {}", self.story);
        for slot in std::mem::take(&mut self.slots).into_values() {
            // What failed before is told now.
            let _ = self.files.close(slot.fd);
        }
        for path in self.bytes.keys().copied().collect::<Vec<_>>() {
            let fd = self.files.open(path, Mode::Write).unwrap_or_else(|error| panic!("{what}: {path}: {error:?}"));
            let _ = self.files.sync(fd);
            self.files.sync(fd).unwrap_or_else(|error| panic!("{what}: {path} again: {error:?}"));
            self.files.close(fd).unwrap_or_else(|error| panic!("{what}: {path} closed: {error:?}"));
            let bytes = self.all_of(path).unwrap_or_else(|error| panic!("{what}: {path} read: {error:?}"));
            assert!(bytes == self.bytes[path], "{what}: {path} reads otherwise than it was written");
        }
        let image = self.disk.lock().image().clone();
        let report = check(&image);
        let most = if self.twins { Verdict::Twins } else { Verdict::Allowed };
        assert!(report.verdict() <= most, "{what}: {report:?}");
        for (path, bytes) in &self.bytes {
            let there = report.read(&image, &format!("/{path}"));
            assert!(there.as_ref() == Some(bytes), "{what}: {path} is not on the disk as it should be");
        }
    }
}
