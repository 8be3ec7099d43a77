//! What a volume changes on its disk, and in which order.
//!
//! ```text
//!    a new name      entries before it, then the table, then the entry itself
//!                    on a new cluster of the directory: the cluster first, then the table that shows it
//!    a name less     the entry itself, then the rest of it; flush; then its clusters are free
//!    growing         chain of the new clusters, then the link to it; data; flush; then the entry with the length
//!    shrinking       entry with the length; flush; then the end of the chain, then what is free
//! ```

use core::cell::{Cell, RefCell};
use std::vec;

use super::chain::Chain;
use super::names::{ENTRY, Found, Tree, now};
use super::sectors::{Sectors, TRANSFER};
use super::table::{Layout, Link};
use super::volume::Volume;
use crate::port::storage::Errno;

/// Bytes of a file that lie together on the disk, with the sectors that they are on.
pub struct Piece {
    /// The first byte of those sectors.
    pub at: u64,
    /// Bytes of them before the piece.
    pub before: usize,
    /// Bytes of the piece.
    pub len: usize,
    /// Bytes of the sectors.
    pub whole: usize,
}

/// The piece at this offset: at most `left` bytes and a transfer.
pub fn piece(chain: &Chain, layout: &Layout, sector: usize, offset: u64, left: usize) -> Result<Piece, Errno> {
    let index = u32::try_from(offset / layout.cluster).map_err(|_| Errno::IO)?;
    let into = offset % layout.cluster;
    let (cluster, run) = chain.find(index).ok_or(Errno::IO)?;
    let at = layout.place(cluster) + into;
    let before = (at % sector as u64) as usize;
    let there = u64::from(run) * layout.cluster - into;
    let len = left.min(TRANSFER - before).min(usize::try_from(there).unwrap_or(usize::MAX));
    Ok(Piece { at: at - before as u64, before, len, whole: (before + len).next_multiple_of(sector) })
}

impl Volume {
    /// Works on the directories; what it changes waits. Nothing does if it fails.
    pub(super) fn edit<R>(
        &self,
        work: impl FnOnce(&Tree<'_>, &RefCell<Sectors>) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        let last = Cell::new(0);
        let result = Tree::new(&self.sectors, &self.table.layout, &last).and_then(|tree| work(&tree, &self.sectors));
        if result.is_err() {
            self.sectors.borrow_mut().discard();
        }
        result
    }

    /// Writes what waits, boot sectors first; `settled`, each rank before the next.
    fn commit(&mut self, rank: impl Fn(u64) -> u32, settled: bool) -> Result<(), Errno> {
        let sectors = self.sectors.get_mut();
        if sectors.changes().next().is_none() {
            return Ok(());
        }
        let (size, layout) = (sectors.size() as u64, self.table.layout);
        if let Err(error) = self.wait_with_mark() {
            self.sectors.get_mut().discard();
            return Err(error);
        }
        let rank = |sector| if sector * size < layout.table { 0 } else { 1 + rank(sector * size) };
        self.sectors.get_mut().commit(rank, settled)
    }

    /// Says on the disk that the volume is in use, and that nobody has counted what is free.
    fn wait_with_mark(&mut self) -> Result<(), Errno> {
        if self.marked.is_some() {
            return Ok(());
        }
        let (sectors, layout) = (self.sectors.get_mut(), self.table.layout);
        let mut mark = [0];
        sectors.read(layout.mark(), &mut mark)?;
        sectors.change(layout.mark(), &[mark[0] | 1])?;
        if layout.info != 0 {
            sectors.change(layout.info + 488, &[0xFF; 4])?;
        }
        self.marked = Some(mark[0]);
        Ok(())
    }

    /// The same, at once: before the first data is written.
    pub(super) fn mark(&mut self) -> Result<(), Errno> {
        if self.marked.is_some() {
            return Ok(());
        }
        let result = self.wait_with_mark().and_then(|()| self.commit(|_| 0, false));
        if result.is_err() {
            self.marked = None;
            self.sectors.get_mut().discard();
        }
        result
    }

    /// Takes the mark back and says what is free: all is on the disk.
    pub(super) fn unmark(&mut self) -> Result<(), Errno> {
        let layout = self.table.layout;
        let (count, hint) = (self.table.count(), self.table.hint());
        let sectors = self.sectors.get_mut();
        sectors.flush()?;
        let Some(mark) = self.marked else { return Ok(()) };
        if layout.info != 0 {
            sectors.change(layout.info + 488, &count.to_le_bytes())?;
            sectors.change(layout.info + 492, &hint.to_le_bytes())?;
        }
        sectors.commit(|_| 0, false)?;
        sectors.flush()?;
        sectors.change(layout.mark(), &[mark])?;
        sectors.commit(|_| 0, false)?;
        sectors.flush()
    }

    /// Writes a new name, whose entry is at this place.
    pub(super) fn publish(&mut self, at: u64) -> Result<(), Errno> {
        let layout = self.table.layout;
        let sectors = self.sectors.get_mut();
        let fresh = layout.cluster_of(at).filter(|cluster| self.table.is_free(*cluster));
        // The directory ends behind its newest entry: the crate does not see to that in a root directory that grows.
        let cleared = fresh.map_or(Ok(()), |cluster| {
            let (from, end) = (at + ENTRY as u64, layout.place(cluster) + layout.cluster);
            sectors.change(from, &vec![0; (end - from) as usize])
        });
        if let Err(error) = cleared.and_then(|()| self.table.follow(sectors)) {
            self.sectors.get_mut().discard();
            return Err(error);
        }
        let size = self.sectors.get_mut().size() as u64;
        let own = at - at % size;
        // Nothing leads to a cluster before what is in it is there.
        let settled = self.sectors.get_mut().changes().any(|sector| layout.in_tables(sector * size));
        let rank = |sector| match sector {
            sector if layout.in_tables(sector) => 1 + layout.copy(sector),
            sector if sector == own && fresh.is_none() => 9,
            _ => 0,
        };
        self.commit(rank, settled)
    }

    /// Writes that the name whose entry is at this place is gone.
    pub(super) fn withdraw(&mut self, at: u64) -> Result<(), Errno> {
        let size = self.sectors.get_mut().size() as u64;
        let own = at - at % size;
        self.commit(|sector| u32::from(sector != own), false)
    }

    /// Makes a directory know its parent's cluster, in the waiting changes.
    pub(super) fn adopt(&self, sectors: &RefCell<Sectors>, directory: &Found, parent: u32) -> Result<(), Errno> {
        let dots = self.table.layout.place(directory.first().max(2)) + ENTRY as u64;
        sectors.borrow_mut().change(dots + 20, &(parent >> 16).to_le_bytes()[..2])?;
        sectors.borrow_mut().change(dots + 26, &parent.to_le_bytes()[..2])
    }

    /// Whether an entry is still on the disk; yes where nobody can tell.
    pub(super) fn is_there(&mut self, found: &Found) -> bool {
        let mut name = [0; 11];
        self.sectors.get_mut().read(found.at, &mut name).is_err() || name == found.raw[..11]
    }

    /// Takes back the new name of a rename, which is there or not, where the old one has to stay: the victim's entry again,
    /// or none.
    pub(super) fn unpublish(
        &mut self,
        source: &Found,
        target: &Found,
        victim: Option<&Found>,
        (way, name): (&[&str], &str),
        parent: u32,
    ) -> Result<(), Errno> {
        self.edit(|tree, sectors| {
            match victim {
                Some(victim) => sectors.borrow_mut().change(victim.at, &victim.raw)?,
                None => {
                    let (dir, _) = tree.walk(way)?;
                    if tree.look(&dir, name)?.is_some_and(|found| found.at == target.at) {
                        tree.unlink(&dir, name, target)?;
                    }
                }
            }
            if source.is_directory() { self.adopt(sectors, source, parent) } else { Ok(()) }
        })?;
        self.withdraw(target.at)
    }

    /// Forgets a name that is gone from the disk, and frees its clusters if nobody has it open.
    pub(super) fn orphan(&mut self, found: &Found) {
        self.numbers.remove(&found.at);
        if let Some(n) = self.twins.iter().position(|twins| twins.contains(&found.at)) {
            // The other name has the clusters from now on, whoever has the file open.
            let [one, other] = self.twins.swap_remove(n);
            let stays = if one == found.at { other } else { one };
            if let Some(file) = self.at(found.at).and_then(|open| self.files[open].as_mut()) {
                file.entry = stays;
            }
            return;
        }
        if let Some(file) = self.at(found.at).and_then(|open| self.files[open].as_mut()) {
            file.entry = 0;
            return;
        }
        // The name is gone: what cannot be freed is only lost.
        let _ = self.free_loose(found.first());
    }

    /// Frees the clusters of a file that is not open. What cannot be read of the chain stays taken.
    pub(super) fn free_loose(&mut self, first: u32) -> Result<(), Errno> {
        let sectors = self.sectors.get_mut();
        sectors.flush()?;
        let mut chain = Chain::new(first);
        let _ = chain.extend(u32::MAX, &self.table, sectors);
        self.free(&chain.cut(0), None)
    }

    /// Keeps so many clusters of an open file and frees the others.
    pub(super) fn free_chain(&mut self, n: usize, keep: u32) -> Result<(), Errno> {
        let file = self.files[n].as_mut().ok_or(Errno::BADF)?;
        file.chain.extend(u32::MAX, &self.table, self.sectors.get_mut())?;
        let gone = file.chain.cut(keep);
        let last = file.chain.last();
        self.free(&gone, last)
    }

    /// Ends a chain behind `last` and frees clusters. Those count as taken as long as the disk may show them so.
    fn free(&mut self, gone: &[u32], last: Option<u32>) -> Result<(), Errno> {
        if gone.is_empty() {
            return Ok(());
        }
        let sectors = self.sectors.get_mut();
        let end = last.map_or(Ok(()), |last| self.table.set(sectors, last, Link::End));
        let set = end.and_then(|()| gone.iter().try_for_each(|gone| self.table.set(sectors, *gone, Link::Free)));
        self.write_table(set, last, 0)?;
        gone.iter().for_each(|cluster| self.table.release(*cluster));
        Ok(())
    }

    /// Writes the changed entries of the table, copy by copy, the sector with the entry of `last` before or behind the
    /// others as `rank` of it says.
    fn write_table(&mut self, set: Result<(), Errno>, last: Option<u32>, rank: u32) -> Result<(), Errno> {
        if let Err(error) = set {
            self.sectors.get_mut().discard();
            return Err(error);
        }
        let (layout, size) = (self.table.layout, self.sectors.get_mut().size() as u64);
        let own = last.map(|last| layout.entry(last) / size * size);
        // A chain over several sectors of the table never leads to what is free.
        let ours = |sector: &u64| (layout.table..layout.table + layout.table_bytes).contains(&(sector * size));
        let settled = self.sectors.get_mut().changes().filter(ours).count() > 1;
        self.commit(|sector| 4 * layout.copy(sector) + if Some(sector) == own { rank } else { 1 }, settled)
    }

    /// Gives an open file at least so many clusters, if there are so many: how many it has.
    pub(super) fn grow(&mut self, n: usize, clusters: u32) -> Result<u32, Errno> {
        let file = self.files[n].as_mut().ok_or(Errno::BADF)?;
        let sectors = self.sectors.get_mut();
        file.chain.extend(clusters, &self.table, sectors)?;
        let known = file.chain.known();
        if known >= clusters {
            return Ok(known);
        }
        let (want, last) = ((clusters - known) as usize, file.chain.last());
        let mut fresh = core::mem::take(&mut file.pending);
        if fresh.len() < want {
            let near = fresh.last().copied().or(last).map(|cluster| cluster + 1);
            fresh.extend(self.table.allocate((want - fresh.len()) as u32, near));
        }
        let mut set = || -> Result<(), Errno> {
            for pair in fresh.windows(2) {
                self.table.set(sectors, pair[0], Link::Next(pair[1]))?;
            }
            if let Some(end) = fresh.last() {
                self.table.set(sectors, *end, Link::End)?;
            }
            match (last, fresh.first()) {
                (Some(last), Some(first)) => self.table.set(sectors, last, Link::Next(*first)),
                _ => Ok(()),
            }
        };
        let set = set();
        let result = self.write_table(set, last, 2);
        let file = self.files[n].as_mut().ok_or(Errno::BADF)?;
        if let Err(error) = result {
            file.pending = fresh;
            return Err(error);
        }
        fresh.iter().for_each(|cluster| file.chain.push(*cluster));
        Ok(file.chain.known())
    }

    /// Writes the entry of an open file, if it is behind; data and chain are on the disk first.
    pub(super) fn write_entry(&mut self, n: usize) -> Result<(), Errno> {
        match self.files[n].as_ref() {
            Some(file) if file.changed => {
                let size = file.size;
                self.write_entry_as(n, size, false)
            }
            _ => Ok(()),
        }
    }

    /// Writes the entry with this length, and without clusters if it shall be `empty`.
    pub(super) fn write_entry_as(&mut self, n: usize, size: u64, empty: bool) -> Result<(), Errno> {
        let file = self.files[n].as_mut().ok_or(Errno::BADF)?;
        if file.entry == 0 {
            file.changed = false;
            return Ok(());
        }
        file.changed = true;
        let (entry, first) = (file.entry, if empty { 0 } else { file.chain.first() });
        let sectors = self.sectors.get_mut();
        sectors.flush()?;
        let mut raw = [0; ENTRY];
        sectors.read(entry, &mut raw)?;
        let (time, date) = now();
        raw[11] |= 0x20;
        raw[18..20].copy_from_slice(&date.to_le_bytes());
        raw[20..22].copy_from_slice(&(first >> 16).to_le_bytes()[..2]);
        raw[22..24].copy_from_slice(&time.to_le_bytes());
        raw[24..26].copy_from_slice(&date.to_le_bytes());
        raw[26..28].copy_from_slice(&first.to_le_bytes()[..2]);
        raw[28..32].copy_from_slice(&(size as u32).to_le_bytes());
        sectors.change(entry, &raw)?;
        self.commit(|_| 0, false)?;
        if let Some(file) = self.files[n].as_mut() {
            file.changed = false;
        }
        Ok(())
    }
}
