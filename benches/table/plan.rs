//! The rows, as `benches/rows` writes them down.

use super::figure::parse_figure;

/// A condition on our figure, in the row's own unit.
pub enum Reach {
    /// At most this.
    Most(f64),
    /// At least this.
    Least(f64),
    /// At most so many times the reference's figure.
    MostRef(f64),
    /// At most so many times the peer's figure.
    MostPeer(f64),
}

impl Reach {
    fn parse(text: &str) -> Option<Self> {
        if let Some(limit) = text.strip_prefix(">=") {
            return parse_figure(limit).map(Self::Least);
        }
        let limit = text.strip_prefix("<=")?.trim();
        if let Some(times) = limit.strip_suffix("ref") {
            return times.trim().parse().ok().map(Self::MostRef);
        }
        if let Some(times) = limit.strip_suffix("peer") {
            return times.trim().parse().ok().map(Self::MostPeer);
        }
        parse_figure(limit).map(Self::Most)
    }
}

/// One row of the table.
pub struct Row {
    /// The name under which the programs print the figure.
    pub name: String,
    /// What a reader is told it is.
    pub title: String,
    /// What the C original measured when the reach was set; of a range, its end.
    pub recorded: Option<f64>,
    /// The same as it was written.
    pub recorded_text: String,
    /// All are to be met; none means that the figure is only shown.
    pub reach: Vec<Reach>,
    /// The same as it was written.
    pub reach_text: String,
}

/// A line of the table.
pub enum Line {
    /// Above the rows of one group.
    Heading(String),
    /// A figure.
    Row(Row),
}

/// What is run, and what is shown.
#[derive(Default)]
pub struct Plan {
    programs: Vec<(String, usize)>,
    lines: Vec<Line>,
}

impl Plan {
    /// Reads lists of rows; an error names the line that cannot be read.
    pub fn parse(texts: &[&str]) -> Result<Self, String> {
        let mut plan = Self::default();
        for line in texts.iter().flat_map(|text| text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            plan.add(line).ok_or(format!("cannot read the row \"{line}\""))?;
        }
        Ok(plan)
    }

    fn add(&mut self, line: &str) -> Option<()> {
        if let Some(program) = line.strip_prefix("program ") {
            let (name, times) = program.split_once(' ')?;
            self.programs.push((name.to_string(), times.trim().parse().ok()?));
            return Some(());
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        match cells[..] {
            [heading] => self.lines.push(Line::Heading(heading.to_string())),
            [name, title, recorded, reach] => self.lines.push(Line::Row(Row {
                name: name.to_string(),
                title: title.to_string(),
                recorded: parse_figure(recorded.rsplit('–').next()?),
                recorded_text: recorded.to_string(),
                reach: parse_reach(reach)?,
                reach_text: reach.to_string(),
            })),
            _ => return None,
        }
        Some(())
    }

    /// Name, and how often it is run.
    pub fn programs(&self) -> impl Iterator<Item = (&str, usize)> {
        self.programs.iter().map(|(name, times)| (name.as_str(), *times))
    }

    /// In the order of the table.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

fn parse_reach(text: &str) -> Option<Vec<Reach>> {
    let conditions = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    conditions.map(Reach::parse).collect()
}
