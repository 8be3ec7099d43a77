//! The bytes of a disk, copied on write, so that a snapshot costs a list of pointers.

use std::sync::Arc;

/// Bytes of a sector.
pub const SECTOR: usize = 512;

const CHUNK: usize = 4096;
const SECTORS: usize = CHUNK / SECTOR;

type Chunk = Option<Arc<[u8; CHUNK]>>;

/// A disk's contents; what was never written is zero.
#[derive(Clone)]
pub struct Image {
    chunks: Vec<Chunk>,
    sectors: u64,
}

impl Image {
    /// A disk of so many sectors, all zero.
    pub fn new(sectors: u64) -> Image {
        Image { chunks: vec![None; (sectors as usize).div_ceil(SECTORS)], sectors }
    }

    /// A disk with these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Image {
        let mut image = Image::new((bytes.len() / SECTOR) as u64);
        image.write(0, bytes);
        image
    }

    /// How many sectors there are.
    pub fn sectors(&self) -> u64 {
        self.sectors
    }

    /// Whether the range lies on the disk.
    pub fn has(&self, sector: u64, count: usize) -> bool {
        sector.checked_add(count as u64).is_some_and(|end| end <= self.sectors)
    }

    /// Copies whole sectors out.
    pub fn read(&self, sector: u64, into: &mut [u8]) {
        assert!(self.has(sector, into.len() / SECTOR) && into.len().is_multiple_of(SECTOR), "read beyond the disk");
        for (n, piece) in into.chunks_mut(SECTOR).enumerate() {
            let (chunk, at) = Self::place(sector + n as u64);
            match &self.chunks[chunk] {
                Some(bytes) => piece.copy_from_slice(&bytes[at..at + SECTOR]),
                None => piece.fill(0),
            }
        }
    }

    /// Copies whole sectors in.
    pub fn write(&mut self, sector: u64, bytes: &[u8]) {
        assert!(self.has(sector, bytes.len() / SECTOR) && bytes.len().is_multiple_of(SECTOR), "write beyond the disk");
        for (n, piece) in bytes.chunks(SECTOR).enumerate() {
            let (chunk, at) = Self::place(sector + n as u64);
            let chunk = self.chunks[chunk].get_or_insert_with(|| Arc::new([0; CHUNK]));
            Arc::make_mut(chunk)[at..at + SECTOR].copy_from_slice(piece);
        }
    }

    /// Everything, for a program that wants a file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = vec![0; self.sectors as usize * SECTOR];
        self.read(0, &mut all);
        all
    }

    fn place(sector: u64) -> (usize, usize) {
        let sector = sector as usize;
        (sector / SECTORS, sector % SECTORS * SECTOR)
    }
}
