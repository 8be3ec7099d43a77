//! The file system exerciser (the crate `fsx`, as a program) over our files: tests/fsx/shim.c takes its calls to a disk
//! image through the cache, while somebody else keeps taking all memory. It checks every byte that it reads.
//!
//! FSX_OPERATIONS and FSX_SEEDS make it longer: `make fsx`. Without the program, which `make test` tries to install, the
//! trials are skipped and counted as that.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};
use support::{archive, compiler, root, run, scratch};

/// What is exercised in which memory.
#[derive(Clone, Copy)]
struct Plan {
    name: &'static str,
    /// Bytes of the core pool.
    pool: u32,
    /// Bytes of the file, and of one operation, at most; operations begin and end at multiples of `align`.
    file: u32,
    most: u32,
    align: u32,
}

/// A pool in which hardly anything fits, one that holds the file in part, one that holds all of it; and operations so long
/// that they go past the cache.
const PLANS: [Plan; 4] = [
    Plan { name: "tiny", pool: 160_000, file: 262_144, most: 65_536, align: 1 },
    Plan { name: "small", pool: 300_000, file: 262_144, most: 65_536, align: 1 },
    Plan { name: "ample", pool: 2_000_000, file: 262_144, most: 65_536, align: 1 },
    Plan { name: "little", pool: 300_000, file: 700_000, most: 262_144, align: 512 },
];

/// All the ways that our files know.
const WEIGHTS: &str = "\
[weights]
close_open = 0.5
invalidate = 0
mapread = 2
mapwrite = 2
read = 5
write = 5
truncate = 1
fsync = 0.2
fdatasync = 0.1
";

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The shim, built once for all trials.
fn shim() -> PathBuf {
    let library = scratch("fsx-shim").join("shim.so");
    let mut build = Command::new(compiler(false));
    build.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I"]);
    build.arg(root().join("include")).arg(root().join("tests/fsx/shim.c")).arg(archive("host"));
    run(build.args(["-lpthread", "-ldl", "-lm", "-o"]).arg(&library));
    library
}

/// What the shim said it did, by the word behind the number.
fn count(report: &str, what: &str) -> u64 {
    let before = report.split(what).next().unwrap_or_default();
    before.split_whitespace().next_back().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn exercise(tool: &Path, shim: &Path, plan: Plan, seed: u64, operations: u64) -> Result<(), Failed> {
    let Plan { name, pool, file, most, align } = plan;
    let dir = scratch(&format!("fsx-{name}-{seed}"));
    let config = format!("flen = {file}\n[opsize]\nmax = {most}\nalign = {align}\n{WEIGHTS}");
    fs::write(dir.join("fsx.toml"), config)?;
    let file = dir.join("file");
    let output = Command::new(tool)
        .args(["-f", "fsx.toml", "-N", &operations.to_string(), "-S", &seed.to_string(), "-P", "."])
        .arg(&file)
        .current_dir(&dir)
        .env("LD_PRELOAD", shim)
        .env("RM_FILE", &file)
        .env("RM_IMAGE", dir.join("image"))
        .env("RM_POOL", pool.to_string())
        .output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    if !output.status.success() || !said.contains("A-OK") {
        let tail: Vec<&str> = said.lines().rev().take(40).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return Err(format!("{}: {}\n{}", dir.display(), output.status, tail.join("\n")).into());
    }
    // It went through our files, and memory was short.
    assert!(count(&said, "calls") > operations, "{said}");
    assert!(count(&said, "mappings") > operations / 20, "{said}");
    assert!(count(&said, "times without memory") > operations / 50, "{said}");
    // Long operations went past the cache.
    assert!(most < 100_000 || count(&said, "transfers past") > operations / 20, "{said}");
    fs::remove_file(dir.join("image"))?;
    Ok(())
}

fn main() {
    let arguments = Arguments::from_args();
    let tool = root().join("build/tools/bin/fsx");
    let missing = !tool.exists();
    if missing {
        eprintln!("skipped: the program fsx is not here (tools/need.sh fsx)");
    }
    let (operations, seeds) = (number("FSX_OPERATIONS", 10_000), number("FSX_SEEDS", 1));
    let shim = if missing || arguments.list { PathBuf::new() } else { shim() };
    let mut trials = Vec::new();
    for seed in 1..=seeds {
        for plan in PLANS {
            let (tool, shim) = (tool.clone(), shim.clone());
            let trial = Trial::test(format!("fsx_with_{}_memory_and_seed_{seed}", plan.name), move || {
                exercise(&tool, &shim, plan, seed, operations)
            });
            trials.push(trial.with_ignored_flag(missing));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}
