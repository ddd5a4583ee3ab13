//! Counters as names and values.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::Counters;

/// Counters by the names of `docs/counters.md`. What is zero is left out: a proxy2 may have thousands of links.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CounterValues(BTreeMap<Cow<'static, str>, u64>);

impl CounterValues {
    /// The value of a counter, by its full name; zero if it is not there.
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Those that are not zero, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// Gives a counter another value.
    pub fn set(&mut self, name: &'static str, value: u64) {
        match value {
            0 => drop(self.0.remove(name)),
            value => drop(self.0.insert(Cow::Borrowed(name), value)),
        }
    }

    /// Adds those of another session.
    pub fn add(&mut self, others: &Self) {
        for (name, value) in &others.0 {
            let sum = self.0.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*value);
        }
    }
}

impl From<&Counters> for CounterValues {
    fn from(counters: &Counters) -> Self {
        let counted = counters.iter().filter(|(_, value)| *value > 0);
        Self(counted.map(|(row, value)| (Cow::Borrowed(row.name), value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_zero_is_not_there_and_is_zero() {
        let values = CounterValues::from(&Counters { sent_bytes: 3, ..Counters::default() });
        assert_eq!(values.iter().collect::<Vec<_>>(), [("paso_sent_bytes_total", 3)]);
        assert_eq!((values.get("paso_sent_bytes_total"), values.get("paso_streams")), (3, 0));
    }

    #[test]
    fn those_of_two_sessions_add_up() {
        let of = |sent_bytes, streams| {
            CounterValues::from(&Counters { sent_bytes, streams, ..Counters::default() })
        };
        let mut sum = of(1, 0);
        sum.add(&of(2, 4));
        assert_eq!(sum, of(3, 4));
    }
}
