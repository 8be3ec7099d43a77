//! The search for victims in the walk over all blocks: a window for each level that is met.
//!
//! ```text
//!   level 1   | hole | cold | warm | hole |          cold goes, warm moves
//!   level 2          | cold | warm | hole |          both go
//!   level 3                        | hole | soon |
//! ```
//!
//! The search of a level begins where the walk meets its first block, as a copy of the search one level below: up to
//! there they are the same. It ends where a lower level has found a window.

use super::super::index::NONE;
use super::super::windows::{Kind, Windows};
use super::super::words::Core;
use super::victims::{LAST_CACHED, LITTLE};
use crate::port::Asker;

/// Searches side by side. Were there more levels, the ones between would be part of the next one above.
const SEARCHES: usize = 7;

/// A window in which everything up to a level is to be purged.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(super) start: usize,
    pub(super) level: usize,
    pub(super) cost: usize,
}

/// The search of a level: where its window begins, words of holes and victims, their cost with what moves, and what
/// moves alone.
#[derive(Clone, Copy, Default)]
struct Search {
    level: usize,
    left: usize,
    holes: usize,
    cost: usize,
    moved: usize,
}

/// A constant, so that it is not made on the stack first.
const IDLE: [Search; SEARCHES] = [Search { level: 0, left: 0, holes: 0, cost: 0, moved: 0 }; SEARCHES];

/// All searches of a walk.
pub(crate) struct Victims {
    need: usize,
    little: usize,
    asker: Asker,
    searches: [Search; SEARCHES],
    active: usize,
    /// Windows of cached blocks that move little come first, then by level, then by cost.
    rank: (bool, usize, usize),
    pub(crate) best: Option<Window>,
    /// When the purgeable block was used that was used least recently of all.
    pub(crate) oldest: usize,
    age: u32,
}

impl Victims {
    /// For a request of `need` words.
    pub(crate) fn new(need: usize, asker: Asker) -> Victims {
        Victims {
            need,
            little: need.saturating_mul(LITTLE),
            asker,
            searches: IDLE,
            active: 0,
            rank: (true, NONE, NONE),
            best: None,
            oldest: 0,
            age: 0,
        }
    }

    /// The next block. `slide`: the search for holes alone, before it comes to this block.
    pub(crate) fn step(&mut self, core: &Core, slide: &Windows, i: usize, kind: Kind, len: usize) {
        let victim = self.victim(core, i, kind, len);
        if let Some((own, _)) = victim {
            self.begin(own, slide, i);
        }
        for at in 0..self.active {
            let mut search = self.searches[at];
            if self.is_beaten(search.level) {
                self.active = at;
                return;
            }
            match (kind, victim) {
                (Kind::Hole, _) => search.add(i, len, 0),
                (_, Some((own, loss))) if own <= search.level => search.add(i, len, loss),
                (Kind::Wall, _) => search.holes = 0,
                _ => (search.cost, search.moved) = (search.cost + len, search.moved + len),
            }
            while search.holes >= self.need {
                self.consider(&search);
                self.leave_first(core, &mut search, i);
            }
            self.searches[at] = search;
        }
    }

    /// The level of the block at `i` and what it costs to lose it, if it may go.
    fn victim(&mut self, core: &Core, i: usize, kind: Kind, len: usize) -> Option<(usize, usize)> {
        if kind == Kind::Hole || !core.is_used(i) || !core.is_purgeable(i) {
            return None;
        }
        let view = core.view(i, len);
        let age = core.ticks_since(view.used);
        if self.age == 0 || age > self.age {
            (self.oldest, self.age) = (view.used, age.max(1));
        }
        core.victim(i, &view, self.asker)
    }

    /// Whether no window of this level can be better than what was found.
    fn is_beaten(&self, level: usize) -> bool {
        let (much, best, _) = self.rank;
        level > if much { best.max(LAST_CACHED) } else { best }
    }

    /// Begins the search of a level if there is none.
    fn begin(&mut self, level: usize, slide: &Windows, i: usize) {
        let at = self.searches[..self.active].partition_point(|search| search.level < level);
        if at < self.active && self.searches[at].level == level || self.is_beaten(level) {
            return;
        }
        let below = match at {
            0 => Search { level, left: slide.left, holes: slide.holes, cost: slide.cost, moved: slide.cost },
            _ => Search { level, ..self.searches[at - 1] },
        };
        let below = if below.holes == 0 { Search { level, left: i, ..Search::default() } } else { below };
        if self.active < SEARCHES {
            self.searches.copy_within(at..self.active, at + 1);
            self.searches[at] = below;
            self.active += 1;
        } else if at == SEARCHES {
            self.searches[at - 1].level = level;
        }
    }

    fn consider(&mut self, search: &Search) {
        let much = search.moved > self.little || search.level > LAST_CACHED;
        let rank = (much, search.level, search.cost);
        if rank < self.rank {
            self.rank = rank;
            self.best = Some(Window { start: search.left, level: search.level, cost: search.cost });
        }
    }

    /// Leaves out the hole or victim with which the window begins, and what moves behind it.
    fn leave_first(&self, core: &Core, search: &mut Search, here: usize) {
        let mut len = core.len(search.left);
        search.holes -= len;
        search.cost -= self.loss_within(core, search.left, len, search.level).unwrap_or(0);
        search.left += len;
        while search.left <= here && search.holes > 0 {
            len = core.len(search.left);
            if self.loss_within(core, search.left, len, search.level).is_some() {
                break;
            }
            (search.cost, search.moved) = (search.cost - len, search.moved - len);
            search.left += len;
        }
    }

    /// What it costs to have the words of the block at `i`: nothing for a hole; none if it has to move.
    fn loss_within(&self, core: &Core, i: usize, len: usize, level: usize) -> Option<usize> {
        if core.is_free(i) {
            return Some(0);
        }
        if !core.is_used(i) || !core.is_purgeable(i) {
            return None;
        }
        core.victim(i, &core.view(i, len), self.asker).filter(|&(own, _)| own <= level).map(|(_, loss)| loss)
    }
}

impl Search {
    /// A hole, or a victim.
    fn add(&mut self, i: usize, len: usize, loss: usize) {
        if self.holes == 0 {
            (self.left, self.cost, self.moved) = (i, 0, 0);
        }
        self.holes += len;
        self.cost += loss;
    }
}
