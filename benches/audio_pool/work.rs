//! The two workloads.

use std::hint::{black_box, spin_loop};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crossbeam_queue::ArrayQueue;

use crate::allocations;
use crate::peers::Peer;

/// What a pool took.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// For a buffer got, used and put.
    pub ns: f64,
    /// Allocations and frees after the first tenth of the work.
    pub allocations: u64,
}

/// The CPU time of the calling thread, in ns.
fn cpu_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writable.
    let answer = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(answer, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn write<P: Peer>(item: &mut P::Item<'_>, value: u64) {
    // SAFETY: the buffer has 64 bytes at least, aligned to 16, and is the caller's.
    unsafe { black_box(P::data(item)).write(value) }
}

fn read<P: Peer>(item: &mut P::Item<'_>) -> u64 {
    // SAFETY: as for `write`, which came first.
    unsafe { black_box(P::data(item)).read() }
}

/// Every thread for itself.
pub fn own<P: Peer>(peer: &P, threads: usize, count: u32) -> Figure {
    let start = Barrier::new(threads);
    let (time, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    let run = |count: u32| {
        for n in 0..count {
            let mut item = peer.get();
            write::<P>(&mut item, n.into());
            peer.put(item);
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                run(count / 10);
                start.wait();
                let (before, allocated) = (cpu_time(), allocations());
                run(count);
                time.fetch_add(cpu_time() - before, Ordering::Relaxed);
                calls.fetch_add(allocations() - allocated, Ordering::Relaxed);
            });
        }
    });
    let total = f64::from(count) * threads as f64;
    Figure { ns: time.into_inner() as f64 / total, allocations: calls.into_inner() }
}

/// Buffers whose time is taken together.
const IN_A_ROW: u32 = 250;
/// Buffers between the threads, at most.
const BETWEEN: usize = 16;
/// More than are between the threads, in their hands and in their caches at any moment: a pool that has had as many out
/// never needs another one.
const OUT: usize = 64;

/// Half of the threads get, the other half put.
pub fn pass<P: Peer>(peer: &P, threads: usize, count: u32) -> Figure {
    let out: Vec<_> = (0..OUT).map(|_| peer.get()).collect();
    out.into_iter().for_each(|item| peer.put(item));
    if threads == 1 {
        return alone(peer, count);
    }
    let pairs = threads / 2;
    let between = ArrayQueue::<P::Item<'_>>::new(BETWEEN);
    let start = Barrier::new(threads);
    let calls = AtomicU64::new(0);
    let send = |count: u32| {
        for n in 0..count {
            let mut item = peer.get();
            write::<P>(&mut item, n.into());
            while let Err(back) = between.push(item) {
                item = back;
                pause();
            }
        }
    };
    // The least time of so many in a row, of all that this thread received.
    let receive = |count: u32| {
        let mut least = f64::MAX;
        for _ in 0..count / IN_A_ROW {
            let begin = Instant::now();
            for _ in 0..IN_A_ROW {
                let mut item = loop {
                    match between.pop() {
                        Some(item) => break item,
                        None => pause(),
                    }
                };
                black_box(read::<P>(&mut item));
                peer.put(item);
            }
            least = least.min(begin.elapsed().as_nanos() as f64 / f64::from(IN_A_ROW));
        }
        least
    };
    let counted = |work: &dyn Fn(u32) -> f64| {
        work(count / 10);
        start.wait();
        let before = allocations();
        let least = work(count);
        calls.fetch_add(allocations() - before, Ordering::Relaxed);
        least
    };
    let send = |count: u32| {
        send(count);
        f64::MAX
    };
    let least = thread::scope(|scope| {
        let all: Vec<_> =
            (0..pairs).flat_map(|_| [scope.spawn(|| counted(&send)), scope.spawn(|| counted(&receive))]).collect();
        all.into_iter().map(|thread| thread.join().expect("joined")).fold(f64::MAX, f64::min)
    });
    Figure { ns: least / pairs as f64, allocations: calls.into_inner() }
}

/// The same steps in one thread, as many buffers on the way as between two.
fn alone<P: Peer>(peer: &P, count: u32) -> Figure {
    let between = ArrayQueue::<P::Item<'_>>::new(BETWEEN);
    let run = |count: u32| {
        for n in 0..count {
            let mut item = peer.get();
            write::<P>(&mut item, n.into());
            if let Some(mut last) = between.force_push(item) {
                black_box(read::<P>(&mut last));
                peer.put(last);
            }
        }
    };
    run(count / 10);
    let (before, allocated) = (Instant::now(), allocations());
    run(count);
    let figure =
        Figure { ns: before.elapsed().as_nanos() as f64 / f64::from(count), allocations: allocations() - allocated };
    while let Some(item) = between.pop() {
        peer.put(item);
    }
    figure
}

/// Lets the other side go on, on a machine that may have fewer cores than there are threads.
fn pause() {
    for _ in 0..20 {
        spin_loop();
    }
    thread::yield_now();
}
