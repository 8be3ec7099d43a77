//! The README's link lines, and a link as the tree does it: taken literally and run.

mod support;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use support::{archive, compiler, has_32_bit, root, run, scratch, text};

/// The README's only line that begins with this compiler's name.
fn line_of_the_readme(compiler: &str) -> String {
    let readme = text("README.md");
    let mut lines = readme.lines().filter(|line| line.split_whitespace().next() == Some(compiler));
    let line = lines.next().expect("a link line in README.md");
    assert_eq!(lines.next(), None, "two link lines in README.md");
    line.to_string()
}

/// A folder that looks like the project's root to a link line, with one program of `tests/link` as `player.c` or .cpp.
fn project_with(program: &str) -> std::path::PathBuf {
    let dir = scratch(&format!("link-{program}"));
    for name in ["include", "build"] {
        symlink(root().join(name), dir.join(name)).expect("scratch");
    }
    std::fs::copy(root().join("tests/link").join(program), dir.join(program)).expect("scratch");
    dir
}

/// Runs the README's line for a compiler in such a folder, then the program that it leaves, and answers what that says.
fn build_and_run(compiler: &str, program: &str) -> String {
    archive("host");
    let dir = project_with(program);
    run(Command::new("sh").args(["-ec", &line_of_the_readme(compiler)]).current_dir(&dir));
    run(&mut Command::new(dir.join("player")))
}

#[test]
fn the_readme_links_a_c_program() {
    assert_eq!(build_and_run("cc", "player.c"), "C, handle 0, free again\n");
}

#[test]
fn the_readme_links_a_cplusplus_program() {
    assert_eq!(build_and_run("c++", "player.cpp"), "C++, moved yes\n");
}

#[test]
fn the_host_archive_links_statically_and_at_a_fixed_address() {
    let archive = archive("host");
    for (name, flags) in [("static", &["-static"][..]), ("fixed", &["-no-pie", "-fno-pie"][..])] {
        let program = scratch(&format!("link-{name}")).join("player");
        link(flags, "player.c", &archive, &["-lpthread", "-ldl", "-lm"], &program);
        assert_eq!(run(&mut Command::new(program)), "C, handle 0, free again\n");
    }
}

#[test]
fn the_prefixed_archive_links_with_the_prefix_defined() {
    let archive = archive("prefixed");
    let program = scratch("link-prefixed").join("player");
    let libraries = ["-lpthread", "-ldl", "-lm"];
    link(&["-DROCKMEM_PREFIX"], "player.c", &archive, &libraries, &program);
    assert_eq!(run(&mut Command::new(&program)), "C, handle 0, free again\n");
    let names = run(Command::new("nm").arg(&program));
    assert!(names.contains("rockmem_buflib_alloc") && !names.contains(" buflib_alloc"));
}

#[test]
fn the_rockbox_archive_links_with_what_the_tree_has() {
    let archive = archive("rockbox");
    run_in_a_tree("tree", &[], &archive);
    run_in_a_tree("tree-fixed", &["-no-pie", "-fno-pie"], &archive);
}

#[test]
fn the_rockbox_archive_links_and_works_on_32_bit() {
    if has_32_bit() {
        // The last flag: where Debian has the headers of the C library that both word sizes share.
        let flags = ["-m32", "-static", "-isystem", "/usr/include/x86_64-linux-gnu"];
        run_in_a_tree("tree-32", &flags, &archive("rockbox32"));
    }
}

/// Links the stand-in for the tree and runs it: it uses the pool, and ends in its own `panicf`.
fn run_in_a_tree(name: &str, flags: &[&str], archive: &Path) {
    let program = scratch(&format!("link-{name}")).join("tree");
    let flags = [&["-Wl,--gc-sections", "-ffunction-sections", "-Wall", "-Werror"], flags].concat();
    link(&flags, "tree.c", archive, &[], &program);
    let output = Command::new(&program).output().expect("the program");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(42), "{said}");
    assert!(said.contains("handle 1: already freed"), "{said}");
}

fn link(flags: &[&str], source: &str, archive: &Path, libraries: &[&str], program: &Path) {
    run(Command::new(compiler(false))
        .args(flags)
        .arg("-I")
        .arg(root().join("include"))
        .arg(root().join("tests/link").join(source))
        .arg(archive)
        .args(libraries)
        .arg("-o")
        .arg(program));
}
