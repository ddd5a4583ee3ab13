//! Many patterns of names.

use std::collections::{HashMap, HashSet};

use super::glob::NameGlob;

/// Patterns, found by what their names begin with.
#[derive(Debug, Default)]
pub(super) struct Globs {
    names: HashSet<String>,
    by_prefix: HashMap<String, Vec<NameGlob>>,
    /// The lengths of the prefixes in bytes, in order.
    lengths: Vec<usize>,
}

impl Globs {
    pub(super) fn add(&mut self, glob: &NameGlob) {
        if glob.is_one() {
            self.names.insert(glob.as_str().into());
            return;
        }
        let prefix = glob.literal_prefix();
        if let Err(place) = self.lengths.binary_search(&prefix.len()) {
            self.lengths.insert(place, prefix.len());
        }
        self.by_prefix.entry(prefix.into()).or_default().push(glob.clone());
    }

    /// Whether one of them matches the name, which is in lower case.
    pub(super) fn match_name(&self, name: &str) -> bool {
        let matches_at = |length: &usize| {
            let globs = name.get(..*length).and_then(|prefix| self.by_prefix.get(prefix));
            globs.is_some_and(|globs| globs.iter().any(|glob| glob.matches(name)))
        };
        self.names.contains(name) || self.lengths.iter().any(matches_at)
    }
}
