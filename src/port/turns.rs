//! Threads of the model port that take turns in an order that a seed decides, on a clock of their own.
//!
//! ```text
//!   begin(seed)            the calling thread is the first party; it has the turn
//!   spawn(work) …          more parties; the buffering thread becomes one when it is started
//!   wait_for_all()         until every one that was spawned has ended
//!
//!   party   ──── point ──── lock ──── transfer ── half ── transfer ──── wait(channel, ticks) ────►
//!                  ▲          ▲          ▲                    ▲              ▲
//!                  └──────────┴──────────┴── who goes on? ────┴──────────────┘      the dice say
//! ```
//!
//! One party runs at a time, so what a seed does it does every time. Time passes when everybody sleeps, with every
//! transfer, and now and then for nothing. A party that panics, a state in which nobody can go on, and a run that does
//! not end in hours of its clock end the run in
//! a panic of the first party that names the seed; the others are left where they are.

use std::boxed::Box;
use std::cell::RefCell;
use std::format;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::{String, ToString};
use std::sync::Arc;
use std::thread;
use std::vec::Vec;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::kernel::Channel;
use super::model::Dice;

/// The most parties of a run.
const MOST: usize = 12;
/// Ticks after which a run counts as one that will never end: somebody only looks again and again.
const LATE: u32 = 5_000_000;
/// Choices after which it does, for those who look without letting time pass.
const MANY: u64 = 20_000_000;

/// What a party waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Party {
    /// Its turn.
    Ready,
    /// The floors' lock.
    Lock,
    /// A channel to be woken, or a tick to come.
    Asleep(Channel, Option<u32>),
    /// The end of all that were spawned.
    Joins,
    /// Nothing: it has ended.
    Gone,
}

struct Turns {
    dice: Dice,
    /// One in so many points changes the party.
    rate: usize,
    turn: usize,
    /// The floors' lock is taken.
    locked: bool,
    ticks: u32,
    parties: Vec<Party>,
    /// Those that `wait_for_all` waits for.
    spawned: Vec<usize>,
    /// What went wrong.
    failed: Option<String>,
    /// All choices so far, mixed.
    trace: u64,
    /// How many they are.
    choices: u64,
}

struct Stage {
    seed: u64,
    turns: Mutex<Turns>,
    called: [Condvar; MOST],
}

std::thread_local! {
    static ME: RefCell<Option<(Arc<Stage>, usize)>> = const { RefCell::new(None) };
}

fn me() -> Option<(Arc<Stage>, usize)> {
    // Past the end of a thread there is no party.
    ME.try_with(|me| me.borrow().clone()).ok().flatten()
}

impl Turns {
    fn can_go(&self, n: usize) -> bool {
        match self.parties[n] {
            Party::Ready => true,
            Party::Lock => !self.locked,
            Party::Asleep(_, until) => until.is_some_and(|until| until <= self.ticks),
            Party::Joins => self.spawned.iter().all(|n| self.parties[*n] == Party::Gone),
            Party::Gone => false,
        }
    }

    /// Who goes on; None: nobody ever will, or it has gone on for too long.
    fn choose(&mut self) -> Option<usize> {
        if self.dice.below(64) == 0 {
            self.ticks += self.dice.below(60) as u32;
        }
        self.choices += 1;
        loop {
            if self.ticks > LATE || self.choices > MANY {
                return None;
            }
            let able: Vec<usize> = (0..self.parties.len()).filter(|n| self.can_go(*n)).collect();
            if !able.is_empty() {
                let chosen = able[self.dice.below(able.len())];
                self.trace = (self.trace ^ chosen as u64 ^ u64::from(self.ticks) << 8).wrapping_mul(0x100_0000_01b3);
                return Some(chosen);
            }
            let dreams = self.parties.iter().filter_map(|party| match party {
                Party::Asleep(_, until) => *until,
                _ => None,
            });
            self.ticks = dreams.min()?;
        }
    }
}

impl Stage {
    /// Gives the turn away until this party has it again, in a state in which it can go on.
    fn switch<'s>(&'s self, mut turns: MutexGuard<'s, Turns>, me: usize, how: Party) -> MutexGuard<'s, Turns> {
        if thread::panicking() {
            return turns;
        }
        turns.parties[me] = how;
        match turns.choose() {
            Some(next) => turns.turn = next,
            None => self.fail(&mut turns, "nobody can go on".to_string()),
        }
        if turns.turn != me {
            self.called[turns.turn].notify_one();
            while turns.turn != me {
                self.called[me].wait(&mut turns);
            }
        }
        turns.parties[me] = Party::Ready;
        if let Some(why) = turns.failed.take() {
            drop(turns);
            panic!("seed {}: {why}", self.seed);
        }
        turns
    }

    /// The run is over: the first party tells.
    fn fail(&self, turns: &mut Turns, why: String) {
        turns.failed = Some(why);
        turns.turn = 0;
        self.called[0].notify_one();
    }
}

/// A run, until it is dropped.
pub struct Run(());

impl Drop for Run {
    fn drop(&mut self) {
        ME.set(None);
    }
}

/// Begins a run.
pub fn begin(seed: u64) -> Run {
    let mut dice = Dice::new(seed);
    // The first numbers of neighbouring seeds are alike.
    for _ in 0..20 {
        dice.below(2);
    }
    let rate = [1, 2, 8, 40][dice.below(4)];
    let turns = Turns {
        dice,
        rate,
        turn: 0,
        locked: false,
        ticks: 1000,
        parties: std::vec![Party::Ready],
        spawned: Vec::new(),
        failed: None,
        trace: 0,
        choices: 0,
    };
    let stage = Stage { seed, turns: Mutex::new(turns), called: [const { Condvar::new() }; MOST] };
    ME.set(Some((Arc::new(stage), 0)));
    Run(())
}

impl Run {
    /// All choices so far, in one number.
    pub fn trace(&self) -> u64 {
        me().map_or(0, |(stage, _)| stage.turns.lock().trace)
    }

    /// A number below `n` that belongs to the seed.
    pub fn below(&self, n: usize) -> usize {
        below(n)
    }
}

/// A number below `n` that belongs to the seed of the run.
pub fn below(n: usize) -> usize {
    me().expect("a party").0.turns.lock().dice.below(n)
}

/// Another party begins.
pub fn spawn(work: impl FnOnce() + Send + 'static) {
    enter(Box::new(work), true);
}

/// As [`spawn`], for a thread that nobody waits for; whether the caller is a party at all.
pub fn start(work: fn()) -> bool {
    me().is_some() && {
        enter(Box::new(work), false);
        true
    }
}

fn enter(work: Box<dyn FnOnce() + Send>, waited: bool) {
    let (stage, _) = me().expect("a party");
    let mut turns = stage.turns.lock();
    let n = turns.parties.len();
    assert!(n < MOST, "more parties than {MOST}");
    turns.parties.push(Party::Ready);
    if waited {
        turns.spawned.push(n);
    }
    drop(turns);
    thread::spawn(move || {
        let mut turns = stage.turns.lock();
        while turns.turn != n {
            stage.called[n].wait(&mut turns);
        }
        drop(turns);
        ME.set(Some((stage.clone(), n)));
        let end = catch_unwind(AssertUnwindSafe(work));
        ME.set(None);
        let mut turns = stage.turns.lock();
        turns.parties[n] = Party::Gone;
        let why = end.err().map(|payload| {
            let text = payload.downcast_ref::<String>().cloned();
            text.or_else(|| payload.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default()
        });
        match (why, turns.choose()) {
            (None, Some(next)) => {
                turns.turn = next;
                stage.called[next].notify_one();
            }
            (Some(why), _) => stage.fail(&mut turns, format!("party {n}: {why}")),
            (None, None) => stage.fail(&mut turns, "nobody can go on".to_string()),
        }
    });
}

/// Waits until all that were spawned have ended.
pub fn wait_for_all() {
    let (stage, me) = me().expect("a party");
    drop(stage.switch(stage.turns.lock(), me, Party::Joins));
}

/// A place where others may go on. Nothing, for a thread that is no party.
pub fn point() {
    let Some((stage, me)) = me() else { return };
    let mut turns = stage.turns.lock();
    let rate = turns.rate;
    if turns.dice.below(rate) == 0 {
        drop(stage.switch(turns, me, Party::Ready));
    }
}

/// A transfer begins, is in its midst, or ends: time passes.
pub fn transfer() {
    if let Some((stage, _)) = me() {
        stage.turns.lock().ticks += 1;
        point();
    }
}

/// The run's clock, for a party.
pub fn ticks() -> Option<u32> {
    me().map(|(stage, _)| stage.turns.lock().ticks)
}

/// Takes the floors' lock, for a party; false: the caller is none.
pub fn lock() -> bool {
    point();
    let Some((stage, me)) = me() else { return false };
    let mut turns = stage.turns.lock();
    while turns.locked && !thread::panicking() {
        turns = stage.switch(turns, me, Party::Lock);
    }
    turns.locked = true;
    true
}

/// Gives it back.
pub fn unlock() -> bool {
    let Some((stage, _)) = me() else { return false };
    let mut turns = stage.turns.lock();
    assert!(turns.locked || thread::panicking(), "the lock is not taken");
    turns.locked = false;
    drop(turns);
    point();
    true
}

/// Gives it back, sleeps, and takes it again.
pub fn wait(channel: Channel, ticks: Option<u32>) -> bool {
    let Some((stage, me)) = me() else { return false };
    let mut turns = stage.turns.lock();
    turns.locked = false;
    let until = ticks.map(|ticks| turns.ticks + ticks);
    drop(stage.switch(turns, me, Party::Asleep(channel, until)));
    lock()
}

/// Wakes everybody who sleeps on a channel.
pub fn wake(channel: Channel) -> bool {
    let Some((stage, _)) = me() else { return false };
    let mut turns = stage.turns.lock();
    for party in &mut turns.parties {
        if matches!(party, Party::Asleep(on, _) if *on == channel) {
            *party = Party::Ready;
        }
    }
    true
}
