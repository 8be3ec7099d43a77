//! Floor 2: buflib, the pool. A compacting allocator: handles outside, blocks that may move inside.
//!
//! ```text
//!      struct buflib_context (the caller's, six words)
//!        │ base                      │ span        │ handle_table
//!        ▼                           ▼             ▼
//!        ┌──────┬──────┬───┬───────┬─────────┬─────┬───────┐
//!        │ used │ free │ … │ locked│ reserve │ …2 1│ index │        memory given to buflib_init
//!        └──────┴──────┴───┴───────┴─────────┴─────┴───────┘
//!          blocks, without gaps      handle table    heads and bitmaps of the free lists
//!          movable ones low          grows down      by size
//!          locked ones high
//! ```
//!
//! Alloc, free and shrink take constant time: free blocks are found by size (`index.rs`), neighbours by length and
//! footer (`block.rs`), handles by bitmaps in the table (`table.rs`). Only a request that does not fit walks: it makes
//! a hole by moving as little as it can (`compact.rs`, `evacuate.rs`, `moving.rs`), then asks owners to shrink
//! (`reclaim.rs`).
//!
//! | file | idea |
//! |---|---|
//! | `context.rs` | what C callers see: the ABI |
//! | `words.rs` | all raw access to pool memory, and the lock |
//! | `block.rs` | headers, footers, walls |
//! | `index.rs` | free blocks by size |
//! | `space.rs` | carving blocks from free space and giving them back |
//! | `table.rs`, `extension.rs` | handles |
//! | `request.rs` | alloc, alloc_maximum, allocatable: the order of resorts |
//! | `hole.rs`, `survey.rs` | which way a hole is made, and the one walk that tells |
//! | `compact.rs`, `windows.rs`, `clearing.rs`, `evacuate.rs`, `moving.rs` | compaction |
//! | `purge/` | purgeable blocks: memory taken back when it is needed |
//! | `reclaim.rs` | shrink callbacks |
//! | `shrink.rs` | free and shrink |
//! | `shift.rs` | the pool moved as a whole |
//! | `check.rs`, `debug.rs`, `map.rs` | judging and showing a pool |
//! | `loan.rs` | memory of the core pool that is lent, and ends before its block does |
//! | `stats.rs` | what a pool counts |
//! | `effort.rs` | what requests cost, for tests |
//!
//! On the host every call takes the context's lock and drops it while a callback runs; in the tree there is none.

mod block;
mod check;
mod clearing;
mod compact;
mod context;
mod debug;
mod effort;
mod evacuate;
mod extension;
mod hole;
mod index;
pub mod loan;
mod map;
mod moving;
mod pool;
mod purge;
mod reclaim;
mod request;
mod shift;
mod shrink;
mod space;
mod stats;
mod survey;
mod table;
mod windows;
mod words;

pub(crate) use debug::Line;

pub use context::{CB_CANNOT_MOVE, CB_OK, Callbacks, Context, HEADER, SHRINK_POS_BACK, SHRINK_POS_FRONT, WORD};
#[cfg(feature = "host")]
pub use effort::{Effort, take_effort};
pub use pool::{CORE, Pool};
pub use purge::{Priority, PurgeCallbacks};
pub use stats::{Reclaimed, Stats};
