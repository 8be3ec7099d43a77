//! A port without an operating system's `mmap` has no mappings of this engine.

use crate::mmap::mode::{Access, Mode};
use crate::port::System;
use crate::port::storage::{Errno, Storage};

/// The unit of mappings where there is only the pool's engine: the sector.
pub fn page() -> usize {
    System::SECTOR
}

/// There are no such pages.
#[inline]
pub fn readable(_md: i32, _offset: usize, _length: usize) -> bool {
    false
}

/// The same.
#[inline]
pub fn writable(_md: i32, _offset: usize, _length: usize) -> bool {
    false
}

/// A file that the system caches: none exists.
#[derive(Debug)]
pub enum Stream {}

#[allow(missing_docs, clippy::missing_errors_doc)]
impl Stream {
    pub fn duplicate(_stream: i32) -> Result<Stream, Errno> {
        Err(Errno::BADF)
    }
}

/// A mapping of this engine: none exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {}

#[allow(missing_docs, clippy::missing_errors_doc)] // as in mapping.rs
impl Mapping {
    #[inline]
    pub fn of(_md: i32) -> Option<Mapping> {
        None
    }

    pub fn create(file: Stream, _: Access, _: Mode, _: u64, _: usize) -> Result<Mapping, Errno> {
        match file {}
    }

    pub fn number(self) -> i32 {
        match self {}
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
