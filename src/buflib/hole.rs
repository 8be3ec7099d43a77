//! Making a hole for a request that finds none: which way, and how far it looks.
//!
//! ```text
//!   eight windows       at the largest holes ─► slide, where that is cheap
//!                       at the coldest victims ─► purge, where free words do not suffice anyway
//!   one pass            slide or carry little ─► purge ─► slide or carry much          again after a refusal
//!   the last resort     carry blocks over walls (`evacuate.rs`, `purge/apart.rs`)
//! ```
//!
//! A request looks at eight windows at the most. The pass is made where none of them will do. It is made again only when
//! an owner refused, or changed the pool in a callback: that is then another pool.

use super::evacuate::Order;
use super::moving::Moved;
use super::purge::Window;
use super::words::Core;
use crate::port::Asker;

/// Windows that a request looks at before the pass.
pub(super) const WINDOWS: usize = 8;
/// Blocks that a request looks at in search of ways to carry blocks elsewhere, beside the pass.
const PLANS: usize = 1 << 15;
/// So many times its size is moved for a request before something is purged for it.
const LITTLE: usize = 4;
/// Times that callbacks may spoil what was found before the request looks for another way.
const SPOILT: usize = 16;

/// What a request may still look at.
pub(super) struct Looks {
    windows: usize,
    /// Blocks, while ways are searched to carry blocks elsewhere.
    plans: usize,
}

impl Looks {
    /// What a request begins with.
    pub(super) fn new() -> Looks {
        Looks { windows: WINDOWS, plans: PLANS }
    }

    /// The pass alone: for the handle table, whose block looks at windows later.
    pub(super) fn pass_only() -> Looks {
        Looks { windows: 0, plans: PLANS }
    }
}

impl Core {
    /// A reserved hole of at least `need` words, made without asking owners to shrink: by moving a little, by purging, by
    /// moving a lot. For whom nothing moves, by purging alone.
    pub(super) fn hole_for(&mut self, need: usize, asker: Asker, looks: &mut Looks) -> Option<usize> {
        let (still, purging) = (asker == Asker::FilePath, self.purgeable_blocks() > 0);
        self.judge();
        if !purging && (still || self.free_words() < need) {
            return self.find_surely(need).map(|hole| self.reserve(hole));
        }
        let windows = core::mem::take(&mut looks.windows);
        let sliding = !still && self.free_words() >= need;
        let at_holes = match (sliding, purging) {
            (false, _) => 0,
            (true, true) => windows / 2,
            (true, false) => windows,
        };
        if sliding
            && let Some(start) = self.candidate(need, at_holes)
            && let Ok(hole) = self.gather(start, need)
        {
            return Some(hole);
        }
        let mut seed = self.seed_window(need, asker, windows - at_holes);
        if !sliding
            && let Some(window) = seed.take()
            && let Some(hole) = self.purge_window(window, need, asker)
        {
            return Some(hole);
        }
        let mut carried = false;
        if let Some(hole) = self.hole_by_pass(need, asker, looks, seed, &mut carried) {
            return Some(hole);
        }
        if still {
            return None;
        }
        self.hole_over_walls(need, asker, looks, carried).or_else(|| {
            // Who refused on the way left another pool than the one that was planned for.
            if self.has_marks() { self.hole_by_pass(need, asker, looks, None, &mut true) } else { None }
        })
    }

    /// By what a pass over the blocks finds, or else by purging `seed`. `carried`: whether a row was cleared in part, until
    /// an owner refused, although purging would have done.
    fn hole_by_pass(
        &mut self,
        need: usize,
        asker: Asker,
        looks: &mut Looks,
        mut seed: Option<Window>,
        carried: &mut bool,
    ) -> Option<usize> {
        let (mut spoilt, mut refused) = (0, 0);
        while spoilt < SPOILT && refused < 2 * SPOILT {
            let survey = self.survey(need, asker);
            let mut victims = seed.take().or(survey.victims);
            let mut most = if victims.is_some() { need.saturating_mul(LITTLE) } else { usize::MAX };
            let mut slide = survey.slide;
            if asker != Asker::FilePath
                && self.free_words() >= need
                && slide.is_none_or(|(_, cost)| cost > 0)
                && !(victims.is_some() && *carried)
                && let Some((row, cost)) = self.cheapest_row(need, most, &survey, &mut looks.plans)
            {
                let start = if self.prev_free(row.start) { self.free_before(row.start) } else { row.start };
                let cleared = self.clear(row, need, cost, Order::Enough);
                match cleared {
                    Moved::Yes => {
                        // Blocks moved: the row is all that is still known.
                        slide = self.cheapest_window(need, start, row.end);
                        (victims, most) = (None, usize::MAX);
                    }
                    // A refusal is remembered as a wall, so the next row is another one.
                    Moved::Refused => {
                        *carried |= victims.take().is_some();
                        slide = None;
                    }
                    // Nothing was moved, and all that was found is still there.
                    Moved::Overtaken => {}
                }
                if cleared != Moved::Overtaken && slide.is_none() {
                    spoilt += 1;
                    continue;
                }
            }
            if let Some((start, cost)) = slide
                && cost <= most
            {
                match self.gather(start, need) {
                    Ok(hole) => return Some(hole),
                    // A refusal is remembered as a wall, so the next window is another one.
                    Err(Moved::Refused) => {}
                    Err(_) => spoilt += 1,
                }
            } else if let Some(window) = victims {
                match self.purge_window(window, need, asker) {
                    Some(hole) => return Some(hole),
                    // Remembered too, as a block that is kept.
                    None => refused += 1,
                }
            } else {
                return None;
            }
        }
        None
    }

    /// Where no run has room: by carrying blocks over walls. `back`: first of all those that were carried where a victim's
    /// going would have helped.
    #[cfg_attr(feature = "rockbox", inline(never))] // its frame is not to lie below the other ways
    fn hole_over_walls(&mut self, need: usize, asker: Asker, looks: &mut Looks, back: bool) -> Option<usize> {
        let enough = self.free_words() >= need;
        if back && let Some(hole) = self.purge_apart(need, asker) {
            return Some(hole);
        }
        let carried = if enough { self.evacuate(need, &mut looks.plans) } else { None };
        // Nobody can tell before aligned blocks slid what that leaves: last of all.
        carried
            .or_else(|| self.purge_apart(need, asker))
            .or_else(|| if enough { self.slide_aligned(need) } else { None })
    }
}
