//! The two workloads.

use std::collections::VecDeque;
use std::hint::{black_box, spin_loop};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::allocations;
use crate::clock::processor_time;
use crate::hand::{PLACES, TOLD, Way};
use crate::peers::Peer;

/// What a pool took.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// For a buffer got, used and put.
    pub ns: f64,
    /// Allocations and frees after the first tenth of the work.
    pub allocations: u64,
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
                let (before, allocated) = (processor_time(), allocations());
                run(count);
                time.fetch_add(processor_time() - before, Ordering::Relaxed);
                calls.fetch_add(allocations() - allocated, Ordering::Relaxed);
            });
        }
    });
    let total = f64::from(count) * threads as f64;
    Figure { ns: time.into_inner() as f64 / total, allocations: calls.into_inner() }
}

/// Buffers whose time is taken together.
const STEP: u32 = 48;
/// Steps in a row that make a figure.
const STEPS: usize = 10;
/// What is handed over is a multiple of this.
const MULTIPLE: u32 = STEP * TOLD as u32;
/// More than are between the threads, in their hands and in their caches at any moment: a pool that has had as many out
/// never needs another one.
const OUT: usize = 100;

/// The cores that this process may use.
fn cores() -> Vec<usize> {
    // SAFETY: all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: writable.
    let answer = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) };
    assert_eq!(answer, 0);
    // SAFETY: readable, and the core is one of those that a set can hold.
    (0..libc::CPU_SETSIZE as usize).filter(|&core| unsafe { libc::CPU_ISSET(core, &set) }).collect()
}

/// Binds the calling thread to a core.
fn bind(core: usize) {
    // SAFETY: all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: writable, and the core is one of those that a set can hold.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: readable.
    let answer = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) };
    assert_eq!(answer, 0, "core {core}");
}

/// Half of the threads get, the other half put. `together`: all on one core, where they take turns; else the receivers are
/// on other cores than their senders. `W` leads from each sender to its receiver.
pub fn pass<'p, P: Peer, W: Way<P::Item<'p>>>(peer: &'p P, threads: usize, count: u32, together: bool) -> Figure {
    let out: Vec<_> = (0..OUT).map(|_| peer.get()).collect();
    out.into_iter().for_each(|item| peer.put(item));
    let count = count / MULTIPLE * MULTIPLE;
    if threads == 1 {
        return alone(peer, count);
    }
    let ways: Vec<_> = (0..threads / 2).map(|_| W::new()).collect();
    let start = Barrier::new(threads);
    let calls = AtomicU64::new(0);
    let send = |way: &W, count: u32, _: &mut Vec<Instant>| {
        for n in 0..count {
            let mut item = peer.get();
            write::<P>(&mut item, n.into());
            let mut waits = 0;
            while let Err(back) = way.send(item) {
                item = back;
                pause::<W, P::Item<'p>>(&mut waits);
            }
        }
    };
    // When every so many had been received.
    let receive = |way: &W, count: u32, times: &mut Vec<Instant>| {
        for _ in 0..count / STEP {
            for _ in 0..STEP {
                let mut waits = 0;
                let mut item = loop {
                    match way.receive() {
                        Some(item) => break item,
                        None => pause::<W, P::Item<'p>>(&mut waits),
                    }
                };
                black_box(read::<P>(&mut item));
                peer.put(item);
            }
            times.push(Instant::now());
        }
    };
    let cores = cores();
    let run = |number: usize, work: &dyn Fn(u32, &mut Vec<Instant>)| {
        bind(cores[if together { 0 } else { number % cores.len() }]);
        let mut times = Vec::with_capacity((count / STEP) as usize);
        work(MULTIPLE * 2, &mut times);
        times.clear();
        start.wait();
        let before = allocations();
        work(count, &mut times);
        calls.fetch_add(allocations() - before, Ordering::Relaxed);
        times
    };
    let (run, send, receive) = (&run, &send, &receive);
    let mut times: Vec<Instant> = thread::scope(|scope| {
        let spawn = |(pair, way)| {
            let sender = scope.spawn(move || run(pair * 2, &|count, times| send(way, count, times)));
            let receiver = scope.spawn(move || run(pair * 2 + 1, &|count, times| receive(way, count, times)));
            [sender, receiver]
        };
        let all: Vec<_> = ways.iter().enumerate().flat_map(spawn).collect();
        all.into_iter().flat_map(|thread| thread.join().expect("joined")).collect()
    });
    // All receivers together: the steps that were done soonest one after the other.
    times.sort();
    let least = times.windows(STEPS + 1).map(|steps| steps[STEPS] - steps[0]).min().expect("as many steps");
    Figure { ns: least.as_nanos() as f64 / f64::from(STEP) / STEPS as f64, allocations: calls.into_inner() }
}

/// The same steps in one thread, as many buffers on the way as between two.
fn alone<P: Peer>(peer: &P, count: u32) -> Figure {
    let mut between = VecDeque::with_capacity(PLACES + 1);
    let mut run = |count: u32| {
        for n in 0..count {
            let mut item = peer.get();
            write::<P>(&mut item, n.into());
            between.push_back(item);
            if between.len() > PLACES
                && let Some(mut last) = between.pop_front()
            {
                black_box(read::<P>(&mut last));
                peer.put(last);
            }
        }
    };
    run(MULTIPLE * 2);
    let (before, allocated) = (Instant::now(), allocations());
    run(count);
    let figure =
        Figure { ns: before.elapsed().as_nanos() as f64 / f64::from(count), allocations: allocations() - allocated };
    between.into_iter().for_each(|item| peer.put(item));
    figure
}

/// Waits a moment for the other side, and now and then lets it have the core.
fn pause<W: Way<T>, T>(waits: &mut u32) {
    *waits += 1;
    (0..W::SPINS).for_each(|_| spin_loop());
    if waits.is_multiple_of(W::WAITS) {
        thread::yield_now();
    }
}
