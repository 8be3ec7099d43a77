//! The arena: a region that a program lends for a while, as a second pool in which mappings may live.
//!
//! ```text
//!   lend(region) ──► open: blocks are taken there ──► closing: no new ones ──► empty: the region is the program's again
//! ```

use super::mapping::{Mapped, Maps, Marks};
use super::memory::{Block, Region};
use super::writeback::{Sweep, write_back};
use crate::buflib::Pool;
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// The second pool.
pub struct Arena {
    /// Where mappings marked `ARENA` have their blocks.
    pub(super) pool: Option<Pool>,
    /// What it held when it was empty, in bytes.
    pub size: usize,
    /// Requests for a block of it under way.
    asking: u32,
    /// No more blocks are taken.
    closing: bool,
}

impl Arena {
    /// None is lent.
    pub const fn new() -> Self {
        Arena { pool: None, size: 0, asking: 0, closing: false }
    }

    /// The pool, while blocks may be taken there.
    pub fn open(&self) -> Option<Pool> {
        self.pool.filter(|_| !self.closing)
    }
}

/// Takes a block in the arena, if it is open, with the lock given back meanwhile.
pub fn take<H: House<State: Mapped>, T>(g: &mut Guard<H>, work: impl FnOnce(Pool) -> Option<T>) -> Option<T> {
    let pool = g.maps().arena.open()?;
    g.maps().arena.asking += 1;
    let taken = g.unlocked(|| work(pool));
    g.maps().arena.asking -= 1;
    if g.maps().arena.closing {
        H::wake(Channel::Data);
    }
    taken
}

/// Whether a block has come too late: it was taken in the arena, which is about to be given back.
pub fn too_late(maps: &Maps, block: Block) -> bool {
    maps.arena.closing && maps.arena.pool.is_some_and(|pool| block.is_in(pool))
}

/// Lends a region. There is none lent now.
pub fn lend<H: House<State: Mapped>>(g: &mut Guard<H>, region: Region) {
    let pool = region.pool();
    g.maps().arena = Arena { pool: Some(pool), size: pool.available(), ..Arena::new() };
}

/// Gives the region back: what is dirty in it is written back, then everything there ends. Mappings that somebody holds
/// are waited for.
///
/// # Errors
/// The first one of writing back: those bytes are lost, and their files tell at the next fsync or close.
pub fn give_back<H: House<State: Mapped>>(g: &mut Guard<H>) -> Result<(), Errno> {
    if g.maps().arena.pool.is_none() {
        return Ok(());
    }
    g.maps().arena.closing = true;
    let mut result = Ok(());
    let mut slot = 0;
    while usize::from(slot) < g.maps().slots() {
        let map = *g.maps().at(slot);
        if !map.marks.contains(Marks::USED | Marks::ARENA) {
            slot += 1;
        } else if !map.loose() {
            g.wait(Channel::Data, None);
        } else if map.marks.contains(Marks::DIRTY) {
            let before = g.maps().counts.written;
            let one = write_back(g, map.object, 0, u64::MAX, Sweep::Background);
            let maps = g.maps();
            let now = *maps.at(slot);
            let stuck = one.is_err() || maps.counts.written == before;
            if stuck && now.marks.contains(Marks::USED | Marks::ARENA | Marks::DIRTY) && now.loose() {
                if one.is_ok() && maps.objects[now.object].transfers > 0 {
                    // Behind the end of a file that is being cut.
                    g.wait(Channel::Data, None);
                    continue;
                }
                maps.set_dirty(slot, 0, now.length as usize >> maps.shift, false);
                let error = &mut maps.objects[now.object].error;
                if *error == 0 {
                    *error = Errno::IO.0;
                }
            }
            result = result.and(one);
        } else {
            g.maps().remove(slot);
        }
    }
    while g.maps().arena.asking > 0 {
        g.wait(Channel::Data, None);
    }
    g.maps().arena = Arena::new();
    result
}
