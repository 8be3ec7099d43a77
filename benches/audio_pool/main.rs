//! The audio pool beside others, in one run: `cargo bench --bench audio_pool`, and at the end of `make bench`.
//!
//! Two workloads, for 1, 2 and 4 threads and buffers of 64 bytes to 64 KB:
//!
//! - *own*: a thread gets a buffer, writes to it and puts it back. CPU time of the threads per get and put, so that other
//!   programs on the machine disturb it little.
//! - *pass*: a thread gets a buffer, writes to it and hands it over, another one reads it and puts it back. Wall time per
//!   buffer; the queue between them is the same for all. One thread: the same steps in turn.
//!
//! Every pool begins with as many buffers as are ever on the way. The other pools are Rust's, so "ours" is our Rust module;
//! "ours, C" is the C face through function pointers, which looks every pointer up.
//!
//! A round measures every pool before the next one begins, so that a busy machine is unjust to all alike. A round of *own* is
//! long and the figure is the least of the rounds. A round of *pass* is short, and its time that of the 250 buffers in a
//! row that a receiver had soonest, by the number of pairs: it wants a moment in which both threads run. The figure is the
//! round that every tenth one beats. The statistics of our pool are on: they cannot be switched off.

mod peers;
mod work;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use peers::{Malloc, Mutexed, Opool, Ours, OursFromC, Peer, Queue, Reusable};
use work::{Figure, own, pass};

struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is the system allocator's, beside the counting.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: as for this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, data: *mut u8, layout: Layout) {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: as for this function.
        unsafe { System.dealloc(data, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and frees of the calling thread through Rust's allocator; `Malloc` goes past it.
pub fn allocations() -> u64 {
    CALLS.get()
}

const SIZES: [usize; 5] = [64, 512, 1500, 4096, 65_536];
const THREADS: [usize; 3] = [1, 2, 4];
const NAMES: [&str; 7] = ["ours", "ours, C", "ArrayQueue", "lockfree", "opool", "mutex", "malloc"];

type Row = [Figure; NAMES.len()];

/// One round of every pool.
fn round(measure: &impl Measure, size: usize, threads: usize) -> Row {
    [
        measure.of(&Ours::new(size), threads),
        measure.of(&OursFromC::new(size), threads),
        measure.of(&Queue::new(size), threads),
        measure.of(&Reusable::new(size), threads),
        measure.of(&Opool::new(size), threads),
        measure.of(&Mutexed::new(size), threads),
        measure.of(&Malloc::new(size), threads),
    ]
}

trait Measure {
    fn of<P: Peer>(&self, peer: &P, threads: usize) -> Figure;
}

struct Own(u32);
struct Pass(u32);

impl Measure for Own {
    fn of<P: Peer>(&self, peer: &P, threads: usize) -> Figure {
        own(peer, threads, self.0)
    }
}

impl Measure for Pass {
    fn of<P: Peer>(&self, peer: &P, threads: usize) -> Figure {
        pass(peer, threads, self.0)
    }
}

fn table(name: &str, measure: &impl Measure, rounds: usize) -> Vec<(usize, usize, Row)> {
    println!("{name}, ns");
    print!("  {:>7} {:>7}", "threads", "bytes");
    for name in NAMES {
        print!(" {name:>11}");
    }
    println!();
    let mut rows = Vec::new();
    for threads in THREADS {
        for size in SIZES {
            let all: Vec<_> = (0..rounds).map(|_| round(measure, size, threads)).collect();
            let best: Row = std::array::from_fn(|column| {
                let mut times: Vec<_> = all.iter().map(|row| row[column].ns).collect();
                times.sort_by(f64::total_cmp);
                let allocations = all.iter().map(|row| row[column].allocations).max().unwrap_or(0);
                Figure { ns: times[rounds / 10], allocations }
            });
            print!("  {threads:>7} {size:>7}");
            for figure in best {
                print!(" {:>11.1}", figure.ns);
            }
            println!();
            rows.push((threads, size, best));
        }
    }
    println!();
    rows
}

fn verdict(what: &str, reached: bool, figure: &str) {
    println!("  {what:<72} {figure:>16}  {}", if reached { "reached" } else { "missed" });
}

fn main() {
    let quick = std::env::var_os("BENCH_QUICK").is_some();
    let (rounds, scale) = if quick { (2, 20) } else { (7, 1) };
    // A player has threads: so has this process, or malloc would take no locks.
    assert_eq!(rockmem::capi::audio_pool::audio_pool_monitoring_init(), 0);

    println!("audio pool: {rounds} rounds of own, the least of each\n");
    let own = table("own: get, write, put in one thread", &Own(2_000_000 / scale), rounds);
    let pass = table("pass: get and write in one thread, read and put in another", &Pass(5_000), rounds * 10);

    let [ours, from_c, queue] = [0, 1, 2];
    let malloc = NAMES.len() - 1;
    for (face, name) in [(ours, "own"), (from_c, "own, C")] {
        let worst = own.iter().map(|(_, _, row)| row[face].ns).fold(0.0, f64::max);
        verdict(&format!("{name}: get and put under 20 ns"), worst < 20.0, &format!("at most {worst:.1} ns"));
        let least = own
            .iter()
            .filter(|(_, size, _)| *size == 1500)
            .map(|(_, _, row)| row[malloc].ns / row[face].ns)
            .fold(f64::MAX, f64::min);
        let what = format!("{name}: at least 3 times faster than malloc and free of 1500 bytes");
        verdict(&what, least >= 3.0, &format!("{least:.1} times"));
    }
    for (face, name) in [(ours, "pass"), (from_c, "pass, C")] {
        let ratio = |row: &Row| row[face].ns / row[queue].ns;
        let slower = pass.iter().map(|(_, _, row)| ratio(row)).fold(0.0, f64::max);
        let count = pass.iter().filter(|(_, _, row)| ratio(row) <= 1.0).count();
        let what = format!("{name}: no slower than ArrayQueue of boxed buffers");
        verdict(&what, slower <= 1.0, &format!("{count} of {} rows", pass.len()));
        println!("  {:<72} {slower:>13.2} times", "      the slowest row beside ArrayQueue takes");
    }
    let allocated: u64 =
        own.iter().chain(&pass).map(|(_, _, row)| row[ours].allocations + row[from_c].allocations).sum();
    verdict("allocations of ours in steady state, both workloads", allocated == 0, &allocated.to_string());
    rockmem::capi::audio_pool::audio_pool_monitoring_stop();
}
