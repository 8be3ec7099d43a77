//! What the floors above need from storage: files, read at an offset, with nothing cached in between.

use core::ffi::CStr;

/// An error number, as `errno` has it. The ones named here have the same value in the tree and on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

impl Errno {
    /// No such file.
    pub const NOENT: Errno = Errno(2);
    /// The device failed.
    pub const IO: Errno = Errno(5);
    /// A bad descriptor, or one without the mode that is needed.
    pub const BADF: Errno = Errno(9);
    /// Not enough memory in the pool.
    pub const NOMEM: Errno = Errno(12);
    /// A null pointer.
    pub const FAULT: Errno = Errno(14);
    /// The mode asked for is not the descriptor's.
    pub const ACCES: Errno = Errno(13);
    /// Still held.
    pub const BUSY: Errno = Errno(16);
    /// A value outside its range.
    pub const INVAL: Errno = Errno(22);
    /// A table is full: descriptors, files or mappings.
    pub const MFILE: Errno = Errno(24);
    /// No writing here.
    pub const ROFS: Errno = Errno(30);
    /// A number that its type cannot hold.
    pub const OVERFLOW: Errno = Errno(75);
}

/// What makes a file the same file when it is opened again: never its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The volume, and which mounting of it.
    pub volume: u64,
    /// The file on that volume.
    pub file: u64,
    /// Its length in bytes.
    pub size: u64,
    /// When it last changed, in any unit that tells two changes apart.
    pub stamp: u64,
}

/// An open file: the stream to read it through and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    /// Storage's number for it, from 0 up.
    pub stream: i32,
    /// Which file it is.
    pub identity: Identity,
}

/// Storage without a cache. Every call may block; none is made with the floors' lock held.
pub trait Storage: 'static {
    /// The unit of transfers and of validity, in bytes: a power of two, from 512 to 4096.
    const SECTOR: usize;
    /// The most bytes that one command moves.
    const TRANSFER: usize;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// As `open()` of the system.
    fn open(path: &CStr) -> Result<Opened, Errno>;

    /// Closes a stream.
    fn close(stream: i32);

    /// Reads at an offset into the buffer; fewer bytes than it holds only where the file ends.
    ///
    /// # Errors
    /// The device failed: nothing in the buffer counts.
    fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno>;
}
