//! C's own types, where their width is the system's.

/// `off_t`.
#[cfg(feature = "host")]
pub type Off = libc::off_t;
/// `off_t`: a `long` in the tree.
#[cfg(not(feature = "host"))]
pub type Off = core::ffi::c_long;

/// `ssize_t`.
pub type Ssize = isize;

/// A number as an `off_t`; the largest one if it does not fit.
pub fn to_off(number: u64) -> Off {
    Off::try_from(number).unwrap_or(Off::MAX)
}
