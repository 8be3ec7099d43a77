//! The mappings that a program makes for itself: what `mmap_create` and its family mean.

use super::mapping::{Mapped, Marks, Name, block_size, populate, release};
use super::memory::Block;
use crate::buflib::Pool;
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// The number that a program knows a mapping by: slot and use, above 0.
fn number(name: Name) -> i32 {
    (i32::from(name.generation) << 16 | i32::from(name.slot)) + 1
}

/// The mapping of a number; only one that a program made.
fn mapping<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32) -> Result<Name, Errno> {
    let bits = md.checked_sub(1).filter(|bits| *bits >= 0).ok_or(Errno::BADF)?;
    let name = Name { slot: bits as u16, generation: (bits >> 16) as u16 };
    match g.maps().live(name) {
        Some(map) if map.marks.contains(Marks::CALLERS) => Ok(name),
        _ => Err(Errno::BADF),
    }
}

/// Maps `length` bytes of an open file from `offset` on. The mapping uses the file until it is destroyed.
///
/// # Errors
/// `EINVAL`: no length, an offset that is no multiple of the page, a range that no file can have. `ENOMEM`. `EMFILE`.
pub fn create<H: House<State: Mapped>>(
    g: &mut Guard<H>,
    pool: Pool,
    object: u16,
    offset: u64,
    length: usize,
) -> Result<i32, Errno> {
    let short = u32::try_from(length).map_err(|_| Errno::INVAL)?;
    let in_range = offset.checked_add(length as u64).is_some_and(|end| end <= i64::MAX as u64);
    // The largest request that the pool's own arithmetic takes in 30 bits of a hint.
    if length == 0 || short >= 1 << 30 || !offset.is_multiple_of(H::SECTOR as u64) || !in_range {
        return Err(Errno::INVAL);
    }
    g.maps().objects[object].hold();
    let block = g.unlocked(|| Block::take(pool, block_size(short), core::ptr::null()));
    let made = match block {
        None => Err(Errno::NOMEM),
        Some(block) => match g.maps().add(object, offset, short, block) {
            None => {
                block.give();
                Err(Errno::MFILE)
            }
            Some(name) => Ok(name),
        },
    };
    match made {
        Err(error) => {
            release(g, object);
            Err(error)
        }
        Ok(name) => {
            if let Some(map) = g.maps().live(name) {
                map.marks |= Marks::CALLERS;
            }
            Ok(number(name))
        }
    }
}

/// Declares that a range will be read: waits until its bytes are there.
///
/// # Errors
/// `EBADF`; `EINVAL` for a range outside the mapping; the device's error.
pub fn read<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32, offset: usize, length: usize) -> Result<(), Errno> {
    let name = mapping(g, md)?;
    let size = g.maps().at(name.slot).length as usize;
    if offset > size || length > size - offset {
        return Err(Errno::INVAL);
    }
    if populate(g, name, offset, length)? { Ok(()) } else { Err(Errno::BADF) }
}

/// Holds the mapping where it is; the address of its first byte.
///
/// # Errors
/// `EBADF`; `EBUSY` after 65,535 gets.
pub fn get<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32) -> Result<*mut u8, Errno> {
    let name = mapping(g, md)?;
    g.maps().get(name.slot).ok_or(Errno::BUSY)
}

/// Ends one get.
///
/// # Errors
/// `EBADF`; `EINVAL` for a put too many.
pub fn put<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32) -> Result<(), Errno> {
    let name = mapping(g, md)?;
    if g.maps().put(name.slot) { Ok(()) } else { Err(Errno::INVAL) }
}

/// Ends a mapping. A transfer that is under way is waited for.
///
/// # Errors
/// `EBADF`; `EINVAL` when `length` is not the length it was made with; `EBUSY` while a get is outstanding. The mapping
/// stays as it was.
pub fn destroy<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32, length: usize) -> Result<(), Errno> {
    loop {
        let name = mapping(g, md)?;
        let map = *g.maps().at(name.slot);
        if map.length as usize != length {
            return Err(Errno::INVAL);
        }
        if map.gets > 0 {
            return Err(Errno::BUSY);
        }
        if map.loose() {
            g.maps().remove(name.slot);
            release(g, map.object);
            return Ok(());
        }
        g.wait(Channel::Data, None);
    }
}

/// The first error since the last call; None if there was none.
///
/// # Errors
/// `EBADF`.
pub fn error<H: House<State: Mapped>>(g: &mut Guard<H>, md: i32) -> Result<Option<Errno>, Errno> {
    let name = mapping(g, md)?;
    let map = g.maps().live(name).ok_or(Errno::BADF)?;
    let error = core::mem::take(&mut map.error);
    Ok((error != 0).then(|| Errno(i32::from(error))))
}
