//! The moment a buffer is handed out: from a tier's record to memory that a caller may write.

use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use super::local::Local;
use super::memory::{self, Bytes};
use super::pool::{Pool, pool};
use super::record::Record;

/// A lent buffer.
#[derive(Clone, Copy, Debug)]
pub struct Lent(&'static Record);

impl Lent {
    /// Where it is.
    #[inline]
    pub fn data(self) -> *mut u8 {
        self.0.data()
    }

    /// How many bytes fit.
    #[inline]
    pub fn capacity(self) -> usize {
        self.0.capacity()
    }
}

/// Lends a buffer that the caller has just taken out of its slots, of a pool that does not clear.
#[inline(always)]
pub fn lend_fast(record: &'static Record, local: &'static Local) -> Lent {
    record.lend(local.thread.load(Ordering::Relaxed));
    local.last.set(record);
    Lent(record)
}

/// Lends an idle buffer that the caller has just taken out of a tier or made.
pub fn lend(record: &'static Record, local: Option<&'static Local>) -> Lent {
    let zero = match local {
        Some(local) => {
            lend_fast(record, local);
            local.zero.load(Ordering::Relaxed) != 0
        }
        None => {
            record.lend(0); // nobody's number: whoever puts it compares and swaps
            pool(record.pool()).is_some_and(Pool::zeroes)
        }
    };
    if zero && let Some(data) = NonNull::new(record.data()) {
        // SAFETY: the buffer was taken out of a tier and nobody knows of it yet.
        unsafe { memory::zero(data, record.capacity()) };
    }
    Lent(record)
}

/// A lent buffer as bytes that are written first and then read. Whoever has them has put nothing back, and does so once.
#[inline(always)]
pub fn bytes(lent: Lent) -> Bytes {
    // SAFETY: lent to the caller, who keeps to the promise above: the one there is makes an owned buffer.
    unsafe { Bytes::new(lent.0) }
}
