//! One table: what each workload measured, beside what it should reach.
//!
//! ```text
//!   programs of benches/c ──run──▶ figures by name ──┐
//!   other crates (peer)   ───────▶ figures by name ──┼──▶ one line per row
//!   rows: title, recorded figure, reach  ────────────┘
//! ```
//!
//! A reach is a condition, not a text, so the table can say by itself which ones are met. A
//! further group of workloads is a program in `benches/c` and some lines in `benches/rows`.

mod figure;
mod plan;
mod run;

use plan::{Line, Reach, Row};

pub use figure::Unit;
pub use plan::Plan;
pub use run::{Figures, Programs};

/// What was measured for one row.
struct Outcome<'a> {
    row: &'a Row,
    unit: Unit,
    ours: Option<f64>,
    reference: Option<f64>,
    peer: Option<f64>,
}

impl Outcome<'_> {
    /// Whether the reach is met; nothing if there is none, or nobody to compare with.
    fn met(&self) -> Option<bool> {
        let ours = self.ours?;
        let mut judged = None;
        for reach in &self.row.reach {
            let holds = match *reach {
                Reach::Most(limit) => Some(ours <= limit),
                Reach::Least(limit) => Some(ours >= limit),
                Reach::MostRef(times) => {
                    let other = self.reference.or(self.row.recorded);
                    other.map(|other| ours <= times * other)
                }
                Reach::MostPeer(times) => self.peer.map(|peer| ours <= times * peer),
            };
            if let Some(holds) = holds {
                judged = Some(judged.unwrap_or(true) && holds);
            }
        }
        judged
    }

    fn ratio(&self) -> String {
        match (self.ours, self.reference) {
            (Some(ours), Some(other)) if other != 0.0 => figure::three(ours / other),
            _ => String::new(),
        }
    }

    fn show(&self, figure: Option<f64>) -> String {
        figure.map_or(String::new(), |figure| self.unit.show(figure))
    }
}

/// One line, of which the row's own texts come last: they may hold wide letters.
fn print_line(title: &str, cells: [&str; 4], reach: &str) {
    let [ours, other, ratio, peer] = cells;
    let line = format!("{title:<44}{ours:>10}{other:>16}{ratio:>10}{peer:>10}  {reach}");
    println!("{}", line.trim_end());
}

impl Plan {
    /// Prints the table. `with_ref`: a reference was run; without one its column shows what was
    /// recorded. `partly`: not all programs were run, rows without figures are left out.
    pub fn print(&self, figures: &Figures, with_ref: bool, partly: bool) {
        let (other, ratio) = match with_ref {
            true => ("ref", "ours/ref"),
            false => ("recorded", ""),
        };
        let (mut met, mut missed) = (0, 0);
        let mut heading = None;

        print_line("workload", ["ours", other, ratio, "peer"], "reach");
        for line in self.lines() {
            let row = match line {
                Line::Heading(text) => {
                    heading = Some(text);
                    continue;
                }
                Line::Row(row) => row,
            };
            let outcome = Outcome {
                row,
                unit: figures.unit(&row.name),
                ours: figures.ours(&row.name),
                reference: figures.reference(&row.name),
                peer: figures.peer(&row.name),
            };
            if partly && outcome.ours.is_none() {
                continue;
            }
            if let Some(text) = heading.take() {
                println!("\n{text}");
            }
            let verdict = match outcome.met() {
                Some(true) => {
                    met += 1;
                    "ok     "
                }
                Some(false) => {
                    missed += 1;
                    "MISSED "
                }
                None => "",
            };
            let other = match with_ref {
                true => outcome.show(outcome.reference),
                false => row.recorded_text.clone(),
            };
            print_line(
                &format!("  {}", row.title),
                [&outcome.show(outcome.ours), &other, &outcome.ratio(), &outcome.show(outcome.peer)],
                &format!("{verdict}{}", row.reach_text),
            );
        }
        println!("\n{met} of {} reached.", met + missed);
    }
}
