//! A trace through a real pool, as a cache of files would use it: what is there is touched, what is not is allocated
//! and read, and the pool takes back whatever it likes.

use super::clock::processor_time;
use super::thrash::{Memory, Want};
use super::traces::Access;
use rockmem::buflib::{CB_OK, Callbacks, Context, Pool, Priority, PurgeCallbacks, Stats, WORD};
use rockmem::port::advance;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};

/// Bytes that are read or played in a tick: 40 KB a second.
const BYTES_PER_TICK: u32 = 400;

thread_local! {
    /// The keys of live handles, and the other way round.
    static PIECES: RefCell<Pieces> = RefCell::default();
}

#[derive(Default)]
struct Pieces {
    keys: HashMap<c_int, u32>,
    handles: HashMap<u32, c_int>,
    /// Handles that went since somebody looked.
    gone: Vec<c_int>,
}

unsafe extern "C" fn moves(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    CB_OK
}

unsafe extern "C" fn goes(handle: c_int, _: *mut c_void, _: usize) -> c_int {
    PIECES.with_borrow_mut(|pieces| {
        if let Some(key) = pieces.keys.remove(&handle) {
            pieces.handles.remove(&key);
        }
        pieces.gone.push(handle);
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
    /// Bytes moved or purged, beside the least.
    pub touched: f64,
    /// Bytes purged, beside the least.
    pub purged: f64,
    /// The longest request, in nanoseconds of processor time.
    pub stall: u64,
}

/// A pool that holds pieces by key, beside what a bound says of each of its requests.
pub struct Ours {
    _ctx: Box<Context>,
    _words: Vec<usize>,
    pool: Pool,
    ticks: u32,
    sizes: HashMap<c_int, usize>,
    judged: bool,
    high: usize,
    /// Bytes that the free ones lacked, summed over requests: no fewer could be purged.
    pub lacked: usize,
    /// Occupied bytes of the emptiest range, summed over requests: no fewer could be moved or purged.
    pub occupied: usize,
    /// The longest request, in nanoseconds of processor time.
    pub stall: u64,
    /// All of them.
    pub spent: u64,
}

impl Ours {
    /// An empty one of `memory` bytes, in which each tick of [`Memory`] is `ticks` of the clock. `judged`: each request
    /// is held to its bounds, which takes time.
    pub fn new(memory: usize, ticks: u32, judged: bool) -> Ours {
        let (mut ctx, mut words) = (Box::new(Context::new()), vec![0_usize; memory / WORD]);
        // SAFETY: both live as long as the pool is used here, and are used by nobody else.
        let pool = unsafe {
            Pool::init(&mut *ctx, words.as_mut_ptr().cast(), memory);
            Pool::new(&mut *ctx)
        };
        PIECES.take();
        // One block stays, so that the lists and what they remember do.
        assert!(pool.alloc_purgeable(0, 0, Priority::Now, 0, &OPS) > 0);
        let sizes = HashMap::new();
        Ours {
            _ctx: ctx,
            _words: words,
            pool,
            ticks,
            sizes,
            judged,
            high: 0,
            lacked: 0,
            occupied: 0,
            stall: 0,
            spent: 0,
        }
    }

    /// Pins these pieces.
    #[allow(dead_code)] // the test of the traces includes this file and holds nothing
    pub fn hold(&mut self, keys: Vec<u32>) {
        PIECES.with_borrow(|pieces| {
            keys.iter().filter_map(|key| pieces.handles.get(key)).for_each(|&n| self.pool.pin(n))
        });
    }

    /// The pool's figures.
    pub fn stats(&self) -> Stats {
        self.pool.check_valid();
        self.pool.stats()
    }

    /// Makes a request, timed and judged: `bytes` is what it takes of the pool.
    fn request(&mut self, bytes: usize, make: impl FnOnce(Pool) -> c_int) -> c_int {
        let stats = self.pool.stats();
        // Before anything was purged there is room above the blocks.
        let (lacked, occupied) =
            if self.judged && stats.reclaimed().bytes > 0 { self.bounds(bytes, stats.free) } else { (0, 0) };
        let begun = processor_time();
        let handle = make(self.pool);
        if handle > 0 {
            let spent = processor_time() - begun;
            self.stall = self.stall.max(spent);
            self.spent += spent;
            self.lacked += lacked;
            self.occupied += occupied;
            self.forget_gone();
            self.sizes.insert(handle, bytes);
        }
        handle
    }

    fn forget_gone(&mut self) {
        PIECES.with_borrow_mut(|pieces| {
            for handle in pieces.gone.drain(..) {
                self.sizes.remove(&handle);
            }
        });
    }

    /// For a request of `need` bytes: the fewest that have to be purged, in whole blocks, and the fewest occupied ones
    /// of a range of the pool that is as long.
    fn bounds(&mut self, need: usize, free: usize) -> (usize, usize) {
        let lacked = match need.saturating_sub(free) {
            0 => 0,
            lacked => PIECES.with_borrow(|pieces| {
                let sizes = pieces.keys.keys().filter_map(|handle| self.sizes.get(handle));
                lacked.max(sizes.min().copied().unwrap_or(0))
            }),
        };
        let mut blocks: Vec<(usize, usize)> =
            self.sizes.iter().map(|(&handle, &bytes)| (self.pool.data(handle) as usize - HEADER, bytes)).collect();
        blocks.sort_unstable();
        // A range that begins where a block ends, or ends where one begins, is as good as any.
        let within = |from: usize, to: usize| -> usize {
            let first = blocks.partition_point(|block| block.0 + block.1 <= from);
            let inside = blocks[first..].iter().take_while(|block| block.0 < to);
            inside.map(|block| (block.0 + block.1).min(to) - block.0.max(from)).sum()
        };
        let low = self._words.as_ptr() as usize;
        // Above the highest block there was are the pool's own tables, once it was full.
        let high = blocks.last().map_or(low, |block| block.0 + block.1).max(self.high);
        self.high = high;
        let starts = blocks.iter().flat_map(|block| [block.0 + block.1, block.0.wrapping_sub(need)]).chain([low]);
        let fits = |start: &usize| *start >= low && *start + need <= high;
        let emptiest = starts.filter(fits).map(|start| within(start, start + need)).min().unwrap_or(0);
        (lacked, emptiest.max(lacked))
    }

    fn priority(want: Want) -> (Priority, usize) {
        match want {
            Want::Now => (Priority::Now, 0),
            Want::Soon(far) => (Priority::Soon, far),
            Want::Cached => (Priority::Cached, 0),
        }
    }
}

/// Bytes of a block's header, and of the record of a purgeable one.
const HEADER: usize = 4 * WORD;
const RECORD: usize = 6 * WORD;

impl Memory for Ours {
    fn alloc(&mut self, size: usize) -> Option<usize> {
        let handle = self.request(size.next_multiple_of(WORD) + HEADER, |pool| pool.alloc(size, &OPS.base));
        (handle > 0).then_some(handle as usize)
    }

    fn free(&mut self, block: usize) {
        self.sizes.remove(&(block as c_int));
        self.pool.free(block as c_int);
    }

    fn touch(&mut self, key: u32) -> bool {
        let handle = PIECES.with_borrow(|pieces| pieces.handles.get(&key).copied());
        handle.map(|handle| self.pool.touch(handle)).is_some()
    }

    fn has(&self, key: u32) -> bool {
        PIECES.with_borrow(|pieces| pieces.handles.contains_key(&key))
    }

    fn insert(&mut self, key: u32, bytes: usize, want: Want) {
        let (priority, far) = Self::priority(want);
        let total = bytes.next_multiple_of(WORD) + HEADER + RECORD;
        let handle = self.request(total, |pool| pool.alloc_purgeable(bytes, 0, priority, key as usize, &OPS));
        assert!(handle > 0, "a piece of {bytes} bytes finds no place");
        self.pool.set_priority(handle, priority, far);
        PIECES.with_borrow_mut(|pieces| {
            pieces.keys.insert(handle, key);
            pieces.handles.insert(key, handle);
        });
    }

    fn want(&mut self, key: u32, want: Want) {
        if let Some(handle) = PIECES.with_borrow(|pieces| pieces.handles.get(&key).copied()) {
            let (priority, far) = Self::priority(want);
            self.pool.set_priority(handle, priority, far);
        }
    }

    fn tick(&mut self) {
        advance(self.ticks);
    }

    fn moved(&self) -> usize {
        self.pool.stats().moved_bytes
    }
}

/// Replays in a pool of `memory` bytes.
pub fn replay(trace: &[Access], memory: usize, judged: bool) -> Replay {
    let mut ours = Ours::new(memory, 0, judged);
    let capacity = ours.pool.stats().free;
    let (mut hits, mut read) = (0, 0);
    for piece in trace {
        advance(piece.bytes.div_ceil(BYTES_PER_TICK));
        if ours.touch(piece.key) {
            hits += 1;
        } else {
            read += piece.bytes as usize;
            ours.insert(piece.key, piece.bytes as usize, Want::Cached);
        }
    }
    let stats = ours.stats();
    let touched = (stats.moved_bytes + stats.reclaimed().bytes) as f64 / ours.occupied.max(1) as f64;
    let purged = stats.reclaimed().bytes as f64 / ours.lacked.max(1) as f64;
    Replay {
        hits,
        capacity,
        overhead: HEADER + RECORD + WORD,
        read,
        moved: stats.moved_bytes,
        touched,
        purged,
        stall: ours.stall,
    }
}
