//! The host port: std, parking_lot, libc.

pub(crate) mod gate;
pub(crate) mod kernel;
mod lock;
mod storage;

pub use kernel::System;
pub use lock::PoolLock;
