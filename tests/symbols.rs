//! What leaves the archives and what they need: only names on the lists in `symbols/`, each of them declared in a
//! header.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use support::{archive, capi, compiler, exports, has, header_names, root, run, scratch, symbol_list};

/// In every host archive and in no header: the program's own, weak here.
const OF_THE_PROGRAM: [&str; 2] = ["panicf", "_logf"];
/// In a header and in no archive: the linking program's part of core_alloc.
const BROUGHT_BY_THE_PROGRAM: [&str; 2] = ["core_allocator_init", "core_test_free"];

/// What has to be there to build the archives of players.
const PLAYERS_TOOLS: [&str; 3] = ["arm-none-eabi-gcc", "mipsel-linux-gnu-gcc", "rust-source"];

/// The names that `nm` lists of an archive.
fn nm(arguments: &[&str], archive: &Path) -> BTreeSet<String> {
    run(Command::new("nm").args(["--format=posix"]).args(arguments).arg(archive))
        .lines()
        .filter(|line| !line.ends_with(':'))
        .filter_map(|line| line.split_whitespace().next())
        .map(String::from)
        .collect()
}

fn listed(list: &str) -> BTreeSet<String> {
    symbol_list(list).into_iter().collect()
}

/// The functions and variables that a header declares for others to define, with every switch on.
fn declared(header: &str) -> BTreeSet<String> {
    let file = scratch(&format!("declared-{header}")).join("all.c");
    std::fs::write(&file, format!("#include <rockmem/{header}>\n")).expect("scratch");
    let text = run(Command::new(compiler(false))
        .args([
            "-E",
            "-DROCKMEM_THREADS=1",
            "-DBUFLIB_DEBUG_GET_DATA",
            "-DBUFLIB_DEBUG_CHECK_VALID",
            "-DBUFLIB_DEBUG_PRINT",
        ])
        .arg("-I")
        .arg(root().join("include"))
        .arg(&file));

    // Our own lines only, without the inside of braces.
    let mut ours = false;
    let mut depth = 0;
    let mut flat = String::new();
    for line in text.lines() {
        if let Some(marker) = line.strip_prefix("# ") {
            ours = marker.contains("/rockmem/");
        } else if ours {
            for c in line.chars().chain(['\n']) {
                match c {
                    '{' => depth += 1,
                    // A body ends what it belongs to; a struct's own semicolon then ends nothing.
                    '}' => {
                        depth -= 1;
                        flat.push_str(if depth == 0 { "{};" } else { "" });
                    }
                    c if depth == 0 => flat.push(c),
                    _ => {}
                }
            }
        }
    }
    flat.split(';').filter_map(declared_name).collect()
}

/// The name that a declaration leaves to another file to define, if it does.
fn declared_name(declaration: &str) -> Option<String> {
    let declaration = declaration.trim();
    let word = |text: &str| {
        let text = text.trim_end();
        let start = text.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        Some(text[start..].to_string()).filter(|word| !word.is_empty())
    };
    if declaration.contains("{}") || declaration.starts_with("typedef") {
        return None; // a definition: a type or an inline function
    }
    if declaration.starts_with("_Static_assert") {
        return None;
    }
    match declaration.split_once('(') {
        Some((head, _)) => word(head),
        None if declaration.starts_with("extern ") => word(declaration),
        None => None,
    }
}

#[test]
fn the_host_archive_exports_exactly_its_list() {
    let found = nm(&["--defined-only", "--extern-only"], &archive("host"));
    assert_eq!(found, listed("host"));
}

#[test]
fn the_rockbox_archive_exports_exactly_its_list() {
    let found = nm(&["--defined-only", "--extern-only"], &archive("rockbox"));
    assert_eq!(found, listed("rockbox"));
}

#[test]
fn the_audio_pool_can_be_left_out() {
    let small = archive("small");
    let mut names = listed("rockbox");
    names.retain(|name| !name.starts_with("audio_"));
    assert_eq!(nm(&["--defined-only", "--extern-only"], &small), names);
    assert!(!nm(&[], &small).iter().any(|name| name.contains("audio_pool")));
}

#[test]
fn the_pool_alone_can_be_had() {
    let pool = archive("pool");
    let mut names = listed("rockbox");
    names.retain(|name| name.starts_with("buflib_") || name.starts_with("core_"));
    assert_eq!(nm(&["--defined-only", "--extern-only"], &pool), names);
    let mut needed = nm(&["--undefined-only"], &pool);
    needed.retain(|name| name.starts_with("rmport_"));
    let of_the_pool = ["rmport_asker", "rmport_ticks"].map(String::from);
    assert_eq!(needed, BTreeSet::from(of_the_pool), "left: needed, right: documented in docs/porting.md");
}

#[test]
fn no_path_of_the_machine_that_built_an_archive_is_in_it() {
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo = std::env::var("CARGO_HOME").unwrap_or(format!("{home}/.cargo"));
    let paths = [root().display().to_string(), cargo, "/.cargo/".into()];
    for which in ["host", "rockbox"] {
        let bytes = std::fs::read(archive(which)).expect("an archive");
        for path in &paths {
            let found = bytes.windows(path.len()).position(|window| window == path.as_bytes());
            let text: Vec<_> = bytes.iter().skip(found.unwrap_or(0)).take(120).copied().collect();
            assert!(found.is_none(), "{which}: {}", String::from_utf8_lossy(&text));
        }
    }
}

#[test]
fn the_rockbox_archive_needs_only_what_is_documented() {
    let needed = nm(&["--undefined-only"], &archive("rockbox"));
    let mut documented = listed("rockbox-undefined");
    // What the compiler makes of memcmp for a system that has it, as this machine; players' targets have not (below).
    documented.insert("bcmp".into());
    let surprise: Vec<_> = needed.difference(&documented).collect();
    assert!(surprise.is_empty(), "undocumented: {surprise:?}");
    let stale: Vec<_> = documented.difference(&needed).filter(|name| name.starts_with("rmport_")).collect();
    assert!(stale.is_empty(), "documented and not needed: {stale:?}");
}

#[test]
fn the_rockbox_archive_has_no_formatting_and_no_unwinding_in_it() {
    let archive = archive("rockbox");
    for name in nm(&[], &archive) {
        let heavy = ["4core3fmt", "_Unwind", "eh_personality", "__sync_", "__atomic_"];
        assert!(!heavy.iter().any(|part| name.contains(part)), "{name}");
    }
    let sections = run(Command::new("objdump").arg("-h").arg(&archive));
    for section in [".eh_frame", ".gcc_except_table", ".tdata", ".tbss", ".init_array"] {
        assert!(!sections.contains(section), "{section}");
    }
}

#[test]
fn the_archives_of_players_need_no_more_than_a_tree_and_its_libgcc_have() {
    if !has(&PLAYERS_TOOLS, "the archives of players") {
        return;
    }
    let documented = listed("rockbox-undefined");
    for player in
        ["armv4t", "armv5te", "thumbv7em", "mips32"].into_iter().flat_map(|one| [one.into(), format!("{one}-whole")])
    {
        let archive = archive(&player);
        let exported = nm(&["--defined-only", "--extern-only"], &archive);
        assert!(exported.is_subset(&listed("rockbox")), "{player}");
        for name in nm(&["--undefined-only"], &archive) {
            // On ARM the run-time ABI's helpers, and one of libgcc's that it does not name; on MIPS they are inside.
            let helper = !player.starts_with("mips32") && (name.starts_with("__aeabi_") || name == "__clzsi2");
            let known = helper && !name.contains("unwind");
            assert!(known || documented.contains(&name), "{player}: {name}");
        }
        for name in nm(&["--defined-only"], &archive) {
            assert!(!["memcpy", "memmove", "memset", "memcmp"].contains(&name.as_str()), "{player}: {name}");
        }
        let sections = run(Command::new("objdump").arg("-h").arg(&archive));
        for section in [".ARM.exidx", ".ARM.extab", ".eh_frame", ".llvmbc", ".note.GNU-stack"] {
            assert!(!sections.contains(section), "{player}: {section}");
        }
    }
}

#[test]
fn the_archives_of_players_are_no_larger_than_their_limits() {
    if has(&PLAYERS_TOOLS, "the archives of players") {
        // The pool alone and all but the audio pool: the two that other tests have built.
        for which in ["armv4t", "armv5te", "thumbv7em", "mips32"] {
            archive(which);
            archive(&format!("{which}-whole"));
        }
        let mut size = Command::new("tools/size.sh");
        size.args(["buflib", "buffering"]).current_dir(root()).env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
        println!("{}", run(&mut size));
    }
}

#[test]
fn the_lists_are_sorted_and_name_nothing_twice() {
    for list in ["host", "rockbox"] {
        let names = symbol_list(list);
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{list}.txt");
    }
}

#[test]
fn every_name_of_the_c_face_is_on_a_list_and_every_listed_name_is_in_a_header() {
    let mut exported: BTreeSet<String> = listed("host").union(&listed("rockbox")).cloned().collect();
    for (file, source) in capi() {
        for name in exports(&source) {
            assert!(exported.contains(&name), "src/capi/{file}.rs: {name} is on no list");
        }
    }
    let mut in_headers = BTreeSet::new();
    for header in header_names() {
        in_headers.extend(declared(&header));
    }
    for name in BROUGHT_BY_THE_PROGRAM {
        assert!(in_headers.remove(name), "{name} is not declared");
    }
    for name in OF_THE_PROGRAM {
        assert!(exported.remove(name), "{name} is not exported");
    }
    assert_eq!(in_headers, exported, "left: declared, right: exported");
}
