//! What buffering promises to players.
//!
//! ```text
//!   handles   function by function             seeds     four parties, in orders by seed
//!   shared    in the pool of everybody         crowd     many threads on all floors at once
//!   lent      in a region of its own           rest      the filler comes to rest
//!   hooked    what hooks are told, and when    starved   memory is short
//!   grown     files that grow meanwhile        effects   DSP effects while playback starts anew
//!   faults    every allocation, every read fails
//! ```

mod crowd;
mod effects;
mod faults;
mod grown;
mod handles;
mod hooked;
mod lent;
mod rest;
mod seeds;
mod shared;
mod starved;

use std::ffi::CString;
use std::vec::Vec;

use crate::buffering::handle::{Kind, look};
use crate::buffering::open::open;
use crate::buffering::position::seek;
use crate::buffering::stream::data;
use crate::buffering::{fill, reset};
use crate::mmap::memory::look_at;
use crate::port::kernel::{Channel, HZ};
use crate::port::model::World;

/// A world with buffering ready.
fn ready(pool: usize) -> World {
    let world = World::new(pool);
    assert!(reset(&mut world.enter(), world.pool(), None));
    world
}

fn start_it(world: &World, path: &str, kind: Kind) -> Result<i32, i32> {
    open(&mut world.enter(), &CString::new(path).unwrap(), 0, kind, 0)
}

fn stream(world: &World, path: &str) -> i32 {
    start_it(world, path, Kind::PacketAudio).unwrap()
}

/// `bufgetdata`, with a copy of what it points to.
fn point(world: &World, id: i32, size: usize) -> Result<Vec<u8>, i32> {
    let (start, len) = data(&mut world.enter(), id, size)?;
    Ok(look_at(start, len))
}

fn go(world: &World, id: i32, to: usize) {
    assert_eq!(seek(&mut world.enter(), id, to as u64), Ok(()));
}

/// Sleeps until the handle has so many bytes before it, or all there are.
fn until_useful(world: &World, id: i32, bytes: u64) {
    let mut g = world.enter();
    loop {
        let handle = look(&mut g, id).unwrap();
        if handle.useful() >= bytes || handle.end >= handle.filesize {
            return;
        }
        g.wait(Channel::Data, Some(HZ / 20));
    }
}

/// Sleeps until nothing more is read ahead.
fn until_full(world: &World) {
    let mut g = world.enter();
    while !fill::full(&mut g) {
        g.wait(Channel::Data, Some(1));
    }
}
