//! Floor 2: the pool.

mod context;

pub use context::{CB_CANNOT_MOVE, CB_OK, Callbacks, Context};
