//! Numbers at random, the same in every run: a failure is its seed.

#![allow(dead_code)] // each test takes what it needs

/// A small generator (xorshift64*). Its seed is not 0.
pub struct Dice(pub u64);

impl Dice {
    /// The next number, of 53 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    /// A number below `n`; 0 if that is 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }
}
