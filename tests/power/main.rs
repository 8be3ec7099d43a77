//! The power goes: at every write of a workload, in order, with the last command torn, with commands reordered.

#[path = "../support/disk/mod.rs"]
mod disk;
mod sequences;
mod verdict;
mod volumes;

use disk::fat::check::{Verdict, check};
use disk::fat::fsck;
use disk::fat::volume::format;
use disk::fatdisk::Fat;
use disk::files::{Files, Mode};
use disk::image::Image;
use disk::ours::Ours;
use disk::port::{Plain, World};
use disk::story::{Op, Told, tell};
use disk::uncached::Uncached;
use verdict::{Disk, cut_everywhere};

const ALL: [Disk; 3] = [Disk::InOrder, Disk::Torn, Disk::Reordered];

/// The smallest volumes with entries of 16 and of 32 bits, and one with clusters of four sectors.
fn volumes() -> [Image; 3] {
    [format(4300, 1), format(66_600, 1), format(18_000, 4)]
}

/// Tells a story to files over a FAT volume; at its end everything is closed, and the volume clean.
fn over_fat(image: Image, setup: usize, ops: &[Op], serve: impl FnOnce(&World) -> Box<dyn Files>) -> Told {
    let (volume, disk) = Fat::mount(image).expect("a volume");
    let world = World::new(512 << 10, Box::new(volume), disk.clone());
    let mut files = serve(&world);
    let told = tell(files.as_mut(), &disk, setup, ops);
    world.unmount().expect("an orderly end");
    let image = disk.lock().image().clone();
    let report = check(&image);
    if told.states.last().is_some_and(|state| state.writers.iter().all(|writers| *writers == 0)) {
        assert_eq!(report.verdict(), Verdict::Clean, "without a cut: {report:?}");
        assert!(fsck::is_clean(&image).is_none_or(|said| said.is_ok()), "without a cut, by fsck.vfat");
    }
    told
}

fn uncached(_: &World) -> Box<dyn Files> {
    Box::new(Uncached::<Plain>::new())
}

fn ours(world: &World) -> Box<dyn Files> {
    Box::new(Ours::<Plain>::new(world.pool()))
}

const fn open(slot: usize, path: &'static str, mode: Mode) -> Op {
    Op::Open { slot, path, mode }
}

/// Stories, each with the number of operations before its persistence point.
fn stories() -> Vec<(&'static str, usize, Vec<Op>)> {
    let write = |slot, at, len| Op::Write { slot, at, len };
    let close = |slot| Op::Close { slot };
    let mut small = vec![open(0, "new.txt", Mode::Create)];
    small.extend((0..40).map(|_| Op::Append { slot: 0, len: 100 }));
    small.extend([Op::Sync { slot: 0 }, Op::Append { slot: 0, len: 3000 }, close(0)]);
    let mut three: Vec<Op> = (0..3).map(|slot| open(slot, ["a", "b", "c"][slot], Mode::Write)).collect();
    three.extend((0..45).map(|n| Op::Append { slot: n % 3, len: 300 + 17 * n }));
    three.extend((0..3).map(close));
    vec![
        ("a file in small writes", 0, small),
        ("three files side by side", 0, three),
        (
            "a file changed in the middle",
            3,
            vec![
                open(0, "f", Mode::Create),
                write(0, 0, 9000),
                Op::Sync { slot: 0 },
                write(0, 1000, 3000),
                Op::Map { slot: 0, at: 5000, len: 700 },
                Op::Sync { slot: 0 },
                write(0, 8000, 5000),
                Op::Truncate { slot: 0, size: 4500 },
                Op::Append { slot: 0, len: 2000 },
                close(0),
            ],
        ),
        (
            "a file that is emptied and written anew",
            3,
            vec![
                open(0, "config", Mode::Create),
                write(0, 0, 3000),
                close(0),
                open(0, "config", Mode::Create),
                write(0, 0, 2500),
                close(0),
                open(0, "config", Mode::Append),
                Op::Append { slot: 0, len: 80 },
                close(0),
            ],
        ),
        (
            "a file put in another one's place",
            6,
            vec![
                open(0, "old", Mode::Create),
                write(0, 0, 3000),
                close(0),
                open(0, "other", Mode::Create),
                write(0, 0, 1000),
                close(0),
                open(0, "old.tmp", Mode::Create),
                write(0, 0, 4000),
                close(0),
                Op::Rename { from: "old.tmp", to: "old" },
                Op::Remove { path: "other" },
                open(0, "more", Mode::Create),
                write(0, 0, 6000),
                close(0),
            ],
        ),
        (
            "a file removed while it is open",
            4,
            vec![
                open(0, "gone", Mode::Create),
                write(0, 0, 5000),
                Op::Sync { slot: 0 },
                open(1, "stays", Mode::Create),
                Op::Remove { path: "gone" },
                write(0, 5000, 3000),
                write(1, 0, 3000),
                close(0),
                close(1),
            ],
        ),
        (
            "long writes that no memory would hold",
            3,
            vec![
                open(0, "long", Mode::Create),
                write(0, 0, 150_000),
                Op::Sync { slot: 0 },
                write(0, 40_000, 1000),
                write(0, 65_536, 70_000),
                Op::Append { slot: 0, len: 362 },
                Op::Append { slot: 0, len: 131_072 },
                Op::Truncate { slot: 0, size: 200_704 },
                write(0, 200_704, 100_000),
                close(0),
            ],
        ),
        (
            "memory that comes and goes",
            1,
            vec![
                open(0, "f", Mode::Create),
                write(0, 0, 7000),
                Op::Evict,
                write(0, 2000, 600),
                Op::Idle,
                Op::Append { slot: 0, len: 700 },
                Op::Evict,
                close(0),
            ],
        ),
    ]
}

/// Cuts a story everywhere; the volume is at most as bad as `most` says of each number of operations done.
fn judge(name: &str, told: &Told, most: impl Fn(Disk, usize) -> Verdict) -> Vec<Vec<Option<Verdict>>> {
    let judged = ALL.into_iter().map(|disk| {
        let outcome = cut_everywhere(told, disk, 1);
        assert_eq!(outcome.wrong, None, "{name}, {disk:?}");
        for (done, (verdict, words)) in outcome.worst.iter().enumerate() {
            assert!(*verdict <= Some(most(disk, done)), "{name}, {disk:?}, after {done}: {verdict:?} {words}");
        }
        outcome.worst.into_iter().map(|(verdict, _)| verdict).collect()
    });
    judged.collect()
}

/// What the format itself cannot do better: a name in two places while it is changed.
fn format_allows(op: Option<&Op>) -> Verdict {
    if matches!(op, Some(Op::Rename { .. })) { Verdict::Twins } else { Verdict::Allowed }
}

#[test]
fn the_reference_loses_nothing_and_leaves_the_volume_as_allowed() {
    for (name, setup, ops) in stories() {
        for image in volumes() {
            let told = over_fat(image, setup, &ops, uncached);
            judge(name, &told, |_, done| format_allows(ops.get(setup + done)));
        }
    }
}

#[test]
fn ours_loses_nothing_and_is_never_worse_than_the_reference_cut_at_the_same_operation() {
    for (name, setup, ops) in stories() {
        for image in volumes() {
            let reference = over_fat(image.clone(), setup, &ops, uncached);
            let allowed = judge(name, &reference, |_, _| Verdict::Broken);
            let told = over_fat(image, setup, &ops, ours);
            judge(name, &told, |disk, done| allowed[disk as usize][done].unwrap_or_default().max(Verdict::Allowed));
        }
    }
}

#[test]
fn a_layer_that_confirms_too_early_is_caught() {
    let write = |at| Op::Write { slot: 0, at, len: 3000 };
    let story = [open(0, "f", Mode::Create), write(0), Op::Sync { slot: 0 }, write(3000), Op::Close { slot: 0 }];
    let (volume, disk) = Fat::mount(format(4300, 1)).expect("a volume");
    let world = World::new(64 << 10, Box::new(volume), disk.clone());
    let mut lazy = Uncached::<Plain>::new();
    lazy.lazy = true;
    let told = tell(&mut lazy, &disk, 0, &story);
    drop(world);
    assert!(ALL.iter().any(|disk| cut_everywhere(&told, *disk, 1).wrong.is_some()));
}
