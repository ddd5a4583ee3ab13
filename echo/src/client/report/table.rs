//! What a run found, as a table that fits a terminal.

use std::fmt;
use std::time::Duration;

use super::{ClientReport, Report};
use crate::figures::{show_rate, show_size, show_time};

/// A column: its head, and how it shows a client.
struct Column {
    head: &'static str,
    cell: fn(&ClientReport) -> String,
}

/// All columns, but for that of the clients' numbers.
const COLUMNS: [Column; 9] = [
    Column { head: "sent", cell: |client| bytes(client.sent) },
    Column { head: "returned", cell: |client| bytes(client.returned) },
    Column { head: "missing", cell: |client| bytes(client.missing) },
    Column { head: "corrupt", cell: |client| bytes(client.corrupt) },
    Column { head: "displaced", cell: |client| bytes(client.displaced) },
    Column { head: "p50", cell: |client| time(client.p50) },
    Column { head: "p99", cell: |client| time(client.p99) },
    Column { head: "rate", cell: |client| show_rate(client.rate()) },
    Column { head: "end", cell: |client| client.outcome.to_string() },
];

/// Columns that may go where there is no room for all, the first first. The first two say nothing where nothing of theirs happened, and the
/// sentence below the table names them where it did.
const GOING: [&str; 5] = ["displaced", "corrupt", "p50", "sent", "p99"];

/// A table: rows of cells.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With the columns that fit into lines of so many characters.
    pub(super) fn of(report: &Report, columns: usize) -> Self {
        let mut chosen: Vec<&Column> = COLUMNS.iter().collect();
        let mut table = Self::with(report, &chosen);
        for head in GOING {
            if table.width() <= columns {
                break;
            }
            chosen.retain(|column| column.head != head);
            table = Self::with(report, &chosen);
        }
        table
    }

    fn with(report: &Report, columns: &[&Column]) -> Self {
        let row = |first: String, cell: &dyn Fn(&Column) -> String| {
            std::iter::once(first).chain(columns.iter().map(|column| cell(column))).collect()
        };
        let mut rows = vec![row("client".into(), &|column| column.head.into())];
        let clients = report.clients.iter();
        rows.extend(clients.map(|client| row(client.client.to_string(), &|column| (column.cell)(client))));
        if report.clients.len() > 1 {
            let total = report.total();
            rows.push(row("all".into(), &|column| (column.cell)(&total)));
        }
        Self { rows }
    }

    fn widths(&self) -> Vec<usize> {
        let count = self.rows.first().map_or(0, Vec::len);
        let width = |column| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell: &String| cell.chars().count()).max().unwrap_or(0)
        };
        (0..count).map(width).collect()
    }

    /// Characters of its longest line.
    fn width(&self) -> usize {
        let widths = self.widths();
        widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (widths, rule) = (self.widths(), self.width());
        for (number, row) in self.rows.iter().enumerate() {
            let Some((last, others)) = row.split_last() else { continue };
            for (cell, width) in others.iter().zip(&widths) {
                write!(f, "{cell:>width$}  ")?;
            }
            writeln!(f, "{last}")?;
            if number == 0 {
                writeln!(f, "{:─<rule$}", "")?;
            }
        }
        Ok(())
    }
}

fn bytes(count: u64) -> String {
    if count == 0 { "0".to_owned() } else { show_size(count) }
}

fn time(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), show_time)
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    fn report(outcome: Outcome, bytes: u64) -> Report {
        let time = Some(Duration::from_micros(123_456));
        let client = |client| ClientReport {
            client,
            outcome,
            why: None,
            sent: bytes,
            returned: bytes,
            missing: bytes,
            corrupt: bytes,
            displaced: bytes,
            p50: time,
            p99: time,
            elapsed: Duration::from_millis(345),
        };
        let clients = (1..=100).map(client).collect();
        Report { clients, elapsed: Duration::from_secs(1), p50: time, p99: time, seed: 1 }
    }

    fn widest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap()
    }

    #[test]
    fn the_table_fits_what_it_is_given() {
        for outcome in [Outcome::Complete, Outcome::NotConnected] {
            for bytes in [1, 123_456_789_012] {
                let report = report(outcome, bytes);
                for columns in [70, 80, 100, 200] {
                    let text = report.table(columns).to_string();
                    assert!(widest(&text) <= columns, "{columns}:\n{text}");
                }
                assert!(widest(&report.to_string()) <= 80);
                assert!(report.table(200).to_string().contains("displaced"));
                assert!(report.table(80).to_string().contains("missing"));
            }
        }
    }
}
