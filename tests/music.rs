//! What buffering promises while music plays for minutes and hours, on a clock of its own.

#[path = "support/music/mod.rs"]
mod music;
#[allow(dead_code)]
#[path = "oracle/oracle.rs"]
mod oracle;

use music::UNCOMPRESSED;
use music::disk::{CARD, HARD_DISK};
use music::scenes::{Home, alone, first_byte, hour, storm};

#[test]
fn where_memory_is_ample_less_than_a_tenth_of_what_is_played_is_copied() {
    for (home, bytes) in [(Home::Shared, 16 << 20), (Home::Shared, 32 << 20), (Home::Arena, 32 << 20)] {
        let played = alone(home, bytes, 300);
        assert!(played.heard >= 299 * UNCOMPRESSED && played.underruns == 0 && played.short == 0, "{played:?}");
        assert!(played.copied < 10.0, "{home:?} of {bytes}: {played:?}");
    }
}

#[test]
fn where_windows_stand_alone_less_than_55_of_100_bytes_are_copied() {
    for bytes in [2 << 20, 4 << 20, 8 << 20] {
        let played = alone(Home::Shared, bytes, 300);
        assert!(played.underruns == 0 && played.short == 0 && played.copied < 55.0, "{bytes}: {played:?}");
    }
}

#[test]
fn the_disk_wakes_up_no_more_often_than_with_a_ring_of_the_same_size() {
    for (home, bytes) in [(Home::Shared, 32 << 20), (Home::Arena, 32 << 20), (Home::Arena, 8 << 20)] {
        for rate in [UNCOMPRESSED, 40_000] {
            let (ours, ring) = hour(home, bytes, rate);
            assert!(ours.underruns == 0 && ours.again == 0.0, "{ours:?}");
            assert!(ours.spin_ups <= ring, "{home:?} of {bytes} at {rate}: {ring} of the ring, {ours:?}");
        }
    }
}

/// A thousand allocations while music plays. What is read ahead when the first ones come is lost once; the music lasts long
/// enough for that to be little.
fn stormy(bytes: usize, minutes: u64, seeds: u64) {
    for seed in 1..=seeds {
        let (played, served) = storm(bytes, 60 * minutes, seed);
        assert!(played.underruns == 0 && played.short == 0, "seed {seed}: {played:?}");
        assert!(played.again <= 5.0, "seed {seed}: {played:?}");
        assert_eq!(served.asked, 1000, "seed {seed}");
        assert!(served.given >= 900, "seed {seed}: {served:?}");
        assert!(served.wrongly_refused.is_empty() && served.small_refused.is_empty(), "seed {seed}: {served:?}");
    }
}

#[test]
fn allocations_that_come_and_go_stop_no_music_in_2_mb() {
    stormy(2 << 20, 10, 3);
}

#[test]
fn allocations_that_come_and_go_stop_no_music_in_8_mb() {
    stormy(8 << 20, 15, 3);
}

#[test]
fn allocations_that_come_and_go_stop_no_music_in_32_mb() {
    stormy(32 << 20, 60, 1);
}

#[test]
fn the_first_bytes_of_a_stream_are_there_as_soon_as_those_of_a_file() {
    for costs in [CARD, HARD_DISK] {
        let first = first_byte(costs);
        assert!(first.stream <= first.file && first.stream <= first.command + 1000, "{first:?}");
    }
}
