//! Floor 7: the exported C functions, one file per header. Thin: check arguments, call one thing, map the result.
//!
//! ```text
//!   src/capi/NAME.rs ──cbindgen──▶ include/rockmem/NAME.h      (make headers; tests/headers.rs fails when stale)
//!                                   └─ #include NAME_inline.h   what only C can say: types that C code looks into,
//!                                                               inline functions
//! ```
//!
//! The doc comments become the header's. Three kinds of comment lines are for the header alone:
//! `//#include "x.h"` and `//#types src/x.rs`, whose structs C sees too, at the start of a file, and `//#if MACRO` before
//! an item that C sees only when MACRO is defined; the symbol is in the archive in any case.
//!
//! Every name goes through `prefix!` and is on the list in `symbols/`, which the archive is cut to.

#[cfg(feature = "audio_pool")]
pub mod audio_pool;
pub mod buffering;
pub mod buflib;
pub mod buflib_stats;
pub mod core_alloc;
#[cfg(feature = "host")]
pub mod file;
pub mod mmap;
pub mod purgeable;
pub mod stats;
#[cfg(feature = "rockbox")]
pub mod tree;
