//! Streams between threads under chosen orders: `RUSTFLAGS="--cfg shuttle" cargo test --release --test streams_shuttle`. A
//! failure prints the schedule that led to it; SEED and ROUNDS in the environment choose others.
//!
//! ```text
//!   codec ─── audio ─── UI ─── buffering thread        a thread each, one pool, one file
//!   reads     opens,    takes  one turn after the other, until the others have ended
//!   until     signals,  and
//!   closed    closes    gives memory
//! ```
//!
//! Every byte is the file's, every wait ends, and in the end nothing is held.

#![cfg(shuttle)]

#[path = "support/choice.rs"]
mod choice;

use std::cell::Cell;
use std::ptr::null;

use choice::{Choice, HOUSE, TRANSFERS, dice, pool, together};
use rockmem::buffering::fill::{Turns, turn};
use rockmem::buffering::handle::Kind;
use rockmem::buffering::{Buffered, ERR_BUFFER_FULL, ERR_HANDLE_NOT_FOUND, open, position, reset, stream};
use rockmem::port::monitor::Guard;
use shuttle::thread::{self, yield_now};

const BYTES: usize = 130 << 10;
const FILE: usize = 60 << 10;

thread_local! {
    /// The track that plays, and whether anything will play after it.
    static PLAYING: Cell<i32> = const { Cell::new(0) };
    static ENDED: Cell<bool> = const { Cell::new(false) };
    static CALLED_OFF: Cell<u32> = const { Cell::new(0) };
}

fn byte(n: usize) -> u8 {
    (n * 31 + n / 251) as u8
}

fn enter() -> Guard<Choice> {
    HOUSE.enter()
}

fn right(address: usize, len: usize, from: usize) {
    // SAFETY: what a handle gave, under the lock that was held since: nobody has closed it.
    let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, len) };
    assert!(bytes.iter().enumerate().all(|(n, there)| *there == byte(from + n)), "{len} bytes at {from}");
}

fn codec() {
    while !ENDED.get() {
        let id = PLAYING.get();
        let mut g = enter();
        let outcome = position::seek(&mut g, id, dice(FILE) as u64)
            .and_then(|()| {
                let pos = g.buffering().find(id).map_or(0, |handle| handle.pos as usize);
                let (address, len) = stream::data(&mut g, id, 1 + dice(9000))?;
                right(address, len, pos);
                position::advance(&mut g, id, dice(len + 1) as i64)
            })
            .and_then(|()| {
                let mut into = [0; 700];
                let pos = g.buffering().find(id).map_or(0, |handle| handle.pos as usize);
                let got = stream::read(&mut g, id, &mut into[..700.min(FILE - pos)])?;
                right(into.as_ptr() as usize, got, pos);
                Ok(())
            });
        if let Err(error) = outcome {
            // Full: for a place before the one from which on a file was taken whole.
            assert!(error == ERR_HANDLE_NOT_FOUND || error == ERR_BUFFER_FULL, "error {error}");
            CALLED_OFF.set(CALLED_OFF.get() + 1);
        }
        drop(g);
        yield_now();
    }
}

fn audio() {
    for n in 0..3 {
        let kind = if n == 1 { Kind::RawAtomic } else { Kind::PacketAudio };
        let next = open::open(&mut enter(), c"file", dice(FILE / 2) as u64, kind, 0);
        let old = PLAYING.get();
        match next {
            Ok(next) => PLAYING.set(next),
            Err(error) => assert_eq!(error, ERR_BUFFER_FULL),
        }
        yield_now();
        if dice(2) == 0 {
            stream::signal(&mut enter(), old, true);
        }
        open::close(&mut enter(), old);
        yield_now();
    }
    ENDED.set(true);
    open::close(&mut enter(), PLAYING.get());
}

fn ui() {
    for _ in 0..4 {
        let handle = pool().alloc(dice(60_000), null());
        yield_now();
        pool().free(handle);
    }
}

#[test]
fn a_codec_reads_what_others_open_and_close_while_memory_is_taken() {
    CALLED_OFF.set(0);
    choice::under_many_orders(
        BYTES,
        || (0..FILE).map(byte).collect(),
        || {
            PLAYING.set(0);
            ENDED.set(false);
            assert!(reset(&mut enter(), pool(), None));
            let over = shuttle::sync::Arc::new(shuttle::sync::atomic::AtomicBool::new(false));
            let filler = thread::spawn({
                let over = over.clone();
                move || {
                    let mut turns = Turns::default();
                    while !over.load(shuttle::sync::atomic::Ordering::SeqCst) {
                        if turn(&mut enter(), &mut turns).is_some() {
                            yield_now();
                        }
                    }
                }
            });
            together(vec![codec, audio, ui]);
            over.store(true, shuttle::sync::atomic::Ordering::SeqCst);
            filler.join().expect("the filler");
            assert!(enter().buffering().all().is_empty());
            // What was read ahead is nobody's now.
            let all = pool().alloc(BYTES / 4, null());
            assert!(all > 0, "{:?}", pool().stats());
            pool().free(all);
        },
    );
    assert!(TRANSFERS.get().0 > 1000 && CALLED_OFF.get() > 100, "{:?} {}", TRANSFERS.get(), CALLED_OFF.get());
}
