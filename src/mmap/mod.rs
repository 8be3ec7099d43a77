//! Floor 3: mappings of files into the pool.
//!
//! ```text
//!     mmap_create … mmap_put             segments of the cache
//!            │ callers.rs                      │ floor 4
//!            ├───────── region.rs ─────────────┤ index.rs: where a byte of a file is
//!            └───────────────┬─────────────────┘
//!                       mapping.rs         a range of a file in one block, valid and dirty sector by sector
//!          transfer.rs ──────┤ sectors.rs
//!          writeback.rs      │             from storage, to storage
//!                    ┌───────┴────────┐
//!                object.rs        memory.rs
//!          a file: identity,      blocks, pins and tables: the raw bytes
//!          size, stream, users
//! ```
//!
//! This is the engine for storage without an MMU: the block is buflib's and may be moved while nobody holds it; the
//! bytes come sector by sector when they are declared. A mapping uses its file and so outlives the descriptor it was
//! made from. The object of a file stands on this floor for that reason, and so does the index: who speaks for a byte
//! is one question for all kinds of mappings.
//!
//! Files that the operating system caches are mapped by the system instead: `os/` has that engine, and docs/mmap.md says
//! what the two do alike and what not.

pub mod arena;
pub mod callers;
pub mod check;
pub mod copies;
pub mod index;
pub mod mapping;
pub mod memory;
pub mod mode;
pub mod object;
pub mod os;
pub mod region;
pub mod sectors;
pub mod transfer;
pub mod view;
pub mod writeback;
pub mod writers;

#[cfg(test)]
mod tests;
