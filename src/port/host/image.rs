//! The disk image that is mounted, if one is: from then on paths are the image's.

use std::boxed::Box;

use parking_lot::Mutex;

use super::fat::{Blocks, Volume};
use crate::port::storage::{Errno, Identity, Opened};

static MOUNTED: Mutex<Option<Volume>> = Mutex::new(None);

/// Streams of images have this bit and the number of the mounting, so that they are nobody else's and of no later image.
const IMAGE: i32 = 1 << 30;
const STREAM: i32 = 0xFFFF;

fn name(volume: &Volume, stream: i32) -> i32 {
    IMAGE | ((volume.mounting() & 0x3FFF) as i32) << 16 | stream
}

/// Mounts the volume on a disk.
///
/// # Errors
/// `EBUSY`: one is mounted; as [`Volume::mount`].
pub fn mount(disk: Box<dyn Blocks>) -> Result<u64, Errno> {
    let mut mounted = MOUNTED.lock();
    if mounted.is_some() {
        return Err(Errno::BUSY);
    }
    let volume = Volume::mount(disk)?;
    Ok(mounted.insert(volume).identity())
}

/// Which volume is mounted, as identities have it.
pub fn mounted() -> Option<u64> {
    MOUNTED.lock().as_ref().map(Volume::identity)
}

/// Unmounts it; streams that are open are of no use any more. The disk comes back.
///
/// # Errors
/// `ENXIO`: none is mounted; the device's: it is unmounted all the same.
pub fn unmount() -> (Option<Box<dyn Blocks>>, Result<(), Errno>) {
    match MOUNTED.lock().take().map(Volume::unmount) {
        Some((disk, result)) => (Some(disk), result),
        None => (None, Err(Errno::NXIO)),
    }
}

/// Takes the volume away as it is, as if its card was pulled out.
pub fn pull() -> Option<Box<dyn Blocks>> {
    MOUNTED.lock().take().map(Volume::pull)
}

/// Whether a stream is one of an image.
pub fn has(stream: i32) -> bool {
    stream >= IMAGE
}

/// Works on the volume that is mounted; None if paths are the system's.
pub fn named<R: Streams>(work: impl FnOnce(&mut Volume) -> Result<R, Errno>) -> Option<Result<R, Errno>> {
    MOUNTED.lock().as_mut().map(|volume| work(volume).map(|done| done.named(volume)))
}

/// Works on a stream of an image, under the volume's number for it; `ENXIO` when its volume is not there any more. None if
/// the stream is the system's.
pub fn stream<R>(stream: i32, work: impl FnOnce(&mut Volume, i32) -> Result<R, Errno>) -> Option<Result<R, Errno>> {
    if !has(stream) {
        return None;
    }
    let mut mounted = MOUNTED.lock();
    let volume = mounted.as_mut().filter(|volume| name(volume, stream & STREAM) == stream);
    Some(volume.map_or(Err(Errno::NXIO), |volume| work(volume, stream & STREAM)))
}

/// What work on names answers, with streams under the numbers of the host.
pub trait Streams {
    /// Gives a stream in it the host's number.
    fn named(self, volume: &Volume) -> Self;
}

impl Streams for Option<Identity> {
    fn named(self, _: &Volume) -> Self {
        self
    }
}

impl Streams for Opened {
    fn named(self, volume: &Volume) -> Self {
        Opened { stream: name(volume, self.stream), ..self }
    }
}
