//! The floors above the pool from C: programs of `tests/floors`, linked to the host archive, and to the rockbox archive
//! with a glue that runs its threads cooperatively.

mod support;

use std::process::Command;

use support::{archive, compiler, has, has_32_bit, root, run, scratch};

/// Builds a program against an archive and runs it in a folder of its own: what it says.
fn play(port: &str, program: &str) -> String {
    play_with(port, program, &[])
}

/// The same with arguments for the program.
fn play_with(port: &str, program: &str, arguments: &[&str]) -> String {
    play_as(port, program, &[], arguments)
}

/// The same with flags for the compiler.
fn play_as(port: &str, program: &str, flags: &[&str], arguments: &[&str]) -> String {
    let dir = scratch(&format!("floors-{port}-{program}{}-{}", flags.concat(), arguments.join("-")));
    let sources = root().join("tests/floors");
    let player = LINUXES.iter().find(|linux| linux.archive == port);
    let mut build = Command::new(player.map_or(compiler(false), |linux| linux.compiler.into()));
    build.args(player.map_or(&[][..], |linux| linux.flags));
    build.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-I"]).arg(root().join("include"));
    build.arg(sources.join(format!("{program}.c"))).arg(sources.join("world.c"));
    if port == "rockbox32" {
        // The kernel's headers are the same for both widths, but may lie only in the wide one's folder.
        let wide = run(Command::new(compiler(false)).arg("-print-multiarch"));
        build.arg("-m32").arg(format!("-idirafter/usr/include/{}", wide.trim()));
    }
    if port != "host" {
        build.args(["-DCOOPERATIVE", "-DROCKMEM_THREADS=0"]).args([sources.join("glue.c"), sources.join("file.c")]);
    }
    run(build.args(flags).arg(archive(port)).args(["-lpthread", "-ldl", "-lm", "-o"]).arg(dir.join("program")));
    let mut run_it = Command::new("env");
    run_it.args(player.map_or(&[][..], |linux| linux.runner)).arg(dir.join("program"));
    run(run_it.args(arguments).current_dir(&dir))
}

/// A Linux with threads on a processor that players have: the archive for these is linked to a program for it.
struct Linux {
    archive: &'static str,
    compiler: &'static str,
    flags: &'static [&'static str],
    runner: &'static [&'static str],
}

const LINUXES: [Linux; 2] = [
    Linux {
        archive: "armv5te-whole",
        compiler: "arm-linux-gnueabi-gcc",
        flags: &["-march=armv5te", "-static"],
        runner: &["qemu-arm", "-cpu", "arm926"],
    },
    Linux {
        archive: "mips32-whole",
        compiler: "mipsel-linux-gnu-gcc",
        flags: &["-static", "-mno-abicalls", "-fno-pic", "-no-pie"],
        runner: &["qemu-mipsel"],
    },
];

#[test]
fn files_and_mappings_on_the_host() {
    assert_eq!(play("host", "files"), "files as promised\n");
}

#[test]
fn files_and_mappings_on_the_rockbox_port() {
    assert_eq!(play("rockbox", "files"), "files as promised\n");
}

#[test]
fn mappings_over_the_systems_mmap() {
    assert_eq!(play("host", "mapped"), "mappings as promised\n");
}

#[test]
fn mappings_of_an_image_in_the_pool() {
    assert_eq!(play_with("host", "mapped", &["image"]), "mappings as promised\n");
}

#[test]
fn mappings_in_the_pool_on_the_rockbox_port() {
    assert_eq!(play("rockbox", "mapped"), "mappings as promised\n");
}

#[test]
fn handles_on_the_host() {
    assert_eq!(play("host", "handles"), "handles as promised\n");
}

#[test]
fn handles_on_the_rockbox_port() {
    assert_eq!(play("rockbox", "handles"), "handles as promised\n");
}

#[test]
fn handles_on_the_rockbox_port_where_nobody_runs_before_the_buffering_thread_rests() {
    assert_eq!(play_as("rockbox", "handles", &["-DDISK_POLLS"], &[]), "handles as promised\n");
}

#[test]
fn events_and_callbacks_on_the_host() {
    assert_eq!(play("host", "events"), "events as promised\n");
}

#[test]
fn events_and_callbacks_on_the_rockbox_port() {
    assert_eq!(play("rockbox", "events"), "events as promised\n");
}

#[test]
fn the_next_seconds_stay_in_memory_when_the_systems_cache_is_dropped() {
    assert_eq!(play("host", "resident"), "resident as promised\n");
}

#[test]
fn streams_on_the_host_while_another_thread_allocates() {
    assert_eq!(play("host", "streams"), "streams as promised\n");
}

#[test]
fn streams_on_the_rockbox_port_while_another_thread_allocates() {
    assert_eq!(play("rockbox", "streams"), "streams as promised\n");
}

#[test]
fn files_and_streams_on_the_rockbox_port_with_32_bit() {
    if has_32_bit() {
        assert_eq!(play("rockbox32", "files"), "files as promised\n");
        assert_eq!(play("rockbox32", "mapped"), "mappings as promised\n");
        assert_eq!(play("rockbox32", "streams"), "streams as promised\n");
        assert_eq!(play("rockbox32", "handles"), "handles as promised\n");
        assert_eq!(play("rockbox32", "events"), "events as promised\n");
    }
}

#[test]
fn files_mappings_and_streams_on_players_processors() {
    for linux in &LINUXES {
        if has(&[linux.runner[0], linux.compiler, "rust-source"], linux.archive) {
            assert_eq!(play(linux.archive, "files"), "files as promised\n");
            assert_eq!(play(linux.archive, "mapped"), "mappings as promised\n");
            assert_eq!(play(linux.archive, "streams"), "streams as promised\n");
        }
    }
}
