//! The state of floors 3 to 6, one for the port the library is built for.
//!
//! ```text
//!   State { maps ◄ cache ◄ files
//!                    ▲
//!                    └──── buffering }
//! ```
//!
//! Each floor sees itself and those below it, through the trait that it declares.

use crate::buffering::{Buffered, Buffering};
use crate::cache::{Cache, Cached};
use crate::file::{Filed, Files};
use crate::mmap::mapping::{Mapped, Maps};
use crate::port::System;
use crate::port::monitor::{House, Monitor};

/// What the floors keep.
pub struct State {
    maps: Maps,
    cache: Cache,
    files: Files,
    buffering: Buffering,
}

impl State {
    /// Before anything was opened.
    pub const fn new() -> Self {
        State { maps: Maps::new(), cache: Cache::new(), files: Files::new(), buffering: Buffering::new() }
    }
}

impl Mapped for State {
    fn maps(&mut self) -> &mut Maps {
        &mut self.maps
    }
}

impl Cached for State {
    fn cache(&mut self) -> &mut Cache {
        &mut self.cache
    }
}

impl Filed for State {
    fn files(&mut self) -> &mut Files {
        &mut self.files
    }
}

impl Buffered for State {
    fn buffering(&mut self) -> &mut Buffering {
        &mut self.buffering
    }
}

static HOUSE: Monitor<System> = Monitor::new(State::new());

impl House for System {
    type State = State;

    fn monitor() -> &'static Monitor<Self> {
        &HOUSE
    }
}
