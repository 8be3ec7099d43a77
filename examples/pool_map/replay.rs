//! A trace, done to a real pool, and what is seen of it: after every operation the pool's map is read, as any program could.

use crate::trace::{Deed, Operation, Trace};
use rockmem::buflib::{CB_OK, Callbacks, Context, Pool, PurgeCallbacks, Stats};
use rockmem::port::advance;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::{c_int, c_void};

/// Ticks of the pool's clock that an operation takes: what was used half a minute of operations ago is not recent.
const TICKS: u32 = 10;

/// A stretch of time in which nothing changed for a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first operation after which it was so, and the first after which it was not.
    pub steps: std::ops::Range<usize>,
    /// Bytes from the pool's first block on.
    pub offset: usize,
    /// Bytes, header included.
    pub size: usize,
    /// As in the map.
    pub what: String,
}

/// How a block ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It did not.
    Alive,
    Freed,
    Reclaimed,
}

/// A block from its allocation to its end.
#[derive(Debug)]
pub struct Life {
    /// What the trace calls it; the pool's own blocks are called as in the map.
    pub name: String,
    /// None for the pool's own.
    pub handle: Option<c_int>,
    pub pieces: Vec<Piece>,
    pub end: End,
}

/// All that there is to draw.
pub struct Story {
    /// Bytes of the pool.
    pub pool: usize,
    /// Operations.
    pub steps: usize,
    pub lives: Vec<Life>,
    /// The operations that got no memory, and the bytes that they wanted.
    pub refused: Vec<(usize, usize)>,
    /// After each operation: free bytes, and the largest hole.
    pub room: Vec<(usize, usize)>,
    pub stats: Stats,
}

thread_local! {
    /// Handles whose blocks were reclaimed, and the pool that asks for it.
    static TAKEN: RefCell<Vec<c_int>> = const { RefCell::new(Vec::new()) };
    static POOL: RefCell<Option<Pool>> = const { RefCell::new(None) };
}

extern "C" fn moves(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    CB_OK
}

extern "C" fn goes(handle: c_int, _: *mut c_void, _: usize) -> c_int {
    TAKEN.with_borrow_mut(|taken| taken.push(handle));
    CB_OK
}

extern "C" fn cleans(handle: c_int) -> c_int {
    if let Some(pool) = POOL.with_borrow(|pool| *pool) {
        pool.set_dirty(handle, false);
    }
    CB_OK
}

static LOCKED: Callbacks = Callbacks { move_callback: None, shrink_callback: None, sync_callback: None };
static PURGEABLE: PurgeCallbacks = PurgeCallbacks {
    base: Callbacks { move_callback: Some(moves), shrink_callback: None, sync_callback: None },
    free_callback: Some(goes),
    clean_callback: Some(cleans),
};

/// What the trace's names stand for, and what it did to them.
#[derive(Clone, Copy, Default)]
struct Held {
    handle: c_int,
    purgeable: bool,
    pins: u32,
    transfers: u32,
}

/// Does a trace to a pool of its size.
pub fn replay(trace: &Trace) -> Story {
    let mut memory = vec![0_u64; trace.pool.div_ceil(8)];
    let mut context = Box::new(Context::new());
    // SAFETY: both live until the end of this function, and nobody else uses them.
    let pool = unsafe {
        Pool::init(&mut *context, memory.as_mut_ptr().cast(), trace.pool);
        Pool::new(&mut *context)
    };
    POOL.set(Some(pool));
    TAKEN.take();
    let mut story = Story {
        pool: trace.pool,
        steps: trace.operations.len(),
        lives: Vec::new(),
        refused: Vec::new(),
        room: Vec::new(),
        stats: Stats::default(),
    };
    let (mut held, mut alive) = (HashMap::new(), HashMap::new());
    for (step, operation) in trace.operations.iter().enumerate() {
        let refused = perform(pool, operation, &mut held);
        advance(TICKS);
        story.refused.extend(refused.map(|bytes| (step, bytes)));
        for handle in TAKEN.take() {
            story.finish(&mut alive, Key::Handle(handle), step, End::Reclaimed);
            held.retain(|_, held| held.handle != handle);
        }
        story.look(pool, step, &held, &mut alive);
        let stats = pool.stats();
        story.room.push((stats.free, stats.largest_hole));
    }
    for life in alive.into_values() {
        story.close(life, story.steps);
    }
    story.lives.sort_by_key(|life| life.pieces.first().map(|piece| (piece.steps.start, piece.offset)));
    story.stats = pool.stats();
    POOL.set(None);
    story
}

/// Does one operation; the bytes that it wanted and did not get.
fn perform(pool: Pool, operation: &Operation, held: &mut HashMap<String, Held>) -> Option<usize> {
    let name = &operation.name;
    let (size, purgeable, handle) = match operation.deed {
        Deed::Alloc { .. } | Deed::Purgeable { .. } if held.contains_key(name) => return None,
        Deed::Alloc { size, locked } => {
            (size, false, pool.alloc(size, if locked { &LOCKED } else { std::ptr::null() }))
        }
        Deed::Purgeable { size, priority } => {
            (size, true, pool.alloc_purgeable(size, 0, priority, key(name), &PURGEABLE))
        }
        deed => {
            if let Some(block) = held.get_mut(name) {
                change(pool, deed, block);
                if deed == Deed::Free {
                    held.remove(name);
                }
            }
            return None;
        }
    };
    if handle <= 0 {
        return Some(size);
    }
    held.insert(name.clone(), Held { handle, purgeable, ..Held::default() });
    None
}

/// What the owner of a block calls its data: never 0.
fn key(name: &str) -> usize {
    name.bytes().fold(5381_usize, |key, byte| key.wrapping_mul(33) ^ byte as usize) | 1
}

/// What a trace asks of a block that it may not ask is left undone.
fn change(pool: Pool, deed: Deed, block: &mut Held) {
    let handle = block.handle;
    match deed {
        Deed::Free => drop(pool.free(handle)),
        Deed::Shrink(size) => drop(pool.shrink(handle, std::ptr::null_mut(), size)),
        Deed::Pin => {
            block.pins += 1;
            pool.pin(handle);
        }
        Deed::Unpin if block.pins > 0 => {
            block.pins -= 1;
            pool.unpin(handle);
        }
        _ if !block.purgeable => {}
        Deed::Want(priority) => pool.set_priority(handle, priority, 0),
        Deed::Touch => pool.touch(handle),
        Deed::Dirty(dirty) => pool.set_dirty(handle, dirty),
        Deed::Io(true) if block.transfers < 255 => {
            block.transfers += 1;
            pool.io_begin(handle);
        }
        Deed::Io(false) if block.transfers > 0 => {
            block.transfers -= 1;
            pool.io_end(handle);
        }
        _ => {}
    }
}

/// How a block is known from one map to the next.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Handle(c_int),
    /// The pool's own, by where it is.
    Own(usize, String),
}

impl Story {
    /// Reads the pool's map after operation `step`.
    fn look(&mut self, pool: Pool, step: usize, held: &HashMap<String, Held>, alive: &mut HashMap<Key, Life>) {
        let mut seen = Vec::new();
        let (mut from, mut text) = (0, vec![0; 1 << 16]);
        loop {
            from = pool.map(from, &mut text);
            let end = text.iter().position(|&byte| byte == 0).unwrap_or(0);
            seen.extend(String::from_utf8_lossy(&text[..end]).lines().filter_map(|line| read(line, step)));
            if from == 0 {
                break;
            }
        }
        let there: HashSet<&Key> = seen.iter().map(|(key, _)| key).collect();
        let gone: Vec<Key> = alive.keys().filter(|key| !there.contains(key)).cloned().collect();
        for key in gone {
            self.finish(alive, key, step, End::Freed);
        }
        for (key, piece) in seen {
            let life = alive.entry(key).or_insert_with_key(|key| {
                let (name, handle) = match key {
                    Key::Own(_, what) => (what.clone(), None),
                    Key::Handle(handle) => {
                        let name = held.iter().find(|(_, held)| held.handle == *handle).map(|(name, _)| name.clone());
                        (name.unwrap_or_default(), Some(*handle))
                    }
                };
                Life { name, handle, pieces: Vec::new(), end: End::Alive }
            });
            match life.pieces.last_mut() {
                Some(last) if last.offset == piece.offset && last.size == piece.size && last.what == piece.what => {}
                last => {
                    if let Some(last) = last {
                        last.steps.end = step;
                    }
                    life.pieces.push(piece);
                }
            }
        }
    }

    fn finish(&mut self, alive: &mut HashMap<Key, Life>, key: Key, step: usize, end: End) {
        if let Some(mut life) = alive.remove(&key) {
            life.end = end;
            self.close(life, step);
        }
    }

    fn close(&mut self, mut life: Life, step: usize) {
        if let Some(last) = life.pieces.last_mut() {
            last.steps.end = step;
        }
        self.lives.push(life);
    }
}

/// A line of the map, if it is a block's.
fn read(line: &str, step: usize) -> Option<(Key, Piece)> {
    let mut words = line.split_whitespace();
    let (offset, size) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let handle = words.next()?;
    let what = words.collect::<Vec<_>>().join(" ");
    let key = match handle.parse() {
        Ok(handle) => Key::Handle(handle),
        Err(_) if what == "free" || what == "unused" => return None,
        // The table and the index at the pool's end grow and shrink, but they are always there.
        Err(_) if what == "index" => Key::Own(0, what.clone()),
        Err(_) => Key::Own(offset, what.clone()),
    };
    Some((key, Piece { steps: step..step + 1, offset, size, what }))
}
