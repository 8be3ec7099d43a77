//! A volume without a filesystem: files are lists of clusters that are kept beside the disk, so that data commands are
//! all there is to count, and a plain account of what a FAT would cost beside them.
//!
//! ```text
//!   ┌──────────┬─────────────┬───────────────────────────────────────┐
//!   │ table ×2 │ directory   │ cluster 0 │ 1 │ 2 │ …                 │
//!   └──────────┴─────────────┴───────────────────────────────────────┘
//!    metadata: a sector of the table is read when a chain first leads through it; a sync writes the changed ones,
//!    both copies, and one sector of the directory. Nothing is ever read from there: the lists are the truth.
//! ```
//!
//! A partial sector at the end of a file goes in the same command as the sectors before it; one at the start of a
//! request, or at its end inside the file, is a command of its own, and is read before it is written.

use std::collections::{BTreeSet, HashMap};

use core::ffi::CStr;

use rockmem::port::storage::{Errno, How, Identity, Opened, Space};

use super::image::{Image, SECTOR};
use super::media::{Failed, Media, Purpose, Shared};
use super::port::Volume;

/// Sectors of the longest command.
pub const LONGEST: usize = 256;
/// Entries of a table in one sector.
const ENTRIES: u64 = 128;
/// Entries of a directory in one sector.
const NAMES: u64 = 16;

struct Node {
    clusters: Vec<u32>,
    size: u64,
    stamp: u64,
    streams: u32,
    named: bool,
    /// Length or date changed since the last sync.
    changed: bool,
}

/// The volume.
pub struct Extents {
    disk: Shared,
    /// Bytes of a cluster.
    cluster: u64,
    taken: Vec<bool>,
    next: usize,
    free: u64,
    names: HashMap<String, usize>,
    nodes: Vec<Node>,
    streams: Vec<Option<usize>>,
    stamp: u64,
    mounting: u64,
    /// Sectors of the table that are known.
    known: BTreeSet<u64>,
    /// Those that were changed since the last sync.
    changed: BTreeSet<u64>,
}

impl From<Failed> for Errno {
    fn from(_: Failed) -> Errno {
        Errno::IO
    }
}

impl Extents {
    /// An empty volume of so many clusters.
    pub fn new(clusters: u32, cluster: usize) -> Extents {
        let mut volume = Extents {
            disk: Shared::new(Media::new(Image::new(0))),
            cluster: cluster as u64,
            taken: vec![false; clusters as usize],
            next: 0,
            free: u64::from(clusters),
            names: HashMap::new(),
            nodes: Vec::new(),
            streams: Vec::new(),
            stamp: 0,
            mounting: 1,
            known: BTreeSet::new(),
            changed: BTreeSet::new(),
        };
        volume.disk = Shared::new(Media::new(Image::new(volume.sector_of(clusters))));
        volume
    }

    /// The disk that it is on.
    pub fn disk(&self) -> Shared {
        self.disk.clone()
    }

    /// Makes a file of these bytes without a command.
    pub fn put(&mut self, path: &str, bytes: &[u8]) {
        let node = self.make(path);
        let clusters = (bytes.len() as u64).div_ceil(self.cluster);
        assert!(self.free >= clusters, "the volume is full");
        for (n, piece) in bytes.chunks(self.cluster as usize).enumerate() {
            let at = self.take();
            self.nodes[node].clusters.push(at);
            let mut whole = piece.to_vec();
            whole.resize(piece.len().next_multiple_of(SECTOR), 0);
            let at = self.sector_of(self.nodes[node].clusters[n]);
            self.disk.lock().preset(at, &whole);
        }
        self.nodes[node].size = bytes.len() as u64;
        self.nodes[node].changed = false;
        self.changed.clear();
    }

    /// Makes a file of zeros without a command.
    pub fn put_zeros(&mut self, path: &str, size: usize) {
        let node = self.make(path);
        for _ in 0..(size as u64).div_ceil(self.cluster) {
            let at = self.take();
            self.nodes[node].clusters.push(at);
        }
        self.nodes[node].size = size as u64;
        self.nodes[node].changed = false;
        self.changed.clear();
    }

    /// Unmounts and mounts: nothing is known of the table, and no identity is what it was.
    pub fn remount(&mut self) {
        self.mounting += 1;
        self.known.clear();
    }

    /// What a file holds on the disk.
    pub fn bytes_of(&self, path: &str) -> Option<Vec<u8>> {
        let node = &self.nodes[*self.names.get(path)?];
        let mut bytes = Vec::new();
        for cluster in &node.clusters {
            let mut piece = vec![0; self.cluster as usize];
            let at = self.sector_of(*cluster);
            self.disk.lock().image().read(at, &mut piece);
            bytes.extend(piece);
        }
        bytes.truncate(node.size as usize);
        Some(bytes)
    }

    /// Streams that are open.
    pub fn open_streams(&self) -> usize {
        self.streams.iter().flatten().count()
    }

    fn table_sectors(&self) -> u64 {
        (self.taken.len() as u64).div_ceil(ENTRIES)
    }

    fn sector_of(&self, cluster: u32) -> u64 {
        2 * self.table_sectors() + 64 + u64::from(cluster) * self.cluster / SECTOR as u64
    }

    fn make(&mut self, path: &str) -> usize {
        self.stamp += 1;
        let stamp = self.stamp;
        let node = Node { clusters: Vec::new(), size: 0, stamp, streams: 0, named: true, changed: true };
        self.nodes.push(node);
        let node = self.nodes.len() - 1;
        self.names.insert(path.to_string(), node);
        node
    }

    /// The next free cluster behind the one that was taken last.
    fn take(&mut self) -> u32 {
        let count = self.taken.len();
        let at = (0..count).map(|n| (self.next + n) % count).find(|at| !self.taken[*at]).expect("a free cluster");
        self.taken[at] = true;
        self.free -= 1;
        self.next = (at + 1) % count;
        self.changed.insert(at as u64 / ENTRIES);
        at as u32
    }

    fn give(&mut self, cluster: u32) {
        self.taken[cluster as usize] = false;
        self.free += 1;
        self.changed.insert(u64::from(cluster) / ENTRIES);
    }

    /// A file without name and streams goes.
    fn bury(&mut self, node: usize) {
        if !self.nodes[node].named && self.nodes[node].streams == 0 {
            for cluster in std::mem::take(&mut self.nodes[node].clusters) {
                self.give(cluster);
            }
        }
    }

    fn node(&self, stream: i32) -> Result<usize, Errno> {
        self.streams.get(stream as usize).copied().flatten().ok_or(Errno::BADF)
    }

    fn identity(&self, node: usize) -> Identity {
        let Node { size, stamp, .. } = self.nodes[node];
        Identity { volume: self.mounting, file: node as u64 + 1, size, stamp }
    }

    /// Sectors of the file as they lie on the disk: the first and how many, at most `most`.
    fn run(&mut self, node: usize, sector: u64, most: usize) -> Result<(u64, usize), Errno> {
        let of_cluster = self.cluster / SECTOR as u64;
        let clusters = &self.nodes[node].clusters;
        let mut n = (sector / of_cluster) as usize;
        let start = self.sector_of(clusters[n]) + sector % of_cluster;
        let mut end = self.sector_of(clusters[n]) + of_cluster;
        let mut touched = vec![u64::from(clusters[n]) / ENTRIES];
        while end - start < most as u64 && clusters.get(n + 1).is_some_and(|next| self.sector_of(*next) == end) {
            n += 1;
            end += of_cluster;
            touched.push(u64::from(clusters[n]) / ENTRIES);
        }
        for table in touched {
            if self.known.insert(table) {
                self.disk.lock().read(table, &mut [0; SECTOR], Purpose::Metadata)?;
            }
        }
        Ok((start, most.min((end - start) as usize)))
    }

    /// Reads whole sectors of a file in as few commands as it takes.
    fn read_sectors(&mut self, node: usize, first: u64, into: &mut [u8]) -> Result<(), Errno> {
        let mut done = 0;
        while done < into.len() {
            let left = ((into.len() - done) / SECTOR).min(LONGEST);
            let (at, count) = self.run(node, first + (done / SECTOR) as u64, left)?;
            self.disk.lock().read(at, &mut into[done..done + count * SECTOR], Purpose::Data)?;
            done += count * SECTOR;
        }
        Ok(())
    }

    fn write_sectors(&mut self, node: usize, first: u64, from: &[u8]) -> Result<(), Errno> {
        let mut done = 0;
        while done < from.len() {
            let left = ((from.len() - done) / SECTOR).min(LONGEST);
            let (at, count) = self.run(node, first + (done / SECTOR) as u64, left)?;
            self.disk.lock().write(at, &from[done..done + count * SECTOR], Purpose::Data)?;
            done += count * SECTOR;
        }
        Ok(())
    }

    /// Writes what a FAT would have to write for a file that changed.
    fn publish(&mut self, node: usize) -> Result<(), Errno> {
        let copy = self.table_sectors();
        for table in self.changed.clone() {
            for at in [table, table + copy] {
                self.disk.lock().write(at, &[0; SECTOR], Purpose::Metadata)?;
            }
            self.known.insert(table);
            self.changed.remove(&table);
        }
        if self.nodes[node].named {
            let directory = 2 * copy + node as u64 / NAMES % 64;
            self.disk.lock().write(directory, &[0; SECTOR], Purpose::Metadata)?;
        }
        self.nodes[node].changed = false;
        Ok(())
    }
}

fn text(path: &CStr) -> &str {
    path.to_str().expect("a path of ours")
}

impl Volume for Extents {
    fn open(&mut self, path: &CStr, how: How) -> Result<Opened, Errno> {
        let path = text(path);
        let node = match self.names.get(path) {
            Some(_) if how.contains(How::CREATE | How::EXCLUSIVE) => return Err(Errno::EXIST),
            Some(node) => *node,
            None if how.contains(How::CREATE) => {
                let node = self.make(path);
                self.publish(node)?;
                node
            }
            None => return Err(Errno::NOENT),
        };
        self.nodes[node].streams += 1;
        let stream = self.streams.iter().position(Option::is_none).unwrap_or_else(|| {
            self.streams.push(None);
            self.streams.len() - 1
        });
        self.streams[stream] = Some(node);
        Ok(Opened { stream: stream as i32, identity: self.identity(node), writable: true })
    }

    fn close(&mut self, stream: i32) -> Result<(), Errno> {
        let node = self.node(stream)?;
        self.streams[stream as usize] = None;
        self.nodes[node].streams -= 1;
        self.bury(node);
        Ok(())
    }

    fn read_at(&mut self, stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        let node = self.node(stream)?;
        let size = self.nodes[node].size;
        let got = into.len().min(usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX));
        let mut done = 0;
        while done < got {
            let at = offset + done as u64;
            let (first, skip) = (at / SECTOR as u64, (at % SECTOR as u64) as usize);
            let whole = (got - done) / SECTOR * SECTOR;
            let to_the_end = at + (got - done) as u64 == size;
            if skip > 0 || whole == 0 {
                let mut sector = [0; SECTOR];
                self.read_sectors(node, first, &mut sector)?;
                let count = (SECTOR - skip).min(got - done);
                into[done..done + count].copy_from_slice(&sector[skip..skip + count]);
                done += count;
            } else if to_the_end {
                let mut all = vec![0; (got - done).next_multiple_of(SECTOR)];
                self.read_sectors(node, first, &mut all)?;
                into[done..got].copy_from_slice(&all[..got - done]);
                done = got;
            } else {
                self.read_sectors(node, first, &mut into[done..done + whole])?;
                done += whole;
            }
        }
        Ok(got)
    }

    fn write_at(&mut self, stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
        let node = self.node(stream)?;
        let size = self.nodes[node].size;
        assert!(offset <= size, "a write at {offset} leaves a hole behind {size}");
        let mut room = self.nodes[node].clusters.len() as u64 * self.cluster;
        while room < offset + from.len() as u64 && self.free > 0 {
            let cluster = self.take();
            self.nodes[node].clusters.push(cluster);
            room += self.cluster;
        }
        let put = from.len().min((room - offset.min(room)) as usize);
        if put == 0 && !from.is_empty() {
            return Err(Errno::NOSPC);
        }
        let mut done = 0;
        while done < put {
            let at = offset + done as u64;
            let (first, skip) = (at / SECTOR as u64, (at % SECTOR as u64) as usize);
            let whole = (put - done) / SECTOR * SECTOR;
            let to_the_end = offset + put as u64 >= size;
            if skip == 0 && to_the_end {
                let mut all = from[done..put].to_vec();
                all.resize(all.len().next_multiple_of(SECTOR), 0);
                self.write_sectors(node, first, &all)?;
                done = put;
            } else if skip > 0 || whole == 0 {
                let mut sector = [0; SECTOR];
                if first * (SECTOR as u64) < size {
                    self.read_sectors(node, first, &mut sector)?;
                }
                let count = (SECTOR - skip).min(put - done);
                sector[skip..skip + count].copy_from_slice(&from[done..done + count]);
                self.write_sectors(node, first, &sector)?;
                done += count;
            } else {
                self.write_sectors(node, first, &from[done..done + whole])?;
                done += whole;
            }
        }
        self.stamp += 1;
        let node = &mut self.nodes[node];
        node.size = size.max(offset + put as u64);
        (node.stamp, node.changed) = (self.stamp, true);
        Ok(put)
    }

    fn truncate(&mut self, stream: i32, size: u64) -> Result<(), Errno> {
        let node = self.node(stream)?;
        self.stamp += 1;
        let keep = size.div_ceil(self.cluster) as usize;
        let of = &mut self.nodes[node];
        of.size = of.size.min(size);
        (of.stamp, of.changed) = (self.stamp, true);
        let given: Vec<u32> = of.clusters.drain(keep.min(of.clusters.len())..).collect();
        given.into_iter().for_each(|cluster| self.give(cluster));
        Ok(())
    }

    fn sync(&mut self, stream: i32) -> Result<Identity, Errno> {
        let node = self.node(stream)?;
        if self.nodes[node].changed {
            self.publish(node)?;
        }
        self.disk.lock().flush();
        Ok(self.identity(node))
    }

    fn space(&self) -> Space {
        Space { unit: self.cluster as u32, free: Some(self.free * self.cluster) }
    }

    fn remove(&mut self, path: &CStr) -> Result<Option<Identity>, Errno> {
        let node = self.names.remove(text(path)).ok_or(Errno::NOENT)?;
        let removed = self.identity(node);
        self.nodes[node].named = false;
        self.bury(node);
        self.publish(node).map(|()| Some(removed))
    }

    fn rename(&mut self, from: &CStr, to: &CStr) -> Result<Option<Identity>, Errno> {
        let node = self.names.remove(text(from)).ok_or(Errno::NOENT)?;
        let victim = self.names.insert(text(to).to_string(), node).filter(|victim| *victim != node);
        let replaced = victim.map(|victim| self.identity(victim));
        if let Some(victim) = victim {
            self.nodes[victim].named = false;
            self.bury(victim);
        }
        self.publish(node).map(|()| replaced)
    }
}
