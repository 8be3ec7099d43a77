//! The workloads: what programs of a player do to files. Each is the same calls for whoever serves them.

use crate::disk::files::{Files, Mode};

/// Numbers at random, the same in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn range(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() % (high - low + 1) as u64) as usize
    }
}

/// The bytes of a file that a workload reads: every place has its own.
pub fn pattern(seed: u64, len: usize) -> Vec<u8> {
    (0..len as u64).map(|at| ((at + seed * 7919).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect()
}

fn must<T>(result: Result<T, rockmem::port::storage::Errno>) -> T {
    result.expect("a call of a workload")
}

/// Reads a file to its end; every byte is checked.
fn read_all(files: &mut dyn Files, path: &str, step: usize, bytes: &[u8]) {
    let fd = must(files.open(path, Mode::Read));
    let mut buffer = vec![0; step];
    let mut at = 0;
    loop {
        let got = must(files.read(fd, &mut buffer));
        assert!(buffer[..got] == bytes[at..at + got], "{path}: wrong bytes at {at}");
        at += got;
        if got == 0 {
            break;
        }
    }
    assert_eq!(at, bytes.len(), "{path} ends early");
    must(files.close(fd));
}

/// 1 and 9: a file from front to back.
pub fn sequential(files: &mut dyn Files, step: usize, bytes: &[u8]) {
    read_all(files, "big", step, bytes);
}

/// 2 and 11: 64 bytes here and there.
pub fn random(files: &mut dyn Files, times: usize, bytes: &[u8]) {
    let mut dice = Dice::new(2);
    let fd = must(files.open("big", Mode::Read));
    let mut buffer = [0; 64];
    for _ in 0..times {
        let at = dice.range(0, bytes.len() - 64);
        must(files.seek(fd, at as u64));
        assert_eq!(must(files.read(fd, &mut buffer)), 64);
        assert!(buffer[..] == bytes[at..at + 64], "wrong bytes at {at}");
    }
    must(files.close(fd));
}

/// 3: a database of three files grows by 20000 records.
pub fn database(files: &mut dyn Files) {
    let mut dice = Dice::new(3);
    let fds: Vec<i32> = (0..3).map(|n| must(files.open(&format!("db{n}"), Mode::Create))).collect();
    let record = pattern(3, 200);
    for _ in 0..20_000 {
        let (fd, len) = (fds[dice.range(0, 2)], dice.range(24, 200));
        assert_eq!(must(files.write(fd, &record[..len])), len);
    }
    for fd in fds {
        must(files.close(fd));
    }
}

/// 4: a file of settings read byte by byte, ten times.
pub fn settings(files: &mut dyn Files, bytes: &[u8]) {
    for _ in 0..10 {
        read_all(files, "config", 1, bytes);
    }
}

/// 4b: the same by lines: 32 bytes, then back to where the line ended.
pub fn lines(files: &mut dyn Files, bytes: &[u8]) {
    for _ in 0..10 {
        let mut dice = Dice::new(4);
        let fd = must(files.open("config", Mode::Read));
        let mut buffer = [0; 32];
        let mut at = 0;
        while at < bytes.len() {
            let got = must(files.read(fd, &mut buffer));
            assert!(buffer[..got] == bytes[at..at + got], "wrong bytes at {at}");
            at = bytes.len().min(at + dice.range(12, 31));
            must(files.seek(fd, at as u64));
        }
        must(files.close(fd));
    }
}

/// 5: 300 small files, read whole, twice.
pub fn small_sizes() -> Vec<usize> {
    let mut dice = Dice::new(5);
    (0..300).map(|_| dice.range(3 << 10, 20 << 10)).collect()
}

pub fn small_files(files: &mut dyn Files, all: &[Vec<u8>]) {
    for _ in 0..2 {
        for (n, bytes) in all.iter().enumerate() {
            read_all(files, &format!("small{n}"), 32 << 10, bytes);
        }
    }
}

/// 6a: 200 files written 100 bytes at a time; what was written.
pub fn many_written(files: &mut dyn Files) -> Vec<Vec<u8>> {
    let mut dice = Dice::new(6);
    (0..200)
        .map(|n| {
            let bytes = pattern(n, dice.range(20 << 10, 60 << 10));
            let fd = must(files.open(&format!("new{n}"), Mode::Create));
            for piece in bytes.chunks(100) {
                assert_eq!(must(files.write(fd, piece)), piece.len());
            }
            must(files.close(fd));
            bytes
        })
        .collect()
}

/// 6c: they are read back.
pub fn many_read(files: &mut dyn Files, all: &[Vec<u8>]) {
    for (n, bytes) in all.iter().enumerate() {
        read_all(files, &format!("new{n}"), 4096, bytes);
    }
}

/// 6d: covers are kept as bitmaps of lines, as they come from the scaler, and shown line by line.
pub fn covers(files: &mut dyn Files) {
    const LINES: usize = 100;
    const LINE: usize = 200;
    let bytes = pattern(60, 8 + LINES * LINE);
    for n in 0..100 {
        let fd = must(files.open(&format!("cover{n}"), Mode::Create));
        assert_eq!(must(files.write(fd, &bytes[..8])), 8);
        for line in bytes[8..].chunks(LINE) {
            assert_eq!(must(files.write(fd, line)), LINE);
        }
        must(files.close(fd));
    }
    for n in 0..100 {
        let fd = must(files.open(&format!("cover{n}"), Mode::Read));
        let mut head = [0; 8];
        assert_eq!(must(files.read(fd, &mut head)), 8);
        let mut line = [0; LINE];
        for wanted in bytes[8..].chunks(LINE) {
            assert_eq!(must(files.read(fd, &mut line)), LINE);
            assert!(line[..] == *wanted, "a line of a cover is another");
        }
        must(files.close(fd));
    }
}

/// How long the files are whose tags are read.
pub const SONG: usize = 4 << 20;

/// 7: tags at the start and the end of 200 songs.
pub fn tags(files: &mut dyn Files, songs: usize) {
    for n in 0..songs {
        let fd = must(files.open(&format!("song{n}"), Mode::Read));
        let mut head = [0; 10];
        assert_eq!(must(files.read(fd, &mut head)), 10);
        must(files.seek(fd, (SONG - 128) as u64));
        let mut tail = [0; 128];
        assert_eq!(must(files.read(fd, &mut tail)), 128);
        must(files.close(fd));
    }
}

/// 8: a song is played from a file of 30 MB while somebody looks things up in another one.
pub fn stream(files: &mut dyn Files, song: &[u8], database: &[u8]) {
    let mut dice = Dice::new(8);
    let playing = must(files.open("big", Mode::Read));
    let looked_up = must(files.open("database", Mode::Read));
    let mut buffer = vec![0; 32 << 10];
    for wanted in song.chunks(32 << 10) {
        assert_eq!(must(files.read(playing, &mut buffer)), wanted.len());
        assert!(buffer[..wanted.len()] == *wanted, "wrong bytes of the song");
        for _ in 0..4 {
            let at = dice.range(0, database.len() - 100);
            let mut record = [0; 100];
            must(files.seek(looked_up, at as u64));
            assert_eq!(must(files.read(looked_up, &mut record)), 100);
            assert!(record[..] == database[at..at + 100], "wrong bytes of a record");
        }
    }
    must(files.close(playing));
    must(files.close(looked_up));
}

/// 10: a log of 500 lines, opened for each.
pub fn log(files: &mut dyn Files) {
    let line = pattern(10, 80);
    for _ in 0..500 {
        let fd = must(files.open("log", Mode::Append));
        assert_eq!(must(files.write(fd, &line)), 80);
        must(files.close(fd));
    }
}

/// Bytes a second of a recording, and of one write of it.
pub const RECORDING: (u64, usize) = (1_411_200 / 8, 4096);
