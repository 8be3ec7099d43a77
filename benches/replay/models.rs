//! What other policies would have made of a trace, in as many bytes and without fragmentation.

use super::traces::Access;
use std::collections::{BTreeMap, HashMap};

/// A memory that counts bytes; pieces ordered by a rank, of which the lowest goes.
struct Memory {
    capacity: usize,
    overhead: usize,
    used: usize,
    ranks: HashMap<u32, (u64, usize)>,
    order: BTreeMap<u64, u32>,
    hits: usize,
}

impl Memory {
    fn new(capacity: usize, overhead: usize) -> Memory {
        Memory { capacity, overhead, used: 0, ranks: HashMap::new(), order: BTreeMap::new(), hits: 0 }
    }

    fn hit(&mut self, key: u32) -> bool {
        let hit = self.ranks.contains_key(&key);
        self.hits += hit as usize;
        hit
    }

    fn rank(&mut self, key: u32, rank: u64) {
        if let Some(entry) = self.ranks.get_mut(&key) {
            self.order.remove(&entry.0);
            self.order.insert(rank, key);
            entry.0 = rank;
        }
    }

    fn insert(&mut self, piece: Access, rank: u64) {
        let bytes = piece.bytes as usize + self.overhead;
        while self.used + bytes > self.capacity
            && let Some((_, victim)) = self.order.pop_first()
            && let Some((_, bytes)) = self.ranks.remove(&victim)
        {
            self.used -= bytes;
        }
        self.used += bytes;
        self.ranks.insert(piece.key, (rank, bytes));
        self.order.insert(rank, piece.key);
    }
}

/// Hits of least recently used.
pub fn lru(trace: &[Access], capacity: usize, overhead: usize) -> usize {
    let mut memory = Memory::new(capacity, overhead);
    for (now, &piece) in (0..).zip(trace) {
        if memory.hit(piece.key) {
            memory.rank(piece.key, now);
        } else {
            memory.insert(piece, now);
        }
    }
    memory.hits
}

/// Hits of first in, first out.
pub fn fifo(trace: &[Access], capacity: usize, overhead: usize) -> usize {
    let mut memory = Memory::new(capacity, overhead);
    for (now, &piece) in (0..).zip(trace) {
        if !memory.hit(piece.key) {
            memory.insert(piece, now);
        }
    }
    memory.hits
}

/// Hits of Belady's rule, who knows the future: what is wanted again last goes, or where pieces differ in size the
/// one of the largest product of distance and size, whichever does better. The optimum where all are of one size.
pub fn belady(trace: &[Access], capacity: usize, overhead: usize) -> usize {
    let mut next = vec![usize::MAX; trace.len()];
    let mut seen = HashMap::new();
    for (now, piece) in trace.iter().enumerate().rev() {
        next[now] = seen.insert(piece.key, now).unwrap_or(2 * trace.len());
    }
    let by = |sized: bool| {
        let mut memory: HashMap<u32, (usize, usize)> = HashMap::new();
        let (mut used, mut hits) = (0, 0);
        for (now, piece) in trace.iter().enumerate() {
            let bytes = piece.bytes as usize + overhead;
            if let Some((_, old)) = memory.insert(piece.key, (next[now], bytes)) {
                hits += 1;
                used -= old;
            }
            used += bytes;
            while used > capacity {
                let dear = |&(again, bytes): &(usize, usize)| (again - now) * if sized { bytes } else { 1 };
                let others = memory.iter().filter(|(key, _)| **key != piece.key);
                let Some(victim) = others.max_by_key(|(key, value)| (dear(value), **key)).map(|(key, _)| *key) else {
                    break;
                };
                used -= memory.remove(&victim).map_or(0, |(_, bytes)| bytes);
            }
        }
        hits
    };
    by(false).max(if trace.iter().any(|piece| piece.bytes != trace[0].bytes) { by(true) } else { 0 })
}
