//! A pool over memory of its own.

#![allow(dead_code)] // each test takes what it needs

use rockmem::buflib::{Context, Pool, WORD};
use std::mem::{forget, take};

/// Memory, and the pool over it. It is left as it is when a test panics: other threads may still be at work there.
pub struct Memory {
    ctx: Box<Context>,
    words: Vec<usize>,
    pub pool: Pool,
}

impl Memory {
    /// A pool over so many bytes.
    pub fn new(bytes: usize) -> Memory {
        let (mut ctx, mut words) = (Box::new(Context::new()), vec![0; bytes.div_ceil(WORD)]);
        // SAFETY: both live as long as this value, in their place, and are used by nobody else.
        let pool = unsafe {
            Pool::init(&mut *ctx, words.as_mut_ptr().cast(), bytes);
            Pool::new(&mut *ctx)
        };
        Memory { ctx, words, pool }
    }

    /// Where the pool begins.
    pub fn base(&self) -> usize {
        self.words.as_ptr() as usize
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if std::thread::panicking() {
            forget(take(&mut self.ctx));
            forget(take(&mut self.words));
        }
    }
}
