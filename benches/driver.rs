//! `make bench`: the workloads, ours beside a reference, in one table.
//!
//! The workloads are C programs (`benches/c`), one per group, which the Makefile links once with
//! our archive and, when `REF=` names another with the same C names, once with that. This driver
//! runs them and prints the table that `benches/rows` describes. Counts are exact and repeatable;
//! times are medians, to be compared with the column beside them rather than with another
//! machine's.

mod peer;
mod purging;
mod replay;
mod table;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use table::{Figures, Plan, Programs};

/// Every list of rows, in the order of the table.
const ROWS: &[&str] =
    &[include_str!("rows/buflib.txt"), include_str!("rows/purging.txt"), include_str!("rows/mmap.txt")];

fn setting(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|v| !v.is_empty()).map(Into::into)
}

fn bench() -> Result<(), String> {
    let programs = Programs {
        ours: setting("BENCH_OURS").ok_or("run this with `make bench`")?,
        locks: setting("BENCH_LOCKS"),
        reference: setting("BENCH_REF"),
    };
    let only = env::var("ONLY").unwrap_or_default();
    let plan = Plan::parse(ROWS)?;
    let mut figures = Figures::default();

    for (name, times) in plan.programs() {
        if only.is_empty() || only == name {
            eprintln!("bench: {name}");
            figures.run(&programs, name, times)?;
        }
    }
    if only.is_empty() || only == "purging" {
        eprintln!("bench: purging");
        purging::run(&mut figures);
    }
    if figures.ours("heap.used").is_some() {
        figures.add_peer("heap.used", peer::heap_used_by_rlsf());
    }
    plan.print(&figures, programs.reference.is_some(), !only.is_empty());
    Ok(())
}

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}
