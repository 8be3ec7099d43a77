//! Effects that are switched on and off while music plays from a region of its own: their memory comes from the codec's
//! thread, for which playback may be waiting.
//!
//! ```text
//!   UI ── a large request ──► playback's shrink callback ── waits until the codec has stopped ──► resets, shrinks
//!   codec ── plays, and asks for 4 to 25 KB now and then ──► the pool: no shrink callback, nothing that waits
//! ```

use core::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;
use std::time::Duration;
use std::vec::Vec;

use parking_lot::{Condvar, Mutex};

use crate::buffering::handle::Kind;
use crate::buffering::open::{close, open};
use crate::buffering::position::{advance, seek};
use crate::buffering::stream::data;
use crate::buffering::{Buffered, reset};
use crate::buflib::{CB_OK, Callbacks, Pool};
use crate::mmap::memory::{Region, look_at};
use crate::port::model::{Dice, Model, World};
use crate::port::monitor::House;
use crate::port::{Asker, set_asker};

/// What the effects of a player take: bass, compressor, surround, and the four buffers of a stretch in time.
const EFFECTS: [usize; 7] = [4400, 15_360, 24_700, 12_288, 12_288, 12_288, 12_288];
const SONG: usize = 2_000_000;
/// The buffer of playback, at first and at least.
const BUFFER: usize = 1_600_000;
const LEAST: usize = 150_000;
/// Longer than any machine needs.
const FOR_EVER: Duration = Duration::from_secs(120);
/// A callback's answer: no.
const REFUSED: c_int = 1;

#[derive(Default)]
struct Stage {
    pool: Option<Pool>,
    /// Bytes of playback's buffer.
    size: usize,
    codec: Option<ThreadId>,
    /// Playback wants the codec to stop; it has.
    halt: bool,
    halted: bool,
    /// How often playback gave memory up; how often it was asked to on the codec's own thread.
    given_up: u32,
    /// Requests of effects.
    asked: u32,
    asked_the_codec: u32,
}

static STAGE: Mutex<Option<Stage>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

fn on_stage<R>(work: impl FnOnce(&mut Stage) -> R) -> R {
    let result = work(STAGE.lock().as_mut().expect("a stage"));
    CHANGED.notify_all();
    result
}

fn until(condition: impl Fn(&Stage) -> bool) {
    let mut stage = STAGE.lock();
    while !condition(stage.as_ref().expect("a stage")) {
        assert!(!CHANGED.wait_for(&mut stage, FOR_EVER).timed_out(), "a deadlock");
    }
}

/// As playback's: stops the codec, starts anew with half the buffer, gives the other half back.
extern "C" fn gives_up(handle: c_int, _hints: u32, _start: *mut c_void, _size: usize) -> c_int {
    let (me, pool) = (std::thread::current().id(), on_stage(|stage| stage.pool.expect("a pool")));
    let (codec, size) = on_stage(|stage| (stage.codec, stage.size));
    if codec == Some(me) {
        on_stage(|stage| stage.asked_the_codec += 1);
        return REFUSED;
    }
    if size / 2 < LEAST {
        return REFUSED;
    }
    on_stage(|stage| (stage.halt, stage.halted) = (true, false));
    until(|stage| stage.halted);
    assert!(reset(&mut Model::monitor().enter(), pool, Some(Region::for_test(size / 2))));
    assert!(pool.shrink(handle, core::ptr::null_mut(), size / 2));
    on_stage(|stage| {
        stage.size = size / 2;
        stage.given_up += 1;
        stage.halt = false;
    });
    CB_OK
}

static PLAYBACK: Callbacks = Callbacks { move_callback: None, shrink_callback: Some(gives_up), sync_callback: None };

fn start(pos: usize) -> i32 {
    let mut g = Model::monitor().enter();
    let id = open(&mut g, c"song", 0, Kind::PacketAudio, 0).expect("a song");
    seek(&mut g, id, pos as u64).expect("inside");
    id
}

/// Plays, and switches effects meanwhile: how often they were asked for, and how often there was memory.
fn codec(pool: Pool, song: &[u8], ended: &AtomicBool) -> (u32, u32) {
    on_stage(|stage| stage.codec = Some(std::thread::current().id()));
    let before = set_asker(Asker::Playback);
    let mut dice = Dice::new(31);
    let (mut asked, mut had) = (0, 0);
    let mut effects: [i32; EFFECTS.len()] = Default::default();
    let (mut id, mut pos) = (start(0), 0);
    while !ended.load(Ordering::Relaxed) {
        if on_stage(|stage| stage.halt) {
            close(&mut Model::monitor().enter(), id);
            let before = on_stage(|stage| {
                stage.halted = true;
                stage.given_up
            });
            // It may want the next half before we have heard that it has the first.
            until(|stage| stage.given_up != before);
            id = start(pos);
        }
        if pos == song.len() {
            pos = 0;
            seek(&mut Model::monitor().enter(), id, 0).expect("inside");
        }
        let (first, len) = data(&mut Model::monitor().enter(), id, 32_768).expect("bytes");
        assert_eq!(len, 32_768.min(song.len() - pos));
        // In the midst of decoding: the pointer is in use.
        for _ in 0..3 {
            let n = dice.below(EFFECTS.len());
            if effects[n] > 0 {
                effects[n] = pool.free(effects[n]);
            } else {
                effects[n] = pool.alloc(EFFECTS[n], core::ptr::null());
                asked += 1;
                on_stage(|stage| stage.asked += 1);
                had += u32::from(effects[n] > 0);
            }
        }
        assert_eq!(look_at(first, len), song[pos..pos + len], "at {pos}");
        let step = len.min(8000);
        advance(&mut Model::monitor().enter(), id, step as i64).expect("inside");
        pos += step;
    }
    close(&mut Model::monitor().enter(), id);
    effects.iter().filter(|effect| **effect > 0).for_each(|effect| assert_eq!(pool.free(*effect), 0));
    set_asker(before);
    (asked, had)
}

#[test]
fn effects_get_memory_on_the_codecs_thread_while_playback_waits_for_it_and_nobody_waits_for_ever() {
    let world = World::new(2_500_000);
    let song = world.put_pattern("song", SONG);
    let pool = world.pool();
    *STAGE.lock() = Some(Stage { pool: Some(pool), size: BUFFER, ..Stage::default() });
    assert!(reset(&mut world.enter(), pool, Some(Region::for_test(BUFFER))));
    let buffer = pool.alloc(BUFFER, &PLAYBACK);
    assert!(buffer > 0);
    let ended = AtomicBool::new(false);
    let (asked, had) = std::thread::scope(|threads| {
        let codec = threads.spawn(|| codec(pool, &song, &ended));
        until(|stage| stage.codec.is_some());
        let mut dice = Dice::new(32);
        let mut held: Vec<i32> = Vec::new();
        for round in 0..300 {
            held.push(pool.alloc(1000 + dice.below(400_000), core::ptr::null()));
            if held.len() > 4 || round % 7 == 0 {
                held.drain(..).filter(|handle| *handle > 0).for_each(|handle| assert_eq!(pool.free(handle), 0));
            }
            std::thread::yield_now();
        }
        held.drain(..).filter(|handle| *handle > 0).for_each(|handle| assert_eq!(pool.free(handle), 0));
        // Nothing is left, and playback would have to give: effects are refused, or asked for in vain.
        for size in [20_000, 3000, 500] {
            while let handle @ 1.. = pool.alloc(size, core::ptr::null()) {
                held.push(handle);
            }
        }
        let before = on_stage(|stage| stage.asked);
        until(|stage| stage.asked > before + 30);
        held.drain(..).for_each(|handle| assert_eq!(pool.free(handle), 0));
        // The codec goes on alone for a while: now there is room.
        let played = world.enter().buffering().counts.played;
        while world.enter().buffering().counts.played < played + 400_000 {
            std::thread::yield_now();
        }
        ended.store(true, Ordering::Relaxed);
        codec.join().expect("the codec")
    });
    let stage = STAGE.lock().take().expect("a stage");
    assert_eq!(stage.asked_the_codec, 0, "playback was asked to wait for the thread that asks it");
    assert!(stage.given_up >= 2, "{} times", stage.given_up);
    assert!(asked > 50 && had * 4 >= asked, "{had} of {asked}");
    pool.free(buffer);
}
