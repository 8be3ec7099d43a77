//! Address space over files of the operating system: all that the OS engine of mappings does with raw memory.
//!
//! ```text
//!   Region   ┌───────────── pages of the file ─────────────┬──────── zero pages ────────┐
//!            │ show(): the system's page cache, shared      │ cover(): private, lost     │
//!            └──────────────────────────────────────────────┴────────────────────────────┘
//!            start, page-aligned; never moves                                      bytes ┘
//! ```
//!
//! The bytes of a region are never a reference here: programs have their address, and the system changes them. What
//! this file does to them it asks of the system, but for [`Region::clear`].

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::port::storage::Errno;

/// The error of the C call that just failed.
fn last() -> Errno {
    Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(Errno::IO.0))
}

/// A C call's answer, asked again as long as a signal comes in between.
fn ask(mut call: impl FnMut() -> c_int) -> Result<c_int, Errno> {
    loop {
        match call() {
            -1 => match last() {
                Errno(libc::EINTR) => {}
                error => return Err(error),
            },
            answer => return Ok(answer),
        }
    }
}

/// The system's page in bytes: a power of two.
#[inline]
pub fn page() -> usize {
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    match PAGE.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: sysconf reads a constant of the system.
            let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
            PAGE.store(page, Ordering::Relaxed);
            page
        }
        page => page,
    }
}

/// What makes a file the same file: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    device: u64,
    inode: u64,
}

impl Key {
    /// A number that spreads over a table of locks.
    pub fn hash(self) -> usize {
        (self.inode ^ self.inode >> 7 ^ self.device << 3) as usize
    }
}

/// Which file a descriptor of the system is, and its length in bytes.
///
/// # Errors
/// `EBADF`; `EACCES` for what is no ordinary file, as the system's `mmap` has it.
#[allow(clippy::unnecessary_cast)] // the numbers' types differ between systems
pub fn look(fd: c_int) -> Result<(Key, u64), Errno> {
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the pointer is to a `stat` of ours.
    ask(|| unsafe { libc::fstat(fd, found.as_mut_ptr()) })?;
    // SAFETY: fstat succeeded, so it filled the struct.
    let found = unsafe { found.assume_init() };
    if found.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Err(Errno::ACCES);
    }
    let key = Key { device: found.st_dev as u64, inode: found.st_ino as u64 };
    Ok((key, u64::try_from(found.st_size).unwrap_or(0)))
}

/// Gives the file of a descriptor another length.
///
/// # Errors
/// The system's.
pub fn truncate(fd: c_int, size: u64) -> Result<(), Errno> {
    let size = libc::off_t::try_from(size).map_err(|_| Errno::INVAL)?;
    // SAFETY: no memory is involved; what mapped pages become is the caller's business.
    ask(|| unsafe { libc::ftruncate(fd, size) }).map(drop)
}

/// A descriptor of our own, for a file that outlives its owner's.
#[derive(Debug)]
pub struct Stream(c_int);

impl Stream {
    /// A second descriptor of the same open file.
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`.
    pub fn duplicate(fd: c_int) -> Result<Stream, Errno> {
        // SAFETY: no memory is involved.
        ask(|| unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) }).map(Stream)
    }

    /// Which file it is.
    ///
    /// # Errors
    /// As [`look`].
    pub fn key(&self) -> Result<Key, Errno> {
        look(self.0).map(|(key, _)| key)
    }

    /// Its length in bytes.
    ///
    /// # Errors
    /// As [`look`].
    pub fn size(&self) -> Result<u64, Errno> {
        look(self.0).map(|(_, size)| size)
    }

    /// Takes room on the volume for bytes of the file that have none yet; its length stays.
    ///
    /// # Errors
    /// `ENOSPC` and its like.
    pub fn reserve(&self, offset: u64, bytes: usize) -> Result<(), Errno> {
        #[cfg(target_os = "linux")]
        {
            let offset = libc::off_t::try_from(offset).map_err(|_| Errno::INVAL)?;
            let bytes = libc::off_t::try_from(bytes).map_err(|_| Errno::INVAL)?;
            // SAFETY: no memory is involved.
            ask(|| unsafe { libc::fallocate(self.0, libc::FALLOC_FL_KEEP_SIZE, offset, bytes) }).map(drop)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (offset, bytes);
            Ok(())
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours alone. Nothing was written through it that its closing could report.
        unsafe { libc::close(self.0) };
    }
}

/// Whether the system can make pages present by range and report what fails: asked once, by trying.
static POPULATES: AtomicBool = AtomicBool::new(true);

/// A range of addresses of this process.
#[derive(Debug)]
pub struct Region {
    start: *mut c_void,
    bytes: usize,
    writable: bool,
}

// SAFETY: a range of addresses that belongs to no thread; every call on it goes to the system, which orders them.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    fn protection(&self) -> c_int {
        libc::PROT_READ | if self.writable { libc::PROT_WRITE } else { 0 }
    }

    /// Zero pages: `bytes`, a multiple of the page above 0.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(bytes: usize, writable: bool) -> Result<Region, Errno> {
        let mut region = Region { start: ptr::null_mut(), bytes, writable };
        region.start = region.place(ptr::null_mut(), bytes, Self::ZEROES, -1, 0)?;
        Ok(region)
    }

    /// Private pages that need no memory until they are touched, and no promise of it.
    const ZEROES: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;

    fn place(
        &self,
        at: *mut c_void,
        bytes: usize,
        flags: c_int,
        fd: c_int,
        offset: libc::off_t,
    ) -> Result<*mut c_void, Errno> {
        // SAFETY: `at` is null, and the system chooses a free place, or a range of this region, which `at` checked, and
        // replacing pages there is what the caller asked for.
        let start = unsafe { libc::mmap(at, bytes, self.protection(), flags, fd, offset) };
        match start {
            libc::MAP_FAILED => Err(match last() {
                Errno(libc::EAGAIN) => Errno::NOMEM,
                Errno(libc::ENFILE) => Errno::MFILE,
                error => error,
            }),
            start => Ok(start),
        }
    }

    /// The address of a range of the region; a range outside it is a bug of the engine.
    fn at(&self, from: usize, bytes: usize) -> *mut c_void {
        assert!(from <= self.bytes && bytes <= self.bytes - from);
        self.start.wrapping_byte_add(from)
    }

    /// Where the region is.
    pub fn start(&self) -> *mut u8 {
        self.start.cast()
    }

    /// How many bytes of address space it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts pages of a file into a range of whole pages, which ends at most in the file's last page.
    ///
    /// # Errors
    /// `EACCES` when the descriptor's mode does not allow it, `ENOMEM`, the system's.
    pub fn show(&self, file: &Stream, offset: u64, from: usize, bytes: usize) -> Result<(), Errno> {
        let offset = libc::off_t::try_from(offset).map_err(|_| Errno::INVAL)?;
        self.place(self.at(from, bytes), bytes, libc::MAP_SHARED | libc::MAP_FIXED, file.0, offset).map(drop)
    }

    /// Puts zero pages into a range of whole pages. What was written to the file's pages there stays the file's.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn cover(&self, from: usize, bytes: usize) -> Result<(), Errno> {
        self.place(self.at(from, bytes), bytes, Self::ZEROES | libc::MAP_FIXED, -1, 0).map(drop)
    }

    /// Brings whole pages of a file into memory, and into this process; for `write`, so that they can be written.
    ///
    /// # Errors
    /// `EFAULT` when touching one of them would have been a SIGBUS: the device failed, the volume is full, or the file
    /// is shorter by now.
    pub fn populate(&self, from: usize, bytes: usize, write: bool) -> Result<(), Errno> {
        #[cfg(test)]
        faults::strike(&faults::POPULATE)?;
        let start = self.at(from, bytes);
        // One large read instead of many small ones; only advice.
        if bytes > READAHEAD || !POPULATES.load(Ordering::Relaxed) {
            // SAFETY: a range of this region; the advice changes no byte.
            unsafe { libc::madvise(start, bytes, libc::MADV_WILLNEED) };
        }
        #[cfg(target_os = "linux")]
        if POPULATES.load(Ordering::Relaxed) {
            let how = if write { libc::MADV_POPULATE_WRITE } else { libc::MADV_POPULATE_READ };
            // SAFETY: as above.
            match ask(|| unsafe { libc::madvise(start, bytes, how) }) {
                // Older than this advice. What a touch finds then is found by touching.
                Err(Errno(libc::EINVAL)) => POPULATES.store(false, Ordering::Relaxed),
                Err(Errno(libc::EHWPOISON)) => return Err(Errno::IO),
                answer => return answer.map(drop),
            }
        }
        let _ = write;
        Ok(())
    }

    /// Writes what is dirty in a range of whole pages to the disk, and waits.
    ///
    /// # Errors
    /// The device's.
    pub fn sync(&self, from: usize, bytes: usize) -> Result<(), Errno> {
        #[cfg(test)]
        faults::strike(&faults::SYNC)?;
        let start = self.at(from, bytes);
        // SAFETY: a range of this region; its bytes stay.
        ask(|| unsafe { libc::msync(start, bytes, libc::MS_SYNC) }).map(drop)
    }

    /// Sets bytes to zero that are not zero; only where pages of a writable region are known to be present.
    pub fn clear(&self, from: usize, bytes: usize, still: impl FnOnce() -> bool) {
        let start = self.at(from, bytes).cast::<u8>();
        // SAFETY: inside the region; a program may write there at any time, so each byte is read on its own.
        let dirty = (0..bytes).any(|n| unsafe { start.add(n).read_volatile() } != 0);
        if dirty && self.writable && still() {
            // SAFETY: inside the region, which is writable.
            unsafe { ptr::write_bytes(start, 0, bytes) };
        }
    }
}

/// What the system reads ahead by itself, at least.
const READAHEAD: usize = 128 * 1024;

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range is this region's, and whoever ended the region has seen to it that nobody uses it.
        unsafe { libc::munmap(self.start, self.bytes) };
    }
}

/// Calls to the system that fail on command, in the thread that commanded it; and the bytes of regions.
#[cfg(test)]
#[allow(clippy::not_unsafe_ptr_arg_deref)] // of tests, which hold what they look at
pub mod faults {
    use super::Errno;
    use core::cell::Cell;
    use std::thread::LocalKey;

    std::thread_local! {
        /// How often this thread asked the system to populate or to write.
        pub static CALLS: Cell<u32> = const { Cell::new(0) };
        /// What the next populating fails with; 0: nothing.
        pub static POPULATE: Cell<i32> = const { Cell::new(0) };
        /// The same for writing to the disk.
        pub static SYNC: Cell<i32> = const { Cell::new(0) };
    }

    /// Fails if it was commanded, once.
    pub(super) fn strike(fault: &'static LocalKey<Cell<i32>>) -> Result<(), Errno> {
        CALLS.set(CALLS.get() + 1);
        match fault.take() {
            0 => Ok(()),
            error => Err(Errno(error)),
        }
    }
    /// A copy of bytes that a test holds.
    pub fn peek(start: *mut u8, from: usize, len: usize) -> std::vec::Vec<u8> {
        let mut bytes = std::vec![0; len];
        // SAFETY: inside a mapping that the test holds, where nobody writes meanwhile.
        unsafe { core::ptr::copy_nonoverlapping(start.add(from), bytes.as_mut_ptr(), len) };
        bytes
    }

    /// Changes bytes that a test holds.
    pub fn poke(start: *mut u8, from: usize, bytes: &[u8]) {
        // SAFETY: inside a writable mapping that the test holds, where nobody looks meanwhile.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), start.add(from), bytes.len()) };
    }
}
