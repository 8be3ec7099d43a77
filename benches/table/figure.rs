//! A figure and its unit, as a person reads it.

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unit {
    /// Nanoseconds of processor time.
    Nanoseconds,
    /// Bytes.
    Bytes,
    /// Percent.
    Percent,
    /// Anything that is counted.
    #[default]
    Count,
    /// One figure divided by another.
    Ratio,
}

impl Unit {
    /// The unit that a bench program wrote behind a number.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ns" => Self::Nanoseconds,
            "B" => Self::Bytes,
            "%" => Self::Percent,
            "n" => Self::Count,
            "x" => Self::Ratio,
            _ => return None,
        })
    }

    /// With three figures and the unit's name.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Nanoseconds => scaled(value, 1000.0, &["ns", "µs", "ms", "s"]),
            Self::Bytes => scaled(value, 1000.0, &["B", "KB", "MB", "GB"]),
            // Near a hundred, what is missing is what counts.
            Self::Percent if value < 100.0 && value > 90.0 => format!("{value:.2} %"),
            Self::Percent => format!("{} %", three(value)),
            Self::Count => format!("{value:.0}"),
            Self::Ratio => format!("{} x", three(value)),
        }
    }
}

fn scaled(mut value: f64, step: f64, names: &[&str]) -> String {
    let mut at = 0;
    while value >= step && at + 1 < names.len() {
        value /= step;
        at += 1;
    }
    format!("{} {}", three(value), names[at])
}

/// Three figures, of small numbers too.
pub fn three(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 || v == v.trunc() => 0,
        v if v >= 10.0 => 1,
        v if v >= 0.1 => 2,
        v if v >= 0.01 => 3,
        _ => 5,
    };
    format!("{value:.decimals$}")
}

/// A figure as a person writes it: a number and perhaps a unit, in ns or bytes if it has a size.
pub fn parse_figure(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace();
    let number: f64 = words.next()?.parse().ok()?;
    let scale = match words.next() {
        None | Some("ns" | "B" | "%" | "x") => 1.0,
        Some("µs" | "KB") => 1e3,
        Some("ms" | "MB") => 1e6,
        Some(_) => return None,
    };
    match words.next() {
        None => Some(number * scale),
        Some(_) => None,
    }
}
