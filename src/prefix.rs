//! The name of an exported function: its own, or with `rockmem_` before it under the feature `prefixed`.

/// Expands to the symbol under which `$name` leaves the library.
#[cfg(not(feature = "prefixed"))]
macro_rules! prefix {
    ($name:literal) => {
        $name
    };
}

/// Expands to the symbol under which `$name` leaves the library.
#[cfg(feature = "prefixed")]
macro_rules! prefix {
    ($name:literal) => {
        concat!("rockmem_", $name)
    };
}
