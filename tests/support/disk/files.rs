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
}
