//! The model port with sectors of 4096 bytes: the same disk, and a state of its own.

use core::ffi::CStr;

use super::kernel::{Channel, Kernel};
use super::model::Model;
use super::monitor::{House, Monitor};
use super::storage::{Errno, How, Identity, Opened, Space, Storage};
use crate::house::State;

/// The model's disk with large sectors.
pub struct Wide;

static HOUSE: Monitor<Wide> = Monitor::new(State::new());

impl Kernel for Wide {
    fn lock() {
        Model::lock();
    }

    unsafe fn unlock() {
        // SAFETY: the caller's promise.
        unsafe { Model::unlock() }
    }

    unsafe fn wait(channel: Channel, ticks: Option<u32>) {
        // SAFETY: the caller's promise.
        unsafe { Model::wait(channel, ticks) }
    }

    fn wake(channel: Channel) {
        Model::wake(channel);
    }

    fn ticks() -> u32 {
        Model::ticks()
    }

    fn start(entry: fn()) -> Result<(), Errno> {
        Model::start(entry)
    }

    fn set_errno(error: Errno) {
        Model::set_errno(error);
    }
}

impl Storage for Wide {
    const SECTOR: usize = 4096;
    const TRANSFER: usize = 32 * 4096;

    fn open(path: &CStr, how: How) -> Result<Opened, Errno> {
        Model::open(path, how)
    }

    fn close(stream: i32) -> Result<(), Errno> {
        Model::close(stream)
    }

    fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        assert!(offset.is_multiple_of(4096) && into.len().is_multiple_of(4096), "{} bytes at {offset}", into.len());
        Model::read_at(stream, offset, into)
    }

    fn write_at(stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
        assert!(offset.is_multiple_of(4096), "{} bytes at {offset}", from.len());
        Model::write_at(stream, offset, from)
    }

    fn truncate(stream: i32, size: u64) -> Result<(), Errno> {
        Model::truncate(stream, size)
    }

    fn sync(stream: i32) -> Result<Identity, Errno> {
        Model::sync(stream)
    }

    fn space(stream: i32) -> Space {
        Model::space(stream)
    }
}

impl House for Wide {
    type State = State;

    fn monitor() -> &'static Monitor<Self> {
        &HOUSE
    }
}
