//! The engine over the operating system's own `mmap`: for files of a host directory.
//!
//! ```text
//!     Mapping::create … put        a number; what was declared before costs no call and no lock
//!            │
//!        slot.rs ───────────────── the table of numbers: atomics
//!            │ first declarations, sync, destroy
//!        held.rs ───────────────── what lies under a mapping: region, file, end of file
//!            │
//!        files.rs ──────────────── files under mappings; lengths that change
//!            │
//!        port: region, granules ── addresses; bits that are read without a lock
//! ```
//!
//! The system's page cache is the cache, and `read()` and `write()` of the system see the same pages. What this engine
//! adds is what the system's `mmap` lacks: errors that come back from the declaration instead of a signal at the first
//! touch, zero pages behind the end of the file, and an end that moves. A page is populated when it is declared for the
//! first time; after that a declaration only looks at a bit.
//!
//! What it cannot add: when *another process* shortens the file under pages that were declared before, touching them
//! ends the program (`SIGBUS`), as with the system's `mmap`. Pages that are declared for the first time afterwards
//! read as zero. A page whose writing failed counts as clean afterwards where the system sees it so.

#[cfg(feature = "host")]
mod files;
#[cfg(feature = "host")]
mod held;
#[cfg(feature = "host")]
mod mapping;
#[cfg(feature = "host")]
mod slot;

#[cfg(feature = "host")]
pub use files::{at_the_end, extending, owed, resize};
#[cfg(feature = "host")]
pub use mapping::{Mapping, Stream, page, readable, writable};

#[cfg(not(feature = "host"))]
mod none;
#[cfg(not(feature = "host"))]
pub use none::{Mapping, Stream, page, readable, writable};

#[cfg(all(test, feature = "host"))]
mod tests;
