//! A FAT volume of the library on a disk that is watched.

use core::ffi::CStr;

use rockmem::port::fat;
use rockmem::port::storage::{Errno, How, Identity, Opened, Space};

use super::fat::volume as layout;
use super::image::{Image, SECTOR};
use super::media::{Media, Purpose, Shared};
use super::port::Volume;

/// The disk as the volume sees it.
struct Sectors {
    disk: Shared,
    sectors: u64,
    /// Where data begins.
    data: u64,
}

impl Sectors {
    /// Directories lie among the data: they are counted with it.
    fn purpose(&self, sector: u64) -> Purpose {
        if sector < self.data { Purpose::Metadata } else { Purpose::Data }
    }
}

impl fat::Blocks for Sectors {
    fn sector(&self) -> usize {
        SECTOR
    }

    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), Errno> {
        self.disk.lock().read(sector, into, self.purpose(sector)).map_err(Errno::from)
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), Errno> {
        self.disk.lock().write(sector, from, self.purpose(sector)).map_err(Errno::from)
    }

    fn flush(&mut self) -> Result<(), Errno> {
        self.disk.lock().flush();
        Ok(())
    }
}

/// A mounted volume.
pub struct Fat(fat::Volume);

impl Fat {
    /// Mounts what is on an image, on a disk that will be watched.
    ///
    /// # Errors
    /// The volume's.
    pub fn mount(image: Image) -> Result<(Fat, Shared), Errno> {
        let disk = Shared::new(Media::new(image));
        Ok((Fat::mount_on(&disk)?, disk))
    }

    /// Mounts what is on a disk.
    ///
    /// # Errors
    /// The volume's.
    pub fn mount_on(disk: &Shared) -> Result<Fat, Errno> {
        Ok(Fat(fat::Volume::mount(on(disk)?)?))
    }
}

/// A disk as volumes take it.
///
/// # Errors
/// `EINVAL`: there is no volume on it.
pub fn on(disk: &Shared) -> Result<Box<dyn fat::Blocks>, Errno> {
    let image = disk.lock().image().clone();
    let data = layout::Volume::find(&image).ok_or(Errno::INVAL)?.data;
    Ok(Box::new(Sectors { disk: disk.clone(), sectors: image.sectors(), data }))
}

impl Volume for Fat {
    fn open(&mut self, path: &CStr, how: How) -> Result<Opened, Errno> {
        self.0.open(path, how)
    }

    fn close(&mut self, stream: i32) -> Result<(), Errno> {
        self.0.close(stream)
    }

    fn read_at(&mut self, stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        self.0.read_at(stream, offset, into)
    }

    fn write_at(&mut self, stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
        self.0.write_at(stream, offset, from)
    }

    fn truncate(&mut self, stream: i32, size: u64) -> Result<(), Errno> {
        self.0.truncate(stream, size)
    }

    fn sync(&mut self, stream: i32) -> Result<Identity, Errno> {
        self.0.sync(stream)
    }

    fn space(&self) -> Space {
        self.0.room()
    }

    fn remove(&mut self, path: &CStr) -> Result<Option<Identity>, Errno> {
        self.0.remove(path)
    }

    fn rename(&mut self, from: &CStr, to: &CStr) -> Result<Option<Identity>, Errno> {
        self.0.rename(from, to)
    }

    fn unmount(self: Box<Self>) -> Result<(), Errno> {
        self.0.unmount().1
    }
}
