//! Who asks for memory decides what the pool may do for it: each rule with what goes wrong where it is not kept. Every
//! test runs once more as somebody for whom the rule does not hold, and shows the harm.

#[path = "support/memory.rs"]
mod memory;

use memory::Memory;
use rockmem::buflib::{CB_CANNOT_MOVE, CB_OK, Callbacks, Pool, Priority, PurgeCallbacks};
use rockmem::port::{Asker, advance, set_asker};
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr::null;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

/// Longer than any machine needs; only a deadlock takes as long.
const FOR_EVER: Duration = Duration::from_secs(60);
const BYTES: usize = 64 << 10;

struct World {
    _memory: Memory,
    pool: Pool,
}

impl World {
    fn new() -> World {
        let memory = Memory::new(BYTES);
        World { pool: memory.pool, _memory: memory }
    }
}

/// Runs as this asker.
fn being<R>(asker: Asker, work: impl FnOnce() -> R) -> R {
    let before = set_asker(asker);
    let result = work();
    set_asker(before);
    result
}

/// What the two threads of a test tell each other.
#[derive(Default)]
struct Scene {
    pool: Option<Pool>,
    /// The callback was reached: the reader may go.
    called: bool,
    reader: Option<ThreadId>,
    /// The reader is out of its allocation, with this answer.
    answer: Option<i32>,
    /// A callback ran on the very thread that it would have waited for.
    would_wait_for_itself: bool,
}

static SCENE: Mutex<Scene> =
    Mutex::new(Scene { pool: None, called: false, reader: None, answer: None, would_wait_for_itself: false });
static CHANGED: Condvar = Condvar::new();
static ONE_SCENE: Mutex<()> = Mutex::new(());

fn scene() -> MutexGuard<'static, Scene> {
    SCENE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the scene is so.
fn until(condition: impl Fn(&Scene) -> bool) {
    let (_scene, late) = CHANGED
        .wait_timeout_while(scene(), FOR_EVER, |scene| !condition(scene))
        .unwrap_or_else(PoisonError::into_inner);
    assert!(!late.timed_out(), "a deadlock");
}

fn tell(change: impl FnOnce(&mut Scene)) {
    change(&mut scene());
    CHANGED.notify_all();
}

/// As playback's: stops the threads that read files before it gives its buffer up, so it waits for them.
unsafe extern "C" fn waits_for_readers(handle: c_int, _: u32, _: *mut c_void, _: usize) -> c_int {
    if scene().reader == Some(std::thread::current().id()) {
        tell(|scene| scene.would_wait_for_itself = true);
        return 1;
    }
    tell(|scene| scene.called = true);
    until(|scene| scene.answer.is_some());
    let pool = scene().pool.expect("a pool");
    pool.free(handle);
    CB_OK
}

static WAITS: Callbacks =
    Callbacks { move_callback: None, shrink_callback: Some(waits_for_readers), sync_callback: None };

/// One thread asks for memory and is inside the shrink callback; the callback waits for another one, which asks for
/// memory itself. Answers what that one got, and whether the callback was called on it too.
fn read_while_playback_shrinks(asker: Asker) -> (i32, bool) {
    let _one = ONE_SCENE.lock().unwrap_or_else(PoisonError::into_inner);
    let world = World::new();
    let pool = world.pool;
    *scene() = Scene { pool: Some(pool), ..Scene::default() };
    // Two buffers: the second one's callback is left for the reader.
    assert!(pool.alloc(28 << 10, &WAITS) > 0 && pool.alloc(28 << 10, &WAITS) > 0);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            until(|scene| scene.called);
            tell(|scene| scene.reader = Some(std::thread::current().id()));
            let answer = being(asker, || pool.alloc(8 << 10, null()));
            tell(|scene| scene.answer = Some(answer));
        });
        assert!(pool.alloc(16 << 10, null()) > 0, "the first buffer was given up");
    });
    pool.check_valid();
    let scene = scene();
    (scene.answer.expect("an answer"), scene.would_wait_for_itself)
}

#[test]
fn a_shrink_callback_may_wait_for_threads_in_the_file_path_and_on_playbacks_side() {
    for asker in [Asker::FilePath, Asker::Playback] {
        assert_eq!(read_while_playback_shrinks(asker), (-2, false), "{asker:?}");
    }
    let (_, would_wait_for_itself) = read_while_playback_shrinks(Asker::Anyone);
    assert!(would_wait_for_itself, "the harm: whoever may ask owners is asked to wait for itself");
}

thread_local! {
    static SYNCS: Cell<u32> = const { Cell::new(0) };
    static MOVES: Cell<u32> = const { Cell::new(0) };
    static CLEANS: Cell<u32> = const { Cell::new(0) };
}

unsafe extern "C" fn moves(_: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
    MOVES.set(MOVES.get() + 1);
    CB_OK
}

/// As talk's: takes a lock that is held across `read`.
unsafe extern "C" fn syncs(_: c_int, _: bool) {
    SYNCS.set(SYNCS.get() + 1);
}

static TALKS: Callbacks = Callbacks { move_callback: Some(moves), shrink_callback: None, sync_callback: Some(syncs) };

/// A pool of blocks and holes, every block a destination that somebody reads into, unpinned.
fn destinations(world: &World) -> Vec<(c_int, usize)> {
    let all: Vec<c_int> = (0..24).map(|_| world.pool.alloc(1600, &TALKS)).collect();
    all.chunks(2)
        .map(|pair| {
            world.pool.free(pair[0]);
            (pair[1], world.pool.data(pair[1]) as usize)
        })
        .collect()
}

/// A request's name, and the request.
type Request = (&'static str, fn(Pool));

/// Everything that asks for memory, more of it than there is in one piece.
const REQUESTS: [Request; 5] = [
    ("alloc", |pool| while pool.alloc(3000, null()) > 0 {}),
    ("alloc_purgeable", |pool| {
        // Needed now: the next one cannot take its place.
        while pool.alloc_purgeable(3000, 32, Priority::Now, 0, null()) > 0 {}
    }),
    ("alloc_maximum", |pool| {
        let mut size = 0;
        while pool.alloc_maximum(&mut size, null()) > 0 {}
    }),
    ("allocatable", |pool| {
        pool.allocatable();
    }),
    ("handles", |pool| while pool.alloc(0, null()) > 0 {}),
];

fn count_moves(asker: Asker, request: fn(Pool)) -> (usize, u32, u32) {
    let world = World::new();
    let places = destinations(&world);
    SYNCS.set(0);
    MOVES.set(0);
    being(asker, || request(world.pool));
    world.pool.check_valid();
    let elsewhere = places.iter().filter(|&&(handle, place)| world.pool.data(handle) as usize != place).count();
    (elsewhere, MOVES.get(), SYNCS.get())
}

#[test]
fn an_unpinned_destination_stays_where_it_is_while_the_file_path_asks_for_memory() {
    for (name, request) in REQUESTS {
        assert_eq!(count_moves(Asker::FilePath, request), (0, 0, 0), "{name}: moved, move and sync callbacks");
    }
    for (name, request) in &REQUESTS[..4] {
        let (moved, ..) = count_moves(Asker::Playback, *request);
        assert!(moved > 0, "{name}: the harm: others move the destination");
    }
}

static FILE_LOCK: Mutex<()> = Mutex::new(());

/// As a cache's: writes its file, and takes the lock of files for it.
unsafe extern "C" fn writes_its_file(handle: c_int) -> c_int {
    CLEANS.set(CLEANS.get() + 1);
    if FILE_LOCK.try_lock().is_err() {
        // The holder is this thread: it would wait for ever.
        return CB_CANNOT_MOVE;
    }
    scene().pool.expect("a pool").set_dirty(handle, false);
    CB_OK
}

static DIRTY: PurgeCallbacks = PurgeCallbacks {
    base: Callbacks { move_callback: None, shrink_callback: None, sync_callback: None },
    free_callback: None,
    clean_callback: Some(writes_its_file),
};

#[test]
fn nobody_with_a_files_lock_waits_for_dirty_data() {
    let _one = ONE_SCENE.lock().unwrap_or_else(PoisonError::into_inner);
    let attempts = |asker| {
        let world = World::new();
        tell(|scene| scene.pool = Some(world.pool));
        let handle = world.pool.alloc_purgeable(50 << 10, 0, Priority::Cached, 0, &DIRTY);
        world.pool.set_dirty(handle, true);
        advance(1000);
        CLEANS.set(0);
        let lock = FILE_LOCK.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = being(asker, || world.pool.alloc(30 << 10, null()));
        drop(lock);
        assert_eq!(answer, -2);
        let harmed = CLEANS.get();
        // With the lock free the dirty block is written and goes.
        assert!(world.pool.alloc(30 << 10, null()) > 0);
        harmed
    };
    assert_eq!(attempts(Asker::FilePath), 0);
    assert_eq!(attempts(Asker::Playback), 0);
    assert_eq!(attempts(Asker::Anyone), 1, "the harm: whoever may wait waits for its own lock");
}
