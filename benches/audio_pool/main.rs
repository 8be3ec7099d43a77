//! The audio pool beside others, in one run: `cargo bench --bench audio_pool`, and at the end of `make bench`.
//!
//! Two workloads, for 1, 2 and 4 threads and buffers of 64 bytes to 64 KB:
//!
//! - *own*: a thread gets a buffer, writes to it and puts it back. CPU time of the threads per get and put, so that other
//!   programs on the machine disturb it little.
//! - *pass*: a thread gets a buffer, writes to it and hands it over, another one reads it and puts it back. Wall time per
//!   buffer. The way between the two is the same for all and costs as little as it can (`hand.rs`). Receivers are bound to
//!   other cores than senders; left alone, the system has both on one core or not as it likes. One thread: the same steps
//!   in turn. *together*: both threads on one core, where they take turns. *queued*: on two cores, and the way is an
//!   ArrayQueue, whose barriers are most of what is measured then.
//!
//! Every pool begins with as many buffers as are ever on the way. The other pools are Rust's, so "ours" is our Rust module;
//! "ours, C" is the C face through function pointers, which looks every pointer up. "in turn" is no pool at all: what the
//! threads, the way between them and the use of the buffers take by themselves.
//!
//! A round measures every pool before the next one begins, so that a busy machine is unjust to all alike. A round of *own* is
//! long and the figure is the least of the rounds. A round of *pass* is less than a millisecond, and its time that of the 480
//! buffers in a row that were received soonest: it wants a moment in which both threads run. The figure is the median of
//! the rounds. The statistics of our pool are on: they cannot be switched off.
//!
//! `BENCH_WORK=pass BENCH_THREADS=2 BENCH_BYTES=64,1500 BENCH_POOLS=ours,ours-C,ArrayQueue` measure only these; `BENCH_ROUNDS` are
//! the rounds of *pass*.

#[path = "../../tests/support/clock.rs"]
mod clock;
mod hand;
mod peers;
mod work;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use crossbeam_queue::ArrayQueue;

use hand::Hand;
use peers::{InTurn, Malloc, Mutexed, Opool, Ours, OursFromC, Peer, Queue, Reusable};
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
const NAMES: [&str; 8] = ["ours", "ours, C", "ArrayQueue", "lockfree", "opool", "mutex", "malloc", "in turn"];
const OURS: usize = 0;
const FROM_C: usize = 1;
const QUEUE: usize = 2;
const MALLOC: usize = 6;

/// A figure for each pool that was measured.
type Row = [Option<Figure>; NAMES.len()];

/// Whether this is to be measured: the variable is not set, or names it among others.
fn is_wanted(variable: &str, what: &str) -> bool {
    std::env::var(variable).map_or(true, |list| list.is_empty() || list.split(',').any(|one| one == what))
}

/// One round of every pool. Those that are only shown beside the others, of which malloc takes long, have a part of the
/// rounds only.
fn round(work: &impl Work, number: usize, size: usize, threads: usize) -> Row {
    std::array::from_fn(|column| {
        let left_out = column > QUEUE && !number.is_multiple_of(work.rounds().div_ceil(20));
        if left_out || !is_wanted("BENCH_POOLS", &NAMES[column].replace(", ", "-")) {
            return None;
        }
        Some(match column {
            0 => work.of(&Ours::new(size), threads),
            1 => work.of(&OursFromC::new(size), threads),
            2 => work.of(&Queue::new(size), threads),
            3 => work.of(&Reusable::new(size), threads),
            4 => work.of(&Opool::new(size), threads),
            5 => work.of(&Mutexed::new(size), threads),
            6 => work.of(&Malloc::new(size), threads),
            _ if work.senders(threads) > 1 => return None,
            _ => work.of(&InTurn::new(size), threads),
        })
    })
}

/// A workload.
trait Work {
    const NAME: &'static str;
    const TEXT: &'static str;
    const THREADS: &'static [usize] = &THREADS;

    fn of<P: Peer>(&self, peer: &P, threads: usize) -> Figure;

    /// How many of the threads get buffers.
    fn senders(&self, threads: usize) -> usize;

    fn rounds(&self) -> usize;

    /// Which of so many rounds is the figure, the best one first.
    fn place(rounds: usize) -> usize;
}

struct Own {
    count: u32,
    rounds: usize,
}

impl Work for Own {
    const NAME: &'static str = "own";
    const TEXT: &'static str = "get, write, put in one thread";

    fn of<P: Peer>(&self, peer: &P, threads: usize) -> Figure {
        own(peer, threads, self.count)
    }

    fn senders(&self, threads: usize) -> usize {
        threads
    }

    fn rounds(&self) -> usize {
        self.rounds
    }

    fn place(_: usize) -> usize {
        0
    }
}

/// Threads on different cores, and the cheapest way between them.
const APART: usize = 0;
/// Two threads on one core.
const TOGETHER: usize = 1;
/// An ArrayQueue as the way.
const QUEUED: usize = 2;

struct Pass<const KIND: usize> {
    count: u32,
    rounds: usize,
}

impl<const KIND: usize> Work for Pass<KIND> {
    const NAME: &'static str = ["pass", "together", "queued"][KIND];
    const TEXT: &'static str = [
        "get and write in one thread, read and put in another",
        "the same, both threads on one core",
        "the same on two cores, with an ArrayQueue as the way between the threads",
    ][KIND];
    const THREADS: &'static [usize] = if KIND == TOGETHER { &[2] } else { &THREADS };

    fn of<P: Peer>(&self, peer: &P, threads: usize) -> Figure {
        match KIND {
            QUEUED => pass::<P, ArrayQueue<_>>(peer, threads, self.count, false),
            _ => pass::<P, Hand<_>>(peer, threads, self.count, KIND == TOGETHER),
        }
    }

    fn senders(&self, threads: usize) -> usize {
        threads / 2
    }

    fn rounds(&self) -> usize {
        self.rounds
    }

    fn place(rounds: usize) -> usize {
        rounds / 2
    }
}

type Table = Vec<(usize, Row)>;

/// The rounds of all rows: the first round of each, the second of each and so on, so that a machine that is in another mood for
/// a second has it in a few rounds of every row, not in every round of a few.
fn table<W: Work>(work: &W) -> Table {
    if !is_wanted("BENCH_WORK", W::NAME) {
        return Vec::new();
    }
    let rows = W::THREADS.iter().flat_map(|&threads| SIZES.map(|size| (threads, size)));
    let rows: Vec<_> = rows
        .filter(|(threads, size)| {
            is_wanted("BENCH_THREADS", &threads.to_string()) && is_wanted("BENCH_BYTES", &size.to_string())
        })
        .collect();
    let mut all = vec![Vec::new(); rows.len()];
    for number in 0..work.rounds() {
        for (&(threads, size), rounds) in rows.iter().zip(&mut all) {
            rounds.push(round(work, number, size, threads));
        }
    }
    println!("{}: {}, ns", W::NAME, W::TEXT);
    print!("  {:>7} {:>7}", "threads", "bytes");
    for name in NAMES {
        print!(" {name:>11}");
    }
    println!();
    let table = rows.into_iter().zip(all).map(|((threads, size), rounds)| {
        let row: Row = std::array::from_fn(|column| {
            let figures = || rounds.iter().filter_map(|row| row[column]);
            let mut times: Vec<_> = figures().map(|figure| figure.ns).collect();
            times.sort_by(f64::total_cmp);
            let allocations = figures().map(|figure| figure.allocations).max()?;
            Some(Figure { ns: *times.get(W::place(times.len()))?, allocations })
        });
        print!("  {threads:>7} {size:>7}");
        for figure in row {
            match figure {
                Some(figure) => print!(" {:>11.1}", figure.ns),
                None => print!(" {:>11}", "-"),
            }
        }
        println!();
        (size, row)
    });
    let table = table.collect();
    println!();
    table
}

fn verdict(what: &str, reached: bool, figure: &str) {
    println!("  {what:<72} {figure:>16}  {}", if reached { "reached" } else { "missed" });
}

/// How many times as long the one pool took as the other one, row by row.
fn ratios(table: &Table, one: usize, other: usize) -> Vec<f64> {
    table.iter().filter_map(|(_, row)| Some(row[one]?.ns / row[other]?.ns)).collect()
}

fn main() {
    let quick = std::env::var_os("BENCH_QUICK").is_some();
    let (rounds, scale) = if quick { (2, 20) } else { (7, 1) };
    let short = std::env::var("BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(rounds * 15);
    // A player has threads: so has this process, or malloc would take no locks.
    assert_eq!(rockmem::capi::audio_pool::audio_pool_monitoring_init(), 0);

    println!("audio pool: {rounds} rounds of own, the least of each; {short} of pass, the median\n");
    let own = table(&Own { count: 500_000 / scale, rounds });
    let pass = table(&Pass::<APART> { count: 6_144, rounds: short });
    let together = table(&Pass::<TOGETHER> { count: 6_144, rounds: short });
    let queued = table(&Pass::<QUEUED> { count: 6_144, rounds: short });

    for (face, name) in [(OURS, "own"), (FROM_C, "own, C")] {
        let times: Vec<_> = own.iter().filter_map(|(_, row)| Some(row[face]?.ns)).collect();
        let worst = times.iter().copied().fold(0.0, f64::max);
        if !times.is_empty() {
            verdict(&format!("{name}: get and put under 20 ns"), worst < 20.0, &format!("at most {worst:.1} ns"));
        }
        let frames: Table = own.iter().filter(|(size, _)| *size == 1500).copied().collect();
        let least = ratios(&frames, MALLOC, face).into_iter().fold(f64::MAX, f64::min);
        if least < f64::MAX {
            let what = format!("{name}: at least 3 times faster than malloc and free of 1500 bytes");
            verdict(&what, least >= 3.0, &format!("{least:.1} times"));
        }
    }
    for (face, rows, name) in [
        (OURS, &pass, "pass"),
        (FROM_C, &pass, "pass, C"),
        (OURS, &together, "together"),
        (FROM_C, &together, "together, C"),
        (OURS, &queued, "queued"),
        (FROM_C, &queued, "queued, C"),
    ] {
        let ratios = ratios(rows, face, QUEUE);
        let count = ratios.iter().filter(|ratio| **ratio <= 1.0).count();
        if !ratios.is_empty() {
            let what = format!("{name}: no slower than ArrayQueue of boxed buffers");
            verdict(&what, count == ratios.len(), &format!("{count} of {} rows", ratios.len()));
            let slowest = ratios.into_iter().fold(0.0, f64::max);
            println!("  {:<72} {slowest:>13.2} times", "      the slowest row beside ArrayQueue takes");
        }
    }
    let rows = own.iter().chain(&pass).chain(&together).chain(&queued);
    let allocated: u64 =
        rows.flat_map(|(_, row)| [row[OURS], row[FROM_C]]).flatten().map(|figure| figure.allocations).sum();
    verdict("allocations of ours in steady state, all workloads", allocated == 0, &allocated.to_string());
    rockmem::capi::audio_pool::audio_pool_monitoring_stop();
}
