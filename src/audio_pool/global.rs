//! The two global pools, for audio frames and for control messages: made on first use, with the sizes configured then.

use super::shared::{Guarded, Word};
use super::stats::Stats;
use super::{Error, Options, floor};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Audio frames.
    Frame,
    /// Control messages.
    Control,
}

static FRAME: Word = Word::new(0);
static CONTROL: Word = Word::new(0);
static MAKING: Guarded<bool> = Guarded::new(false);

fn word(kind: Kind) -> &'static Word {
    match kind {
        Kind::Frame => &FRAME,
        Kind::Control => &CONTROL,
    }
}

/// The handle of a global pool.
///
/// # Errors
/// [`Error::Memory`]: it could not be made.
#[inline]
pub fn pool(kind: Kind) -> Result<u32, Error> {
    match word(kind).get() {
        0 => make(kind),
        handle => Ok(handle),
    }
}

#[cold]
fn make(kind: Kind) -> Result<u32, Error> {
    // One thread makes it; another one that comes at the same moment makes one too, and drops it. The lock cannot be held
    // meanwhile: in the tree an allocation may run other threads.
    let settings = floor::settings();
    let size = match kind {
        Kind::Frame => settings.frame_size,
        Kind::Control => settings.control_size,
    };
    let made = floor::create(size as usize, Options::default())?;
    let kept = MAKING.with(|_| {
        if word(kind).get() == 0 {
            word(kind).set(made);
        }
        word(kind).get()
    });
    if kept != made {
        floor::destroy(made)?;
    }
    Ok(kept)
}

/// Destroys both; the next use makes them again, with the sizes configured then.
pub fn destroy() {
    for kind in [Kind::Frame, Kind::Control] {
        let handle = MAKING.with(|_| {
            let handle = word(kind).get();
            word(kind).set(0);
            handle
        });
        if handle != 0 {
            // Nobody else ends it.
            let _ = floor::destroy(handle);
        }
    }
}

/// The statistics of the pair: frame, control.
///
/// # Errors
/// [`Error::Memory`]: one of them could not be made.
pub fn stats() -> Result<[Stats; 2], Error> {
    Ok([floor::stats(pool(Kind::Frame)?)?, floor::stats(pool(Kind::Control)?)?])
}
