//! Prints a workload: ours, the reference beside it, what was recorded, what was to be reached.

use crate::disk::media::Counts;
use crate::rows::{Reach, Row, What};

impl What {
    fn of(self, counts: &Counts) -> f64 {
        let (data, metadata) = (counts.data(), counts.metadata());
        match self {
            What::Commands => counts.commands() as f64,
            What::Reads => (data.reads + metadata.reads) as f64,
            What::Writes => (data.writes + metadata.writes) as f64,
            What::DataWrites => data.writes as f64,
            What::Sectors => (data.sectors_read + data.sectors_written) as f64,
            What::Sd => counts.sd.as_secs_f64() * 1e3,
            What::Hdd => counts.hdd.as_secs_f64() * 1e3,
        }
    }

    fn name(self) -> &'static str {
        match self {
            What::Commands => "cmds",
            What::Reads => "reads",
            What::Writes => "writes",
            What::DataWrites => "data writes",
            What::Sectors => "sectors",
            What::Sd => "ms SD",
            What::Hdd => "ms HDD",
        }
    }
}

pub fn heading() {
    println!(
        "{:<32}{:<10}{:>15}{:>15}{:>17}{:>9}{:>9}",
        "workload", "", "data r/w", "metadata r/w", "sectors r/w", "SD ms", "HDD ms"
    );
}

fn line(title: &str, who: &str, counts: &Counts) {
    let pair = |first: u64, second: u64| format!("{first}/{second}");
    let (data, metadata) = (counts.data(), counts.metadata());
    println!(
        "{title:<32}{who:<10}{:>15}{:>15}{:>17}{:>9.0}{:>9.0}",
        pair(data.reads, data.writes),
        pair(metadata.reads, metadata.writes),
        pair(data.sectors_read, data.sectors_written),
        What::Sd.of(counts),
        What::Hdd.of(counts),
    );
}

/// Prints a row; how many of its limits are kept, of how many.
pub fn print(row: &Row, ours: &Counts, reference: &Counts) -> (usize, usize) {
    line(row.title, "ours", ours);
    line("", "uncached", reference);
    if let Some([reads, writes, sd, hdd]) = row.recorded {
        println!("{:<32}{:<10}{:>30}{sd:>26}{hdd:>9}", "", "recorded", format!("{reads}/{writes} in all"));
    }
    let mut met = 0;
    for reach in row.reach {
        let (what, limit, said) = match *reach {
            Reach::Most(what, limit) => (what, limit, format!("{limit:.0} {}", what.name())),
            Reach::Times(what, times) => {
                let said = format!("{times} x uncached {}", what.name());
                // A figure and its limit are sums of the same parts: the last digit may differ.
                (what, times * what.of(reference) + 1e-6, said)
            }
        };
        let figure = what.of(ours);
        let holds = figure <= limit;
        met += usize::from(holds);
        println!("{:<32}{} at most {said}: {figure:.0}", "", if holds { "ok    " } else { "MISSED" });
    }
    (met, row.reach.len())
}
