//! What buffering costs while music plays, beside a ring of the same size: `make bench ONLY=buffering`, or
//! `cargo bench --bench buffering`.
//!
//! All but the last row is counted or timed on the clock of the model (`tests/support/music`), the same in every run.

#[path = "../../tests/support/music/mod.rs"]
mod music;
#[allow(dead_code)]
#[path = "../../tests/oracle/oracle.rs"]
mod oracle;

use music::UNCOMPRESSED;
use music::disk::{CARD, HARD_DISK};
use music::scenes::{Home, alone, first_byte, first_byte_in_memory, hour, storm, takers};

const MB: usize = 1 << 20;
/// 320 and 128 kbit/s.
const COMPRESSED: [u64; 2] = [40_000, 16_000];

/// Rows whose limits are kept, and all that have one.
#[derive(Default)]
struct Tally {
    kept: u32,
    all: u32,
}

impl Tally {
    fn judge(&mut self, holds: bool) -> &'static str {
        self.all += 1;
        self.kept += u32::from(holds);
        if holds { "ok" } else { "MISSED" }
    }
}

/// Memory of at least this many bytes is ample.
const AMPLE: usize = 16 * MB;

fn copies(tally: &mut Tally) {
    println!("\nBytes copied of a hundred played: 32 KB looked at, 4 KB taken, uncompressed, ten minutes");
    println!("{:<10}{:>8}{:>10}{:>12}{:>12}", "home", "MB", "copied", "underruns", "at most");
    for (home, bytes) in [
        (Home::Shared, 2 * MB),
        (Home::Shared, 4 * MB),
        (Home::Shared, 8 * MB),
        (Home::Shared, 16 * MB),
        (Home::Shared, 32 * MB),
        (Home::Arena, 2 * MB),
        (Home::Arena, 4 * MB),
        (Home::Arena, 8 * MB),
        (Home::Arena, 32 * MB),
    ] {
        let played = alone(home, bytes, 600);
        let limit = if bytes >= AMPLE { 10.0 } else { 55.0 };
        let verdict = tally.judge(played.copied < limit && played.underruns == 0 && played.short == 0);
        let home = format!("{home:?}").to_lowercase();
        println!("{home:<10}{:>8}{:>10.1}{:>12}{limit:>12} {verdict}", bytes / MB, played.copied, played.underruns);
    }
}

fn spin_ups(tally: &mut Tally) {
    println!("\nAn hour from a hard disk that sleeps after two seconds; a burst begins five seconds before the end");
    println!(
        "{:<10}{:>8}{:>10}{:>10}{:>12}{:>12}{:>10}",
        "home", "MB", "kbit/s", "spin-ups", "ring", "awake s", "underruns"
    );
    for (home, bytes) in
        [(Home::Shared, 8 * MB), (Home::Arena, 8 * MB), (Home::Shared, 32 * MB), (Home::Arena, 32 * MB)]
    {
        for rate in [UNCOMPRESSED, COMPRESSED[0], COMPRESSED[1]] {
            let (ours, ring) = hour(home, bytes, rate);
            let verdict = tally.judge(ours.spin_ups <= ring && ours.underruns == 0);
            println!(
                "{:<10}{:>8}{:>10}{:>10}{ring:>12}{:>12}{:>10} {verdict}",
                format!("{home:?}").to_lowercase(),
                bytes / MB,
                rate * 8 / 1000,
                ours.spin_ups,
                ours.awake,
                ours.underruns
            );
        }
    }
}

/// The same for so many sizes and rates that it is no luck.
fn many_hours(tally: &mut Tally) {
    let (mut all, mut ours_all, mut ring_all, mut more) = (0, 0, 0, Vec::new());
    for kb in [1000, 1500, 2048, 3000, 4096, 5000, 6000, 7000, 8192, 9500, 12000, 14000, 16384, 20000, 27000, 32768] {
        for kbit in [96, 128, 160, 192, 256, 320, 900, 1411] {
            let (ours, ring) = hour(Home::Arena, kb << 10, kbit * 125);
            (all, ours_all, ring_all) = (all + 1, ours_all + ours.spin_ups, ring_all + ring);
            if ours.spin_ups > ring || ours.underruns > 0 {
                more.push((kb, kbit));
            }
        }
    }
    let verdict = tally.judge(more.is_empty());
    println!(
        "{all} hours, arenas of 1 to 32 MB, 96 to 1411 kbit/s: {ours_all} spin-ups, ring {ring_all}; more often in {more:?} {verdict}"
    );
}

fn losses(tally: &mut Tally) {
    println!(
        "\nHalf an hour of uncompressed music from a hard disk in 8 MB, of which somebody takes some for ten seconds, a minute apart"
    );
    println!("{:<10}{:>8}{:>10}{:>14}{:>12}", "KB", "times", "spin-ups", "read twice", "underruns");
    let mut alone = None;
    for (taken, times) in [(0, 0), (200 << 10, 1), (2 * MB, 1), (2 * MB, 29)] {
        let played = takers(8 * MB, 1800, taken, times);
        let most = *alone.get_or_insert(played.spin_ups) + 1;
        let verdict =
            tally.judge(played.underruns == 0 && played.again <= 5.0 && (times > 1 || played.spin_ups <= most));
        println!(
            "{:<10}{times:>8}{:>10}{:>12.1} %{:>12} {verdict}",
            taken >> 10,
            played.spin_ups,
            played.again,
            played.underruns
        );
    }
}

fn storms(tally: &mut Tally) {
    println!("\nA thousand allocations of 1 KB to a third of the pool, uncompressed music from a card");
    println!(
        "{:<8}{:>8}{:>6}{:>11}{:>14}{:>8}{:>22}{:>16}",
        "MB", "minutes", "seed", "underruns", "read twice", "given", "fitting, refused", "small refused"
    );
    for (bytes, minutes, seeds) in [(2 * MB, 10, 3), (8 * MB, 15, 3), (32 * MB, 60, 3)] {
        for seed in 1..=seeds {
            let (played, served) = storm(bytes, minutes * 60, seed);
            let wrong = served.wrongly_refused.len();
            let small = served.small_refused.len();
            let calm = played.underruns == 0 && played.again <= 5.0;
            let verdict = tally.judge(calm && served.given >= 900 && wrong == 0 && small == 0);
            println!(
                "{:<8}{minutes:>8}{seed:>6}{:>11}{:>12.1} %{:>8}{:>17}, {wrong:>3}{small:>16} {verdict}",
                bytes / MB,
                played.underruns,
                played.again,
                served.given,
                served.fitting
            );
        }
    }
}

fn first(tally: &mut Tally) {
    println!("\nTime to the first 32 KB of a file, in ms");
    println!("{:<16}{:>22}{:>14}{:>14}", "", "bufopen, bufgetdata", "open, read", "one command");
    for (name, costs) in [("card", CARD), ("hard disk", HARD_DISK)] {
        let first = first_byte(costs);
        let ms = |micros: u64| micros as f64 / 1000.0;
        let verdict = tally.judge(first.stream <= first.file);
        println!("{name:<16}{:>22.1}{:>14.1}{:>14.1} {verdict}", ms(first.stream), ms(first.file), ms(first.command));
    }
    let (stream, file) = first_byte_in_memory();
    let verdict = tally.judge(stream <= 2.0 * file);
    println!("{:<16}{stream:>19.1} µs{file:>11.1} µs   processor time, this machine's {verdict}", "in memory");
}

fn main() {
    let mut tally = Tally::default();
    copies(&mut tally);
    spin_ups(&mut tally);
    many_hours(&mut tally);
    losses(&mut tally);
    storms(&mut tally);
    first(&mut tally);
    println!("\n{} of {} limits kept.", tally.kept, tally.all);
}
