//! What the floors above need from storage: files, read and written at an offset, with nothing cached in between.
//!
//! ```text
//!   Storage   streams: open, read_at, write_at, truncate, sync, close; how much room is left
//!   Names     what changes directories; in the tree that stays the business of its own file.c
//! ```

use core::ffi::CStr;

use bitflags::bitflags;

bitflags! {
    /// How a file is opened. Reading is always meant.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct How: u8 {
        /// For writing too.
        const WRITE = 1;
        /// An empty file is made where there is none.
        const CREATE = 2;
        /// With `CREATE`: a file that exists is an error.
        const EXCLUSIVE = 4;
    }
}

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
    /// It exists.
    pub const EXIST: Errno = Errno(17);
    /// A directory where a file is needed.
    pub const ISDIR: Errno = Errno(21);
    /// A file would become longer than one can be.
    pub const FBIG: Errno = Errno(27);
    /// The volume is full.
    pub const NOSPC: Errno = Errno(28);
    /// The volume is gone.
    pub const NXIO: Errno = Errno(6);
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

bitflags! {
    /// What a descriptor of somebody else's is for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Claim: u8 {
        /// Reading.
        const READ = 1;
        /// Writing.
        const WRITE = 2;
        /// The file's last name is gone; it is known by the number that [`bury`](crate::cache::names::bury) was told.
        const NAMELESS = 4;
    }
}

/// An open file: the stream to read it through and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    /// Storage's number for it, from 0 up.
    pub stream: i32,
    /// Which file it is.
    pub identity: Identity,
    /// Whether the stream can write: always, where `WRITE` was asked for.
    pub writable: bool,
}

/// The room on a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What a file grows by, in bytes: a cluster.
    pub unit: u32,
    /// Free bytes; None where nobody has counted.
    pub free: Option<u64>,
}

/// Storage without a cache. Every call may block; none is made with the floors' lock held.
pub trait Storage: 'static {
    /// The unit of transfers and of validity, in bytes: a power of two, from 512 to 4096.
    const SECTOR: usize;
    /// The most bytes that one command moves.
    const TRANSFER: usize;

    /// Opens a file. A stream that can write may be given although only reading was asked for: who has a descriptor for
    /// writing is not storage's business.
    ///
    /// # Errors
    /// As `open()` of the system.
    fn open(path: &CStr, how: How) -> Result<Opened, Errno>;

    /// Closes a stream. What was written and not synced may or may not be on the disk.
    ///
    /// # Errors
    /// The device failed; the stream is closed all the same.
    fn close(stream: i32) -> Result<(), Errno>;

    /// Reads at an offset, where a sector begins, into the buffer; fewer bytes than it holds only where the file ends. The
    /// buffer holds whole sectors, a caller's own one perhaps a part of one at its end: all of it is one command for each
    /// run of clusters.
    ///
    /// # Errors
    /// The device failed: nothing in the buffer counts.
    fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno>;

    /// Writes at an offset, which is at most the length that storage has of the file; behind it the file grows. Fewer
    /// bytes than given only where the volume is full. The bytes end with a sector or with the file; a partial last sector
    /// goes in the command of those before it: the buffer is readable up to that sector's end.
    ///
    /// # Errors
    /// `ENOSPC` when not one byte had room; the device failed, and what is on the disk in this range is unknown.
    fn write_at(stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno>;

    /// The same with the first `len` bytes of whole sectors, of which the last may be written whole: what lies behind the
    /// end of a file in its last sector is nobody's.
    ///
    /// # Errors
    /// As [`write_at`](Self::write_at).
    fn write_sectors(stream: i32, offset: u64, from: &[u8], len: usize) -> Result<usize, Errno> {
        Self::write_at(stream, offset, &from[..len])
    }

    /// Makes a file shorter.
    ///
    /// # Errors
    /// The device failed.
    fn truncate(stream: i32, size: u64) -> Result<(), Errno>;

    /// Brings all that was written, with length and date, to the disk; which file it is from now on.
    ///
    /// # Errors
    /// The device failed: nothing is promised, and it can be tried again.
    fn sync(stream: i32) -> Result<Identity, Errno>;

    /// The room on the volume of an open file.
    fn space(stream: i32) -> Space;

    /// Whether somebody below caches this stream's file: then reads and writes of programs go straight to it.
    fn cached_below(_stream: i32) -> bool {
        false
    }

    /// Which file a stream is of, as storage has it now. Asked only of streams whose files are cached below.
    ///
    /// # Errors
    /// `EBADF`; the system's.
    fn identify(_stream: i32) -> Result<Identity, Errno> {
        Err(Errno::BADF)
    }

    /// Opens a stream of the file that this descriptor of somebody else's is of, and says whether it reads and writes.
    ///
    /// # Errors
    /// `EBADF`: there is no such descriptor; the device's.
    fn claim(_fd: i32) -> Result<(Opened, Claim), Errno> {
        Err(Errno::BADF)
    }
}

/// Storage whose directories are ours to change.
pub trait Names: Storage {
    /// Removes a name. The data of an open file stays until its last stream is closed. Answers which file has lost its
    /// last name, by volume and number; nothing for one that was never opened.
    ///
    /// # Errors
    /// As `remove()` of the system.
    fn remove(path: &CStr) -> Result<Option<Identity>, Errno>;

    /// Gives a file another name. A file that had it is removed. Identities and streams stay. Answers as
    /// [`remove`](Self::remove) which file that was, if any.
    ///
    /// # Errors
    /// As `rename()` of the system.
    fn rename(from: &CStr, to: &CStr) -> Result<Option<Identity>, Errno>;
}
