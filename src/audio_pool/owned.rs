//! The pool for Rust callers: a buffer has a length, begins empty, and goes back when it is dropped.
//!
//! ```
//! use rockmem::audio_pool::{Options, owned::AudioPool};
//!
//! let pool = AudioPool::new(1500, Options::default()).unwrap();
//! let mut frame = pool.get().unwrap();
//! assert!(frame.written().is_empty());
//! assert!(frame.append(&[1, 2, 3]));
//! std::thread::spawn(move || assert_eq!(frame.written(), [1, 2, 3])).join().unwrap();
//! assert_eq!(pool.stats().counts.puts, 1);
//! ```

use super::memory::Bytes;
use super::stats::Stats;
use super::{Error, Options, engine, lend};

/// A pool that ends with this value. Buffers that are out then stay good and are freed when dropped.
#[derive(Debug)]
pub struct AudioPool(u32);

impl AudioPool {
    /// As [`engine::create`].
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn new(size: usize, options: Options) -> Result<AudioPool, Error> {
        engine::create(size, options).map(AudioPool)
    }

    /// The handle, as C has it.
    pub fn handle(&self) -> u32 {
        self.0
    }

    /// Lends a buffer.
    ///
    /// # Errors
    /// [`Error::Memory`].
    #[inline]
    pub fn get(&self) -> Result<Buffer, Error> {
        match engine::get(self.0) {
            Some(lent) => Ok(Buffer(lend::bytes(lent))),
            None => Err(engine::why_not(self.0)),
        }
    }

    /// The statistics.
    pub fn stats(&self) -> Stats {
        // The pool lives as long as this value.
        engine::stats(self.0).unwrap_or_default()
    }
}

impl Drop for AudioPool {
    fn drop(&mut self) {
        // Ended only here.
        let _ = engine::destroy(self.0);
    }
}

/// A lent buffer. Dropping it puts it back, in whatever thread.
#[derive(Debug)]
pub struct Buffer(Bytes);

impl Buffer {
    /// Where it is, aligned to 32 bytes: for code that fills it itself.
    #[inline]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.0.data()
    }

    /// How many bytes fit.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// What was written since it was lent.
    #[inline]
    pub fn written(&self) -> &[u8] {
        self.0.written()
    }

    /// What was written, to change it.
    pub fn written_mut(&mut self) -> &mut [u8] {
        self.0.written_mut()
    }

    /// Appends; false, and nothing changed, when it does not fit.
    #[inline]
    pub fn append(&mut self, bytes: &[u8]) -> bool {
        self.0.append(bytes)
    }

    /// Forgets what was written.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        engine::put_owned(self.0.record());
    }
}
