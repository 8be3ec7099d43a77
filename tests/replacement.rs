//! The replacement of cached blocks keeps what is used again: never much below LRU, and far above it under a scan.

#[path = "../benches/replay/mod.rs"]
mod replay;

use replay::{Hits, ours, thrash, traces};
use std::sync::LazyLock;

const MEMORY: usize = 1 << 20;

/// Points of hit ratio that a trace may cost against LRU.
const BELOW: f64 = 1.0;
/// Points that a scan must gain.
const ABOVE: f64 = 10.0;

/// Every trace, replayed once: the clock is everybody's, so the tests here share the outcome.
static OUTCOMES: LazyLock<Vec<(traces::Trace, Hits)>> = LazyLock::new(|| {
    let replayed = |trace| {
        let hits = replay::replay(&trace, MEMORY, false);
        println!(
            "{:10} ours {:6.2}  lru {:6.2}  fifo {:6.2}  best {:6.2}  moved {:5.2} touched {:5.2} purged {:5.2} stall {}",
            trace.name, hits.ours, hits.lru, hits.fifo, hits.best, hits.moved, hits.touched, hits.purged, hits.stall
        );
        (trace, hits)
    };
    traces::all(MEMORY, 8000).into_iter().map(replayed).collect()
});

#[test]
fn no_trace_falls_below_lru_by_more_than_a_point() {
    for (trace, hits) in OUTCOMES.iter() {
        assert!(hits.ours >= hits.lru - BELOW, "{}: {:.2} %, LRU {:.2} %", trace.title, hits.ours, hits.lru);
    }
}

#[test]
fn a_scan_leaves_ten_points_more_than_lru() {
    let scans: Vec<_> = OUTCOMES.iter().filter(|(trace, _)| trace.scan).collect();
    assert!(scans.len() >= 2);
    for (trace, hits) in scans {
        assert!(hits.ours >= hits.lru + ABOVE, "{}: {:.2} %, LRU {:.2} %", trace.title, hits.ours, hits.lru);
    }
}

#[test]
fn no_policy_beats_the_optimum_where_all_pieces_are_of_one_size() {
    for (trace, hits) in OUTCOMES.iter() {
        if trace.uses.iter().all(|piece| piece.bytes == trace.uses[0].bytes) {
            assert!(hits.ours.max(hits.lru).max(hits.fifo) <= hits.best, "{}", trace.title);
        }
    }
}

#[test]
fn a_storm_of_allocations_costs_the_stream_nothing_and_moves_little() {
    const POOL: usize = 4 << 20;
    let mut ours = ours::Ours::new(POOL, 10, true);
    let storm = thrash::run(&mut ours, POOL, 1500);
    let reference = thrash::run(&mut thrash::FirstFit::new(POOL), POOL, 1500);
    let stats = ours.stats();
    println!(
        "storm {} again {} / {} stream {} / {} moved {} / {} refused {} / {}, purged {} of {}, touched {} of {}",
        storm.allocated,
        storm.again,
        reference.again,
        storm.stream,
        reference.stream,
        storm.moved,
        reference.moved,
        storm.refused,
        reference.refused,
        stats.reclaimed().bytes,
        ours.lacked,
        stats.reclaimed().bytes + stats.moved_bytes,
        ours.occupied
    );
    assert_eq!((storm.refused, storm.stream), (0, 0));
    assert!(reference.stream > 0 && storm.again < reference.again * 5 / 4);
    assert!(storm.moved < reference.moved / 8);
    assert!(stats.reclaimed().bytes + stats.moved_bytes < 3 * ours.occupied);
}
