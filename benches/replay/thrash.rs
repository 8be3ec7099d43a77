//! A storm of allocations over a pool that is full of cached pieces, while a stream needs its next 512 KB.
//!
//! ```text
//!   storm    64 B to 1 MB, the oldest freed beyond a quarter of the pool ──┐
//!   stream   windows of 64 KB: two needed now, six soon, the rest behind ──┼──► ours, or the reference
//!   user     Zipf over pieces of 4 to 64 KB ───────────────────────────────┘
//! ```
//!
//! Counted: bytes that were in memory once and had to be read again. The bound for a request: of all ranges of the
//! pool as long as it, the one with the fewest occupied bytes; each of those has to be moved or purged by anybody, since
//! the request ends up in some range. And of those, no fewer are purged than are missing from the free ones.

use super::traces::Rng;
use std::collections::{HashMap, HashSet, VecDeque};

/// How much a piece is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Within seconds.
    Now,
    /// Later: so many windows away.
    Soon(usize),
    /// Perhaps.
    Cached,
}

/// What is replayed on: a pool that holds pieces by key, and blocks that stay.
pub trait Memory {
    /// A block that stays, named by a number.
    fn alloc(&mut self, size: usize) -> Option<usize>;
    /// Frees it.
    fn free(&mut self, block: usize);
    /// Whether a piece is there; then it was used.
    fn touch(&mut self, key: u32) -> bool;
    /// Whether a piece is there.
    fn has(&self, key: u32) -> bool;
    /// Takes a piece in.
    fn insert(&mut self, key: u32, bytes: usize, want: Want);
    /// Says how much a piece is wanted that may be there.
    fn want(&mut self, key: u32, want: Want);
    /// Time goes on.
    fn tick(&mut self);
    /// Bytes moved so far.
    fn moved(&self) -> usize;
}

/// What was counted.
#[derive(Default)]
pub struct Storm {
    /// Bytes that the storm allocated.
    pub allocated: usize,
    /// Bytes read again.
    pub again: usize,
    /// Bytes of the stream's next 512 KB among them.
    pub stream: usize,
    /// Requests refused.
    pub refused: usize,
    /// Bytes moved.
    pub moved: usize,
}

const WINDOW: usize = 64 << 10;
const STREAM: u32 = 1 << 20;
const AHEAD: u32 = 8;
const NOW: u32 = 2;
/// Steps of the storm for each window that is played: 64 KB in a second and a half.
const STEPS: u32 = 15;

struct Run<'a, M> {
    memory: &'a mut M,
    seen: HashSet<u32>,
    storm: Storm,
}

impl<M: Memory> Run<'_, M> {
    fn need(&mut self, key: u32, bytes: usize, want: Want) {
        if want == Want::Cached && self.memory.touch(key) || want != Want::Cached && self.memory.has(key) {
            return;
        }
        if !self.seen.insert(key) {
            self.storm.again += bytes;
            if want != Want::Cached {
                self.storm.stream += bytes;
            }
        }
        self.memory.insert(key, bytes, want);
    }
}

/// Runs `steps` of the storm over a memory of `bytes`.
pub fn run(memory: &mut impl Memory, bytes: usize, steps: u32) -> Storm {
    let mut run = Run { memory, seen: HashSet::new(), storm: Storm::default() };
    let mut rng = Rng(7);
    let pieces: Vec<usize> = (0..bytes / 20_000 * 2).map(|_| 4096 << rng.below(5)).collect();
    let (mut live, mut held) = (VecDeque::new(), 0);
    for step in 0..steps {
        run.memory.tick();
        let playing = STREAM + step / STEPS;
        if step % STEPS == 0 {
            run.memory.want(playing.saturating_sub(1), Want::Cached);
        }
        // The fill loop tops the stream up after each request of the storm.
        for key in playing..playing + AHEAD {
            let far = key - playing;
            let want = if far < NOW { Want::Now } else { Want::Soon(far as usize) };
            run.need(key, WINDOW, want);
            run.memory.want(key, want);
        }
        // The lower of two throws: some pieces are wanted far more often than others.
        let piece = rng.below(pieces.len()).min(rng.below(pieces.len()));
        run.need(piece as u32 + 1, pieces[piece], Want::Cached);
        let size = 64_usize << rng.below(14);
        let size = size + rng.below(size);
        let size = size.min(1 << 20);
        while held + size > bytes / 4
            && let Some((block, size)) = live.pop_front()
        {
            run.memory.free(block);
            held -= size;
        }
        run.storm.allocated += size;
        match run.memory.alloc(size) {
            Some(block) => {
                live.push_back((block, size));
                held += size;
            }
            None => run.storm.refused += 1,
        }
    }
    run.storm.moved = run.memory.moved();
    run.storm
}

/// The reference: first fit, all blocks slid down when no hole is large enough, the least recently used piece evicted
/// when there are not enough free bytes. It knows no wants.
pub struct FirstFit {
    size: usize,
    /// In the order of addresses: where, how long, which.
    blocks: Vec<(usize, usize, usize)>,
    pieces: HashMap<u32, (usize, u64)>,
    keys: HashMap<usize, u32>,
    next: usize,
    now: u64,
    moved: usize,
}

/// Bytes beyond the data, for the reference as for ours.
const OVERHEAD: usize = 40;

impl FirstFit {
    /// An empty one.
    pub fn new(size: usize) -> FirstFit {
        let (pieces, keys) = (HashMap::new(), HashMap::new());
        FirstFit { size, blocks: Vec::new(), pieces, keys, next: 1, now: 0, moved: 0 }
    }

    fn hole(&self, need: usize) -> Option<(usize, usize)> {
        let mut end = 0;
        for (at, &(start, len, _)) in self.blocks.iter().enumerate() {
            if start - end >= need {
                return Some((at, end));
            }
            end = start + len;
        }
        (self.size - end >= need).then_some((self.blocks.len(), end))
    }

    fn compact(&mut self) {
        let mut end = 0;
        for block in &mut self.blocks {
            if block.0 != end {
                self.moved += block.1;
                block.0 = end;
            }
            end += block.1;
        }
    }

    fn place(&mut self, size: usize) -> Option<usize> {
        let need = size.next_multiple_of(8) + OVERHEAD;
        loop {
            if let Some((at, start)) = self.hole(need) {
                self.blocks.insert(at, (start, need, self.next));
                self.next += 1;
                return Some(self.next - 1);
            }
            let used: usize = self.blocks.iter().map(|block| block.1).sum();
            if self.size - used >= need {
                self.compact();
                continue;
            }
            let (&key, &(block, _)) = self.pieces.iter().min_by_key(|(_, piece)| piece.1)?;
            self.pieces.remove(&key);
            self.keys.remove(&block);
            self.free(block);
        }
    }
}

impl Memory for FirstFit {
    fn alloc(&mut self, size: usize) -> Option<usize> {
        self.place(size)
    }

    fn free(&mut self, block: usize) {
        self.blocks.retain(|other| other.2 != block);
    }

    fn touch(&mut self, key: u32) -> bool {
        self.now += 1;
        self.pieces.get_mut(&key).map(|piece| piece.1 = self.now).is_some()
    }

    fn has(&self, key: u32) -> bool {
        self.pieces.contains_key(&key)
    }

    fn insert(&mut self, key: u32, bytes: usize, _: Want) {
        self.now += 1;
        if let Some(block) = self.place(bytes) {
            self.pieces.insert(key, (block, self.now));
            self.keys.insert(block, key);
        }
    }

    fn want(&mut self, _: u32, _: Want) {}

    fn tick(&mut self) {}

    fn moved(&self) -> usize {
        self.moved
    }
}
