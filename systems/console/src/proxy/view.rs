//! What a proxy2 shows of itself, as far as it is shown here.

use std::time::Duration;

use paso::visible;
use serde::Deserialize;

use crate::session::span;

/// So many links or streams are listed.
const MOST_LISTED: usize = 60;

/// A proxy. A field that is not there has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct View {
    version: String,
    pid: u32,
    uptime_ms: u64,
    draining: Option<Empty>,
    links: Vec<Link>,
    links_left_out: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Empty {}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Link {
    number: u64,
    ticket: Option<String>,
    peer: Option<String>,
    state: State,
    path: Option<Path>,
    streams_open: u64,
    sent_bytes: u64,
    received_bytes: u64,
    streams: Vec<Stream>,
    streams_left_out: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    is: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Path {
    round_trip_us: Option<RoundTrip>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RoundTrip {
    smoothed: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stream {
    id: u64,
    target: String,
    age_ms: u64,
    sent_bytes: u64,
    received_bytes: u64,
}

impl View {
    /// Its links, in a table.
    pub(super) fn links(&self) -> String {
        let up = span(Duration::from_millis(self.uptime_ms));
        let draining = if self.draining.is_some() { ", draining" } else { "" };
        let mut text =
            format!("proxy2 {}, process {}, up {up}{draining}\n", visible(&self.version), self.pid);
        text.push_str(&format!(
            "{:<6} {:<16} {:<22} {:<8} {:>7} {:>7}\n",
            "link", "ticket", "peer", "state", "rtt ms", "streams"
        ));
        for link in self.links.iter().take(MOST_LISTED) {
            text.push_str(&link.row());
        }
        let more = self.links.len().saturating_sub(MOST_LISTED) as u64 + self.links_left_out;
        if more > 0 {
            text.push_str(&format!("and {more} more: `paso status` at the machine shows all\n"));
        }
        text
    }

    /// The streams of one link, in a table.
    ///
    /// # Errors
    /// There is no such link.
    pub(super) fn streams(&self, number: u64) -> Result<String, String> {
        let link = self.links.iter().find(|link| link.number == number);
        let link = link.ok_or_else(|| format!("proxy2 has no link L{number}: `status` lists them"))?;
        let mut text =
            format!("{:<12} {:<28} {:>8} {:>12} {:>12}\n", "stream", "target", "age", "sent", "received");
        for stream in link.streams.iter().take(MOST_LISTED) {
            let Stream { id, target, age_ms, sent_bytes, received_bytes } = stream;
            let age = span(Duration::from_millis(*age_ms));
            let id = format!("L{number}/{id}");
            let target = fitted(target, 28);
            text.push_str(&format!("{id:<12} {target:<28} {age:>8} {sent_bytes:>12} {received_bytes:>12}\n"));
        }
        let more = link.streams.len().saturating_sub(MOST_LISTED) as u64 + link.streams_left_out;
        if more > 0 {
            text.push_str(&format!("and {more} more: `paso status` at the machine shows all\n"));
        }
        text.push_str(&format!("bytes of all: sent {}, received {}\n", link.sent_bytes, link.received_bytes));
        Ok(text)
    }
}

impl Link {
    fn row(&self) -> String {
        let trip = self.path.as_ref().and_then(|path| path.round_trip_us.as_ref());
        let trip = trip.map_or_else(|| "-".into(), |trip| format!("{:.1}", trip.smoothed as f64 / 1_000.0));
        let (ticket, peer) = (self.ticket.as_deref().unwrap_or("-"), self.peer.as_deref().unwrap_or("-"));
        format!(
            "{:<6} {:<16} {:<22} {:<8} {trip:>7} {:>7}\n",
            format!("L{}", self.number),
            fitted(ticket, 16),
            fitted(peer, 22),
            fitted(&self.state.is, 8),
            self.streams_open
        )
    }
}

/// A text in so many columns, without what a terminal does not show where it stands.
fn fitted(text: &str, columns: usize) -> String {
    let text = visible(text);
    if text.chars().count() <= columns {
        return text.into_owned();
    }
    let cut: String = text.chars().take(columns - 1).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: &str = r#"{"version":"0.1.0","pid":7,"uptime_ms":7500000,"later":[1],"links":[
        {"number":3,"ticket":"shed","peer":"192.0.2.1:50000","state":{"is":"up"},"streams_open":1,"sent_bytes":9,
         "path":{"round_trip_us":{"smoothed":48200}},"streams":[{"id":5,"target":"@console","age_ms":61000,"sent_bytes":10}]},
        {"number":4,"ticket":"a\u001b[2J","state":{"is":"refused","why":"x"}}],"links_left_out":2}"#;

    #[test]
    fn links_are_a_table_of_80_columns() {
        let view: View = serde_json::from_str(VIEW).unwrap();
        let expected = "\
proxy2 0.1.0, process 7, up 2h 05m
link   ticket           peer                   state     rtt ms streams
L3     shed             192.0.2.1:50000        up          48.2       1
L4     a?[2J            -                      refused        -       0
and 2 more: `paso status` at the machine shows all
";
        assert_eq!(view.links(), expected);
    }

    #[test]
    fn streams_of_one_link_are_a_table() {
        let view: View = serde_json::from_str(VIEW).unwrap();
        let text = view.streams(3).unwrap();
        assert!(text.contains("\nL3/5         @console "), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(view.streams(9).unwrap_err().contains("no link L9"));
    }
}
