//! Many threads over mappings of the same files.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::thread;
use std::vec::Vec;

use crate::mmap::mode::Mode;
use crate::mmap::os::tests::{file, map};
use crate::mmap::os::{Mapping, extending, page, resize};
use crate::port::model::Dice;
use crate::port::region::faults::{peek, poke};
use crate::port::storage::Errno;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

const THREADS: usize = 8;
const ROUNDS: usize = if cfg!(miri) { 20 } else { 3000 };

#[test]
fn eight_threads_read_and_write_shared_files_by_mapping_and_by_call_and_agree() {
    let files = [file(40 * page()), file(23 * page() + 77)];
    // The checker: what each file holds, a lock for each stretch of 1000 bytes.
    let truth = files
        .each_ref()
        .map(|(_, whole)| whole.chunks(1000).map(|chunk| Mutex::new(chunk.to_vec())).collect::<Vec<_>>());
    // One mapping of each file is everybody's, held by nobody for long.
    let shared = files.each_ref().map(|(file, whole)| map(file, Mode::Both, 0, whole.len()).unwrap());
    thread::scope(|scope| {
        for n in 0..THREADS {
            let (files, truth) = (&files, &truth);
            scope.spawn(move || {
                let mut dice = Dice::new(n as u64 + 1);
                for _ in 0..ROUNDS {
                    let which = dice.below(2);
                    let (file, whole) = &files[which];
                    let at = dice.below(truth[which].len());
                    let mut stretch = truth[which][at].lock().unwrap();
                    let own = dice.below(4) == 0;
                    // A mapping of our own begins a page or more before the stretch.
                    let first = if own { at * 1000 / page() * page() } else { 0 };
                    let mapping = match own {
                        true => map(file, Mode::Both, first as u64, whole.len() - first).unwrap(),
                        false => shared[which],
                    };
                    let from = at * 1000 - first;
                    match dice.below(4) {
                        0 => {
                            let mut got = std::vec![0; stretch.len()];
                            file.read_exact_at(&mut got, at as u64 * 1000).unwrap();
                            assert_eq!(got, *stretch);
                        }
                        1 => {
                            stretch.fill(dice.below(256) as u8);
                            file.write_all_at(&stretch, at as u64 * 1000).unwrap();
                        }
                        2 => {
                            mapping.read(from, stretch.len()).unwrap();
                            let start = mapping.get().unwrap();
                            assert_eq!(peek(start, from, stretch.len()), *stretch);
                            mapping.put().unwrap();
                        }
                        _ => {
                            stretch.fill(dice.below(256) as u8);
                            mapping.write(from, stretch.len()).unwrap();
                            let start = mapping.get().unwrap();
                            poke(start, from, &stretch);
                            mapping.put().unwrap();
                            if dice.below(200) == 0 {
                                mapping.sync(from, stretch.len()).unwrap();
                            }
                        }
                    }
                    drop(stretch);
                    if own {
                        mapping.destroy(whole.len() - first, false).unwrap();
                    }
                }
            });
        }
    });
    for ((mapping, (_, whole)), truth) in shared.iter().zip(&files).zip(&truth) {
        let wanted: Vec<u8> = truth.iter().flat_map(|stretch| stretch.lock().unwrap().clone()).collect();
        mapping.read(0, whole.len()).unwrap();
        assert_eq!(crate::mmap::os::tests::bytes(*mapping, 0, whole.len()), wanted);
        mapping.destroy(whole.len(), true).unwrap();
    }
}

#[test]
fn who_uses_a_number_while_it_ends_gets_an_answer_and_nothing_worse() {
    let (file, whole) = file(9 * page());
    let now = AtomicI32::new(0);
    let (done, held) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for n in 0..3 {
            let (now, done, held, whole) = (&now, &done, &held, &whole);
            scope.spawn(move || {
                let mut dice = Dice::new(n);
                while !done.load(Ordering::Relaxed) {
                    thread::yield_now();
                    let Some(mapping) = Mapping::of(now.load(Ordering::Relaxed)) else { continue };
                    let from = dice.below(8 * page());
                    let answer = mapping.read(from, 50);
                    assert!(matches!(answer, Ok(()) | Err(Errno::BADF)), "{answer:?}");
                    if dice.below(4) == 0
                        && let Ok(start) = mapping.get()
                    {
                        // Held, it cannot end.
                        assert_eq!(mapping.read(from, 50), Ok(()));
                        assert_eq!(peek(start, from, 50), whole[from..from + 50]);
                        held.fetch_add(1, Ordering::Relaxed);
                        mapping.put().unwrap();
                    }
                    let _ = mapping.error();
                }
            });
        }
        // Until it was really tried, that is held by somebody and refused to end.
        let mut refused = 0;
        let mut rounds = 0;
        while rounds < ROUNDS / 10 || refused == 0 || held.load(Ordering::Relaxed) == 0 {
            let mapping = map(&file, Mode::Read, 0, 9 * page()).unwrap();
            now.store(mapping.number(), Ordering::Relaxed);
            rounds += 1;
            thread::yield_now();
            while let Err(error) = mapping.destroy(9 * page(), false) {
                assert_eq!(error, Errno::BUSY);
                refused += 1;
                thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_file_may_change_its_length_while_others_use_mappings_over_its_end() {
    let (file, whole) = file(8 * page());
    let fd = file.as_raw_fd();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for mode in [Mode::Read, Mode::Both] {
            let mapping = map(&file, mode, 0, 8 * page()).unwrap();
            let (done, whole) = (&done, &whole);
            scope.spawn(move || {
                let start = mapping.get().unwrap();
                while !done.load(Ordering::Relaxed) {
                    mapping.read(0, 8 * page()).unwrap();
                    // The first half never goes; the second is the file's or zero, and never a signal.
                    assert_eq!(peek(start, 0, 4 * page()), whole[..4 * page()]);
                    let rest = peek(start, 4 * page(), 4 * page());
                    assert!(rest.iter().zip(&whole[4 * page()..]).all(|(got, full)| *got == 0 || got == full));
                }
                mapping.put().unwrap();
                mapping.destroy(8 * page(), false).unwrap();
            });
        }
        let mut dice = Dice::new(7);
        for _ in 0..ROUNDS / 10 {
            let to = 4 * page() + dice.below(4 * page());
            resize(fd, to as u64).unwrap();
            let end = (to + dice.below(4 * page())).min(8 * page());
            extending(fd, end as u64, || file.write_all_at(&whole[to..end], to as u64)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}
