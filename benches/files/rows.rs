//! The rows of the table: what the C originals measured over their own FAT code, and what is to be reached.
//!
//! The recorded figures hold the commands of that code for tables and directories as well; a reach is held against all
//! our commands unless it names data.

/// A figure of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Read and write commands together.
    Commands,
    Reads,
    Writes,
    DataWrites,
    /// Sectors of data, read and written.
    Sectors,
    /// Milliseconds at the card.
    Sd,
    /// Milliseconds at the hard disk.
    Hdd,
}

/// A limit.
#[derive(Clone, Copy, Debug)]
pub enum Reach {
    /// At most so much.
    Most(What, f64),
    /// At most so many times the reference's figure in the same run.
    Times(What, f64),
}

/// One workload.
pub struct Row {
    pub name: &'static str,
    pub title: &'static str,
    /// Reads, writes, milliseconds at the card and at the hard disk, as recorded.
    pub recorded: Option<[u64; 4]>,
    pub reach: &'static [Reach],
}

use Reach::{Most, Times};
use What::{Commands, DataWrites, Hdd, Reads, Sd, Sectors, Writes};

const SMALL: Option<[u64; 4]> = Some([32773, 0, 17319, 1050]);
const SEQUENTIAL: &[Reach] = &[Most(Commands, 150.0), Most(Sd, 1030.0)];
const NO_WORSE: &[Reach] = &[Times(Commands, 1.0), Times(Sectors, 1.0), Times(Sd, 1.0), Times(Hdd, 1.0)];

const fn row(name: &'static str, title: &'static str, recorded: Option<[u64; 4]>, reach: &'static [Reach]) -> Row {
    Row { name, title, recorded, reach }
}

pub const ROWS: &[Row] = &[
    row("1.1", "1 16 MB in 1 B", SMALL, SEQUENTIAL),
    row("1.16", "1 16 MB in 16 B", SMALL, SEQUENTIAL),
    row("1.64", "1 16 MB in 64 B", SMALL, SEQUENTIAL),
    row("1.511", "1 16 MB in 511 B", SMALL, SEQUENTIAL),
    row("1.512", "1 16 MB in 512 B", SMALL, SEQUENTIAL),
    row("1.4096", "1 16 MB in 4096 B", Some([4101, 0, 2983, 1050]), SEQUENTIAL),
    row("1.32768", "1 16 MB in 32 KB", Some([517, 0, 1191, 1050]), &[Most(Sd, 1030.0)]),
    row("1.small", "1 in 64 B, pool of 2.3 MB", SMALL, &[Most(Commands, 280.0), Most(Sd, 1090.0)]),
    row(
        "2",
        "2 random 64 B in 4 MB, 20000",
        Some([22526, 0, 11904, 383_300]),
        &[Most(Commands, 1100.0), Most(Sd, 800.0)],
    ),
    row("2b", "2b the same, 1 MB of cache", Some([22526, 0, 11904, 383_300]), NO_WORSE),
    row("2b.full", "2b no memory left", Some([22526, 0, 11904, 383_300]), NO_WORSE),
    row(
        "3",
        "3 database of 20000 records",
        Some([3, 4375, 9032, 81687]),
        &[Most(Writes, 60.0), Most(DataWrites, 40.0), Most(Sd, 500.0)],
    ),
    row("4", "4 settings in 1 B, 10 times", Some([801, 0, 423, 250]), &[Most(Commands, 15.0)]),
    row("4.full", "4 no memory left", Some([801, 0, 423, 250]), NO_WORSE),
    row("4b", "4b by lines, seeking back", Some([1421, 0, 751, 6200]), &[Most(Commands, 15.0)]),
    row("5", "5 300 small files, twice", Some([1198, 0, 1001, 11846]), &[Most(Commands, 320.0)]),
    row(
        "6a",
        "6a 200 files in 100 B writes",
        Some([42, 17270, 35668, 27526]),
        &[Most(Writes, 1500.0), Most(DataWrites, 210.0), Most(Sd, 4500.0)],
    ),
    row("6c", "6c read back after a remount", Some([2267, 0, 1590, 4315]), &[Most(Commands, 420.0)]),
    row("6d", "6d covers by lines", None, NO_WORSE),
    row("7", "7 tags of 200 songs", Some([607, 0, 321, 9968]), &[Times(Commands, 1.0), Times(Sectors, 2.0)]),
    row("8", "8 30 MB stream and look-ups", Some([5572, 0, 4665, 93716]), &[Most(Commands, 1400.0), Most(Sd, 2700.0)]),
    row("9", "9 32 KB, unaligned, bounced", Some([3590, 0, 2727, 1069]), SEQUENTIAL),
    row("10", "10 append 80 B, 500 times", Some([487, 1569, 3496, 38199]), &[Most(Reads, 20.0), Times(Writes, 1.0)]),
    row("10.full", "10 no memory left", Some([487, 1569, 3496, 38199]), NO_WORSE),
    row("11", "11 random 64 B in 30 MB, 2000", Some([37203, 0, 19660, 70603]), &[Most(Commands, 2400.0)]),
];
