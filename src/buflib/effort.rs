//! What a request costs, counted where debug assertions are on: so that a test can hold requests to their bounds. A
//! release build has neither the counters nor their cost.

/// Counts of the calling thread, since they were last taken.
#[cfg(feature = "host")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Candidate windows looked at.
    pub windows: usize,
    /// Walks over all blocks in search of a window.
    pub passes: usize,
    /// Blocks looked at, each time one is.
    pub blocks: usize,
    /// Requests that found no slot in the handle table.
    pub slots: usize,
}

#[cfg(all(feature = "host", debug_assertions))]
mod counts {
    use super::Effort;
    use std::cell::Cell;

    std::thread_local! {
        static EFFORT: Cell<Effort> = const { Cell::new(Effort { windows: 0, passes: 0, blocks: 0, slots: 0 }) };
    }

    pub(super) fn count(change: impl FnOnce(&mut Effort)) {
        let mut effort = EFFORT.get();
        change(&mut effort);
        EFFORT.set(effort);
    }

    pub(super) fn take() -> Effort {
        EFFORT.take()
    }
}

/// The counts of the calling thread; they begin anew. Nothing where debug assertions are off.
#[cfg(feature = "host")]
pub fn take_effort() -> Option<Effort> {
    #[cfg(debug_assertions)]
    return Some(counts::take());
    #[cfg(not(debug_assertions))]
    None
}

/// Counts a candidate window.
#[inline(always)]
pub(super) fn window() {
    #[cfg(all(feature = "host", debug_assertions))]
    counts::count(|effort| effort.windows += 1);
}

/// Counts a walk over all blocks.
#[inline(always)]
pub(super) fn pass() {
    #[cfg(all(feature = "host", debug_assertions))]
    counts::count(|effort| effort.passes += 1);
}

/// Counts a look at a block.
#[inline(always)]
pub(super) fn block() {
    #[cfg(all(feature = "host", debug_assertions))]
    counts::count(|effort| effort.blocks += 1);
}

/// Counts a request that has to make a slot.
#[inline(always)]
pub(super) fn slot() {
    #[cfg(all(feature = "host", debug_assertions))]
    counts::count(|effort| effort.slots += 1);
}
