//! Making a volume: the crate's work, its sectors written together.

use core::cell::{Cell, RefCell};
use std::boxed::Box;
use std::io::Error;

use fatfs::{FatType, FormatVolumeOptions, format_volume};

use super::blocks::{Blocks, errno};
use super::names::Window;
use super::sectors::Sectors;
use crate::port::storage::Errno;

/// What kind of volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Entries of 16 bits: 4085 to 65524 clusters.
    Fat16,
    /// Entries of 32 bits: 65525 clusters and more.
    Fat32,
}

/// Makes an empty volume of the whole disk, in clusters of so many bytes, and gives the disk back.
///
/// # Errors
/// `EINVAL` for a cluster that is no power of two of at least a sector and at most 32 KB, or a disk that cannot have as
/// many or as few of them as the kind asks for; the device's.
pub fn format(disk: Box<dyn Blocks>, kind: Format, cluster: u32) -> Result<Box<dyn Blocks>, Errno> {
    let (sector, sectors) = (disk.sector(), disk.sectors());
    let clusters = sectors * sector as u64 / u64::from(cluster.max(1));
    let enough = match kind {
        Format::Fat16 => 4085..65525,
        Format::Fat32 => 65525..0x0FFF_FFF5,
    };
    if !cluster.is_power_of_two()
        || !(sector..=32768).contains(&(cluster as usize))
        || !enough.contains(&clusters)
        || u32::try_from(sectors).is_err()
    {
        return Err(Errno::INVAL);
    }
    let sectors = RefCell::new(Sectors::new(disk));
    let last = Cell::new(0);
    let options = FormatVolumeOptions::new()
        .bytes_per_sector(sector as u16)
        .bytes_per_cluster(cluster)
        .fat_type(if kind == Format::Fat16 { FatType::Fat16 } else { FatType::Fat32 });
    // What the crate refuses is the shape of the volume; the device's errors have numbers.
    let why = |error: Error| if error.raw_os_error().is_some() { errno(&error) } else { Errno::INVAL };
    format_volume(Window::whole(&sectors, &last), options).map_err(why)?;
    let mut sectors = sectors.into_inner();
    sectors.commit(|_| 0, false)?;
    sectors.flush()?;
    Ok(sectors.into_disk())
}
