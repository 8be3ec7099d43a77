//! Draws what becomes of a pool over time: `cargo run --example pool_map -- trace.txt out.svg`, or `make map`.
//!
//! ```text
//!   trace.txt ─ trace.rs ─► operations ─ replay.rs ─► a real pool, looked at after each ─► lives ─ draw.rs ─► out.svg
//! ```
//!
//! `--player trace.txt [seed]` writes a trace to begin with: what a player does while it plays an album.

mod draw;
mod player;
mod replay;
mod trace;

use std::process::ExitCode;

fn work(arguments: &[&str]) -> Result<String, String> {
    let write = |path: &str, text: String| std::fs::write(path, text).map_err(|e| format!("{path}: {e}"));
    match arguments {
        ["--player", path] => write(path, player::trace(1)).map(|()| String::from(*path)),
        ["--player", path, seed] => {
            let seed = seed.parse().map_err(|_| format!("{seed} is no number"))?;
            write(path, player::trace(seed)).map(|()| String::from(*path))
        }
        [from, to] => {
            let text = std::fs::read_to_string(from).map_err(|e| format!("{from}: {e}"))?;
            let trace = trace::parse(&text).map_err(|e| format!("{from}: {e}"))?;
            let story = replay::replay(&trace);
            write(to, draw::svg(&story))?;
            Ok(format!("{to}: {} operations, {} blocks", story.steps, story.lives.len()))
        }
        _ => Err("pool_map TRACE SVG, or pool_map --player TRACE [SEED]".into()),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match work(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
