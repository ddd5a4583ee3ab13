//! A peer of an earlier version carries no datagrams.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use proto::Time;
use proto::sealed::crypto::keys::PrivateKey;
use proto::sealed::handshake::responder::{Responder, Verdict};
use proto::sealed::handshake::terms::{Features, Incarnation, Limits, UnixMicros};
use proto::sealed::link::{Event, Link, SocketId};
use proto::sealed::wire::frame::ResetCode;
use proto::ticket::Ticket;

use super::super::end::{End, Next};
use super::super::local_connection::LocalConnection;
use super::super::roles::{RoleLimits, Roles};
use super::super::{Instance, LinkRequest, ciphers, memory, remake, requests, responder};
use crate::entropy;
use crate::local::udp::{FlowEnd, flow_pipe};
use crate::metrics::Counters;
use crate::settings::Sealed;
use crate::udp::Udp;

/// An end whose clients may have streams.
struct Admits;

impl End for Admits {
    fn receive(
        &mut self,
        _cx: &mut Context<'_>,
        _now: Time,
        _link: &mut Link,
        _counters: &mut Counters,
    ) -> std::io::Result<bool> {
        Ok(false)
    }

    fn poll_news(
        &mut self,
        _cx: &mut Context<'_>,
        _now: Time,
        _link: &mut Link,
        _counters: &mut Counters,
    ) -> Poll<Next> {
        Poll::Pending
    }

    fn admit(&self, _link: &Link, _patience: Duration) -> Result<(), (ResetCode, &'static str)> {
        Ok(())
    }

    fn event(&mut self, _now: Time, _event: &Event, _link: &mut Link, _counters: &mut Counters) -> Next {
        Next::On
    }

    fn is_over(&self) -> bool {
        false
    }

    fn socket(&self, _id: SocketId) -> Option<&Udp> {
        None
    }

    fn shutdown(&mut self) {}
}

/// A client's link whose server has shown these features.
fn link(features: Features) -> Link {
    let (now, unix) = (Time::ZERO, UnixMicros(1_700_000_000_000_000));
    let peer: SocketAddr = "192.0.2.1:1".parse().unwrap();
    let key = PrivateKey::generate(&mut entropy::random());
    let ticket = Ticket::generate(key.public(), false, &mut entropy::random());
    let settings = memory::of_only_link(&Sealed::default());
    let of_responder = responder::Settings {
        epoch: proto::sealed::handshake::terms::Epoch(1),
        ciphers: ciphers(),
        clock_tolerance: responder::CLOCK_TOLERANCE,
        handshakes_per_second: 100,
    };
    let mut responder = Responder::new(now, key, of_responder, entropy::random());
    responder.allow(ticket.client(), None);
    let mut link = remake(settings, Instance(1))(now, &ticket);
    link.try_peer(peer);
    let mut room = vec![0; 2_000];
    let initiation = link.poll_transmit(now, unix, &mut room).expect("it asks at once");
    let verdict = responder.handle(now, unix, peer, &room[..initiation.length]);
    let Verdict::Request(request) = verdict else { panic!("not let in") };
    let limits = Limits { features, ..Link::limits(&settings) };
    let (mut response, _) = request.accept(9, Incarnation(0), limits);
    link.handle_datagram(now, peer, &mut response);
    assert!(link.is_up());
    link
}

/// What becomes of a flow that this process asks for.
async fn ask(link: &mut Link, counters: &mut Counters) -> (LocalConnection, FlowEnd) {
    let (sender, asked) = requests();
    let limits = RoleLimits { max_streams: 1, patience: Duration::ZERO };
    let mut roles = Roles::new(limits).asked_by(asked);
    let (end, flow) = flow_pipe();
    sender.send(LinkRequest::Open(b"udp/192.0.2.1:53".to_vec(), end.into())).await.unwrap();
    let arrival = poll_fn(|cx| roles.poll_arrival(cx, &Admits, link, counters)).await;
    (arrival, flow)
}

#[tokio::test]
async fn a_flow_is_refused_if_the_peer_carries_no_datagrams() {
    let mut counters = Counters::default();
    let (arrival, flow) = ask(&mut link(Features::NONE), &mut counters).await;
    assert!(matches!(arrival, LocalConnection::Nothing), "{arrival:?}");
    assert_eq!(flow.opened().await, Err(ResetCode::Forbidden));
    assert_eq!(counters.streams_forbidden, 1);
    let (arrival, _flow) = ask(&mut link(Features::DATAGRAMS), &mut counters).await;
    assert!(matches!(arrival, LocalConnection::Client(..)), "{arrival:?}");
}
