//! How it is drawn: the same state gives the same screen.

use std::fmt;
use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use tunnel::view::LimitedBy;

use super::rows::{Align, Column, PROCESS};
use super::state::{Proxy, Row, Table, Top};
use crate::steer::table::limit;
use crate::steer::text::{fitted, rate, time};

/// Proxies that have a line at the top; of more only the number is said.
const HEADS: usize = 3;
/// To this many columns a text is shortened before others are left out: enough for `…` and a port.
const LEAST: usize = 10;

const HELP: &str = "q end  Tab table  ↑↓ select  s sort by  r reverse  / filter  p pause  ? help";

pub(super) fn draw(top: &Top, frame: &mut Frame<'_>) {
    let area = frame.area();
    let width = usize::from(area.width);
    let heads = heads(top, width);
    let links = top.rows(Table::Links);
    let streams = top.rows(Table::Streams);
    // Above each table a line for what it leaves out, and one for its titles; at the bottom one for keys.
    let room = usize::from(area.height).saturating_sub(heads.len() + 5);
    let for_links = links.len().clamp(1, (room * 2 / 5).max(room.saturating_sub(streams.len())).max(1));
    let mut lines = heads;
    lines.extend(table(top, Table::Links, &links, width, for_links));
    lines.extend(table(top, Table::Streams, &streams, width, room.saturating_sub(for_links)));
    let last = area.height.saturating_sub(1);
    for (y, line) in (0..last).zip(&lines) {
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
    if area.height > 0 {
        frame.render_widget(foot(top, width), Rect { y: last, height: 1, ..area });
    }
}

fn heads(top: &Top, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for proxy in top.proxies.iter().take(HEADS) {
        let style = Style::new().add_modifier(Modifier::BOLD);
        lines.push(Line::styled(fitted(&head(proxy), width), style));
    }
    let more = top.proxies.len().saturating_sub(HEADS);
    if more > 0 {
        lines.push(Line::raw(format!("and {more} more")));
    }
    if let Some(why) = &top.gone {
        let text = format!("No proxy answers now, asking again: {why}");
        lines.push(Line::styled(fitted(&text, width), top.colour(Color::Red)));
    }
    lines
}

fn head(proxy: &Proxy) -> String {
    let Proxy { view, rates, .. } = proxy;
    let up = time(view.uptime_ms.saturating_mul(1_000));
    let (sent, received) = (rate(rates.sent_bps), rate(rates.received_bps));
    let mut held: Vec<_> = view.links.iter().filter_map(|link| link.path.as_ref()).collect();
    held.retain(|path| path.limited_by != LimitedBy::Application);
    let mut held: Vec<_> = held.into_iter().map(|path| limit(path.limited_by)).collect();
    held.sort_unstable();
    held.dedup();
    let held = if held.is_empty() { String::new() } else { format!(", held by {}", held.join(", ")) };
    let draining = if view.draining.is_some() { ", draining" } else { "" };
    let (role, pid) = (view.role.name(), view.pid);
    format!("{role} {pid}, up {up}, out {sent}, in {received}{held}{draining}")
}

fn foot(top: &Top, width: usize) -> Line<'static> {
    let chosen = top.chosen(top.table);
    let by = Top::columns(top.table).get(chosen.column).map_or("", |column| column.title);
    let text = if top.typing {
        format!("filter: {}_  (Enter keeps it, Esc clears it)", top.filter)
    } else if top.help {
        HELP.to_owned()
    } else {
        let reversed = if chosen.reversed { ", reversed" } else { "" };
        let filter =
            if top.filter.is_empty() { String::new() } else { format!(", only with '{}'", top.filter) };
        let paused = if top.paused { "PAUSED, " } else { "" };
        format!("{paused}sorted by {by}{reversed}{filter}; ? has the keys")
    };
    Line::styled(fitted(&text, width), Style::new().add_modifier(Modifier::DIM))
}

/// What is left out, the titles, and so many of the rows that the selected one is among them.
fn table(top: &Top, table: Table, rows: &[Row], width: usize, height: usize) -> Vec<Line<'static>> {
    let columns = Top::columns(table);
    let widths = widths(columns, rows, width, top.proxies.len() > 1);
    let is_active = top.table == table;
    let titles: Vec<_> = columns.iter().map(|column| column.title).collect();
    let mut style = Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    if is_active {
        style = style.patch(top.colour(Color::Cyan));
    }
    let selected = top.selected(table, rows);
    let first = selected.map_or(0, |at| (at + 1).saturating_sub(height));
    let left_out = LeftOut {
        what: table.name(),
        rows: rows.len(),
        shown: first..rows.len().min(first + height),
        unlisted: top.unlisted(table),
        columns: widths
            .iter()
            .zip(columns)
            .filter(|(width, column)| width.is_none() && (top.proxies.len() > 1 || column.title != PROCESS))
            .count(),
    };
    let mut lines = vec![
        Line::styled(fitted(&left_out.to_string(), width), Style::new().add_modifier(Modifier::DIM)),
        Line::styled(line(columns, &widths, &titles), style),
    ];
    for (at, row) in rows.iter().enumerate().skip(first).take(height) {
        let cells: Vec<_> = row.cells.iter().map(|cell| &*cell.text).collect();
        let is_selected = is_active && selected == Some(at);
        let style =
            if is_selected { Style::new().add_modifier(Modifier::REVERSED) } else { Style::default() };
        let text = line(columns, &widths, &cells);
        lines.push(Line::styled(format!("{text:<width$}"), style));
    }
    if rows.is_empty() && height > 0 {
        let with = if top.filter.is_empty() { "" } else { " with this text" };
        lines.push(Line::raw(format!("no {}{with}", table.name())));
    }
    lines
}

/// What a table does not show.
struct LeftOut {
    what: &'static str,
    /// That there are.
    rows: usize,
    /// Those that are shown.
    shown: Range<usize>,
    /// Those that the proxies have and did not tell.
    unlisted: u64,
    columns: usize,
}

impl fmt::Display for LeftOut {
    /// Nothing where nothing is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, rows, shown, unlisted, columns } = self;
        let mut parts = Vec::new();
        if shown.is_empty() && *rows > 0 {
            parts.push(format!("none of {rows} {what} fits"));
        } else if shown.len() < *rows {
            parts.push(format!("{what} {}-{} of {rows}", shown.start + 1, shown.end));
        }
        if *unlisted > 0 {
            parts.push(format!("{unlisted} more {what} not listed"));
        }
        match columns {
            0 => {}
            1 => parts.push("1 column does not fit".into()),
            _ => parts.push(format!("{columns} columns do not fit")),
        }
        f.write_str(&parts.join(", "))
    }
}

fn line(columns: &[Column], widths: &[Option<usize>], cells: &[&str]) -> String {
    let shown = columns.iter().zip(widths).zip(cells).filter_map(|((column, width), cell)| {
        let width = (*width)?;
        let cell = fitted(cell, width);
        Some(if column.align == Align::Right { format!("{cell:>width$}") } else { format!("{cell:<width$}") })
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// The widths of the columns; `None` for those that there is no room for.
fn widths(columns: &[Column], rows: &[Row], width: usize, several: bool) -> Vec<Option<usize>> {
    let widest = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.cells.get(at)).map(|cell| cell.text.chars().count());
        cells.max().unwrap_or(0).max(columns[at].title.len())
    };
    let whole: Vec<_> = (0..columns.len()).map(widest).collect();
    let least = |at: usize| match columns[at].align {
        Align::Shortened => whole[at].min(LEAST),
        Align::Left | Align::Right => whole[at],
    };
    let mut shown: Vec<_> = (0..columns.len()).collect();
    shown.retain(|at| several || columns[*at].title != PROCESS);
    let taken = |shown: &[usize]| shown.iter().map(|at| least(*at) + 1).sum::<usize>().saturating_sub(1);
    while taken(&shown) > width {
        let Some(next) =
            shown.iter().copied().filter(|at| columns[*at].spare > 0).max_by_key(|at| columns[*at].spare)
        else {
            break;
        };
        shown.retain(|at| *at != next);
    }
    let mut room = width.saturating_sub(taken(&shown));
    let mut widths = vec![None; columns.len()];
    for at in shown {
        let more = (whole[at] - least(at)).min(room);
        room -= more;
        widths[at] = Some(least(at) + more);
    }
    widths
}

impl Top {
    fn colour(&self, colour: Color) -> Style {
        if self.coloured { Style::new().fg(colour) } else { Style::new() }
    }
}
