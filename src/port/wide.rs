//! The model port with sectors of 1024, 2048 and 4096 bytes: the same disk, and a state of its own for each size.

use core::ffi::CStr;

use super::kernel::{Channel, Kernel};
use super::model::Model;
use super::monitor::{House, Monitor};
use super::storage::{Errno, How, Identity, Opened, Space, Storage};
use crate::house::State;

/// A port by this name, with sectors of this many bytes.
macro_rules! port {
    ($name:ident, $sector:literal) => {
        /// The model's disk with sectors of this many bytes.
        pub struct $name;

        impl Kernel for $name {
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

            fn thread() -> usize {
                Model::thread()
            }

            fn start(entry: fn()) -> Result<(), Errno> {
                Model::start(entry)
            }

            fn set_errno(error: Errno) {
                Model::set_errno(error);
            }
        }

        impl Storage for $name {
            const SECTOR: usize = $sector;
            const TRANSFER: usize = 128 << 10;

            fn open(path: &CStr, how: How) -> Result<Opened, Errno> {
                Model::open(path, how)
            }

            fn close(stream: i32) -> Result<(), Errno> {
                Model::close(stream)
            }

            fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
                assert!(
                    offset.is_multiple_of($sector) && into.len().is_multiple_of($sector),
                    "{} bytes at {offset}",
                    into.len()
                );
                Model::read_at(stream, offset, into)
            }

            fn write_at(stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
                assert!(offset.is_multiple_of($sector), "{} bytes at {offset}", from.len());
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

        impl House for $name {
            type State = State;

            fn monitor() -> &'static Monitor<Self> {
                static HOUSE: Monitor<$name> = Monitor::new(State::new());
                &HOUSE
            }
        }
    };
}

port!(Wide1, 1024);
port!(Wide2, 2048);
port!(Wide4, 4096);
