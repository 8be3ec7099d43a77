//! Every command fails in turn, once or for ever, whole or in part; every allocation fails in turn: nothing that was
//! confirmed is lost, what failed is told, and can be tried again.

#[path = "../support/disk/mod.rs"]
mod disk;
mod run;

use disk::fat::volume::format;
use disk::fatdisk::Fat;
use disk::files::{Files, Mode};
use disk::media::{Fault, Which};
use disk::ours::Ours;
use disk::port::{Plain, World};
use disk::story::Op;
use disk::uncached::Uncached;
use run::Run;

fn open(slot: usize, path: &'static str, mode: Mode) -> Op {
    Op::Open { slot, path, mode }
}

/// Reads, writes, appends, shortens, closes and opens again, in memory that comes and goes.
fn workloads() -> Vec<Vec<Op>> {
    let write = |at, len| Op::Write { slot: 0, at, len };
    let append = |len| Op::Append { slot: 0, len };
    let (sync, close) = (Op::Sync { slot: 0 }, Op::Close { slot: 0 });
    vec![
        vec![
            open(0, "log", Mode::Append),
            append(700),
            sync,
            append(100),
            append(3000),
            close,
            open(0, "log", Mode::Append),
            append(80),
            close,
            open(0, "log", Mode::Write),
            Op::Truncate { slot: 0, size: 900 },
            append(50),
            close,
        ],
        vec![
            open(0, "data", Mode::Create),
            append(9000),
            sync,
            Op::Evict,
            write(100, 50),
            write(5000, 2000),
            Op::Evict,
            write(3000, 600),
            Op::Idle,
            sync,
            Op::Map { slot: 0, at: 2000, len: 3000 },
            sync,
            write(8500, 4000),
            close,
        ],
        vec![
            open(0, "old", Mode::Create),
            append(2000),
            close,
            open(0, "new", Mode::Create),
            append(2500),
            sync,
            close,
            Op::Rename { from: "new", to: "old" },
            open(0, "old", Mode::Write),
            Op::Evict,
            write(1000, 1000),
            close,
            Op::Remove { path: "old" },
        ],
    ]
}

/// Tells every workload with the n-th command failing, for every n there is; how many there were.
fn every_command(fault: impl Fn(u64) -> Fault) -> u64 {
    let mut struck = 0;
    for ops in workloads() {
        for n in 1.. {
            let (volume, disk) = Fat::mount(format(4300, 1)).expect("a volume");
            let world = World::new(256 << 10, Box::new(volume), disk.clone());
            let mut run = Run::new(Box::new(Ours::<Plain>::new(world.pool())), disk.clone(), fault(n).ever);
            disk.lock().fail(Some(fault(n)));
            run.tell(&ops);
            let met = disk.lock().struck();
            disk.lock().fail(None);
            run.heal(&format!("command {n} of {ops:?}"));
            if !met {
                break;
            }
            struck += 1;
        }
    }
    struck
}

#[test]
fn every_read_fails_in_turn() {
    for ever in [false, true] {
        let fault = |n| Fault { which: Which::Reads, after: n, ever, torn: 0 };
        assert!(every_command(fault) > 10);
    }
}

#[test]
fn every_write_fails_in_turn_and_is_told_by_the_next_sync_or_close() {
    for (ever, torn) in [(false, 0), (true, 0), (false, 1)] {
        let fault = |n| Fault { which: Which::Writes, after: n, ever, torn };
        assert!(every_command(fault) > 40);
    }
}

/// A workload over a fresh volume: data commands that it took from operation `taken` on, before which somebody takes all
/// memory that is left, and keeps it.
fn commands(ops: &[Op], ours: bool, taken: usize) -> u64 {
    let (volume, disk) = Fat::mount(format(4300, 1)).expect("a volume");
    let world = World::new(256 << 10, Box::new(volume), disk.clone());
    let files: Box<dyn Files> = match ours {
        true => Box::new(Ours::<Plain>::new(world.pool())),
        false => Box::new(Uncached::<Plain>::new()),
    };
    let mut run = Run::new(files, disk.clone(), false);
    run.tell(&ops[..taken]);
    if ours {
        Ours::<Plain>::new(world.pool()).fill();
    }
    let before = disk.lock().counts();
    run.tell(&ops[taken..]);
    let data = disk.lock().counts().since(&before).data();
    run.heal(&format!("memory gone before operation {taken} of {ops:?}"));
    data.reads + data.writes
}

#[test]
fn when_all_memory_goes_at_any_moment_the_reserve_does_and_costs_no_more_than_the_reference() {
    for mut ops in workloads() {
        // Mappings need memory of their own, and the reference has nothing to write when others want memory.
        ops.retain(|op| !matches!(op, Op::Map { .. } | Op::Evict | Op::Idle));
        for taken in 0..=ops.len() {
            let reference = commands(&ops, false, taken);
            let ours = commands(&ops, true, taken);
            assert!(
                ours <= reference,
                "{ours} commands, the reference {reference}: memory gone before {taken} of {ops:?}"
            );
        }
    }
}
