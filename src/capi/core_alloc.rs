//! core_alloc: the one pool of the program, `core_ctx`. Each function is the one of buflib.h with that context.

//#include "buflib.h"
//#include "core_alloc_inline.h"

use core::ffi::{c_char, c_int, c_uint, c_void};

use crate::buflib::{Callbacks, Pool, loan};

/// `buflib_alloc` in the core pool.
///
/// # Safety
/// * `core_allocator_init` was called.
#[unsafe(export_name = prefix!("core_alloc"))]
pub unsafe extern "C" fn core_alloc(size: usize) -> c_int {
    Pool::core().alloc(size, core::ptr::null())
}

/// `buflib_alloc_ex` in the core pool.
///
/// # Safety
/// * `ops` is NULL, or points to callbacks that stay valid until the allocation is freed.
#[unsafe(export_name = prefix!("core_alloc_ex"))]
pub unsafe extern "C" fn core_alloc_ex(size: usize, ops: *mut Callbacks) -> c_int {
    Pool::core().alloc(size, ops)
}

/// `buflib_alloc_maximum` in the core pool.
///
/// # Safety
/// * `size` is writable.
/// * `ops` is NULL, or points to callbacks that stay valid until the allocation is freed.
#[unsafe(export_name = prefix!("core_alloc_maximum"))]
pub unsafe extern "C" fn core_alloc_maximum(size: *mut usize, ops: *mut Callbacks) -> c_int {
    let mut got = 0;
    let handle = Pool::core().alloc_maximum(&mut got, ops);
    // SAFETY: writable, by the caller's promise.
    unsafe { size.write(got) };
    handle
}

/// `buflib_shrink` in the core pool.
///
/// # Safety
/// * `handle` is an allocation of the core pool.
#[unsafe(export_name = prefix!("core_shrink"))]
pub unsafe extern "C" fn core_shrink(handle: c_int, new_start: *mut c_void, new_size: usize) -> bool {
    loan::before_change(handle);
    Pool::core().shrink(handle, new_start.cast(), new_size)
}

/// `buflib_pin` in the core pool.
///
/// # Safety
/// * `handle` is an allocation of the core pool.
#[unsafe(export_name = prefix!("core_pin"))]
pub unsafe extern "C" fn core_pin(handle: c_int) {
    Pool::core().pin(handle)
}

/// `buflib_unpin` in the core pool.
///
/// # Safety
/// * `handle` is an allocation of the core pool.
#[unsafe(export_name = prefix!("core_unpin"))]
pub unsafe extern "C" fn core_unpin(handle: c_int) {
    Pool::core().unpin(handle)
}

/// `buflib_pin_count` in the core pool.
///
/// # Safety
/// * `handle` is an allocation of the core pool.
#[unsafe(export_name = prefix!("core_pin_count"))]
pub unsafe extern "C" fn core_pin_count(handle: c_int) -> c_uint {
    Pool::core().pin_count(handle)
}

/// `buflib_free` in the core pool.
///
/// # Safety
/// * `handle` is an allocation of the core pool, or not above 0.
#[unsafe(export_name = prefix!("core_free"))]
pub unsafe extern "C" fn core_free(handle: c_int) -> c_int {
    loan::before_change(handle);
    Pool::core().free(handle)
}

/// `buflib_available` of the core pool.
///
/// # Safety
/// * `core_allocator_init` was called.
#[unsafe(export_name = prefix!("core_available"))]
pub unsafe extern "C" fn core_available() -> usize {
    Pool::core().available()
}

/// `buflib_allocatable` of the core pool.
///
/// # Safety
/// * `core_allocator_init` was called.
#[unsafe(export_name = prefix!("core_allocatable"))]
pub unsafe extern "C" fn core_allocatable() -> usize {
    Pool::core().allocatable()
}

/// `buflib_get_num_blocks` of the core pool.
///
/// # Safety
/// * `core_allocator_init` was called.
//#if BUFLIB_DEBUG_PRINT
#[unsafe(export_name = prefix!("core_get_num_blocks"))]
pub unsafe extern "C" fn core_get_num_blocks() -> c_int {
    Pool::core().num_blocks()
}

/// `buflib_print_block_at` of the core pool.
///
/// # Safety
/// * `bufsize` bytes at `buf` are writable.
//#if BUFLIB_DEBUG_PRINT
#[unsafe(export_name = prefix!("core_print_block_at"))]
pub unsafe extern "C" fn core_print_block_at(block_num: c_int, buf: *mut c_char, bufsize: usize) -> bool {
    // SAFETY: a writable buffer, by the caller's promise.
    unsafe { Pool::core().print_block_at(block_num, buf, bufsize) }
}

/// `buflib_check_valid` of the core pool.
///
/// # Safety
/// * `core_allocator_init` was called.
//#if BUFLIB_DEBUG_CHECK_VALID
#[unsafe(export_name = prefix!("core_check_valid"))]
pub unsafe extern "C" fn core_check_valid() {
    Pool::core().check_valid()
}
