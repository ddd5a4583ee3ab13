//! Either end may have either role.

use std::future::{pending, poll_fn};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use proto::sealed::link::{Event, SocketId};
use proto::sealed::wire::frame::ResetCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use super::end::{End, Next};
use super::local_connection::LocalConnection;
use super::*;
use crate::address::Listen;
use crate::local::forwarding::Bound;
use crate::metrics::Counters;
use crate::settings::{Forward, StateSource, TicketSource};
use crate::state::MemoryState;

/// A forward from loopback, and where its clients connect.
async fn forward() -> (Forwarding, SocketAddr) {
    let forward = Forward::plain(Listen::loopback(0));
    let forwarding = Forwarding::bind(&forward, Default::default()).await.unwrap();
    let address = forwarding.bound().tcp().unwrap();
    (forwarding, address)
}

async fn says(mut client: TcpStream, target: &TcpListener, words: [&[u8]; 2]) {
    let (mut connection, _) = target.accept().await.unwrap();
    for (index, from) in [(0, 0), (1, 1)] {
        let mut heard = vec![0; words[index].len()];
        let (here, there) =
            if from == 0 { (&mut client, &mut connection) } else { (&mut connection, &mut client) };
        here.write_all(words[index]).await.unwrap();
        there.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, words[index]);
    }
    drop(client);
    let end = connection.read(&mut [0; 1]).await;
    assert!(matches!(end, Ok(0)), "FIN is carried: {end:?}");
}

/// proxy2 accepts clients and proxy1 dials for them, while proxy1 accepts clients and proxy2 dials for those.
#[tokio::test]
async fn streams_are_opened_from_both_sides_at_once() {
    let state = MemoryState::new();
    let ticket = state.add_ticket("one".parse().unwrap()).unwrap();
    let [outside, inside] = [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await];
    let (outside, inside) = (outside.unwrap(), inside.unwrap());
    let udp = Udp::bind("127.0.0.1:0".parse().unwrap(), 0).unwrap();
    let bound = udp.local_addr().unwrap();
    let only = |target: &TcpListener| Allow::only(target.local_addr().unwrap().into());
    let settings = ServerSettings::new(Listen::loopback(0), StateSource::from(&state), only(&outside));
    let mut server = Server::new(&settings, state.key(), state.tickets().into(), vec![udp]);
    let (reverse, reverse_address) = forward().await;
    server.demux = server.demux.forwarding(reverse);

    let (forward, forward_address) = forward().await;
    let settings = ClientSettings::new(TicketSource::Given(ticket.clone()), vec![bound.into()]);
    let settings = ClientSettings { allow: only(&inside), ..settings };
    let (_requests, asked) = requests();
    let resources = ClientResources {
        ticket,
        forwards: vec![forward],
        udp: Udp::bind_any(0).unwrap(),
        requests: asked,
        status: watch::Sender::default(),
    };
    let client = Client::new(settings, resources);

    let mut counters = client.registry().subscribe();
    tokio::spawn(server.run(pending()));
    tokio::spawn(client.run(pending()));
    counters.wait_for(|counters| counters.links_up == 1).await.unwrap();
    for _ in 0..3 {
        let client = TcpStream::connect(reverse_address).await.unwrap();
        says(client, &inside, [b"to the inside", b"and back"]).await;
        let client = TcpStream::connect(forward_address).await.unwrap();
        says(client, &outside, [b"to the outside", b"and back"]).await;
    }
}

/// An end whose clients may have no stream.
struct NoStreams;

impl End for NoStreams {
    fn receive(
        &mut self,
        _cx: &mut Context<'_>,
        _now: Time,
        _link: &mut Link,
        _counters: &mut Counters,
    ) -> io::Result<bool> {
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
        Err((ResetCode::Limit, "there are none"))
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

/// A process that asks without a pause and a crowd of clients: neither keeps the other waiting.
#[tokio::test]
async fn what_the_process_asks_for_and_clients_take_turns() {
    let state = MemoryState::new();
    let ticket = state.add_ticket("one".parse().unwrap()).unwrap();
    let options = Sealed::default();
    let mut link = remake(memory::of_only_link(&options), Instance(1))(Time::ZERO, &ticket);
    let (forward, address) = forward().await;
    let (sender, asked) = requests();
    let limits = RoleLimits { max_streams: 1, patience: Duration::ZERO };
    let mut roles = Roles::new(limits).forwarding(vec![forward]).asked_by(asked);
    let mut counters = Counters::default();
    let _clients = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    let mut answers = Vec::new();
    while counters.streams_over_limit < 2 {
        let (answer, answered) = oneshot::channel();
        let nowhere = Bound::Unix("nowhere".into());
        if sender.try_send(LinkRequest::Remove(nowhere, answer)).is_ok() {
            answers.push(answered);
        }
        assert!(answers.len() < 1_000, "the clients do not get their turn");
        let arrival = poll_fn(|cx| Poll::Ready(roles.poll_arrival(cx, &NoStreams, &mut link, &mut counters)));
        assert!(matches!(arrival.await, Poll::Ready(LocalConnection::Nothing)));
        tokio::task::yield_now().await;
    }
    let answered = answers.iter_mut().filter_map(|answer| answer.try_recv().ok()).count();
    assert!(answered > 0, "nor does the process");
}
