//! Purgeable blocks: memory that is in use as long as nobody needs it for something better.
//!
//! ```text
//!   LEN | HANDLE + mark | OPS | PIN | data … | prev | next | state | distance | stamp | key
//!                                              └──────────── record ──────────┘   links are handles, so blocks may move
//!
//!   lists, one block of the pool names them all (`lists.rs`)
//!     Probation ─► Main        cached data: new blocks are on probation, those used again go to Main (`policy.rs`)
//!     Soon                     what playback will want, farthest first when memory is taken
//!     Disposable               what nobody would miss
//!     (none)                   needed now: never taken
//! ```
//!
//! Under pressure, level by level, and within a level from its cold end (`victims.rs`):
//!
//! | level | who |
//! |---|---|
//! | 0 | disposable |
//! | 1 | cached, by the replacement policy (`policy.rs`) |
//! | 2 | cached and much warmer than the coldest: up to here it is moved rather than lost |
//! | 3 | needed later, farthest first |
//! | 4 | dirty ones of the above, asked to clean themselves first |
//! | 5–9 | the same again, of those used in the last seconds |
//!
//! Never: needed now, pinned, or with I/O under way. A level is entered only where the one below does not suffice,
//! and only blocks go whose going helps: a victim is part of a window that ends in one hole for the request.

mod apart;
mod api;
mod lists;
mod policy;
mod record;
mod sweep;
mod victims;
mod windows;

pub use api::PurgeCallbacks;
pub(super) use lists::List;
pub use record::Priority;
pub(super) use windows::{Victims, Window};
