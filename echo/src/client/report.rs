//! What a run found, for people (a table) and for programs (JSON).

use std::fmt;
use std::time::Duration;

mod table;

/// How the connection of a client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was sent, and everything returned.
    Complete,
    /// No connection could be made.
    NotConnected,
    /// Nothing returned for the silence limit although something was due.
    Silent,
    /// The other side closed the connection in order before everything had returned.
    Closed,
    /// The connection was reset, or failed in another way.
    Broken,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Complete => "complete",
            Self::NotConnected => "not connected",
            Self::Silent => "silent",
            Self::Closed => "closed",
            Self::Broken => "broken",
        })
    }
}

/// What one client found.
#[derive(Debug, Clone)]
pub struct ClientReport {
    /// Number of the client, from 1.
    pub client: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// What the system said, where no connection could be made.
    pub why: Option<String>,
    /// Bytes the client wrote to its connection.
    pub sent: u64,
    /// Bytes that returned, right or wrong.
    pub returned: u64,
    /// Bytes sent that did not return.
    pub missing: u64,
    /// Bytes returned that were never sent. A byte changed on the way counts here and not as missing.
    pub corrupt: u64,
    /// Bytes returned that were sent but belong elsewhere: late, or returned twice.
    pub displaced: u64,
    /// The median time from writing a chunk to the return of its last byte; `None` if none returned.
    pub p50: Option<Duration>,
    /// The time that 99 of 100 round trips do not exceed.
    pub p99: Option<Duration>,
    /// From the first byte written to the last byte returned.
    pub elapsed: Duration,
}

impl ClientReport {
    /// Whether the client sent everything and got exactly that back.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.outcome == Outcome::Complete && self.missing + self.corrupt + self.displaced == 0
    }

    /// Bits that returned a second; the echo's one direction, not the sum of both.
    #[must_use]
    pub fn rate(&self) -> f64 {
        rate(self.returned, self.elapsed)
    }
}

/// What all clients found. Its `Display` is the table.
#[derive(Debug, Clone)]
pub struct Report {
    /// One entry for each client, in the order of their numbers.
    pub clients: Vec<ClientReport>,
    /// From the start of the first client to the end of the last.
    pub elapsed: Duration,
    /// Median round trip over all clients.
    pub p50: Option<Duration>,
    /// 99th percentile of the round trip over all clients.
    pub p99: Option<Duration>,
    /// The seed that makes the same data again.
    pub seed: u64,
}

impl Report {
    /// Whether every client sent everything and got exactly that back.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.clients.iter().all(ClientReport::is_clean)
    }

    /// Everything in one line, so that a client is a row like the others.
    #[must_use]
    pub fn total(&self) -> ClientReport {
        let sum = |field: fn(&ClientReport) -> u64| self.clients.iter().map(field).sum();
        let failed = self.clients.iter().find(|client| client.outcome != Outcome::Complete);
        ClientReport {
            client: self.clients.len(),
            why: failed.and_then(|client| client.why.clone()),
            outcome: failed.map_or(Outcome::Complete, |client| client.outcome),
            sent: sum(|client| client.sent),
            returned: sum(|client| client.returned),
            missing: sum(|client| client.missing),
            corrupt: sum(|client| client.corrupt),
            displaced: sum(|client| client.displaced),
            p50: self.p50,
            p99: self.p99,
            elapsed: self.clients.iter().map(|client| client.elapsed).max().unwrap_or_default(),
        }
    }

    /// The table, in lines of at most so many columns.
    #[must_use]
    pub fn table(&self, columns: usize) -> impl fmt::Display + use<> {
        table::Table::of(self, columns)
    }

    /// The report as one JSON object: sizes in bytes, times in seconds, rates in bits a second.
    #[must_use]
    pub fn to_json(&self) -> String {
        let clients: Vec<_> = self.clients.iter().map(json).collect();
        let (total, seed) = (json(&self.total()), self.seed);
        format!("{{\"seed\":{seed},\"total\":{total},\"clients\":[{}]}}\n", clients.join(","))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table(cli::terminal::COLUMNS).fmt(f)
    }
}

fn json(client: &ClientReport) -> String {
    let seconds = |time: Option<Duration>| {
        time.map_or_else(|| "null".to_owned(), |time| time.as_secs_f64().to_string())
    };
    format!(
        "{{\"client\":{},\"outcome\":\"{}\",\"sent\":{},\"returned\":{},\"missing\":{},\"corrupt\":{},\"displaced\":{},\
         \"p50\":{},\"p99\":{},\"elapsed\":{},\"rate\":{:.0}}}",
        client.client,
        client.outcome,
        client.sent,
        client.returned,
        client.missing,
        client.corrupt,
        client.displaced,
        seconds(client.p50),
        seconds(client.p99),
        client.elapsed.as_secs_f64(),
        client.rate(),
    )
}

fn rate(bytes: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { bytes as f64 * 8.0 / elapsed.as_secs_f64() }
}
