//! The atomics of the parts that the loom models run: the models put loom's in the place of this file.

pub use core::hint::spin_loop as spin;
pub use core::sync::atomic::{AtomicU32, Ordering, compiler_fence};

pub use super::memory::fetch;
pub use crate::port::barrier::light;

/// What lies in a slot.
pub type Item = &'static super::record::Record;
/// A slot.
pub type Place = super::memory::AlwaysRef<super::record::Record>;
/// A place of a queue.
pub type Tagged = super::memory::TaggedRef<super::record::Record>;
/// What lies in a slot that was never used.
pub const NOTHING: Item = &super::record::NOWHERE;

/// A function that is `const` here, and is not in the models: loom's atomics are made while a model runs.
macro_rules! constant {
    ($(#[$attribute:meta])* pub fn $($rest:tt)*) => { $(#[$attribute])* pub const fn $($rest)* };
}
pub(super) use constant;
