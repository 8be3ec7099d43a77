//! A pool over memory of its own, for tests of the pool.

use rockmem::buflib::{Context, Pool, WORD};

/// Memory, and the pool over it.
pub struct Memory {
    _ctx: Box<Context>,
    _words: Vec<usize>,
    pub pool: Pool,
}

impl Memory {
    /// A pool over so many bytes.
    pub fn new(bytes: usize) -> Memory {
        let (mut ctx, mut words) = (Box::new(Context::new()), vec![0; bytes / WORD]);
        // SAFETY: both live as long as this value, in their place, and are used by nobody else.
        let pool = unsafe {
            Pool::init(&mut *ctx, words.as_mut_ptr().cast(), bytes);
            Pool::new(&mut *ctx)
        };
        Memory { _ctx: ctx, _words: words, pool }
    }
}
