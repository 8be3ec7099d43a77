//! What may be on the disk after a cut.
//!
//! Between the moment that a file's bytes were confirmed and the cut, operations may have changed them, and any part of
//! those changes may be there: a byte is right if it is what some state since then says. A file is there under a name
//! that it had; how long the chains are and what else the volume may show says `disk::fat::check`.

use std::collections::BTreeSet;

use crate::disk::cut::Cuts;
use crate::disk::fat::check::{Report, Verdict, check};
use crate::disk::image::{Image, SECTOR};
use crate::disk::story::{State, Told};

/// How the disk treats what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    InOrder,
    /// The last command is written in part.
    Torn,
    /// Since the last flush or confirmation, anything may be there or not.
    Reordered,
}

/// What the cuts of a story showed.
#[derive(Default)]
pub struct Outcome {
    /// By operations that were done: the worst verdict on the volume, and its words.
    pub worst: Vec<(Option<Verdict>, String)>,
    /// Cuts that were looked at.
    pub cuts: usize,
    /// The first cut after which a file was not as it should be.
    pub wrong: Option<String>,
}

/// Whether the bytes could be this file's: every byte and the length as some of the states say.
fn is_of(file: usize, since: usize, states: &[State], bytes: &[u8]) -> bool {
    let versions = || states[since..].iter().filter_map(|state| state.bytes.get(file));
    let (least, most) =
        versions().fold((usize::MAX, 0), |(least, most), version| (least.min(version.len()), most.max(version.len())));
    // Most pieces are of one version.
    let right = |(n, piece): (usize, &[u8])| {
        let at = n * SECTOR;
        versions().any(|version| version.get(at..at + piece.len()) == Some(piece))
            || piece.iter().enumerate().all(|(n, byte)| versions().any(|version| version.get(at + n) == Some(byte)))
    };
    (least..=most).contains(&bytes.len()) && bytes.chunks(SECTOR).enumerate().all(right)
}

/// Looks at the disk after a cut, `done` operations being confirmed; the first thing that is wrong with the files.
pub fn files_are_right(report: &Report, image: &Image, told: &Told, done: usize, disk: Disk) -> Result<(), String> {
    // The operation that was under way counts as done, as far as it came.
    let states = &told.states[..told.states.len().min(done + 2)];
    let count = states.last().map_or(0, |state| state.bytes.len());
    let confirmed = |file: usize| states[done].confirmed.get(file).copied().flatten();
    // From which state on the names of a file may be what is on the disk.
    let named_since = |file: usize| match disk {
        Disk::Reordered => confirmed(file).unwrap_or(0),
        Disk::InOrder | Disk::Torn => done,
    };
    let names_of = |file: usize| -> (BTreeSet<&String>, bool) {
        let mut names = BTreeSet::new();
        let mut may_be_gone = false;
        for state in &states[named_since(file)..] {
            let mut own = state.names.iter().filter(|(_, of)| **of == file).map(|(name, _)| name).peekable();
            may_be_gone |= own.peek().is_none();
            names.extend(own);
        }
        (names, may_be_gone)
    };
    for file in 0..count {
        let Some(since) = confirmed(file) else { continue };
        let (names, may_be_gone) = names_of(file);
        let mut there = false;
        for name in &names {
            let Some(bytes) = report.read(image, &format!("/{name}")) else { continue };
            let others = || (0..count).filter(|other| *other != file && names_of(*other).0.contains(name));
            if is_of(file, since, states, &bytes) {
                there = true;
            } else if !others().any(|other| confirmed(other).is_none_or(|since| is_of(other, since, states, &bytes))) {
                return Err(format!("{name}: {} bytes that it never had since it was confirmed", bytes.len()));
            }
        }
        if !there && !may_be_gone {
            return Err(format!("{names:?}: gone"));
        }
    }
    for name in &report.long {
        let open = |state: &State| {
            let file = state.names.get(&name[1..]);
            file.is_none_or(|file| state.writers[*file] > 0)
        };
        if !states[done..].iter().any(open) {
            return Err(format!("{name}: longer than it is, though nobody has it open"));
        }
    }
    Ok(())
}

/// Cuts the power at every write of a story.
pub fn cut_everywhere(told: &Told, disk: Disk, seed: u64) -> Outcome {
    let mut outcome = Outcome { worst: vec![(None, String::new()); told.states.len()], ..Outcome::default() };
    let mut cuts = Cuts::new(told.before.clone(), &told.log);
    if disk == Disk::Reordered {
        cuts = cuts.confirmed_is_flushed();
    }
    let mut dice = seed;
    while cuts.advance() {
        let done = cuts.done().map_or(0, |n| n + 1);
        let images = match disk {
            Disk::InOrder => vec![cuts.in_order()],
            Disk::Torn => cuts.torn(),
            Disk::Reordered => cuts.reordered(5, 8, || {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                dice ^ dice >> 29
            }),
        };
        for image in images {
            outcome.cuts += 1;
            let report = check(&image);
            if outcome.wrong.is_none()
                && let Err(wrong) = files_are_right(&report, &image, told, done, disk)
            {
                outcome.wrong = Some(format!("cut {}, {done} operations done: {wrong}", outcome.cuts));
            }
            let worst = &mut outcome.worst[done];
            if worst.0.is_none_or(|worst| worst < report.verdict()) {
                *worst = (Some(report.verdict()), report.broken.join("; "));
            }
        }
    }
    outcome
}
