//! The disk of the tests and its judge: they must see what they are there to see.

#[path = "support/disk/mod.rs"]
mod disk;

use disk::cut::Cuts;
use disk::fat::check::{Verdict, check};
use disk::fat::fsck;
use disk::fat::volume::{Volume, Width, format};
use disk::image::{Image, SECTOR};
use disk::media::{Fault, Media, Purpose, Which};

/// A volume under construction, entry by entry.
struct Draft {
    image: Image,
    volume: Volume,
}

impl Draft {
    fn new(sectors: u64, cluster: u64) -> Draft {
        let image = format(sectors, cluster);
        let volume = Volume::find(&image).expect("a volume");
        Draft { image, volume }
    }

    /// Small volumes of each width.
    fn all() -> Vec<Draft> {
        let all = vec![Draft::new(2000, 1), Draft::new(20_000, 2), Draft::new(70_000, 1)];
        let widths: Vec<Width> = all.iter().map(|draft| draft.volume.width).collect();
        assert_eq!(widths, [Width::Fat12, Width::Fat16, Width::Fat32]);
        all
    }

    fn set(&mut self, cluster: u32, raw: u32) {
        for copy in 0..self.volume.tables {
            self.set_in(copy, cluster, raw);
        }
    }

    fn set_in(&mut self, copy: u64, cluster: u32, raw: u32) {
        let mut table = self.volume.read_table(&self.image, copy);
        self.volume.set(&mut table, cluster, raw);
        self.image.write(self.volume.table + copy * self.volume.table_sectors, &table);
    }

    fn last(&self) -> u32 {
        match self.volume.width {
            Width::Fat12 => 0xFFF,
            Width::Fat16 => 0xFFFF,
            Width::Fat32 => 0x0FFF_FFFF,
        }
    }

    /// A chain of these clusters.
    fn chain(&mut self, clusters: &[u32]) {
        for pair in clusters.windows(2) {
            self.set(pair[0], pair[1]);
        }
        let last = self.last();
        self.set(clusters[clusters.len() - 1], last);
    }

    /// Entry `n` of a directory: the root's, or that in a cluster.
    fn entry(&mut self, cluster: Option<u32>, n: usize, name: &[u8; 11], attributes: u8, first: u32, size: u32) {
        let sector = match cluster {
            Some(cluster) => self.volume.sector_of(cluster),
            None if self.volume.width == Width::Fat32 => self.volume.sector_of(self.volume.root_cluster),
            None => self.volume.root.0,
        };
        let mut bytes = [0; SECTOR];
        self.image.read(sector, &mut bytes);
        let entry = &mut bytes[n * 32..n * 32 + 32];
        entry[..11].copy_from_slice(name);
        entry[11] = attributes;
        entry[20..22].copy_from_slice(&((first >> 16) as u16).to_le_bytes());
        entry[26..28].copy_from_slice(&(first as u16).to_le_bytes());
        entry[28..32].copy_from_slice(&size.to_le_bytes());
        self.image.write(sector, &bytes);
    }

    /// The free count, where the volume keeps one.
    fn count(&mut self, used: u32) {
        if self.volume.width == Width::Fat32 {
            let mut info = [0; SECTOR];
            self.image.read(1, &mut info);
            info[488..492].copy_from_slice(&(self.volume.end - 3 - used).to_le_bytes());
            self.image.write(1, &info);
        }
    }

    /// One file of two clusters and one directory with an empty file.
    fn furnished(mut self) -> Draft {
        self.chain(&[5, 7]);
        self.chain(&[9]);
        let size = (self.volume.cluster as usize * SECTOR) as u32 + 10;
        self.entry(None, 0, b"A       TXT", 0x20, 5, size);
        self.entry(None, 1, b"DIR        ", 0x10, 9, 0);
        self.entry(Some(9), 0, b".          ", 0x10, 9, 0);
        self.entry(Some(9), 1, b"..         ", 0x10, 0, 0);
        self.entry(Some(9), 2, b"EMPTY      ", 0x20, 0, 0);
        self.count(3);
        self
    }

    fn verdict(&self) -> (Verdict, String) {
        let report = check(&self.image);
        let said = format!("{:?}: {:?} {:?}", self.volume.width, report.broken, report.allowed);
        if let Some(other) = fsck::is_clean(&self.image) {
            assert_eq!(other.is_ok(), report.verdict() == Verdict::Clean, "{said}, but {other:?}");
        }
        (report.verdict(), said)
    }
}

#[test]
fn a_sound_volume_is_clean_and_its_files_are_found() {
    for draft in Draft::all() {
        let empty = draft.verdict();
        assert_eq!(empty.0, Verdict::Clean, "{}", empty.1);
        let mut draft = draft.furnished();
        let at = draft.volume.sector_of(5);
        draft.image.write(at, &[7; SECTOR]);
        let (verdict, said) = draft.verdict();
        assert_eq!(verdict, Verdict::Clean, "{said}");
        let report = check(&draft.image);
        assert_eq!(report.files.keys().collect::<Vec<_>>(), ["/A.TXT", "/DIR/EMPTY"]);
        let bytes = report.read(&draft.image, "/A.TXT").expect("the file");
        assert_eq!(bytes.len(), draft.volume.cluster as usize * SECTOR + 10);
        assert_eq!(bytes[..SECTOR], [7; SECTOR]);
    }
}

/// Spoils a sound volume of each width; what the judge says of it.
fn spoilt(wanted: Verdict, spoil: impl Fn(&mut Draft)) {
    for draft in Draft::all() {
        let mut draft = draft.furnished();
        spoil(&mut draft);
        let (verdict, said) = draft.verdict();
        assert_eq!(verdict, wanted, "{said}");
    }
}

#[test]
fn two_owners_of_a_cluster_are_seen() {
    spoilt(Verdict::Broken, |draft| draft.entry(None, 2, b"B          ", 0x20, 7, 1));
    spoilt(Verdict::Broken, |draft| draft.entry(None, 2, b"B          ", 0x20, 9, 1));
}

#[test]
fn one_file_under_two_names_is_told_from_two_that_share() {
    spoilt(Verdict::Twins, |draft| {
        let size = (draft.volume.cluster as usize * SECTOR) as u32 + 10;
        draft.entry(None, 2, b"B          ", 0x20, 5, size);
    });
    spoilt(Verdict::Broken, |draft| draft.entry(None, 2, b"B          ", 0x20, 5, 10));
}

#[test]
fn chains_that_lead_astray_are_seen() {
    spoilt(Verdict::Broken, |draft| draft.set(7, 5));
    spoilt(Verdict::Broken, |draft| draft.set(7, 0));
    spoilt(Verdict::Broken, |draft| draft.set(7, draft.volume.end));
    spoilt(Verdict::Broken, |draft| draft.entry(None, 0, b"A       TXT", 0x20, draft.volume.end, 10));
}

#[test]
fn a_chain_shorter_than_its_file_is_seen() {
    spoilt(Verdict::Broken, |draft| {
        let size = 2 * (draft.volume.cluster as usize * SECTOR) as u32 + 1;
        draft.entry(None, 0, b"A       TXT", 0x20, 5, size);
    });
    spoilt(Verdict::Broken, |draft| draft.entry(Some(9), 2, b"EMPTY      ", 0x20, 0, 1));
}

#[test]
fn a_directory_that_does_not_know_its_place_is_seen() {
    spoilt(Verdict::Broken, |draft| draft.entry(Some(9), 0, b".          ", 0x10, 5, 0));
    spoilt(Verdict::Broken, |draft| draft.entry(Some(9), 1, b"..         ", 0x10, 9, 0));
}

#[test]
fn two_files_of_one_name_are_seen() {
    spoilt(Verdict::Broken, |draft| draft.entry(None, 2, b"A       TXT", 0x20, 0, 0));
}

#[test]
fn what_a_cut_may_leave_is_told_from_what_it_may_not() {
    spoilt(Verdict::Allowed, |draft| {
        draft.chain(&[20, 21]);
        draft.count(5);
    });
    spoilt(Verdict::Allowed, |draft| {
        draft.chain(&[5, 7, 20]);
        draft.count(4);
    });
    spoilt(Verdict::Allowed, |draft| {
        let last = draft.last();
        draft.set_in(1, 20, last);
    });
}

#[test]
fn counts_clocks_and_faults_are_those_of_the_commands() {
    let mut media = Media::new(Image::new(1000));
    let mut two = [1; 2 * SECTOR];
    media.write(10, &two, Purpose::Data).expect("a write");
    media.read(12, &mut two, Purpose::Data).expect("a read");
    media.read(11, &mut two[..SECTOR], Purpose::Metadata).expect("a read");
    assert_eq!(two[..SECTOR], [1; SECTOR]);
    let counts = media.counts();
    assert_eq!((counts.data().reads, counts.data().writes, counts.metadata().reads), (1, 1, 1));
    assert_eq!((counts.data().sectors_read, counts.data().sectors_written, counts.longest), (2, 2, 2));
    // 0.5 ms for each read and 2 ms for the write; two commands had to seek.
    assert_eq!(counts.sd.as_micros(), 500 * 2 + 2000 + 128 + 57 + 28);
    assert_eq!(counts.hdd.as_micros(), 2 * 19_100 + 51 + 51 + 26);

    media.fail(Some(Fault { which: Which::Writes, after: 2, ever: false, torn: 1 }));
    media.write(20, &[2; 2 * SECTOR], Purpose::Data).expect("the first");
    media.write(20, &[3; 2 * SECTOR], Purpose::Data).expect_err("the second");
    assert!(media.struck());
    media.read(20, &mut two, Purpose::Data).expect("a read");
    assert_eq!((two[0], two[SECTOR]), (3, 2));
    media.write(20, &two, Purpose::Data).expect("it struck once");
    media.fail(Some(Fault { which: Which::Reads, after: 1, ever: true, torn: 0 }));
    for _ in 0..3 {
        media.read(0, &mut two, Purpose::Data).expect_err("for ever");
    }
    media.fail(None);
    media.set_present(false);
    media.read(0, &mut two, Purpose::Data).expect_err("nothing there");
    media.set_present(true);
    media.read(0, &mut two, Purpose::Data).expect("back");
    media.read(999, &mut two, Purpose::Data).expect_err("beyond the end");
}

#[test]
fn a_cut_leaves_what_the_log_says() {
    let mut media = Media::new(Image::new(16));
    media.record();
    let before = media.image().clone();
    for n in 1..=5u8 {
        media.write(u64::from(n), &[n; 2 * SECTOR], Purpose::Data).expect("a write");
        if n == 2 {
            media.flush();
            media.done(0);
        }
    }
    let log = media.take_log();
    let first = |image: &Image| {
        let mut bytes = vec![0; 8 * SECTOR];
        image.read(0, &mut bytes);
        bytes.chunks(SECTOR).map(|sector| sector[0]).collect::<Vec<u8>>()
    };
    let mut cuts = Cuts::new(before, &log);
    let mut seen = Vec::new();
    while cuts.advance() {
        seen.push(first(&cuts.in_order()));
    }
    assert_eq!(seen[0], [0, 1, 1, 0, 0, 0, 0, 0]);
    assert_eq!(seen[4], [0, 1, 2, 3, 4, 5, 5, 0]);
    assert_eq!((cuts.done(), cuts.loose()), (Some(0), 3));
    assert_eq!(first(&cuts.torn()[0]), [0, 1, 2, 3, 4, 5, 0, 0]);
    let reordered = cuts.reordered(3, 0, || 0);
    assert_eq!(reordered.len(), 8);
    assert!(reordered.iter().any(|image| first(image) == [0, 1, 2, 2, 0, 5, 5, 0]));
    assert!(reordered.iter().all(|image| first(image)[1] == 1), "what was flushed stays");
    assert_eq!(first(media.image()), seen[4]);
}
