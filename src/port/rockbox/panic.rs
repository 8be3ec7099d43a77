//! A Rust panic in the tree: a bug of ours, since nothing here panics on data from outside. It ends in `panicf`.

use core::ffi::{c_char, c_int};
use core::panic::PanicInfo;

unsafe extern "C" {
    fn panicf(fmt: *const c_char, ...) -> !;
}

#[panic_handler]
fn handler(info: &PanicInfo<'_>) -> ! {
    // The line is enough to find it and costs no formatting code; it is 0 in an archive that was made without places.
    let line = info.location().map_or(0, |place| place.line());
    // SAFETY: one %d, one int.
    unsafe { panicf(c"rockmem: internal error at line %d".as_ptr(), line as c_int) }
}
