//! Floor 1: what the library needs from the world.
//!
//! ```text
//!                          the floors above
//!     ┌──────────────┬─────────────┼───────────────┬─────────────────┐
//!  fault.rs       PoolLock     kernel.rs       storage.rs       monitor.rs
//!  panicf: the    the lock     trait: lock,    trait: files     the state of floors
//!  end of a       of a buflib  channels,       read at an       3 to 6 and the lock
//!  broken caller  context      clock, thread   offset           around it
//!     └──────────────┴───────┬─────┴───────────────┴─────────────────┘
//!          host              │             rockbox                    model (tests)
//!   std, parking_lot, libc   │   rmport_* and the tree's panicf;      counters, faults,
//!                            │   no heap, no atomics                  a disk in memory
//! ```
//!
//! Everything above is the same code on both ports; a port differs only in the files of its folder.

pub mod asker;
#[cfg(test)]
pub mod failing;
pub mod fault;
pub mod kernel;
#[cfg(test)]
pub mod model;
pub mod monitor;
pub mod storage;
#[cfg(test)]
pub mod turns;
pub mod types;
#[cfg(test)]
pub mod wide;

#[cfg(feature = "host")]
#[path = "host/mod.rs"]
mod imp;

#[cfg(feature = "rockbox")]
#[path = "rockbox/mod.rs"]
mod imp;

pub use asker::Asker;
#[cfg(all(feature = "host", feature = "audio_pool"))]
pub use imp::barrier;
pub use imp::{PoolLock, System, asker, in_file_path, micros, spares, ticks};
#[cfg(feature = "host")]
pub use imp::{advance, atomic, fat, granules, image, region, set_asker};
