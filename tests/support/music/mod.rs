//! Hours of music in seconds: the buffering floor over a disk of songs, with a clock of its own. One thread does
//! everything, so that a run is the same each time.
//!
//! ```text
//!   port.rs      the port: clock, turns of the buffering thread       disk.rs   songs, what a disk costs, its sleep
//!   listener.rs  opens song after song and decodes them in time       storm.rs  allocations that come and go
//!   scenes.rs    what is measured           ring.rs      what the original's ring would have cost the disk
//! ```

#![allow(dead_code, missing_docs)] // each user takes what it needs

#[path = "../clock.rs"]
pub mod clock;
pub mod disk;
pub mod listener;
#[path = "../memory.rs"]
pub mod memory;
pub mod port;
pub mod ring;
pub mod scenes;
pub mod storm;

use std::cell::RefCell;
use std::rc::Rc;

use listener::Listener;
use port::{World, fill, meanwhile, now, pass};
use rockmem::mmap::memory::Region;
use storm::Storm;

/// Uncompressed music, in bytes a second.
pub const UNCOMPRESSED: u64 = 176_400;

/// Lets the listener listen, and the storm rage, for so many seconds.
pub fn run(listener: Listener, storm: Option<Storm>, seconds: u64) -> (Listener, Option<Storm>) {
    let (listener, storm) = (Rc::new(RefCell::new(listener)), Rc::new(RefCell::new(storm)));
    let live = {
        let (listener, storm) = (listener.clone(), storm.clone());
        move || {
            // Whoever waits in a call of its own lives on when that ends.
            if let Ok(mut storm) = storm.try_borrow_mut()
                && let Some(storm) = storm.as_mut()
            {
                storm.live();
            }
            if let Ok(mut listener) = listener.try_borrow_mut() {
                listener.live();
            }
        }
    };
    let live = Rc::new(live);
    meanwhile(Some(live.clone()));
    let end = now() + seconds * 1_000_000;
    while now() < end {
        live();
        if !fill() {
            pass(5_000);
        }
    }
    meanwhile(None);
    drop(live);
    let take = |_| unreachable!("nobody else holds it");
    (Rc::try_unwrap(listener).unwrap_or_else(take).into_inner(), {
        Rc::try_unwrap(storm).ok().expect("nobody else holds it").into_inner()
    })
}

/// A world whose buffering has a region of its own, which takes most of the pool, as in an unchanged player.
pub fn arena(region: usize, disk: disk::Disk) -> World {
    let world = World::new(region + (region >> 5) + (1 << 20), disk);
    // The files came first, as a player's start reads some.
    rockmem::cache::prepare(&mut world.enter(), world.pool()).expect("memory for tables");
    let handle = world.pool().alloc(region, rockmem::mmap::memory::fixed());
    assert!(handle > 0);
    // SAFETY: nobody else knows it, and it never moves.
    let region = unsafe { Region::new(world.pool().data(handle), region) };
    assert!(rockmem::buffering::reset(&mut world.enter(), world.pool(), Some(region)));
    world
}

/// A world whose buffering lives in the pool that everybody shares.
pub fn shared(pool: usize, disk: disk::Disk) -> World {
    let world = World::new(pool, disk);
    assert!(rockmem::buffering::reset(&mut world.enter(), world.pool(), None));
    world
}
