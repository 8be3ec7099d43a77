//! Traces: a line for an operation, in the order of time. What follows a # says nothing.
//!
//! ```text
//!   pool BYTES                              once, before all others
//!   alloc NAME BYTES [locked]               a block; locked: it never moves
//!   purgeable NAME BYTES now|soon|cached|disposable
//!   want NAME now|soon|cached|disposable    a purgeable block is wanted more or less from here on
//!   free NAME    shrink NAME BYTES    pin NAME    unpin NAME
//!   touch NAME   dirty NAME   clean NAME    io NAME   done NAME       purgeable blocks
//! ```
//!
//! A name may be used again when its block is freed. What concerns a block that was refused, or reclaimed meanwhile, does
//! nothing: the same trace suits a pool of any size.

use rockmem::buflib::Priority;

/// The smallest and the largest pool that is drawn.
const POOL: std::ops::RangeInclusive<usize> = 1024..=1 << 30;

/// What happens to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Alloc { size: usize, locked: bool },
    Purgeable { size: usize, priority: Priority },
    Want(Priority),
    Shrink(usize),
    Free,
    Pin,
    Unpin,
    Touch,
    Dirty(bool),
    Io(bool),
}

/// A line of a trace.
pub struct Operation {
    pub name: String,
    pub deed: Deed,
}

/// What was read.
pub struct Trace {
    /// Bytes of the pool.
    pub pool: usize,
    pub operations: Vec<Operation>,
}

fn priority(word: &str) -> Option<Priority> {
    Some(match word {
        "now" => Priority::Now,
        "soon" => Priority::Soon,
        "cached" => Priority::Cached,
        "disposable" => Priority::Disposable,
        _ => return None,
    })
}

fn deed(words: &[&str]) -> Option<Deed> {
    let size = |word: &str| word.parse().ok().filter(|size| *size <= *POOL.end());
    Some(match words {
        ["alloc", bytes] => Deed::Alloc { size: size(bytes)?, locked: false },
        ["alloc", bytes, "locked"] => Deed::Alloc { size: size(bytes)?, locked: true },
        ["purgeable", bytes, word] => Deed::Purgeable { size: size(bytes)?, priority: priority(word)? },
        ["want", word] => Deed::Want(priority(word)?),
        ["shrink", bytes] => Deed::Shrink(size(bytes)?),
        ["free"] => Deed::Free,
        ["pin"] => Deed::Pin,
        ["unpin"] => Deed::Unpin,
        ["touch"] => Deed::Touch,
        ["dirty"] => Deed::Dirty(true),
        ["clean"] => Deed::Dirty(false),
        ["io"] => Deed::Io(true),
        ["done"] => Deed::Io(false),
        _ => return None,
    })
}

/// Reads a trace; what is wrong with it, and in which line.
pub fn parse(text: &str) -> Result<Trace, String> {
    let mut trace = Trace { pool: 0, operations: Vec::new() };
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split('#').next().unwrap_or("").split_whitespace().collect();
        let wrong = |what: &str| format!("line {}: {what}: {line}", number + 1);
        match words[..] {
            [] => {}
            ["pool", bytes] if trace.pool == 0 => {
                let bytes = bytes.parse().ok().filter(|bytes| POOL.contains(bytes));
                trace.pool = bytes.ok_or_else(|| wrong("a pool has 1 KB to 1 GB"))?;
            }
            _ if trace.pool == 0 => return Err(wrong("the pool comes first")),
            [verb, name, ..] => {
                let rest: Vec<&str> = [verb].into_iter().chain(words[2..].iter().copied()).collect();
                let deed = deed(&rest).ok_or_else(|| wrong("not understood"))?;
                trace.operations.push(Operation { name: name.to_string(), deed });
            }
            _ => return Err(wrong("not understood")),
        }
    }
    if trace.pool == 0 { Err("there is no pool in it".into()) } else { Ok(trace) }
}
