//! What the tests share that look at the library from outside: where things are, and how commands are run.

#![allow(dead_code)] // each test takes what it needs

pub mod players;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the project.
pub fn text(path: &str) -> String {
    read(&root().join(path))
}

/// The text of a file.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A folder of this test's own under the target directory, empty.
pub fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    dir
}

/// The C or C++ compiler: `CC` or `CXX`, else `cc` or `c++`.
pub fn compiler(cplusplus: bool) -> String {
    let (variable, name) = if cplusplus { ("CXX", "c++") } else { ("CC", "cc") };
    std::env::var(variable).unwrap_or_else(|_| name.into())
}

/// Runs a command and answers its standard output; anything but success is the test's failure, with both outputs.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{out}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    out
}

/// How an archive is made and where it is then: `host`, `rockbox`, `rockbox32`, the same for 32 bit, `small`, the
/// players' without the audio pool, `pool` and `pool32`, the players' pool alone, `cache` and `cache32`, with mappings and
/// files, `armv4t`, `armv4t-whole` and so on, the pool alone and all but the audio pool for such a player, or `prefixed`, the
/// host's with every name prefixed.
fn recipe(which: &str) -> (&'static [&'static str], &'static str) {
    match which {
        "host" => (&["PORT=host"], "build/librockmem.a"),
        "rockbox" => (&["PORT=rockbox"], "build/rockbox/librockmem.a"),
        "rockbox32" => {
            (&["PORT=rockbox", "TARGET=i686-unknown-linux-gnu"], "build/rockbox/i686-unknown-linux-gnu/librockmem.a")
        }
        "small" => (&["PORT=rockbox", "AUDIO_POOL=0"], "build/rockbox/no-audio-pool/librockmem.a"),
        "pool" => (&["PORT=rockbox", "LEVEL=buflib"], "build/rockbox/buflib/librockmem.a"),
        "cache" => (&["PORT=rockbox", "LEVEL=cache"], "build/rockbox/cache/librockmem.a"),
        "pool32" => (
            &["PORT=rockbox", "LEVEL=buflib", "TARGET=i686-unknown-linux-gnu"],
            "build/rockbox/buflib/i686-unknown-linux-gnu/librockmem.a",
        ),
        "cache32" => (
            &["PORT=rockbox", "LEVEL=cache", "TARGET=i686-unknown-linux-gnu"],
            "build/rockbox/cache/i686-unknown-linux-gnu/librockmem.a",
        ),
        "thumbv7em-whole" => (
            &["PORT=rockbox", "AUDIO_POOL=0", "TARGET=thumbv7em-none-eabi"],
            "build/rockbox/no-audio-pool/thumbv7em-none-eabi/librockmem.a",
        ),
        "armv5te-whole" => (
            &["PORT=rockbox", "AUDIO_POOL=0", "TARGET=thumbv5te-none-eabi"],
            "build/rockbox/no-audio-pool/thumbv5te-none-eabi/librockmem.a",
        ),
        "armv4t-whole" => (
            &["PORT=rockbox", "AUDIO_POOL=0", "TARGET=thumbv4t-none-eabi"],
            "build/rockbox/no-audio-pool/thumbv4t-none-eabi/librockmem.a",
        ),
        "mips32-whole" => (
            &["PORT=rockbox", "AUDIO_POOL=0", "TARGET=mipsel-unknown-none"],
            "build/rockbox/no-audio-pool/mipsel-unknown-none/librockmem.a",
        ),
        "armv4t" => (
            &["PORT=rockbox", "AUDIO_POOL=0", "LEVEL=buflib", "TARGET=thumbv4t-none-eabi"],
            "build/rockbox/no-audio-pool/buflib/thumbv4t-none-eabi/librockmem.a",
        ),
        "armv5te" => (
            &["PORT=rockbox", "AUDIO_POOL=0", "LEVEL=buflib", "TARGET=thumbv5te-none-eabi"],
            "build/rockbox/no-audio-pool/buflib/thumbv5te-none-eabi/librockmem.a",
        ),
        "thumbv7em" => (
            &["PORT=rockbox", "AUDIO_POOL=0", "LEVEL=buflib", "TARGET=thumbv7em-none-eabi"],
            "build/rockbox/no-audio-pool/buflib/thumbv7em-none-eabi/librockmem.a",
        ),
        "mips32" => (
            &["PORT=rockbox", "AUDIO_POOL=0", "LEVEL=buflib", "TARGET=mipsel-unknown-none"],
            "build/rockbox/no-audio-pool/buflib/mipsel-unknown-none/librockmem.a",
        ),
        "prefixed" => (&["PORT=host", "PREFIXED=1"], "build/prefixed/librockmem.a"),
        _ => panic!("which archive is {which}?"),
    }
}

/// Where an archive is, once it is built.
pub fn archive_path(which: &str) -> PathBuf {
    root().join(recipe(which).1)
}

/// Builds an archive as a user would, and answers where it is.
pub fn archive(which: &str) -> PathBuf {
    // One at a time: tests may run in several processes, and make does not know of its twins.
    run(Command::new("flock")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("make.lock"))
        .args(["make", "-s", "lib"])
        .args(recipe(which).0)
        .current_dir(root())
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL"));
    archive_path(which)
}

/// Whether this machine can build and run 32-bit programs; `make test` tries to make it so.
pub fn has_32_bit() -> bool {
    has(&["cc32", "rust32"], "32-bit programs")
}

/// Whether this machine has all that these names of tools/need.sh stand for; says what is not checked otherwise.
pub fn has(names: &[&str], what: &str) -> bool {
    let has = Command::new("tools/need.sh")
        .arg("--have")
        .args(names)
        .current_dir(root())
        .status()
        .expect("tools/need.sh")
        .success();
    if !has {
        eprintln!("not checked: {what}, which cannot be built or run here");
    }
    has
}

/// The names on one of the lists in `symbols/`, in the list's order.
pub fn symbol_list(name: &str) -> Vec<String> {
    text(&format!("symbols/{name}.txt"))
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(String::from)
        .collect()
}

/// The C face: the files of `src/capi`, by name without the ending, sorted, and their text.
pub fn capi() -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(root().join("src/capi"))
        .expect("src/capi")
        .map(|entry| entry.expect("src/capi").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            (name.into_owned(), read(&path))
        })
        .filter(|(name, _)| name != "mod")
        .collect();
    files.sort();
    files
}

/// The names that a file of the C face exports, in its order.
pub fn exports(source: &str) -> Vec<String> {
    source
        .split("export_name = prefix!(\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name.to_string())
        .collect()
}

/// The headers in `include/rockmem`, by file name, sorted.
pub fn header_names() -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(root().join("include/rockmem"))
        .expect("include/rockmem")
        .map(|entry| entry.expect("include/rockmem").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".h"))
        .collect();
    names.sort();
    names
}
