//! The host port: std, parking_lot, libc.

mod lock;

pub use lock::PoolLock;
