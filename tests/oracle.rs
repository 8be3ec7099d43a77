//! Refusals of small pools with purgeable blocks, put before an oracle that tries every arrangement.

#[path = "support/dice.rs"]
mod dice;
#[path = "oracle/oracle.rs"]
mod oracle;

use dice::Dice;
use oracle::{Kind, Piece, Verdict, best_row, best_run, judge, pieces};
use rockmem::buflib::{CB_CANNOT_MOVE, CB_OK, Callbacks, Context, HEADER, Pool, Priority, PurgeCallbacks, WORD};
use rockmem::port::{Asker, advance, set_asker};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::sync::Mutex;

/// Words of the record at the end of a purgeable block.
const RECORD: usize = 6;
/// Pools with more movable blocks than this are not searched.
const SEARCHED: usize = 14;

thread_local! {
    /// Handles that went.
    static GONE: RefCell<Vec<c_int>> = const { RefCell::new(Vec::new()) };
    /// Owners that refused to let their block be moved.
    static REFUSED: Cell<usize> = const { Cell::new(0) };
}

unsafe extern "C" fn agrees(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    CB_OK
}

unsafe extern "C" fn refuses(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    REFUSED.set(REFUSED.get() + 1);
    CB_CANNOT_MOVE
}

unsafe extern "C" fn goes(handle: c_int, _: *mut c_void, _: usize) -> c_int {
    GONE.with_borrow_mut(|gone| gone.push(handle));
    CB_OK
}

const fn moving(move_callback: unsafe extern "C" fn(c_int, *mut c_void, *mut c_void) -> c_int) -> Callbacks {
    Callbacks { move_callback: Some(move_callback), shrink_callback: None, sync_callback: None }
}

static ASKS: Callbacks = moving(agrees);
static REFUSES: Callbacks = moving(refuses);
static LOCKED: Callbacks = Callbacks { move_callback: None, shrink_callback: None, sync_callback: None };
static GOES: PurgeCallbacks = PurgeCallbacks { base: moving(agrees), free_callback: Some(goes), clean_callback: None };

#[derive(Clone, Copy, PartialEq)]
enum Owner {
    Movable,
    Fixed,
    /// Purgeable: its priority, whether it asked for an alignment.
    Cache(Priority, bool),
}

struct Block {
    owner: Owner,
    pins: u32,
    dirty: bool,
}

struct World {
    _ctx: Box<Context>,
    memory: Vec<usize>,
    pool: Pool,
    live: BTreeMap<c_int, Block>,
    dice: Dice,
}

impl World {
    fn new(words: usize, seed: u64) -> World {
        let (mut ctx, mut memory) = (Box::new(Context::new()), vec![0; words]);
        // SAFETY: both live as long as the world, and are used by nobody else.
        let pool = unsafe {
            Pool::init(&mut *ctx, memory.as_mut_ptr().cast(), words * WORD);
            Pool::new(&mut *ctx)
        };
        GONE.take();
        World { _ctx: ctx, memory, pool, live: BTreeMap::new(), dice: Dice(seed) }
    }

    /// The pool as this asker finds it.
    fn pieces(&self, asker: Asker) -> Vec<Piece> {
        let base = self.memory.as_ptr() as usize;
        let kinds = self.live.iter().map(|(&handle, block)| {
            let start = (self.pool.data(handle) as usize - base) / WORD - HEADER;
            (start, kind(block, asker))
        });
        pieces(&self.pool, base, &kinds.collect())
    }

    /// Whether the table is full, with something at its end, so that a handle takes room from the blocks for an
    /// extension. Slots of extensions there are already are overlooked.
    fn handle_takes_room(&self, pieces: &[Piece]) -> bool {
        // SAFETY: the context's first word is the address above the table.
        let top = unsafe { self.pool.context().cast::<usize>().read() };
        let end: usize = pieces.iter().map(|piece| piece.words).sum();
        let room = (top - self.memory.as_ptr() as usize) / WORD - end;
        let slots = room - room / usize::BITS as usize;
        let used = self.live.keys().filter(|&&handle| handle as usize <= room).count();
        used == slots && pieces.last().is_none_or(|piece| piece.kind != Kind::Free)
    }

    fn forget_the_gone(&mut self) -> usize {
        let gone = GONE.take();
        for handle in &gone {
            self.live.remove(handle);
        }
        gone.len()
    }

    fn pick(&mut self) -> Option<c_int> {
        let at = self.dice.below(self.live.len());
        self.live.keys().nth(at).copied()
    }

    fn free(&mut self, handle: c_int) {
        let block = self.live.remove(&handle).expect("alive");
        (0..block.pins).for_each(|_| self.pool.unpin(handle));
        self.pool.free(handle);
    }
}

fn kind(block: &Block, asker: Asker) -> Kind {
    let may_move = asker != Asker::FilePath;
    match block.owner {
        _ if block.pins > 0 => Kind::Wall,
        Owner::Cache(priority, _) if priority != Priority::Now && !block.dirty => Kind::Victim,
        Owner::Fixed | Owner::Cache(_, true) => Kind::Wall,
        Owner::Movable | Owner::Cache(..) if may_move => Kind::Movable,
        _ => Kind::Wall,
    }
}

/// What was found, over all pools.
#[derive(Debug, Default)]
struct Tally {
    requests: usize,
    refusals: usize,
    /// Refusals of pools small enough to be searched.
    searched: usize,
    /// Of these, what dealing the blocks out anew might still have served.
    packed: usize,
    /// Refusals where the handle table needed an extension, which takes room too.
    for_a_handle: usize,
    /// Purged by requests that were refused because an owner refused.
    in_vain: usize,
}

impl Tally {
    fn request(&mut self, world: &mut World, largest: usize, asker: Asker, seed: u64) {
        let purgeable = world.dice.below(5) < 3;
        let scale = world.dice.below(largest) + 1;
        let size = world.dice.below(scale);
        let aligned = purgeable && world.dice.below(6) == 0;
        let before = world.pieces(asker);
        let full = world.handle_takes_room(&before);
        REFUSED.set(0);
        let (handle, owner) = if purgeable {
            let priorities = [Priority::Now, Priority::Soon, Priority::Cached, Priority::Disposable];
            let priority = priorities[world.dice.below(4)];
            let align = if aligned { 64 } else { 0 };
            let key = world.dice.below(40);
            (world.pool.alloc_purgeable(size, align, priority, key, &GOES), Owner::Cache(priority, aligned))
        } else {
            let (ops, owner) = [
                (std::ptr::null(), Owner::Movable),
                (&raw const ASKS, Owner::Movable),
                (&raw const REFUSES, Owner::Fixed),
                (&raw const LOCKED, Owner::Fixed),
            ][world.dice.below(4)];
            (world.pool.alloc(size, ops), owner)
        };
        world.pool.check_valid();
        self.requests += 1;
        if handle > 0 {
            world.forget_the_gone();
            world.live.insert(handle, Block { owner, pins: 0, dirty: false });
            return;
        }
        self.refusals += 1;
        let gone = world.forget_the_gone();
        assert!(
            gone == 0 || REFUSED.get() > 0,
            "seed {seed}, {asker:?}: {gone} purged for {size} bytes that are refused in {before:?}"
        );
        self.in_vain += gone;
        let mut need = size.div_ceil(WORD) + HEADER + if purgeable { RECORD } else { 0 };
        if aligned {
            need += 64 / WORD - 1;
        }
        if full {
            self.for_a_handle += 1;
        } else if handle == -2 && (!purgeable || world.pool.stats().purgeable > 0) {
            let after = world.pieces(asker);
            self.appeal(&before, &after, need, asker, seed);
        }
    }

    /// A refusal before the oracle: as the pool was, if the handle table left the blocks their room, or as it is.
    fn appeal(&mut self, before: &[Piece], after: &[Piece], need: usize, asker: Asker, seed: u64) {
        let span = |pieces: &[Piece]| pieces.iter().map(|piece| piece.words).sum::<usize>();
        let then = if span(before) == span(after) { before } else { after };
        let most = if asker == Asker::FilePath { best_row(then) } else { best_run(then) };
        assert!(most < need, "seed {seed}, {asker:?}: {need} words refused, {most} can be had of {then:?}");
        if asker != Asker::FilePath && then.iter().filter(|piece| piece.kind == Kind::Movable).count() <= SEARCHED {
            self.searched += 1;
            self.packed += (judge(then, need) == Verdict::Packed) as usize;
        }
    }

    fn live(&mut self, words: usize, steps: usize, largest: usize, asker: Asker, seed: u64) {
        let mut world = World::new(words, seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let before = set_asker(asker);
        for _ in 0..steps {
            match (world.dice.below(12), world.pick()) {
                (0..=6, _) | (_, None) => self.request(&mut world, largest, asker, seed),
                (7 | 8, Some(handle)) => world.free(handle),
                (9, Some(handle)) => {
                    let block = world.live.get_mut(&handle).expect("alive");
                    if block.pins > 0 {
                        block.pins -= 1;
                        world.pool.unpin(handle);
                    } else if world.dice.below(3) == 0 {
                        block.pins += 1;
                        world.pool.pin(handle);
                    }
                }
                (10, Some(handle)) if matches!(world.live[&handle].owner, Owner::Cache(..)) => {
                    let dirty = world.dice.below(3) == 0;
                    world.pool.set_dirty(handle, dirty);
                    world.live.get_mut(&handle).expect("alive").dirty = dirty;
                    world.pool.touch(handle);
                }
                _ => advance(world.dice.below(500) as u32),
            }
        }
        set_asker(before);
    }
}

fn run(asker: Asker) {
    // They share the clock.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let mut tally = Tally::default();
    for seed in 1..=1000 {
        let words = 100 + (seed as usize * 37) % 900;
        tally.live(words, 60, words * WORD / 2, asker, seed);
    }
    assert!(tally.refusals > tally.requests / 50, "{tally:?}: too few to judge");
    println!("{asker:?}: {tally:?}");
}

#[test]
fn no_request_is_refused_that_sliding_and_purging_in_one_run_would_serve() {
    run(Asker::Anyone);
}

#[test]
fn playback_threads_are_refused_nothing_that_one_run_holds() {
    run(Asker::Playback);
}

#[test]
fn the_file_path_is_refused_nothing_that_stands_together() {
    run(Asker::FilePath);
}
