/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* Buffering: what a player opens, reads ahead and decodes from. The functions, types and error codes of the tree's
 * apps/buffering.h, over segments of the core pool in place of a ring.
 *
 * An allocation from the core pool by anybody during playback takes data that was played, then data that is far
 * ahead; playback goes on. Data in place of a ring may leave memory again: what a handle has is what it has now.
 *
 * TYPE_PACKET_AUDIO and TYPE_CODEC are streams; the other types lie whole in one block that does not move. Tags
 * (TYPE_ID3) and pictures (TYPE_BITMAP) are made by the program, which says how with `buffering_set_hooks`, and hears of
 * events in the same way; until it does, those two types are refused with ERR_UNSUPPORTED_TYPE.
 */

#ifndef ROCKMEM_BUFFERING_H
#define ROCKMEM_BUFFERING_H

#include "prefix.h"
#include "buffering_inline.h"

/*
 Figures of the handles, for a debug screen.
 */
struct buffering_debug
{
    /*
     Open handles.
     */
    int num_handles;
    /*
     Bytes in memory.
     */
    size_t buffered_data;
    /*
     Bytes that are not in memory yet.
     */
    size_t data_rem;
    /*
     Bytes in memory from the positions on, of the base handle and those opened after it.
     */
    size_t useful_data;
    /*
     The low mark.
     */
    size_t watermark;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Prepares buffering. Memory is taken, and the buffering thread started, by the first `buffering_reset`. In the tree
 this function is the glue's, which sets hooks and resets there.
 */
void buffering_init(void);

/*
 Says what the program does for buffering: parses tags, decodes pictures, hears events. NULL: nothing. To be called
 while no handle is open.

 The caller sees to it that:
 * `hooks` is NULL, or points to functions that can be called for as long as the program runs, on the threads and in
   the way that `struct buffering_hooks` tells.
 */
void buffering_set_hooks(const struct buffering_hooks *hooks);

/*
 Closes every handle and begins anew. With a region, data lives there until the next reset, when what is dirty there is
 written back and the region is the caller's again; with NULL and 0 it lives in the core pool, shared with everybody.
 False, and nothing can be opened, for less than 36 KB, or when the core pool has no room for the tables.

 A region in a block of the core pool is given back, and nothing can be opened, when `core_shrink` or `core_free` is
 called for that block, as by playback of the tree, which resets after that.

 The caller sees to it that:
 * The core pool was initialised.
 * `buf` is NULL, or `buflen` bytes that nobody else uses until the next reset.
 * No thread is inside another of these functions with a handle that was open before.
 */
bool buffering_reset(char *buf, size_t buflen);

/*
 Opens a file from `offset` on (0 if that is beyond its end): a handle above 0; ERR_FILE_ERROR; ERR_BUFFER_FULL when
 what the streams opened before have yet to read fills the budget, when a type that lies whole does not fit, or when
 there are too many handles; ERR_UNSUPPORTED_TYPE. Reading begins at once, on the buffering thread. TYPE_ID3 does not
 look whether there is such a file. TYPE_BITMAP is decoded before this returns; ERR_BITMAP_TOO_LARGE when it would fill
 the buffer as it is now, or does not fit though handles hold next to nothing; else ERR_BUFFER_FULL.

 When the file is changed meanwhile, a stream shows what is written, and ends where the file does. What lies whole keeps
 what was read of it, and has zeros where the file was cut before or after that.

 The caller sees to it that:
 * `file` is a C string.
 * `user_data` is what the program's decoder of pictures expects; for other types it has no meaning.
 */
int bufopen(const char *file, off_t offset, enum data_type type_, void *user_data);

/*
 Opens a handle over a copy of `size` bytes at `src`, or over as many bytes of any content if `src` is NULL: a
 handle, ERR_BUFFER_FULL or ERR_UNSUPPORTED_TYPE.

 The caller sees to it that:
 * `src` is NULL or readable for `size` bytes.
 */
int bufalloc(const void *src, size_t size, enum data_type type_);

/*
 Closes a handle. True: a handle that is not open is closed already. Threads that wait for its data are told.

 The caller sees to it that:
 * No pointer of `bufgetdata` from this handle is used any more.
 */
bool bufclose(int handle_id);

/*
 Moves the position to `newpos` bytes from the start of the file: 0, ERR_HANDLE_NOT_FOUND, or ERR_INVALID_VALUE
 beyond the end; ERR_BUFFER_FULL for a place before the offset at which a type that lies whole was opened, when there
 is no memory for what lies between. Never waits for data.

 The caller sees to it that:
 * After a jump out of what is in memory, pointers of `bufgetdata` from this handle are not used any more.
 */
int bufseek(int handle_id, size_t newpos);

/*
 Moves the position by `offset` bytes: 0, ERR_HANDLE_NOT_FOUND, or ERR_INVALID_VALUE before the start or beyond the
 end; ERR_BUFFER_FULL as `bufseek`. Never waits for data.

 The caller sees to it that:
 * As `bufseek`.
 */
int bufadvance(int handle_id, off_t offset);

/*
 The position, from the start of the file, or ERR_HANDLE_NOT_FOUND.
 */
off_t bufftell(int handle_id);

/*
 Copies `size` bytes from the position on to `dest` (0: all that is left), and waits until they are there; the
 position stays. The number of bytes, less than `size` only where the file ends or cannot be read on;
 ERR_HANDLE_NOT_FOUND, also when the handle is closed or signaled meanwhile; ERR_FILE_ERROR.

 The caller sees to it that:
 * `dest` is writable for `size` bytes, or for all that is left, and does not move meanwhile.
 */
ssize_t bufread(int handle_id, size_t size, void *dest);

/*
 Makes the file end at `size` bytes, as the handle sees it: `size`, or ERR_INVALID_VALUE when it is longer than the
 file or the handle is not open. What lies behind it is not read, not counted and not given.
 */
off_t bufstripsize(int handle_id, off_t size);

/*
 Points `data` at bytes from the position on and waits until they are there: how many there are in one piece. All of
 `size` (0: all that is left) for types that lie whole. For streams at least `size`, the rest of the file or 32 KB,
 whichever is least, and more where more lies together; less only when several streams cross from one segment to the
 next at once and the pool has no memory left, and after five seconds in which there was none for a stream. If there was
 none for a single byte, ERR_BUFFER_FULL then: perhaps the caller has it. ERR_HANDLE_NOT_FOUND and ERR_FILE_ERROR as
 `bufread`.

 The pointer is good until the handle is closed, jumps, moves past what it points to, or gives the next one.

 The caller sees to it that:
 * `data` is NULL or writable.
 */
ssize_t bufgetdata(int handle_id, size_t size, void **data);

/*
 Whether the handle is open.
 */
bool buf_is_handle(int handle_id);

/*
 The type it was opened with, or ERR_HANDLE_NOT_FOUND.
 */
int buf_handle_data_type(int handle_id);

/*
 The length of its file, or ERR_HANDLE_NOT_FOUND.
 */
off_t buf_filesize(int handle_id);

/*
 The offset of the first byte that is in memory without a gap up to the position, or ERR_HANDLE_NOT_FOUND.
 */
off_t buf_handle_offset(int handle_id);

/*
 How many bytes of the file, behind those that are in memory from the position on, are not there yet, or
 ERR_HANDLE_NOT_FOUND.
 */
off_t buf_handle_remaining(int handle_id);

/*
 Counts a wish that the handle's data stays in place. Data of atomic types never moves, and pointers into streams
 hold what they point to, so that the count changes nothing else. False if the handle is not open.
 */
bool buf_pin_handle(int handle_id, bool pin);

/*
 Calls waits for this handle's data off, now and until it is taken back: they end with ERR_HANDLE_NOT_FOUND. False
 if the handle is not open.
 */
bool buf_signal_handle(int handle_id, bool signal);

/*
 All that buffering may hold now, in bytes: it follows the core pool.
 */
size_t buf_length(void);

/*
 What open handles hold from their positions on, and atomic ones as a whole, in bytes.
 */
size_t buf_used(void);

/*
 Says which handle plays: it is filled first, and useful data is counted from it on.
 */
void buf_set_base_handle(int handle_id);

/*
 Below how many bytes of useful data reading begins again. 0: a quarter of what buffering may hold.
 */
void buf_set_watermark(size_t bytes);

/*
 The watermark that was set, at most three quarters of what buffering may hold.
 */
size_t buf_get_watermark(void);

/*
 Fills in the figures.

 The caller sees to it that:
 * `dbgdata` is writable.
 */
void buffering_get_debugdata(struct buffering_debug *dbgdata);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_BUFFERING_H */
