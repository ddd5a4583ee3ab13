//! A record as a table: a line a figure, what is ours first, peers behind it. As text or as markdown.

use std::fmt::Write;

use crate::record::{Entry, Record};

/// Both kinds of table have the same cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// For a terminal.
    Text,
    /// For a page.
    Markdown,
}

/// What is ours; everything else is a peer.
const OURS: [&str; 2] = ["paso", "raw"];

/// The table of a record.
pub(crate) fn table(record: &Record, style: Style) -> String {
    let mut rows = vec![
        ["figure", "unit", "goal", "median", "lowest – highest", "n", "", "peers in the same run"]
            .map(String::from),
    ];
    let mut done: Vec<&str> = Vec::new();
    for entry in &record.entries {
        if !done.contains(&entry.figure.as_str()) {
            done.push(&entry.figure);
            let all: Vec<_> = record.entries.iter().filter(|other| other.figure == entry.figure).collect();
            rows.push(line(&all));
        }
    }
    match style {
        Style::Text => text(&rows),
        Style::Markdown => markdown(&rows),
    }
}

/// The cells of one figure, measured of all these systems.
fn line(all: &[&Entry]) -> [String; 8] {
    let ours = all.iter().find(|entry| OURS.contains(&entry.system.as_str()));
    let peers: Vec<_> = (all.iter().filter(|entry| !OURS.contains(&entry.system.as_str())))
        .map(|entry| format!("{} {}", entry.system, number(entry.median())))
        .collect();
    let any = all[0];
    let goal = any
        .goal
        .map_or_else(String::new, |goal| format!("{} {}", if any.more { "≥" } else { "≤" }, number(goal)));
    let [mut median, mut range, mut n, mut met] = [const { String::new() }; 4];
    if let Some(entry) = ours {
        let (low, high) = entry.range();
        median = number(entry.median());
        range = format!("{} – {}", number(low), number(high));
        n = entry.samples.len().to_string();
        met = entry.is_met().map_or("", |met| if met { "met" } else { "short" }).to_owned();
    }
    [any.figure.clone(), any.unit.clone(), goal, median, range, n, met, peers.join(", ")]
}

/// With as many digits as mean something.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn text(rows: &[[String; 8]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let mut out = String::new();
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Numbers to the right, words to the left.
            let pad = " ".repeat(width - cell.chars().count());
            let cell =
                if (2..=5).contains(&column) { format!("{pad}{cell}") } else { format!("{cell}{pad}") };
            let _ = write!(out, "{cell}  ");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

fn markdown(rows: &[[String; 8]]) -> String {
    let mut out = String::new();
    for (at, row) in rows.iter().enumerate() {
        let _ = writeln!(out, "| {} |", row.join(" | "));
        if at == 0 {
            let _ = writeln!(out, "|---|---|--:|--:|--:|--:|---|---|");
        }
    }
    out
}
