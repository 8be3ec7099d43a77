//! The check of a volume: every chain is walked, every cluster gets one owner.
//!
//! | what is found | verdict |
//! |---|---|
//! | a cluster with two owners, a chain that runs in a circle or into the free or the impossible, a chain shorter than its file, a directory that does not know itself or its parent, two files of one name | broken |
//! | one file under two names, all of it | twins: the middle of a rename |
//! | lost clusters, a chain longer than its file, differing tables, the dirty mark, a wrong free count, pieces of a long name without their file | allowed after a cut |

use std::collections::BTreeMap;

use super::volume::{Link, Volume, Width, half, word};
use crate::disk::image::{Image, SECTOR};

/// How a volume is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing is wrong.
    #[default]
    Clean,
    /// As a power cut may leave it: nothing that a file holds is in danger.
    Allowed,
    /// One file has two names: the format gives no way to change a name that lies in two sectors at once.
    Twins,
    /// Bytes of files are lost, or will be with the next write.
    Broken,
}

/// A file that was found.
#[derive(Clone, Debug)]
pub struct Found {
    pub size: u64,
    pub chain: Vec<u32>,
}

/// What the check found.
#[derive(Debug, Default)]
pub struct Report {
    /// Faults, in words.
    pub broken: Vec<String>,
    /// What a cut may leave, in words.
    pub allowed: Vec<String>,
    /// Pairs of names that one file has.
    pub twins: Vec<(String, String)>,
    /// Files whose chain is longer than they are, by path.
    pub long: Vec<String>,
    /// Every file by path.
    pub files: BTreeMap<String, Found>,
    /// Clusters that belong to nothing.
    pub lost: u32,
}

impl Report {
    pub fn verdict(&self) -> Verdict {
        match () {
            () if !self.broken.is_empty() => Verdict::Broken,
            () if !self.twins.is_empty() => Verdict::Twins,
            () if !self.allowed.is_empty() => Verdict::Allowed,
            () => Verdict::Clean,
        }
    }

    /// The bytes of a file as far as its chain goes.
    pub fn read(&self, image: &Image, path: &str) -> Option<Vec<u8>> {
        let found = self.files.get(path)?;
        let volume = Volume::find(image)?;
        let mut bytes: Vec<u8> = found.chain.iter().flat_map(|at| volume.read_cluster(image, *at)).collect();
        bytes.truncate(found.size as usize);
        Some(bytes)
    }
}

struct Check<'a> {
    image: &'a Image,
    volume: Volume,
    table: Vec<u8>,
    owners: BTreeMap<u32, String>,
    report: Report,
}

/// Checks a volume.
pub fn check(image: &Image) -> Report {
    let Some(volume) = Volume::find(image) else {
        return Report { broken: vec!["no FAT volume".into()], ..Report::default() };
    };
    let table = volume.read_table(image, 0);
    let mut check = Check { image, volume, table, owners: BTreeMap::new(), report: Report::default() };
    check.root();
    check.tables();
    check.report
}

impl Check<'_> {
    fn broken(&mut self, what: String) {
        self.report.broken.push(what);
    }

    /// Walks a chain and makes its clusters `path`'s.
    fn chain(&mut self, path: &str, first: u32) -> Vec<u32> {
        let mut chain = Vec::new();
        let mut at = first;
        if at < 2 || at >= self.volume.end {
            self.broken(format!("{path}: begins at cluster {at}"));
            return chain;
        }
        loop {
            if let Some(other) = self.owners.insert(at, path.to_string()) {
                self.broken(format!("{path}: cluster {at} is {other}'s"));
                return chain;
            }
            chain.push(at);
            match self.volume.link(&self.table, at) {
                Link::Next(next) => at = next,
                Link::Last => return chain,
                link => {
                    self.broken(format!("{path}: behind cluster {at}: {link:?}"));
                    return chain;
                }
            }
        }
    }

    fn root(&mut self) {
        let bytes = if self.volume.width == Width::Fat32 {
            let chain = self.chain("/", self.volume.root_cluster);
            self.contents(&chain)
        } else {
            let mut bytes = vec![0; self.volume.root.1 as usize * SECTOR];
            self.image.read(self.volume.root.0, &mut bytes);
            bytes
        };
        self.directory("", &bytes, None);
    }

    fn contents(&self, chain: &[u32]) -> Vec<u8> {
        chain.iter().flat_map(|at| self.volume.read_cluster(self.image, *at)).collect()
    }

    /// Looks at the entries of a directory. `own` and its parent's clusters are for its first two entries.
    fn directory(&mut self, path: &str, bytes: &[u8], own: Option<(u32, u32)>) {
        let mut long = Long::default();
        let mut names = Vec::new();
        let mut dots = 0;
        for entry in bytes.chunks_exact(32) {
            match entry[0] {
                0 => break,
                0xE5 => {
                    self.orphans(path, long.take(None).1);
                    continue;
                }
                _ => {}
            }
            let attributes = entry[11];
            if attributes & 0x3F == 0x0F {
                if long.add(entry) {
                    self.orphans(path, true);
                }
                continue;
            }
            let (name, orphan) = long.take(Some(entry));
            self.orphans(path, orphan);
            if attributes & 0x08 != 0 {
                continue; // the volume's name
            }
            let first = half(entry, 26) | if self.volume.width == Width::Fat32 { half(entry, 20) << 16 } else { 0 };
            if let (Some((me, parent)), true) = (own, entry[0] == b'.') {
                let wanted = if entry[1] == b'.' { parent } else { me };
                if first != wanted || attributes & 0x10 == 0 {
                    self.broken(format!("{path}: its entry {name} leads to {first}, not {wanted}"));
                }
                dots += 1;
                continue;
            }
            let name = format!("{path}/{name}");
            if names.iter().any(|other: &String| other.eq_ignore_ascii_case(&name)) {
                self.broken(format!("{name}: there twice"));
            }
            names.push(name.clone());
            let size = u64::from(word(entry, 28));
            match attributes & 0x10 {
                0 => self.file(name, first, size),
                _ => {
                    if size != 0 {
                        self.broken(format!("{name}: a directory of {size} bytes"));
                    }
                    let known = self.owners.contains_key(&first);
                    let chain = self.chain(&name, first);
                    if !known {
                        let bytes = self.contents(&chain);
                        self.directory(&name, &bytes, Some((first, own.map_or(0, |(me, _)| me))));
                    }
                }
            }
        }
        self.orphans(path, long.take(None).1);
        if own.is_some() && dots != 2 {
            self.broken(format!("{path}: {dots} of its own two entries"));
        }
    }

    fn orphans(&mut self, path: &str, there: bool) {
        if there {
            self.report.allowed.push(format!("{path}: pieces of a long name"));
        }
    }

    fn file(&mut self, name: String, first: u32, size: u64) {
        let same = |(_, other): &(&String, &Found)| other.chain.first() == Some(&first) && other.size == size;
        if let Some((other, found)) = self.report.files.iter().find(same) {
            let (other, found) = (other.clone(), found.clone());
            self.report.twins.push((other, name.clone()));
            self.report.files.insert(name, found);
            return;
        }
        let chain = if first == 0 { Vec::new() } else { self.chain(&name, first) };
        let needed = size.div_ceil(self.volume.cluster * SECTOR as u64) as usize;
        if chain.len() < needed {
            self.broken(format!("{name}: {size} bytes in {} clusters", chain.len()));
        } else if chain.len() > needed {
            self.report.allowed.push(format!("{name}: {} clusters for {size} bytes", chain.len()));
            self.report.long.push(name.clone());
        }
        self.report.files.insert(name, Found { size, chain });
    }

    /// What belongs to nobody, what the copy says, and the marks.
    fn tables(&mut self) {
        let mut free = 0;
        let mut cluster = 2;
        while cluster < self.volume.end {
            if let Some(next) = self.volume.behind_free(&self.table, cluster) {
                free += next - cluster;
                cluster = next;
                continue;
            }
            match self.volume.link(&self.table, cluster) {
                Link::Free => free += 1,
                Link::Bad => {}
                _ => self.report.lost += u32::from(!self.owners.contains_key(&cluster)),
            }
            cluster += 1;
        }
        let allowed = &mut self.report.allowed;
        if self.report.lost > 0 {
            allowed.push(format!("{} lost clusters", self.report.lost));
        }
        for copy in 1..self.volume.tables {
            let other = self.volume.read_table(self.image, copy);
            let same = |cluster| self.volume.raw(&other, cluster) == self.volume.raw(&self.table, cluster);
            if other != self.table && !(0..self.volume.end).all(same) {
                allowed.push("the tables differ".into());
            }
        }
        let clean = match self.volume.width {
            Width::Fat12 => 0,
            Width::Fat16 => 0x8000,
            Width::Fat32 => 0x0800_0000,
        };
        let mut boot = [0; SECTOR];
        self.image.read(0, &mut boot);
        let flags = if self.volume.width == Width::Fat32 { boot[0x41] } else { boot[0x25] };
        if self.volume.raw(&self.table, 1) & clean != clean || flags & 1 != 0 {
            allowed.push("marked as dirty".into());
        }
        if self.volume.width == Width::Fat32 {
            let mut info = [0; SECTOR];
            self.image.read(u64::from(half(&boot, 48)), &mut info);
            let count = word(&info, 488);
            if count != u32::MAX && count != free {
                allowed.push(format!("{free} clusters are free, {count} are said to be"));
            }
        }
    }
}

/// The pieces of a long name, which stand before their file, last piece first.
#[derive(Default)]
struct Long {
    pieces: Vec<(u8, u8, String)>,
}

impl Long {
    /// Adds a piece. True if that leaves older ones without a file.
    fn add(&mut self, entry: &[u8]) -> bool {
        let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain([28, 30]);
        let letters: Vec<u16> =
            places.map(|at| half(entry, at) as u16).take_while(|letter| *letter != 0 && *letter != 0xFFFF).collect();
        let orphans = entry[0] & 0x40 != 0 && !self.pieces.is_empty();
        if orphans {
            self.pieces.clear();
        }
        self.pieces.push((entry[0] & 0x3F, entry[13], String::from_utf16_lossy(&letters)));
        orphans
    }

    /// The name of the file whose entry this is, and whether there were pieces that are not its.
    fn take(&mut self, entry: Option<&[u8]>) -> (String, bool) {
        let pieces = core::mem::take(&mut self.pieces);
        let Some(entry) = entry else { return (String::new(), !pieces.is_empty()) };
        let sum = entry[..11].iter().fold(0u8, |sum, letter| sum.rotate_right(1).wrapping_add(*letter));
        let whole = pieces.iter().rev().enumerate().all(|(n, piece)| usize::from(piece.0) == n + 1 && piece.1 == sum);
        if whole && !pieces.is_empty() {
            return (pieces.into_iter().rev().map(|piece| piece.2).collect(), false);
        }
        let part = |range: core::ops::Range<usize>| String::from_utf8_lossy(&entry[range]).trim_end().to_string();
        let (base, ending) = (part(0..8), part(8..11));
        (if ending.is_empty() { base } else { format!("{base}.{ending}") }, !pieces.is_empty())
    }
}
