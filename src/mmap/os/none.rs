//! A port without an operating system's `mmap` has no mappings of this engine.

use crate::port::storage::Errno;

/// A mapping of this engine: none exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {}

#[allow(missing_docs, clippy::missing_errors_doc)] // as in mapping.rs
impl Mapping {
    #[inline]
    pub fn of(_md: i32) -> Option<Mapping> {
        None
    }

    pub fn read(self, _offset: usize, _length: usize) -> Result<(), Errno> {
        match self {}
    }

    pub fn write(self, _offset: usize, _length: usize) -> Result<(), Errno> {
        match self {}
    }

    pub fn sync(self, _offset: usize, _length: usize) -> Result<(), Errno> {
        match self {}
    }

    pub fn get(self) -> Result<*mut u8, Errno> {
        match self {}
    }

    pub fn put(self) -> Result<(), Errno> {
        match self {}
    }

    pub fn error(self) -> Result<Option<Errno>, Errno> {
        match self {}
    }

    pub fn destroy(self, _length: usize, _wait: bool) -> Result<(), Errno> {
        match self {}
    }
}
