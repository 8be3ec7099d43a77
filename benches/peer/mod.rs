//! What other allocators do with the same requests. Only peers for comparison: nothing of the
//! library depends on them.

use rlsf::Tlsf;
use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

const POOL: usize = 8 << 20;
const FILLS: usize = 300;
const LARGEST: u64 = 10_000;

/// The generator of benches/c/bench.h, for the same numbers.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn range(&mut self, low: u64, high: u64) -> usize {
        (low + self.next() % (high - low + 1)) as usize
    }
}

/// Two-level segregated fit, with bins as fine as it has them, over one pool.
struct Heap<'pool> {
    tlsf: Tlsf<'pool, usize, usize, { usize::BITS as usize - 12 }, { usize::BITS as usize }>,
    blocks: Vec<(NonNull<u8>, usize)>,
}

impl Heap<'_> {
    fn alloc(&mut self, size: usize) -> Option<(NonNull<u8>, usize)> {
        let layout = Layout::from_size_align(size, align_of::<usize>()).ok()?;
        Some((self.tlsf.allocate(layout)?, size))
    }

    fn free(&mut self, block: (NonNull<u8>, usize)) {
        // SAFETY: the pointer came from `alloc` of this heap with this alignment, and the caller
        // took it out of `blocks`, so it is freed once.
        unsafe { self.tlsf.deallocate(block.0, align_of::<usize>()) }
    }

    /// As benches/c/heap.c: bytes in use when the first request does not fit.
    fn fill(&mut self, rng: &mut Rng) -> usize {
        loop {
            let dice = rng.range(0, 9);
            if dice <= 4 {
                let size = rng.range(1, LARGEST);
                match self.alloc(size) {
                    Some(block) => self.blocks.push(block),
                    None => break,
                }
            } else if !self.blocks.is_empty() {
                let at = rng.range(0, self.blocks.len() as u64 - 1);
                if dice == 5 {
                    let block = self.blocks.swap_remove(at);
                    self.free(block);
                } else {
                    // The copy is left out: it does not change what fits.
                    match self.alloc(rng.range(1, LARGEST)) {
                        Some(block) => {
                            let old = std::mem::replace(&mut self.blocks[at], block);
                            self.free(old);
                        }
                        None => break,
                    }
                }
            }
        }
        self.blocks.iter().map(|block| block.1).sum()
    }
}

/// Heap efficiency of the crate rlsf, in percent, by the method of benches/c/heap.c.
pub fn heap_used_by_rlsf() -> f64 {
    let mut pool = vec![MaybeUninit::<u8>::uninit(); POOL];
    let mut rng = Rng(5);
    let mut used = 0;
    for _ in 0..FILLS {
        let mut heap = Heap { tlsf: Tlsf::new(), blocks: Vec::new() };
        heap.tlsf.insert_free_block(&mut pool);
        used += heap.fill(&mut rng);
    }
    100.0 * used as f64 / (POOL * FILLS) as f64
}
