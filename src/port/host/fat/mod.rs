//! A FAT volume on a disk of ours, as storage: for disk images on the host, and for tests.
//!
//! ```text
//!    Volume ── streams ──► files: size, chain, entry ──► data, straight to the disk, a run of clusters at a time
//!      │                                  │
//!      ├─ names.rs   directories: the crate fatfs, on changes that wait
//!      ├─ table.rs   chains and free clusters
//!      └─ sectors.rs metadata: a write-through cache; changes go out together, in order
//!                          │
//!                     blocks.rs   the disk: an image file, or a test's
//! ```
//!
//! The crate knows directories and makes volumes; the way of a file's bytes is ours, because there it matters which
//! commands there are and in which order. A run of clusters that lie together is one command; where a file's clusters
//! are is remembered, so that going back costs nothing. After a cut at any point no two files share a cluster and what
//! was synced is there: data and chain come before the entry that shows them, an entry goes before its clusters are
//! free, and the disk is flushed between.

mod blocks;
mod chain;
mod change;
mod format;
mod names;
mod sectors;
mod table;
mod volume;

pub use blocks::{Blocks, Image};
pub use format::{Format, format};
pub use volume::Volume;

#[cfg(test)]
mod tests;
