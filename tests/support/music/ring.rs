//! The original's ring, as far as the disk sees it: one buffer for all handles, filled in chunks of 32 KB until nothing
//! more fits, and left alone until what is left to play is below the mark.
//!
//! ```text
//!      first handle                                          last handle
//!   ├─header│▓▓▓▓▓▓▓▓▓▓ audio from the position on ▓▓▓▓│header│▓▓▓▓▓ audio, buffered so far ▓▓▓▓│ free ├──
//!            what was played is free at once            the next one is opened when all of this one would fit
//! ```
//!
//! This is an account of bytes, with nothing of the original in it.

/// The guard at the ring's end, which holds a copy of its start.
const GUARD: u64 = 32 << 10;
/// What a track takes beside its audio: tags, the track's record, headers.
const TRACK: u64 = 4096;
/// One read.
const CHUNK: u64 = 32 << 10;
/// How often the level is looked at, in microseconds.
const PULSE: u64 = 500_000;

/// What the ring cost the disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Bursts of reading.
    pub bursts: u64,
    /// Bytes read.
    pub read: u64,
}

struct Track {
    pos: u64,
    end: u64,
    size: u64,
}

/// Plays songs of these lengths from a ring of so many bytes, at so many bytes a second, filling below `mark`. Reading
/// takes no time: the disk is much faster than the music, and what it plays meanwhile would only make bursts longer.
pub fn play(songs: &[u64], ring: u64, mark: u64, rate: u64, micros: u64, disk_rate: u64) -> Spent {
    let room = ring - GUARD;
    let mut spent = Spent::default();
    let mut tracks: Vec<Track> = Vec::new();
    let mut next = 0;
    let mut now = 0;
    let mut filling = true;
    let used = |tracks: &Vec<Track>| tracks.iter().map(|track| TRACK + track.end - track.pos).sum::<u64>();
    while now < micros && (next < songs.len() || !tracks.is_empty()) {
        if filling {
            spent.bursts += 1;
            loop {
                let taken = used(&tracks);
                if let Some(track) = tracks.iter_mut().find(|track| track.end < track.size) {
                    let chunk = CHUNK.min(track.size - track.end);
                    if taken + chunk > room {
                        break;
                    }
                    track.end += chunk;
                    spent.read += chunk;
                    // The music plays on while the disk reads.
                    let micros = chunk * 1_000_000 / disk_rate;
                    listen(&mut tracks, micros * rate / 1_000_000);
                    now += micros;
                    continue;
                }
                let fits = tracks.last().is_none_or(|_| taken + TRACK <= room);
                if next == songs.len() || !fits {
                    break;
                }
                tracks.push(Track { pos: 0, end: 0, size: songs[next] });
                next += 1;
            }
        }
        now += PULSE;
        listen(&mut tracks, rate * PULSE / 1_000_000);
        let useful: u64 = tracks.iter().map(|track| track.end - track.pos).sum();
        let more = next < songs.len() || tracks.iter().any(|track| track.end < track.size);
        filling = more && useful < mark.min(room / 4 * 3);
    }
    spent
}

fn listen(tracks: &mut Vec<Track>, mut bytes: u64) {
    while bytes > 0 && !tracks.is_empty() {
        let first = &mut tracks[0];
        let step = bytes.min(first.end - first.pos);
        first.pos += step;
        bytes -= step;
        if first.pos < first.size {
            return;
        }
        tracks.remove(0);
    }
}
