//! The picture: time to the right, addresses upwards, a rectangle for each stretch of a block's life.
//!
//! ```text
//!   title
//!   ┌───────────────────────────────┐ legend
//!   │ pool: addresses × time        │
//!   ├───────────────────────────────┤
//!   │ refused requests; free space  │
//!   └───────────────────────────────┘
//!   figures
//! ```

use crate::replay::{End, Life, Piece, Story};
use std::fmt::{Display, Write};

const WIDTH: f64 = 1360.0;
const LEFT: f64 = 92.0;
const TOP: f64 = 76.0;
const POOL_WIDTH: f64 = 1080.0;
const POOL_HEIGHT: f64 = 560.0;
const ROOM_TOP: f64 = TOP + POOL_HEIGHT + 44.0;
const ROOM_HEIGHT: f64 = 96.0;
const FIGURES_TOP: f64 = ROOM_TOP + ROOM_HEIGHT + 66.0;
const HEIGHT: f64 = FIGURES_TOP + 112.0;

/// What a rectangle can stand for: name in the legend and colour. The first whose test holds, of the words of the map.
const STATES: [(&str, &str); 11] = [
    ("transfer under way", "#8E5BB0"),
    ("dirty", "#C8472F"),
    ("needed now", "#138A7D"),
    ("needed soon", "#7CC6A0"),
    ("cached", "#F5D37A"),
    ("cached, used again", "#E09A2B"),
    ("disposable", "#D9C9AE"),
    ("locked for life", "#26374A"),
    ("pinned", "#2F6DA8"),
    ("in use", "#8DB4D6"),
    ("the pool's own", "#A3A9B3"),
];

fn state(what: &str) -> usize {
    let has = |word: &str| what.split(' ').any(|other| other == word);
    let order = [
        has("io"),
        has("dirty"),
        has("now"),
        has("soon"),
        has("cached") && !has("again"),
        has("cached"),
        has("disposable"),
        has("locked"),
        has("used") && has("pinned"),
        has("used"),
    ];
    order.iter().position(|holds| *holds).unwrap_or(STATES.len() - 1)
}

/// A picture being written.
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, text: impl Display) {
        // Writing into a string does not fail.
        let _ = writeln!(self.text, "{text}");
    }

    fn label(&mut self, x: f64, y: f64, class: &str, text: &str) {
        self.line(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>", escaped(text)));
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
        out
    })
}

/// Bytes as people read them.
fn bytes(count: usize) -> String {
    match count {
        0..10_240 => format!("{count} B"),
        10_240..1_048_576 => format!("{:.0} KB", count as f64 / 1024.0),
        _ => format!("{:.2} MB", count as f64 / 1048576.0),
    }
}

/// A step between marks on an axis of this length: about `wanted` of them, and a number that people like.
fn tick(length: usize, wanted: usize, binary: bool) -> usize {
    let mut step = 1;
    let factors: &[usize] = if binary { &[2] } else { &[2, 5, 10] };
    loop {
        for factor in factors {
            if length / (step * factor) <= wanted {
                return step * factor;
            }
        }
        step *= factors[factors.len() - 1];
    }
}

/// Where things are on the page.
struct Scale {
    pool: f64,
    steps: f64,
}

impl Scale {
    fn x(&self, step: usize) -> f64 {
        LEFT + step as f64 / self.steps * POOL_WIDTH
    }

    /// Low addresses below.
    fn y(&self, offset: usize) -> f64 {
        TOP + POOL_HEIGHT - offset as f64 / self.pool * POOL_HEIGHT
    }
}

/// Draws a story.
pub fn svg(story: &Story) -> String {
    let scale = Scale { pool: story.pool.max(1) as f64, steps: story.steps.max(1) as f64 };
    let mut page = Page { text: String::new() };
    page.line(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\">"
    ));
    page.line(STYLE);
    page.line(format_args!("<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>"));
    page.label(LEFT, 36.0, "title", "A pool over time");
    let about = format!(
        "{} of memory, {} operations, {} blocks; a dark left edge is a move",
        bytes(story.pool),
        story.steps,
        story.lives.iter().filter(|life| life.handle.is_some()).count()
    );
    page.label(LEFT, 58.0, "quiet", &about);
    axes(&mut page, story, &scale);
    for life in &story.lives {
        draw_life(&mut page, life, &scale);
    }
    page.line(format_args!(
        "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{POOL_WIDTH}\" height=\"{POOL_HEIGHT}\" class=\"frame\"/>"
    ));
    room(&mut page, story, &scale);
    legend(&mut page);
    figures(&mut page, story);
    page.line("</svg>");
    page.text
}

const STYLE: &str = "<style>\n\
    text{font-family:'DejaVu Sans',Helvetica,Arial,sans-serif;font-size:12px;fill:#2b3440}\n\
    .title{font-size:22px;font-weight:bold}.quiet{fill:#66707c}.end{text-anchor:end}.mid{text-anchor:middle}\n\
    .axis{fill:#66707c;font-size:11px}.axis.end{text-anchor:end}.axis.mid{text-anchor:middle}\n\
    .figure{font-size:15px;font-weight:bold}.frame{fill:none;stroke:#8a929c;stroke-width:1}\n\
    .grid{stroke:#e3e6ea;stroke-width:1}.moved{stroke:#1c2530;stroke-width:.9}\n\
    .life rect{stroke:#fff;stroke-width:.35}.life:hover rect{stroke:#000;stroke-width:1.4}\n\
    </style>";

fn axes(page: &mut Page, story: &Story, scale: &Scale) {
    page.line(format_args!(
        "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{POOL_WIDTH}\" height=\"{POOL_HEIGHT}\" fill=\"#f4f6f8\"/>"
    ));
    let step = tick(story.pool, 8, true);
    for offset in (0..=story.pool).step_by(step) {
        let y = scale.y(offset);
        page.line(format_args!(
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" class=\"grid\"/>",
            LEFT + POOL_WIDTH
        ));
        page.label(LEFT - 8.0, y + 4.0, "axis end", &bytes(offset));
    }
    let step = tick(story.steps, 10, false);
    for at in (0..=story.steps).step_by(step) {
        page.label(scale.x(at), TOP + POOL_HEIGHT + 16.0, "axis mid", &at.to_string());
    }
    page.label(LEFT + POOL_WIDTH, TOP + POOL_HEIGHT + 32.0, "axis end", "operations →");
    page.line(format_args!(
        "<text transform=\"translate(22 {:.1}) rotate(-90)\" class=\"axis mid\">address →</text>",
        TOP + POOL_HEIGHT / 2.0
    ));
}

fn draw_life(page: &mut Page, life: &Life, scale: &Scale) {
    page.line("<g class=\"life\">");
    let mut before: Option<&Piece> = None;
    for piece in &life.pieces {
        let (x, y) = (scale.x(piece.steps.start), scale.y(piece.offset + piece.size));
        let (width, height) = (scale.x(piece.steps.end) - x, scale.y(piece.offset) - y);
        page.line(format_args!(
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{}\"><title>{}</title></rect>",
            STATES[state(&piece.what)].1,
            escaped(&title(life, piece))
        ));
        if before.is_some_and(|before| before.offset != piece.offset && before.size == piece.size) {
            page.line(format_args!(
                "<line x1=\"{x:.2}\" x2=\"{x:.2}\" y1=\"{y:.2}\" y2=\"{:.2}\" class=\"moved\"/>",
                y + height
            ));
        }
        before = Some(piece);
    }
    page.line("</g>");
}

/// What is shown when the mouse rests on a piece.
fn title(life: &Life, piece: &Piece) -> String {
    let last = life.pieces.last().map_or(0, |last| last.steps.end);
    let end = match life.end {
        End::Alive => String::new(),
        End::Freed => format!(", freed at {last}"),
        End::Reclaimed => format!(", reclaimed at {last}"),
    };
    let handle = life.handle.map_or(String::new(), |handle| format!(" (handle {handle})"));
    let Piece { steps, offset, size, what } = piece;
    format!("{}{handle}: {what}\n{size} bytes at {offset}\noperations {} to {}{end}", life.name, steps.start, steps.end)
}

/// The free space and its largest hole, and where requests were refused.
fn room(page: &mut Page, story: &Story, scale: &Scale) {
    let most = story.room.iter().map(|(free, _)| *free).max().unwrap_or(0).max(1);
    let bottom = ROOM_TOP + ROOM_HEIGHT;
    let y = |bytes: usize| bottom - bytes as f64 / most as f64 * ROOM_HEIGHT;
    page.line(format_args!(
        "<rect x=\"{LEFT}\" y=\"{ROOM_TOP}\" width=\"{POOL_WIDTH}\" height=\"{ROOM_HEIGHT}\" fill=\"#f4f6f8\"/>"
    ));
    let area = |of: fn(&(usize, usize)) -> usize| {
        let mut path = format!("M{LEFT} {bottom}");
        for (step, room) in story.room.iter().enumerate() {
            let _ =
                write!(path, "L{:.1} {:.1}L{:.1} {:.1}", scale.x(step), y(of(room)), scale.x(step + 1), y(of(room)));
        }
        format!("{path}L{:.1} {bottom}Z", LEFT + POOL_WIDTH)
    };
    page.line(format_args!("<path d=\"{}\" fill=\"#c9d2dc\"/>", area(|room| room.0)));
    page.line(format_args!("<path d=\"{}\" fill=\"#5d7389\"/>", area(|room| room.1)));
    for (step, wanted) in &story.refused {
        page.line(format_args!(
            "<rect x=\"{:.2}\" y=\"{ROOM_TOP}\" width=\"1.6\" height=\"{ROOM_HEIGHT}\" fill=\"#d3122a\"><title>operation {step}: \
             {wanted} bytes refused</title></rect>",
            scale.x(*step)
        ));
    }
    page.label(LEFT - 8.0, ROOM_TOP + 10.0, "axis end", &bytes(most));
    page.label(LEFT - 8.0, bottom, "axis end", "0 B");
    page.line(format_args!(
        "<rect x=\"{LEFT}\" y=\"{ROOM_TOP}\" width=\"{POOL_WIDTH}\" height=\"{ROOM_HEIGHT}\" class=\"frame\"/>"
    ));
    swatches(page, ROOM_TOP + 6.0, &[("free", "#c9d2dc"), ("largest hole", "#5d7389"), ("refused", "#d3122a")]);
}

fn legend(page: &mut Page) {
    swatches(page, TOP, &STATES);
    swatches(page, TOP + 24.0 * STATES.len() as f64, &[("free", "#f4f6f8")]);
}

/// Names beside their colours, on the right.
fn swatches(page: &mut Page, top: f64, names: &[(&str, &str)]) {
    let x = LEFT + POOL_WIDTH + 22.0;
    for (i, (name, colour)) in names.iter().enumerate() {
        let y = top + 24.0 * i as f64;
        page.line(format_args!(
            "<rect x=\"{x}\" y=\"{y:.1}\" width=\"15\" height=\"15\" rx=\"2\" fill=\"{colour}\" stroke=\"#8a929c\" stroke-width=\".6\"/>"
        ));
        page.label(x + 23.0, y + 12.0, "name", name);
    }
}

/// What the pool counted, in columns.
fn figures(page: &mut Page, story: &Story) {
    let stats = &story.stats;
    let used = story.room.iter().map(|(free, _)| story.pool - free).max().unwrap_or(0);
    let reclaimed = |class: rockmem::buflib::Reclaimed| format!("{} ({})", class.blocks, bytes(class.bytes));
    let columns = [
        ("allocations", stats.allocs.to_string()),
        ("freed", stats.frees.to_string()),
        ("refused", stats.refused.to_string()),
        ("moved", format!("{} ({})", stats.moved_blocks, bytes(stats.moved_bytes))),
        ("most in use", bytes(used)),
        ("free at the end", bytes(stats.free)),
        ("largest hole", bytes(stats.largest_hole)),
        ("largest span", bytes(stats.largest_span)),
        ("reclaimed, disposable", reclaimed(stats.reclaimed_disposable)),
        ("reclaimed, cached", reclaimed(stats.reclaimed_cached)),
        ("reclaimed, soon", reclaimed(stats.reclaimed_soon)),
        ("reclaimed, dirty", reclaimed(stats.reclaimed_dirty)),
    ];
    page.line(format_args!(
        "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" class=\"grid\"/>",
        LEFT + POOL_WIDTH,
        FIGURES_TOP - 30.0,
        FIGURES_TOP - 30.0
    ));
    for (i, (name, value)) in columns.iter().enumerate() {
        let (x, y) = (LEFT + POOL_WIDTH / 6.0 * (i % 6) as f64, FIGURES_TOP + 52.0 * (i / 6) as f64);
        page.label(x, y, "figure", value);
        page.label(x, y + 18.0, "quiet", name);
    }
}
