//! What buffering promises while music plays for minutes and hours, on a clock of its own.

#[path = "support/music/mod.rs"]
mod music;
#[allow(dead_code)]
#[path = "oracle/oracle.rs"]
mod oracle;

use music::disk::{CARD, Disk, HARD_DISK, write_out};
use music::port::{World, disk, fill};
use music::scenes::{Home, alone, first_byte, hour, storm, takers};
use music::{UNCOMPRESSED, shared};
use rockmem::buffering::handle::{Kind, look};
use rockmem::buffering::open::{close, open};
use rockmem::buffering::position::seek;
use rockmem::buffering::stream::data;

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
        for home in [Home::Shared, Home::Arena] {
            let played = alone(home, bytes, 300);
            assert!(
                played.underruns == 0 && played.short == 0 && played.copied < 55.0,
                "{home:?} of {bytes}: {played:?}"
            );
        }
    }
}

#[test]
fn the_disk_wakes_up_no_more_often_than_with_a_ring_of_the_same_size() {
    for (home, bytes) in [(Home::Shared, 32 << 20), (Home::Arena, 32 << 20), (Home::Arena, 8 << 20)] {
        for rate in [UNCOMPRESSED, 40_000, 16_000] {
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
fn what_somebody_took_and_gave_back_is_filled_again_with_the_next_burst_but_not_time_after_time() {
    let (alone, once) = (takers(8 << 20, 1800, 0, 0), takers(8 << 20, 1800, 2 << 20, 1));
    assert!(once.spin_ups <= alone.spin_ups + 1 && once.underruns == 0, "{} alone, {once:?}", alone.spin_ups);
    let often = takers(8 << 20, 1800, 2 << 20, 29);
    assert!(often.again <= 5.0 && often.underruns == 0, "{often:?}");
}

#[test]
fn the_first_bytes_of_a_stream_are_there_as_soon_as_those_of_a_file() {
    for costs in [CARD, HARD_DISK] {
        let first = first_byte(costs);
        assert!(first.stream <= first.file && first.stream <= first.command + 1000, "{first:?}");
    }
}

/// A world with one song, a handle on it, and all that fits of it in memory.
fn one_song(pool: usize, size: u64) -> (World, i32) {
    let world = shared(pool, Disk::new(HARD_DISK, vec![size]));
    let id = open(&mut world.enter(), c"0", 0, Kind::PacketAudio, 0).expect("a song");
    while fill() {}
    (world, id)
}

/// Where the disk went for a look at 1000 bytes of this place.
fn commands_of_a_jump(world: &World, id: i32, to: u64) -> Vec<(i32, u64, usize)> {
    disk(|disk| disk.log.clear());
    seek(&mut world.enter(), id, to).expect("inside");
    let (start, len) = data(&mut world.enter(), id, 1000).expect("bytes");
    let mut wanted = [0; 1000];
    write_out(0, to, &mut wanted);
    // SAFETY: the handle holds these bytes.
    assert_eq!(unsafe { core::slice::from_raw_parts(start as *const u8, len) }, wanted);
    disk(|disk| disk.log.clone())
}

#[test]
fn a_jump_inside_memory_costs_nothing_a_short_one_forward_reads_on_and_a_long_one_begins_where_it_goes() {
    let (world, id) = one_song(4 << 20, 60_000_000);
    let end = look(&mut world.enter(), id).expect("a handle").end;
    assert!(end > 3_000_000);
    for to in [2_000_000, 100, end - 1000, 0] {
        assert_eq!(commands_of_a_jump(&world, id, to), [], "to {to}");
    }
    // From the last byte that is there a little farther, and back into what lies between.
    let near = commands_of_a_jump(&world, id, end + 20_000);
    assert_eq!((near[0].0, near[0].1), (0, end), "{near:?}");
    assert_eq!(commands_of_a_jump(&world, id, end + 5000), []);
    for to in [40_000_123, 20_000_000, 55_555_555] {
        let far = commands_of_a_jump(&world, id, to);
        assert_eq!(far[0].1, to / 512 * 512, "{far:?}");
        assert!(far[0].2 <= 33 << 10, "no more than the reader waits for: {far:?}");
    }
    close(&mut world.enter(), id);
}
