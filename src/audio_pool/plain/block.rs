//! The header in front of a buffer, and all raw access to it.
//!
//! ```text
//!   next      the list of all blocks          number    what frees the block
//!   behind    the idle list of its pool       owner     the pool's handle
//!   capacity  bytes of the buffer             state     lent or idle
//! ```

use core::ptr::NonNull;

/// What is to be done with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A caller has the buffer.
    Lent,
    /// It lies in its pool.
    Idle,
}

struct Header {
    next: Option<Block>,
    behind: Option<Block>,
    capacity: usize,
    number: i32,
    owner: u32,
    state: State,
}

/// The bytes in front of the buffer.
pub const HEADER: usize = size_of::<Header>();

/// A block that is in the list of all, or on its way there or out of it: its memory is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block(NonNull<Header>);

impl Block {
    /// A lent block in fresh memory.
    ///
    /// # Safety
    /// * `memory` has room for [`HEADER`] and `capacity` bytes, is aligned to a word and belongs to the block until its
    ///   number is freed.
    pub unsafe fn begin(memory: NonNull<u8>, number: i32, capacity: usize, owner: u32) -> Block {
        let header = memory.cast::<Header>();
        let fresh = Header { next: None, behind: None, capacity, number, owner, state: State::Lent };
        // SAFETY: room and alignment, by the caller's promise; a header needs no more than a word's alignment.
        unsafe { header.write(fresh) };
        Block(header)
    }

    fn header(&self) -> &Header {
        // SAFETY: live, and nobody holds a reference that may be written through.
        unsafe { self.0.as_ref() }
    }

    fn change(self, change: impl FnOnce(&mut Header)) {
        let mut header = self.0;
        // SAFETY: live, reached under the lock only, and no other reference is kept.
        change(unsafe { header.as_mut() });
    }

    /// Where the buffer begins.
    pub fn data(self) -> *mut u8 {
        self.0.as_ptr().wrapping_add(1).cast()
    }

    /// The next one in the list of all.
    pub fn next(&self) -> Option<Block> {
        self.header().next
    }

    /// The one behind it in the idle list.
    pub fn behind(&self) -> Option<Block> {
        self.header().behind
    }

    /// Bytes of the buffer.
    pub fn capacity(&self) -> usize {
        self.header().capacity
    }

    /// What frees the block.
    pub fn number(&self) -> i32 {
        self.header().number
    }

    /// The pool's handle.
    pub fn owner(&self) -> u32 {
        self.header().owner
    }

    /// Lent or idle.
    pub fn state(&self) -> State {
        self.header().state
    }

    /// Another one is next.
    pub fn set_next(self, next: Option<Block>) {
        self.change(|header| header.next = next);
    }

    /// Another one is behind it.
    pub fn set_behind(self, behind: Option<Block>) {
        self.change(|header| header.behind = behind);
    }

    /// It belongs to another pool.
    pub fn set_owner(self, owner: u32) {
        self.change(|header| header.owner = owner);
    }

    /// It is lent, or idle, from now on.
    pub fn set_state(self, state: State) {
        self.change(|header| header.state = state);
    }

    /// Fills the buffer with zeros. Nobody has it.
    pub fn clear(self) {
        // SAFETY: the buffer has this many bytes behind the header, and no caller has it.
        unsafe { self.data().write_bytes(0, self.capacity()) };
    }
}

const _: () = assert!(align_of::<Header>() <= align_of::<usize>());
