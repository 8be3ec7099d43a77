//! An hour of recording: 4 KB come every 23 ms, and each is written before the recorder's own buffer is full.

use std::time::Duration;

use rockmem::port::storage::Errno;

use crate::disk::extents::Extents;
use crate::disk::files::{Files, Mode};
use crate::disk::ours::Ours;
use crate::disk::port::{Plain, media};
use crate::disk::uncached::Uncached;
use crate::work::{RECORDING, pattern};

/// What the recorder keeps while it waits for a write: a quarter of a second.
const PATIENCE: Duration = Duration::from_millis(250);
const HOUR: u64 = 3600;

/// How long a disk has worked.
type Clock = fn() -> Duration;

struct Outcome {
    /// Writes that ended later than the recorder can wait.
    late: u64,
    /// The longest that one was behind.
    longest: Duration,
    commands: u64,
}

/// Records; `clock` is the time that the disk has worked so far.
fn record(files: &mut dyn Files, clock: Clock) -> Result<Outcome, Errno> {
    let (rate, piece) = RECORDING;
    let bytes = pattern(12, piece);
    let fd = files.open("recording", Mode::Create)?;
    let (mut late, mut longest, mut now) = (0, Duration::ZERO, Duration::ZERO);
    let mut ticks = 0;
    let pieces = rate * HOUR / piece as u64;
    for n in 0..pieces {
        let due = Duration::from_nanos((n + 1) * piece as u64 * 1_000_000_000 / rate);
        now = now.max(due);
        let before = clock();
        if files.write(fd, &bytes)? != piece {
            return Err(Errno::NOSPC);
        }
        now += clock() - before;
        late += u64::from(now - due > PATIENCE);
        longest = longest.max(now - due);
        let passed = (due.as_millis() / 10) as u32;
        rockmem::port::advance(passed - ticks);
        ticks = passed;
    }
    files.close(fd)?;
    let commands = media(|media| media.counts().commands());
    Ok(Outcome { late, longest, commands })
}

fn disk() -> Extents {
    let bytes = RECORDING.0 * HOUR;
    let disk = Extents::new((bytes / crate::CLUSTER as u64) as u32 + 100, crate::CLUSTER);
    // What is recorded is never read here: 635 MB of it need not be kept.
    disk.disk().lock().forget_writes();
    disk
}

pub fn run() {
    println!("\nan hour of 1411 kbit/s in 4 KB writes; late is more than {} ms behind", PATIENCE.as_millis());
    let clocks: [(&str, Clock); 2] =
        [("SD", || media(|media| media.counts().sd)), ("HDD", || media(|media| media.counts().hdd))];
    for (name, clock) in clocks {
        let print = |who: &str, outcome: Outcome| {
            let Outcome { late, longest, commands } = outcome;
            let longest = longest.as_millis();
            println!("  {name:<4}{who:<10}{commands:>9} cmds, longest {longest} ms behind, {late} late");
        };
        let world = crate::world(crate::POOL, disk());
        match record(&mut Ours::<Plain>::new(world.pool()), clock) {
            Ok(outcome) => print("ours", outcome),
            Err(error) => println!("  {name:<4}ours: {error:?}"),
        }
        drop(world);
        let _world = crate::world(64 << 10, disk());
        match record(&mut Uncached::<Plain>::new(), clock) {
            Ok(outcome) => print("uncached", outcome),
            Err(error) => println!("  {name:<4}uncached: {error:?}"),
        }
    }
}
