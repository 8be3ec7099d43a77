//! How deep calls go on the stacks of players' threads, by painting, on players' processors: `tests/cross/stacks.c`.

mod support;

use std::collections::BTreeMap;

use support::players::PLAYERS;
use support::{archive, has, root, run, scratch};

/// The most bytes that a call may take on any of the processors, what stands below the library left out. A tree gives
/// most of its threads 1 KB, the main thread 8 KB, the one that buffers 9 KB.
const LIMITS: [(&str, usize); 27] = [
    ("core_alloc", 400),
    ("core_get_data", 64),
    ("core_pin, core_unpin", 256),
    ("core_shrink", 400),
    ("core_free", 400),
    ("core_alloc that moves blocks", 1800),
    ("core_free of a large block", 400),
    ("core_alloc that has blocks shrunk", 1800),
    ("core_alloc_maximum", 1000),
    ("rm_tree_read", 1800),
    ("rm_tree_write", 3000),
    ("core_alloc that evicts", 2000),
    ("rm_tree_sync", 800),
    ("rm_tree_idle", 1000),
    ("mmap_create", 1000),
    ("mmap_read_wait, mmap_get", 900),
    ("mmap_write_wait", 1000),
    ("mmap_sync_wait", 900),
    ("mmap_destroy_wait", 1000),
    ("rm_tree_truncate", 800),
    ("rm_tree_close", 1000),
    ("buffering_reset", 700),
    ("bufopen", 900),
    ("bufgetdata, bufadvance", 2000),
    ("bufseek, bufread", 1800),
    ("bufclose", 1000),
    ("the buffering thread", 2600),
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
