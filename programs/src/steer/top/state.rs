//! What `top` shows: the last views, what was chosen with keys, and the rows that this makes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use tunnel::view::{SessionRates, SessionView, rates};

use super::rows::{self, Column};

/// How many round trips of a link are kept: a minute of them.
pub(super) const KEPT: usize = 60;

/// All that is shown. Nothing here asks anybody or knows a terminal.
#[derive(Debug, Default)]
pub(super) struct Top {
    /// The proxies that answered last.
    pub(super) proxies: Vec<Proxy>,
    /// Why none answers any more.
    pub(super) gone: Option<String>,
    /// The table that keys are for.
    pub(super) table: Table,
    pub(super) links: Chosen,
    pub(super) streams: Chosen,
    /// Rows without this text are not shown.
    pub(super) filter: String,
    /// Keys are letters of the filter.
    pub(super) typing: bool,
    /// What comes is not shown.
    pub(super) paused: bool,
    pub(super) help: bool,
    /// Colours may be used.
    pub(super) coloured: bool,
}

/// One proxy, with what went on since the view before.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) view: SessionView,
    pub(super) rates: SessionRates,
    /// Round trips by the number of the link: microseconds, the oldest first.
    pub(super) round_trips: BTreeMap<u64, VecDeque<u64>>,
}

/// One of the two tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Table {
    #[default]
    Links,
    Streams,
}

impl Table {
    /// What its rows are.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Streams => "streams",
        }
    }
}

/// What was chosen in a table.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The column that rows are sorted by.
    pub(super) column: usize,
    pub(super) reversed: bool,
    /// The row that is selected follows its link or stream.
    row: Option<Key>,
    /// Where it was, for when it has ended.
    at: usize,
}

/// What a row is of: process, link, stream.
pub(super) type Key = (u32, u64, Option<u64>);

/// A line of a table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) cells: Vec<Cell>,
}

/// A text, with what it is sorted by.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) rank: Rank,
}

#[derive(Clone, Debug)]
pub(super) enum Rank {
    /// As the row's key.
    Key,
    /// By the text.
    Text,
    /// The largest first.
    Number(f64),
}

/// How far a selection moves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    Up(usize),
    Down(usize),
}

impl Top {
    /// Takes what the proxies answered, or why none did.
    pub(super) fn on_view(&mut self, answer: Result<Vec<SessionView>, String>) {
        if self.paused {
            return;
        }
        match answer {
            Ok(views) => {
                let mut before = std::mem::take(&mut self.proxies);
                let next = views.into_iter().map(|view| {
                    let same = |old: &Proxy| (old.view.pid, old.view.since) == (view.pid, view.since);
                    let old = before.iter().position(same).map(|at| before.swap_remove(at));
                    Proxy::next(old, view)
                });
                self.proxies = next.collect();
                self.gone = None;
            }
            Err(why) => self.gone = Some(why),
        }
    }

    pub(super) const fn chosen(&self, table: Table) -> &Chosen {
        match table {
            Table::Links => &self.links,
            Table::Streams => &self.streams,
        }
    }

    pub(super) const fn chosen_mut(&mut self) -> &mut Chosen {
        match self.table {
            Table::Links => &mut self.links,
            Table::Streams => &mut self.streams,
        }
    }

    /// The rows that are shown, in their order.
    pub(super) fn rows(&self, table: Table) -> Vec<Row> {
        let mut rows = match table {
            Table::Links => rows::of_links(&self.proxies),
            Table::Streams => rows::of_streams(&self.proxies),
        };
        let wanted = self.filter.to_lowercase();
        rows.retain(|row| row.cells.iter().any(|cell| cell.text.to_lowercase().contains(&wanted)));
        let chosen = self.chosen(table);
        rows.sort_by(|a, b| {
            let order = a.compare(b, chosen.column);
            if chosen.reversed { order.reverse() } else { order }
        });
        rows
    }

    /// How many the proxies have beside those that they told.
    pub(super) fn unlisted(&self, table: Table) -> u64 {
        let views = self.proxies.iter().map(|proxy| &proxy.view);
        match table {
            Table::Links => views.map(|view| view.links_left_out).sum(),
            Table::Streams => views.flat_map(|view| &view.links).map(|link| link.streams_left_out).sum(),
        }
    }

    /// Which of the rows is selected.
    pub(super) fn selected(&self, table: Table, rows: &[Row]) -> Option<usize> {
        let chosen = self.chosen(table);
        let followed = rows.iter().position(|row| Some(row.key) == chosen.row);
        followed.or_else(|| rows.len().checked_sub(1).map(|last| chosen.at.min(last)))
    }

    pub(super) fn select(&mut self, way: Move) {
        let rows = self.rows(self.table);
        let Some(at) = self.selected(self.table, &rows) else { return };
        let at = match way {
            Move::Up(by) => at.saturating_sub(by),
            Move::Down(by) => at.saturating_add(by).min(rows.len() - 1),
        };
        let row = rows.get(at).map(|row| row.key);
        let chosen = self.chosen_mut();
        (chosen.row, chosen.at) = (row, at);
    }

    pub(super) const fn columns(table: Table) -> &'static [Column] {
        match table {
            Table::Links => &rows::LINKS,
            Table::Streams => &rows::STREAMS,
        }
    }
}

impl Proxy {
    fn next(old: Option<Self>, view: SessionView) -> Self {
        let (rates, mut old_trips) = match old {
            Some(old) => (rates(&old.view, &view), old.round_trips),
            None => Default::default(),
        };
        let round_trips = view.links.iter().map(|link| {
            let mut trips = old_trips.remove(&link.number).unwrap_or_default();
            if let Some(trip) = link.path.as_ref().and_then(|path| path.round_trip_us) {
                trips.push_back(trip.smoothed);
            }
            if trips.len() > KEPT {
                trips.pop_front();
            }
            (link.number, trips)
        });
        Self { round_trips: round_trips.collect(), view, rates }
    }
}

impl Row {
    fn compare(&self, other: &Self, column: usize) -> Ordering {
        let by_cell = match (self.cells.get(column), other.cells.get(column)) {
            (Some(a), Some(b)) => match (&a.rank, &b.rank) {
                (Rank::Number(a), Rank::Number(b)) => b.total_cmp(a),
                (Rank::Key, _) | (_, Rank::Key) => Ordering::Equal,
                _ => a.text.cmp(&b.text),
            },
            _ => Ordering::Equal,
        };
        by_cell.then_with(|| self.key.cmp(&other.key))
    }
}
