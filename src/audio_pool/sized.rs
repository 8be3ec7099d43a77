//! The sized pool: a request by size is served by the smallest of eleven pools that fits.
//!
//! ```text
//!   class    small              medium                    large                        other
//!   pools    1 KB  2 KB  4 KB   8 KB 16 KB 32 KB 64 KB    128 KB 256 KB 512 KB 1 MB    –
//! ```
//!
//! Every buffer of a pool has that pool's capacity, so what comes back from a tier always fits. A class keeps at most the
//! maximum number of buffers, shared out evenly among its pools; nothing is preallocated, since a player uses few of the
//! sizes. A larger request gets memory of its own, that is freed on put.

use super::settings::MOST;
use super::shared::{Guarded, Word};
use super::stats::{Counts, Stats};
use super::{Error, Options, Plan, floor};

const STEPS: usize = 11;
const SMALLEST: usize = 1024;
/// The steps of each class.
const CLASSES: [core::ops::Range<usize>; 3] = [0..3, 3..7, 7..11];

/// The classes of the statistics: small, medium, large, and what is larger than large.
pub const KINDS: usize = CLASSES.len() + 1;

#[cfg(feature = "host")]
const PLACES: usize = 64;
#[cfg(feature = "rockbox")]
const PLACES: usize = 1;

/// Above every pool's handle.
const FLAG: u32 = 1 << 30;
const PLACE_BITS: u32 = 8;
const LAST_GENERATION: u32 = (1 << (30 - PLACE_BITS)) - 1;

struct Place {
    handle: Word,
    pools: [Word; STEPS],
    /// The calls on buffers larger than large, and refused pointers that belong to no class.
    other: Guarded<Counts>,
}

static TABLE: [Place; PLACES] = [const {
    Place {
        handle: Word::new(0),
        pools: [const { Word::new(0) }; STEPS],
        other: Guarded::new(Counts {
            hits_thread: 0,
            hits_preallocated: 0,
            hits_overflow: 0,
            misses: 0,
            puts: 0,
            refused: 0,
            freed: 0,
        }),
    }
}; PLACES];

/// The last generation given out. Its lock is held while a place is taken.
static GENERATION: Guarded<u32> = Guarded::new(0);

/// A place that is being filled.
const TAKEN: u32 = u32::MAX;

fn find(handle: u32) -> Result<&'static Place, Error> {
    let place = TABLE.get(handle as usize % (1 << PLACE_BITS));
    place.filter(|place| handle & FLAG != 0 && handle != TAKEN && place.handle.get() == handle).ok_or(Error::Pool)
}

/// The smallest step whose buffers hold `size` bytes.
fn step_for(size: usize) -> Option<usize> {
    (0..STEPS).find(|step| SMALLEST << step >= size)
}

/// The largest step whose pool takes a buffer of this capacity.
fn step_of(capacity: usize) -> Option<usize> {
    (0..STEPS).rev().find(|step| SMALLEST << step <= capacity).filter(|step| capacity <= (SMALLEST << step) * 2)
}

/// Makes a sized pool. A bad maximum becomes the configured one.
///
/// # Errors
/// [`Error::Memory`].
pub fn create(options: Options) -> Result<u32, Error> {
    let max = match options.max {
        1..=MOST => options.max,
        _ => floor::settings().max_buffers,
    };
    let taken = GENERATION.with(|generation| {
        let (number, place) = (0u32..).zip(&TABLE).find(|(_, place)| place.handle.get() == 0)?;
        place.handle.set(TAKEN);
        *generation = *generation % (LAST_GENERATION - 1) + 1;
        Some((FLAG | *generation << PLACE_BITS | number, place))
    });
    let (handle, place) = taken.ok_or(Error::Memory)?;
    for class in &CLASSES {
        let share = (max / class.len() as u32).max(1);
        for step in class.clone() {
            let made =
                floor::make(Plan { size: (SMALLEST << step) as u32, max: share, preallocated: 0, zero: options.zero });
            match (made, place.pools.get(step)) {
                (Ok(pool), Some(word)) => word.set(pool),
                _ => {
                    release(place);
                    return Err(Error::Memory);
                }
            }
        }
    }
    place.other.with(|other| *other = Counts::default());
    place.handle.set(handle);
    Ok(handle)
}

/// Ends the pools and gives the place back.
fn release(place: &'static Place) {
    for word in &place.pools {
        if word.get() != 0 {
            // Made by us and ended by nobody else.
            let _ = floor::destroy(word.get());
            word.set(0);
        }
    }
    place.handle.set(0);
}

/// Ends a sized pool, as [`floor::destroy`] does each of its pools.
///
/// # Errors
/// [`Error::Pool`].
pub fn destroy(handle: u32) -> Result<(), Error> {
    let place = find(handle)?;
    let mine = GENERATION.with(|_| {
        let mine = place.handle.get() == handle;
        if mine {
            place.handle.set(TAKEN);
        }
        mine
    });
    if !mine {
        return Err(Error::Pool);
    }
    release(place);
    Ok(())
}

/// Lends a buffer of at least `size` bytes. None: no such pool, or no memory.
pub fn get(handle: u32, size: usize) -> Option<floor::Lent> {
    let place = find(handle).ok()?;
    match step_for(size).and_then(|step| place.pools.get(step)) {
        Some(pool) => floor::get(pool.get()),
        None => {
            let lent = floor::lend_alone(size, handle)?;
            place.other.with(|other| other.misses += 1);
            Some(lent)
        }
    }
}

/// Takes a buffer back: to the pool it came from, or, when it came from another pool, to the one that its capacity fits.
///
/// # Errors
/// As [`floor::put`].
pub fn put(handle: u32, data: *mut u8) -> Result<(), Error> {
    let Ok(place) = find(handle) else {
        return put_late(handle, data);
    };
    let refused = |error| {
        place.other.with(|other| other.refused += 1);
        Err(error)
    };
    let Some((owner, capacity)) = floor::owner_of(data) else {
        return refused(Error::Foreign);
    };
    if owner == handle {
        return match floor::take_alone(data) {
            Ok(()) => {
                place.other.with(|other| {
                    other.puts += 1;
                    other.freed += 1;
                });
                Ok(())
            }
            Err(error) => refused(error),
        };
    }
    let home = place.pools.iter().find(|pool| pool.get() == owner).or_else(|| place.pools.get(step_of(capacity)?));
    match home {
        Some(pool) => floor::put(pool.get(), data),
        None => refused(Error::Size),
    }
}

/// A put to a sized pool that was destroyed while the buffer was out: the buffer is freed.
#[cold]
fn put_late(handle: u32, data: *mut u8) -> Result<(), Error> {
    match floor::owner_of(data) {
        None => Err(Error::Foreign),
        Some((owner, _)) if owner == handle && handle & FLAG != 0 => floor::take_alone(data),
        Some((owner, _)) if handle & FLAG != 0 && floor::is_dead(owner) => floor::put(owner, data),
        Some(_) => Err(Error::Pool),
    }
}

/// The statistics of each class, and of what is larger.
///
/// # Errors
/// [`Error::Pool`].
pub fn stats(handle: u32) -> Result<[Stats; KINDS], Error> {
    let place = find(handle)?;
    let settings = floor::settings();
    let mut all = [Stats::default(); KINDS];
    for (class, stats) in CLASSES.iter().zip(&mut all) {
        for pool in place.pools.get(class.clone()).unwrap_or_default() {
            stats.add(&floor::stats(pool.get())?);
        }
        stats.derive(&settings);
    }
    if let Some(other) = all.last_mut() {
        other.counts = place.other.with(|other| *other);
        floor::count_buffers(handle, other);
        other.derive(&settings);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_served_by_the_smallest_step_that_holds_it() {
        for (size, step) in [
            (0, Some(0)),
            (1024, Some(0)),
            (1025, Some(1)),
            (4096, Some(2)),
            (4097, Some(3)),
            (65_536, Some(6)),
            (65_537, Some(7)),
            (1 << 20, Some(10)),
            ((1 << 20) + 1, None),
        ] {
            assert_eq!(step_for(size), step, "{size}");
        }
    }

    #[test]
    fn a_capacity_belongs_to_the_largest_step_it_covers() {
        for (capacity, step) in [
            (1023, None),
            (1024, Some(0)),
            (2047, Some(0)),
            (2048, Some(1)),
            (1 << 21, Some(10)),
            ((1 << 21) + 1, None),
        ] {
            assert_eq!(step_of(capacity), step, "{capacity}");
        }
    }
}
