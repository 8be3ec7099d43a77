//! Processor time of a read that hits: one byte at a time. What the players' port takes says benches/c/hit.c.

use rockmem::port::kernel::Kernel;

use crate::clock::processor_time;
use crate::disk::files::{Files, Mode};
use crate::disk::ours::Ours;
use crate::disk::port::Plain;
use crate::work::pattern;

const BYTES: usize = 1 << 20;
const ROUNDS: usize = 7;

/// Nanoseconds of one of `times` steps, the least of several rounds.
fn least(times: usize, mut round: impl FnMut()) -> f64 {
    let once = |round: &mut dyn FnMut()| {
        let start = processor_time();
        round();
        (processor_time() - start) as f64 / times as f64
    };
    (0..ROUNDS).map(|_| once(&mut round)).fold(f64::MAX, f64::min)
}

pub fn run() {
    // A player has threads: so has this process, or locks would cost nothing.
    let other = std::thread::spawn(std::thread::park);
    let world = crate::world(crate::POOL, crate::one("big", &pattern(1, BYTES))());
    let mut files = Ours::<Plain>::new(world.pool());
    let fd = files.open("big", Mode::Read).expect("a file");
    let hit = least(BYTES, || {
        files.seek(fd, 0).expect("the start");
        let mut byte = [0];
        while files.read(fd, &mut byte) == Ok(1) {}
    });
    files.close(fd).expect("closed");
    let pair = least(1_000_000, || {
        for _ in 0..1_000_000 {
            Plain::lock();
            // SAFETY: taken above.
            unsafe { Plain::unlock() }
        }
    });
    other.thread().unpark();
    other.join().expect("the other thread");
    println!("\nread of 1 byte that hits: {hit:.1} ns; a lock taken and given back: {pair:.1} ns");
    let limit = 16.0 + 2.0 * pair;
    println!("{} at most 16 ns and two locks: {limit:.1}", if hit <= limit { "ok    " } else { "MISSED" });
}
