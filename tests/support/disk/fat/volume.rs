//! Where things are on a FAT volume, and how an empty one is made.

use crate::disk::image::{Image, SECTOR};

/// How wide the entries of the table are, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Fat12,
    Fat16,
    Fat32,
}

/// The layout of a volume, in sectors.
#[derive(Clone, Copy, Debug)]
pub struct Volume {
    pub width: Width,
    /// Sectors of a cluster.
    pub cluster: u64,
    /// The first table.
    pub table: u64,
    /// Sectors of one table.
    pub table_sectors: u64,
    /// How many tables there are.
    pub tables: u64,
    /// The root directory's sectors, where it is no chain.
    pub root: (u64, u64),
    /// The root directory's first cluster, where it is one.
    pub root_cluster: u32,
    /// Where cluster 2 begins.
    pub data: u64,
    /// Clusters 2 up to this one, exclusive.
    pub end: u32,
}

/// What an entry of the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Free,
    Next(u32),
    Last,
    Bad,
    /// A number that no cluster has.
    Nowhere(u32),
}

pub(super) fn half(bytes: &[u8], at: usize) -> u32 {
    u32::from(bytes[at]) | u32::from(bytes[at + 1]) << 8
}

pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    half(bytes, at) | half(bytes, at + 2) << 16
}

fn sector(image: &Image, at: u64) -> [u8; SECTOR] {
    let mut bytes = [0; SECTOR];
    image.read(at, &mut bytes);
    bytes
}

impl Volume {
    /// Reads the boot sector; None if it is none of a FAT volume with sectors of 512 bytes.
    pub fn find(image: &Image) -> Option<Volume> {
        let boot = sector(image, 0);
        if boot[510..] != [0x55, 0xAA] || half(&boot, 11) as usize != SECTOR || boot[13] == 0 || boot[16] == 0 {
            return None;
        }
        let either = |short: u32, long: usize| u64::from(if short != 0 { short } else { word(&boot, long) });
        let (cluster, table, tables) = (u64::from(boot[13]), u64::from(half(&boot, 14)), u64::from(boot[16]));
        let (total, table_sectors) = (either(half(&boot, 19), 32), either(half(&boot, 22), 36));
        let root_start = table + tables * table_sectors;
        let root_sectors = u64::from(half(&boot, 17)).div_ceil(16);
        let data = root_start + root_sectors;
        let clusters = total.min(image.sectors()).checked_sub(data)? / cluster;
        let width = match clusters {
            ..4085 => Width::Fat12,
            4085..65525 => Width::Fat16,
            _ => Width::Fat32,
        };
        let root_cluster = if width == Width::Fat32 { word(&boot, 44) } else { 0 };
        let end = clusters as u32 + 2;
        Some(Volume {
            width,
            cluster,
            table,
            table_sectors,
            tables,
            root: (root_start, root_sectors),
            root_cluster,
            data,
            end,
        })
    }

    /// One copy of the table, whole.
    pub fn read_table(&self, image: &Image, copy: u64) -> Vec<u8> {
        let mut bytes = vec![0; self.table_sectors as usize * SECTOR];
        image.read(self.table + copy * self.table_sectors, &mut bytes);
        bytes
    }

    /// The raw entry of a cluster.
    pub fn raw(&self, table: &[u8], cluster: u32) -> u32 {
        let n = cluster as usize;
        match self.width {
            Width::Fat12 => half(table, n + n / 2) >> (n % 2 * 4) & 0xFFF,
            Width::Fat16 => half(table, n * 2),
            Width::Fat32 => word(table, n * 4) & 0x0FFF_FFFF,
        }
    }

    /// Behind the free clusters that fill a sector of the table, if `cluster` is the first of one that is empty. Large
    /// volumes are looked at often, and hold little.
    pub fn behind_free(&self, table: &[u8], cluster: u32) -> Option<u32> {
        let bytes = match self.width {
            Width::Fat12 => return None,
            Width::Fat16 => 2,
            Width::Fat32 => 4,
        };
        let at = cluster as usize * bytes;
        let empty = at.is_multiple_of(SECTOR) && table.get(at..at + SECTOR)? == [0; SECTOR];
        empty.then(|| self.end.min(cluster + (SECTOR / bytes) as u32))
    }

    /// Writes the raw entry of a cluster into the bytes of a table.
    pub fn set(&self, table: &mut [u8], cluster: u32, raw: u32) {
        let n = cluster as usize;
        match self.width {
            Width::Fat12 => {
                let (at, shift) = (n + n / 2, n % 2 * 4);
                let kept = half(table, at) & !(0xFFF << shift) | raw << shift;
                table[at..at + 2].copy_from_slice(&(kept as u16).to_le_bytes());
            }
            Width::Fat16 => table[n * 2..n * 2 + 2].copy_from_slice(&(raw as u16).to_le_bytes()),
            Width::Fat32 => table[n * 4..n * 4 + 4].copy_from_slice(&raw.to_le_bytes()),
        }
    }

    /// What the entry of a cluster says.
    pub fn link(&self, table: &[u8], cluster: u32) -> Link {
        let raw = self.raw(table, cluster);
        let top = match self.width {
            Width::Fat12 => 0xFF0,
            Width::Fat16 => 0xFFF0,
            Width::Fat32 => 0x0FFF_FFF0,
        };
        match raw {
            0 => Link::Free,
            raw if raw >= top + 8 => Link::Last,
            raw if raw == top + 7 => Link::Bad,
            raw if raw >= 2 && raw < self.end => Link::Next(raw),
            raw => Link::Nowhere(raw),
        }
    }

    /// Where a cluster begins.
    pub fn sector_of(&self, cluster: u32) -> u64 {
        self.data + u64::from(cluster - 2) * self.cluster
    }

    /// The bytes of a cluster.
    pub fn read_cluster(&self, image: &Image, cluster: u32) -> Vec<u8> {
        let mut bytes = vec![0; self.cluster as usize * SECTOR];
        image.read(self.sector_of(cluster), &mut bytes);
        bytes
    }
}

/// An empty volume of so many sectors, with two tables. The width of its entries follows from the number of clusters.
pub fn format(sectors: u64, cluster: u64) -> Image {
    let mut image = Image::new(sectors);
    let fat32 = sectors / cluster >= 65525 + 2 * 65525 * 4 / 512;
    let (reserved, root_entries) = if fat32 { (32, 0) } else { (1, 512) };
    let fat12 = sectors / cluster < 4085;
    let bits = if fat32 { 32 } else { 16 - 4 * u64::from(fat12) };
    let entries = sectors / cluster + 2;
    let table_sectors = (entries * bits).div_ceil(8).div_ceil(SECTOR as u64);

    let mut boot = [0u8; SECTOR];
    boot[..11].copy_from_slice(b"\xEB\x58\x90MSWIN4.1");
    boot[11..13].copy_from_slice(&(SECTOR as u16).to_le_bytes());
    boot[13] = cluster as u8;
    boot[14] = reserved as u8;
    boot[16] = 2;
    boot[17..19].copy_from_slice(&(root_entries as u16).to_le_bytes());
    boot[21] = 0xF8;
    boot[24] = 63;
    boot[26] = 255;
    boot[32..36].copy_from_slice(&(sectors as u32).to_le_bytes());
    let names = if fat32 {
        boot[36..40].copy_from_slice(&(table_sectors as u32).to_le_bytes());
        boot[44] = 2; // the root's cluster
        boot[48] = 1; // where the free count is
        boot[50] = 6; // where a copy of this sector is
        64
    } else {
        boot[22..24].copy_from_slice(&(table_sectors as u16).to_le_bytes());
        36
    };
    boot[names] = 0x80;
    boot[names + 2] = 0x29;
    boot[names + 3..names + 7].copy_from_slice(&0x1234_5678u32.to_le_bytes());
    boot[names + 7..names + 18].copy_from_slice(b"NO NAME    ");
    boot[names + 18..names + 26].copy_from_slice(match bits {
        12 => b"FAT12   ",
        16 => b"FAT16   ",
        _ => b"FAT32   ",
    });
    boot[510..].copy_from_slice(&[0x55, 0xAA]);
    image.write(0, &boot);
    let volume = Volume::find(&image).expect("a volume that was just made");
    if fat32 {
        image.write(6, &boot);
        let mut info = [0u8; SECTOR];
        info[..4].copy_from_slice(b"RRaA");
        info[484..488].copy_from_slice(b"rrAa");
        info[488..492].copy_from_slice(&(volume.end - 3).to_le_bytes());
        info[492..496].copy_from_slice(&3u32.to_le_bytes());
        info[510..].copy_from_slice(&[0x55, 0xAA]);
        image.write(1, &info);
        image.write(7, &info);
    }
    let mut table = [0u8; SECTOR];
    let most = if fat32 { 0x0FFF_FFFF } else { (1 << bits) - 1 };
    volume.set(&mut table, 0, most & !0xFF | 0xF8);
    volume.set(&mut table, 1, most);
    if fat32 {
        volume.set(&mut table, 2, most);
    }
    for copy in 0..volume.tables {
        image.write(volume.table + copy * volume.table_sectors, &table);
    }
    image
}
