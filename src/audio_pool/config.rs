//! The configuration: one snapshot, published as a whole, read without a lock.
//!
//! A writer makes the sequence number odd, stores the words and makes it even again; a reader that saw an odd number or
//! two different ones reads again. Nothing in a get or put that hits reads it: sizes and bounds are copied into a pool when
//! it is made, thresholds are looked at by the cleaner, and the switch that times the calls closes the way of the fast ones.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};

use parking_lot::Mutex;

use super::local;
use super::settings::{FIELDS, Settings};

static SEQUENCE: AtomicU32 = AtomicU32::new(0);
static WORDS: [AtomicU32; FIELDS] = {
    let defaults = Settings::DEFAULT.words();
    let mut words = [const { AtomicU32::new(0) }; FIELDS];
    let mut at = 0;
    while at < FIELDS {
        words[at] = AtomicU32::new(defaults[at]);
        at += 1;
    }
    words
};
static WRITER: Mutex<()> = Mutex::new(());
static MEASURE: AtomicBool = AtomicBool::new(false);

/// The settings of this moment, all from the same publication.
pub fn settings() -> Settings {
    loop {
        let before = SEQUENCE.load(Ordering::Acquire);
        let mut words = [0; FIELDS];
        for (word, from) in words.iter_mut().zip(&WORDS) {
            *word = from.load(Ordering::Relaxed);
        }
        fence(Ordering::Acquire);
        if before & 1 == 0 && SEQUENCE.load(Ordering::Relaxed) == before {
            return Settings::from_words(words);
        }
        core::hint::spin_loop();
    }
}

/// Publishes new settings, each field checked. Sizes and bounds count for pools made from now on, the rest at once.
pub fn set_settings(settings: Settings) {
    let settings = settings.validated();
    let _held = WRITER.lock();
    let before = SEQUENCE.load(Ordering::Relaxed);
    SEQUENCE.store(before.wrapping_add(1), Ordering::Relaxed);
    fence(Ordering::Release);
    for (word, to) in settings.words().into_iter().zip(&WORDS) {
        to.store(word, Ordering::Relaxed);
    }
    SEQUENCE.store(before.wrapping_add(2), Ordering::Release);
    MEASURE.store(settings.measure, Ordering::Relaxed);
    local::registry().set_pace();
}

/// Whether calls are timed.
#[inline]
pub fn measuring() -> bool {
    MEASURE.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_reader_sees_one_publication_as_a_whole() {
        let _world = crate::audio_pool::testing::world();
        let make = |n: u32| Settings { frame_size: n, control_size: n, max_caches: n, ..Settings::DEFAULT };
        set_settings(make(10));
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..100_000u32 {
                    set_settings(make(round % 1000 + 10));
                }
                set_settings(make(2000));
            });
            loop {
                let seen = settings();
                assert_eq!(seen.frame_size, seen.control_size);
                assert_eq!(seen.frame_size, seen.max_caches);
                if seen.frame_size == 2000 {
                    break;
                }
            }
        });
    }
}
