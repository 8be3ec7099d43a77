//! The file path beside an uncached reference, in one run: `make bench ONLY=files`, or `cargo bench --bench files`.
//!
//! ```text
//!   workload ──► our files ─────────► model port ──► disk that counts, card and hard disk
//!      └───────► one sector of cache ────┘
//! ```
//!
//! Counts and simulated times are exact. The reference is what the originals do above their FAT code; the recorded
//! figures beside it are the originals' own, over that code.

#[path = "../../tests/support/clock.rs"]
mod clock;
#[path = "../../tests/support/disk/mod.rs"]
mod disk;
mod recording;
mod rows;
mod speed;
mod table;
mod work;

use disk::extents::Extents;
use disk::files::Files;
use disk::media::Counts;
use disk::ours::Ours;
use disk::port::{Plain, World, media};
use disk::uncached::Uncached;
use rows::ROWS;
use work::pattern;

/// Bytes of the pool for 4 MB of files: the rest is tables and headers.
const POOL: usize = (4 << 20) + (256 << 10);
const SMALL_POOL: usize = (1 << 20) + (64 << 10);
/// Where windows are 64 KB at most.
const PLAYER_POOL: usize = 2_300_000;
const CLUSTER: usize = 32 << 10;

type Work = dyn Fn(&mut dyn Files);

/// One workload: the disk before it, the pool, and the calls.
struct Plan {
    disk: Box<dyn Fn() -> Extents>,
    pool: usize,
    /// Everything but the reserve is taken by somebody else.
    full: bool,
    bounce: Option<usize>,
    work: Box<Work>,
}

fn plan(disk: impl Fn() -> Extents + 'static, work: impl Fn(&mut dyn Files) + 'static) -> Plan {
    Plan { disk: Box::new(disk), pool: POOL, full: false, bounce: None, work: Box::new(work) }
}

fn empty() -> Extents {
    Extents::new(1200, CLUSTER)
}

fn with(files: Vec<(String, Vec<u8>)>) -> impl Fn() -> Extents {
    move || {
        let bytes: usize = files.iter().map(|(_, bytes)| bytes.len() + CLUSTER).sum();
        let mut disk = Extents::new((bytes / CLUSTER) as u32 + 100, CLUSTER);
        files.iter().for_each(|(path, bytes)| disk.put(path, bytes));
        disk
    }
}

fn one(path: &str, bytes: &[u8]) -> impl Fn() -> Extents + use<> {
    with(vec![(path.to_string(), bytes.to_vec())])
}

fn plans(name: &str) -> Plan {
    let (number, variant) = name.split_once('.').unwrap_or((name, ""));
    let mut plan = match number {
        "1" | "9" => {
            let bytes = pattern(1, 16 << 20);
            let step = match variant {
                "small" => 64,
                "" => 32 << 10,
                step => step.parse().expect("a number"),
            };
            plan(one("big", &bytes), move |files| work::sequential(files, step, &bytes))
        }
        "2" | "2b" => {
            let bytes = pattern(2, 4 << 20);
            plan(one("big", &bytes), move |files| work::random(files, 20_000, &bytes))
        }
        "3" => plan(empty, work::database),
        "4" | "4b" => {
            let bytes = pattern(4, 40 << 10);
            let by_lines = number == "4b";
            plan(one("config", &bytes), move |files| match by_lines {
                true => work::lines(files, &bytes),
                false => work::settings(files, &bytes),
            })
        }
        "5" => {
            let all: Vec<Vec<u8>> = work::small_sizes().iter().map(|size| pattern(*size as u64, *size)).collect();
            let named = all.iter().enumerate().map(|(n, bytes)| (format!("small{n}"), bytes.clone())).collect();
            plan(with(named), move |files| work::small_files(files, &all))
        }
        "6a" => plan(empty, |files| drop(work::many_written(files))),
        "6c" => {
            let mut dice = work::Dice::new(6);
            let all: Vec<Vec<u8>> = (0..200).map(|n| pattern(n, dice.range(20 << 10, 60 << 10))).collect();
            let named = all.iter().enumerate().map(|(n, bytes)| (format!("new{n}"), bytes.clone())).collect();
            plan(with(named), move |files| work::many_read(files, &all))
        }
        "6d" => plan(empty, work::covers),
        "7" => {
            // Of songs nobody minds the bytes.
            let disk = || {
                let mut disk = Extents::new((200 * work::SONG / CLUSTER) as u32 + 100, CLUSTER);
                (0..200).for_each(|n| disk.put_zeros(&format!("song{n}"), work::SONG));
                disk
            };
            plan(disk, |files| work::tags(files, 200))
        }
        "8" => {
            let (song, database) = (pattern(8, 30 << 20), pattern(80, 4 << 20));
            let named = vec![("big".to_string(), song.clone()), ("database".to_string(), database.clone())];
            plan(with(named), move |files| work::stream(files, &song, &database))
        }
        "10" => plan(empty, work::log),
        "11" => {
            let bytes = pattern(11, 30 << 20);
            plan(one("big", &bytes), move |files| work::random(files, 2000, &bytes))
        }
        _ => panic!("which workload is {name}?"),
    };
    plan.full = variant == "full";
    plan.bounce = (number == "9").then_some(10);
    plan.pool = match name {
        "1.small" => PLAYER_POOL,
        "2b" => SMALL_POOL,
        _ => POOL,
    };
    plan
}

/// A pool of so many bytes over a volume.
fn world(pool: usize, on: Extents) -> World {
    let disk = on.disk();
    World::new(pool, Box::new(on), disk)
}

/// Our figures, unless the workload needs what is not there.
fn ours(plan: &Plan) -> Counts {
    let world = world(plan.pool, (plan.disk)());
    let mut files = Ours::<Plain>::new(world.pool());
    if plan.full {
        files.fill();
    }
    let before = media(|media| media.counts());
    (plan.work)(&mut files);
    media(|media| media.counts().since(&before))
}

fn reference(plan: &Plan) -> Counts {
    let _world = world(64 << 10, (plan.disk)());
    let mut files = Uncached::<Plain>::new();
    files.bounce = plan.bounce;
    (plan.work)(&mut files);
    media(|media| media.counts())
}

fn main() {
    let only = std::env::var("ROW").unwrap_or_default();
    table::heading();
    let (mut met, mut all) = (0, 0);
    for row in ROWS {
        if !only.is_empty() && only != row.name {
            continue;
        }
        let plan = plans(row.name);
        let (met_here, all_here) = table::print(row, &ours(&plan), &reference(&plan));
        met += met_here;
        all += all_here;
    }
    if only.is_empty() {
        recording::run();
    }
    if only.is_empty() || only == "speed" {
        speed::run();
    }
    println!("\n{met} of {all} reached.");
}
