//! What is said of what was measured.

use std::net::SocketAddr;
use std::time::Duration;

use tunnel::doctor::{MappingLife, Measures};

use super::{delays, percent, rate, time};

/// What was measured, each under its key.
pub(in crate::client::doctor) fn measures(measures: &Measures) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if let Some((least, half, most)) = delays(&measures.round_trips) {
        let count = measures.round_trips.len();
        let text = format!(
            "round trip {} at the least, {} in the middle (p50), {} at p99, of {count}",
            time(least),
            time(half),
            time(most)
        );
        all.push(("delay", text));
    }
    let (there, back) = measures.reordered;
    let text = format!(
        "loss {} there, {} back; out of order {there} there, {back} back",
        percent(measures.there),
        percent(measures.back)
    );
    all.push(("loss", text));
    all.push(("size", sizes(measures)));
    if let Some(last) = measures.load.last() {
        let round_trip = last.round_trip.map(|time_| format!(", round trip {}", time(time_)));
        let text = format!(
            "load: of {} sent {} arrive there and {} back{}",
            rate(last.asked),
            rate(last.carried_there),
            rate(last.carried_back),
            round_trip.unwrap_or_default()
        );
        all.push(("load", text));
    }
    if let (Some(local), Some(seen)) = (measures.local, measures.seen) {
        all.push(("nat", mapping(local, seen)));
    }
    if let Some(ahead) = measures.clock_ahead {
        all.push(("clock", clock(ahead)));
    }
    all
}

fn sizes(measures: &Measures) -> String {
    let (there, back) = measures.packets;
    let headers = if measures.seen.is_some_and(|seen| seen.is_ipv6()) { 48 } else { 28 };
    let (large_there, large_back) = measures.large;
    format!(
        "packets of {there} bytes pass there, {back} back (a path MTU of {} and {} at the least); large ones lost: {} there, {} back",
        there + headers,
        back + headers,
        percent(large_there),
        percent(large_back)
    )
}

fn mapping(local: SocketAddr, seen: SocketAddr) -> String {
    let how = match (local.ip() == seen.ip(), local.port() == seen.port()) {
        (true, true) => "nothing translates addresses on the way",
        (false, true) => "a NAT on the way changes the address and keeps the port",
        (true, false) => "a NAT on the way changes the port",
        (false, false) => "a NAT on the way changes address and port",
    };
    format!("{local} here is {seen} at proxy2: {how}")
}

fn clock(ahead: i64) -> String {
    let seconds = Duration::from_micros(ahead.unsigned_abs()).as_secs_f64();
    let way = if ahead >= 0 { "ahead of" } else { "behind" };
    format!("proxy2's clock is {seconds:.3} s {way} this one")
}

pub(in crate::client::doctor) fn mapping_life(life: Option<MappingLife>) -> String {
    let Some(MappingLife { lives, forgotten }) = life else {
        return "how soon a NAT forgets is not known: proxy2 could not be asked".into();
    };
    match (lives.map(|time| time.as_secs()), forgotten.map(|time| time.as_secs())) {
        (Some(lives), None) => format!("nothing on the way forgets an idle link within {lives} s"),
        (None, Some(forgotten)) => format!(
            "something on the way forgets an idle link within {forgotten} s: start proxy1 with --keepalive {}s",
            (forgotten * 2 / 5).max(2)
        ),
        (Some(lives), Some(forgotten)) => {
            let advice = if lives < 25 {
                format!(": start proxy1 with --keepalive {}s", lives * 4 / 5)
            } else {
                String::new()
            };
            format!("something on the way forgets a link that is idle for {lives} to {forgotten} s{advice}")
        }
        (None, None) => "how soon a NAT forgets is not known".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nat_that_forgets_soon_is_told_with_what_to_do() {
        let life = |lives: Option<u64>, forgotten: Option<u64>| {
            let seconds = |all: Option<u64>| all.map(Duration::from_secs);
            mapping_life(Some(MappingLife { lives: seconds(lives), forgotten: seconds(forgotten) }))
        };
        assert!(life(Some(80), None).contains("nothing on the way forgets"));
        assert!(life(None, Some(10)).ends_with("--keepalive 4s"));
        assert!(life(Some(10), Some(20)).ends_with("--keepalive 8s"));
        assert!(!life(Some(30), Some(45)).contains("--keepalive"), "20 s is what proxy1 does anyway");
    }
}
