//! The lines about single streams and datagrams. Others decide how many there are, so the lines are limited.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::time::Instant;

use proto::classic::violation::Rule;
use proto::classic::{Stream, Violation};
use tracing::{debug, info, warn};

use super::conns::Cut;
use super::records::StreamRecord;

use crate::limit::Limit;

/// Writes about streams, never more than a few lines a second.
#[derive(Debug)]
pub(super) struct Journal {
    streams: Limit,
    refusals: Limit,
    violations: Violations,
}

/// The lines about mistakes of the peers' programs. One that is made again and again leaves room for the others.
#[derive(Debug)]
struct Violations {
    all: Limit,
    by_rule: BTreeMap<Rule, Limit>,
}

impl Violations {
    /// Lines about one rule, a second on average and at once: what is wrong is said often enough to be seen, and others can be seen too.
    const RATE: u32 = 1;
    const BURST: u32 = 5;

    fn new(now: Instant) -> Self {
        Self { all: Limit::new(now), by_rule: BTreeMap::new() }
    }

    /// As [`Limit::pass`].
    fn pass(&mut self, rule: Rule) -> Option<Option<u64>> {
        let now = Instant::now();
        let of_rule = self.by_rule.entry(rule).or_insert_with(|| Limit::of(now, Self::RATE, Self::BURST));
        let (by_rule, of_all) = (of_rule.pass(now)?, self.all.pass(now)?);
        Some(by_rule.map_or(of_all, |count| Some(count + of_all.unwrap_or_default())))
    }
}

impl Journal {
    /// A journal that has written nothing.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { streams: Limit::new(now), refusals: Limit::new(now), violations: Violations::new(now) }
    }

    /// A stream carries data from now on.
    pub(super) fn opened<P: Copy>(&self, stream: Stream<P>) {
        debug!(id = %stream.id(), serial = stream.serial(), "stream opened");
    }

    /// A stream is over: one line that says all of it.
    pub(super) fn closed<P: Copy>(
        &mut self,
        stream: Stream<P>,
        record: Option<&StreamRecord>,
        reason: &dyn Display,
    ) {
        let Some(held_back) = self.streams.pass(Instant::now()) else { return };
        let client = record.and_then(|record| record.client).map(|client| client.to_string());
        let target = record.map(|record| &*record.target).filter(|target| !target.is_empty());
        let (sent, received) = (record.map(|record| record.sent), record.map(|record| record.received));
        let seconds = record.map(|record| (record.begun.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0);
        let (id, serial) = (stream.id(), stream.serial());
        info!(%id, serial, client, target, sent, received, seconds, %reason, held_back, "stream closed");
    }

    /// A client or a request was refused.
    pub(super) fn refused(&mut self, reason: &dyn Display) {
        if let Some(held_back) = self.refusals.pass(Instant::now()) {
            warn!(%reason, held_back, "stream refused");
        }
    }

    /// A datagram broke a rule.
    pub(super) fn violated(&mut self, from: SocketAddr, datagram: &[u8], violation: Violation) {
        if let Some(held_back) = self.violations.pass(violation.rule()) {
            // As text they are written in quotes, which sentences need.
            let [hex, reason, rule]: [&dyn Display; 3] =
                [&Hex::start_of(datagram), &violation, &violation.rule()];
            let [hex, reason, rule] = [hex, reason, rule].map(ToString::to_string);
            warn!(%from, bytes = datagram.len(), hex, reason, rule, held_back, "a datagram breaks the protocol");
        }
    }

    /// An `X` lost what was still on its way.
    pub(super) fn cut<P: Copy>(&mut self, cut: &Cut<P>) {
        if let Some(held_back) = self.violations.pass(Rule::HalfClose) {
            let (stream, rule) = (cut.stream, Rule::HalfClose.to_string());
            warn!(
                id = %stream.id(),
                serial = stream.serial(),
                unread = cut.unread,
                unwritten = cut.unwritten,
                rule,
                held_back,
                "the peer's X came before everything was delivered: bytes are lost"
            );
        }
    }
}

/// The first bytes of a datagram in hex.
struct Hex<'a> {
    start: &'a [u8],
    /// More follow.
    cut: bool,
}

impl<'a> Hex<'a> {
    /// Enough to see kind, id and how the data begins; a line stays short, and little of what the users send is in it.
    const MOST: usize = 16;

    fn start_of(datagram: &'a [u8]) -> Self {
        let (start, rest) = datagram.split_at_checked(Self::MOST).unwrap_or((datagram, &[]));
        Self { start, cut: !rest.is_empty() }
    }
}

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.start.iter().enumerate() {
            write!(f, "{}{byte:02x}", if index == 0 { "" } else { " " })?;
        }
        f.write_str(if self.cut { " …" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_of_at_most_sixteen_bytes() {
        assert_eq!(Hex::start_of(b"").to_string(), "");
        assert_eq!(Hex::start_of(b"C\x01").to_string(), "43 01");
        assert_eq!(Hex::start_of(&[b'D'; 16]).to_string(), ["44"; 16].join(" "));
        assert_eq!(Hex::start_of(&[b'D'; 17]).to_string(), format!("{} …", ["44"; 16].join(" ")));
    }
}
