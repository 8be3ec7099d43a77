//! Files by identity: the same file opened again is the same object, with its segments.

use core::ffi::CStr;

use super::Cached;
use super::evict::drop_file;
use crate::mmap::mapping::{Maps, release as let_go};
use crate::mmap::object::Object;
use crate::port::monitor::{Guard, House};
use crate::port::storage::{Errno, How};

/// The object of a file, by volume and number.
fn known(maps: &Maps, like: &Object) -> Option<u16> {
    maps.objects
        .all()
        .iter()
        .position(|object| {
            object.used()
                && !object.stale
                && object.identity.volume == like.identity.volume
                && object.identity.file == like.identity.file
        })
        .map(|n| n as u16)
}

/// A slot for an object: a free one, or that of the file that was opened longest ago and is remembered only.
fn slot(maps: &Maps) -> Option<u16> {
    let objects = maps.objects.all();
    let free = objects.iter().position(|object| !object.used());
    let oldest = || {
        objects
            .iter()
            .enumerate()
            .filter(|(_, object)| !object.open())
            .max_by_key(|(_, object)| maps.opens.wrapping_sub(object.opened))
            .map(|(n, _)| n)
    };
    free.or_else(oldest).map(|n| n as u16)
}

/// Opens a file for reading: its object, with one user more.
///
/// # Errors
/// Storage's; `EMFILE` when as many files are open as there are objects.
pub fn open<H: House<State: Cached>>(g: &mut Guard<H>, path: &CStr) -> Result<u16, Errno> {
    let opened = g.unlocked(|| H::open(path, How::empty()))?;
    let mut fresh = Object::new(opened.identity, opened.stream);
    let (maps, cache) = g.parts();
    maps.opens = maps.opens.wrapping_add(1);
    let opens = maps.opens;
    if let Some(n) = known(maps, &fresh) {
        if maps.objects[n].identity == opened.identity {
            let object = &mut maps.objects[n];
            object.opened = opens;
            if let Some(spare) = object.reopen(opened.stream) {
                // Nothing was written through it.
                let _ = g.unlocked(|| H::close(spare));
            }
            return Ok(n);
        }
        // Changed since: what is cached of it is of no use to new readers.
        maps.objects[n].stale = true;
        if !maps.objects[n].open() {
            retire(maps, cache, n);
        }
    }
    let Some(n) = slot(maps) else {
        let _ = g.unlocked(|| H::close(opened.stream));
        return Err(Errno::MFILE);
    };
    if maps.objects[n].used() {
        retire(maps, cache, n);
    }
    fresh.opened = opens;
    maps.objects[n] = fresh;
    Ok(n)
}

/// Forgets a file that nobody has open.
fn retire(maps: &mut Maps, cache: &mut super::Cache, n: u16) {
    drop_file(maps, cache, n);
    if maps.objects[n].idle() {
        maps.objects[n] = Object::FREE;
    }
}

/// One user less. What is cached stays for the next one, unless the file has changed.
pub fn release<H: House<State: Cached>>(g: &mut Guard<H>, object: u16) {
    let_go(g, object);
    let (maps, cache) = g.parts();
    let file = &maps.objects[object];
    if file.used() && file.stale && !file.open() {
        retire(maps, cache, object);
    }
}
