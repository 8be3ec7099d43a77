//! The host port: std, parking_lot, libc.

mod asker;
pub mod atomic;
#[cfg(feature = "audio_pool")]
pub mod barrier;
mod clock;
pub mod fat;
mod files;
pub(crate) mod gate;
pub mod granules;
pub mod image;
pub(crate) mod kernel;
mod lock;
pub mod region;
mod storage;

pub use asker::{asker, in_file_path, set_asker, spares};
pub use clock::{advance, micros, ticks};
pub use kernel::System;
pub use lock::PoolLock;
