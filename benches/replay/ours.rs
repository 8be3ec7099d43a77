//! A trace through a real pool, as a cache of files would use it: what is there is touched, what is not is allocated
//! and read, and the pool takes back whatever it likes.

use super::traces::Access;
use rockmem::buflib::{CB_OK, Callbacks, Context, Pool, Priority, PurgeCallbacks, WORD};
use rockmem::port::advance;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};

/// Bytes that are read or played in a tick: 40 KB a second.
const BYTES_PER_TICK: u32 = 400;

thread_local! {
    /// The keys of live handles, and the other way round.
    static PIECES: RefCell<(HashMap<c_int, u32>, HashMap<u32, c_int>)> = RefCell::default();
}

unsafe extern "C" fn moves(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    CB_OK
}

unsafe extern "C" fn goes(handle: c_int, _: *mut c_void, _: usize) -> c_int {
    PIECES.with_borrow_mut(|(keys, handles)| {
        if let Some(key) = keys.remove(&handle) {
            handles.remove(&key);
        }
    });
    CB_OK
}

static OPS: PurgeCallbacks = PurgeCallbacks {
    base: Callbacks { move_callback: Some(moves), shrink_callback: None, sync_callback: None },
    free_callback: Some(goes),
    clean_callback: None,
};

/// What a replay counted.
pub struct Replay {
    /// Uses that found their piece.
    pub hits: usize,
    /// Bytes that the pool has for blocks.
    pub capacity: usize,
    /// Bytes that a block takes beyond its data.
    pub overhead: usize,
    /// Bytes of pieces that were not there, and were read.
    pub read: usize,
    /// Bytes of blocks moved.
    pub moved: usize,
}

/// Replays in a pool of `memory` bytes.
pub fn replay(trace: &[Access], memory: usize) -> Replay {
    let (mut ctx, mut words) = (Box::new(Context::new()), vec![0_usize; memory / WORD]);
    // SAFETY: both live until the end of this function, and are used by nobody else.
    let pool = unsafe {
        Pool::init(&mut *ctx, words.as_mut_ptr().cast(), memory);
        Pool::new(&mut *ctx)
    };
    PIECES.take();
    let first = trace.first().map_or(0, |piece| piece.bytes as usize);
    // One block stays, so that the pool's figures do.
    let keep = pool.alloc_purgeable(0, 0, Priority::Now, 0, &OPS);
    let capacity = pool.purge_stats().free;
    let probe = pool.alloc_purgeable(first, 0, Priority::Cached, 0, &OPS);
    let overhead = capacity - pool.purge_stats().free - first + WORD;
    assert!(keep > 0 && probe > 0);
    pool.free(probe);
    let (mut hits, mut read) = (0, 0);
    for piece in trace {
        advance(piece.bytes.div_ceil(BYTES_PER_TICK));
        if let Some(handle) = PIECES.with_borrow(|(_, handles)| handles.get(&piece.key).copied()) {
            hits += 1;
            pool.touch(handle);
            continue;
        }
        read += piece.bytes as usize;
        let handle = pool.alloc_purgeable(piece.bytes as usize, 0, Priority::Cached, piece.key as usize, &OPS);
        assert!(handle > 0, "a piece of {} bytes finds no place", piece.bytes);
        PIECES.with_borrow_mut(|(keys, handles)| {
            keys.insert(handle, piece.key);
            handles.insert(piece.key, handle);
        });
    }
    pool.check_valid();
    Replay { hits, capacity, overhead, read, moved: pool.purge_stats().moved_bytes }
}
