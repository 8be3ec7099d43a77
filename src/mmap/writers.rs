//! Which threads are at which views for writing. Threads may share a view, and one that puts it must not end what
//! another has declared and is about to change.
//!
//! ```text
//!   thread 1   declare ──────────────── get ── change ── put      its own entry: what it declared lasts until its put
//!   thread 2              get ── put                               an entry that comes and goes
//! ```

use super::mapping::NONE;

/// How many there may be at once. Where one more comes, its view is marked and stays hot.
const MOST: usize = 16;

/// A thread at a view.
#[derive(Clone, Copy)]
struct Writer {
    /// The view's place.
    view: u16,
    /// Its gets that are not put.
    gets: u16,
    thread: usize,
    /// It declared changes, and has not put the view since.
    declared: bool,
}

/// All of them.
pub struct Writers([Writer; MOST]);

impl Writers {
    /// Nobody.
    pub const NONE: Writers = Writers([Writer { view: NONE, gets: 0, thread: 0, declared: false }; MOST]);

    fn find(&self, view: u16, thread: usize) -> Option<usize> {
        self.0.iter().position(|writer| writer.view == view && writer.thread == thread)
    }

    fn own(&mut self, view: u16, thread: usize) -> Option<&mut Writer> {
        self.find(view, thread).map(|n| &mut self.0[n])
    }

    fn own_or_new(&mut self, view: u16, thread: usize) -> Option<&mut Writer> {
        let n = self.find(view, thread).or_else(|| self.0.iter().position(|writer| writer.view == NONE))?;
        let writer = &mut self.0[n];
        if writer.view == NONE {
            *writer = Writer { view, gets: 0, thread, declared: false };
        }
        Some(writer)
    }

    fn sweep(&mut self) {
        for writer in self.0.iter_mut().filter(|writer| writer.gets == 0 && !writer.declared) {
            writer.view = NONE;
        }
    }

    /// A thread declares changes. False: there is no place left for it.
    #[must_use]
    pub fn declare(&mut self, view: u16, thread: usize) -> bool {
        self.own_or_new(view, thread).map(|writer| writer.declared = true).is_some()
    }

    /// A thread gets a view. False: there is no place left for it.
    #[must_use]
    pub fn get(&mut self, view: u16, thread: usize) -> bool {
        self.own_or_new(view, thread).map(|writer| writer.gets = writer.gets.saturating_add(1)).is_some()
    }

    /// A thread puts a view that it got, or that another one got for it. True: changes that were declared are made.
    pub fn put(&mut self, view: u16, thread: usize) -> bool {
        let holds = |writer: &&mut Writer| writer.view == view && writer.gets > 0;
        let mut done = false;
        let mut handed = true;
        if let Some(own) = self.own(view, thread) {
            handed = own.gets == 0;
            own.gets = own.gets.saturating_sub(1);
            done = own.gets == 0 && core::mem::take(&mut own.declared);
        }
        let mut others = self.0.iter_mut().filter(holds);
        if handed && let Some(other) = others.next() {
            other.gets -= 1;
            // With more than one nobody knows whose get this was, and what all of them declared goes on.
            done |= other.gets == 0 && others.next().is_none() && core::mem::take(&mut other.declared);
        }
        self.sweep();
        done
    }

    /// A thread is done with what it declared, and may hold the view still.
    pub fn end_declared(&mut self, view: u16, thread: usize) {
        if let Some(own) = self.own(view, thread) {
            own.declared = false;
        }
        self.sweep();
    }

    /// The view has ended.
    pub fn forget(&mut self, view: u16) {
        for writer in self.0.iter_mut().filter(|writer| writer.view == view) {
            writer.view = NONE;
        }
    }

    /// Whether a thread has declared changes of this view and may be making them.
    pub fn declared(&self, view: u16) -> bool {
        self.0.iter().any(|writer| writer.view == view && writer.declared)
    }

    /// Whether other threads are at this view.
    pub fn others(&self, view: u16, thread: usize) -> bool {
        self.0.iter().any(|writer| writer.view == view && writer.thread != thread)
    }

    /// Whether this thread has declared changes of this view.
    pub fn has_declared(&self, view: u16, thread: usize) -> bool {
        self.find(view, thread).is_some_and(|n| self.0[n].declared)
    }
}
