//! All sequences of up to three operations after a persistence point, the power cut among them, and cut at every write.

use crate::disk::cut::Cuts;
use crate::disk::fat::check::{Verdict, check};
use crate::disk::fat::volume::format;
use crate::disk::fatdisk::Fat;
use crate::disk::files::Mode;
use crate::disk::image::Image;
use crate::disk::ours::Ours;
use crate::disk::port::{Plain, World};
use crate::disk::story::{Op, State, Told, tell_on};
use crate::verdict::{Disk, cut_everywhere, files_are_right};
use crate::{format_allows, open};

/// One of what may happen, whatever the file is called then and whether or not it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Write,
    Append,
    Truncate,
    Map,
    Sync,
    Close,
    Rename,
    Remove,
    Evict,
    Cut,
}

const STEPS: [Step; 10] = [
    Step::Write,
    Step::Append,
    Step::Truncate,
    Step::Map,
    Step::Sync,
    Step::Close,
    Step::Rename,
    Step::Remove,
    Step::Evict,
    Step::Cut,
];

/// The operations of a step: what is closed is opened first, what is gone is made anew.
fn ops_of(step: Step, state: &State) -> Vec<Op> {
    let path = ["f", "h"].into_iter().find(|path| state.names.contains_key(*path));
    let other = if path == Some("f") { "h" } else { "f" };
    let mut ops = Vec::new();
    let on_a_descriptor = [Step::Write, Step::Append, Step::Truncate, Step::Map, Step::Sync, Step::Close];
    if on_a_descriptor.contains(&step) && !state.allows(Op::Sync { slot: 0 }) {
        ops.push(open(0, path.unwrap_or("f"), Mode::Write));
    }
    match step {
        Step::Write => ops.push(Op::Write { slot: 0, at: 700, len: 1500 }),
        Step::Append => ops.push(Op::Append { slot: 0, len: 900 }),
        Step::Truncate => ops.push(Op::Truncate { slot: 0, size: 1200 }),
        Step::Map => ops.push(Op::Map { slot: 0, at: 300, len: 1000 }),
        Step::Sync => ops.push(Op::Sync { slot: 0 }),
        Step::Close => ops.push(Op::Close { slot: 0 }),
        Step::Rename => ops.extend(path.map(|from| Op::Rename { from, to: other })),
        Step::Remove => ops.extend(path.map(|path| Op::Remove { path })),
        Step::Evict => ops.push(Op::Evict),
        Step::Cut => {}
    }
    ops
}

/// A disk with two files and nothing else, and how its files are.
fn persistence_point(empty: Image) -> (Image, State) {
    let (volume, disk) = Fat::mount(empty).expect("a volume");
    let world = World::new(256 << 10, Box::new(volume), disk.clone());
    let mut files = Ours::<Plain>::new(world.pool());
    let mut state = State::default();
    let setup = [
        open(0, "f", Mode::Create),
        Op::Append { slot: 0, len: 5000 },
        Op::Close { slot: 0 },
        open(0, "g", Mode::Create),
        Op::Append { slot: 0, len: 2000 },
        Op::Close { slot: 0 },
    ];
    for (n, op) in setup.into_iter().enumerate() {
        state.tell(&mut files, op, n, 0).expect("a setup");
    }
    world.unmount().expect("an orderly end");
    let image = disk.lock().image().clone();
    assert_eq!(check(&image).verdict(), Verdict::Clean, "the persistence point");
    (image, state)
}

/// What a disk holds after a cut, as the state from which things go on.
fn found(image: &Image) -> State {
    let report = check(image);
    let mut state = State::default();
    for path in report.files.keys() {
        let bytes = report.read(image, path).expect("a file that was found");
        state.add(&path[1..], bytes);
    }
    state
}

/// Tells the steps up to the next cut from a disk on; how many those were.
fn segment(image: &Image, state: &State, steps: &[Step], number: usize) -> (Told, Vec<Op>, usize) {
    let (volume, disk) = Fat::mount(image.clone()).expect("a volume");
    let world = World::new(256 << 10, Box::new(volume), disk.clone());
    let mut files = Ours::<Plain>::new(world.pool());
    let mut told = Told::begin(state.clone(), &disk);
    let mut ops = Vec::new();
    if state.names.contains_key("f") {
        // The file is open when things begin.
        ops.extend(tell_on(&mut told, &mut files, &disk, &[open(0, "f", Mode::Write)], number));
    }
    let count = steps.iter().position(|step| *step == Step::Cut).unwrap_or(steps.len());
    for step in &steps[..count] {
        let next = ops_of(*step, told.states.last().expect("a state"));
        let number = number + ops.len();
        ops.extend(tell_on(&mut told, &mut files, &disk, &next, number));
    }
    told.end(&disk);
    let state = told.states.last().expect("a state");
    state.compare(&mut files);
    if count == steps.len() {
        // Without a cut: all is on the disk at the end, and the volume clean.
        if state.allows(Op::Close { slot: 0 }) {
            state.clone().tell(&mut files, Op::Close { slot: 0 }, 0, 0).expect("closed");
        }
        world.unmount().expect("an orderly end");
        let image = disk.lock().image().clone();
        let report = check(&image);
        // What an earlier cut left stays.
        assert!(report.verdict() <= check(&told.before).verdict(), "{steps:?} without a cut: {report:?}");
        for (name, file) in &state.names {
            assert_eq!(
                report.read(&image, &format!("/{name}")).as_ref(),
                Some(&*state.bytes[*file]),
                "{steps:?}: {name}"
            );
        }
    }
    drop(world);
    (told, ops, count)
}

fn sequence(start: &(Image, State), steps: &[Step], disks: &[Disk]) -> usize {
    let (mut image, mut state) = start.clone();
    let (mut at, mut number, mut cuts) = (0, 0, 0);
    loop {
        let (told, ops, count) = segment(&image, &state, &steps[at..], number);
        at += count;
        number += ops.len() + 1;
        for disk in disks {
            let outcome = cut_everywhere(&told, *disk, 1);
            assert_eq!(outcome.wrong, None, "{steps:?}, {disk:?}: {ops:?}");
            cuts += outcome.cuts;
            for (done, (verdict, words)) in outcome.worst.iter().enumerate() {
                let most = format_allows(ops.get(done)).max(Verdict::Allowed);
                assert!(*verdict <= Some(most), "{steps:?}, {disk:?}, {done} of {ops:?} done: {verdict:?} {words}");
            }
        }
        if at == steps.len() {
            return cuts;
        }
        // The step is a cut: what was confirmed is there, and things go on with what is on the disk.
        at += 1;
        let mut all = Cuts::new(told.before.clone(), &told.log);
        while all.advance() {}
        image = all.in_order();
        let done = told.states.len() - 1;
        files_are_right(&check(&image), &image, &told, done, Disk::InOrder).expect("what was confirmed");
        state = found(&image);
        if at == steps.len() {
            return cuts;
        }
    }
}

fn every_sequence(empty: Image) {
    let start = persistence_point(empty);
    let mut cuts = 0;
    for first in STEPS {
        cuts += sequence(&start, &[first], &crate::ALL);
        for second in STEPS {
            cuts += sequence(&start, &[first, second], &crate::ALL);
            for third in STEPS {
                cuts += sequence(&start, &[first, second, third], &crate::ALL);
            }
        }
    }
    println!("{cuts} cuts");
}

#[test]
fn every_sequence_of_three_operations_survives_a_cut_at_every_write_of_a_fat16_volume() {
    every_sequence(format(4300, 1));
}

/// There the root directory is a chain, and a sector beside the tables counts what is free.
#[test]
fn every_sequence_of_three_operations_survives_a_cut_at_every_write_of_a_fat32_volume() {
    every_sequence(format(66_600, 1));
}
