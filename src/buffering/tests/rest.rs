//! The filler comes to rest. Its turns are taken by the test itself, on a clock of its own, so that nobody moves meanwhile:
//! no position, no allocation, and no reader wakes up, not even one who waits.
//!
//! ```text
//!   scene       pool, home, files, handles, positions, marks, memory of others: by the seed
//!   moves       jumps, steps, closing, blocks that come and go, with some turns of the filler between them
//!   rest        turn ─► turn ─► … ─► nothing to do, sleep ─► turn ─► …      a bounded number of turns and bytes, then none
//! ```
//!
//! A failure names its seed: `SEED=n ROUNDS=1 cargo test --lib rest` runs that one again.

use std::cell::RefCell;
use std::ffi::CString;
use std::format;
use std::vec::Vec;

use crate::buffering::fill::{Turns, turn};
use crate::buffering::handle::{Handle, Home, Kind, Want};
use crate::buffering::open::{close, open};
use crate::buffering::position::seek;
use crate::buffering::{Buffered, PIECE, budget, reset, set_base, set_watermark};
use crate::cache::Cached;
use crate::cache::segment::keep;
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::{Block, Region};
use crate::port::kernel::{Channel, HZ};
use crate::port::model::{Dice, Model, World};
use crate::port::monitor::Guard;
use crate::port::turns::{self, Run};

/// More turns in a row than any state needs: each reads something, or settles something once.
const TURNS: usize = 4000;
/// How often the filler may sleep before it must have nothing more to read, and how often it is looked at after that.
const SLEEPS: usize = 12;

/// A filler whose turns are the test's.
struct Filler {
    world: World,
    turns: Turns,
    run: Run,
}

impl Filler {
    fn new(seed: u64, pool: usize, region: Option<Region>) -> Filler {
        let run = turns::begin(seed);
        let world = World::new(pool);
        // No thread: the test takes its turns.
        world.enter().buffering().started = true;
        assert!(reset(&mut world.enter(), world.pool(), region));
        Filler { world, turns: Turns::default(), run }
    }

    fn enter(&self) -> Guard<Model> {
        self.world.enter()
    }

    /// Some turns; None: there is more to do.
    fn work(&mut self, most: usize) -> Option<Option<u32>> {
        let mut g = self.world.enter();
        (0..most).find_map(|_| turn(&mut g, &mut self.turns))
    }

    /// Turns until there is nothing to do for some time.
    fn until_it_sleeps(&mut self) -> Option<u32> {
        let before = self.read();
        let rest = self.work(TURNS);
        let read = self.read() - before;
        rest.unwrap_or_else(|| panic!("after {TURNS} turns, in which {read} bytes were read: {}", self.tell()))
    }

    /// Bytes read from the disk so far.
    fn read(&self) -> u64 {
        self.enter().maps().counts.bytes
    }

    /// Lets the filler rest; how many bytes it read before.
    fn rest(&mut self) -> u64 {
        let before = self.read();
        for _ in 0..SLEEPS {
            match self.until_it_sleeps() {
                None => return self.read() - before,
                Some(ticks) => self.enter().wait(Channel::Data, Some(ticks)),
            }
        }
        // Whatever was lost, an hour later everything may be filled again.
        self.enter().wait(Channel::Data, Some(3600 * HZ));
        for _ in 0..SLEEPS {
            if let Some(ticks) = self.until_it_sleeps() {
                self.enter().wait(Channel::Data, Some(ticks));
            }
        }
        let read = self.read() - before;
        for _ in 0..SLEEPS {
            if let Some(ticks) = self.until_it_sleeps() {
                self.enter().wait(Channel::Data, Some(ticks));
            }
        }
        let more = self.read() - before - read;
        assert!(more == 0, "{more} bytes more after {read}: {}", self.tell());
        read
    }

    fn tell(&self) -> std::string::String {
        let mut g = self.enter();
        let sums = budget::sums(&mut g);
        let b = g.buffering();
        let (limit, near, filling, rest) = (b.limit, b.near, b.filling, b.rest_until);
        let (most, mark) = (budget::most(&mut g), budget::low_mark(&mut g));
        let handles: Vec<_> = g
            .buffering()
            .all()
            .iter()
            .map(|h| (h.id, h.kind, h.pos, h.end, h.filesize, h.waiters, h.starved))
            .collect();
        format!(
            "limit {limit}, near {near}, most {most}, mark {mark}, filling {filling}, rest {rest:?}, {sums:?}, {handles:?}, {:?}",
            g.cache().counts
        )
    }

    /// Somebody waits for the next bytes of a stream, and does not wake up.
    fn wait_at(&self, handle: &Handle) {
        let Home::Stream { object } = handle.home else { return };
        let mut g = self.enter();
        let (near, to) = (g.buffering().near, handle.filesize.min(handle.pos + PIECE as u64));
        keep(g.maps(), object, handle.pos, to + near, handle.line);
        g.buffering().reading = handle.id;
        let handle = g.buffering().find(handle.id).expect("open");
        handle.want = Want { from: handle.pos, to };
        (handle.starved, handle.failed, handle.waiters) = (false, 0, 1);
    }

    /// Closes all, and lets the world end.
    fn end(self) {
        let mut g = self.enter();
        while let Some(id) = g.buffering().first() {
            close(&mut g, id);
        }
        g.buffering().started = false;
        drop(g);
        drop(self.world);
        drop(self.run);
    }
}

#[test]
fn a_stream_that_finds_no_more_memory_beside_a_file_that_lies_whole_lets_the_filler_sleep() {
    let mut filler = Filler::new(1, 8_000_000, None);
    filler.world.put_pattern("song", 12_000_000);
    filler.world.put_pattern("whole", 1_000_000);
    open(&mut filler.enter(), c"whole", 0, Kind::AtomicAudio, 0).unwrap();
    let pool = filler.world.pool();
    // No hole is left in which somebody who reads far ahead would begin a window.
    let mut blocks = Vec::new();
    while let (Some(wide), Some(wall)) = (Block::take_fixed(pool, 50_000), Block::take_fixed(pool, 500)) {
        blocks.push((wide, wall));
    }
    let walls: Vec<Block> = blocks.into_iter().map(|(wide, wall)| (wide.give(), wall).1).collect();
    let song = open(&mut filler.enter(), c"song", 0, Kind::PacketAudio, 0).unwrap();
    filler.enter().buffering().reading = song;
    filler.rest();
    let mut g = filler.enter();
    let (mark, useful) = (budget::low_mark(&mut g), budget::sums(&mut g).useful);
    let ahead = g.buffering().find(song).unwrap().useful();
    // That is the state meant: the stream alone is low, all together are not.
    assert!(ahead < mark && ahead >= g.buffering().near && useful >= mark, "{ahead} of {useful}, mark {mark}");
    drop(g);
    walls.into_iter().for_each(Block::give);
    filler.end();
}

#[test]
fn after_a_jump_as_much_is_read_ahead_as_before() {
    for region in [None, Some(4_000_000)] {
        let mut filler = Filler::new(1, 4_000_000, region.map(Region::for_test));
        filler.world.put_pattern("song", 40_000_000);
        let song = open(&mut filler.enter(), c"song", 20_000_000, Kind::PacketAudio, 0).unwrap();
        set_base(&mut filler.enter(), song);
        filler.rest();
        let before = budget::sums(&mut filler.enter()).ahead;
        for to in [3_000_000, 19_000_000, 2_000_000, 30_000_000, 10_000_000, 35_000_000] {
            seek(&mut filler.enter(), song, to).unwrap();
            filler.rest();
            let mut g = filler.enter();
            let ahead = budget::sums(&mut g).ahead;
            assert!(ahead > before / 10 * 9, "{ahead} after a jump to {to}, {before} before");
        }
        filler.end();
    }
}

/// One seed: what was read while nobody moved, and what may be.
fn still(seed: u64) -> (u64, u64) {
    let dice = RefCell::new(Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let below = |n: usize| dice.borrow_mut().below(n);
    let pool = [200_000, 400_000, 1_000_000, 3_000_000][below(4)] * (4 + below(4)) / 4;
    let region = (below(3) == 0).then(|| pool / 4 + below(pool)).map(Region::for_test);
    let bytes = pool + region.map_or(0, Region::bytes);
    let mut filler = Filler::new(seed, pool, region);
    let files = 1 + below(4);
    let paths: Vec<CString> = (0..files).map(|n| CString::new(format!("file {n}")).unwrap()).collect();
    for path in &paths {
        let size = [below(40_000), below(pool / 2), below(3 * pool)][below(3)];
        filler.world.put_pattern(path.to_str().unwrap(), size);
    }
    let mut held: Vec<Block> = Vec::new();
    let mut moves = below(60);
    while moves > 0 {
        moves -= 1;
        let ids: Vec<Handle> = filler.enter().buffering().all().to_vec();
        let one = (!ids.is_empty()).then(|| ids[below(ids.len().max(1))]);
        match (below(8), one) {
            (0 | 1, _) | (_, None) => {
                let kind = [Kind::PacketAudio, Kind::PacketAudio, Kind::AtomicAudio][below(3)];
                let _ = open(&mut filler.enter(), &paths[below(files)], below(pool) as u64, kind, 0);
            }
            (2 | 3, Some(handle)) => {
                let to = match below(3) {
                    0 => below(handle.filesize as usize + 1) as u64,
                    1 => handle.filesize.min(handle.pos + below(100_000) as u64),
                    _ => handle.pos.saturating_sub(below(100_000) as u64),
                };
                let _ = seek(&mut filler.enter(), handle.id, to);
            }
            (4, Some(handle)) => match below(4) {
                0 => close(&mut filler.enter(), handle.id),
                1 => set_watermark(&mut filler.enter(), below(pool)),
                _ => set_base(&mut filler.enter(), handle.id),
            },
            (5, _) => match below(3) {
                0 if !held.is_empty() => held.swap_remove(below(held.len())).give(),
                _ => {
                    let size = 1 + below([3000, pool / 4][below(2)]);
                    let block = Block::take_fixed(filler.world.pool(), size);
                    held.extend(block);
                }
            },
            (6, Some(handle)) => filler.wait_at(&handle),
            _ => drop(filler.work(below(30))),
        }
        let ticks = below(200) as u32;
        filler.enter().wait(Channel::Data, Some(ticks));
    }
    let read = filler.rest();
    held.into_iter().for_each(Block::give);
    filler.end();
    (read, bytes as u64)
}

#[test]
fn from_any_state_in_which_nobody_moves_the_filler_comes_to_rest() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("SEED").unwrap_or(1);
    for seed in first..first + number("ROUNDS").unwrap_or(150) {
        let result = std::panic::catch_unwind(|| still(seed));
        let Ok((read, bytes)) = result else { panic!("seed {seed}") };
        assert!(read <= bytes, "seed {seed}: {read} bytes were read into {bytes}");
    }
}
