//! How deep calls go on the stacks of players' threads, by painting, on players' processors: `tests/cross/stacks.c`.

mod support;

use std::collections::BTreeMap;

use support::players::PLAYERS;
use support::{archive, has, root, run, scratch};

/// The most bytes that a call may take on any of the processors, what stands below the library left out: at
/// least a tenth above what was seen, since inlining differs from change to change. A tree gives
/// most of its threads 1 KB, the main thread 8 KB, the one that buffers 9 KB.
const LIMITS: [(&str, usize); 27] = [
    ("core_alloc", 320),
    ("core_get_data", 64),
    ("core_pin, core_unpin", 192),
    ("core_shrink", 320),
    ("core_free", 256),
    ("core_alloc that moves blocks", 1472),
    ("core_free of a large block", 320),
    ("core_alloc that has blocks shrunk", 1472),
    ("core_alloc_maximum", 704),
    ("rm_tree_read", 1472),
    ("rm_tree_write", 2624),
    ("core_alloc that evicts", 1536),
    ("rm_tree_sync", 576),
    ("rm_tree_idle", 832),
    ("mmap_create", 768),
    ("mmap_read_wait, mmap_get", 640),
    ("mmap_write_wait", 704),
    ("mmap_sync_wait", 832),
    ("mmap_destroy_wait", 832),
    ("rm_tree_truncate", 576),
    ("rm_tree_close", 896),
    ("buffering_reset", 448),
    ("bufopen", 640),
    ("bufgetdata, bufadvance", 1664),
    ("bufseek, bufread", 1408),
    ("bufclose", 832),
    ("the buffering thread", 2816),
];

#[test]
fn no_call_goes_deeper_than_its_limit_on_the_stacks_of_players() {
    for player in PLAYERS.iter().filter(|player| has(player.needs, player.name)) {
        let program = scratch(&format!("stacks-{}", player.name)).join("stacks");
        let mut build = player.compiler();
        build.args(["-DROCKMEM_THREADS=0", "-Wl,--gc-sections"]).arg(root().join("tests/cross/stacks.c"));
        build.args(player.below()).arg(archive(&format!("{}-whole", player.archive))).args(player.link());
        run(build.arg("-o").arg(&program));

        let said = run(&mut player.command(&program));
        println!("{}\n{said}", player.name); // with --nocapture: the table of docs/native.md
        let depths: BTreeMap<&str, usize> = said
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(bytes, call)| (call, bytes.parse().expect("bytes")))
            .collect();
        assert!(depths.keys().eq(BTreeMap::from(LIMITS).keys()), "{}: {depths:?}", player.name);
        let deeper: Vec<_> = LIMITS.iter().filter(|(call, limit)| depths[call] > *limit).collect();
        assert!(deeper.is_empty(), "{}: deeper than {deeper:?}\n{said}", player.name);
    }
}
