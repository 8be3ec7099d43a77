//! The example player as its user has it: `make player`, then runs of some seconds of music.

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{archive, root, run, scratch};

/// The player, built as `make run` builds it; `None`, with a line, without libsndfile, which `make test` tries to install.
fn player() -> Option<PathBuf> {
    let has = Command::new("tools/need.sh").args(["--have", "cc", "sndfile"]).current_dir(root()).status();
    if !has.expect("tools/need.sh").success() {
        // Not `eprintln`, which the harness keeps to itself.
        let _ = writeln!(std::io::stderr(), "not tested: the player, which needs libsndfile");
        return None;
    }
    archive("host");
    let lock = concat!(env!("CARGO_TARGET_TMPDIR"), "/make.lock"); // the one of `archive`
    run(Command::new("flock")
        .args([lock, "make", "-s", "player"])
        .current_dir(root())
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL"));
    Some(root().join("build/player/player"))
}

fn play(player: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(player).args(arguments).output().expect("the player");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output
}

/// The text of a row of the table.
fn row<'a>(said: &'a str, name: &str) -> &'a str {
    said.lines().find_map(|line| line.trim_start().strip_prefix(name)).unwrap_or_else(|| panic!("no row {name}")).trim()
}

#[test]
fn music_plays_to_its_end_in_a_pool_smaller_than_it() {
    let Some(player) = player() else { return };
    let out = scratch("player");
    let output = play(&player, &["--seconds", "5", "--pool", "512", "--out", out.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(row(&said, "bytes played").ends_with("of 3 files, 0:15 of music"));
    assert!(row(&said, "verified").starts_with("3 of 3,"));
    assert_eq!(row(&said, "jumps"), "300, each as in a direct decode");
    assert_eq!(row(&said, "covers"), "3 of 3");
    assert!(row(&said, "underruns").starts_with("0,"));
    assert!(row(&said, "blocks damaged").starts_with("0 of "));
}

#[test]
fn a_file_that_is_not_music_ends_with_one_line_and_status_2() {
    let Some(player) = player() else { return };
    let out = scratch("player-refused");
    let text = root().join("README.md");
    for path in ["no/such/file.flac", text.to_str().expect("a path"), "/"] {
        let output = play(&player, &["--out", out.to_str().expect("a path"), path]);
        assert_eq!(output.status.code(), Some(2), "{path}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(path), "{said}");
    }
}
