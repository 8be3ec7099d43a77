//! What commands cost: a card that minds how many there are, a disk that minds where they go.

use std::time::Duration;

/// A card or a disk.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// For each read command.
    read: Duration,
    /// For each write command.
    write: Duration,
    /// More for a command that does not continue the last one.
    seek: Duration,
    /// Bytes in a second.
    read_rate: u64,
    write_rate: u64,
}

/// An SD card: 0.5 ms a read, 2 ms a write, 18 and 8 MB/s.
pub const SD: Timing = Timing {
    read: Duration::from_micros(500),
    write: Duration::from_millis(2),
    seek: Duration::ZERO,
    read_rate: 18_000_000,
    write_rate: 8_000_000,
};

/// A hard disk: 12 ms of seek and 7.1 ms of rotation, 20 MB/s.
pub const HDD: Timing = Timing {
    read: Duration::ZERO,
    write: Duration::ZERO,
    seek: Duration::from_micros(19_100),
    read_rate: 20_000_000,
    write_rate: 20_000_000,
};

impl Timing {
    /// What one command takes.
    pub fn of(&self, writes: bool, bytes: usize, continues: bool) -> Duration {
        let (base, rate) = if writes { (self.write, self.write_rate) } else { (self.read, self.read_rate) };
        let seek = if continues { Duration::ZERO } else { self.seek };
        base + seek + Duration::from_nanos(bytes as u64 * 1_000_000_000 / rate)
    }
}
