//! The C headers: made from `src/capi`, never stale, and good C and C++ on their own, for 32 and 64 bit.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use support::{capi, compiler, exports, header_names, root, run, scratch, symbol_list, text};

/// Names of the archive that are not ours to rename: a linking program brings its own.
const OF_THE_PROGRAM: [&str; 2] = ["panicf", "_logf"];

/// A file of the C face as cbindgen can read it.
#[derive(Default)]
struct Face {
    /// The paragraphs at its head.
    doc: Vec<String>,
    /// What its header includes.
    includes: Vec<String>,
    /// The files whose structs it declares.
    types: Vec<String>,
    /// The macros that switch declarations on.
    switches: Vec<String>,
    /// The Rust text, without what cbindgen cannot read.
    rust: String,
}

impl Face {
    fn of(name: &str, source: &str) -> Face {
        let mut face = Face::default();
        // What a caller must see to is no safety section of a document to a C programmer, and nothing is no item of it.
        let source = source
            .replace("///\n/// # Safety\n/// * None.\n", "")
            .replace("/// # Safety\n", "/// The caller sees to it that:\n");
        for line in source.lines() {
            if let Some(text) = line.strip_prefix("//!") {
                face.doc.push(text.strip_prefix(' ').unwrap_or(text).to_string());
            } else if let Some(file) = line.strip_prefix("//#include ") {
                face.includes.push(file.trim_matches('"').to_string());
            } else if let Some(file) = line.strip_prefix("//#types ") {
                face.types.push(file.to_string());
            } else if let Some(switch) = line.strip_prefix("//#if ") {
                face.switches.push(switch.to_string());
                face.rust.push_str(&format!("#[cfg({switch})]\n"));
            } else if line.starts_with("#[unsafe(export_name = prefix!(") {
                face.rust.push_str("#[unsafe(no_mangle)]\n");
            } else {
                assert!(!line.contains("//#"), "src/capi/{name}.rs: a line for the header that nobody reads: {line}");
                // C's callers pass pointers to such data as pointers to what may be written.
                let line = line.replace("pub static ", "pub static mut ");
                face.rust.push_str(&line);
                face.rust.push('\n');
            }
        }
        face
    }
}

/// The header of one file of the C face.
fn header_of(name: &str, source: &str) -> String {
    let face = Face::of(name, source);
    let dir = scratch(&format!("face-{name}"));
    let file = dir.join(format!("{name}.rs"));
    fs::write(&file, &face.rust).expect("scratch");

    let mut config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("config");
    for switch in &face.switches {
        config.defines.insert(switch.clone(), switch.clone());
    }
    let mut head = config.header.take().unwrap_or_default();
    head.push_str("\n\n/*");
    for line in &face.doc {
        head.push_str(format!(" {line}").trim_end());
        head.push_str("\n *");
    }
    head.push('/');
    config.header = Some(head);
    config.include_guard = Some(format!("ROCKMEM_{}_H", name.to_uppercase()));
    let (system, ours): (Vec<_>, Vec<_>) = face.includes.iter().partition(|file| file.starts_with('<'));
    config.sys_includes = system.iter().map(|file| file.trim_matches(['<', '>']).to_string()).collect();
    config.includes = ours.into_iter().cloned().collect();

    let mut out = Vec::new();
    let builder = cbindgen::Builder::new().with_config(config).with_src(&file);
    face.types
        .iter()
        .fold(builder, |builder, types| builder.with_src(root().join(types)))
        .generate()
        .unwrap_or_else(|e| panic!("src/capi/{name}.rs: {e}"))
        .write(&mut out);
    String::from_utf8(out).expect("text")
}

/// prefix.h: every exported name, mapped to the one it has in an archive built with the feature `prefixed`.
fn prefix_header() -> String {
    let mut names: Vec<_> = symbol_list("host");
    names.extend(symbol_list("rockbox"));
    names.sort();
    names.dedup();
    names.retain(|name| !OF_THE_PROGRAM.contains(&name.as_str()));

    let mut out = String::from(
        "/* SPDX-License-Identifier: GPL-2.0-or-later */\n\
         /* Made from symbols/ by `make headers`. */\n\n\
         /* With ROCKMEM_PREFIX defined, every name is used as rockmem_NAME: for programs that link an archive built with\n \
          * `make PREFIXED=1`, beside another library that has the same names. */\n\
         #ifndef ROCKMEM_PREFIX_H\n#define ROCKMEM_PREFIX_H\n\n#ifdef ROCKMEM_PREFIX\n",
    );
    for name in names {
        out.push_str(&format!("#define {name} rockmem_{name}\n"));
    }
    out.push_str("#endif\n\n#endif /* ROCKMEM_PREFIX_H */\n");
    out
}

/// Every header that is made, by file name.
fn made() -> BTreeMap<String, String> {
    let mut all: BTreeMap<_, _> =
        capi().iter().map(|(name, source)| (format!("{name}.h"), header_of(name, source))).collect();
    all.insert("prefix.h".into(), prefix_header());
    all
}

#[test]
fn the_committed_headers_are_those_of_the_sources() {
    for (name, wanted) in made() {
        let found = fs::read_to_string(root().join("include/rockmem").join(&name));
        assert!(found.is_ok_and(|found| found == wanted), "include/rockmem/{name} is stale: run `make headers`");
    }
}

/// Not a promise but a tool: what `make headers` runs.
#[test]
#[ignore = "writes include/rockmem: `make headers`"]
fn write_headers() {
    for (name, text) in made() {
        let path = root().join("include/rockmem").join(&name);
        if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            fs::write(&path, text).expect("include/rockmem");
            println!("include/rockmem/{name}");
        }
    }
}

#[test]
fn every_header_is_made_or_is_the_hand_written_part_of_one() {
    let made = made();
    for name in header_names() {
        let hand_written = name.strip_suffix("_inline.h").is_some_and(|of| made.contains_key(&format!("{of}.h")));
        assert!(hand_written || made.contains_key(&name), "include/rockmem/{name} has no source");
    }
}

#[test]
fn an_exported_function_has_the_same_name_in_rust_and_in_c() {
    for (name, source) in capi() {
        for symbol in exports(&source) {
            assert!(
                source.contains(&format!("fn {symbol}(")) || source.contains(&format!("static {symbol}:")),
                "src/capi/{name}.rs: {symbol} is something else in Rust"
            );
        }
    }
}

#[test]
fn each_header_compiles_alone_as_c_and_as_cplusplus() {
    let languages: [(bool, &[&str]); 8] = [
        (false, &["-std=c99"]),
        (false, &["-std=c11"]),
        (false, &["-std=gnu17"]),
        (true, &["-std=c++98", "-Wno-long-long"]),
        (true, &["-std=c++11"]),
        (true, &["-std=c++20"]),
        // 32 bit as far as the compiler alone can tell, without a 32-bit C library.
        (false, &["-std=c11", "-m32", "-ffreestanding"]),
        (true, &["-std=c++17", "-m32", "-ffreestanding"]),
    ];
    let switches: [&[&str]; 3] = [
        &[],
        &["-DROCKMEM_THREADS=0"],
        &[
            "-DROCKMEM_THREADS=0",
            "-DBUFLIB_DEBUG_GET_DATA",
            "-DBUFLIB_DEBUG_CHECK_VALID",
            "-DBUFLIB_DEBUG_PRINT",
            "-DROCKMEM_PREFIX",
        ],
    ];
    let dir = scratch("alone");
    for header in header_names() {
        // Twice: the guard must work.
        let line = format!("#include <rockmem/{header}>\n");
        for (cplusplus, language) in languages {
            if language.contains(&"-m32") && !cfg!(target_arch = "x86_64") {
                continue;
            }
            let file = dir.join(if cplusplus { "alone.cpp" } else { "alone.c" });
            let unit = format!("{line}{line}int rockmem_unit;\n");
            fs::write(&file, unit).expect("scratch");
            for switch in switches {
                run(Command::new(compiler(cplusplus))
                    .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"])
                    .args(language)
                    .args(switch)
                    .arg("-I")
                    .arg(root().join("include"))
                    .arg(&file));
            }
        }
    }
}

#[test]
fn the_layout_that_callers_depend_on_is_asserted_in_the_header() {
    // A wrong layout must not compile: the assertions are live, on both word sizes.
    let wrong = text("include/rockmem/buflib_inline.h")
        .replace("rockmem_private[5]", "rockmem_private[6]")
        .replace("#include \"prefix.h\"", "");
    assert!(wrong.contains("rockmem_private[6]"));
    let file = scratch("layout").join("wrong.c");
    fs::write(&file, wrong).expect("scratch");
    let words: &[&[&str]] =
        if cfg!(target_arch = "x86_64") { &[&["-m64"], &["-m32", "-ffreestanding"]] } else { &[&[]] };
    for word in words {
        let output = Command::new(compiler(false))
            .args(["-std=c11", "-fsyntax-only"])
            .args(*word)
            .arg(&file)
            .output()
            .expect("a C compiler");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("callers embed the context by value"), "{said}");
    }
}
