//! Links and streams as rows of cells.

use std::collections::VecDeque;

use tunnel::view::{ItemId, LinkView, StreamView};

use super::state::{Cell, KEPT, Proxy, Rank, Row};
use crate::steer::table::{limit, stream_row};
use crate::steer::text::{bytes, fitted, percent, rate, time};

/// A column of a table.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) align: Align,
    /// Of two columns the one with the greater number is left out first. Zero: never.
    pub(super) spare: u8,
}

/// How a column is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// From the left, and its texts can be shortened.
    Shortened,
    Left,
    /// Numbers.
    Right,
}

const fn column(title: &'static str, align: Align, spare: u8) -> Column {
    Column { title, align, spare }
}

/// Of which process a row is. It is left out where there is one.
pub(super) const PROCESS: &str = "PROCESS";

pub(super) const LINKS: [Column; 13] = [
    column("LINK", Align::Left, 0),
    column(PROCESS, Align::Right, 3),
    column("PEER", Align::Shortened, 1),
    column("TICKET", Align::Shortened, 8),
    column("STATE", Align::Left, 2),
    column("RTT", Align::Right, 4),
    column("LAST MINUTE", Align::Left, 10),
    column("LOST", Align::Right, 6),
    column("BACK", Align::Right, 7),
    column("RESENT", Align::Right, 9),
    column("OUT", Align::Right, 0),
    column("IN", Align::Right, 0),
    column("HELD BY", Align::Left, 5),
];

pub(super) const STREAMS: [Column; 11] = [
    column("STREAM", Align::Left, 0),
    column(PROCESS, Align::Right, 3),
    column("CLIENT", Align::Shortened, 1),
    column("TARGET", Align::Shortened, 2),
    column("AGE", Align::Right, 4),
    column("SENT", Align::Right, 7),
    column("RECEIVED", Align::Right, 8),
    column("OUT", Align::Right, 0),
    column("IN", Align::Right, 0),
    column("QUEUE", Align::Right, 5),
    column("HELD BY", Align::Left, 6),
];

pub(super) fn of_links(proxies: &[Proxy]) -> Vec<Row> {
    let links = proxies.iter().flat_map(|proxy| proxy.view.links.iter().map(move |link| (proxy, link)));
    links.map(|(proxy, link)| of_link(proxy, link)).collect()
}

fn of_link(proxy: &Proxy, link: &LinkView) -> Row {
    let now = proxy.rates.links.get(&link.number);
    let path = link.path.as_ref();
    let trip = path.and_then(|path| path.round_trip_us).map(|trip| trip.smoothed);
    let trips = proxy.round_trips.get(&link.number);
    let loss = now.map(|now| now.loss).unwrap_or_default();
    // In a second there may be too few packets to say: then what is known since the beginning.
    let ever = path.map(|path| path.loss).unwrap_or_default();
    let sending = loss.sending.or(ever.sending);
    let receiving = loss.receiving.or(ever.receiving);
    let resent = now.and_then(|now| now.resent);
    Row {
        key: (proxy.view.pid, link.number, None),
        cells: vec![
            Cell { text: ItemId { link: link.number, stream: None }.to_string(), rank: Rank::Key },
            number(proxy.view.pid.to_string(), Some(f64::from(proxy.view.pid))),
            words(&link.peer.map_or_else(|| "-".into(), |peer| peer.to_string())),
            words(link.ticket.as_deref().or(link.name.as_deref()).unwrap_or("-")),
            words(if link.answered { link.state.name() } else { "busy" }),
            number(trip.map_or_else(|| "-".into(), time), trip.map(|trip| trip as f64)),
            number(trips.map(spark).unwrap_or_default(), trip.map(|trip| trip as f64)),
            number(percent(sending), sending),
            number(percent(receiving), receiving),
            number(percent(resent), resent),
            speed(now.map(|now| now.sent_bps)),
            speed(now.map(|now| now.received_bps)),
            words(path.map_or("-", |path| limit(path.limited_by))),
        ],
    }
}

pub(super) fn of_streams(proxies: &[Proxy]) -> Vec<Row> {
    let links = proxies.iter().flat_map(|proxy| proxy.view.links.iter().map(move |link| (proxy, link)));
    let streams = links.flat_map(|(proxy, link)| link.streams.iter().map(move |one| (proxy, link, one)));
    streams.map(|(proxy, link, stream)| of_stream(proxy, link, stream)).collect()
}

fn of_stream(proxy: &Proxy, link: &LinkView, stream: &StreamView) -> Row {
    let now = proxy.rates.links.get(&link.number).and_then(|now| now.streams.get(&stream.id));
    let [id, client, target, sent, received, age, held] = stream_row(link, stream);
    let waiting = stream.queued_bytes.saturating_add(stream.unread_bytes);
    Row {
        key: (proxy.view.pid, link.number, Some(stream.id)),
        cells: vec![
            Cell { text: id, rank: Rank::Key },
            number(proxy.view.pid.to_string(), Some(f64::from(proxy.view.pid))),
            words(&client),
            words(&target),
            number(age, Some(stream.age_ms as f64)),
            number(sent, Some(stream.sent_bytes as f64)),
            number(received, Some(stream.received_bytes as f64)),
            speed(now.map(|now| now.sent_bps)),
            speed(now.map(|now| now.received_bps)),
            number(bytes(waiting), Some(waiting as f64)),
            words(&held),
        ],
    }
}

/// Words of others cannot move the cursor.
fn words(text: &str) -> Cell {
    Cell { text: fitted(text, usize::MAX), rank: Rank::Text }
}

/// What is not known comes after what is.
fn number(text: String, value: Option<f64>) -> Cell {
    Cell { text, rank: Rank::Number(value.unwrap_or(-1.0)) }
}

fn speed(bps: Option<u64>) -> Cell {
    number(bps.map_or_else(|| "-".into(), rate), bps.map(|bps| bps as f64))
}

/// Round trips as bars, the latest at the right; each stands for the longest of five seconds.
fn spark(trips: &VecDeque<u64>) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const EACH: usize = 5;
    let most = trips.iter().copied().max().unwrap_or(0).max(1);
    let trips: Vec<_> = trips.iter().copied().collect();
    let bars = trips.rchunks(EACH).map(|some| {
        let longest = some.iter().copied().max().unwrap_or(0);
        let height = u128::from(longest) * (BARS.len() as u128 - 1) / u128::from(most);
        usize::try_from(height).ok().and_then(|at| BARS.get(at)).copied().unwrap_or('█')
    });
    let bars: Vec<_> = bars.collect();
    let text: String = bars.into_iter().rev().collect();
    format!("{text:>0$}", KEPT / EACH)
}
