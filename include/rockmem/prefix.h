/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from symbols/ by `make headers`. */

/* With ROCKMEM_PREFIX defined, every name is used as rockmem_NAME: for programs that link an archive built with
 * `make PREFIXED=1`, beside another library that has the same names. */
#ifndef ROCKMEM_PREFIX_H
#define ROCKMEM_PREFIX_H

#ifdef ROCKMEM_PREFIX
#define buflib_alloc rockmem_buflib_alloc
#define buflib_alloc_ex rockmem_buflib_alloc_ex
#define buflib_alloc_maximum rockmem_buflib_alloc_maximum
#define buflib_allocatable rockmem_buflib_allocatable
#define buflib_available rockmem_buflib_available
#define buflib_buffer_in rockmem_buflib_buffer_in
#define buflib_buffer_out rockmem_buflib_buffer_out
#define buflib_check_valid rockmem_buflib_check_valid
#define buflib_context_relocate rockmem_buflib_context_relocate
#define buflib_free rockmem_buflib_free
#define buflib_get_data rockmem_buflib_get_data
#define buflib_get_data_pinned rockmem_buflib_get_data_pinned
#define buflib_get_num_blocks rockmem_buflib_get_num_blocks
#define buflib_init rockmem_buflib_init
#define buflib_ops_locked rockmem_buflib_ops_locked
#define buflib_pin rockmem_buflib_pin
#define buflib_pin_count rockmem_buflib_pin_count
#define buflib_print_block_at rockmem_buflib_print_block_at
#define buflib_put_data_pinned rockmem_buflib_put_data_pinned
#define buflib_shrink rockmem_buflib_shrink
#define buflib_unpin rockmem_buflib_unpin
#define core_alloc rockmem_core_alloc
#define core_alloc_ex rockmem_core_alloc_ex
#define core_alloc_maximum rockmem_core_alloc_maximum
#define core_allocatable rockmem_core_allocatable
#define core_available rockmem_core_available
#define core_check_valid rockmem_core_check_valid
#define core_ctx rockmem_core_ctx
#define core_free rockmem_core_free
#define core_get_num_blocks rockmem_core_get_num_blocks
#define core_pin rockmem_core_pin
#define core_pin_count rockmem_core_pin_count
#define core_print_block_at rockmem_core_print_block_at
#define core_shrink rockmem_core_shrink
#define core_unpin rockmem_core_unpin
#endif

#endif /* ROCKMEM_PREFIX_H */
