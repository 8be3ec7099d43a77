//! The oracle: whether a request that was refused could have fitted, by search and not by the pool's own reasoning.
//!
//! ```text
//!   pieces     wall | movable | free | victim | movable | wall | movable | free
//!              └──┘ └────────── a run ──────────────────┘ └──┘ └──── a run ───┘
//!   one run    free and victims of one run hold the request: sliding and purging must have found it
//!   packed     the movable blocks of all runs can be dealt out anew so that one run has room for it
//! ```
//!
//! The second answer is an upper bound for what carrying blocks over walls could do: it does not ask in which order
//! the blocks would have to go, and there may be none.

use std::collections::BTreeMap;
use std::ffi::c_char;

use rockmem::buflib::{Pool, WORD};

/// What a block is to somebody who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Free,
    /// It neither moves nor goes.
    Wall,
    Movable,
    /// It may be purged for the asker.
    Victim,
}

/// A block of the pool.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    pub words: usize,
    pub kind: Kind,
}

/// The blocks of a pool that begins at `base`, from what the debug screen shows. `kinds` says what the blocks are that begin
/// at these words; whatever else is not free is the pool's own.
pub fn pieces(pool: &Pool, base: usize, kinds: &BTreeMap<usize, Kind>) -> Vec<Piece> {
    (0..pool.num_blocks())
        .map(|number| {
            let (start, words, free) = line(pool, base, number);
            let kind = if free { Kind::Free } else { kinds.get(&start).copied().unwrap_or(Kind::Wall) };
            Piece { words, kind }
        })
        .collect()
}

/// Start and length of a block in words, and whether it is free.
fn line(pool: &Pool, base: usize, number: i32) -> (usize, usize, bool) {
    let mut text = [0_u8; 40];
    // SAFETY: that many bytes.
    assert!(unsafe { pool.print_block_at(number, text.as_mut_ptr().cast::<c_char>(), text.len()) });
    let text = String::from_utf8_lossy(&text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let address = words[0].trim_start_matches("0x").trim_end_matches(':');
    let address = usize::from_str_radix(address, 16).expect("an address");
    let length: isize = words[2].trim_end_matches('\0').parse().expect("a length");
    ((address - base) / WORD, length.unsigned_abs(), length < 0)
}

/// What the oracle says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It fits into one run.
    OneRun,
    /// It does not, but blocks can be dealt out so that it would.
    Packed,
    /// No arrangement holds it.
    Never,
}

/// A row of pieces between walls.
#[derive(Clone, Debug, Default)]
struct Run {
    /// Words of it that are free, or would be after a purge.
    room: usize,
    movable: Vec<usize>,
}

fn runs(pieces: &[Piece]) -> Vec<Run> {
    let mut runs = vec![Run::default()];
    for piece in pieces {
        let run = runs.last_mut().expect("one at least");
        match piece.kind {
            Kind::Free | Kind::Victim => run.room += piece.words,
            Kind::Movable => run.movable.push(piece.words),
            Kind::Wall => runs.push(Run::default()),
        }
    }
    runs
}

/// The most words that one run can give.
pub fn best_run(pieces: &[Piece]) -> usize {
    runs(pieces).iter().map(|run| run.room).max().unwrap_or(0)
}

/// The same for somebody for whom nothing moves.
pub fn best_row(pieces: &[Piece]) -> usize {
    pieces
        .split(|piece| matches!(piece.kind, Kind::Wall | Kind::Movable))
        .map(|row| row.iter().map(|piece| piece.words).sum())
        .max()
        .unwrap_or(0)
}

/// Whether a request of `need` words could be had.
pub fn judge(pieces: &[Piece], need: usize) -> Verdict {
    if best_run(pieces) >= need {
        return Verdict::OneRun;
    }
    let runs = runs(pieces);
    let mut bins: Vec<usize> = runs.iter().map(|run| run.room + run.movable.iter().sum::<usize>()).collect();
    let mut items: Vec<usize> = runs.into_iter().flat_map(|run| run.movable).collect();
    items.push(need);
    items.sort_unstable_by(|a, b| b.cmp(a));
    if deal(&items, &mut bins) { Verdict::Packed } else { Verdict::Never }
}

/// Whether the items, largest first, fit the bins: every way is tried.
fn deal(items: &[usize], bins: &mut [usize]) -> bool {
    let Some((&item, rest)) = items.split_first() else { return true };
    if items.iter().sum::<usize>() > bins.iter().sum() {
        return false;
    }
    for i in 0..bins.len() {
        // Bins with the same room are the same.
        if bins[i] < item || bins[..i].contains(&bins[i]) {
            continue;
        }
        bins[i] -= item;
        let fits = deal(rest, bins);
        bins[i] += item;
        if fits {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(kinds: &[(Kind, usize)]) -> Vec<Piece> {
        kinds.iter().map(|&(kind, words)| Piece { words, kind }).collect()
    }

    #[test]
    fn the_oracle_knows_what_it_is_asked() {
        use Kind::{Free, Movable, Victim, Wall};
        let split = pieces(&[(Free, 5), (Movable, 4), (Victim, 5), (Wall, 1), (Movable, 3), (Free, 4)]);
        assert_eq!(best_run(&split), 10);
        assert_eq!(best_row(&split), 5);
        assert_eq!(judge(&split, 10), Verdict::OneRun);
        assert_eq!(judge(&split, 11), Verdict::Packed, "the block of 4 goes into the hole of 4");
        assert_eq!(judge(&split, 14), Verdict::Packed);
        assert_eq!(judge(&split, 15), Verdict::Never);
        // Free words enough, but no two of the three blocks fit one run.
        let tight = pieces(&[(Movable, 3), (Free, 1), (Wall, 1), (Movable, 3), (Free, 1)]);
        assert_eq!(judge(&tight, 2), Verdict::Never);
    }
}
