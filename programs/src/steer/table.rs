//! What a proxy shows, as tables for a terminal. Nothing here asks anybody: the same view gives the same text.

use std::fmt::Write;

use cli::terminal::COLUMNS;
use tunnel::view::{
    ItemId, LimitedBy, LinkKind, LinkState, LinkView, ListeningKind, OpenedBy, Role, SessionView, StreamKind,
    StreamState, StreamView,
};

use super::text::{bytes, fitted, percent, rate, time};

/// Columns of the terminal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Width(pub(super) usize);

impl Width {
    /// What every terminal has.
    pub(super) const USUAL: Self = Self(COLUMNS);
}

/// One session, with its links and their streams: whole lines.
pub(super) fn render(view: &SessionView, width: Width) -> String {
    let mut text = head(view);
    for link in &view.links {
        text.push('\n');
        text.push_str(&link_lines(link));
        if !link.streams.is_empty() {
            text.push_str(&stream_table(link, width));
        }
        if link.streams_left_out > 0 {
            let _ = writeln!(text, "  and {} streams more", link.streams_left_out);
        }
    }
    if view.links_left_out > 0 {
        let _ = writeln!(text, "\nand {} links more", view.links_left_out);
    }
    text.lines().map(|line| fitted(line.trim_end(), width.0) + "\n").collect()
}

fn head(view: &SessionView) -> String {
    let kind = match view.kind {
        LinkKind::Classic => "classic",
        LinkKind::Sealed => "sealed",
    };
    let (role, up) = (view.role.name(), time(view.uptime_ms.saturating_mul(1_000)));
    let mut text = format!("{role} {}, process {}, {kind}, up {up}\n", view.version, view.pid);
    let udp = view.udp.iter().map(ToString::to_string);
    list(&mut text, "udp", udp);
    let places = view.listening.iter().map(|place| match place.kind {
        ListeningKind::Tcp => place.at.clone(),
        ListeningKind::Udp => format!("{}/udp", place.at),
        ListeningKind::Unix => format!("unix:{}", place.at),
        ListeningKind::Stdio => "standard input".into(),
    });
    list(&mut text, "clients at", places);
    if view.draining.is_some() {
        text.push_str("draining: nothing new is accepted\n");
    }
    if let Some(pid) = view.successor {
        let _ = writeln!(text, "process {pid} has taken over: this one ends with its last link");
    }
    if let Some(before) = view.predecessor {
        let (links, streams) = (counted(before.links, "link"), counted(before.streams, "stream"));
        let _ = writeln!(text, "taken over from process {}, which still has {links}, {streams}", before.pid);
    }
    let (links, streams) = (view.links.len(), view.counters.get("paso_streams"));
    let [sent, received] =
        ["paso_sent_bytes_total", "paso_received_bytes_total"].map(|name| bytes(view.counters.get(name)));
    let (links, streams) = (counted(links as u64, "link"), counted(streams, "stream"));
    let _ = writeln!(text, "{links}, {streams}, {sent} sent, {received} received");
    text
}

/// Some of them: all would push the rest off the screen.
fn list(text: &mut String, what: &str, mut all: impl Iterator<Item = String>) {
    let shown: Vec<_> = all.by_ref().take(4).collect();
    let more = all.count();
    if shown.is_empty() {
        return;
    }
    let _ = write!(text, "{what}: {}", shown.join(", "));
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text.push('\n');
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn link_lines(link: &LinkView) -> String {
    let id = ItemId { link: link.number, stream: None };
    let mut text = format!("{id} {}", state(link));
    let names = [("link", &link.name), ("ticket", &link.ticket)];
    for (what, name) in names {
        if let Some(name) = name {
            let _ = write!(text, ", {what} {name}");
        }
    }
    if let Some(peer) = link.peer {
        let _ = write!(text, ", to {peer}");
    }
    let (streams, sent) = (counted(link.streams_open, "stream"), bytes(link.sent_bytes));
    let _ = writeln!(text, "\n  {streams}, {sent} sent, {} received", bytes(link.received_bytes));
    if !link.answered {
        text.push_str("  its task is too busy to say more\n");
    }
    if let Some(path) = &link.path {
        let round_trip = path.round_trip_us.map_or_else(|| "-".into(), |rtt| time(rtt.smoothed));
        let (sending, receiving) = (percent(path.loss.sending), percent(path.loss.receiving));
        let (speed, resent) = (rate(path.rate_bps), percent(path.resent));
        let ecn = if path.keeps_ecn { ", ECN" } else { "" };
        let _ = writeln!(
            text,
            "  round trip {round_trip}, path {speed}, datagrams {} B{ecn}",
            path.datagram_bytes
        );
        let _ = writeln!(text, "  lost there {sending}, back {receiving}, sent again {resent}");
        if path.marked > 0 {
            let _ = writeln!(text, "  full queues on the path marked {}", counted(path.marked, "packet"));
        }
        if path.limited_by != LimitedBy::Application {
            let _ = writeln!(text, "  held back by {}", limit(path.limited_by));
        }
    }
    text
}

fn state(link: &LinkView) -> String {
    let name = link.state.name();
    match &link.state {
        LinkState::Silent => format!("{name}: the other proxy does not answer"),
        LinkState::Refused { why } => format!("{name}: {why}"),
        LinkState::Dormant => format!("{name}, begins again with the next stream"),
        LinkState::Joining | LinkState::Up | LinkState::Ending => name.into(),
    }
}

/// What holds back, in a word or two.
pub(super) const fn limit(by: LimitedBy) -> &'static str {
    match by {
        LimitedBy::Application => "-",
        LimitedBy::Congestion => "path",
        LimitedBy::PeerCredit => "reader there",
        LimitedBy::Memory => "memory",
        LimitedBy::PathSilent { .. } => "silence",
    }
}

fn stream_table(link: &LinkView, width: Width) -> String {
    let header = ["STREAM", "CLIENT", "TARGET", "SENT", "RECEIVED", "AGE", "HELD BY"].map(String::from);
    let rows: Vec<_> = link.streams.iter().map(|stream| stream_row(link, stream)).collect();
    columns(header, &rows, width)
}

/// A stream's id, client, target, bytes each way, age, and what holds it back.
pub(super) fn stream_row(link: &LinkView, stream: &StreamView) -> [String; 7] {
    let id = ItemId { link: link.number, stream: Some(stream.id) };
    let from = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let target = match (stream.target.is_empty(), stream.opened_by) {
        (true, OpenedBy::Us) => format!("{}'s", Role::Proxy2.name()),
        _ => from(&stream.target),
    };
    let held = match stream.state {
        StreamState::Opening => "opening",
        StreamState::Closing => "closing",
        StreamState::Open if stream.unread_bytes > 0 => "reader here",
        StreamState::Open => limit(stream.limited_by),
    };
    let kind = if stream.kind == StreamKind::Udp { "/udp" } else { "" };
    let target = if target.starts_with("udp/") { target } else { format!("{target}{kind}") };
    let [sent, received] = [stream.sent_bytes, stream.received_bytes].map(bytes);
    let age = time(stream.age_ms.saturating_mul(1_000));
    [id.to_string(), from(&stream.client), target, sent, received, age, held.to_owned()]
}

/// Client and target share what the others leave.
fn columns(header: [String; 7], rows: &[[String; 7]], width: Width) -> String {
    const FLEXIBLE: [usize; 2] = [1, 2];
    const GAP: usize = 2;
    /// Enough for `…` and a port.
    const LEAST: usize = 8;
    let all = || std::iter::once(&header).chain(rows);
    let mut widths: [usize; 7] =
        std::array::from_fn(|at| all().map(|row| row[at].chars().count()).max().unwrap_or(0));
    let fixed: usize = (0..7).filter(|at| !FLEXIBLE.contains(at)).map(|at| widths[at]).sum();
    let room = width.0.saturating_sub(fixed + 7 * GAP);
    let [client, target] = FLEXIBLE.map(|at| widths[at]);
    if client + target > room {
        // Who needs less than half leaves the rest to the other.
        let half = room / 2;
        let own = if client <= half { client } else { half.max(room.saturating_sub(target)) };
        widths[1] = own.max(LEAST);
        widths[2] = room.saturating_sub(own).max(LEAST);
    }
    let mut text = String::new();
    for row in all() {
        for (at, cell) in row.iter().enumerate() {
            let cell = fitted(cell, widths[at]);
            // Numbers stand under each other by their ends.
            let _ = match at {
                3..=5 => write!(text, "  {cell:>0$}", widths[at]),
                _ => write!(text, "  {cell:<0$}", widths[at]),
            };
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
