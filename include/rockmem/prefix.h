/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from symbols/ by `make headers`. */

/* With ROCKMEM_PREFIX defined, every name is used as rockmem_NAME: for programs that link an archive built with
 * `make PREFIXED=1`, beside another library that has the same names. */
#ifndef ROCKMEM_PREFIX_H
#define ROCKMEM_PREFIX_H

#ifdef ROCKMEM_PREFIX
#define buf_filesize rockmem_buf_filesize
#define buf_get_watermark rockmem_buf_get_watermark
#define buf_handle_data_type rockmem_buf_handle_data_type
#define buf_handle_offset rockmem_buf_handle_offset
#define buf_handle_remaining rockmem_buf_handle_remaining
#define buf_is_handle rockmem_buf_is_handle
#define buf_length rockmem_buf_length
#define buf_pin_handle rockmem_buf_pin_handle
#define buf_set_base_handle rockmem_buf_set_base_handle
#define buf_set_watermark rockmem_buf_set_watermark
#define buf_signal_handle rockmem_buf_signal_handle
#define buf_used rockmem_buf_used
#define bufadvance rockmem_bufadvance
#define bufalloc rockmem_bufalloc
#define bufclose rockmem_bufclose
#define buffering_get_debugdata rockmem_buffering_get_debugdata
#define buffering_init rockmem_buffering_init
#define buffering_reset rockmem_buffering_reset
#define bufftell rockmem_bufftell
#define bufgetdata rockmem_bufgetdata
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
#define bufopen rockmem_bufopen
#define bufread rockmem_bufread
#define bufseek rockmem_bufseek
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
#define mmap_create rockmem_mmap_create
#define mmap_destroy rockmem_mmap_destroy
#define mmap_destroy_wait rockmem_mmap_destroy_wait
#define mmap_error rockmem_mmap_error
#define mmap_get rockmem_mmap_get
#define mmap_pagesize rockmem_mmap_pagesize
#define mmap_put rockmem_mmap_put
#define mmap_read rockmem_mmap_read
#define mmap_read_wait rockmem_mmap_read_wait
#define rm_close rockmem_rm_close
#define rm_filesize rockmem_rm_filesize
#define rm_get_stats rockmem_rm_get_stats
#define rm_lseek rockmem_rm_lseek
#define rm_open rockmem_rm_open
#define rm_read rockmem_rm_read
#endif

#endif /* ROCKMEM_PREFIX_H */
