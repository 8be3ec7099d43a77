//! The second judge: the system's own check of FAT volumes, where there is one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::disk::image::Image;

static NEXT: AtomicU32 = AtomicU32::new(0);

fn program() -> Option<PathBuf> {
    let path = env::var("PATH").unwrap_or_default() + ":/sbin:/usr/sbin";
    path.split(':').map(|folder| Path::new(folder).join("fsck.vfat")).find(|file| file.exists())
}

/// Whether it finds nothing to say about a volume; its words if it does. None where the program is missing.
pub fn is_clean(image: &Image) -> Option<Result<(), String>> {
    let program = program()?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("volume-{}-{number}", std::process::id()));
    fs::write(&file, image.bytes()).expect("a file for the volume");
    let output = Command::new(program).arg("-n").arg(&file).output();
    let _ = fs::remove_file(&file);
    let output = output.expect("fsck.vfat");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(if output.status.success() { Ok(()) } else { Err(said) })
}
