//! The audio buffer pool: buffers that pass between threads thousands of times a second and are not allocated each time.
//!
//! ```text
//!    thread A             thread B              a get goes down until a tier has a buffer,
//!   ┌─────────┐          ┌─────────┐            a put goes down until a tier has room
//!   │ 4 slots │          │ 4 slots │   1  the thread's own: plain loads and stores        slots.rs, local.rs
//!   └────┬────┘          └────┬────┘
//!        ▼                    ▼
//!   ┌──────────────────────────────┐
//!   │ preallocated list (20 of 100)│   2  every thread's: a lock-free queue              ring.rs, pool.rs
//!   ├──────────────────────────────┤
//!   │ overflow tier (100)          │   3  the same                                       ring.rs, pool.rs
//!   └───────────────┬──────────────┘
//!                   ▼
//!        the system's allocator        4  a miss; or too many: freed                      memory.rs, index.rs
//!
//!   pointer ──► index ──► record { lent or idle, pool, capacity }                         index.rs, record.rs
//!   cleaner ──► takes back the slots of threads that did not use them for a while         monitor.rs
//! ```
//!
//! A buffer is lent or idle. Its record says which, and is found from its pointer without touching memory that may not be
//! ours: that is how a put refuses foreign pointers and buffers that were put already. Beside the fixed-size pools stand
//! the sized pool over eleven of them (`sized.rs`) and the two global ones (`global.rs`).
//!
//! The rockbox port has no threads that run at once, no atomics and no heap: there the same functions work on plain lists
//! of `core_alloc` blocks (`plain/`). docs/audio_pool.md has the design as built and the figures.

pub mod global;
pub mod settings;
mod shared;
pub mod sized;
pub mod stats;

#[cfg(feature = "host")]
mod clock;
#[cfg(feature = "host")]
mod config;
#[cfg(feature = "host")]
mod counter;
#[cfg(feature = "host")]
pub mod engine;
#[cfg(feature = "host")]
mod index;
#[cfg(feature = "host")]
mod latency;
#[cfg(feature = "host")]
mod lend;
#[cfg(feature = "host")]
mod local;
#[cfg(feature = "host")]
mod memory;
#[cfg(feature = "host")]
mod monitor;
#[cfg(feature = "host")]
pub mod owned;
#[cfg(any(feature = "rockbox", test))]
mod plain;
#[cfg(feature = "host")]
mod pool;
#[cfg(feature = "host")]
mod record;
#[cfg(feature = "host")]
mod ring;
#[cfg(feature = "host")]
mod slots;
#[cfg(feature = "host")]
mod sync;
#[cfg(feature = "host")]
#[doc(hidden)]
pub mod testing;
#[cfg(feature = "host")]
mod timing;

#[cfg(feature = "host")]
pub use engine as floor;
#[cfg(feature = "rockbox")]
pub use plain::tree as floor;

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No such pool: never made, or destroyed.
    Pool,
    /// Not the start of a buffer of any pool.
    Foreign,
    /// The buffer was put already.
    Twice,
    /// The buffer is too small for the pool, or more than twice too large.
    Size,
    /// No memory, no place for another pool, or no thread.
    Memory,
}

/// What a pool is made with, beside its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The most buffers in the overflow tier; 0: as configured.
    pub max: u32,
    /// Clear every buffer when it is handed out.
    pub zero: bool,
}

/// What a pool is made with, in the end.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Bytes of a buffer.
    pub size: u32,
    /// The overflow tier's bound.
    pub max: u32,
    /// The preallocated list's bound, and how many buffers are made at once.
    pub preallocated: u32,
    /// Whether buffers are cleared when they are handed out.
    pub zero: bool,
}
