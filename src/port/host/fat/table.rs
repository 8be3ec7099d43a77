//! The file allocation table: chains of clusters, and which clusters are free.
//!
//! ```text
//!    boot │ FSInfo │ table │ its copy │ (root directory of FAT16) │ cluster 2 │ 3 │ …
//!                     │
//!     entry n: what follows cluster n; 0 free, the largest ones the end
//! ```
//!
//! Which clusters are free is counted once, at mount, and kept as bits: a file grows into the next run that is free,
//! and how much room there is is always known.

use std::vec;
use std::vec::Vec;

use super::sectors::{Sectors, TRANSFER};
use crate::port::storage::Errno;

/// Where things are on a volume, from its boot sector.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Bytes of an entry: 2 for FAT16, 4 for FAT32.
    pub wide: u64,
    /// The first byte of the first table.
    pub table: u64,
    /// Bytes of one table.
    pub table_bytes: u64,
    /// How many tables are kept alike.
    pub tables: u64,
    /// The first byte of cluster 2.
    pub data: u64,
    /// Bytes of a cluster.
    pub cluster: u64,
    /// One more than the largest cluster.
    pub end: u32,
    /// The first byte of the FSInfo sector; 0 if there is none.
    pub info: u64,
}

fn half(bytes: &[u8], at: usize) -> u64 {
    u64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn word(bytes: &[u8], at: usize) -> u64 {
    half(bytes, at) | half(bytes, at + 2) << 16
}

impl Layout {
    /// Reads a boot sector.
    ///
    /// # Errors
    /// `EINVAL`: no FAT16 or FAT32 volume, or none of this disk.
    pub fn read(sectors: &mut Sectors) -> Result<Layout, Errno> {
        let mut boot = [0; 512];
        sectors.read(0, &mut boot)?;
        let sector = half(&boot, 11);
        let per_cluster = u64::from(boot[13]);
        let tables = u64::from(boot[16]);
        let total = if half(&boot, 19) != 0 { half(&boot, 19) } else { word(&boot, 32) };
        let of_table = if half(&boot, 22) != 0 { half(&boot, 22) } else { word(&boot, 36) };
        let reserved = half(&boot, 14);
        let root = (half(&boot, 17) * 32).div_ceil(sector.max(1));
        let sound = boot[510..] == [0x55, 0xAA]
            && sector.is_power_of_two()
            && (512..=4096).contains(&sector)
            && sector.is_multiple_of(sectors.size() as u64)
            && per_cluster.is_power_of_two()
            && (1..=2).contains(&tables)
            && reserved > 0
            && of_table > 0
            && total * sector <= sectors.bytes();
        let first = reserved + tables * of_table + root;
        let clusters = total.checked_sub(first).filter(|_| sound).ok_or(Errno::INVAL)? / per_cluster;
        let wide = match clusters {
            4085..65525 => 2,
            65525..0x0FFF_FFF5 => 4,
            _ => return Err(Errno::INVAL),
        };
        if (clusters + 2) * wide > of_table * sector {
            return Err(Errno::INVAL);
        }
        // FAT32 may say that only one of its tables is kept.
        let flags = if wide == 4 { half(&boot, 40) } else { 0 };
        let only = flags & 0x80 != 0;
        Ok(Layout {
            wide,
            table: (reserved + if only { (flags & 15).min(tables - 1) * of_table } else { 0 }) * sector,
            table_bytes: of_table * sector,
            tables: if only { 1 } else { tables },
            data: first * sector,
            cluster: per_cluster * sector,
            end: clusters as u32 + 2,
            info: if wide == 4 { half(&boot, 48) * sector } else { 0 },
        })
    }

    /// The first byte of a cluster.
    pub fn place(&self, cluster: u32) -> u64 {
        self.data + u64::from(cluster - 2) * self.cluster
    }

    /// The place of a cluster's entry in the first table.
    pub fn entry(&self, cluster: u32) -> u64 {
        self.table + u64::from(cluster) * self.wide
    }

    /// The cluster that a byte of the disk belongs to.
    pub fn cluster_of(&self, at: u64) -> Option<u32> {
        at.checked_sub(self.data).map(|into| (into / self.cluster) as u32 + 2).filter(|cluster| *cluster < self.end)
    }

    /// Which copy of the table a byte of the tables belongs to, from 0 up.
    pub fn copy(&self, at: u64) -> u32 {
        (at.saturating_sub(self.table) / self.table_bytes) as u32
    }

    /// The byte of the boot sector whose lowest bit marks a volume that is in use.
    pub fn mark(&self) -> u64 {
        if self.wide == 4 { 0x41 } else { 0x25 }
    }

    /// Whether a byte of the disk belongs to a table.
    pub fn in_tables(&self, at: u64) -> bool {
        (self.table..self.table + self.tables * self.table_bytes).contains(&at)
    }
}

/// What an entry of the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Nobody's.
    Free,
    /// The cluster that follows.
    Next(u32),
    /// The last of its chain.
    End,
    /// Not to be used, or nonsense.
    Bad,
}

/// The table of a mounted volume.
pub struct Table {
    /// Where it is.
    pub layout: Layout,
    free: Vec<u64>,
    count: u32,
    hint: u32,
}

impl Table {
    /// Counts what is free.
    pub fn read(sectors: &mut Sectors, layout: Layout) -> Result<Table, Errno> {
        let mut table = Table { layout, free: vec![0; layout.end as usize / 64 + 1], count: 0, hint: 2 };
        let mut piece = vec![0; TRANSFER.min(layout.table_bytes as usize)];
        let per_piece = piece.len() as u64 / layout.wide;
        let mut cluster = 0;
        while cluster < layout.end {
            let left = (layout.table_bytes - u64::from(cluster) * layout.wide) as usize;
            let bytes = piece.len().min(left);
            sectors.read_data(layout.entry(cluster), &mut piece[..bytes])?;
            for (n, entry) in piece[..bytes].chunks(layout.wide as usize).enumerate() {
                let at = cluster + n as u32;
                let value = entry.iter().rev().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
                if at >= 2 && at < layout.end && value & 0x0FFF_FFFF == 0 {
                    table.release(at);
                }
            }
            cluster += per_piece as u32;
        }
        Ok(table)
    }

    /// Free clusters.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Where the next search begins.
    pub fn hint(&self) -> u32 {
        self.hint
    }

    /// Whether a cluster is free.
    pub fn is_free(&self, cluster: u32) -> bool {
        self.free[cluster as usize / 64] >> (cluster % 64) & 1 != 0
    }

    /// Notes that a cluster is free.
    pub fn release(&mut self, cluster: u32) {
        if !self.is_free(cluster) {
            self.free[cluster as usize / 64] |= 1 << (cluster % 64);
            self.count += 1;
        }
    }

    /// Notes that a cluster is taken; whether it was free.
    pub fn take(&mut self, cluster: u32) -> bool {
        let was = self.is_free(cluster);
        if was {
            self.free[cluster as usize / 64] &= !(1 << (cluster % 64));
            self.count -= 1;
        }
        was
    }

    fn next_free(&self, from: u32, to: u32) -> Option<u32> {
        let mut cluster = from;
        while cluster < to {
            let bits = self.free[cluster as usize / 64] >> (cluster % 64);
            if bits != 0 {
                return Some(cluster + bits.trailing_zeros()).filter(|cluster| *cluster < to);
            }
            cluster = (cluster / 64 + 1) * 64;
        }
        None
    }

    /// Takes up to so many clusters, next to each other if it can be, the first one at `near` if that is free. Nothing is
    /// written.
    pub fn allocate(&mut self, many: u32, near: Option<u32>) -> Vec<u32> {
        let mut got = Vec::new();
        let mut from = near.filter(|near| *near < self.layout.end && self.is_free(*near)).unwrap_or(self.hint);
        while got.len() < many as usize {
            let end = self.layout.end;
            let Some(cluster) = self.next_free(from.max(2), end).or_else(|| self.next_free(2, end)) else {
                break;
            };
            self.take(cluster);
            got.push(cluster);
            from = cluster + 1;
        }
        if let Some(last) = got.last() {
            self.hint = last + 1;
        }
        got
    }

    /// What follows a cluster.
    pub fn link(&self, sectors: &mut Sectors, cluster: u32) -> Result<Link, Errno> {
        if !(2..self.layout.end).contains(&cluster) {
            return Ok(Link::Bad);
        }
        let mut entry = [0; 4];
        sectors.read(self.layout.entry(cluster), &mut entry[..self.layout.wide as usize])?;
        let value = u32::from_le_bytes(entry) & 0x0FFF_FFFF;
        let last = if self.layout.wide == 2 { 0xFFF8 } else { 0x0FFF_FFF8 };
        Ok(match value {
            0 => Link::Free,
            value if value >= last => Link::End,
            value if (2..self.layout.end).contains(&value) => Link::Next(value),
            _ => Link::Bad,
        })
    }

    /// Changes what follows a cluster, in every copy of the table.
    pub fn set(&self, sectors: &mut Sectors, cluster: u32, link: Link) -> Result<(), Errno> {
        let mut old = [0; 4];
        let wide = self.layout.wide as usize;
        sectors.read(self.layout.entry(cluster), &mut old[..wide])?;
        let value = match link {
            Link::Free => 0,
            Link::Next(next) => next,
            Link::End | Link::Bad => 0x0FFF_FFFF,
        };
        // The upper four bits of a wide entry are not ours.
        let value = value & 0x0FFF_FFFF | u32::from_le_bytes(old) & 0xF000_0000;
        for table in 0..self.layout.tables {
            let at = self.layout.entry(cluster) + table * self.layout.table_bytes;
            sectors.change(at, &value.to_le_bytes()[..wide])?;
        }
        Ok(())
    }

    /// Brings the bits up to what the changed sectors of the table say, when somebody else changed them.
    ///
    /// # Errors
    /// `EIO`: a cluster was taken that is not free.
    pub fn follow(&mut self, sectors: &mut Sectors) -> Result<(), Errno> {
        let (size, layout) = (sectors.size() as u64, self.layout);
        let first = layout.table..layout.table + layout.table_bytes;
        let changed: Vec<u64> = sectors.changes().filter(|sector| first.contains(&(sector * size))).collect();
        for sector in changed {
            let from = ((sector * size - layout.table) / layout.wide) as u32;
            let before = sectors.before(sector)?.to_vec();
            for (n, old) in before.chunks(layout.wide as usize).enumerate() {
                let cluster = from + n as u32;
                if !(2..layout.end).contains(&cluster) {
                    continue;
                }
                let was = old.iter().rev().fold(0u32, |value, byte| value << 8 | u32::from(*byte)) & 0x0FFF_FFFF;
                match (was, self.link(sectors, cluster)?) {
                    (0, Link::Free) => {}
                    (0, _) if !self.take(cluster) => return Err(Errno::IO),
                    (1.., Link::Free) => self.release(cluster),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
