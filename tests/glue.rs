//! rockbox-glue on a tree in small (`tests/glue/tree`, nothing of which is anyone else's): what the installer changes and
//! refuses to change, and that the tree's own build then has this library's pool, or the original where it should.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{archive, compiler, has_32_bit, read, root, run, scratch};

/// A tree of this test's own.
fn tree(name: &str) -> PathBuf {
    copied(&format!("glue {name}"))
}

/// A tree of this test's own that is built: no space in its path, for make does not like them.
fn built_tree(name: &str) -> PathBuf {
    copied(&format!("glue-{name}"))
}

fn copied(folder: &str) -> PathBuf {
    let dir = scratch(folder).join("tree");
    run(Command::new("cp").arg("-r").arg(root().join("tests/glue/tree")).arg(&dir));
    dir
}

fn installer(tree: &Path, arguments: &[&str]) -> Output {
    Command::new(root().join("rockbox-glue/install.sh"))
        .args(arguments)
        .arg(tree)
        .env("CC", compiler(false))
        .output()
        .expect("the installer")
}

/// Runs it and answers what it said; it must succeed.
fn install(tree: &Path, arguments: &[&str]) -> String {
    archive("pool");
    let output = installer(tree, arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Runs it, which must refuse, say so in one line with these words, and leave the tree alone.
fn refused(tree: &Path, arguments: &[&str], words: &str) {
    archive("pool");
    let before = content(tree);
    let output = installer(tree, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(words) && said.lines().count() == 1, "{said}");
    assert!(content(tree) == before, "changed although it refused");
}

/// Every file of a tree, by its path.
fn content(tree: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![tree.to_path_buf()];
    while let Some(folder) = folders.pop().filter(|folder| folder.exists()) {
        for entry in std::fs::read_dir(&folder).expect("a folder of the tree") {
            let path = entry.expect("a file of the tree").path();
            if path.is_dir() {
                files.insert(path.clone(), Vec::new());
                folders.push(path);
            } else {
                files.insert(path.clone(), std::fs::read(&path).expect("a file of the tree"));
            }
        }
    }
    files
}

fn change(tree: &Path, file: &str, from: &str, to: &str) {
    let file = tree.join(file);
    let text = read(&file);
    assert!(text.contains(from), "{from}");
    std::fs::write(&file, text.replace(from, to)).expect("a file of the tree");
}

/// Builds the tree from clean and answers what its program says. The program finds its files in the folder DISK.
fn play(tree: &Path, variables: &[&str]) -> String {
    let build = tree.with_file_name("build");
    run(Command::new("make")
        .args(["-s", "MEMORYSIZE=64", "APP_TYPE=sdl-sim"])
        .arg(format!("BUILDDIR={}", build.display()))
        .arg(format!("ROCKMEM_HEADERS=-I{}", root().join("include").display()))
        .arg(format!("CC={}", compiler(false)))
        .args(variables)
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .current_dir(tree));
    let said = run(Command::new(build.join("player")).env("DISK", &build));
    std::fs::remove_dir_all(&build).expect("scratch");
    said
}

const OURS: &str = "rockmem's pool: handle 1\naskers: 2 2 2 1 1 0 2; ticks 4711\n";
const THEIRS: &str = "the tree's pool: handle 1000\n";

#[test]
fn a_tree_has_this_pool_after_installing_and_its_own_before_and_after_undoing() {
    let tree = built_tree("plain");
    let before = content(&tree);
    assert_eq!(play(&tree, &[]), THEIRS);

    install(&tree, &["--level", "buflib"]);
    assert_eq!(play(&tree, &[]), OURS);
    assert_eq!(play(&tree, &["MEMORYSIZE=2"]), OURS);
    let shown = play(&tree, &["EXTRA_DEFINES=-DBUFLIB_DEBUG_PRINT"]);
    assert!(shown.starts_with("rockmem's pool: handle 2\ntaken at start: 1\n"), "{shown}");
    for kept in [["EXTRA_DEFINES=-DBOOTLOADER"], ["ARCH=arch_m68k"], ["ROCKMEM=none"]] {
        assert_eq!(play(&tree, &kept), THEIRS, "{kept:?}");
    }

    install(&tree, &["--undo"]);
    assert!(content(&tree) == before, "undoing leaves something");
    assert_eq!(play(&tree, &[]), THEIRS);
}

#[test]
fn a_build_for_which_there_is_no_archive_says_which_one_it_needs() {
    let tree = built_tree("missing");
    install(&tree, &[]);
    let natives = [
        ("ARCH=arch_arm ARCH_VERSION=4", "thumbv4t-none-eabi"),
        ("ARCH=arch_arm ARCH_VERSION=5", "thumbv5te-none-eabi"),
        ("ARCH=arch_arm ARCH_VERSION=7 ARCH_PROFILE=micro", "thumbv7em-none-eabi"),
        ("ARCH=arch_mips ARCH_VERSION=32", "mipsel-unknown-none"),
    ];
    for (variables, target) in natives {
        std::fs::remove_dir_all(tree.join("firmware/rockmem/lib/buflib").join(target)).ok();
        let output = Command::new("make")
            .args(["-s", "MEMORYSIZE=64", "BUILDDIR=out"])
            .args(variables.split(' '))
            .env_remove("MAKEFLAGS")
            .current_dir(&tree)
            .output()
            .expect("make");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(&format!("/lib/buflib/{target}/librockmem.a")), "{said}");
    }
}

#[test]
fn installing_twice_changes_nothing_the_second_time() {
    let tree = tree("twice");
    let said = install(&tree, &[]);
    assert!(said.contains("changes firmware/SOURCES") && said.contains("adds    firmware/rockmem/rm_port.c"), "{said}");
    let once = content(&tree);
    assert_eq!(install(&tree, &[]), "nothing to change\n");
    assert!(content(&tree) == once);
}

#[test]
fn a_newer_file_of_ours_replaces_the_one_there() {
    let tree = tree("newer");
    install(&tree, &[]);
    let fresh = content(&tree);
    std::fs::write(tree.join("firmware/rockmem/rm_port.c"), "old\n").expect("the tree");
    std::fs::write(tree.join("firmware/rockmem/gone.c"), "no longer needed\n").expect("the tree");
    change(&tree, "firmware/rockmem/files", "rm_port.c\n", "rm_port.c\ngone.c\n");
    let said = install(&tree, &[]);
    assert!(said.contains("renews  firmware/rockmem/rm_port.c\n"), "{said}");
    assert!(said.contains("removes firmware/rockmem/gone.c\n"), "{said}");
    assert!(content(&tree) == fresh);
}

#[test]
fn showing_changes_nothing_and_says_what_installing_says() {
    let tree = tree("show");
    let before = content(&tree);
    let shown = install(&tree, &["--show"]);
    assert!(content(&tree) == before);
    assert!(shown.contains("    + #if ROCKMEM_LEVEL < 1 /* rockmem { */\n"), "{shown}");
    let said = install(&tree, &[]);
    assert_eq!(said.strip_suffix("done: build from clean (make clean), once\n"), Some(shown.as_str()));
}

#[test]
fn a_level_brings_its_own_sources_and_those_of_the_levels_below_and_a_lower_one_takes_them_back() {
    let tree = tree("levels");
    let before = content(&tree);
    install(&tree, &[]);
    let least = content(&tree);
    archive("rockbox");
    let said = install(&tree, &["--level", "arena"]);
    for part in ["#if ROCKMEM_LEVEL < 3", "+ ../firmware/rockmem/rm_buffering.c", "#if ROCKMEM_LEVEL < 2"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    for file in ["rm_buffering.c", "rm_kernel.c", "rm_port.c"] {
        assert!(tree.join("firmware/rockmem").join(file).exists(), "{file}");
    }
    let said = install(&tree, &["--level", "shared"]);
    for source in ["playback", "tagcache", "tagtree", "playlist", "radioart"] {
        assert!(said.contains(&format!("+ ../firmware/rockmem/rm_{source}.c")), "{source} in {said}");
    }
    install(&tree, &[]);
    assert!(content(&tree) == least, "something stays of the higher level");
    install(&tree, &["--undo"]);
    assert!(content(&tree) == before);
}

/// A tree with a small player in it and everything of the library.
fn player(name: &str) -> PathBuf {
    let tree = built_tree(name);
    run(Command::new("cp").arg("-r").arg(root().join("tests/glue/player/.")).arg(&tree));
    archive("rockbox");
    install(&tree, &["--level", "shared"]);
    tree
}

/// `tests/glue/player` says what it does with files, tags, a picture, a song, and everybody who wants memory meanwhile.
#[test]
fn a_small_player_plays_on_at_level_shared_whoever_takes_memory() {
    assert_eq!(play(&player("player"), &[]), "a small player\n");
}

/// The same player with the system's files in place of a simulator's.
#[test]
fn a_small_application_plays_on_over_its_systems_own_files() {
    assert_eq!(play(&player("application"), &["APP_TYPE=sdl-app"]), "a small player\n");
}

#[test]
fn a_build_gets_no_level_that_its_files_or_its_memory_have_no_place_for() {
    let tree = built_tree("level");
    for level in ["pool", "cache", "rockbox"] {
        archive(level);
    }
    install(&tree, &["--level", "shared"]);
    for (installed, kind, memory, has) in [
        ("shared", "sdl-sim", "64", "shared"),
        ("cache", "sdl-sim", "64", "cache"),
        ("shared", "sdl-sim", "2", "buflib"),
        ("shared", "sdl-app", "8", "shared"),
        ("arena", "sdl-app", "8", "arena"),
        ("cache", "sdl-app", "8", "buflib"),
        ("shared", "ctru-app", "8", "buflib"),
        ("none", "sdl-app", "8", "none"),
    ] {
        let said = run(Command::new("make")
            .args(["-s", "--eval=level: ; @echo $(ROCKMEM) $(ROCKMEM_LEVEL)", "level", "BUILDDIR=out"])
            .args([format!("ROCKMEM={installed}"), format!("APP_TYPE={kind}"), format!("MEMORYSIZE={memory}")])
            .arg(format!("CC={}", compiler(false)))
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .current_dir(&tree));
        let number = ["none", "buflib", "cache", "arena", "shared"].iter().position(|level| *level == has);
        assert_eq!(said, format!("{has} {}\n", number.expect("a level")), "{installed} {kind} {memory}");
    }
}

#[test]
fn undoing_keeps_what_the_tree_changed_meanwhile() {
    let tree = tree("meanwhile");
    install(&tree, &[]);
    change(&tree, "firmware/SOURCES", "kernel/small.c\n", "kernel/small.c\nkernel/new.c\n");
    std::fs::write(tree.join("firmware/rockmem/note"), "mine\n").expect("the tree");
    let said = install(&tree, &["--undo"]);
    assert!(said.contains("left: firmware/rockmem"), "{said}");
    assert!(tree.join("firmware/rockmem/note").exists());
    let original = read(&root().join("tests/glue/tree/firmware/SOURCES"));
    let expected = original.replace("kernel/small.c\n", "kernel/small.c\nkernel/new.c\n");
    assert_eq!(read(&tree.join("firmware/SOURCES")), expected);
}

#[test]
fn undoing_in_a_tree_without_us_changes_nothing() {
    let tree = tree("never");
    assert_eq!(install(&tree, &["--undo"]), "nothing to change\n");
}

#[test]
fn a_list_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let tree = tree("permissions");
    let list = tree.join("firmware/SOURCES");
    std::fs::set_permissions(&list, std::fs::Permissions::from_mode(0o640)).expect("the tree");
    install(&tree, &[]);
    assert_eq!(std::fs::metadata(&list).expect("the tree").permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_tree_that_it_does_not_know_is_refused() {
    let cases: [(&str, &str, &str, &str); 5] = [
        ("firmware/SOURCES", "core_alloc.c\n", "", "core_alloc.c exactly once"),
        ("firmware/SOURCES", "core_alloc.c\n", "core_alloc.c\ncore_alloc.c\n", "core_alloc.c exactly once"),
        ("firmware/SOURCES", "buflib_mempool.c", "buflib.c", "buflib_mempool.c exactly once"),
        ("firmware/firmware.make", "INCLUDES +=", "CFLAGS +=", "adds no INCLUDES"),
        ("firmware/firmware.make", "libfirmware.a", "libother.a", "does not make libfirmware.a"),
    ];
    for (file, from, to, words) in cases {
        let tree = tree("unknown");
        change(&tree, file, from, to);
        refused(&tree, &[], words);
    }
    let tree = tree("unknown");
    std::fs::remove_file(tree.join("firmware/core_alloc.c")).expect("the tree");
    refused(&tree, &[], "not a tree of the kind this knows");
    refused(&tree.join("firmware"), &[], "not a Rockbox tree");
    refused(&tree.join("nowhere"), &[], "no such folder");
}

#[test]
fn what_is_not_ours_or_no_longer_whole_is_refused() {
    let tree = tree("broken");
    std::fs::create_dir(tree.join("firmware/rockmem")).expect("the tree");
    refused(&tree, &[], "is there and not ours");
    std::fs::remove_dir(tree.join("firmware/rockmem")).expect("the tree");

    install(&tree, &[]);
    change(&tree, "firmware/SOURCES", "#endif /* rockmem } */\n", "");
    refused(&tree, &["--undo"], "no longer whole");
    refused(&tree, &[], "no longer whole");
    change(&tree, "firmware/rockmem/files", "rm_port.c\n", "../core_alloc.c\n");
    refused(&tree, &["--undo"], "");
}

#[test]
fn bad_arguments_are_refused() {
    let tree = tree("arguments");
    refused(&tree, &["--level", "most"], "it is buflib, cache, arena or shared");
    refused(&tree, &["--wrong"], "what is --wrong?");
    refused(&tree, &["--archives", "/nowhere"], "no archives for level buflib");
    // It says how to make them, which for a part of the library is another way than for all of it.
    refused(&tree, &["--level", "cache", "--archives", "/nowhere"], "make PORT=rockbox LEVEL=cache TARGET=");
    refused(&tree, &["--level", "shared", "--archives", "/nowhere"], "make PORT=rockbox TARGET=");
}

#[test]
fn the_cache_wraps_what_a_players_build_has_of_files_and_no_bootloader_has_it() {
    let tree = tree("cache");
    archive("cache");
    let before = content(&tree);
    install(&tree, &["--level", "cache"]);
    let sources = |defines: &[&str]| {
        run(Command::new(compiler(false))
            .args(["-E", "-P", "-x", "c", "-DPLATFORM_NATIVE=1", "-DCONFIG_PLATFORM=1"])
            .args(defines)
            .arg(tree.join("firmware/SOURCES")))
    };
    let files = ["disk.c", "file.c", "fileobj_mgr.c"];
    for file in files {
        let (theirs, ours) = (format!("common/{file}"), format!("rockmem/rm_{}", file.replace("_mgr", "")));
        for (level, has, has_not) in [("2", &ours, &theirs), ("1", &theirs, &ours), ("0", &theirs, &ours)] {
            let list = sources(&[&format!("-DROCKMEM_LEVEL={level}")]);
            let has_line = |line: &str| list.lines().any(|l| l == line);
            assert!(has_line(has) && !has_line(has_not), "level {level}:\n{list}");
        }
        let wrapped = read(&tree.join("firmware").join(&ours));
        assert!(wrapped.contains(&format!("#include \"../{theirs}\"")), "{ours}");
    }
    assert!(tree.join("firmware/rockmem/include/rockmem/mmap.h").exists());
    // Going back a level takes the rest away.
    install(&tree, &["--level", "buflib"]);
    assert!(!tree.join("firmware/rockmem/rm_file.c").exists() && !tree.join("firmware/rockmem/include").exists());
    assert!(sources(&["-DROCKMEM_LEVEL=2"]).contains("common/file.c"));
    install(&tree, &["--undo"]);
    assert!(content(&tree) == before, "undoing leaves something");
}

/// A tree with a player's own files in it, over volumes in memory, and the cache around them.
fn files(name: &str, arguments: &[&str]) -> PathBuf {
    let tree = built_tree(name);
    for part in ["player", "files"] {
        run(Command::new("cp").arg("-r").arg(root().join("tests/glue").join(part).join(".")).arg(&tree));
    }
    archive("cache");
    install(&tree, &[&["--level", "cache"], arguments].concat());
    tree
}

/// `tests/glue/files` says what is asked of them. They are compiled with every warning an error.
#[test]
fn a_players_files_keep_their_promises_with_the_cache_around_them_on_volumes_of_every_kind() {
    let tree = files("files", &[]);
    let target = format!("ROCKMEM_TARGET={}-unknown-linux-gnu", std::env::consts::ARCH);
    for volumes in ["", "-DONE_VOLUME -DSECTOR_SIZE=2048", "-DSECTOR_SIZE=4096"] {
        let volumes = format!("EXTRA_DEFINES={volumes}");
        assert_eq!(play(&tree, &["APP_TYPE=", &target, &volumes]), "a player's files\n", "{volumes}");
    }
}

#[test]
fn a_players_files_keep_their_promises_with_32_bit() {
    if has_32_bit() {
        let archives = archives_32("glue-files-32-archives", "cache");
        let tree = files("files-32", &["--archives", archives.to_str().expect("a path")]);
        let variables = ["APP_TYPE=", "ROCKMEM_TARGET=i686-unknown-linux-gnu", CC_32];
        assert_eq!(play(&tree, &variables), "a player's files\n");
    }
}

/// A C compiler for 32 bit that makes programs which run without a library for 32 bit.
const CC_32: &str = "CC=cc -m32 -static -idirafter /usr/include/x86_64-linux-gnu";

/// A folder with the archive of a level for 32 bit where the installer looks for it.
fn archives_32(name: &str, level: &str) -> PathBuf {
    let archives = scratch(name);
    let place = archives.join(level).join("i686-unknown-linux-gnu");
    std::fs::create_dir_all(&place).expect("scratch");
    let which = format!("{level}32").replace("buflib", "pool");
    std::fs::copy(archive(&which), place.join("librockmem.a")).expect("scratch");
    archives
}

#[test]
fn the_pool_of_a_tree_with_32_bit() {
    if has_32_bit() {
        let tree = built_tree("32");
        let archives = archives_32("glue-32-archives", "buflib");
        install(&tree, &["--archives", archives.to_str().expect("a path")]);
        assert_eq!(play(&tree, &["GCCOPTS=-m32", CC_32]), OURS);
    }
}
