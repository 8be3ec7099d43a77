//! The audio buffer pool through its C face, with the clock in the test's hand: no test waits for real time.

#![cfg(feature = "audio_pool")]

mod config;
mod face;
mod faults;
mod sized;
mod support;
mod threads;
mod tiers;
mod time;
