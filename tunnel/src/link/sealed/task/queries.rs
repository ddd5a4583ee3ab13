//! What a link answers whoever looks at it, and does for whoever steers it.

use std::time::{Duration, Instant};

use proto::Time;
use proto::sealed::link::figures::{LinkFigures, Stage};
use proto::sealed::transport::figures::{self, Limit, PathFigures, StreamFigures};
use proto::sealed::wire::frame::{ResetCode, StreamId};

use super::Task;
use super::leaving::{self, Leaving};
use crate::clock::Clock;
use crate::link::asking::LinkQuery;
use crate::link::sealed::end::End;
use crate::link::sealed::records::StreamRecord;
use crate::number::{millis, widen};
use crate::view::{
    LimitedBy, LinkState, LinkView, OpenedBy, Packets, PathView, RoundTrip, StreamKind, StreamState,
    StreamView,
};

/// Why a stream ends that nobody at either end of it has ended, as the log says it.
const BY_OPERATOR: &str = "closed by the operator";
const DRAINS: &str = "nothing new is accepted any more";
const MOVED: &str = "proxy1 has another link for what is new";

/// How a link was when that was last looked at, and since when.
#[derive(Debug)]
pub(super) struct NotedState {
    state: LinkState,
    since: u64,
}

impl NotedState {
    /// A link that begins now.
    pub(super) fn new() -> Self {
        Self { state: LinkState::Joining, since: Clock::unix_ms() }
    }

    fn note(&mut self, state: LinkState) {
        if self.state != state {
            *self = Self { state, since: Clock::unix_ms() };
        }
    }
}

impl<E: End + 'static> Task<E> {
    /// Answers, or does it.
    pub(super) fn answer(&mut self, now: Time, query: LinkQuery) {
        // Whoever has asked may not wait any more.
        match query {
            LinkQuery::Look { streams, answer } => {
                let _ = answer.send(Box::new(self.view(now, streams)));
            }
            LinkQuery::CloseStream(id, answer) => {
                let _ = answer.send(self.close_stream(now, StreamId(id), BY_OPERATOR));
            }
            LinkQuery::Close(answer) => {
                self.close_streams(now, BY_OPERATOR, |_| true);
                self.end.close(&mut self.link);
                let _ = answer.send(());
            }
            LinkQuery::Drain(answer) => {
                self.refuse_new(now, DRAINS);
                let _ = answer.send(());
            }
            LinkQuery::Leave { moves } => {
                self.leaving.get_or_insert_with(Leaving::default);
                if moves {
                    self.refuse_new(now, MOVED);
                }
            }
        }
    }

    /// Nothing new is accepted from now on.
    fn refuse_new(&mut self, now: Time, why: &'static str) {
        self.roles.drain();
        // Nothing is registered here any more, nor there for this end, and no path is checked.
        self.close_streams(now, why, leaving::is_own);
    }

    fn close_stream(&mut self, now: Time, id: StreamId, why: &'static str) -> bool {
        let is_there = self.records.get_mut(id).is_some();
        if is_there {
            self.cut(now, id, ResetCode::Reset);
            self.over(id, Some(ResetCode::Reset), &why);
        }
        is_there
    }

    fn close_streams(&mut self, now: Time, why: &'static str, which: impl Fn(&StreamRecord) -> bool) {
        let ids: Vec<_> = self.records.iter().filter(|(_, one)| which(one)).map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| {
            self.close_stream(now, id, why);
        });
    }

    /// Notes since when the link is as it is.
    pub(super) fn note_state(&mut self) {
        let state = match self.link.figures().stage {
            Stage::Up => LinkState::Up,
            Stage::Dormant => LinkState::Dormant,
            Stage::Ending => LinkState::Ending,
            Stage::Asking | Stage::Silent if let Some(why) = self.end.refusal() => LinkState::Refused { why },
            Stage::Asking => LinkState::Joining,
            Stage::Silent => LinkState::Silent,
        };
        self.noted.note(state);
    }

    /// What the link shows of itself, with at most so many streams.
    fn view(&mut self, now: Time, most: usize) -> LinkView {
        self.note_state();
        self.count_packets();
        self.counters.publish(Instant::now());
        let socket = self.end.socket(self.link.path().socket);
        let local_port = socket.and_then(|udp| udp.local_addr().ok()).map(|address| address.port());
        let path = path_view(now, &self.link.figures(), &self.link.streams().path_figures());
        let mut streams = Vec::with_capacity(most.min(self.records.len()));
        for (id, record) in self.records.iter().take(most) {
            let figures = self.link.streams().figures_of(id);
            streams.extend(figures.map(|figures| self.stream_view(now, record, &figures)));
        }
        LinkView {
            state: self.noted.state.clone(),
            state_since: self.noted.since,
            answered: true,
            local_port,
            path: Some(path),
            streams,
            streams_open: widen(self.records.len()),
            streams_left_out: if most > 0 { widen(self.records.len().saturating_sub(most)) } else { 0 },
            ..LinkView::default()
        }
    }

    fn stream_view(&self, now: Time, record: &StreamRecord, figures: &StreamFigures) -> StreamView {
        let id = figures.id;
        let going = self.conns.carried(id).or_else(|| self.flows.carried(id));
        let (carried, active) = going.unwrap_or((record.carried, record.begun));
        StreamView {
            id: id.0,
            classic_id: None,
            kind: if record.is_flow { StreamKind::Udp } else { StreamKind::Tcp },
            opened_by: if record.of_peer { OpenedBy::Peer } else { OpenedBy::Us },
            client: record.client.map(|client| client.to_string()).unwrap_or_default(),
            target: record.target.clone(),
            state: match figures.stage {
                figures::Stage::Opening => StreamState::Opening,
                figures::Stage::Open => StreamState::Open,
                figures::Stage::Closing => StreamState::Closing,
            },
            age_ms: millis(record.begun.elapsed()),
            idle_ms: millis(active.elapsed()),
            sent_bytes: carried.sent,
            received_bytes: carried.received,
            queued_bytes: figures.queued,
            unread_bytes: figures.unread,
            limited_by: limited_by(now, figures.limit),
        }
    }
}

fn path_view(now: Time, link: &LinkFigures, path: &PathFigures) -> PathView {
    let counts = &path.counts;
    let packets = Packets {
        sent: counts.sent,
        lost: counts.lost.saturating_sub(counts.spurious),
        received: link.received.packets,
        missing: link.received.missing,
    };
    let resent = (counts.data_bytes > 0).then(|| counts.resent_bytes as f64 / counts.data_bytes as f64);
    PathView {
        round_trip_us: path.round_trip.map(|round_trip| RoundTrip {
            smoothed: micros(round_trip.smoothed),
            min: micros(round_trip.lowest),
            latest: micros(round_trip.latest),
        }),
        reordering_us: micros(path.reordering),
        loss: packets.loss(),
        packets,
        resent,
        data_bytes: counts.data_bytes,
        resent_bytes: counts.resent_bytes,
        rate_bps: path.rate.saturating_mul(8),
        in_flight_bytes: path.in_flight,
        window_bytes: path.window,
        datagram_bytes: path.datagram,
        keeps_ecn: path.keeps_ecn,
        marked: counts.marked,
        sent_bytes: counts.bytes,
        received_bytes: link.received.bytes,
        heard_ms: millis(now.since(link.heard_at)),
        limited_by: limited_by(now, path.limit),
    }
}

fn limited_by(now: Time, limit: Limit) -> LimitedBy {
    match limit {
        Limit::Application => LimitedBy::Application,
        Limit::Congestion => LimitedBy::Congestion,
        Limit::PeerCredit => LimitedBy::PeerCredit,
        Limit::Memory => LimitedBy::Memory,
        Limit::Silent(since) => {
            LimitedBy::PathSilent { since: Clock::unix_ms().saturating_sub(millis(now.since(since))) }
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
