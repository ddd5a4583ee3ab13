//! The JSON document. Its keys are stable and documented (docs/check.md): new ones may come, none goes.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use tunnel::doctor::{Load, Measures, Share};
use tunnel::visible::visible_json;

use super::examine::{Examination, PlaceAnswer, Step};
use super::sentences;
use super::verdict::Verdict;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    verdict: VerdictPart<'a>,
    steps: Vec<StepPart<'a>>,
    places: Vec<PlacePart<'a>>,
    ticket: Option<TicketPart<'a>>,
    target_reached: Option<bool>,
    path: Option<PathPart>,
    path_not_measured: Option<String>,
    nat: Option<NatPart>,
}

#[derive(Serialize)]
struct VerdictPart<'a> {
    cause: &'static str,
    code: u8,
    sentence: &'a str,
    next: Option<&'a str>,
}

#[derive(Serialize)]
struct StepPart<'a> {
    step: &'static str,
    ok: Option<bool>,
    sentence: &'a str,
}

#[derive(Serialize)]
struct PlacePart<'a> {
    address: SocketAddr,
    ok: bool,
    cause: Option<&'static str>,
    handshake_ms: Option<f64>,
    datagrams: u64,
    sentence: &'a str,
}

#[derive(Serialize)]
struct TicketPart<'a> {
    name: &'a str,
    rules: &'a [String],
}

#[derive(Serialize)]
struct PathPart {
    round_trip_ms: Option<DelayPart>,
    loss: Ways<SharePart>,
    reordered: Ways<u32>,
    large_loss: Ways<SharePart>,
    packet_bytes: Ways<usize>,
    load: Vec<LoadPart>,
    local: Option<SocketAddr>,
    seen: Option<SocketAddr>,
    clock_ahead_ms: Option<f64>,
}

#[derive(Serialize)]
struct DelayPart {
    min: f64,
    p50: f64,
    p99: f64,
    samples: usize,
}

/// To proxy2, and back.
#[derive(Serialize)]
struct Ways<T> {
    there: T,
    back: T,
}

#[derive(Serialize)]
struct SharePart {
    arrived: u32,
    of: u32,
    lost: f64,
}

#[derive(Serialize)]
struct LoadPart {
    sent_bits_per_second: u64,
    carried_bits_per_second: Ways<u64>,
    loss: Ways<SharePart>,
    round_trip_ms: Option<f64>,
}

#[derive(Serialize)]
struct NatPart {
    lives_s: Option<u64>,
    forgotten_s: Option<u64>,
}

/// The document, with a line end.
pub(super) fn text(examination: &Examination, verdict: &Verdict) -> String {
    let Examination { steps, places, identity, target_reached, measures, not_measured, life, .. } =
        examination;
    let document = Document {
        version: 1,
        verdict: VerdictPart {
            cause: verdict.cause.key(),
            code: verdict.cause.code(),
            sentence: &verdict.sentence,
            next: verdict.next.as_deref(),
        },
        steps: steps.iter().map(step).collect(),
        places: places.iter().map(place).collect(),
        ticket: identity
            .as_ref()
            .map(|identity| TicketPart { name: &identity.ticket, rules: &identity.rules }),
        target_reached: *target_reached,
        path: measures.as_ref().map(path),
        path_not_measured: not_measured.map(|why| why.to_string()),
        nat: life.map(|life| NatPart {
            lives_s: life.lives.map(|time| time.as_secs()),
            forgotten_s: life.forgotten.map(|time| time.as_secs()),
        }),
    };
    let text = serde_json::to_string_pretty(&document).expect("texts and numbers can all be written");
    visible_json(&text).into_owned() + "\n"
}

fn step(step: &Step) -> StepPart<'_> {
    StepPart { step: step.key, ok: step.ok, sentence: &step.sentence }
}

fn place(place: &PlaceAnswer) -> PlacePart<'_> {
    PlacePart {
        address: place.address,
        ok: place.cause.is_none(),
        cause: place.cause.map(super::verdict::Cause::key),
        handshake_ms: place.handshake.map(millis),
        datagrams: place.datagrams,
        sentence: &place.sentence,
    }
}

fn path(measures: &Measures) -> PathPart {
    let (reordered_there, reordered_back) = measures.reordered;
    let delays = sentences::delays(&measures.round_trips);
    PathPart {
        round_trip_ms: delays.map(|(min, p50, p99)| DelayPart {
            min: millis(min),
            p50: millis(p50),
            p99: millis(p99),
            samples: measures.round_trips.len(),
        }),
        loss: Ways { there: share(measures.there), back: share(measures.back) },
        reordered: Ways { there: reordered_there, back: reordered_back },
        large_loss: Ways { there: share(measures.large.0), back: share(measures.large.1) },
        packet_bytes: Ways { there: measures.packets.0, back: measures.packets.1 },
        load: measures.load.iter().map(load).collect(),
        local: measures.local,
        seen: measures.seen,
        clock_ahead_ms: measures.clock_ahead.map(|micros| {
            let millis = millis(Duration::from_micros(micros.unsigned_abs()));
            if micros < 0 { -millis } else { millis }
        }),
    }
}

fn load(load: &Load) -> LoadPart {
    LoadPart {
        sent_bits_per_second: load.asked,
        carried_bits_per_second: Ways { there: load.carried_there, back: load.carried_back },
        loss: Ways { there: share(load.there), back: share(load.back) },
        round_trip_ms: load.round_trip.map(millis),
    }
}

fn share(share: Share) -> SharePart {
    SharePart { arrived: share.arrived, of: share.of, lost: share.lost() }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
