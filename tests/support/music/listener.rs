//! Who listens: opens song after song as a player does, looks at 32 KB and goes on by 4 KB whenever those are due.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::{CString, c_void};

use rockmem::buffering::handle::{Kind, look};
use rockmem::buffering::open::{close, open};
use rockmem::buffering::position::advance;
use rockmem::buffering::stream::data;
use rockmem::buffering::{BUFFER_EVENT_BUFFER_LOW, Buffered, ERR_BUFFER_FULL, set_base, set_watermark};
use rockmem::port::monitor::House;

use super::disk::write_out;
use super::port::{Music, in_a_turn, now};

/// What a decoder asks for, and what it takes of that.
const LOOK: usize = 32 << 10;
const STEP: u64 = 4 << 10;
/// Bytes that come later than this many microseconds are an underrun.
const LATE: u64 = 100_000;

thread_local! {
    /// The level was told to be low.
    static LOW: Cell<bool> = const { Cell::new(false) };
}

extern "C" fn event(event: u16, _data: *mut c_void) {
    LOW.set(LOW.get() || event == BUFFER_EVENT_BUFFER_LOW);
}

/// Somebody who listens.
pub struct Listener {
    songs: i32,
    rate: u64,
    /// Open songs, the one that plays first: handle, song.
    open: VecDeque<(i32, i32)>,
    next: i32,
    /// The next one did not fit: not again before the level is told to be low.
    full: bool,
    /// When the first byte would have been due, had nothing come late.
    began: Option<u64>,
    /// Bytes heard.
    pub heard: u64,
    /// Times that bytes came late, and by how many microseconds in all.
    pub underruns: u64,
    pub late: u64,
    /// Requests that came back shorter than was promised.
    pub short: u64,
    wanted: Vec<u8>,
}

impl Listener {
    /// To so many songs, at so many bytes a second. Filling begins below `mark` bytes.
    pub fn new(songs: usize, rate: u64, mark: usize) -> Listener {
        let mut g = Music::monitor().enter();
        set_watermark::<Music>(&mut g, mark);
        g.buffering().hooks.event = Some(event);
        drop(g);
        LOW.set(false);
        Listener {
            songs: songs as i32,
            rate,
            open: VecDeque::new(),
            next: 0,
            full: false,
            began: None,
            heard: 0,
            underruns: 0,
            late: 0,
            short: 0,
            wanted: vec![0; LOOK],
        }
    }

    /// Opens songs until one is refused, then again when the level is low: as playback does.
    fn look_ahead(&mut self) {
        self.full &= !LOW.replace(false);
        loop {
            let mut g = Music::monitor().enter();
            if self.next == self.songs || self.full {
                return;
            }
            let path = CString::new(self.next.to_string()).expect("a number");
            match open(&mut g, &path, 0, Kind::PacketAudio, 0) {
                Ok(id) => {
                    self.open.push_back((id, self.next));
                    self.next += 1;
                    if self.open.len() == 1 {
                        set_base(&mut g, id);
                    }
                }
                Err(error) => {
                    assert_eq!(error, ERR_BUFFER_FULL);
                    self.full = true;
                    return;
                }
            }
        }
    }

    /// Decodes what is due.
    pub fn live(&mut self) {
        loop {
            self.look_ahead();
            let Some(&(id, song)) = self.open.front() else { return };
            let due = self.began.map_or(0, |began| began + self.heard * 1_000_000 / self.rate);
            if now() < due {
                return;
            }
            let mut g = Music::monitor().enter();
            let handle = look(&mut g, id).expect("an open handle");
            let left = handle.filesize - handle.pos;
            if left == 0 {
                close(&mut g, id);
                self.open.pop_front();
                if let Some((next, _)) = self.open.front() {
                    set_base(&mut g, *next);
                }
                continue;
            }
            if in_a_turn() && handle.useful() < left.min(LOOK as u64) {
                // It would wait for the transfer inside which it is asked.
                return;
            }
            let (start, len) = data(&mut g, id, LOOK).expect("bytes of a song");
            self.short += u64::from((len as u64) < left.min(LOOK as u64));
            self.check(song, handle.pos, start, len);
            let step = STEP.min(len as u64);
            advance(&mut g, id, step as i64).expect("inside the song");
            drop(g);
            match &mut self.began {
                None => self.began = Some(now()),
                Some(began) if now() > due + LATE => {
                    self.underruns += 1;
                    self.late += now() - due;
                    *began += now() - due;
                }
                Some(_) => {}
            }
            self.heard += step;
        }
    }

    /// What is taken is right, and the end of what is seen.
    fn check(&mut self, song: i32, pos: u64, start: usize, len: usize) {
        // SAFETY: the handle holds these bytes until its next pointer.
        let seen = unsafe { core::slice::from_raw_parts(start as *const u8, len) };
        for part in [0..len.min(STEP as usize), len.saturating_sub(64)..len] {
            let wanted = &mut self.wanted[..part.len()];
            write_out(song, pos + part.start as u64, wanted);
            assert!(seen[part] == *wanted, "wrong bytes of song {song} at {pos}");
        }
    }

    /// Closes what is open.
    pub fn stop(&mut self) {
        let mut g = Music::monitor().enter();
        self.open.drain(..).for_each(|(id, _)| close(&mut g, id));
    }

    /// Bytes copied into bridges of a thousand heard.
    pub fn copied(&self) -> f64 {
        let counts = Music::monitor().enter().buffering().counts;
        counts.bridged as f64 * 100.0 / counts.played.max(1) as f64
    }
}
