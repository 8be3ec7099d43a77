//! The pool in the tree: blocks from `core_alloc`, time from the kernel's tick, nothing in the background.

use core::ptr::NonNull;

use crate::audio_pool::settings::{MOST, Settings};
use crate::audio_pool::shared::{Guarded, Word};
use crate::audio_pool::stats::{Group, Latency, Stats, Timings};
use crate::audio_pool::{Error, Options, Plan};
use crate::buflib::{Callbacks, Pool};
use crate::port::kernel::{HZ, Kernel};
use crate::port::{self, Asker, System};

pub use super::Lent;
use super::{Call, Plain, Source, Timer};

/// The core pool. Buffers stay where they are while a caller has them, so their blocks may not move.
struct Core;

static LOCKED: Callbacks = Callbacks { move_callback: None, shrink_callback: None, sync_callback: None };

impl Source for Core {
    fn allocate(&self, bytes: usize) -> Option<(i32, NonNull<u8>)> {
        // An allocation there may wait for the very thread, or lock, that asks.
        if port::asker() == Asker::FilePath {
            return None;
        }
        let handle = Pool::core().alloc(bytes, &LOCKED);
        if handle <= 0 {
            return None;
        }
        NonNull::new(Pool::core().data(handle)).map(|data| (handle, data))
    }

    fn free(&self, number: i32) {
        Pool::core().free(number);
    }
}

static ALL: Guarded<Plain> = Guarded::new(Plain::new());
static SETTINGS: Guarded<Settings> = Guarded::new(Settings::DEFAULT);
/// The last latency in µs, and its tick.
static LATENCY: Guarded<Option<(u32, u32)>> = Guarded::new(None);

/// Whether calls are timed.
static MEASURE: Word = Word::new(0);
static TIMER: Guarded<Timer> = Guarded::new(Timer::new());

const MS: u32 = 1000 / HZ;

/// The settings.
pub fn settings() -> Settings {
    SETTINGS.with(|settings| *settings)
}

/// Other settings, each field checked.
pub fn set_settings(settings: Settings) {
    SETTINGS.with(|to| *to = settings.validated());
    MEASURE.set(u32::from(settings.measure));
}

/// Makes a pool. A bad size becomes the frame size, a bad maximum the configured one.
pub fn create(size: usize, options: Options) -> Result<u32, Error> {
    let settings = settings();
    let size = settings.buffer_size(size);
    let max = match options.max {
        1..=MOST => options.max,
        _ => settings.max_buffers,
    };
    make(Plan { size, max, preallocated: settings.preallocated(size, max), zero: options.zero })
}

/// Makes a pool as planned.
pub fn make(plan: Plan) -> Result<u32, Error> {
    super::make(&ALL, &Core, &plan)
}

/// Ends a pool.
pub fn destroy(handle: u32) -> Result<(), Error> {
    super::destroy(&ALL, &Core, handle)
}

/// Lends a buffer. Inside the file path an idle one, or none.
pub fn get(handle: u32) -> Option<Lent> {
    if MEASURE.get() == 0 {
        return super::get(&ALL, &Core, handle).map(|(lent, _)| lent);
    }
    let begun = System::ticks();
    let (lent, call) = super::get(&ALL, &Core, handle)?;
    record(handle, call, begun);
    Some(lent)
}

#[cold]
fn record(handle: u32, call: Call, begun: u32) {
    let took = System::ticks().wrapping_sub(begun);
    let size = ALL.with(|all| all.pool(handle).map_or(0, |pool| pool.size));
    let group = if size >= settings().frame_size { Group::Frame } else { Group::Control };
    TIMER.with(|timer| timer.record(group, call, took));
}

/// There is no faster way here.
#[inline(always)]
pub fn get_fast(_handle: u32) -> Option<Lent> {
    None
}

pub use get as get_slow;

/// Takes a buffer back.
pub fn put(handle: u32, data: *mut u8) -> Result<(), Error> {
    if MEASURE.get() == 0 {
        return super::put(&ALL, &Core, handle, data);
    }
    let begun = System::ticks();
    let answer = super::put(&ALL, &Core, handle, data);
    record(handle, Call::Put, begun);
    answer
}

/// Lends a buffer that belongs to no list.
pub fn lend_alone(capacity: usize, owner: u32) -> Option<Lent> {
    super::lend_alone(&ALL, &Core, capacity, owner)
}

/// Takes such a buffer back and frees it.
pub fn take_alone(data: *mut u8) -> Result<(), Error> {
    super::take_alone(&ALL, &Core, data)
}

/// The handle that a buffer belongs to, and its capacity.
pub fn owner_of(data: *mut u8) -> Option<(u32, usize)> {
    ALL.with(|all| all.find(data).map(|block| (block.owner(), block.capacity())))
}

/// Whether no living pool has this handle.
pub fn is_dead(handle: u32) -> bool {
    ALL.with(|all| all.pool(handle).is_none())
}

/// The capacity of a lent buffer.
pub fn capacity(data: *mut u8) -> Option<usize> {
    ALL.with(|all| {
        let block = all.find(data)?;
        (block.state() == super::State::Lent).then(|| block.capacity())
    })
}

/// The statistics of a pool.
pub fn stats(handle: u32) -> Result<Stats, Error> {
    let mut stats = ALL.with(|all| all.stats(handle))?;
    stats.derive(&settings());
    Ok(stats)
}

/// Adds the buffers that belong to a handle.
pub fn count_buffers(handle: u32, stats: &mut Stats) {
    ALL.with(|all| all.count_buffers(handle, stats));
}

/// Nothing runs in the background here.
pub fn start_monitoring() -> Result<(), Error> {
    Ok(())
}

/// Nothing runs in the background here.
pub fn stop_monitoring() {}

/// There are no thread caches to clean.
pub fn request_cleaning() {}

/// Records a latency; nothing can be in the way.
pub fn record_latency(us: u32) -> bool {
    LATENCY.with(|last| *last = Some((us, System::ticks())));
    true
}

/// The last latency recorded, unless it is too old.
pub fn latency() -> Option<Latency> {
    let (us, tick) = LATENCY.with(|last| *last)?;
    let age = System::ticks().wrapping_sub(tick).saturating_mul(MS);
    (age <= settings().latency_age_ms).then_some(Latency { us, time: u64::from(tick) * u64::from(MS), age })
}

/// The percentiles of a group: whole ticks.
pub fn timings(group: Group) -> Timings {
    TIMER.with(|timer| timer.timings(group, 1_000_000_000 / HZ))
}
