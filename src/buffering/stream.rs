//! Reading from a handle: waiting for bytes, copying them, pointing at them.

use super::handle::{Bridge, Handle, Home, Want, drop_bridge, let_go, look, put_bridge, take_bridge};
use super::{Buffered, ERR_BUFFER_FULL, ERR_FILE_ERROR, ERR_HANDLE_NOT_FOUND, ERR_INVALID_VALUE, PIECE};
use crate::cache::Cached;
use crate::cache::direct::past;
use crate::cache::segment::keep;
use crate::mmap::mapping::Mapped;
use crate::port::kernel::{Channel, HZ};
use crate::port::monitor::{Guard, House};

/// How often somebody who lacks even a bridge looks again.
const PULSE: u32 = HZ / 10;
/// How long somebody waits for a bridge before he gets what there is.
const PATIENCE: u32 = 5 * HZ;

/// What came of waiting.
enum Waited {
    /// This many bytes from `from` on are in memory.
    Ready(usize),
    /// There is no memory to hold them: read them past the cache.
    Starved,
}

/// How many bytes from `from` on a handle has in memory, up to `most`.
pub fn resident<H: House<State: Buffered>>(g: &mut Guard<H>, handle: &Handle, from: u64, most: u64) -> u64 {
    if from >= handle.pos && from + most <= handle.end {
        return most;
    }
    let object = match handle.home {
        Home::Stream { object } => object,
        Home::Atomic { map: Some(name), base, .. } => {
            let Some(inside) = from.checked_sub(base) else { return 0 };
            return (g.maps().valid_run(name.slot, inside as usize) as u64).min(most);
        }
        _ => return handle.end.saturating_sub(from).min(most),
    };
    let maps = g.maps();
    let mut at = from;
    while at < from + most {
        match maps.run_at(object, at) {
            None | Some((_, _, 0)) => break,
            Some((_, _, run)) => at += run as u64,
        }
    }
    (at - from).min(most)
}

/// Waits until `len` bytes from `from` on are in memory, the file ends before that, or they will not come.
///
/// # Errors
/// `ERR_HANDLE_NOT_FOUND` when the handle is closed or signaled; `ERR_FILE_ERROR` when not even the first byte could
/// be read.
fn wait<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, from: u64, len: u64) -> Result<Waited, i32> {
    let mut began = None;
    g.buffering().reading = id;
    loop {
        let handle = look(g, id).ok_or(ERR_HANDLE_NOT_FOUND)?;
        let wanted = len.min(handle.filesize.saturating_sub(from));
        if let Home::Stream { object } = handle.home {
            let near = g.buffering().near;
            keep(g.maps(), object, from, from + wanted + near, handle.line);
        }
        let there = resident(g, &handle, from, wanted);
        let ready = there >= wanted;
        let outcome = if ready {
            Some(Ok(Waited::Ready(wanted as usize)))
        } else if handle.signaled {
            Some(Err(ERR_HANDLE_NOT_FOUND))
        } else if handle.failed != 0 && began.is_some() {
            Some(match there {
                0 => Err(ERR_FILE_ERROR),
                _ => Ok(Waited::Ready(there as usize)),
            })
        } else if handle.starved && began.is_some() {
            Some(Ok(Waited::Starved))
        } else {
            None
        };
        let now = g.buffering().find(id).ok_or(ERR_HANDLE_NOT_FOUND)?;
        if let Some(outcome) = outcome {
            now.want = Want::default();
            now.starved = false;
            now.failed = 0;
            now.failures = 0;
            now.steady |= began.is_none();
            let figures = &mut g.cache().counts;
            figures.asked += wanted;
            figures.hits += u64::from(began.is_none());
            figures.misses += u64::from(began.is_some());
            if let Some(began) = began {
                let counts = &mut g.buffering().counts;
                counts.waits += 1;
                counts.stalls += u64::from(handle.steady);
                counts.waited += u64::from(H::ticks().wrapping_sub(began));
            }
            return outcome;
        }
        if began.is_none() {
            began = Some(H::ticks());
            now.failed = 0;
            now.starved = false;
        }
        now.want = Want { from, to: from + wanted };
        now.waiters += 1;
        H::wake(Channel::Work);
        g.wait(Channel::Data, None);
        if let Some(now) = g.buffering().find(id) {
            now.waiters = now.waiters.saturating_sub(1);
        }
    }
}

/// Clips a request to the file: 0 asks for all that is left.
fn clip(handle: &Handle, size: usize) -> u64 {
    let left = handle.filesize.saturating_sub(handle.pos);
    let size = size as u64;
    if size == 0 || size > left || size > i64::MAX as u64 { left } else { size }
}

/// How many bytes a read of `size` from the position on would give: 0 asks for all that is left.
///
/// # Errors
/// `ERR_HANDLE_NOT_FOUND`.
pub fn readable<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, size: usize) -> Result<usize, i32> {
    let handle = look(g, id).ok_or(ERR_HANDLE_NOT_FOUND)?;
    usize::try_from(clip(&handle, size)).map_err(|_| ERR_INVALID_VALUE)
}

/// Fills the buffer from the position on, as far as the file goes; the position stays. Waits until the bytes are there.
///
/// # Errors
/// As `wait`, when no byte could be had.
pub fn read<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, into: &mut [u8]) -> Result<usize, i32> {
    let pos = g.buffering().find(id).ok_or(ERR_HANDLE_NOT_FOUND)?.pos;
    let mut done = 0;
    while done < into.len() {
        let from = pos + done as u64;
        let len = PIECE.min(into.len() - done);
        let got = match wait(g, id, from, len as u64) {
            Ok(Waited::Ready(len)) => {
                let now = *g.buffering().find(id).ok_or(ERR_HANDLE_NOT_FOUND)?;
                Ok(copy(g, &now, from, &mut into[done..done + len]))
            }
            Ok(Waited::Starved) => {
                let now = *g.buffering().find(id).ok_or(ERR_HANDLE_NOT_FOUND)?;
                match now.home {
                    Home::Stream { object } => {
                        past(g, object, from, &mut into[done..done + len]).map_err(|_| ERR_FILE_ERROR)
                    }
                    _ => Ok(0),
                }
            }
            Err(error) => Err(error),
        };
        match got {
            Ok(0) => break,
            Ok(got) => done += got,
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Copies bytes that are in memory: how many were.
fn copy<H: House<State: Buffered>>(g: &mut Guard<H>, handle: &Handle, from: u64, into: &mut [u8]) -> usize {
    match handle.home {
        Home::Stream { object } => {
            let maps = g.maps();
            let mut done = 0;
            while done < into.len() {
                let at = from + done as u64;
                let Some((slot, inside, run)) = maps.run_at(object, at) else {
                    break;
                };
                let most = run.min(into.len() - done);
                match maps.copy_out(slot, inside, &mut into[done..done + most]) {
                    0 => break,
                    got => done += got,
                }
            }
            done
        }
        Home::Atomic { map: Some(name), base, .. } => g.maps().copy_out(name.slot, (from - base) as usize, into),
        Home::Atomic { .. } => 0,
        Home::Memory { block, .. } => match block {
            Some(block) => {
                block.pin().read(from as usize, into);
                into.len()
            }
            None => 0,
        },
    }
}

/// A pointer to bytes from the position on, and how many there are in one piece: all that were asked for up to 32 KB,
/// more where they lie together. It stays good until the handle is closed, jumps, or gives another pointer.
///
/// # Errors
/// As `wait`. `ERR_BUFFER_FULL` when for five seconds there was no memory for a single byte.
pub fn data<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, size: usize) -> Result<(usize, usize), i32> {
    let handle = look(g, id).ok_or(ERR_HANDLE_NOT_FOUND)?;
    let size = clip(&handle, size);
    match handle.home {
        Home::Stream { object } => stream_data(g, id, object, handle.pos, size),
        Home::Atomic { .. } | Home::Memory { .. } => {
            let Waited::Ready(len) = wait(g, id, handle.pos, size)? else { return Err(ERR_FILE_ERROR) };
            // The handle may have moved while it was waited for.
            let now = g.buffering().find(id).ok_or(ERR_HANDLE_NOT_FOUND)?;
            let (base, data) = match now.home {
                Home::Atomic { base, data, .. } => (base, data),
                Home::Memory { data, .. } => (0, data),
                Home::Stream { .. } => return Err(ERR_HANDLE_NOT_FOUND),
            };
            let inside = handle.pos.checked_sub(base).ok_or(ERR_INVALID_VALUE)?;
            Ok((data + inside as usize, len))
        }
    }
}

fn stream_data<H: House<State: Buffered>>(
    g: &mut Guard<H>,
    id: i32,
    object: u16,
    pos: u64,
    size: u64,
) -> Result<(usize, usize), i32> {
    // A long request waits for what lies in one window, unless that is less than what is promised.
    let asked = usize::try_from(size).unwrap_or(usize::MAX);
    let window = g.cache().window() as u64;
    let size = size.min((window - pos % window).max(PIECE as u64));
    let began = H::ticks();
    loop {
        let len = match wait(g, id, pos, size)? {
            Waited::Ready(0) => return Ok((0, 0)),
            Waited::Ready(len) => len,
            Waited::Starved => match take_bridge(g, id) {
                Some(bridge) => return past_the_cache(g, id, object, pos, size, bridge),
                // Not even a bridge: until another stream gives its one back, or somebody some memory.
                None if H::ticks().wrapping_sub(began) < PATIENCE => {
                    rest(g, id);
                    continue;
                }
                // Perhaps only this thread could give some: it is told, and gets what lies together.
                None => match g.maps().run_at(object, pos) {
                    Some((_, _, run)) if run > 0 => run.min(asked),
                    _ => return Err(ERR_BUFFER_FULL),
                },
            },
        };
        let maps = g.maps();
        let Some((slot, inside, run)) = maps.run_at(object, pos) else {
            continue;
        };
        if run >= len {
            let start = maps.get(slot).ok_or(ERR_FILE_ERROR)? as usize;
            // More where more lies together.
            return hold(g, id, slot).map(|()| (start + inside, run.min(asked)));
        }
        // Two segments meet inside the request.
        match bridged(g, id, pos, len.min(PIECE))? {
            Joined::At(address, len) => {
                let_go(g, id);
                return Ok((address, len));
            }
            // Making room for the bridge took the bytes.
            Joined::Again => {}
            // As for who finds no bridge at all.
            Joined::NoMemory if H::ticks().wrapping_sub(began) < PATIENCE => rest(g, id),
            Joined::NoMemory => {
                let maps = g.maps();
                let Some((slot, inside, run)) = maps.run_at(object, pos) else {
                    continue;
                };
                let run = run.min(len);
                let start = maps.get(slot).ok_or(ERR_FILE_ERROR)? as usize;
                return hold(g, id, slot).map(|()| (start + inside, run));
            }
        }
    }
}

/// Rests for a while. Transfers for others end meanwhile: each of them would have the thread look for memory again.
fn rest<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32) {
    let began = H::ticks();
    loop {
        let over = PULSE.saturating_sub(H::ticks().wrapping_sub(began));
        let buffering = g.buffering();
        if over == 0 || !buffering.reserve_taken || buffering.find(id).is_none_or(|handle| handle.signaled) {
            return;
        }
        g.wait(Channel::Data, Some(over));
    }
}

/// What came of joining.
enum Joined {
    /// The address of the bytes, and how many there are.
    At(usize, usize),
    /// The bytes are gone again.
    Again,
    /// There is no bridge to be had.
    NoMemory,
}

/// Joins `len` bytes from `pos` on in the handle's bridge: what it has of them stays, the rest is appended.
fn bridged<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, pos: u64, len: usize) -> Result<Joined, i32> {
    let Some(mut bridge) = take_bridge(g, id) else {
        return Ok(Joined::NoMemory);
    };
    let goes_on = bridge.covers(pos) && (pos - bridge.from) as usize + len <= bridge.size;
    if !goes_on {
        (bridge.from, bridge.len) = (pos, 0);
    }
    let at = (pos - bridge.from) as usize;
    let lack = (at + len).saturating_sub(bridge.len);
    let handle = g.buffering().find(id).copied();
    let pin = bridge.block.pin();
    let got = handle.map_or(0, |handle| {
        let from = bridge.from + bridge.len as u64;
        pin.transfer(bridge.len, lack, |into| copy(g, &handle, from, into))
    });
    bridge.len += got;
    g.buffering().counts.bridged += got as u64;
    let address = pin.address() + at;
    drop(pin);
    put_bridge(g, id, bridge);
    match handle {
        None => Err(ERR_HANDLE_NOT_FOUND),
        Some(_) if got < lack => Ok(Joined::Again),
        Some(_) => Ok(Joined::At(address, len)),
    }
}

/// Without memory for segments: reads into a bridge.
fn past_the_cache<H: House<State: Buffered>>(
    g: &mut Guard<H>,
    id: i32,
    object: u16,
    pos: u64,
    size: u64,
    mut bridge: Bridge,
) -> Result<(usize, usize), i32> {
    let len = size.min(PIECE as u64) as usize;
    let pin = bridge.block.pin();
    let got = pin.transfer(0, len, |into| past(g, object, pos, into));
    let address = pin.address();
    drop(pin);
    (bridge.from, bridge.len) = (pos, *got.as_ref().unwrap_or(&0));
    put_bridge(g, id, bridge);
    let_go(g, id);
    match got {
        Ok(got) if g.buffering().find(id).is_some() => Ok((address, got)),
        Ok(_) => Err(ERR_HANDLE_NOT_FOUND),
        Err(_) => Err(ERR_FILE_ERROR),
    }
}

/// The handle's pointer is into this segment now, which is held once more; what it held before is let go.
fn hold<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, slot: u16) -> Result<(), i32> {
    let_go(g, id);
    match g.buffering().find(id) {
        Some(handle) => {
            handle.held = slot;
            let pos = handle.pos;
            // A bridge that has been crossed is there for others.
            let crossed = handle.bridge.take_if(|bridge| !bridge.covers(pos));
            drop_bridge(g, crossed);
            Ok(())
        }
        None => {
            g.maps().put(slot);
            Err(ERR_HANDLE_NOT_FOUND)
        }
    }
}

/// Calls waits for a handle off, or allows them again; false if it is not open.
pub fn signal<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, off: bool) -> bool {
    let Some(handle) = g.buffering().find(id) else { return false };
    handle.signaled = off;
    H::wake(Channel::Data);
    true
}
