//! What a session counts: for its closing line, for operators and for tests.
//!
//! - [`DESCRIPTORS`]: one table of all counters; [`Counters`]: their values
//! - [`Registry`]: the sums of a session, and the values of each of its links
//! - `closing_line`: derived from the table
//! - [`so_far`]: the same while it runs
//! - `of_core`: what the cores count
//! - [`log`]: lines that are not in the log
//!
//! Who shows counters reads a [`Registry`] and needs to know none of them by name:
//!
//! ```
//! use paso_tunnel::metrics::Registry;
//!
//! let registry = Registry::default();
//! for (row, value) in registry.totals().iter() {
//!     println!("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {value}", row.name, row.help(), row.kind);
//! }
//! for link in registry.links() {
//!     println!("link {}: {} bytes sent", link.labels.number, link.counters.sent_bytes);
//! }
//! ```

mod closing_line;
mod descriptor;
pub mod log;
mod of_core;
mod registry;
pub mod so_far;
mod table;

pub use descriptor::{CountedOn, CounterKind, Descriptor, LinkKind, Sum, Unit};
pub use log::{LogLines, log_lines};
pub(crate) use of_core::CoreCounts;
pub(crate) use registry::{AskedLink, OwnCounters, SharedCounters};
pub use registry::{LinkCounters, LinkLabels, Registry};
pub use table::{Counters, DESCRIPTORS};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The page that lists all counters.
    const PAGE: &str = include_str!("../../docs/counters.md");

    fn row(descriptor: &Descriptor) -> String {
        let Descriptor { name, unit, links, sum, unusual, .. } = descriptor;
        let sum = sum.map(|sum| format!("in `{sum}`"));
        let shown: Vec<_> = sum.into_iter().chain(unusual.map(str::to_owned)).collect();
        format!("| `{name}` | {unit} | {links} | {} | {} |", descriptor.help(), shown.join("; "))
    }

    #[test]
    fn the_page_lists_all_counters() {
        let expected: Vec<_> = DESCRIPTORS.iter().map(row).collect();
        let listed: Vec<_> = PAGE.lines().filter(|line| line.starts_with("| `paso_")).collect();
        assert_eq!(listed, expected, "the rows must be:\n{}", expected.join("\n"));
    }

    #[test]
    fn names_follow_the_rules_of_the_exposition_format() {
        let mut names = HashSet::new();
        for Descriptor { name, kind, unit, .. } in &DESCRIPTORS {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == CounterKind::Counter, "{name}");
            assert_eq!(name.contains("_bytes"), *unit == Unit::Bytes, "{name}");
            assert!(names.insert(name), "{name} is there twice");
        }
    }

    #[test]
    fn each_counter_says_in_one_line_what_it_counts() {
        for descriptor in &DESCRIPTORS {
            let help = descriptor.help();
            assert!(help.ends_with('.') && !help.contains(['\n', '|', '[']), "{}: {help}", descriptor.name);
        }
    }

    #[test]
    fn an_iteration_gives_each_value_with_its_row() {
        let counters = Counters { sent_bytes: 3, log_lines_dropped: 4, ..Counters::default() };
        let counted: Vec<_> =
            counters.iter().filter(|(_, value)| *value > 0).map(|(row, value)| (row.name, value)).collect();
        assert_eq!(counted, [("paso_sent_bytes_total", 3), ("paso_log_lines_dropped_total", 4)]);
    }
}
