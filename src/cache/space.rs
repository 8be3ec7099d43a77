//! Room on the volume, known at `write()`.
//!
//! ```text
//!   free on the volume, as storage says      │ clusters that files have yet to take │ left │ margin │
//!                                              count of every file that grew in memory
//! ```
//!
//! Clusters are taken when windows are written back, so that interleaved files stay in one piece. Until then they are
//! reserved by count. Where nobody knows the free count, or little is left, a file's writes go to storage at once and
//! storage answers.

use super::Cached;
use crate::mmap::mapping::Mapped;
use crate::mmap::object::Flags;
use crate::port::monitor::{Guard, House};

/// What must be free beside all that is dirty for writes to wait in memory.
const MARGIN: u64 = 1 << 20;

/// Before a file grows to `end` bytes: how far it may grow. Marks it for writing at once where room is short or unknown.
pub fn reserve<H: House<State: Cached>>(g: &mut Guard<H>, object: u16, end: u64) -> u64 {
    let file = &g.maps().objects[object];
    let unit = u64::from(file.unit);
    if unit != 0 && end.next_multiple_of(unit) <= file.size.next_multiple_of(unit) {
        // Inside a cluster that it has or has reserved.
        return end;
    }
    let stream = file.stream();
    // A use of our own while nobody looks.
    g.maps().objects[object].hold();
    let space = loop {
        let before = g.maps().counts.written;
        let space = g.unlocked(|| H::space(stream));
        // What took its clusters meanwhile would count as free here, and as reserved nowhere.
        if g.maps().counts.written == before {
            break space;
        }
    };
    let maps = g.maps();
    let volume = maps.objects[object].identity.volume;
    maps.objects[object].unit = space.unit.max(1);
    let unit = u64::from(space.unit.max(1));
    let dirty = u64::from(maps.dirty) << maps.shift;
    let others: u64 = maps
        .objects
        .all()
        .iter()
        .filter(|file| file.used() && file.identity.volume == volume)
        .map(|file| file.reserved())
        .sum();
    let file = &mut maps.objects[object];
    let more = end.next_multiple_of(unit).saturating_sub(file.size.next_multiple_of(unit));
    let (through, end) = match space.free {
        None => (true, end),
        Some(free) => {
            let left = free.saturating_sub(others);
            let room = file.size.next_multiple_of(unit).saturating_add(left / unit * unit);
            (left < more.saturating_add(MARGIN + dirty), end.min(room.max(file.size)))
        }
    };
    file.flags.set(Flags::THROUGH, through);
    // From now on, and not only byte by byte: who makes another file longer meanwhile counts on the rest.
    file.growing = end;
    crate::mmap::transfer::release(g, object);
    end
}
