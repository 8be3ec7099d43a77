//! A disk that can be watched, slowed down and broken, for tests and benches.
//!
//! ```text
//!   image.rs    bytes, with cheap snapshots         timing.rs   what commands cost: card, hard disk
//!   media.rs    commands: counts, faults, log       cut.rs      what a power cut leaves of the log
//!   fat/        FAT volumes: made and judged        extents.rs  a volume whose lists of clusters cost nothing
//!   port.rs     the port over any volume              uncached.rs files with one sector of cache: the reference
//!   files.rs    what workloads ask of any of them        fatdisk.rs  the library's FAT volume on such a disk
//!   ours.rs     our files                            story.rs    operations, and how files should be after each
//! ```

#![allow(dead_code, missing_docs)] // each user takes what it needs

pub mod cut;
pub mod extents;
pub mod fat;
pub mod fatdisk;
pub mod files;
pub mod image;
pub mod media;
#[path = "../memory.rs"]
pub mod memory;
pub mod ours;
pub mod port;
pub mod story;
pub mod timing;
pub mod uncached;
