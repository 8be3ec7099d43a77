//! A disk full of songs: their bytes are a function of the place, so that hours of music need no memory.
//!
//! It sleeps when nobody has asked for anything for a while, and takes its time to wake up.

use rockmem::port::storage::{Errno, Identity, Opened};

/// What a disk costs, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// For each command.
    pub command: u64,
    /// More for one that does not continue the last.
    pub seek: u64,
    /// To wake up.
    pub spin_up: u64,
    /// Bytes in a second.
    pub rate: u64,
}

/// A card: 0.5 ms a command, 18 MB/s.
pub const CARD: Costs = Costs { command: 500, seek: 0, spin_up: 0, rate: 18_000_000 };

/// A hard disk: 12 ms of seek and 7.1 ms of rotation, 20 MB/s, two seconds to wake up.
pub const HARD_DISK: Costs = Costs { command: 0, seek: 19_100, spin_up: 2_000_000, rate: 20_000_000 };

/// Bytes of a sector.
const SECTOR: u64 = 512;

/// It sleeps after so many microseconds without a command.
pub const SLEEPS_AFTER: u64 = 2_000_000;

/// The disk.
pub struct Disk {
    costs: Costs,
    /// Lengths of the songs, whose names are their numbers.
    songs: Vec<u64>,
    /// Song and offset behind the last command, and when it ended.
    head: (i32, u64),
    last: Option<u64>,
    /// The n-th command from now on fails, or that and all after it.
    pub fault: Option<(u64, bool)>,
    /// Bytes read.
    pub read: u64,
    /// Those of them that had been read before.
    pub again: u64,
    /// By song, a bit for each sector that was read.
    seen: Vec<Vec<u64>>,
    /// Commands: how many, and the last ones by song, offset and length.
    pub commands: u64,
    pub log: Vec<(i32, u64, usize)>,
    /// Times it woke up, and the microseconds it was awake.
    pub spin_ups: u64,
    pub awake: u64,
}

/// The byte of a song at a place.
pub fn byte(song: i32, at: u64) -> u8 {
    let word = (at / 8 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (song as u64 + 1).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (word >> (at % 8 * 8)) as u8
}

/// Fills a buffer with a song's bytes from a place on.
pub fn write_out(song: i32, at: u64, into: &mut [u8]) {
    let mut done = 0;
    while done < into.len() {
        let here = at + done as u64;
        if here.is_multiple_of(8) && into.len() - done >= 8 {
            let word = (here / 8 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                ^ (song as u64 + 1).wrapping_mul(0xff51_afd7_ed55_8ccd);
            into[done..done + 8].copy_from_slice(&word.to_le_bytes());
            done += 8;
        } else {
            into[done] = byte(song, here);
            done += 1;
        }
    }
}

impl Disk {
    /// A disk with songs of these lengths.
    pub fn new(costs: Costs, songs: Vec<u64>) -> Disk {
        let seen = songs.iter().map(|size| vec![0; (size.div_ceil(SECTOR) as usize).div_ceil(64)]).collect();
        Disk {
            costs,
            songs,
            head: (-1, 0),
            last: None,
            fault: None,
            read: 0,
            again: 0,
            seen,
            commands: 0,
            log: Vec::new(),
            spin_ups: 0,
            awake: 0,
        }
    }

    fn size(&self, song: i32) -> u64 {
        self.songs[song as usize]
    }

    pub fn identity(&self, song: i32) -> Identity {
        Identity { volume: 1, file: song as u64 + 1, size: self.size(song), stamp: 1 }
    }

    pub fn open(&self, path: &str) -> Result<Opened, Errno> {
        let song = path.parse::<i32>().map_err(|_| Errno::NOENT)?;
        if !(0..self.songs.len() as i32).contains(&song) {
            return Err(Errno::NOENT);
        }
        Ok(Opened { stream: song, identity: self.identity(song), writable: false })
    }

    /// How long a command takes that comes now.
    pub fn admit(&mut self, song: i32, offset: u64, len: usize, now: u64) -> u64 {
        let asleep = self.last.is_none_or(|last| now - last > SLEEPS_AFTER);
        let wakes = if asleep { self.costs.spin_up } else { 0 };
        self.spin_ups += u64::from(asleep);
        self.awake += self.last.map_or(0, |last| SLEEPS_AFTER.min(now - last));
        self.commands += 1;
        self.log.push((song, offset, len));
        let continues = self.head == (song, offset) && !asleep;
        self.head = (song, offset + len as u64);
        let seek = if continues { 0 } else { self.costs.seek };
        // It is awake while it works.
        self.last = Some(now);
        let takes = self.costs.command + seek + len as u64 * 1_000_000 / self.costs.rate;
        wakes + takes
    }

    /// The command is over.
    pub fn read(&mut self, song: i32, offset: u64, into: &mut [u8], now: u64) -> Result<usize, Errno> {
        self.last = Some(now);
        match self.fault {
            Some((1, ever)) => {
                self.fault = ever.then_some((1, true));
                return Err(Errno::IO);
            }
            Some((n, ever)) => self.fault = Some((n - 1, ever)),
            None => {}
        }
        let got = into.len().min(self.size(song).saturating_sub(offset) as usize);
        write_out(song, offset, &mut into[..got]);
        self.read += got as u64;
        let seen = &mut self.seen[song as usize];
        for sector in offset / SECTOR..(offset + got as u64).div_ceil(SECTOR) {
            let (word, bit) = (&mut seen[sector as usize / 64], 1 << (sector % 64));
            self.again += if *word & bit != 0 { SECTOR } else { 0 };
            *word |= bit;
        }
        Ok(got)
    }
}
