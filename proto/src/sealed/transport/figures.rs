//! What a transport shows of itself to somebody who looks. Looking changes nothing, and what is shown is put together then:
//! while nobody looks it costs some sums.

use super::{Counts, Transport};
use crate::sealed::streams::blocked::Blocked;
use crate::sealed::streams::stream::{OpenState, Stream};
use crate::sealed::wire::frame::StreamId;
use crate::time::Time;
use std::time::Duration;

/// How sending goes, at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathFigures {
    /// Round trips; `None` before the first sample on this path.
    pub round_trip: Option<RoundTrip>,
    /// How much later than its neighbours a packet may come before it counts as lost.
    pub reordering: Duration,
    /// The highest rate that was delivered in the last rounds, in bytes of UDP payload a second; zero before the first round.
    pub rate: u64,
    /// The share of packets that the path loses whatever the rate, as the congestion controller has it: 0 to 0.5.
    pub random_loss: f64,
    /// Bytes of UDP payload on their way.
    pub in_flight: u64,
    /// How many there may be.
    pub window: u64,
    /// The UDP payload of full packets, in bytes.
    pub datagram: u16,
    /// The path is known to keep the ECN bits: packets leave as ECT(0).
    pub keeps_ecn: bool,
    /// What was counted since the link began.
    pub counts: Counts,
    /// What keeps it from sending more.
    pub limit: Limit,
}

/// Round trips of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// Smoothed.
    pub smoothed: Duration,
    /// The lowest of the last ten seconds.
    pub lowest: Duration,
    /// The latest.
    pub latest: Duration,
}

/// What keeps a link or a stream from sending more than it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Nothing: all that was written has left.
    Application,
    /// What the path takes, and the turn of other streams on it.
    Congestion,
    /// The peer gives no credit: whoever reads there takes no more.
    PeerCredit,
    /// There is no memory for more.
    Memory,
    /// Nothing of what was sent since then has been acknowledged: the path is dead.
    Silent(Time),
}

/// How far a stream is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its target has not been dialled yet, as far as this side knows.
    Opening,
    /// Both directions may carry something.
    Open,
    /// A direction has ended, or the stream was reset.
    Closing,
}

/// One stream, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamFigures {
    /// Its id.
    pub id: StreamId,
    /// This side has opened it.
    pub is_ours: bool,
    /// It stands for a flow of datagrams.
    pub is_flow: bool,
    /// How far it is.
    pub stage: Stage,
    /// Bytes that were written and the peer has not acknowledged. Of a flow: memory of the datagrams that wait to be sent.
    pub queued: u64,
    /// Bytes that came and have not been read. Of a flow: memory of its datagrams.
    pub unread: u64,
    /// What keeps it from sending more.
    pub limit: Limit,
}

impl Transport {
    /// How sending goes.
    pub fn path_figures(&self) -> PathFigures {
        let recovery = &self.recovery;
        let rtt = &recovery.rtt;
        PathFigures {
            round_trip: rtt.is_known().then(|| RoundTrip {
                smoothed: rtt.smoothed(),
                lowest: rtt.lowest(),
                latest: rtt.latest(),
            }),
            reordering: recovery.reordering(),
            rate: recovery.controller().rate(),
            random_loss: recovery.controller().random_loss(),
            in_flight: recovery.log.in_flight(),
            window: recovery.controller().cwnd(),
            datagram: self.mtu(),
            keeps_ecn: recovery.ecn.is_kept(),
            counts: self.counts(),
            limit: self.limit(),
        }
    }

    /// The streams in the order of their ids, of each side's half the oldest first.
    pub fn stream_figures(&self) -> impl Iterator<Item = StreamFigures> {
        let silent = self.silent_since();
        self.streams.by_id().map(move |stream| stream.figures(silent))
    }

    /// The figures of one stream; `None` if it is over.
    pub fn figures_of(&self, id: StreamId) -> Option<StreamFigures> {
        let silent = self.silent_since();
        self.streams.peek(id).map(|stream| stream.figures(silent))
    }

    fn limit(&self) -> Limit {
        if let Some(since) = self.silent_since() {
            return Limit::Silent(since);
        }
        if !self.schedule.is_empty() || self.datagrams.are_waiting() || self.writers.has_turns() {
            return Limit::Congestion;
        }
        // What keeps each of the streams back does so for the link: of several, what can be helped least.
        let limits = self.streams.iter().map(|stream| stream.limit(None));
        limits.max_by_key(|limit| limit.weight()).unwrap_or(Limit::Application)
    }

    /// Whether the path counts as dead.
    pub(crate) const fn is_silent(&self) -> bool {
        self.recovery.is_dead()
    }

    fn silent_since(&self) -> Option<Time> {
        self.is_silent().then(|| self.waiting_since().unwrap_or_else(|| self.acked_at()))
    }
}

impl Limit {
    const fn weight(self) -> u8 {
        match self {
            Self::Application => 0,
            Self::PeerCredit => 1,
            Self::Memory => 2,
            Self::Congestion => 3,
            Self::Silent(_) => 4,
        }
    }
}

impl Stream {
    fn figures(&self, silent: Option<Time>) -> StreamFigures {
        let datagrams = self.flow.as_ref().map_or((0, 0), |flow| (flow.send.cost(), flow.recv.cost()));
        StreamFigures {
            id: self.id,
            is_ours: matches!(self.opening, OpenState::Ours { .. }),
            is_flow: self.flow.is_some(),
            stage: self.stage(),
            queued: self.send.held() + datagrams.0,
            unread: self.recv.readable() + datagrams.1,
            limit: self.limit(silent),
        }
    }

    fn stage(&self) -> Stage {
        if !self.takes_bytes() || self.recv.is_ended() || self.recv.state.is_stopped() {
            return Stage::Closing;
        }
        match self.opening {
            OpenState::Ours { answered: false, .. } | OpenState::Asked => Stage::Opening,
            OpenState::Ours { answered: true, .. } | OpenState::Accepted(_) => Stage::Open,
            OpenState::Refused => Stage::Closing,
        }
    }

    /// `silent`: since when the path is dead, if it is.
    fn limit(&self, silent: Option<Time>) -> Limit {
        let waits = self.send.held() > 0 || !matches!(self.blocked, Blocked::No);
        match (silent, &self.blocked) {
            (Some(since), _) if waits => Limit::Silent(since),
            (_, Blocked::Memory(_) | Blocked::Reserve(_)) => Limit::Memory,
            (_, Blocked::Credit(_)) => Limit::PeerCredit,
            (_, Blocked::Unsent | Blocked::Turn(_) | Blocked::Admitted) => Limit::Congestion,
            (_, Blocked::No) if self.send.unsent() == 0 => Limit::Application,
            (_, Blocked::No) if self.send.is_ready() => Limit::Congestion,
            // What the peer has to take first, or has to hear of.
            (_, Blocked::No) => Limit::PeerCredit,
        }
    }
}
