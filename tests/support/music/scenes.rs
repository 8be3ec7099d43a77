//! The figures: what is measured, for tests that hold limits and for the bench that prints them.

use std::ffi::CStr;

use rockmem::buffering::handle::Kind;
use rockmem::buffering::open::{close, open};
use rockmem::buffering::stream::data;
use rockmem::buffering::{Buffered, budget};
use rockmem::file;
use rockmem::port::monitor::House;

use super::clock::processor_time;
use super::disk::{CARD, Costs, Disk, HARD_DISK};
use super::listener::Listener;
use super::port::{Music, World, disk, now};
use super::storm::Storm;
use super::{UNCOMPRESSED, arena, ring, run, shared};

/// Where buffering lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    Shared,
    Arena,
}

/// A world with `bytes` of pool, or of region.
fn world(home: Home, bytes: usize, disk: Disk) -> World {
    match home {
        Home::Shared => shared(bytes, disk),
        Home::Arena => arena(bytes, disk),
    }
}

/// Songs of some minutes at this rate, for so many seconds.
fn songs(rate: u64, seconds: u64) -> Vec<u64> {
    let least = rate * 200;
    let mut songs = Vec::new();
    let mut all = 0;
    while all < rate * (seconds + 300) {
        let song = least + (songs.len() as u64 * 7_654_321) % (rate * 100);
        all += song;
        songs.push(song);
    }
    songs
}

/// What playing cost.
#[derive(Clone, Copy, Debug)]
pub struct Played {
    pub heard: u64,
    pub underruns: u64,
    /// Requests that came back shorter than was promised.
    pub short: u64,
    /// Bytes copied into bridges, of a hundred played.
    pub copied: f64,
    /// Bytes read twice, of a hundred heard.
    pub again: f64,
    pub spin_ups: u64,
    /// Seconds that the disk was awake.
    pub awake: u64,
}

fn played(mut listener: Listener) -> Played {
    let counts = Music::monitor().enter().buffering().counts;
    listener.stop();
    disk(|disk| Played {
        heard: listener.heard,
        underruns: listener.underruns,
        short: listener.short,
        copied: counts.bridged as f64 * 100.0 / counts.played.max(1) as f64,
        again: disk.again as f64 * 100.0 / listener.heard.max(1) as f64,
        spin_ups: disk.spin_ups,
        awake: disk.awake / 1_000_000,
    })
}

/// Uncompressed music from a card, looked at in 32 KB and taken in 4 KB, with nobody else about.
pub fn alone(home: Home, bytes: usize, seconds: u64) -> Played {
    let songs = songs(UNCOMPRESSED, seconds);
    let _world = world(home, bytes, Disk::new(CARD, songs.clone()));
    let listener = Listener::new(songs.len(), UNCOMPRESSED, UNCOMPRESSED as usize);
    played(run(listener, None, seconds).0)
}

/// An hour from a hard disk, and from a ring of as many bytes as buffering has at its disposal: what ours cost, and how
/// often the disk had to wake up for the ring. Both fill up when less than five seconds are left.
pub fn hour(home: Home, bytes: usize, rate: u64) -> (Played, u64) {
    let (seconds, mark) = (3600, 5 * rate);
    let songs = songs(rate, seconds);
    let world = world(home, bytes, Disk::new(HARD_DISK, songs.clone()));
    let length = budget::length(&mut world.enter());
    let played = played(run(Listener::new(songs.len(), rate, mark as usize), None, seconds).0);
    let ring = ring::play(&songs, length, mark, rate, seconds * 1_000_000, HARD_DISK.rate);
    (played, ring.bursts)
}

/// Uncompressed music from a hard disk, for so many seconds. From the moment on at which memory is full of it, somebody
/// takes `taken` bytes (0: nobody) for ten seconds, so many times, a minute apart.
pub fn takers(bytes: usize, seconds: u64, taken: usize, times: usize) -> Played {
    let songs = songs(UNCOMPRESSED, seconds);
    let world = world(Home::Shared, bytes, Disk::new(HARD_DISK, songs.clone()));
    let end = now() + seconds * 1_000_000;
    let mut listener = Listener::new(songs.len(), UNCOMPRESSED, 5 * UNCOMPRESSED as usize);
    let full = |world: &World| {
        let mut g = world.enter();
        budget::used(&mut g) > budget::length(&mut g) / 100 * 95
    };
    while !full(&world) {
        listener = run(listener, None, 1).0;
    }
    for _ in 0..if taken > 0 { times } else { 0 } {
        let handle = world.pool().alloc(taken, core::ptr::null());
        assert!(handle > 0, "music gives way");
        listener = run(listener, None, 10).0;
        world.pool().free(handle);
        listener = run(listener, None, 50).0;
    }
    let left = end.saturating_sub(now()) / 1_000_000;
    played(run(listener, None, left).0)
}

/// What became of the storm's requests.
#[derive(Clone, Debug)]
pub struct Served {
    pub asked: usize,
    pub given: usize,
    /// How many the oracle would have served, and those of them that were refused.
    pub fitting: usize,
    pub wrongly_refused: Vec<usize>,
    /// Those of at most an eighth of the pool that were refused.
    pub small_refused: Vec<usize>,
}

/// Uncompressed music from a card while a thousand allocations of 1 KB to a third of the pool come and go.
pub fn storm(bytes: usize, seconds: u64, seed: u64) -> (Played, Served) {
    let songs = songs(UNCOMPRESSED, seconds);
    let world = shared(bytes, Disk::new(CARD, songs.clone()));
    let storm = Storm::new(world.pool(), world.base(), bytes, 1000, seconds, seed);
    let listener = Listener::new(songs.len(), UNCOMPRESSED, UNCOMPRESSED as usize);
    // Until the last one has come.
    let (listener, storm) = run(listener, Some(storm), seconds + seconds / 8);
    let mut storm = storm.expect("it was given");
    storm.stop();
    let served = Served {
        asked: storm.asked,
        given: storm.given,
        fitting: storm.fitting,
        wrongly_refused: storm.wrongly_refused,
        small_refused: storm.small_refused,
    };
    (played(listener), served)
}

/// Microseconds until the first 32 KB of a song that nobody has read are there, of an awake disk.
#[derive(Clone, Copy, Debug)]
pub struct First {
    /// By `bufopen` and `bufgetdata`.
    pub stream: u64,
    /// By `open` and `read`.
    pub file: u64,
    /// By one command to the disk.
    pub command: u64,
}

const LOOK: usize = 32 << 10;

fn open_stream(world: &World, path: &CStr) -> i32 {
    open(&mut world.enter(), path, 0, Kind::PacketAudio, 0).expect("a song")
}

fn read_file(world: &World, path: &CStr, into: &mut [u8]) {
    let mut g = world.enter();
    let fd = file::open(&mut g, world.pool(), path, file::Mode::READ).expect("a song");
    assert_eq!(file::read(&mut g, fd, into), Ok(into.len()));
    file::close(&mut g, fd).expect("an open file");
}

/// How soon the first bytes are there.
pub fn first_byte(costs: Costs) -> First {
    let world = world(Home::Shared, 8 << 20, Disk::new(costs, vec![5_000_000; 3]));
    let mut into = vec![0; LOOK];
    read_file(&world, c"2", &mut into);
    let began = now();
    let id = open_stream(&world, c"0");
    assert_eq!(data(&mut world.enter(), id, LOOK).map(|(_, len)| len), Ok(LOOK));
    let stream = now() - began;
    close(&mut world.enter(), id);
    let began = now();
    read_file(&world, c"1", &mut into);
    let file = now() - began;
    First { stream, file, command: costs.command + costs.seek + LOOK as u64 * 1_000_000 / costs.rate }
}

/// Processor time of the same with the bytes in memory, in microseconds: `bufopen`, `bufgetdata` and `bufclose`, which
/// point at them, beside `open`, `read` and `close`, which copy them.
pub fn first_byte_in_memory() -> (f64, f64) {
    const TIMES: u32 = 2000;
    let world = world(Home::Shared, 8 << 20, Disk::new(CARD, vec![500_000]));
    let mut into = vec![0; LOOK];
    read_file(&world, c"0", &mut into);
    let began = processor_time();
    for _ in 0..TIMES {
        let id = open_stream(&world, c"0");
        data(&mut world.enter(), id, LOOK).expect("bytes in memory");
        close(&mut world.enter(), id);
    }
    let stream = processor_time() - began;
    let began = processor_time();
    (0..TIMES).for_each(|_| read_file(&world, c"0", &mut into));
    let micros = |nanoseconds: u64| nanoseconds as f64 / 1e3 / f64::from(TIMES);
    (micros(stream), micros(processor_time() - began))
}
