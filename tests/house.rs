//! The house rules that a machine can keep: the map leads somewhere, files stay small, raw memory stays in few rooms.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{read, root};

/// Files outside `src/port` and `src/capi` that may touch raw memory: pool words, mapped memory, buffers that are lent,
/// and callbacks of C. What has no business with them does not join this list.
const RAW: [&str; 16] = [
    "src/audio_pool/index.rs",
    "src/audio_pool/lend.rs",
    "src/audio_pool/memory.rs",
    "src/audio_pool/plain/block.rs",
    "src/audio_pool/plain/mod.rs",
    "src/audio_pool/plain/tests.rs",
    "src/audio_pool/shared.rs",
    "src/buflib/context.rs",
    "src/buflib/loan.rs",
    "src/buflib/moving.rs",
    "src/buflib/pool.rs",
    "src/buflib/purge/api.rs",
    "src/buflib/purge/sweep.rs",
    "src/buflib/reclaim.rs",
    "src/buflib/words.rs",
    "src/mmap/memory.rs",
];

/// The files below a folder of the project with one of these endings, as paths from the root.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("a file").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
                found.push(path.strip_prefix(root()).expect("below the root").to_path_buf());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_link_of_the_pages_leads_to_a_file() {
    let mut pages = files("docs", &["md"]);
    pages.push("README.md".into());
    for page in pages {
        let text = read(&root().join(&page));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with('#') {
                continue;
            }
            let file = link.split('#').next().unwrap_or(link);
            let target = root().join(&page).parent().expect("a folder").join(file);
            assert!(target.exists(), "{}: {link}", page.display());
        }
    }
}

#[test]
fn no_source_is_longer_than_700_lines() {
    for folder in ["src", "tests", "benches", "examples"] {
        for file in files(folder, &["rs", "c", "cpp", "h"]) {
            let lines = read(&root().join(&file)).lines().count();
            assert!(lines <= 700, "{}: {lines} lines", file.display());
        }
    }
}

#[test]
fn raw_memory_is_touched_in_few_files() {
    let allowed = |file: &Path| {
        file.starts_with("src/port") || file.starts_with("src/capi") || RAW.iter().any(|raw| file == Path::new(raw))
    };
    for file in files("src", &["rs"]) {
        let raw = read(&root().join(&file)).contains("unsafe ");
        assert!(!raw || allowed(&file), "{}: unsafe", file.display());
    }
    for file in RAW {
        let raw = fs::read_to_string(root().join(file)).is_ok_and(|text| text.contains("unsafe "));
        assert!(raw, "{file} is on the list for nothing");
    }
}
