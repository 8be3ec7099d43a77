//! Files as a program calls them: what workloads are written against, whoever serves it.

use rockmem::port::storage::Errno;

/// How a workload opens a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Read,
    /// For reading and writing; made if it is not there.
    Write,
    /// The same, and made empty.
    Create,
    /// Every write goes to the end.
    Append,
}

/// Somebody who serves files.
pub trait Files {
    fn open(&mut self, path: &str, mode: Mode) -> Result<i32, Errno>;
    fn close(&mut self, fd: i32) -> Result<(), Errno>;
    fn read(&mut self, fd: i32, into: &mut [u8]) -> Result<usize, Errno>;
    fn write(&mut self, fd: i32, from: &[u8]) -> Result<usize, Errno>;
    fn seek(&mut self, fd: i32, to: u64) -> Result<(), Errno>;
    fn truncate(&mut self, fd: i32, size: u64) -> Result<(), Errno>;
    fn sync(&mut self, fd: i32) -> Result<(), Errno>;
    fn remove(&mut self, path: &str) -> Result<(), Errno>;
    fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno>;

    /// Changes bytes through a mapping, where there are mappings.
    fn map_write(&mut self, fd: i32, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.seek(fd, at)?;
        self.write(fd, bytes).map(drop)
    }

    /// Somebody else takes all memory that can be had, and gives it back.
    fn evict(&mut self) {}

    /// The disk is awake anyway.
    fn idle(&mut self) {}
}
