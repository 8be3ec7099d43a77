//! The pool against a shadow allocator: random actions on both, the pool validated after every step, every block's
//! bytes compared before it is freed, over many pool sizes.

#[path = "support/dice.rs"]
mod dice;

use dice::Dice;
use rockmem::buflib::{CB_CANNOT_MOVE, CB_OK, Callbacks, Context, Pool, WORD};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Movable,
    Asks,
    Refuses,
    Locked,
}

struct Shadow {
    start: usize,
    size: usize,
    seed: u8,
    pins: u32,
    kind: Kind,
}

thread_local! {
    static SYNCED: RefCell<i32> = const { RefCell::new(0) };
}

unsafe extern "C" fn agrees(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    CB_OK
}

unsafe extern "C" fn refuses(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    CB_CANNOT_MOVE
}

unsafe extern "C" fn sync(_: c_int, lock: bool) {
    SYNCED.with_borrow_mut(|depth| *depth += if lock { 1 } else { -1 });
}

static ASKS: Callbacks = Callbacks { move_callback: Some(agrees), shrink_callback: None, sync_callback: Some(sync) };
static REFUSES: Callbacks =
    Callbacks { move_callback: Some(refuses), shrink_callback: None, sync_callback: Some(sync) };
static LOCKED: Callbacks = Callbacks { move_callback: None, shrink_callback: None, sync_callback: None };

fn ops(kind: Kind) -> *const Callbacks {
    match kind {
        Kind::Movable => std::ptr::null(),
        Kind::Asks => &ASKS,
        Kind::Refuses => &REFUSES,
        Kind::Locked => &LOCKED,
    }
}

struct World {
    ctx: Box<Context>,
    _memory: Vec<usize>,
    live: BTreeMap<i32, Shadow>,
    dice: Dice,
}

impl World {
    fn new(words: usize, seed: u64) -> World {
        let mut ctx = Box::new(Context::new());
        let mut memory = vec![0xA5A5_A5A5; words];
        // SAFETY: the memory and the context live as long as the world, and are used by nobody else.
        unsafe { Pool::init(&mut *ctx, memory.as_mut_ptr().cast(), words * WORD) };
        World { ctx, _memory: memory, live: BTreeMap::new(), dice: Dice(seed) }
    }

    fn pool(&mut self) -> Pool {
        // SAFETY: initialised in `new`, boxed, so in its place.
        unsafe { Pool::new(&mut *self.ctx) }
    }

    fn bytes(&mut self, handle: i32) -> &mut [u8] {
        let size = self.live[&handle].size;
        let data = self.pool().data(handle);
        // SAFETY: the block is alive and has that size.
        unsafe { std::slice::from_raw_parts_mut(data, size) }
    }

    fn fill(&mut self, handle: i32) {
        let seed = self.live[&handle].seed;
        for (i, byte) in self.bytes(handle).iter_mut().enumerate() {
            *byte = seed.wrapping_add(i as u8);
        }
    }

    fn verify(&mut self, handle: i32) {
        let (seed, start) = (self.live[&handle].seed, self.live[&handle].start);
        let wrong = self.bytes(handle).iter().enumerate().find(|&(i, &b)| b != seed.wrapping_add(i as u8));
        assert!(wrong.is_none(), "block {handle} (from {start}) lost its bytes: {wrong:?}");
    }

    fn alloc(&mut self, size: usize, kind: Kind) -> i32 {
        let handle = self.pool().alloc(size, ops(kind));
        if handle > 0 {
            assert!(!self.live.contains_key(&handle), "handle {handle} was given twice");
            let seed = self.dice.roll() as u8;
            self.live.insert(handle, Shadow { start: 0, size, seed, pins: 0, kind });
            self.fill(handle);
        } else {
            assert!(handle == -1 || handle == -2);
        }
        handle
    }

    fn pick(&mut self) -> Option<i32> {
        let at = self.dice.below(self.live.len());
        self.live.keys().nth(at).copied()
    }

    fn free(&mut self, handle: i32) {
        self.verify(handle);
        assert_eq!(self.pool().free(handle), 0);
        self.live.remove(&handle);
    }

    fn shrink(&mut self, handle: i32) {
        self.verify(handle);
        let size = self.live[&handle].size;
        let front = self.dice.below(size + 1);
        let front = if self.dice.below(2) == 0 { front / WORD * WORD } else { front };
        let keep = self.dice.below(size - front + 1);
        let start = self.pool().data(handle).wrapping_add(front);
        assert!(self.pool().shrink(handle, start, keep));
        let block = self.live.get_mut(&handle).expect("alive");
        block.seed = block.seed.wrapping_add(front as u8);
        block.start += front;
        block.size = keep;
        self.verify(handle);
    }

    fn alloc_some(&mut self, largest: usize) {
        let scale = self.dice.below(largest) + 1;
        let size = self.dice.below(scale);
        let kinds = [Kind::Movable, Kind::Movable, Kind::Asks, Kind::Asks, Kind::Refuses, Kind::Locked];
        let kind = kinds[self.dice.below(6)];
        self.alloc(size, kind);
    }

    /// What the pool says can be had, can be had.
    fn alloc_most(&mut self) {
        let most = self.pool().allocatable();
        if most > 0 {
            let handle = self.alloc(most, Kind::Movable);
            assert!(handle > 0, "alloc(allocatable()) of {most} bytes failed: {handle}");
            if self.dice.below(2) == 0 {
                self.free(handle);
            }
        }
    }

    fn pin_some(&mut self) {
        if let Some(handle) = self.pick() {
            self.pool().pin(handle);
            self.live.get_mut(&handle).expect("alive").pins += 1;
        }
    }

    fn unpin_some(&mut self) {
        if let Some(handle) = self.pick()
            && self.live[&handle].pins > 0
        {
            self.pool().unpin(handle);
            self.live.get_mut(&handle).expect("alive").pins -= 1;
        }
    }

    fn step(&mut self, largest: usize) {
        let handles: Vec<i32> = self.live.keys().copied().collect();
        let before: Vec<(i32, usize, usize)> = handles
            .into_iter()
            .map(|handle| (handle, self.pool().data(handle) as usize, self.live[&handle].start))
            .collect();
        match self.dice.below(20) {
            0..=8 => self.alloc_some(largest),
            9..=14 => {
                if let Some(handle) = self.pick() {
                    self.free(handle);
                }
            }
            15 | 16 => {
                if let Some(handle) = self.pick() {
                    self.shrink(handle);
                }
            }
            17 => self.pin_some(),
            18 => self.unpin_some(),
            _ => self.alloc_most(),
        }
        self.pool().check_valid();
        assert_eq!(SYNCED.with_borrow(|depth| *depth), 0, "every sync(true) has its sync(false)");
        for (handle, address, start) in before {
            if let Some(block) = self.live.get(&handle)
                && (block.pins > 0 || matches!(block.kind, Kind::Refuses | Kind::Locked))
            {
                let (kind, cut) = (block.kind, block.start - start);
                assert_eq!(self.pool().data(handle) as usize, address + cut, "{kind:?} block {handle} moved");
            }
        }
    }
}

fn run(words: usize, steps: usize, seed: u64, largest: usize) {
    let mut world = World::new(words, seed);
    let fresh = world.pool().available();
    for _ in 0..steps {
        world.step(largest);
    }
    let handles: Vec<i32> = world.live.keys().copied().collect();
    for handle in handles {
        world.free(handle);
    }
    world.pool().check_valid();
    let left = world.pool().available();
    // The table keeps a reserve, larger than the first one.
    assert!(left + 64 * WORD >= fresh, "pool of {words} words, seed {seed}: {fresh} bytes became {left}");
}

macro_rules! shadow {
    ($($name:ident: $words:expr, $steps:expr, $largest:expr;)*) => {$(
        #[test]
        fn $name() {
            for seed in 1..=12u64 {
                run($words, $steps, seed.wrapping_mul(0x9E37_79B9_7F4A_7C15), $largest);
            }
        }
    )*};
}

shadow! {
    random_actions_keep_a_pool_of_50_words_whole: 50, 400, 60;
    random_actions_keep_a_pool_of_100_words_whole: 100, 600, 100;
    random_actions_keep_a_pool_of_1000_words_whole: 1000, 1500, 400;
    random_actions_keep_a_pool_of_6400_words_whole: 6400, 2500, 2000;
    random_actions_keep_a_pool_of_60000_words_whole: 60_000, 2500, 20_000;
    small_blocks_keep_a_pool_of_20000_words_whole: 20_000, 4000, 100;
}

#[test]
fn every_pool_size_from_one_word_on_is_valid_and_gives_what_it_says() {
    for words in 1..300 {
        let mut world = World::new(words, words as u64 + 1);
        let most = world.pool().allocatable();
        if most > 0 {
            assert!(world.alloc(most, Kind::Movable) > 0, "{words} words, {most} bytes");
        }
        world.pool().check_valid();
        let size = usize::MAX - words;
        assert!(world.pool().alloc(size, std::ptr::null()) < 0);
        world.pool().check_valid();
    }
}

#[test]
fn the_memory_of_a_pool_is_not_touched_before_the_first_allocation() {
    for words in [40, 100, 5000] {
        let mut world = World::new(words, 1);
        assert!(world._memory.iter().all(|&word| word == 0xA5A5_A5A5), "init wrote into the pool");
        let (available, most) = (world.pool().available(), world.pool().allocatable());
        assert_eq!((world.pool().num_blocks(), world.pool().free(-1)), (0, 0));
        world.pool().check_valid();
        // What its owner does with it meanwhile is the owner's business.
        world._memory.fill(usize::MAX);
        assert!(world.alloc(most, Kind::Movable) > 0);
        assert!(most <= available);
        world.pool().check_valid();
    }
}
