//! Views: what `mmap_create` returned. A view is a range of a region; several may look at the same one.
//!
//! ```text
//!   view  {region, delta, length, mode}     region   ├──────────────────────────────┤
//!   view  {region, delta, length, mode}              │    ├─ view ─┤   ├── view ──┤
//! ```
//!
//! A region is *hot* while a view that may change it is held, or a thread that declared a change in it has not put it
//! since (`writers.rs`): the program may be changing bytes at any moment.

use super::mapping::{Maps, Marks, NONE, Name};
use super::mode::Mode;
use crate::port::storage::Errno;

/// Where the view of a program's number is kept.
pub fn place(md: i32) -> u16 {
    md.wrapping_sub(1) as u16
}

/// One view.
#[derive(Clone, Copy)]
pub struct View {
    /// The region, or the copy that is its own.
    pub map: Name,
    /// Where in the region it begins, in bytes.
    pub delta: u32,
    /// Its length in bytes, as it was asked for.
    pub length: u32,
    /// The file's version when its own copy was filled.
    pub version: u32,
    /// The first error since it was last asked for; 0 is none.
    pub error: i32,
    /// Which use of this place it is.
    pub generation: u16,
    /// Its gets that are not put.
    pub gets: u16,
    /// What may be done.
    pub mode: Mode,
    /// More threads were at it than could be told apart: it is hot until it ends.
    pub crowded: bool,
    /// The place is taken.
    pub used: bool,
}

impl View {
    /// An empty place.
    pub const FREE: View = View {
        map: Name::NOBODY,
        delta: 0,
        length: 0,
        version: 0,
        error: 0,
        generation: 0,
        gets: 0,
        mode: Mode::Read,
        crowded: false,
        used: false,
    };
}

impl Maps {
    /// The view of a program's number.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn view(&mut self, md: i32) -> Result<&mut View, Errno> {
        let view = self.views.all_mut().get_mut(usize::from(place(md))).ok_or(Errno::BADF)?;
        if md > 0 && view.used && i32::from(view.generation) == (md - 1) >> 16 { Ok(view) } else { Err(Errno::BADF) }
    }

    /// Takes a place for a view: the number by which the program will know it.
    pub fn new_view(&mut self) -> Option<i32> {
        let n = self.views.all().iter().position(|view| !view.used)?;
        let view = &mut self.views.all_mut()[n];
        let generation = view.generation.wrapping_add(1) & 0x7ff;
        *view = View { generation, used: true, ..View::FREE };
        Some((i32::from(generation) << 16 | n as i32) + 1)
    }

    /// The views of a region, each with its place.
    fn views_of(&self, slot: u16) -> impl Iterator<Item = (u16, &View)> {
        let name = self.name(slot);
        (0..).zip(self.views.all()).filter(move |(_, view)| view.used && view.map == name)
    }

    /// How many views a region has.
    pub fn view_count(&self, slot: u16) -> usize {
        self.views_of(slot).count()
    }

    /// Whether somebody may be changing a region's bytes now: through another view than this one, or in another thread.
    pub fn hot_beside(&self, slot: u16, md: i32, thread: usize) -> bool {
        let own = place(md);
        self.views_of(slot).any(|(n, view)| match n == own {
            true => view.mode.writes() && (view.crowded || self.writers.others(n, thread)),
            false => self.is_hot(n, view),
        })
    }

    /// Whether somebody may be changing bytes now through the view in this place.
    fn is_hot(&self, n: u16, view: &View) -> bool {
        view.mode.writes() && (view.crowded || view.gets > 0 || self.writers.declared(n))
    }

    /// Brings the mark of a region up to date after a change of its views.
    pub fn mark_hot(&mut self, slot: u16) {
        let hot = self.views_of(slot).any(|(n, view)| self.is_hot(n, view));
        self.at_mut(slot).marks.set(Marks::HOT, hot);
    }

    /// The views of a region become views of another one, which lies around it.
    pub fn move_views(&mut self, from: u16, to: u16) {
        let (old, new) = (self.name(from), self.name(to));
        let by = (self.at(from).offset - self.at(to).offset) as u32;
        for view in self.views.all_mut().iter_mut().filter(|view| view.used && view.map == old) {
            view.map = new;
            view.delta += by;
        }
        self.mark_hot(to);
    }

    /// Ends the regions of a file that have no view left and nothing to write back.
    pub fn drop_orphans(&mut self, object: u16) {
        let mut slot = self.objects[object].regions;
        while slot != NONE {
            let map = *self.at(slot);
            if map.loose() && !map.marks.contains(Marks::DIRTY) && self.view_count(slot) == 0 {
                self.remove(slot);
            }
            slot = map.chain;
        }
    }
}
