//! FAT as a judge sees it: code of our own that shares nothing with what writes the volumes.
//!
//! ```text
//!   ┌────────┬───────────┬───────────┬────────────┬───────────────────────────┐
//!   │ boot   │ table     │ its copy  │ root, if   │ cluster 2 │ 3 │ 4 │ …      │
//!   │ sector │           │           │ 12/16 bit  │                           │
//!   └────────┴───────────┴───────────┴────────────┴───────────────────────────┘
//!      volume.rs: where they are, entries of the table, making an empty volume
//!      check.rs:  every chain of every file, and what is wrong
//!      fsck.rs:   what fsck.vfat thinks of it
//! ```

pub mod check;
pub mod fsck;
pub mod volume;
