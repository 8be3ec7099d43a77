//! Runs the bench programs and gathers what they print.
//!
//! Programs are run in turn, ours then the reference's, as often as the group asks for, so that
//! whatever else the machine does falls on both. A figure is the median of its repetitions.

use super::Unit;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the programs are, each folder with the same names inside.
pub struct Programs {
    /// Linked with our archive.
    pub ours: PathBuf,
    /// The same with the locks of the header on; only the programs that show a difference.
    pub locks: Option<PathBuf>,
    /// Linked with the reference.
    pub reference: Option<PathBuf>,
}

/// Who a figure is of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Ours,
    Reference,
    Peer,
}

/// Every figure of a run, by who and by name.
#[derive(Default)]
pub struct Figures {
    samples: BTreeMap<(Who, String), Vec<f64>>,
    units: BTreeMap<String, Unit>,
}

impl Figures {
    /// The unit of a name; a plain count if nobody printed it.
    pub fn unit(&self, name: &str) -> Unit {
        self.units.get(name).copied().unwrap_or_default()
    }

    /// Our figure.
    pub fn ours(&self, name: &str) -> Option<f64> {
        self.median(Who::Ours, name)
    }

    /// The reference's figure.
    pub fn reference(&self, name: &str) -> Option<f64> {
        self.median(Who::Reference, name)
    }

    /// The figure of somebody else's code that did the same.
    pub fn peer(&self, name: &str) -> Option<f64> {
        self.median(Who::Peer, name)
    }

    /// Adds a figure of ours that did not come from a bench program.
    pub fn add_ours(&mut self, name: &str, value: f64, unit: Unit) {
        self.units.insert(name.to_string(), unit);
        self.add(Who::Ours, name, value);
    }

    /// Adds a peer's figure that did not come from a bench program.
    pub fn add_peer(&mut self, name: &str, value: f64) {
        self.add(Who::Peer, name, value);
    }

    /// Runs one program `times` times with everything it was linked with.
    pub fn run(&mut self, programs: &Programs, name: &str, times: usize) -> Result<(), String> {
        for _ in 0..times {
            self.run_one(&programs.ours.join(name), Who::Ours, "")?;
            // Not every workload has a counterpart.
            let reference = programs.reference.as_ref().map(|folder| folder.join(name));
            if let Some(program) = reference.filter(|program| program.exists()) {
                self.run_one(&program, Who::Reference, "")?;
            }
            let locked = programs.locks.as_ref().map(|folder| folder.join(name));
            if let Some(program) = locked.filter(|program| program.exists()) {
                self.run_one(&program, Who::Ours, ".locks")?;
            }
        }
        Ok(())
    }

    fn run_one(&mut self, program: &Path, who: Who, suffix: &str) -> Result<(), String> {
        let shown = program.display();
        let output = Command::new(program).output().map_err(|e| format!("{shown}: {e}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        for line in text.lines() {
            let mut fields = line.split('\t');
            let (Some(name), Some(value), Some(unit)) = (fields.next(), fields.next(), fields.next()) else {
                return Err(format!("{shown}: cannot read \"{line}\""));
            };
            let value: f64 = value.parse().map_err(|e| format!("{shown}: {value}: {e}"))?;
            let unit = Unit::parse(unit).ok_or(format!("{shown}: unknown unit {unit}"))?;
            // A peer is in both programs; all of its figures are samples of the same thing.
            let (who, name) = match name.strip_suffix(".peer") {
                Some(name) => (Who::Peer, name.to_string()),
                None => (who, format!("{name}{suffix}")),
            };
            self.units.insert(name.clone(), unit);
            self.add(who, &name, value);
        }
        if output.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&output.stderr);
        Err(format!("{shown}: {}: {}", output.status, why.trim()))
    }

    fn add(&mut self, who: Who, name: &str, value: f64) {
        let key = (who, name.to_string());
        self.samples.entry(key).or_default().push(value);
    }

    fn median(&self, who: Who, name: &str) -> Option<f64> {
        let mut all = self.samples.get(&(who, name.to_string()))?.clone();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }
}
