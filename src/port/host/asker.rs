//! The kind of the calling thread, kept in the thread.

use crate::port::Asker;
use core::cell::Cell;

std::thread_local! {
    static ASKER: Cell<Asker> = const { Cell::new(Asker::Anyone) };
    static SPARES: Cell<bool> = const { Cell::new(false) };
}

/// What the calling thread is to the pool.
pub fn asker() -> Asker {
    ASKER.get()
}

/// Says what the calling thread is from now on; answers what it was, to be set again when a path into files ends.
pub fn set_asker(asker: Asker) -> Asker {
    ASKER.replace(asker)
}

/// Runs a request for memory as one inside the file path. `spare`: what is needed later does not go for it, see
/// [`spares`].
pub fn in_file_path<R>(spare: bool, work: impl FnOnce() -> R) -> R {
    let (asker, spares) = (ASKER.replace(Asker::FilePath), SPARES.replace(spare));
    let result = work();
    ASKER.set(asker);
    SPARES.set(spares);
    result
}

/// Whether the request for which an owner is asked now spares what is needed later.
pub fn spares() -> bool {
    SPARES.get()
}
