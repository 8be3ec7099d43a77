//! Where the clusters of a file are: runs of clusters that lie together, read from the table as far as needed, once.

use std::vec::Vec;

use super::sectors::Sectors;
use super::table::{Link, Table};
use crate::port::storage::Errno;

/// Clusters next to each other.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Which cluster of the file the first one is.
    index: u32,
    cluster: u32,
    len: u32,
}

/// The clusters of a file, as far as they are known.
#[derive(Debug, Default)]
pub struct Chain {
    runs: Vec<Run>,
    complete: bool,
}

impl Chain {
    /// The chain that begins with this cluster; 0: empty.
    pub fn new(first: u32) -> Chain {
        let mut chain = Chain { runs: Vec::new(), complete: first == 0 };
        if first != 0 {
            chain.push(first);
        }
        chain
    }

    /// The first cluster; 0 if there is none.
    pub fn first(&self) -> u32 {
        self.runs.first().map_or(0, |run| run.cluster)
    }

    /// How many clusters are known.
    pub fn known(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.index + run.len)
    }

    /// The last one that is known.
    pub fn last(&self) -> Option<u32> {
        self.runs.last().map(|run| run.cluster + run.len - 1)
    }

    /// Adds a cluster at the end.
    pub fn push(&mut self, cluster: u32) {
        match self.runs.last_mut() {
            Some(run) if run.cluster + run.len == cluster => run.len += 1,
            _ => self.runs.push(Run { index: self.known(), cluster, len: 1 }),
        }
    }

    /// Reads on in the table until so many are known or the chain ends.
    ///
    /// # Errors
    /// The device's; `EIO` for a chain that leads nowhere.
    pub fn extend(&mut self, many: u32, table: &Table, sectors: &mut Sectors) -> Result<(), Errno> {
        while !self.complete && self.known() < many {
            let Some(last) = self.last() else { break };
            match table.link(sectors, last)? {
                Link::Next(next) if self.known() < table.layout.end => self.push(next),
                Link::End => self.complete = true,
                _ => return Err(Errno::IO),
            }
        }
        Ok(())
    }

    /// Where a cluster of the file is, among those known, and how many follow it there, itself included.
    pub fn find(&self, index: u32) -> Option<(u32, u32)> {
        let after = self.runs.partition_point(|run| run.index <= index);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let into = index - run.index;
        (into < run.len).then(|| (run.cluster + into, run.len - into))
    }

    /// Keeps the first so many clusters; the others come back.
    pub fn cut(&mut self, keep: u32) -> Vec<u32> {
        let mut gone = Vec::new();
        while let Some(run) = self.runs.last_mut() {
            let stays = keep.saturating_sub(run.index).min(run.len);
            gone.extend(run.cluster + stays..run.cluster + run.len);
            run.len = stays;
            if stays > 0 {
                break;
            }
            self.runs.pop();
        }
        self.complete = true;
        gone
    }
}
