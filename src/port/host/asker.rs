//! The kind of the calling thread, kept in the thread.

use crate::port::Asker;
use core::cell::Cell;

std::thread_local!(static ASKER: Cell<Asker> = const { Cell::new(Asker::Anyone) });

/// What the calling thread is to the pool.
pub fn asker() -> Asker {
    ASKER.get()
}

/// Says what the calling thread is from now on; answers what it was, to be set again when a path into files ends.
pub fn set_asker(asker: Asker) -> Asker {
    ASKER.replace(asker)
}
