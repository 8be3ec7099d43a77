//! A storm: allocations of all sizes that come and go at random moments, while music plays. Each is put before an
//! oracle first.

use std::collections::BTreeMap;

use rockmem::buflib::{HEADER, Pool, WORD};
use rockmem::mmap::mapping::{Mapped, Marks};
use rockmem::port::monitor::House;

use super::port::{Music, now};
use crate::oracle::{Kind, Piece, best_run, pieces};

/// Ten seconds of uncompressed music.
pub const TEN_SECONDS: usize = 10 * super::UNCOMPRESSED as usize;
/// Allocations that are alive at most.
const ALIVE: usize = 2;

/// The storm.
pub struct Storm {
    pool: Pool,
    base: usize,
    bytes: usize,
    dice: u64,
    /// When the next one comes, in microseconds, and how long it is until then on average.
    next: u64,
    pause: u64,
    left: usize,
    alive: Vec<i32>,
    /// Requests, and those that were served.
    pub asked: usize,
    pub given: usize,
    /// Requests of at most an eighth of the pool that were refused.
    pub small_refused: Vec<usize>,
    /// Requests that the oracle would have served and the pool refused.
    pub wrongly_refused: Vec<usize>,
    /// Those that the oracle thought would fit.
    pub fitting: usize,
}

impl Storm {
    /// So many requests from now on, over so many seconds.
    pub fn new(pool: Pool, base: usize, bytes: usize, requests: usize, seconds: u64, seed: u64) -> Storm {
        let pause = seconds * 1_000_000 / requests as u64;
        Storm {
            pool,
            base,
            bytes,
            dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            next: now() + pause,
            pause,
            left: requests,
            alive: Vec::new(),
            asked: 0,
            given: 0,
            small_refused: Vec::new(),
            wrongly_refused: Vec::new(),
            fitting: 0,
        }
    }

    fn below(&mut self, n: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 20) as usize % n.max(1)
    }

    /// Whatever is due happens.
    pub fn live(&mut self) {
        while self.left > 0 && now() >= self.next {
            self.next += 1 + self.below(2 * self.pause as usize) as u64;
            self.left -= 1;
            while self.alive.len() >= ALIVE || !self.alive.is_empty() && self.below(3) == 0 {
                let at = self.below(self.alive.len());
                self.pool.free(self.alive.swap_remove(at));
            }
            let size = 1024 + self.below(self.bytes / 3 - 1024);
            let fits = best_run(&self.pieces()) >= (size + TEN_SECONDS) / WORD + 2 * HEADER;
            let handle = self.pool.alloc(size, core::ptr::null());
            self.asked += 1;
            self.fitting += usize::from(fits);
            if handle > 0 {
                self.given += 1;
                self.alive.push(handle);
            } else {
                if size <= self.bytes / 8 {
                    self.small_refused.push(size);
                }
                if fits {
                    self.wrongly_refused.push(size);
                }
            }
        }
    }

    /// Frees what is alive.
    pub fn stop(&mut self) {
        self.alive.drain(..).for_each(|handle| assert_eq!(self.pool.free(handle), 0));
    }

    /// The pool: what the storm holds can be moved, segments can go unless somebody holds them, the rest is walls.
    fn pieces(&self) -> Vec<Piece> {
        let mut kinds = BTreeMap::new();
        let place = |handle| (self.pool.data(handle) as usize - self.base) / WORD - HEADER;
        for handle in &self.alive {
            kinds.insert(place(*handle), Kind::Movable);
        }
        let mut g = Music::monitor().enter();
        let maps = g.maps();
        for slot in 0..maps.slots() as u16 {
            let map = maps.at(slot);
            if map.marks.contains(Marks::USED | Marks::PURGEABLE) && map.loose() {
                kinds.insert(place(map.handle), Kind::Victim);
            }
        }
        drop(g);
        pieces(&self.pool, self.base, &kinds)
    }
}
