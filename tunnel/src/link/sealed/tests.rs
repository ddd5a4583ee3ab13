//! What a link does for those at its own side.

mod idle;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use proto::sealed::link::{Event, SocketId};
use proto::sealed::wire::frame::ResetCode;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::conns::{Conns, Moved};
use super::end::{End, Next};
use super::local_connection::LocalConnection;
use super::*;
use crate::address::Listen;
use crate::local::forwarding::Bound;
use crate::metrics::Counters;
use crate::settings::Forward;
use crate::state::MemoryState;

/// A forward from loopback, and where its clients connect.
async fn forward() -> (Forwarding, SocketAddr) {
    let forward = Forward::plain(Listen::loopback(0));
    let forwarding = Forwarding::bind(&forward, Default::default()).await.unwrap();
    let address = forwarding.bound().tcp().unwrap();
    (forwarding, address)
}

fn link() -> Link {
    let ticket = MemoryState::new().add_ticket("one".parse().unwrap()).unwrap();
    remake(memory::of_only_link(&Sealed::default()), Instance(1))(Time::ZERO, &ticket)
}

/// A client's end of a connection, and the one that was accepted.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
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
    let mut link = link();
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

/// What a read brings leaves with what the sender, whose window it has opened, sends at once: not in two sends.
#[tokio::test]
async fn a_connection_that_had_much_but_not_all_is_read_again_before_that_leaves() {
    let mut link = link();
    for (bytes, again) in [(6_000, false), (60, true)] {
        let (_client, accepted) = connection().await;
        let (mut conns, mut moved) = (Conns::new(), Moved::default());
        let id = link.streams().open(b"").unwrap();
        conns.insert(id, accepted.into(), vec![7; bytes], None);
        conns.push(Time::ZERO, link.streams(), &mut moved);
        conns.pull(Time::ZERO, link.streams(), &mut moved);
        assert_eq!((moved.sent, conns.has_work()), (bytes, again), "{bytes} bytes");
    }
}

/// A FIN brings no bytes, and yet has to leave at once, as what it ends may be all that somebody waits for.
#[tokio::test]
async fn a_connection_that_ends_is_something_that_has_moved() {
    let mut link = link();
    let (client, accepted) = connection().await;
    let mut conns = Conns::new();
    let id = link.streams().open(b"").unwrap();
    conns.insert(id, accepted.into(), vec![7; 60], None);
    let mut client = Some(client);
    let ended = poll_fn(|cx| {
        conns.register(cx.waker());
        conns.take_woken();
        let mut moved = Moved::default();
        conns.pull(Time::ZERO, link.streams(), &mut moved);
        if moved.has_ends() {
            return Poll::Ready(moved);
        }
        // What it has said has been read: now it ends.
        if moved.sent == 0 {
            client = None;
        }
        if conns.has_work() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    });
    let moved = tokio::time::timeout(Duration::from_secs(10), ended).await.expect("the end is not told");
    assert_eq!((moved.sent, moved.broken.len(), moved.reset.len()), (0, 0, 0));
}
