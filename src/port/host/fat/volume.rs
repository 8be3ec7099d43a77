//! A mounted volume: streams, the files behind them, and what changes names.
//!
//! ```text
//!    stream 0 … ──► file: number, size, chain, place of its entry, users
//!                     └─ one per file, however many streams; ends with the last of them
//! ```

use core::cell::{Cell, RefCell};
use core::ffi::CStr;
use core::sync::atomic::Ordering;
use std::boxed::Box;
use std::collections::HashMap;
use std::vec;
use std::vec::Vec;

use super::blocks::Blocks;
use super::chain::Chain;
use super::change::piece;
use super::names::{Found, Tree, parts};
use super::sectors::Sectors;
use super::table::{Layout, Table};
use crate::port::atomic::AtomicU64;
use crate::port::storage::{Errno, How, Identity, Opened, Space};

/// No file of the format is longer.
const LARGEST: u64 = u32::MAX as u64;

/// Counts mounts: what was known of a volume is of no use after it was away.
static MOUNTS: AtomicU64 = AtomicU64::new(1);

/// An open file.
pub(super) struct File {
    number: u64,
    /// Where its entry is; 0: the name is gone.
    pub entry: u64,
    pub size: u64,
    pub chain: Chain,
    /// Clusters that were taken for it when the disk failed: the table may or may not show them.
    pub pending: Vec<u32>,
    /// The entry does not say yet what the file is.
    pub changed: bool,
    writable: bool,
    streams: u32,
}

/// A mounted volume.
pub struct Volume {
    pub(super) sectors: RefCell<Sectors>,
    pub(super) table: Table,
    mount: u64,
    pub(super) files: Vec<Option<File>>,
    streams: Vec<Option<usize>>,
    /// The numbers of files, by the place of their entry.
    pub(super) numbers: HashMap<u64, u64>,
    next_number: u64,
    /// Entries that may name the same clusters, after a rename that failed.
    pub(super) twins: Vec<[u64; 2]>,
    /// The boot sector's mark before we came, once it was changed.
    pub(super) marked: Option<u8>,
}

impl File {
    fn identity(&self, mount: u64) -> Identity {
        // While it is mounted nobody else changes a volume: what changes a file does so through its streams.
        Identity { volume: 1 << 63 | mount, file: self.number, size: self.size, stamp: 0 }
    }
}

/// A free place in a table of optional things.
fn slot<T>(table: &mut Vec<Option<T>>) -> usize {
    table.iter().position(Option::is_none).unwrap_or_else(|| {
        table.push(None);
        table.len() - 1
    })
}

impl Volume {
    /// The open file whose entry is at this place.
    pub(super) fn at(&self, entry: u64) -> Option<usize> {
        self.files.iter().position(|file| file.as_ref().is_some_and(|file| file.entry == entry))
    }

    /// The file of a stream.
    fn stream(&self, stream: i32) -> Result<usize, Errno> {
        let stream = usize::try_from(stream).ok().and_then(|stream| self.streams.get(stream).copied().flatten());
        stream.ok_or(Errno::BADF)
    }

    /// The number of the file whose entry is at this place.
    fn number(&mut self, entry: u64) -> u64 {
        let next = self.next_number;
        let number = *self.numbers.entry(entry).or_insert(next);
        self.next_number += u64::from(number == next);
        number
    }

    /// Which file has its entry at this place, by number alone; nothing for one that was never opened, or that has two
    /// names because a rename failed.
    fn known(&self, entry: u64) -> Option<Identity> {
        let number = self.numbers.get(&entry).filter(|_| !self.twins.iter().any(|twins| twins.contains(&entry)));
        number.map(|number| Identity { volume: self.identity(), file: *number, size: 0, stamp: 0 })
    }

    /// Mounts the volume on a disk.
    ///
    /// # Errors
    /// `EINVAL`: no FAT16 or FAT32 volume; the device's.
    pub fn mount(disk: Box<dyn Blocks>) -> Result<Volume, Errno> {
        let mut sectors = Sectors::new(disk);
        let layout = Layout::read(&mut sectors)?;
        let table = Table::read(&mut sectors, layout)?;
        let volume = Volume {
            sectors: RefCell::new(sectors),
            table,
            mount: MOUNTS.fetch_add(1, Ordering::Relaxed),
            files: Vec::new(),
            streams: Vec::new(),
            numbers: HashMap::new(),
            next_number: 1,
            twins: Vec::new(),
            marked: None,
        };
        // What the crate does not understand is not mounted.
        Tree::new(&volume.sectors, &layout, &Cell::new(0)).map_err(|_| Errno::INVAL)?;
        Ok(volume)
    }

    /// Closes what is open, as `close` does, and gives the disk back; the first error too.
    pub fn unmount(mut self) -> (Box<dyn Blocks>, Result<(), Errno>) {
        let mut result = Ok(());
        for stream in 0..self.streams.len() {
            if self.streams[stream].is_some() {
                result = result.and(self.close(stream as i32));
            }
        }
        result = result.and(self.unmark());
        (self.sectors.into_inner().into_disk(), result)
    }

    /// Gives the disk back as it is, without another command.
    pub fn pull(self) -> Box<dyn Blocks> {
        self.sectors.into_inner().into_disk()
    }

    /// What identities of its files have as their volume.
    pub fn identity(&self) -> u64 {
        1 << 63 | self.mount
    }

    /// Which mounting this is; no other one has its number.
    pub fn mounting(&self) -> u64 {
        self.mount
    }

    /// Free bytes and the bytes of a cluster.
    pub fn room(&self) -> Space {
        let unit = self.table.layout.cluster;
        Space { unit: unit as u32, free: Some(u64::from(self.table.count()) * unit) }
    }

    /// Opens a file, as [`Storage::open`](crate::port::storage::Storage::open).
    ///
    /// # Errors
    /// `ENOENT`, `EEXIST`, `EISDIR`, `ENOTDIR`, `EACCES`, `ENOSPC`, `EINVAL` for a name that cannot be; the device's.
    pub fn open(&mut self, path: &CStr, how: How) -> Result<Opened, Errno> {
        let parts = parts(path)?;
        let Some((name, way)) = parts.split_last() else { return Err(Errno::ISDIR) };
        let found = self.edit(|tree, _| {
            let (dir, _) = tree.walk(way)?;
            match tree.look(&dir, name)? {
                Some(_) if how.contains(How::CREATE | How::EXCLUSIVE) => Err(Errno::EXIST),
                Some(found) => Ok(found),
                None if how.contains(How::CREATE) => tree.make(&dir, name, false),
                None => Err(Errno::NOENT),
            }
        })?;
        self.publish(found.at)?;
        if found.is_directory() {
            return Err(Errno::ISDIR);
        }
        if found.is_read_only() && how.contains(How::WRITE) {
            return Err(Errno::ACCES);
        }
        let n = match self.at(found.at) {
            Some(n) => n,
            None => {
                let n = slot(&mut self.files);
                let number = self.number(found.at);
                self.files[n] = Some(File {
                    number,
                    entry: found.at,
                    size: found.size(),
                    chain: Chain::new(found.first()),
                    pending: Vec::new(),
                    changed: false,
                    writable: !found.is_read_only(),
                    streams: 0,
                });
                n
            }
        };
        let stream = slot(&mut self.streams);
        self.streams[stream] = Some(n);
        let mount = self.mount;
        let file = self.files[n].as_mut().ok_or(Errno::IO)?;
        file.streams += 1;
        Ok(Opened { stream: stream as i32, identity: file.identity(mount), writable: file.writable })
    }

    /// Closes a stream; with the last one of a file, its entry is written, or its clusters freed if its name is gone.
    ///
    /// # Errors
    /// `EBADF`; the device's: it is closed all the same.
    pub fn close(&mut self, stream: i32) -> Result<(), Errno> {
        let n = self.stream(stream)?;
        self.streams[stream as usize] = None;
        let file = self.files[n].as_mut().ok_or(Errno::BADF)?;
        file.streams -= 1;
        if file.streams > 0 {
            return Ok(());
        }
        let result = if file.entry == 0 { self.free_chain(n, 0) } else { self.write_entry(n) };
        self.files[n] = None;
        result
    }

    /// Reads, as [`Storage::read_at`](crate::port::storage::Storage::read_at).
    ///
    /// # Errors
    /// `EBADF`; `EIO` for a chain that ends too early; the device's.
    pub fn read_at(&mut self, stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        let n = self.stream(stream)?;
        let file = self.files[n].as_mut().ok_or(Errno::BADF)?;
        let sectors = self.sectors.get_mut();
        let len = into.len().min(usize::try_from(file.size.saturating_sub(offset)).unwrap_or(usize::MAX));
        if len == 0 {
            return Ok(0);
        }
        let clusters = (offset + len as u64).div_ceil(self.table.layout.cluster) as u32;
        file.chain.extend(clusters, &self.table, sectors)?;
        let mut done = 0;
        while done < len {
            let piece = piece(&file.chain, &self.table.layout, sectors.size(), offset + done as u64, len - done)?;
            let into = &mut into[done..done + piece.len];
            if piece.before == 0 && piece.len == piece.whole {
                sectors.read_data(piece.at, into)?;
            } else {
                let mut whole = vec![0; piece.whole];
                sectors.read_data(piece.at, &mut whole)?;
                into.copy_from_slice(&whole[piece.before..piece.before + piece.len]);
            }
            done += piece.len;
        }
        Ok(len)
    }

    /// Writes, as [`Storage::write_at`](crate::port::storage::Storage::write_at).
    ///
    /// # Errors
    /// `EBADF`; `EACCES`; `EINVAL` for an offset behind the end; `EFBIG`; `ENOSPC`; the device's.
    pub fn write_at(&mut self, stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
        let n = self.stream(stream)?;
        let file = self.files[n].as_ref().ok_or(Errno::BADF)?;
        if !file.writable {
            return Err(Errno::ACCES);
        }
        if offset > file.size {
            return Err(Errno::INVAL);
        }
        let end = offset.saturating_add(from.len() as u64);
        if end > LARGEST {
            return Err(Errno::FBIG);
        }
        if from.is_empty() {
            return Ok(0);
        }
        self.mark()?;
        let clusters = self.grow(n, end.div_ceil(self.table.layout.cluster) as u32)?;
        let file = self.files[n].as_mut().ok_or(Errno::BADF)?;
        let sectors = self.sectors.get_mut();
        let room = (u64::from(clusters) * self.table.layout.cluster).saturating_sub(offset);
        let len = from.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        if len == 0 {
            return Err(Errno::NOSPC);
        }
        let size = sectors.size();
        let mut done = 0;
        while done < len {
            let at = offset + done as u64;
            let piece = piece(&file.chain, &self.table.layout, size, at, len - done)?;
            let from = &from[done..done + piece.len];
            if piece.before == 0 && piece.len == piece.whole {
                sectors.write_data(piece.at, from)?;
            } else {
                let mut whole = vec![0; piece.whole];
                let behind = piece.before + piece.len;
                // Bytes of the file that share a sector with ours stay.
                let head = piece.before > 0;
                let tail = behind < piece.whole && at + (piece.len as u64) < file.size;
                if head {
                    sectors.read_data(piece.at, &mut whole[..size])?;
                }
                if tail && !(head && piece.whole == size) {
                    let last = piece.whole - size;
                    sectors.read_data(piece.at + last as u64, &mut whole[last..])?;
                }
                whole[piece.before..behind].copy_from_slice(from);
                sectors.write_data(piece.at, &whole)?;
            }
            done += piece.len;
        }
        file.size = file.size.max(offset + len as u64);
        file.changed = true;
        Ok(len)
    }

    /// Makes a file shorter; to make it longer does nothing.
    ///
    /// # Errors
    /// `EBADF`; `EACCES`; the device's.
    pub fn truncate(&mut self, stream: i32, size: u64) -> Result<(), Errno> {
        let n = self.stream(stream)?;
        let file = self.files[n].as_mut().ok_or(Errno::BADF)?;
        if !file.writable {
            return Err(Errno::ACCES);
        }
        if size >= file.size {
            return Ok(());
        }
        self.mark()?;
        let keep = size.div_ceil(self.table.layout.cluster) as u32;
        // The entry lets go of the clusters before they are free.
        self.write_entry_as(n, size, keep == 0)?;
        self.sectors.get_mut().flush()?;
        if let Some(file) = self.files[n].as_mut() {
            file.size = size;
        }
        // The file is shorter now. Clusters that cannot be given back are lost until somebody checks the volume.
        let _ = self.free_chain(n, keep);
        Ok(())
    }

    /// Brings data, chain and entry to the disk.
    ///
    /// # Errors
    /// `EBADF`; the device's: it can be tried again.
    pub fn sync(&mut self, stream: i32) -> Result<Identity, Errno> {
        let n = self.stream(stream)?;
        self.write_entry(n)?;
        self.sectors.get_mut().flush()?;
        let file = self.files[n].as_ref().ok_or(Errno::BADF)?;
        Ok(file.identity(self.mount))
    }

    /// Which file a stream is of, as it is now.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn identify(&self, stream: i32) -> Result<Identity, Errno> {
        let n = self.stream(stream)?;
        self.files[n].as_ref().map(|file| file.identity(self.mount)).ok_or(Errno::BADF)
    }

    /// Removes the name of a file: which file that was, if it was ever opened. Its clusters are freed when nobody has it
    /// open.
    ///
    /// # Errors
    /// `ENOENT`; `EISDIR`; the device's.
    pub fn remove(&mut self, path: &CStr) -> Result<Option<Identity>, Errno> {
        let parts = parts(path)?;
        let Some((name, way)) = parts.split_last() else { return Err(Errno::ISDIR) };
        let found = self.edit(|tree, _| {
            let (dir, _) = tree.walk(way)?;
            let found = tree.look(&dir, name)?.ok_or(Errno::NOENT)?;
            if found.is_directory() {
                return Err(Errno::ISDIR);
            }
            tree.unlink(&dir, name, &found)?;
            Ok(found)
        })?;
        if let Err(error) = self.withdraw(found.at)
            && self.is_there(&found)
        {
            return Err(error);
        }
        let removed = self.known(found.at);
        self.orphan(&found);
        Ok(removed)
    }

    /// Gives a file or directory another name, in the place of a file that has it: which file that was, if there was one that
    /// was ever opened.
    ///
    /// # Errors
    /// `ENOENT`; `EISDIR` or `EEXIST` where a directory is in the way; `EINVAL` for a directory inside itself; `ENOSPC`;
    /// the device's.
    pub fn rename(&mut self, from: &CStr, to: &CStr) -> Result<Option<Identity>, Errno> {
        let (from, to) = (parts(from)?, parts(to)?);
        let (Some((old, from_way)), Some((new, to_way))) = (from.split_last(), to.split_last()) else {
            return Err(Errno::BUSY);
        };
        // First the new name, for the same clusters; where a file has it, its entry changes in one sector.
        let (source, target, victim, parent) = self.edit(|tree, sectors| {
            let (from_dir, home) = tree.walk(from_way)?;
            let parent = home.last().map_or(0, Found::first);
            let source = tree.look(&from_dir, old)?.ok_or(Errno::NOENT)?;
            let (to_dir, way) = tree.walk(to_way)?;
            if way.iter().any(|entry| entry.at == source.at) {
                return Err(Errno::INVAL);
            }
            let victim = tree.look(&to_dir, new)?;
            let target = match victim {
                Some(same) if same.at == source.at && old == new => return Ok((source, source, None, parent)),
                Some(same) if same.at == source.at => {
                    // Only other letters, large or small: there is no moment with both.
                    tree.unlink(&from_dir, old, &source)?;
                    tree.make(&to_dir, new, false)?
                }
                Some(victim) if victim.is_directory() && source.is_directory() => return Err(Errno::EXIST),
                Some(victim) if victim.is_directory() => return Err(Errno::ISDIR),
                Some(_) if source.is_directory() => return Err(Errno::EXIST),
                Some(victim) => victim,
                None => tree.make(&to_dir, new, false)?,
            };
            // All but the short name is the source's.
            sectors.borrow_mut().change(target.at + 11, &[source.raw[11]])?;
            sectors.borrow_mut().change(target.at + 13, &source.raw[13..])?;
            if source.is_directory() {
                self.adopt(sectors, &source, way.last().map_or(0, Found::first))?;
            }
            Ok((source, target, victim.filter(|victim| victim.at != source.at), parent))
        })?;
        if let Err(error) = self.publish(target.at) {
            // The new name may be there or not. Where it cannot be taken back, the clusters are not freed with either.
            if target.at != source.at
                && self.unpublish(&source, &target, victim.as_ref(), (to_way, new), parent).is_err()
            {
                self.twins.push([source.at, target.at]);
            }
            return Err(error);
        }
        if target.at == source.at {
            return Ok(None);
        }
        // Then the old name goes, unless that happened with the new one.
        let gone = self.edit(|tree, _| {
            let (dir, _) = tree.walk(from_way)?;
            match tree.look(&dir, old)? {
                Some(found) if found.at == source.at => tree.unlink(&dir, old, &found).map(|()| true),
                _ => Ok(false),
            }
        });
        let gone = gone.and_then(|gone| if gone { self.withdraw(source.at) } else { Ok(()) });
        if let Err(error) = gone
            && self.is_there(&source)
        {
            // Back to the old name alone. Where that fails as well, both stay for now.
            if self.unpublish(&source, &target, victim.as_ref(), (to_way, new), parent).is_err() {
                self.twins.push([source.at, target.at]);
            }
            return Err(error);
        }
        // Whoever has the victim open keeps it, without a name.
        let held = victim.and_then(|_| self.at(target.at)).and_then(|open| self.files[open].as_mut());
        // A victim with the same clusters is what an earlier attempt left.
        let loose = victim.filter(|victim| held.is_none() && victim.first() != source.first());
        if let Some(file) = held {
            file.entry = 0;
        }
        if let Some(file) = self.at(source.at).and_then(|open| self.files[open].as_mut()) {
            file.entry = target.at;
        }
        let replaced = victim.and_then(|_| self.known(target.at));
        let number = self.number(source.at);
        self.numbers.remove(&source.at);
        self.numbers.insert(target.at, number);
        self.twins.retain(|twins| !twins.contains(&source.at));
        if let Some(victim) = loose {
            // The name is changed: what cannot be freed is only lost.
            let _ = self.free_loose(victim.first());
        }
        Ok(replaced)
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// `EEXIST`; `ENOENT`; `ENOSPC`; the device's.
    pub fn make_directory(&mut self, path: &CStr) -> Result<(), Errno> {
        let parts = parts(path)?;
        let Some((name, way)) = parts.split_last() else { return Err(Errno::EXIST) };
        let made = self.edit(|tree, _| {
            let (dir, _) = tree.walk(way)?;
            match tree.look(&dir, name)? {
                Some(_) => Err(Errno::EXIST),
                None => tree.make(&dir, name, true),
            }
        })?;
        self.publish(made.at)
    }

    /// The room on the volume, for an open file.
    pub fn space(&self, _stream: i32) -> Space {
        self.room()
    }
}
