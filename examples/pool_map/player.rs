//! A trace of what a player does while it plays an album: settings and fonts for good, a stream that is read ahead and
//! played, covers, a user who looks through the database, opens a menu, and starts a plugin that wants much at once.

use std::collections::VecDeque;
use std::fmt::Write;

const POOL: usize = 2 << 20;
const PIECE: usize = 32 << 10;
/// Pieces that are read ahead of the one that plays.
const AHEAD: usize = 18;
/// Pieces of a track, and tracks of the album.
const TRACK: usize = 26;
const TRACKS: usize = 6;

struct Dice(u64);

impl Dice {
    fn between(&mut self, low: usize, high: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + (self.0 >> 11) as usize % (high - low + 1)
    }
}

/// The trace; another seed, other sizes and another user.
pub fn trace(seed: u64) -> String {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments| {
        // Writing into a string does not fail.
        let _ = writeln!(out, "{text}");
    };
    line(format_args!("# what a player does while it plays an album (seed {seed})\npool {POOL}"));
    line(format_args!("alloc settings 3000\nalloc playlist 48000\nalloc talk 40000 locked\nalloc database 90000"));
    for font in 0..3 {
        line(format_args!("alloc font{font} {}", dice.between(12_000, 60_000)));
    }
    let (mut read, mut menu, mut tags, mut plugin) = (0, None, VecDeque::new(), 0);
    for track in 0..TRACKS {
        line(format_args!("alloc codec{track} 60000\npin codec{track}"));
        line(format_args!("alloc cover{track} {}", dice.between(30_000, 140_000)));
        for piece in track * TRACK..(track + 1) * TRACK {
            while read < (piece + AHEAD).min(TRACKS * TRACK) {
                line(format_args!("purgeable s{read} {PIECE} soon\nio s{read}"));
                if read > 0 {
                    line(format_args!("done s{}", read - 1));
                }
                read += 1;
                if read == TRACKS * TRACK {
                    line(format_args!("done s{}", read - 1));
                }
            }
            line(format_args!("want s{piece} now\ntouch s{piece}"));
            if piece > 0 {
                line(format_args!("want s{} cached", piece - 1));
            }
            for _ in 0..dice.between(0, 3) {
                let tag = dice.between(0, 60);
                line(format_args!("purgeable tag{tag} {} cached\ntouch tag{tag}", 1024 << (tag % 4)));
                tags.push_back(tag);
            }
            if tags.len() > 40
                && let Some(tag) = tags.pop_front()
            {
                line(format_args!("free tag{tag}"));
            }
            match menu.take() {
                Some(old) if dice.between(0, 3) == 0 => line(format_args!("free menu{old}")),
                Some(old) => menu = Some(old),
                None if dice.between(0, 4) == 0 => {
                    line(format_args!("alloc menu{piece} {}", dice.between(2_000, 70_000)));
                    menu = Some(piece);
                }
                None => {}
            }
            match dice.between(0, 19) {
                0 => line(format_args!("dirty tag{0}\nalloc bookmark{piece} 900", dice.between(0, 60))),
                1 => line(format_args!("purgeable preview{piece} {} disposable", dice.between(4_000, 30_000))),
                _ => {}
            }
            plugin += 1;
            match plugin {
                45 => line(format_args!("alloc plugin{piece} 420000\npin plugin{piece}")),
                60 => {
                    line(format_args!("unpin plugin{}\nfree plugin{}", piece - 15, piece - 15));
                    plugin = 0;
                }
                _ => {}
            }
        }
        line(format_args!("unpin codec{track}\nfree codec{track}\nfree cover{track}"));
    }
    out
}
