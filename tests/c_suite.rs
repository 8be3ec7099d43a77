//! The C regression tests of `tests/c`: every C test is a trial of its own, in a process of its own.
//!
//! ```text
//!   tests/c/TOPIC.c ─┐
//!   check.c pool.c … ┴─ compiled per variant, linked with the variant's archive ─► program ─ --list ─► trials
//! ```
//!
//! | variant | what is compiled and linked |
//! |---|---|
//! | `c` | as a user would: the host's archive, the default headers, threads included |
//! | `c-inline` | the host's archive and the inline functions of the headers, which is what upstream's headers have |
//! | `c-sanitized` | as `c`, under AddressSanitizer and UndefinedBehaviorSanitizer |
//! | `c-rockbox`, `c-rockbox32` | the players' archive, built for this machine, for 64 and 32 bit |
//! | `qemu-armv4t`, `qemu-armv5te`, `qemu-mips32` | the archive for such players, each program as a whole in qemu's user mode |
//! | `qemu-cortex-m7` | the same on a board with that processor and nothing else |
//! | `c-valgrind` | some programs of `c-inline`, each as a whole, under valgrind |
//! | `c-tsan` | with `ROCKMEM_TSAN_ARCHIVE=path`, the programs with threads under the thread sanitizer: `tools/tsan.sh` |
//! | `c-ref` | with `REF=path`, another archive with the same C names; tests marked as divergences are left out |
//!
//! What a machine cannot run is skipped with a line. `cargo test --test c_suite NAME` runs the tests whose names
//! contain NAME, and where it begins as names of variants do (`qemu-`), builds only those; `ROCKMEM_ARCHIVE=path` takes that for the host's archive instead of building it.

mod support;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use libtest_mimic::{Arguments, Failed, Trial};
use support::players::{PLAYERS, Player};
use support::{archive, archive_path, has, has_32_bit, root};

/// Programs that need the host's locks: what they test is only there with `ROCKMEM_THREADS` 1.
const THREADED: [&str; 2] = ["buflib_threads", "purgeable_askers"];
/// Programs that an archive of the original need not link with: its checking `buflib_get_data` is a build option, and it
/// has neither purgeable blocks nor an audio pool, nor does it count.
const NOT_IN_THE_ORIGINAL: [&str; 6] =
    ["audio_pool", "buflib_checked", "buflib_stats", "purgeable", "purgeable_askers", "purgeable_callbacks"];
/// Programs that valgrind runs, those that touch every kind of pool word and are quick about it.
const UNDER_VALGRIND: [&str; 7] =
    ["abi", "buflib_alloc", "buflib_buffer", "buflib_move", "buflib_nested", "buflib_reclaim", "buflib_shrink"];
/// The players' archive needs what a tree has, but only for the parts that a program uses.
const AS_IN_A_TREE: [&str; 2] = [INLINE, "-Wl,--gc-sections"];
const INLINE: &str = "-DROCKMEM_THREADS=0";
const THREAD_SANITIZER: &str = "-fsanitize=thread";
const SANITIZERS: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// What one of the programs takes under emulation is more than a test may take.
const TOO_LONG_FOR_QEMU: [&str; 1] = ["buflib_chaos"];

/// A way to compile and link the programs.
struct Variant {
    name: &'static str,
    archive: PathBuf,
    flags: Vec<String>,
    bits: u8,
    threads: bool,
    /// Another library than ours: no divergences.
    original: bool,
    /// The pool's memory is exactly as large as the pool: something watches what lies around it.
    exact: bool,
    player: Option<&'static Player>,
}

impl Variant {
    fn new(name: &'static str, archive: PathBuf, flags: &[&str]) -> Variant {
        let flags: Vec<_> = flags.iter().map(|flag| flag.to_string()).collect();
        let threads = !flags.contains(&INLINE.to_string());
        Variant { name, archive, flags, bits: 64, threads, original: false, exact: false, player: None }
    }

    /// The topics whose programs this variant can have.
    fn topics(&self, all: &[String]) -> Vec<String> {
        let fits = |topic: &&String| {
            (self.threads || !THREADED.contains(&topic.as_str()))
                && (self.name != "c-tsan" || THREADED.contains(&topic.as_str()))
                && (!self.original || !NOT_IN_THE_ORIGINAL.contains(&topic.as_str()))
                && (self.player.is_none()
                    || topic.as_str() != "audio_pool" && !TOO_LONG_FOR_QEMU.contains(&topic.as_str()))
        };
        all.iter().filter(fits).cloned().collect()
    }

    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_suite").join(self.name)
    }

    fn program(&self, topic: &str) -> PathBuf {
        self.folder().join(topic)
    }

    /// The compiler, as the cc crate finds it, with its flags for the word size.
    fn compiler(&self) -> Command {
        if let Some(player) = self.player {
            let mut command = player.compiler();
            command.args(&self.flags);
            return command;
        }
        let arch = if self.bits == 32 { "i686" } else { std::env::consts::ARCH };
        let target = format!("{arch}-unknown-linux-gnu");
        let mut build = cc::Build::new();
        build.target(&target).host(&target).opt_level(1).debug(true).warnings(true).extra_warnings(true);
        let mut command = build.cargo_metadata(false).get_compiler().to_command();
        command.args(["-std=gnu11", "-Werror"]).args(&self.flags);
        if self.bits == 32 {
            // Where Debian has the headers of the C library that both word sizes share.
            command.args(["-static", "-isystem", "/usr/include/x86_64-linux-gnu"]);
        }
        command
    }

    /// Compiles and links what is older than the files it is made from.
    fn build(&self, topics: &[String], helpers: &[String]) {
        fs::create_dir_all(self.folder()).expect("the target folder");
        let headers = newest(&[root().join("include/rockmem"), root().join("tests/c")], "h");
        let object = |name: &String| {
            let source = root().join("tests/c").join(name).with_extension("c");
            let object = self.folder().join(name).with_extension("o");
            if modified(&object) <= modified(&source).max(headers) {
                let mut command = self.compiler();
                command.arg("-I").arg(root().join("include")).arg("-c").arg(source);
                make(&mut command, &object);
            }
            object
        };
        let mut helpers: Vec<_> = helpers.iter().map(object).collect();
        if let Some(player) = self.player {
            helpers.extend(player.below().map(|source| {
                let object = self.folder().join(source.file_name().expect("a file")).with_extension("o");
                make(player.compiler().arg("-c").arg(source), &object);
                object
            }));
        }
        for topic in topics {
            let mut parts = vec![object(topic)];
            parts.extend(helpers.iter().cloned());
            parts.push(self.archive.clone());
            let program = self.program(topic);
            if modified(&program) <= parts.iter().map(|part| modified(part)).max().flatten() {
                let mut command = self.compiler();
                command.args(parts);
                match self.player {
                    Some(player) => command.args(player.link()),
                    None => command.args(["-lpthread", "-ldl", "-lm"]),
                };
                make(&mut command, &program);
            }
        }
    }

    /// A program's tests.
    fn trials(&self, topic: &str) -> Vec<Trial> {
        if self.player.is_some() {
            // Its tests are forks of one process, which has been translated once.
            let mut command = self.command(topic, &[]);
            return vec![Trial::test(format!("{}::{topic}", self.name), move || judge(&mut command))];
        }
        let list = self.command(topic, &["--list"]).output().expect("a program that lists its tests");
        assert!(list.status.success(), "{}: no list of tests", self.program(topic).display());
        String::from_utf8_lossy(&list.stdout)
            .lines()
            .map(|name| {
                let mut command = self.command(topic, &[name]);
                Trial::test(format!("{}::{topic}::{name}", self.name), move || judge(&mut command))
            })
            .collect()
    }

    fn command(&self, topic: &str, arguments: &[&str]) -> Command {
        let mut command = match self.player {
            Some(player) => player.command(&self.program(topic)),
            None => Command::new(self.program(topic)),
        };
        self.prepare(&mut command);
        command.args(arguments);
        command
    }

    fn prepare(&self, command: &mut Command) {
        if self.original {
            command.arg("--original");
        }
        if self.exact {
            command.env("CHECK_EXACT", "1");
        }
    }
}

/// When a file was last changed; a missing one is older than any.
fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// The last change of any file with this ending in these folders.
fn newest(folders: &[PathBuf], ending: &str) -> Option<SystemTime> {
    files(folders, ending).iter().map(|file| modified(file)).max().flatten()
}

fn files(folders: &[PathBuf], ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder of the project"))
        .map(|entry| entry.expect("a file of the project").path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    files
}

/// Runs a compiler. The result appears at once and whole: other processes may be waiting for it.
fn make(command: &mut Command, result: &Path) {
    let mut name = OsString::from(result);
    name.push(format!(".{}", std::process::id()));
    let output = command.arg("-o").arg(&name).output().expect("a C compiler");
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    fs::rename(&name, result).expect("the target folder");
}

/// Runs a test's process.
fn judge(command: &mut Command) -> Result<(), Failed> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&said)).into())
}

/// Whether nextest is at work: it runs this program once to list the tests, and then once for each test. Everything
/// is built by then, and found out.
fn is_built() -> bool {
    std::env::var_os("NEXTEST_EXECUTION_MODE").is_some()
}

/// Whether such a program can be built and run here.
fn works(variant: &Variant, wrapper: &[&str]) -> bool {
    let probe = variant.folder().join(format!("probe-{}", wrapper[0]));
    if is_built() {
        return probe.exists();
    }
    fs::create_dir_all(variant.folder()).expect("the target folder");
    let source = probe.with_extension("c");
    fs::write(&source, "int main(void) { return 0; }\n").expect("the target folder");
    let built = variant.compiler().arg(&source).arg("-o").arg(&probe).output().is_ok_and(|made| made.status.success());
    let mut command: Vec<OsString> = wrapper.iter().map(OsString::from).collect();
    command.push(OsString::from(&probe));
    let runs = || Command::new(&command[0]).args(&command[1..]).output().is_ok_and(|ran| ran.status.success());
    let works = built && runs();
    if !works {
        let _ = fs::remove_file(&probe);
        eprintln!("not checked: {}, which cannot be built or run here", variant.name);
    }
    works
}

const VALGRIND: [&str; 3] = ["valgrind", "-q", "--error-exitcode=9"];

/// A program as a whole under valgrind, which takes long to start: its tests are forks of one process.
fn trial_under_valgrind(variant: &Variant, topic: &str) -> Trial {
    let mut command = Command::new(VALGRIND[0]);
    command.args(&VALGRIND[1..]).arg(variant.program(topic)).env("CHECK_EXACT", "1");
    Trial::test(format!("c-valgrind::{topic}"), move || judge(&mut command))
}

/// The variants that a filter of the tests leaves; those that this machine can build and run.
fn variants(filter: &str) -> Vec<Variant> {
    let first = filter.split("::").next().unwrap_or_default();
    let chooses = first.starts_with("c-") || first.starts_with("qemu-");
    let wanted = |name: &str| !chooses || name.starts_with(first) || (first == "c-valgrind" && name == "c-inline");
    let make = |which| if is_built() { archive_path(which) } else { archive(which) };
    let host = || match std::env::var_os("ROCKMEM_ARCHIVE") {
        Some(path) => root().join(path),
        None => make("host"),
    };

    let mut variants = Vec::new();
    if wanted("c") {
        variants.push(Variant::new("c", host(), &[]));
    }
    if wanted("c-inline") {
        variants.push(Variant::new("c-inline", host(), &[INLINE]));
    }
    if wanted("c-sanitized") {
        let mut sanitized = Variant::new("c-sanitized", host(), &SANITIZERS);
        sanitized.exact = true;
        if works(&sanitized, &["env"]) {
            variants.push(sanitized);
        }
    }
    if wanted("c-rockbox") {
        variants.push(Variant::new("c-rockbox", make("rockbox"), &AS_IN_A_TREE));
    }
    if wanted("c-rockbox32") && has_32_bit() {
        let mut small = Variant::new("c-rockbox32", make("rockbox32"), &AS_IN_A_TREE);
        small.bits = 32;
        variants.push(small);
    }
    for player in PLAYERS.iter().filter(|player| wanted(player.name) && has(player.needs, player.name)) {
        let mut variant = Variant::new(player.name, make(player.archive), &AS_IN_A_TREE);
        variant.player = Some(player);
        variants.push(variant);
    }
    if let Some(path) = std::env::var_os("ROCKMEM_TSAN_ARCHIVE").filter(|_| wanted("c-tsan")) {
        // Built for it as well: what the sanitizer does not see of the pool's locks it would take for races.
        variants.push(Variant::new("c-tsan", root().join(path), &[THREAD_SANITIZER]));
    }
    if let Some(path) = std::env::var_os("REF").filter(|_| wanted("c-ref")) {
        let mut other = Variant::new("c-ref", root().join(path), &[INLINE]);
        other.original = true;
        variants.push(other);
    }
    variants
}

fn main() {
    let arguments = Arguments::from_args();
    // A source with a header is a helper of the others.
    let sources = files(&[root().join("tests/c")], "c");
    let (helpers, topics): (Vec<_>, Vec<_>) = sources.iter().partition(|path| path.with_extension("h").exists());
    let stems = |paths: Vec<&PathBuf>| -> Vec<String> {
        paths.iter().filter_map(|path| path.file_stem()).map(|stem| stem.to_string_lossy().into_owned()).collect()
    };
    let (helpers, topics) = (stems(helpers), stems(topics));

    let variants = variants(arguments.filter.as_deref().unwrap_or_default());
    if !is_built() {
        std::thread::scope(|scope| {
            for variant in &variants {
                scope.spawn(|| variant.build(&variant.topics(&topics), &helpers));
            }
        });
    }

    // One exact name needs one program's list.
    let only = arguments.filter.as_deref().filter(|_| arguments.exact).unwrap_or_default();
    let mut trials = Vec::new();
    for variant in &variants {
        for topic in variant.topics(&topics) {
            let name = format!("{}::{topic}", variant.name);
            if only.is_empty() || only == name || only.starts_with(&format!("{name}::")) {
                trials.extend(variant.trials(&topic));
            }
        }
    }
    // What this machine cannot have is counted as skipped.
    for player in PLAYERS.iter().filter(|player| variants.iter().all(|variant| variant.name != player.name)) {
        trials.push(Trial::test(format!("{}::cannot_be_run_here", player.name), || Ok(())).with_ignored_flag(true));
    }
    if let Some(inline) = variants.iter().find(|variant| variant.name == "c-inline")
        && works(inline, &VALGRIND)
    {
        trials.extend(UNDER_VALGRIND.iter().map(|topic| trial_under_valgrind(inline, topic)));
    }
    libtest_mimic::run(&arguments, trials).exit();
}
