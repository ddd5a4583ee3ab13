//! What a classic session answers whoever looks at it, and does for whoever steers it.

use std::task::{Context, Poll};
use std::time::Instant;

use super::driver::Driver;
use super::side::Side;
use crate::link::asking::LinkQuery;
use crate::number::{millis, widen};
use crate::view::{LinkState, LinkView, OpenedBy, StreamState, StreamView};

impl<S: Side> Driver<S> {
    /// Answers what was asked.
    pub(super) fn answer_queries(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(query)) = self.queries.poll_recv(cx) {
            self.answer(query);
        }
    }

    fn answer(&mut self, query: LinkQuery) {
        // Whoever has asked may not wait any more.
        match query {
            LinkQuery::Look { streams, answer } => {
                let _ = answer.send(Box::new(self.view(streams)));
            }
            LinkQuery::CloseStream(serial, answer) => {
                let found = self.records.iter().map(|(stream, _)| stream).find(|one| one.serial() == serial);
                if let Some(stream) = found {
                    self.end_stream(stream, &"closed by the operator");
                    self.drain();
                }
                let _ = answer.send(found.is_some());
            }
            LinkQuery::Close(answer) => {
                let all: Vec<_> = self.records.iter().map(|(stream, _)| stream).collect();
                for stream in all {
                    self.end_stream(stream, &"closed by the operator");
                }
                self.drain();
                let _ = answer.send(());
            }
            LinkQuery::Drain(answer) => {
                self.side.drain();
                let _ = answer.send(());
            }
            // Only sealed links have another process in their place.
            LinkQuery::Leave { .. } => {}
        }
    }

    /// What the session shows of itself, with at most so many streams.
    fn view(&mut self, most: usize) -> LinkView {
        self.count();
        self.counters.publish(Instant::now());
        let peer = self.side.peer();
        // A classic link has no handshake: it is up as soon as it knows where to send.
        let up = S::SERVES || peer.is_some();
        let streams = self.records.iter().take(most);
        let streams = streams.map(|(stream, record)| StreamView {
            id: stream.serial(),
            classic_id: Some(stream.id().number()),
            opened_by: if S::SERVES { OpenedBy::Peer } else { OpenedBy::Us },
            client: record.client.map(|client| client.to_string()).unwrap_or_default(),
            target: record.target.clone(),
            state: if record.open { StreamState::Open } else { StreamState::Opening },
            age_ms: millis(record.begun.elapsed()),
            idle_ms: millis(record.active.elapsed()),
            sent_bytes: record.sent,
            received_bytes: record.received,
            unread_bytes: self.conns.waiting(stream),
            ..StreamView::default()
        });
        let streams: Vec<_> = streams.collect();
        LinkView {
            state: if up { LinkState::Up } else { LinkState::Joining },
            state_since: self.since,
            answered: true,
            local_port: self.udp.local_addr().ok().map(|address| address.port()),
            streams_open: widen(self.records.len()),
            streams_left_out: if most > 0 { widen(self.records.len() - streams.len()) } else { 0 },
            streams,
            ..LinkView::default()
        }
    }
}
