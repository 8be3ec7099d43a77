//! Files by identity: the same file opened again is the same object, with its segments.

use core::ffi::CStr;

use super::{Cached, write};
use crate::mmap::mapping::{Mapped, Maps};
use crate::mmap::object::{Flags, Object};
use crate::mmap::transfer::{discard, release as let_go};
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::{Errno, How, Identity, Opened};

/// The object of a file, by volume and number.
pub fn known(maps: &Maps, like: &Identity) -> Option<u16> {
    maps.objects
        .all()
        .iter()
        .position(|object| {
            object.used()
                && !object.stale()
                && object.identity.volume == like.volume
                && object.identity.file == like.file
        })
        .map(|n| n as u16)
}

/// The object of a file without a name that somebody has open.
fn buried(maps: &Maps, like: &Identity) -> Option<u16> {
    let like = |object: &Object| object.identity.volume == like.volume && object.identity.file == like.file;
    let living = |object: &Object| object.users() > 0 && !object.flags.contains(Flags::GONE);
    let all = maps.objects.all();
    let found = all.iter().position(|object| object.flags.contains(Flags::REMOVED) && living(object) && like(object));
    found.map(|n| n as u16)
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

/// Opens a file: its object, with one user more.
///
/// # Errors
/// Storage's; `EMFILE` when as many files are open as there are objects.
pub fn open<H: House<State: Cached>>(g: &mut Guard<H>, path: &CStr, how: How) -> Result<u16, Errno> {
    let opened = stream(g, path, how)?;
    attach(g, opened)
}

/// Has storage open a file, and say what the file is now: nobody has written it and synced since.
///
/// # Errors
/// Storage's.
pub fn stream<H: House<State: Cached>>(g: &mut Guard<H>, path: &CStr, mut how: How) -> Result<Opened, Errno> {
    let opened = fresh(g, || {
        let opened = H::open(path, how)?;
        // It exists from now on.
        how -= How::EXCLUSIVE;
        Ok((opened, ()))
    });
    opened.map(|(opened, ())| opened)
}

/// Asks storage for a stream until what it says of the file is of now, and not from before a sync of ours: else the file
/// would look as if somebody else had changed it. Nor is it from before the file lost its name: who had it open then has it
/// under an object that nobody finds.
///
/// # Errors
/// Storage's.
pub fn fresh<H: House<State: Cached>, R>(
    g: &mut Guard<H>,
    mut ask: impl FnMut() -> Result<(Opened, R), Errno>,
) -> Result<(Opened, R), Errno> {
    loop {
        let (syncs, epoch) = (g.maps().syncs, g.maps().epoch);
        let (opened, rest) = g.unlocked(&mut ask)?;
        let maps = g.maps();
        let behind = match known(maps, &opened.identity) {
            Some(n) => maps.syncs != syncs && maps.objects[n].identity != opened.identity,
            None => maps.epoch != epoch,
        };
        if !behind {
            return Ok((opened, rest));
        }
        let _ = g.unlocked(|| H::close(opened.stream));
    }
}

/// The object of a file that storage has opened just now, with one user more. The stream belongs to it from then on.
///
/// # Errors
/// `EMFILE`, and the stream is closed.
pub fn attach<H: House<State: Cached>>(g: &mut Guard<H>, opened: Opened) -> Result<u16, Errno> {
    attach_as(g, opened, false)
}

/// The same for a descriptor of somebody else's: `nameless` when the file's last name is gone. Who has it open already
/// has it under the same number; nobody else ever finds it.
///
/// # Errors
/// As [`attach`].
pub fn attach_as<H: House<State: Cached>>(g: &mut Guard<H>, opened: Opened, nameless: bool) -> Result<u16, Errno> {
    let maps = g.maps();
    maps.opens = maps.opens.wrapping_add(1);
    let opens = maps.opens;
    let same = |maps: &Maps| if nameless { buried(maps, &opened.identity) } else { known(maps, &opened.identity) };
    while let Some(n) = same(g.maps()) {
        let object = &mut g.maps().objects[n];
        // What was changed through us is known: storage's size and date are behind, or of the same change.
        let changing = !object.settled() || object.flags.contains(Flags::SYNCING);
        let ours = nameless || changing || object.users() > 0 && object.flags.contains(Flags::WRITTEN);
        if object.identity == opened.identity || ours {
            // A use of our own while this waits: it is the object of the stream, whatever becomes of its names and date.
            object.hold();
            let in_use =
                |object: &Object| opened.writable && !object.flags.contains(Flags::WRITABLE) && object.transfers > 0;
            while in_use(&g.maps().objects[n]) {
                // The stream that only reads; it will be exchanged.
                g.wait(Channel::Data, None);
            }
            let object = &mut g.maps().objects[n];
            object.opened = opens;
            (object.lone, object.lost) = (0, 0);
            let spare = object.reopen(opened);
            let_go(g, n);
            if let Some(spare) = spare {
                // Nothing was written through it.
                let _ = g.unlocked(|| H::close(spare));
            }
            return Ok(n);
        }
        // Changed since: what is cached of it is of no use to new readers.
        forget(g.maps(), n);
    }
    let Some(n) = slot(g.maps()) else {
        let _ = g.unlocked(|| H::close(opened.stream));
        return Err(Errno::MFILE);
    };
    let maps = g.maps();
    if maps.objects[n].used() {
        forget(maps, n);
        // Whoever is opening that one just now may have heard what it was before it was written and synced.
        maps.epoch = maps.epoch.wrapping_add(1);
    }
    if maps.objects[n].used() {
        // Something of it is still in transfer or held.
        let _ = g.unlocked(|| H::close(opened.stream));
        return Err(Errno::MFILE);
    }
    maps.objects[n] = Object::new(opened);
    maps.objects[n].opened = opens;
    maps.objects[n].flags.set(Flags::REMOVED | Flags::STALE, nameless);
    Ok(n)
}

/// Lets nobody find a file again. What is cached of it goes, at once or with its last user.
pub fn forget(maps: &mut Maps, n: u16) {
    maps.objects[n].flags |= Flags::STALE;
    if !maps.objects[n].open() {
        maps.drop_segments(n);
        if maps.objects[n].idle() {
            maps.objects[n] = Object::FREE;
        }
    }
}

/// One user less. What is cached stays for the next one, unless the file has changed. The last user writes back what is
/// dirty. Whoever wrote and is not the last says [`write::sync`] first.
///
/// # Errors
/// What was written is not on the disk: it stays dirty with the file, is tried again later, and whoever opens the file
/// finds it. The user is gone all the same.
pub fn release<H: House<State: Cached>>(g: &mut Guard<H>, object: u16) -> Result<(), Errno> {
    let file = &mut g.maps().objects[object];
    let mut result = Ok(());
    if file.users() == 1 {
        if file.flags.intersects(Flags::REMOVED | Flags::GONE) {
            let gone = file.flags.contains(Flags::GONE) && (file.error != 0 || !file.settled());
            discard(g.maps(), object);
            result = if gone { Err(Errno::NXIO) } else { Ok(()) };
        } else if !file.settled() || file.error != 0 {
            result = write::sync(g, object);
        }
    }
    let_go(g, object);
    let maps = g.maps();
    let file = &maps.objects[object];
    if file.used() && file.stale() && !file.open() {
        forget(maps, object);
    }
    result
}
