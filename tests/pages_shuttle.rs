//! Sectors between threads under chosen orders: `RUSTFLAGS="--cfg shuttle" cargo test --release --test pages_shuttle`. A failure
//! prints the schedule that led to it; SEED and ROUNDS in the environment choose others.
//!
//! ```text
//!   write ── read ── mmap_write … put ── fsync ── memory taken and given back          a thread each, one file
//!                      ▲ transfers change threads in their midst, locks before they are taken
//!   record   128 bytes, all the same: its version. One thread writes it; versions only grow
//! ```
//!
//! Nobody sees a record torn, or older than a write that had returned before he began to read; in the end the disk has
//! the last version of each.

#![cfg(shuttle)]

#[path = "support/choice.rs"]
mod choice;

use std::cell::{Cell, RefCell};
use std::ptr::null;

use choice::{DISK, HOUSE, TRANSFERS, dice, pool, together};
use rockmem::cache::pattern::Pattern;
use rockmem::cache::{open, prepare, read, write};
use rockmem::mmap::callers;
use rockmem::mmap::mode::Mode;
use rockmem::port::storage::{Errno, How};
use shuttle::thread::yield_now;

const BYTES: usize = 40 << 10;
const FILE: usize = 8 << 10;
const RECORD: usize = 128;
const RECORDS: usize = FILE / RECORD;
/// Threads that write records: record n is thread n % WRITERS's.
const WRITERS: usize = 3;

thread_local! {
    static OBJECT: Cell<u16> = const { Cell::new(0) };
    /// The version of each record that a write has returned for.
    static DONE: RefCell<[u8; RECORDS]> = const { RefCell::new([0; RECORDS]) };
}

/// A record of this writer, and its next version, all of whose bytes are the same.
fn next_of(writer: usize) -> (usize, [u8; RECORD]) {
    let n = dice(RECORDS / WRITERS) * WRITERS + writer;
    (n, [DONE.with_borrow(|done| done[n]) + 1; RECORD])
}

fn wrote(n: usize, bytes: &[u8]) {
    DONE.with_borrow_mut(|done| done[n] = bytes[0]);
}

fn writes(writer: usize, steps: usize) {
    let mut pattern = Pattern::new();
    for _ in 0..steps {
        let (n, bytes) = next_of(writer);
        let mut g = HOUSE.enter();
        let put = write::write(&mut g, OBJECT.get(), (n * RECORD) as u64, &bytes, &mut pattern);
        assert_eq!(put.expect("written").0, RECORD);
        drop(g);
        wrote(n, &bytes);
    }
}

fn reads(steps: usize) {
    let mut pattern = Pattern::new();
    for _ in 0..steps {
        let n = dice(RECORDS);
        let least = DONE.with_borrow(|done| done[n]);
        let mut into = [0xEE; RECORD];
        let got = read::read(&mut HOUSE.enter(), OBJECT.get(), (n * RECORD) as u64, &mut into, &mut pattern);
        assert_eq!(got, Ok(RECORD));
        assert!(into.iter().all(|byte| *byte == into[0]), "record {n} is torn");
        assert!(into[0] >= least, "record {n} is of version {}, and {least} was written", into[0]);
    }
}

/// Changes records through mappings that come and go.
fn maps(writer: usize, steps: usize) {
    for _ in 0..steps {
        let (n, bytes) = next_of(writer);
        let sector = n * RECORD / 512;
        let (from, len) = (sector.saturating_sub(dice(3)), 1 + dice(4));
        let (from, len) = (from * 512, (sector - from + len) * 512);
        let made = {
            let mut g = HOUSE.enter();
            callers::create(&mut g, pool(), OBJECT.get(), Mode::Both, from as u64, len)
        };
        let md = match made {
            Ok(md) => md,
            Err(error) => {
                assert!(error == Errno::NOMEM || error == Errno::BUSY);
                continue;
            }
        };
        let start = callers::get(&mut HOUSE.enter(), md).expect("held");
        callers::write(&mut HOUSE.enter(), md, n * RECORD - from, RECORD).expect("declared");
        {
            // As a program on one core: nobody runs in the midst of its copying.
            let _g = HOUSE.enter();
            // SAFETY: the record lies in the mapping, which is held.
            unsafe { start.add(n * RECORD - from).copy_from(bytes.as_ptr(), RECORD) };
        }
        wrote(n, &bytes);
        callers::put(&mut HOUSE.enter(), md).expect("put");
        if dice(2) == 0 {
            callers::sync(&mut HOUSE.enter(), md, 0, len).expect("synced");
        }
        callers::destroy(&mut HOUSE.enter(), md, len).expect("destroyed");
    }
}

/// Brings the file to the disk, and takes memory from the cache.
fn presses(steps: usize) {
    for _ in 0..steps {
        if dice(2) == 0 {
            write::sync(&mut HOUSE.enter(), OBJECT.get()).expect("synced");
        }
        let handle = pool().alloc(dice(BYTES), null());
        yield_now();
        pool().free(handle);
    }
}

fn under_many_orders(model: fn()) {
    choice::under_many_orders(
        BYTES,
        || vec![0; FILE],
        move || {
            DONE.set([0; RECORDS]);
            prepare(&mut HOUSE.enter(), pool()).expect("tables");
            OBJECT.set(open::open(&mut HOUSE.enter(), c"file", How::WRITE).expect("open"));
            model();
            assert_eq!(open::release(&mut HOUSE.enter(), OBJECT.get()), Ok(()));
            let done = DONE.with_borrow(|done| *done);
            DISK.with_borrow(|disk| {
                for (n, record) in disk.chunks(RECORD).enumerate() {
                    let right = record.iter().all(|byte| *byte == done[n]);
                    assert!(right, "record {n} on the disk is not of version {}", done[n]);
                }
            });
        },
    );
    assert!(TRANSFERS.get().0 > 100 && TRANSFERS.get().1 > 100, "{:?} transfers", TRANSFERS.get());
}

#[test]
fn writers_and_readers_share_sectors_while_memory_is_taken() {
    under_many_orders(|| together(vec![|| writes(0, 5), || writes(1, 5), || reads(6), || presses(3)]));
}

#[test]
fn mappings_come_and_go_over_what_others_read_and_write() {
    under_many_orders(|| together(vec![|| writes(0, 4), || maps(1, 2), || maps(2, 2), || reads(5), || presses(1)]));
}
