//! Who asks for memory decides what the pool may do to get it, as GFP flags do in Linux.
//!
//! The port keeps the calling thread's kind: on the host a variable of the thread, in the tree the glue's answer.

/// The kind of the calling thread, from the least that may be done for it to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asker {
    /// Inside the file path, or a thread of the library's own: free space, or clean purgeable blocks and the holes
    /// beside them. Nothing moves, nothing that may block is called: the caller's destination may lie unpinned in the
    /// pool, and a file's lock may be held.
    FilePath = 0,
    /// The codec, buffering and voice threads: purging clean blocks and compaction, but no shrink callback, which may
    /// wait for these very threads, and no waiting for dirty data.
    Playback = 1,
    /// Everybody else: everything.
    Anyone = 2,
}
