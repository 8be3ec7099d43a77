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
use crate::mmap::object::{Flags, Object};
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
    let (through, end) = loop {
        let before = g.maps().counts;
        let space = g.unlocked(|| H::space(stream));
        let maps = g.maps();
        let volume = maps.objects[object].identity.volume;
        maps.objects[object].unit = space.unit.max(1);
        let unit = u64::from(space.unit.max(1));
        let dirty = u64::from(maps.dirty) << maps.shift;
        let of_volume = |file: &&Object| file.used() && file.identity.volume == volume;
        let others: u64 = maps.objects.all().iter().filter(of_volume).map(Object::reserved).sum();
        // What took its clusters meanwhile may count as free here, and is reserved nowhere any more.
        let taken = maps.counts.written - before.written + (maps.counts.writes - before.writes) * 2 * unit;
        let size = maps.objects[object].size;
        let more = end.next_multiple_of(unit).saturating_sub(size.next_multiple_of(unit));
        let Some(free) = space.free else { break (true, end) };
        let left = free.saturating_sub(others).saturating_sub(taken);
        let through = left < more.saturating_add(MARGIN + dirty);
        if !through || taken == 0 {
            let room = size.next_multiple_of(unit).saturating_add(left / unit * unit);
            break (through, end.min(room.max(size)));
        }
        // It is short: only a count at rest is good enough.
    };
    let file = &mut g.maps().objects[object];
    file.flags.set(Flags::THROUGH, through);
    // From now on, and not only byte by byte: who makes another file longer meanwhile counts on the rest.
    file.growing = end;
    crate::mmap::transfer::release(g, object);
    end
}
