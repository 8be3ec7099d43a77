//! The buffering thread: what is read next, and when not to read.
//!
//! ```text
//!   1  what a reader waits for                                  may take: played, cached, far ahead; if
//!                                                               that is not enough, what others have near
//!   while filling:
//!   2  up to `near` ahead of the playing handle                 played, cached, far ahead
//!   3  the playing handle, those after it, those before it,     may take: played, cached beyond its share,
//!      until the limit is full, which is lower after a loss (`budget`)            what is needed later still
//!   what lies whole has its memory already: it is read whether streams are filled or not
//!
//!   filling begins   a handle is opened or jumps; useful data, or the playing handle's, falls below the low mark
//!   filling ends     nothing left, the limit is full, or step 3 finds no memory; below the low mark it rests for half a second
//!                    then and tries again
//! ```
//!
//! For a second after somebody took memory from what lay ahead, step 3 is left out.
//!
//! The filler comes to rest (`rest.rs`): what is read in steps 1 and 2 stays until its stream has passed it or jumps, and
//! step 3 takes only what is farther away than what it reads.

use core::ffi::c_int;

use super::handle::{Handle, Home, keep_near, look, want, yield_near};
use super::{Buffered, PIECE, budget, hooks, position, stream};
use crate::cache::ahead;
use crate::cache::flush;
use crate::cache::open::release;
use crate::cache::segment::{Made, Reader, segment};
use crate::cache::{Cached, class_to_fill_up};
use crate::mmap::mapping::{Mapped, Maps, Marks};
use crate::mmap::transfer::populate;
use crate::port::kernel::{Channel, HZ};
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// What one step of an atomic handle reads.
const CHUNK: usize = 64 * 1024;
/// The rest after a lack of memory, and the pulse at which levels are looked at.
const REST: u32 = HZ / 2;
/// How long filling ahead holds back after memory was taken from it, and after an error.
const CAUTION: u32 = HZ;

/// How often a transfer that a reader waits for is tried.
const ATTEMPTS: u8 = 2;

/// One thing to read.
struct Job {
    id: i32,
    /// The first byte that is not in memory.
    at: u64,
    /// A reader waits for it.
    waited: bool,
    /// How many bytes one command brings at most: no more than what a reader waits for, so that he has it soon.
    most: usize,
    reader: Reader,
}

/// What the thread knows from turn to turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turns {
    /// A burst of reading is on.
    busy: bool,
    /// The disk is awake after one.
    awake: bool,
    /// The level has just fallen below the low mark.
    low: bool,
}

/// The thread.
pub fn run<H: House<State: Buffered>>() {
    let mut g = H::monitor().enter();
    let mut turns = Turns::default();
    loop {
        #[cfg(test)]
        if g.buffering().stop {
            g.buffering().started = false;
            H::wake(Channel::Data);
            return;
        }
        if let Some(rest) = turn(&mut g, &mut turns) {
            g.wait(Channel::Work, rest);
        }
    }
}

/// One turn of the thread: one transfer, or whatever else there is to do. None: there may be more; else how long nothing
/// is to be done unless somebody calls for work, in ticks.
pub fn turn<H: House<State: Buffered>>(g: &mut Guard<H>, turns: &mut Turns) -> Option<Option<u32>> {
    budget::refresh(g);
    let job = pick(g, turns);
    // First of all, so that what is opened now is filled in the same burst.
    if core::mem::take(&mut turns.low) && job.is_some() && hooks::tell_low(g) {
        return None;
    }
    if job.is_some() && !turns.busy {
        turns.busy = true;
        if told(g, true) {
            return None;
        }
    }
    if job.as_ref().is_none_or(|job| !job.waited) && ahead::serve(g) {
        turns.awake = true;
        return None;
    }
    let Some(job) = job else {
        if hooks::announce(g) || hooks::watch_level(g) {
            return None;
        }
        if core::mem::take(&mut turns.awake) {
            // What is dirty goes out now, before the disk sleeps; failures are the files'.
            let _ = flush::idle(g, false);
            return None;
        }
        // Only now: who hears of it may put the disk to sleep, and what is dirty would wake it again.
        if core::mem::take(&mut turns.busy) && told(g, false) {
            return None;
        }
        flush::tick(g);
        let some = !g.buffering().all().is_empty() || g.maps().dirty > 0;
        return Some(some.then_some(REST));
    };
    let before = g.maps().counts.commands;
    work(g, &job);
    turns.awake |= g.maps().counts.commands != before;
    hooks::announce(g);
    None
}

/// Tells the program that a burst begins or has ended. True: it was told, and the world went on meanwhile.
fn told<H: House<State: Buffered>>(g: &mut Guard<H>, begins: bool) -> bool {
    let hook = g.buffering().hooks.fill;
    if let Some(hook) = hook {
        g.unlocked(|| hook(c_int::from(begins)));
    }
    hook.is_some()
}

/// Whether a moment is in the future, on a clock that wraps.
fn later(now: u32, moment: Option<u32>) -> bool {
    moment.is_some_and(|moment| moment.wrapping_sub(now) as i32 > 0)
}

fn pick<H: House<State: Buffered>>(g: &mut Guard<H>, turns: &mut Turns) -> Option<Job> {
    let count = g.buffering().all().len();
    // 1: what is waited for.
    for n in 0..count {
        let handle = *g.buffering().all().get(n)?;
        if handle.waiters == 0 || handle.starved || handle.failed != 0 {
            continue;
        }
        let Some(handle) = look(g, handle.id) else { continue };
        let want = handle.want;
        let to = want.to.min(handle.filesize);
        let there = stream::resident(g, &handle, want.from, to.saturating_sub(want.from));
        if want.from + there < to {
            return Some(Job {
                id: handle.id,
                at: want.from + there,
                waited: true,
                most: usize::try_from(to - want.from - there).unwrap_or(usize::MAX).max(PIECE),
                reader: Reader::Waiting,
            });
        }
        H::wake(Channel::Data);
    }
    let now = H::ticks();
    let resting = later(now, g.buffering().rest_until);
    if !resting {
        g.buffering().rest_until = None;
    }
    let sums = budget::sums(g);
    let first = playing(g);
    let next_of_first = first.and_then(|n| next(g, n, now));
    if !g.buffering().filling {
        let low = is_low(g, &sums, next_of_first.as_ref());
        g.buffering().filling = low;
        turns.low |= low;
    }
    let streams = g.buffering().filling && !resting;
    // 2: what will be waited for soon.
    let near = g.buffering().near;
    if let Some(handle) = next_of_first.filter(|handle| streams && handle.useful() < near) {
        return Some(job(&handle, Reader::Waiting));
    }
    // 3: the rest; what needs memory later, if somebody else needs it just now. What lies whole has its own already.
    let pressed = later(now, g.cache().pressed.map(|tick| tick.wrapping_add(CAUTION)));
    if !pressed {
        g.cache().pressed = None;
    }
    let streams = streams && !pressed;
    let first = first.unwrap_or(0);
    for n in (first..count).chain(0..first) {
        let Some(handle) = next(g, n, now) else { continue };
        let stream = matches!(handle.home, Home::Stream { .. });
        if !stream || streams && fits(g, sums.ahead) {
            return Some(job(&handle, Reader::Ahead(handle.line)));
        }
    }
    if streams {
        g.buffering().filling = false;
    }
    None
}

/// Whether the level is so low that filling begins, or is begun again where there was no memory: of the playing handle,
/// or of all.
fn is_low<H: House<State: Buffered>>(g: &mut Guard<H>, sums: &budget::Sums, playing: Option<&Handle>) -> bool {
    let mark = budget::low_mark(g);
    playing.is_some_and(|handle| handle.useful() < mark) || sums.remaining > 0 && sums.useful < mark
}

/// Whether nothing is read ahead, nor will be before somebody plays on.
#[cfg(test)]
pub fn full<H: House<State: Buffered>>(g: &mut Guard<H>) -> bool {
    let sums = budget::sums(g);
    let playing = playing(g).and_then(|n| next(g, n, H::ticks()));
    !g.buffering().filling && !is_low(g, &sums, playing.as_ref())
}

/// Whether a stream may fill on, with so much ahead. After a loss a window is begun only if it fits as a whole: it would
/// be lost as a whole.
fn fits<H: House<State: Buffered>>(g: &mut Guard<H>, ahead: u64) -> bool {
    let more = if budget::ample(g) { 0 } else { g.cache().window() as u64 };
    ahead + more < budget::most(g)
}

fn job(handle: &Handle, reader: Reader) -> Job {
    Job { id: handle.id, at: handle.end, waited: false, most: usize::MAX, reader }
}

/// The handle in this place, if there is anything to read for it now.
fn next<H: House<State: Buffered>>(g: &mut Guard<H>, n: usize, now: u32) -> Option<Handle> {
    let id = g.buffering().all().get(n)?.id;
    let handle = look(g, id)?;
    (handle.end < handle.filesize && !later(now, handle.retry)).then_some(handle)
}

/// The place of the handle that plays: the base handle, else the one that was read last.
fn playing<H: House<State: Buffered>>(g: &mut Guard<H>) -> Option<usize> {
    let (base, reading) = (g.buffering().base, g.buffering().reading);
    let all = g.buffering().all();
    let place = |id: i32| all.iter().position(|handle| handle.id == id);
    place(base).or_else(|| place(reading))
}

fn work<H: House<State: Buffered>>(g: &mut Guard<H>, job: &Job) {
    let Some(handle) = g.buffering().find(job.id).copied() else {
        return;
    };
    let (Home::Stream { object } | Home::Atomic { object, .. }) = handle.home else {
        return hooks::parse(g, job.id);
    };
    // A use of our own: the handle may be closed while we wait for the disk.
    g.maps().objects[object].hold();
    let result = match handle.home {
        Home::Atomic { map: Some(name), base, .. } => populate(g, name, (job.at - base) as usize, CHUNK),
        Home::Stream { .. } => stream_on(g, object, handle.line, job),
        _ => Ok(false),
    };
    if g.buffering().find(job.id).is_none() {
        position::settle(g, object);
    }
    // Storage has what it should have, or the file remembers.
    let _ = release(g, object);
    if let Err(error) = result {
        fail::<H>(g, job, error);
    }
    H::wake(Channel::Data);
}

/// Reads the rest of a window for a stream.
fn stream_on<H: House<State: Buffered>>(g: &mut Guard<H>, object: u16, line: u64, job: &Job) -> Result<bool, Errno> {
    let region = g.maps().region_at(object, job.at).map(|slot| g.maps().name(slot));
    let ample = budget::ample(g);
    let arena = &g.maps().arena;
    let lent = arena.open().map(|_| arena.size);
    let mut class = g.cache().class_at(job.at, lent, ample);
    if let (Some(_), Reader::Ahead(_)) = (lent, job.reader) {
        let left = g.buffering().limit.saturating_sub(budget::sums(g).ahead);
        class = class_to_fill_up(class, job.at, left);
    }
    let name = match region {
        Some(name) => name,
        None => match place(g, object, class, job) {
            Made::Here(name) => name,
            Made::Again => return Ok(false),
            Made::Held | Made::NoMemory => {
                starve(g, job);
                return Ok(false);
            }
        },
    };
    let map = *g.maps().at(name.slot);
    let wanted = (job.at - map.offset) as usize;
    let inside = if job.waited { through(g.maps(), name.slot, wanted) } else { wanted };
    // One command: somebody else may wait for his bytes.
    let most = if region.is_some() { CHUNK } else { H::TRANSFER.min(map.length as usize - inside) };
    let most = most.min(job.most.saturating_add(wanted - inside));
    let whole = populate(g, name, inside, most)?;
    let maps = g.maps();
    if whole && maps.live(name).is_some_and(|map| map.marks.contains(Marks::SEGMENT)) {
        want(maps, name.slot, line);
    }
    Ok(whole)
}

/// A segment for a stream, at the cost of others where a reader waits for it.
fn place<H: House<State: Buffered>>(g: &mut Guard<H>, object: u16, class: u8, job: &Job) -> Made {
    let made = segment(g, object, job.at, class, job.reader, false);
    if !job.waited || !matches!(made, Made::Held | Made::NoMemory) {
        return made;
    }
    if flush::make_clean(g) {
        return Made::Again;
    }
    yield_near(g);
    // The smallest window: little goes for it.
    let made = segment(g, object, job.at, 1, job.reader, false);
    keep_near(g);
    made
}

/// Where a reader jumped a little forward: from where on to read, so that no gap is left behind him.
fn through(maps: &Maps, slot: u16, wanted: usize) -> usize {
    let (map, sector) = (*maps.at(slot), maps.sector());
    let mut from = wanted / sector * sector;
    while from > 0 && wanted - from < PIECE {
        if maps.valid_run(slot, from - sector) > 0 {
            return from;
        }
        from -= sector;
    }
    let before = map.offset.checked_sub(1).filter(|_| from == 0);
    let joins = before.and_then(|at| maps.run_at(map.object, at)).is_some_and(|(_, _, run)| run > 0);
    if joins { 0 } else { wanted }
}

/// There is no memory for a window.
fn starve<H: House<State: Buffered>>(g: &mut Guard<H>, job: &Job) {
    let now = H::ticks();
    if job.waited {
        if let Some(handle) = g.buffering().find(job.id) {
            handle.starved = true;
            let handle = *handle;
            hooks::call_for_room(g, &handle);
        }
        return;
    }
    let sums = budget::sums(g);
    let playing = playing(g).and_then(|n| next(g, n, now));
    if is_low(g, &sums, playing.as_ref()) {
        // Filling would begin again at once.
        g.buffering().rest_until = Some(now.wrapping_add(REST));
    } else {
        // That is all that memory holds: the disk may sleep.
        g.buffering().filling = false;
    }
}

/// Storage failed. A reader who waits is told when it has failed twice; filling ahead waits a while.
fn fail<H: House<State: Buffered>>(g: &mut Guard<H>, job: &Job, error: Errno) {
    let retry = H::ticks().wrapping_add(CAUTION);
    let Some(handle) = g.buffering().find(job.id) else { return };
    if !job.waited {
        handle.retry = Some(retry);
        return;
    }
    handle.failures = handle.failures.saturating_add(1);
    if handle.failures >= ATTEMPTS {
        handle.failed = error.0;
        handle.retry = Some(retry);
    }
}
