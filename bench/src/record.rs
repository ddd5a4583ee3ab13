//! Results as they are kept: in a file of JSON, to be compared with those of another day.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::rows::{Figure, Goal, Sample};

/// One figure of one system, as often as it was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// What was measured.
    pub(crate) figure: String,
    /// Of what.
    pub(crate) system: String,
    /// Its unit.
    pub(crate) unit: String,
    /// Whether more is better.
    pub(crate) more: bool,
    /// What is asked for.
    pub(crate) goal: Option<f64>,
    /// All that was measured, in order.
    pub(crate) samples: Vec<f64>,
}

impl Entry {
    fn new(figure: &Figure, system: &str) -> Self {
        let (more, goal) = match figure.goal {
            Goal::AtLeast(goal) => (true, Some(goal)),
            Goal::AtMost(goal) => (false, Some(goal)),
            Goal::More => (true, None),
            Goal::Less => (false, None),
        };
        let (system, samples) = (system.to_owned(), Vec::new());
        Self { figure: figure.name.to_owned(), system, unit: figure.unit.to_owned(), more, goal, samples }
    }

    /// The middle one, or between the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
        (sorted.get(low).unwrap_or(&f64::NAN) + sorted.get(high).unwrap_or(&f64::NAN)) / 2.0
    }

    /// The lowest and the highest.
    pub(crate) fn range(&self) -> (f64, f64) {
        let samples = || self.samples.iter().copied();
        (samples().fold(f64::INFINITY, f64::min), samples().fold(f64::NEG_INFINITY, f64::max))
    }

    /// Whether it is as is asked for; `None` where nothing is.
    pub(crate) fn is_met(&self) -> Option<bool> {
        let (median, goal) = (self.median(), self.goal?);
        Some(if self.more { median >= goal } else { median <= goal })
    }

    /// How much worse than `old`, in percent, where that is more than noise: all that was measured is worse than
    /// anything before, and the medians are further apart than [`NOISE`].
    fn worse_than(&self, old: &Self) -> Option<f64> {
        let (now, then) = (self.range(), old.range());
        let apart = if self.more { now.1 < then.0 } else { now.0 > then.1 };
        let change = 100.0 * (self.median() / old.median() - 1.0) * if self.more { -1.0 } else { 1.0 };
        (apart && change > NOISE).then_some(change)
    }
}

/// What two medians of the same thing may differ by, in percent.
const NOISE: f64 = 5.0;

/// A whole table.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What it was measured on.
    pub(crate) machine: String,
    /// In the order of the table.
    pub(crate) entries: Vec<Entry>,
}

impl Record {
    /// Adds what was measured.
    pub(crate) fn add(&mut self, sample: &Sample) {
        let (figure, system) = (sample.figure, sample.system);
        let known =
            self.entries.iter().position(|entry| entry.figure == figure.name && entry.system == system);
        let at = known.unwrap_or_else(|| {
            self.entries.push(Entry::new(figure, system));
            self.entries.len() - 1
        });
        self.entries[at].samples.push(sample.value);
    }

    /// Replaces what this run measured in a record of earlier ones, and keeps the rest of it.
    pub(crate) fn merge(&mut self, new: Self) {
        for entry in new.entries {
            let same = |old: &&mut Entry| old.figure == entry.figure && old.system == entry.system;
            match self.entries.iter_mut().find(same) {
                Some(old) => *old = entry,
                None => self.entries.push(entry),
            }
        }
        self.machine = new.machine;
    }

    /// What got worse since `old`: its name and by how many percent.
    pub(crate) fn worse_than(&self, old: &Self) -> Vec<(String, f64)> {
        let key = |entry: &Entry| (entry.figure.clone(), entry.system.clone());
        let known: BTreeMap<_, _> = old.entries.iter().map(|entry| (key(entry), entry)).collect();
        let pairs = self.entries.iter().filter_map(|entry| Some((entry, *known.get(&key(entry))?)));
        pairs
            .filter_map(|(now, then)| {
                Some((format!("{} ({})", now.figure, now.system), now.worse_than(then)?))
            })
            .collect()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no record", path.display()))
    }

    /// Writes it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The processor, its cores and the kernel.
pub(crate) fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Its version; what a distributor adds says nothing about speed.
    let kernel = kernel.split('-').next().unwrap_or_default();
    format!("{}, {cores} cores, Linux {}", model.trim_start_matches([' ', '\t', ':']), kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(more: bool, samples: &[f64]) -> Entry {
        static FIGURE: Figure = Figure { name: "rate", unit: "Gbit/s", goal: Goal::AtLeast(9.0) };
        Entry { more, samples: samples.to_vec(), ..Entry::new(&FIGURE, "paso") }
    }

    #[test]
    fn only_what_is_worse_beyond_noise_is_named() {
        let old = entry(true, &[10.0, 10.1, 9.9]);
        assert!(entry(true, &[8.0, 8.1, 8.2]).worse_than(&old).is_some());
        assert_eq!(entry(true, &[8.0, 8.1, 9.95]).worse_than(&old), None, "the ranges overlap");
        assert_eq!(entry(true, &[9.7, 9.75, 9.8]).worse_than(&old), None, "too little");
        assert_eq!(entry(true, &[12.0, 12.0, 12.0]).worse_than(&old), None, "better");
        let old = entry(false, &[10.0, 10.1, 9.9]);
        assert!(entry(false, &[12.0, 12.1]).worse_than(&old).is_some());
        assert_eq!(entry(false, &[8.0, 8.1]).worse_than(&old), None, "better");
    }

    #[test]
    fn a_median_of_few() {
        assert_eq!(entry(true, &[3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(entry(true, &[4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert_eq!(entry(true, &[9.5]).is_met(), Some(true));
    }

    #[test]
    fn a_later_run_replaces_only_what_it_measured() {
        let mut record = Record { machine: String::new(), entries: vec![entry(true, &[1.0])] };
        let other = Entry { system: "kcptun".into(), ..entry(true, &[2.0]) };
        record.merge(Record { machine: "m".into(), entries: vec![entry(true, &[3.0]), other] });
        let samples: Vec<_> = record.entries.iter().map(|entry| entry.samples[0]).collect();
        assert_eq!((samples, record.machine.as_str()), (vec![3.0, 2.0], "m"));
    }
}
