//! The figures of purgeable blocks: what the replay and the storm counted, as rows of the table.

use crate::replay::thrash::{self, Memory, Want};
use crate::replay::{self, ours::Ours, traces};
use crate::table::{Figures, Unit};

const MEMORY: usize = 1 << 20;
const USES: usize = 8000;
/// Traces whose requests are held to their bounds.
const JUDGED: [&str; 5] = ["music", "playlist", "tags", "zipf", "mixed"];
const STORM_POOL: usize = 4 << 20;
const STORM_STEPS: u32 = 1500;

/// Replays every trace and the storm. In the column of peers: LRU, and the reference that knows no wants.
pub fn run(figures: &mut Figures) {
    let mut least = [f64::MAX; 2];
    for trace in traces::all(MEMORY, USES) {
        eprintln!("bench: {}", trace.title);
        let hits = replay::replay(&trace, MEMORY, JUDGED.contains(&trace.name));
        let least = &mut least[trace.scan as usize];
        *least = least.min(hits.ours - hits.lru);
        let mut add = |what: &str, value, unit| figures.add_ours(&format!("replay.{}.{what}", trace.name), value, unit);
        add("hits", hits.ours, Unit::Percent);
        add("over", hits.ours - hits.lru, Unit::Percent);
        add("fifo", hits.fifo, Unit::Percent);
        add("best", hits.best, Unit::Percent);
        add("touched", hits.touched, Unit::Ratio);
        add("purged", hits.purged, Unit::Ratio);
        add("moved", hits.moved, Unit::Ratio);
        add("stall", hits.stall as f64, Unit::Nanoseconds);
        figures.add_peer(&format!("replay.{}.hits", trace.name), hits.lru);
    }
    figures.add_ours("replay.least.scan", least[1], Unit::Percent);
    figures.add_ours("replay.least.other", least[0], Unit::Percent);
    storm(figures);
    crowd(figures, "crowd", 0);
    crowd(figures, "crowd.pinned", 200);
}

/// Requests to a pool of thousands of small blocks that were all used just now, the coldest `pinned` of them held.
fn crowd(figures: &mut Figures, name: &str, pinned: usize) {
    const REQUESTS: usize = 100;
    let mut ours = Ours::new(MEMORY, 0, false);
    for key in 1..=7000 {
        ours.insert(key, 60, Want::Cached);
    }
    ours.hold((1..=pinned as u32).collect());
    (ours.stall, ours.spent) = (0, 0);
    for _ in 0..REQUESTS {
        assert!(ours.alloc(3500).is_some());
    }
    let mean = ours.spent as f64 / REQUESTS as f64;
    figures.add_ours(&format!("{name}.alloc"), mean, Unit::Nanoseconds);
    figures.add_ours(&format!("{name}.stall"), ours.stall as f64, Unit::Nanoseconds);
}

fn storm(figures: &mut Figures) {
    let mut ours = Ours::new(STORM_POOL, 10, true);
    let storm = thrash::run(&mut ours, STORM_POOL, STORM_STEPS);
    let other = thrash::run(&mut thrash::FirstFit::new(STORM_POOL), STORM_POOL, STORM_STEPS);
    let stats = ours.stats();
    let percent = |part: usize| 100.0 * part as f64 / storm.allocated as f64;
    let ratio = |part: usize, of: usize| part as f64 / of.max(1) as f64;
    figures.add_ours("storm.again", percent(storm.again), Unit::Percent);
    figures.add_peer("storm.again", percent(other.again));
    figures.add_ours("storm.stream", storm.stream as f64, Unit::Bytes);
    figures.add_peer("storm.stream", other.stream as f64);
    figures.add_ours("storm.moved", ratio(storm.moved, storm.allocated), Unit::Ratio);
    figures.add_peer("storm.moved", ratio(other.moved, other.allocated));
    figures.add_ours("storm.refused", storm.refused as f64, Unit::Count);
    figures.add_peer("storm.refused", other.refused as f64);
    figures.add_ours("storm.touched", ratio(stats.moved_bytes + stats.reclaimed().bytes, ours.occupied), Unit::Ratio);
    figures.add_ours("storm.purged", ratio(stats.reclaimed().bytes, ours.lacked), Unit::Ratio);
    figures.add_ours("storm.stall", ours.stall as f64, Unit::Nanoseconds);
}
