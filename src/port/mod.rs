//! Floor 1: what the library needs from the world.
//!
//! ```text
//!            the floors above
//!     ┌─────────────┴──────────────┐
//!  fault.rs                     PoolLock
//!  panicf: the end of a         the lock of a buflib context
//!  broken caller
//!     └──────┬──────────────┬──────┘
//!          host/          rockbox/
//!   std, parking_lot    rmport_* and the tree's panicf; no heap, no atomics
//! ```
//!
//! Everything above is the same code on both ports; a port differs only in the files of its folder.

pub mod fault;

#[cfg(feature = "host")]
#[path = "host/mod.rs"]
mod imp;

#[cfg(feature = "rockbox")]
#[path = "rockbox/mod.rs"]
mod imp;

pub use imp::PoolLock;
