//! The host port: std, parking_lot, libc.

#[cfg(feature = "audio_pool")]
pub mod barrier;
pub(crate) mod gate;
pub(crate) mod kernel;
mod lock;
mod storage;

pub use kernel::System;
pub use lock::PoolLock;
