//! rockmem: the memory and I/O system of a Rockbox player, as one static library behind the C names of the tree.
//!
//! # The house
//!
//! Floors from the ground up; each imports only what stands below it.
//!
//! ```text
//!  7  capi/        the exported C functions, one file per header: check arguments, call one thing, map the result
//!  6  buffering/   handles, streams, the fill loop, watermarks, events
//!  5  file/        descriptors: offset, mode, append, clip to size, errno
//!  4  cache/       the segment cache: one object per file, its segments, readahead
//!  3  mmap/        mapping objects: validity, get and put, sync
//!  2  buflib/      the pool: blocks, handles, free index, compaction, reclaim
//!  1  port/        what we need from the world, as traits, and the two ports that give it: host and rockbox
//!     audio_pool/  the audio buffer pool; beside the floors, needs only the port
//! ```
//!
//! The C headers are in `include/rockmem/`; the status of each capability is in the README, the design as built in
//! `docs/`.

#![no_std]
#![allow(clippy::missing_const_for_fn)]
// The floors' states are statics, and `Default` is not const.
#![allow(clippy::new_without_default)]

#[cfg(all(feature = "host", feature = "rockbox"))]
compile_error!("choose one port: `host` (the default) or `rockbox` (with --no-default-features)");
#[cfg(not(any(feature = "host", feature = "rockbox")))]
compile_error!("choose a port: `host` or `rockbox`");
#[cfg(all(feature = "rockbox", not(panic = "abort")))]
compile_error!("the rockbox port has nobody to unwind to: build it with panic=abort (profile `rockbox`)");

#[cfg(feature = "host")]
extern crate std;

#[macro_use]
mod prefix;

#[cfg(feature = "audio_pool")]
pub mod audio_pool;
pub mod buffering;
pub mod buflib;
pub mod cache;
pub mod capi;
pub mod file;
pub mod house;
pub mod mmap;
pub mod port;
