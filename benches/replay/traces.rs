//! Traces of accesses to pieces of files, made by the program: the same on every machine.
//!
//! A piece is known by its key and has always the same size. The memory they are made for is given: what matters of a
//! trace is how far apart the uses of a piece lie, in memories.

/// One use of a piece.
#[derive(Clone, Copy)]
pub struct Access {
    /// Which piece; above 0.
    pub key: u32,
    /// Its size.
    pub bytes: u32,
}

/// A trace.
pub struct Trace {
    /// As rows of the bench table name it.
    pub name: &'static str,
    /// What it is, for a reader.
    pub title: &'static str,
    /// Whether a scan runs through it that would wash a working set out.
    pub scan: bool,
    /// What is used, in order.
    pub uses: Vec<Access>,
}

/// splitmix64, as the C benches have it.
pub struct Rng(pub u64);

impl Rng {
    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Numbers of which few are frequent: the k-th comes 1/k^a as often as the first.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(n: usize, a: f64) -> Zipf {
        let mut sum = 0.0;
        Zipf(
            (1..=n)
                .map(|k| {
                    sum += 1.0 / (k as f64).powf(a);
                    sum
                })
                .collect(),
        )
    }

    fn next(&self, rng: &mut Rng) -> usize {
        let at = (rng.next() >> 11) as f64 / (1_u64 << 53) as f64 * self.0.last().copied().unwrap_or(0.0);
        self.0.partition_point(|&sum| sum < at).min(self.0.len() - 1)
    }
}

const PAGE: u32 = 4096;

fn page(key: usize) -> Access {
    Access { key: key as u32 + 1, bytes: PAGE }
}

/// The working set of a player's user: settings, fonts, database pages; three fifths of the memory. Keys below 100,000.
struct Player {
    database: Zipf,
    fonts: usize,
}

impl Player {
    fn new(memory: usize) -> Player {
        let pages = memory / PAGE as usize;
        Player { database: Zipf::new(pages / 2, 0.5), fonts: (memory / 10 / 16384).max(1) }
    }

    fn next(&self, rng: &mut Rng) -> Access {
        match rng.below(10) {
            0 => page(rng.below(4)),
            1 | 2 => Access { key: 1001 + rng.below(self.fonts) as u32, bytes: 16384 },
            _ => page(2000 + self.database.next(rng)),
        }
    }
}

const MUSIC: u32 = 1 << 20;
const WINDOW: u32 = 128 << 10;

/// Bursts of a user's work, and more than a memory of music between two of them. `songs`: the windows of music there
/// are; then they come again.
fn music(memory: usize, uses: usize, songs: usize) -> Vec<Access> {
    let (player, mut rng, mut window, mut trace) = (Player::new(memory), Rng(1), 0, Vec::new());
    let windows = memory / WINDOW as usize * 5 / 4;
    while trace.len() < uses {
        for _ in 0..windows {
            trace.push(Access { key: MUSIC + (window % songs) as u32, bytes: WINDOW });
            window += 1;
            // A look at the screen now and then.
            if rng.percent(25) {
                trace.push(player.next(&mut rng));
            }
        }
        for _ in 0..4 * windows {
            trace.push(player.next(&mut rng));
        }
    }
    trace
}

/// A user's work, and between it the tags of more new files than there are pages in memory: a page each, once.
fn tags(memory: usize, uses: usize) -> Vec<Access> {
    let (player, mut rng, mut trace) = (Player::new(memory), Rng(2), Vec::new());
    let pages = memory / PAGE as usize;
    while trace.len() < uses {
        for _ in 0..pages * 9 / 8 {
            trace.push(Access { key: MUSIC + trace.len() as u32, bytes: PAGE });
            if rng.percent(10) {
                trace.push(player.next(&mut rng));
            }
        }
        for _ in 0..pages * 3 / 4 {
            trace.push(player.next(&mut rng));
        }
    }
    trace
}

/// Pieces come again when nearly as much else was used as fits into memory.
fn friendly(memory: usize, uses: usize) -> Vec<Access> {
    let pages = memory / PAGE as usize;
    let (mut rng, mut stack, mut made) = (Rng(3), Vec::new(), 0);
    (0..uses)
        .map(|_| {
            let depth = pages * 3 / 4 + rng.below(pages / 5);
            let key = match stack.len().checked_sub(depth) {
                Some(at) if rng.percent(85) => stack.remove(at),
                _ => {
                    made += 1;
                    made
                }
            };
            stack.push(key);
            page(key)
        })
        .collect()
}

/// Every piece is used twice and never again, nine tenths of a memory apart.
fn twice(memory: usize, uses: usize) -> Vec<Access> {
    let apart = memory / PAGE as usize * 9 / 20;
    let key = |i: usize| if i % 2 == 1 && i / 2 >= apart { i / 2 - apart } else { i / 2 };
    (0..uses).map(|i| page(key(i))).collect()
}

/// A working set of four fifths of the memory that is another one every so often.
fn phases(memory: usize, uses: usize) -> Vec<Access> {
    let (mut rng, pages) = (Rng(4), memory / PAGE as usize * 4 / 5);
    (0..uses).map(|i| page(i / (8 * pages) * pages + rng.below(pages))).collect()
}

/// Pieces of 4 to 128 KB, four times the memory, few of them frequent.
fn mixed(memory: usize, uses: usize) -> Vec<Access> {
    let mut rng = Rng(5);
    let mut pieces = Vec::new();
    let mut left = 4 * memory;
    while left > 0 {
        let bytes = PAGE << rng.below(6);
        pieces.push(Access { key: pieces.len() as u32 + 1, bytes });
        left = left.saturating_sub(bytes as usize);
    }
    let zipf = Zipf::new(pieces.len(), 0.9);
    (0..uses).map(|_| pieces[zipf.next(&mut rng)]).collect()
}

/// All traces, of about `uses` accesses each, for so much memory.
pub fn all(memory: usize, uses: usize) -> Vec<Trace> {
    let pages = memory / PAGE as usize;
    let mut rng = Rng(6);
    let zipf = Zipf::new(4 * pages, 0.9);
    let trace = |name, title, scan, uses| Trace { name, title, scan, uses };
    vec![
        trace("music", "music over a working set", true, music(memory, uses, usize::MAX)),
        trace(
            "playlist",
            "a playlist of four memories, repeated",
            true,
            music(memory, uses, 4 * memory / WINDOW as usize),
        ),
        trace("tags", "tags read over a working set", true, tags(memory, uses)),
        trace("random", "random, twice the memory", false, (0..uses).map(|_| page(rng.below(2 * pages))).collect()),
        trace("zipf", "Zipf 0.9, four times the memory", false, (0..uses).map(|_| page(zipf.next(&mut rng))).collect()),
        trace("loop", "a loop of 1.1 memories", false, (0..uses).map(|i| page(i % (pages * 11 / 10))).collect()),
        trace("loop3", "a loop of 3 memories", false, (0..uses).map(|i| page(i % (pages * 3))).collect()),
        trace("friendly", "again after 0.75 to 0.95 memories", false, friendly(memory, uses)),
        trace("twice", "all used twice, 0.9 memories apart", false, twice(memory, uses)),
        trace("phases", "working sets of 0.8 memories, changing", false, phases(memory, uses)),
        trace("mixed", "Zipf, pieces of 4 to 128 KB", false, mixed(memory, uses)),
    ]
}
