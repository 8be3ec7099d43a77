//! The picture of a pool over time (`examples/pool_map`): what it shows is what happened, and it is an SVG.

#[path = "../examples/pool_map/draw.rs"]
mod draw;
#[path = "../examples/pool_map/player.rs"]
mod player;
#[path = "../examples/pool_map/replay.rs"]
mod replay;
#[path = "../examples/pool_map/trace.rs"]
mod trace;

use replay::{End, Life, Story};

fn story(text: &str) -> Story {
    replay::replay(&trace::parse(text).expect("a trace"))
}

/// The lives of what the trace names.
fn named(story: &Story) -> Vec<&Life> {
    story.lives.iter().filter(|life| life.handle.is_some()).collect()
}

fn life<'a>(story: &'a Story, name: &str) -> &'a Life {
    story.lives.iter().find(|life| life.name == name).expect("a block of this name")
}

/// Every element is closed in its turn, every attribute quoted, and text holds nothing that means something else. Answers
/// how many elements of each of these names there are.
fn elements<const N: usize>(svg: &str, names: [&str; N]) -> [usize; N] {
    let (mut open, mut counts, mut rest) = (Vec::new(), [0; N], svg);
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(!text.contains('>'), "{text}");
        assert!(text.split('&').skip(1).all(|entity| entity[..entity.len().min(6)].contains(';')), "{text}");
        let end = at + rest[at..].find('>').expect("an end of a tag");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
            continue;
        }
        let name = tag.split([' ', '/']).next().expect("a name");
        assert_eq!(tag.matches('"').count(), 2 * tag.matches("=\"").count(), "{tag}");
        for (count, wanted) in counts.iter_mut().zip(names) {
            *count += usize::from(name == wanted);
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} stay open");
    counts
}

/// The rectangles in each life's group.
fn rectangles(svg: &str) -> Vec<usize> {
    svg.split("<g class=\"life\">")
        .skip(1)
        .map(|group| group.split("</g>").next().unwrap_or("").matches("<rect").count())
        .collect()
}

const QUIET: &str = "
    pool 65536          # nothing has to move, and nothing is changed once it is there
    alloc font 4000
    alloc talk 2000 locked
    purgeable tag 1000 cached
    free font
    alloc menu 300
    free menu
";

#[test]
fn each_life_of_a_block_is_one_rectangle_where_nothing_changes_for_it() {
    let story = story(QUIET);
    let lives = named(&story);
    assert_eq!(lives.iter().map(|life| life.name.as_str()).collect::<Vec<_>>(), ["font", "talk", "tag", "menu"]);
    assert!(lives.iter().all(|life| life.pieces.len() == 1));
    let spans: Vec<_> = lives.iter().map(|life| life.pieces[0].steps.clone()).collect();
    assert_eq!(spans, [0..3, 1..6, 2..6, 4..5]);
    assert_eq!(life(&story, "font").end, End::Freed);
    assert_eq!(life(&story, "talk").end, End::Alive);
    assert_eq!(life(&story, "talk").pieces[0].what, "locked");

    let svg = draw::svg(&story);
    let drawn = rectangles(&svg);
    assert_eq!(drawn.len(), story.lives.len());
    let [svgs, groups, titles] = elements(&svg, ["svg", "g", "title"]);
    assert_eq!((svgs, groups), (1, story.lives.len()));
    assert_eq!(titles, drawn.iter().sum::<usize>());
    assert_eq!(drawn, story.lives.iter().map(|life| life.pieces.len()).collect::<Vec<_>>());
}

#[test]
fn a_block_that_moves_or_changes_has_a_rectangle_for_each_stretch_without_gaps() {
    let story =
        story("pool 65536\nalloc a 20000\nalloc b 20000\nalloc c 15000\nfree a\npin b\nunpin b\nalloc d 25000\nfree d");
    let b = life(&story, "b");
    assert!(b.pieces.iter().any(|piece| piece.what == "used pinned 1"), "{b:?}");
    let mut moves = 0;
    for pair in named(&story).iter().flat_map(|life| life.pieces.windows(2)) {
        assert!(pair[0].steps.end == pair[1].steps.start && pair[0] != pair[1], "{pair:?}");
        moves += usize::from(pair[0].offset != pair[1].offset);
    }
    assert!(moves > 0 && moves == story.stats.moved_blocks, "{moves}");
    let svg = draw::svg(&story);
    assert_eq!(svg.matches("class=\"moved\"").count(), moves);
    elements(&svg, []);
}

#[test]
fn what_was_reclaimed_or_refused_is_shown_as_such() {
    let story = story("pool 65536\npurgeable tag 30000 cached\nalloc big 50000\ntouch tag\nfree tag\nalloc huge 60000");
    assert_eq!(life(&story, "tag").end, End::Reclaimed);
    assert_eq!(story.refused, [(4, 60000)]);
    let svg = draw::svg(&story);
    assert!(svg.contains("reclaimed at 1") && svg.contains("operation 4: 60000 bytes refused"));
    elements(&svg, []);
}

#[test]
fn the_players_trace_can_be_drawn_and_no_two_blocks_overlap_in_it() {
    for seed in [1, 2] {
        let story = story(&player::trace(seed));
        assert!(story.steps > 1000 && story.stats.moved_blocks > 0 && story.stats.reclaimed().blocks > 0);
        let mut at: Vec<Vec<(usize, usize)>> = vec![Vec::new(); story.steps];
        for piece in story.lives.iter().flat_map(|life| &life.pieces) {
            assert!(!piece.steps.is_empty() && piece.offset + piece.size <= story.pool);
            at[piece.steps.clone()].iter_mut().for_each(|step| step.push((piece.offset, piece.size)));
        }
        for (step, blocks) in at.iter_mut().enumerate() {
            blocks.sort();
            assert!(blocks.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "step {step}");
            let (free, _) = story.room[step];
            assert_eq!(blocks.iter().map(|block| block.1).sum::<usize>() + free, story.pool, "step {step}");
        }
        elements(&draw::svg(&story), []);
    }
}

#[test]
fn a_trace_that_cannot_be_read_is_refused_with_its_line() {
    for (text, why) in [
        ("", "no pool"),
        ("alloc a 10", "line 1"),
        ("pool 100", "line 1"),
        ("pool 65536\npool 65536", "line 2"),
        ("pool 65536\n\nalloc a", "line 3"),
        ("pool 65536\nalloc a -5", "line 2"),
        ("pool 65536\nalloc a 99999999999999999999", "line 2"),
        ("pool 65536\npurgeable a 10 maybe", "line 2"),
        ("pool 65536\nfree", "line 2"),
    ] {
        let error = trace::parse(text).err().expect(text);
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn a_trace_that_misuses_its_blocks_does_nothing_with_them() {
    let story = story(
        "pool 65536\nunpin a\nalloc a 100\nalloc a 200\nunpin a\ntouch a\nio a\ndone a\nshrink a 5000\nfree a\nfree a",
    );
    assert_eq!(named(&story).len(), 1);
    assert_eq!(story.stats.frees, 1);
}

#[test]
fn names_that_mean_something_to_an_svg_are_escaped() {
    let svg = draw::svg(&story("pool 65536\nalloc <g>&\"x 100"));
    assert!(svg.contains("&lt;g&gt;&amp;&quot;x"));
    elements(&svg, []);
}

#[test]
fn an_empty_trace_has_a_picture() {
    elements(&draw::svg(&story("pool 65536")), []);
}
