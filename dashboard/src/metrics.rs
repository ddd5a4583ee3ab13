//! What Prometheus is told: all counters, and what the views say that no counter does.
//!
//! - `METRICS`: the second of the two; the first is [`tunnel::metrics::DESCRIPTORS`]
//! - `groups`: links with the same labels together, so that there are not too many
//!
//! No series is of a stream, of an address, or of a single link of a ticket.

mod groups;
mod table;
mod window;

use std::collections::BTreeMap;

use tunnel::metrics::{Counters, DESCRIPTORS};
use tunnel::view::{LinkView, SessionRates, SessionView};

use self::groups::{Group, Groups};
use self::table::*;
pub use self::table::{METRICS, Metric};
pub(crate) use self::window::Window;
use crate::exposition::{Exposition, Format, Value};
use crate::process::Process;

/// What there is to tell.
#[derive(Debug)]
pub(crate) struct Scrape<'a> {
    /// What the proxy shows.
    pub(crate) view: &'a SessionView,
    /// Whether clients may come.
    pub(crate) is_ready: bool,
    /// What went on lately, if it is known.
    pub(crate) lately: Option<SessionRates>,
    /// See [`Source::tickets`](crate::Source::tickets).
    pub(crate) tickets: BTreeMap<String, Counters>,
    /// See [`Source::memory_budget`](crate::Source::memory_budget).
    pub(crate) memory_budget: u64,
    /// What the system says.
    pub(crate) process: Process,
}

/// Writes all metrics.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    groups: Groups,
}

impl Writer {
    /// All metrics as a text.
    pub(crate) fn write(&mut self, format: Format, scrape: &Scrape<'_>) -> String {
        let mut out = Exposition::new(format);
        let Scrape { view, .. } = scrape;
        about(&mut out, scrape);
        for row in DESCRIPTORS.iter().filter(|row| row.links.include(view.kind)) {
            out.metric(row.name, row.help(), row.kind);
            out.value(&[], view.counters.get(row.name));
        }
        states(&mut out, view);
        let groups = self.groups.of(view, scrape.lately.as_ref());
        paths(&mut out, &groups);
        self.tickets(&mut out, scrape, &groups);
        out.finish()
    }

    fn tickets(&mut self, out: &mut Exposition, scrape: &Scrape<'_>, groups: &[Group]) {
        let mut sums: BTreeMap<String, Counters> = BTreeMap::new();
        for (ticket, counters) in &scrape.tickets {
            let sum = sums.entry(self.groups.label(ticket)).or_default();
            sum.sent_bytes += counters.sent_bytes;
            sum.received_bytes += counters.received_bytes;
            sum.streams_opened += counters.streams_opened;
        }
        if !sums.is_empty() {
            counted(out, TICKET_SENT, &sums, |sum| sum.sent_bytes);
            counted(out, TICKET_RECEIVED, &sums, |sum| sum.received_bytes);
            counted(out, TICKET_OPENED, &sums, |sum| sum.streams_opened);
        }
        let of_tickets = || groups.iter().filter(|group| !group.ticket.is_empty());
        series(out, TICKET_LINKS, of_tickets(), |group| Some(group.links));
        series(out, TICKET_STREAMS, of_tickets(), |group| Some(group.streams));
    }
}

/// The process as a whole.
fn about(out: &mut Exposition, scrape: &Scrape<'_>) {
    let Scrape { view, process, .. } = scrape;
    one(out, UP, 1);
    one(out, READY, u64::from(scrape.is_ready));
    one(out, DRAINING, u64::from(view.draining.is_some()));
    begin(out, BUILD_INFO);
    let (version, commit) = version_and_commit(&view.version);
    out.value(&[("version", version), ("commit", commit), ("role", view.role.name())], 1_u64);
    begin(out, START_TIME);
    out.value(&[], view.since as f64 / 1_000.0);
    one(out, MEMORY_BUDGET, scrape.memory_budget);
    let of_process = [
        (RESIDENT_MEMORY, process.resident_bytes),
        (OPEN_FILES, process.open_files),
        (MAX_FILES, process.max_files),
    ];
    for (metric, value) in of_process {
        if let Some(value) = value {
            one(out, metric, value);
        }
    }
}

/// How many links are in which state.
fn states(out: &mut Exposition, view: &SessionView) {
    const STATES: [&str; 7] = ["joining", "up", "silent", "refused", "dormant", "ending", "unknown"];
    begin(out, LINKS_IN_STATE);
    for state in STATES {
        let shown = view.links.iter().filter(|link| state_of(link) == state).count();
        let more = if state == "unknown" { view.links_left_out } else { 0 };
        out.value(&[("state", state)], u64::try_from(shown).unwrap_or(u64::MAX).saturating_add(more));
    }
}

const fn state_of(link: &LinkView) -> &'static str {
    if link.answered { link.state.name() } else { "unknown" }
}

/// How the paths are.
fn paths(out: &mut Exposition, groups: &[Group]) {
    series(out, ROUND_TRIP, groups.iter(), |group| group.round_trip_us.map(seconds));
    series(out, ROUND_TRIP_MIN, groups.iter(), |group| group.round_trip_min_us.map(seconds));
    series(out, RATE, groups.iter(), |group| group.rate_bps.map(|bps| bps as f64 / 8.0));
    series(out, IN_FLIGHT, groups.iter(), |group| group.in_flight_bytes);
    let mut begun = false;
    for group in groups {
        let directions = [("sending", group.loss.sending), ("receiving", group.loss.receiving)];
        for (direction, loss) in directions.into_iter().filter_map(|(name, loss)| Some((name, loss?))) {
            if !std::mem::replace(&mut begun, true) {
                begin(out, LOSS);
            }
            out.value(&[("link", &group.link), ("ticket", &group.ticket), ("direction", direction)], loss);
        }
    }
}

/// A metric with a value for each of the groups that have one; nothing if none has.
fn series<'a, V: Value>(
    out: &mut Exposition,
    metric: Metric,
    groups: impl Iterator<Item = &'a Group>,
    of: impl Fn(&Group) -> Option<V>,
) {
    let mut begun = false;
    for (group, value) in groups.filter_map(|group| Some((group, of(group)?))) {
        if !std::mem::replace(&mut begun, true) {
            begin(out, metric);
        }
        out.value(&[("link", &group.link), ("ticket", &group.ticket)], value);
    }
}

/// A counter of each ticket.
fn counted(
    out: &mut Exposition,
    metric: Metric,
    sums: &BTreeMap<String, Counters>,
    of: fn(&Counters) -> u64,
) {
    begin(out, metric);
    sums.iter().for_each(|(ticket, sum)| out.value(&[("ticket", ticket)], of(sum)));
}

fn one(out: &mut Exposition, metric: Metric, value: u64) {
    begin(out, metric);
    out.value(&[], value);
}

fn begin(out: &mut Exposition, metric: Metric) {
    out.metric(metric.name, metric.help, metric.kind);
}

fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1_000_000.0
}

/// The parts of `0.1.0 (abc1234 2026-11-28)`.
fn version_and_commit(text: &str) -> (&str, &str) {
    let Some((version, more)) = text.split_once(" (") else { return (text, "unknown") };
    (version, more.split([' ', ')']).next().filter(|commit| !commit.is_empty()).unwrap_or("unknown"))
}

#[cfg(test)]
mod tests;
