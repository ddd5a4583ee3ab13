//! Flows: streams that carry datagrams. A flow is opened, accepted, finished and reset as every stream is; instead of bytes, datagrams
//! are sent ([`Transport::send_datagram`]) and received ([`Transport::recv_datagram`]).
//!
//! - A stream is a flow if its destination is one of datagrams, as `udp/dns.example:53` is: the one that [`Transport::open`] was
//!   called with, or that [`Event::Incoming`] says. Nothing else tells the two apart.
//! - Send whatever the socket gives, at once, also before [`Event::Opened`], and go on when it is refused: then it was dropped, and
//!   counted. Nothing says when there is room: who has to wait for that would send datagrams too old to be of use.
//! - On [`Event::DatagramReadable`] receive until there is no more; another event follows only after that.
//! - [`Event::Readable`] of a flow means one thing: the peer has finished it, and [`Transport::is_read_to_end`] is true. Datagrams
//!   that came before can still be received.
//! - [`Event::Reset`] and [`Event::Closed`] are those of every stream. A flow that is idle is ended by the application, which says
//!   when it is: with [`Transport::finish`], or with a reset and the code for it. Bytes are never written to a flow, nor read from it.
//!
//! ```
//! # use paso_proto::Time;
//! # use paso_proto::sealed::crypto::{cipher::CipherSupport, keys::PrivateKey, random::Random};
//! # use paso_proto::sealed::endpoint::{DatagramEvent, Endpoint};
//! # use paso_proto::sealed::handshake::initiator::{Identity, Initiator};
//! # use paso_proto::sealed::handshake::responder::{self, CLOCK_TOLERANCE, Responder};
//! # use paso_proto::sealed::handshake::terms::{Epoch, Instance, LinkId, UnixMicros};
//! # use paso_proto::sealed::link::{Link, Settings};
//! # use paso_proto::ticket::Ticket;
//! # use std::net::SocketAddr;
//! # let random = |seed| Random::from_seed([seed; 32]);
//! # let (now, unix) = (Time::ZERO, UnixMicros(1_767_225_600_000_000));
//! # let peer = SocketAddr::from(([192, 0, 2, 1], 5_000));
//! # let (settings, ciphers) = (Settings::default(), CipherSupport { aes: true });
//! # let limits = Link::limits(&settings);
//! # let key = PrivateKey::generate(&mut random(1));
//! # let ticket = Ticket::generate(key.public(), false, &mut random(2));
//! # let (epoch, clock_tolerance) = (Epoch(1), CLOCK_TOLERANCE);
//! # let options = responder::Settings { epoch, ciphers, clock_tolerance, handshakes_per_second: 100 };
//! # let mut endpoint = Endpoint::new(Responder::new(now, key, options, random(3)), limits, 10, random(4));
//! # endpoint.allow(ticket.client(), None);
//! # let identity = Identity { link: LinkId(1), instance: Instance(1), ciphers, limits };
//! # let mut client = Link::client(now, peer, Initiator::new(ticket, identity), settings, random(5));
//! # let mut out = vec![0; paso_proto::MAX_UDP_PAYLOAD];
//! use paso_proto::sealed::link::Event;
//! use paso_proto::sealed::transport;
//!
//! // At the entry: a socket got the first datagram from an address.
//! let id = client.streams().open(b"udp/dns.example:53").expect("there is room for a flow");
//! client.streams().send_datagram(now, id, b"who is there?").expect("it waits for the handshake");
//! # let asked = client.poll_transmit(now, unix, &mut out).expect("an initiation");
//! # let asked = endpoint.handle(now, unix, peer, &mut out[..asked.length]);
//! # let DatagramEvent::New { session, limits, mut response, .. } = asked else { panic!("{asked:?}") };
//! # let mut server = Link::server(now, peer, *session, limits, settings, random(6));
//! # let now = now + std::time::Duration::from_millis(20);
//! # client.handle_datagram(now, peer, &mut response);
//! # while let Some(transmit) = client.poll_transmit(now, unix, &mut out) {
//! #     for datagram in out[..transmit.length].chunks_mut(transmit.segment) {
//! #         server.handle_datagram(now, peer, datagram);
//! #     }
//! # }
//!
//! // At the exit: the task of the link passes on what comes.
//! let mut heard = Vec::new();
//! while let Some(event) = server.poll_event() {
//!     match event {
//!         Event::Stream(transport::Event::Incoming { id, target }) => {
//!             assert_eq!(target, b"udp/dns.example:53");
//!             server.streams().accept(id); // once it has a socket; what comes before waits
//!         }
//!         Event::Stream(transport::Event::DatagramReadable(id)) => {
//!             while let Some(datagram) = server.streams().recv_datagram(id) {
//!                 heard.push(datagram); // to the socket
//!             }
//!         }
//!         _ => {}
//!     }
//! }
//! assert_eq!(heard, [b"who is there?"]);
//! ```

mod counts;
mod receive;
mod send;

use super::{Event, Transport};
use crate::sealed::streams::datagram_queue::HeldDatagrams;
use crate::sealed::streams::early_datagrams::EarlyDatagrams;
use crate::sealed::streams::flow_lead::FlowLead;
use crate::sealed::streams::flow_schedule::FlowSchedule;
pub use crate::sealed::streams::framing::MAX_DATAGRAM;
use crate::sealed::streams::stream::Stream;
#[cfg(any(test, feature = "fuzzing"))]
use crate::sealed::wire::frame::StreamId;
pub use counts::DatagramCounts;
pub use send::DatagramRefused;

/// The datagrams of a link's flows.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    /// Flows that have something to send, whose `C` has left.
    schedule: FlowSchedule,
    lead: FlowLead,
    /// What came before the frame that opens its flow.
    early: EarlyDatagrams,
    /// What waits to be sent.
    send: HeldDatagrams,
    /// What waits to be read.
    recv: HeldDatagrams,
    counts: DatagramCounts,
    /// A datagram had to be framed that a larger packet would carry.
    wants_larger_packets: bool,
}

impl Datagrams {
    /// None, but the counts of a link that this one follows, of which nothing leaves any more and nothing is read.
    pub(super) fn after(old: &Self) -> Self {
        let mut counts = old.counts;
        counts.unsent += old.send.count();
        counts.unread += old.recv.count();
        counts.not_open += old.early.len() as u64;
        Self { counts, ..Self::default() }
    }

    /// Whether a datagram waits for a packet.
    pub(super) fn are_waiting(&self) -> bool {
        !self.schedule.is_empty()
    }

    /// Whether larger packets would be of use.
    pub(super) const fn want_larger_packets(&self) -> bool {
        self.wants_larger_packets
    }

    /// No datagram of `stream` leaves any more.
    fn end_sending(&mut self, key: usize, stream: &mut Stream) {
        let Some(flow) = &mut stream.flow else { return };
        self.schedule.remove(key, &mut flow.turn);
        self.counts.unsent += flow.send.clear(&mut self.send);
    }

    /// Nothing of `stream` leaves any more, and nothing is read.
    fn end(&mut self, key: usize, stream: &mut Stream) {
        self.end_sending(key, stream);
        if let Some(flow) = &mut stream.flow {
            self.counts.malformed += u64::from(flow.framing.is_inside());
            self.counts.unread += flow.stop_reading(&mut self.recv);
        }
    }
}

impl Transport {
    /// What became of datagrams, since the link began.
    pub const fn datagram_counts(&self) -> DatagramCounts {
        self.datagrams.counts
    }

    /// The stream with this key sends no more datagrams.
    pub(super) fn end_sending_datagrams(&mut self, key: usize) {
        if let Some((stream, _)) = self.streams.get(key).filter(|(stream, _)| stream.flow.is_some()) {
            self.datagrams.end_sending(key, stream);
            self.count_datagrams();
        }
    }

    /// The stream with this key neither sends nor takes datagrams any more.
    pub(super) fn end_datagrams(&mut self, key: usize) {
        if let Some((stream, _)) = self.streams.get(key).filter(|(stream, _)| stream.flow.is_some()) {
            self.datagrams.end(key, stream);
            self.count_datagrams();
        }
    }

    /// The stream with this key is gone.
    pub(super) fn forget_datagrams(&mut self, key: usize, stream: &mut Stream) {
        if stream.flow.is_some() {
            self.datagrams.end(key, stream);
            self.count_datagrams();
        }
    }

    /// The peer is another one: nothing leaves of a flow that it has not been told of.
    pub(super) fn suspend_flows(&mut self) {
        for key in self.streams.keys() {
            let Some((stream, _)) = self.streams.get(key) else { continue };
            if let Some(flow) = stream.flow.as_mut().filter(|_| stream.opening.is_unsaid()) {
                self.datagrams.schedule.remove(key, &mut flow.turn);
            }
        }
    }

    /// Counts the memory that datagrams hold, and bytes of streams that are not open yet.
    pub(super) fn count_datagrams(&mut self) {
        self.streams.datagrams = self.datagrams.send.cost();
        self.streams.count_written();
        self.count_kept();
    }

    /// The same of what came.
    pub(super) fn count_kept(&mut self) {
        self.streams.promises.set_kept(self.kept());
    }

    /// Memory that is held beside windows for what came, in bytes.
    pub(super) fn kept(&self) -> u64 {
        self.early.cost() as u64 + self.datagrams.early.cost() + self.datagrams.recv.cost()
    }

    /// Whether this side has opened the stream.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) const fn has_opened(&self, id: StreamId) -> bool {
        self.side.opened(id)
    }

    /// What the queues of all flows hold is what was counted.
    ///
    /// # Panics
    /// If it is not.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn check_datagrams(&self) {
        let flows = || self.streams.iter().filter_map(|stream| stream.flow.as_ref());
        let sent: u64 = flows().map(|flow| flow.send.cost()).sum();
        assert_eq!(sent, self.datagrams.send.cost(), "datagrams to send");
        let read: u64 = flows().map(|flow| flow.recv.cost() + flow.framing.cost()).sum();
        assert_eq!(read, self.datagrams.recv.cost(), "datagrams to read");
        assert_eq!(self.streams.datagrams, sent);
    }
}
