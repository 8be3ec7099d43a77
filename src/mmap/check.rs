//! The debug switch of mappings: what a program changes without having declared it is found at the next put or sync.
//!
//! ```text
//!   absent     poison since the region was made      anything else: written, or read, without a declaration
//!   clean      as storage has it                     anything else: changed without a declaration
//!   dirty      whatever it likes
//! ```
//!
//! The clean pages of a view are read again from storage at each put, so this is for programs that are looked at.

use super::mapping::{Mapped, Maps, Marks};
use super::memory::Block;
use super::transfer::{begin, end};
use crate::port::fault::{self, Fault};
use crate::port::monitor::{Guard, House};

/// The class of a region whose absent pages hold poison.
pub const POISONED: u8 = 1;

/// What undeclared pages hold while the switch is on.
pub const POISON: u8 = 0xDB;

impl Maps {
    /// Switches the checks on or off, for regions made from now on.
    pub fn set_checks(&mut self, on: bool) {
        self.checks = on;
    }
}

/// The offset in a mapping of the first page that was changed without being declared.
pub fn undeclared<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32) -> Option<usize> {
    if !g.maps().checks {
        return None;
    }
    let pool = g.maps().pool?;
    let view = *g.maps().view(md).ok()?;
    let buffer = g.unlocked(|| Block::take_clean(pool, H::SECTOR))?;
    let first = view.delta as usize / H::SECTOR;
    let until = (view.delta as usize + view.length as usize).div_ceil(H::SECTOR);
    let found = (first..until).find(|n| {
        // The region may be another one after each gap.
        let maps = g.maps();
        let Some(map) = maps.live(view.map).copied().filter(|map| map.marks.contains(Marks::REGION)) else {
            return false;
        };
        if maps.in_transfer(view.map.slot, *n, n + 1) {
            return false;
        }
        let block = maps.block(pool, view.map.slot);
        let (at, place) = (n * H::SECTOR, map.offset + (n * H::SECTOR) as u64);
        if !maps.valid(view.map.slot, *n) {
            return map.class == POISONED && !block.pin().is_filled(at, H::SECTOR, POISON);
        }
        if maps.is_dirty(view.map.slot, *n) {
            return false;
        }
        let version = maps.objects[map.object].version;
        let inside = maps.objects[map.object].stored.saturating_sub(place).min(H::SECTOR as u64) as usize;
        let stream = begin(maps, map.object);
        let pin = buffer.pin();
        let got = g.unlocked(|| match inside {
            0 => Ok(0),
            _ => pin.transfer(0, H::SECTOR, |into| H::read_at(stream, place, into)),
        });
        end(g, map.object);
        let maps = g.maps();
        let same = maps.live(view.map).is_some() && maps.objects[map.object].version == version;
        match got {
            Ok(got) if same && !maps.is_dirty(view.map.slot, *n) => {
                let got = got.min(inside);
                pin.zero(got, H::SECTOR - got);
                !block.pin().is_same(at, &pin, 0, H::SECTOR)
            }
            // Somebody changed the file meanwhile, or storage failed: nothing can be said.
            _ => false,
        }
    });
    buffer.give();
    found.map(|n| (n * H::SECTOR).saturating_sub(view.delta as usize))
}

/// Ends in `panicf` if a page of a mapping was changed without being declared.
pub fn check<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32) {
    if let Some(offset) = undeclared(g, md) {
        fault::panic(Fault::Undeclared, md, offset);
    }
}
