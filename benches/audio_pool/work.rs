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

/// Half of the threads get, the other half put.
pub fn pass<P: Peer>(peer: &P, threads: usize, count: u32) -> Figure {
    if threads == 1 {
        return alone(peer, count);
    }
    let pairs = threads / 2;
    let between = ArrayQueue::<P::Item<'_>>::new(16);
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
    let receive = |count: u32| {
        for _ in 0..count {
            let mut item = loop {
                match between.pop() {
                    Some(item) => break item,
                    None => pause(),
                }
            };
            black_box(read::<P>(&mut item));
            peer.put(item);
        }
    };
    // A thread takes its own times: this one may be asleep while they begin.
    let timed = |work: &dyn Fn(u32)| {
        work(count / 10);
        start.wait();
        let (begin, before) = (Instant::now(), allocations());
        work(count);
        calls.fetch_add(allocations() - before, Ordering::Relaxed);
        (begin, Instant::now())
    };
    let times: Vec<_> = thread::scope(|scope| {
        let all: Vec<_> =
            (0..pairs).flat_map(|_| [scope.spawn(|| timed(&send)), scope.spawn(|| timed(&receive))]).collect();
        all.into_iter().map(|thread| thread.join().expect("joined")).collect()
    });
    let begin = times.iter().map(|(begin, _)| *begin).min().expect("threads");
    let end = times.iter().map(|(_, end)| *end).max().expect("threads");
    Figure { ns: (end - begin).as_nanos() as f64 / (f64::from(count) * pairs as f64), allocations: calls.into_inner() }
}

/// The same steps in one thread, sixteen buffers on the way.
fn alone<P: Peer>(peer: &P, count: u32) -> Figure {
    let between = ArrayQueue::<P::Item<'_>>::new(16);
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
