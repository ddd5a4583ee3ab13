//! Clients that come while proxy2 is away: they wait, but not for ever, and who has gone meanwhile costs nothing later.

use std::time::Duration;

use testbed::client::{exchange, is_turned_away, read_to_reset};
use testbed::pair::{Pair, Proxy, SealedLink};
use testbed::target::{Manner, Target};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tunnel::address::Listen;

/// A proxy1 whose proxy2 is not there yet, and where that will be.
async fn alone(link: &SealedLink) -> (Proxy, Listen) {
    let place = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy1 = Proxy::entry_with(Listen::loopback(0), place, link.clone()).await;
    (proxy1, place.to_string().parse().unwrap())
}

/// What a proxy2 that comes now has connected once one more client of `proxy1`, which has no stream left, is served.
async fn opened_when_proxy2_comes(mut proxy1: Proxy, place: Listen, link: SealedLink) -> u64 {
    proxy1.wait_until("no stream is left", |now| now.streams == 0).await;
    let target = Target::start(Manner::Echo).await;
    let mut proxy2 = Proxy::exit_with(place, target.address(), link).await;
    let mut client = TcpStream::connect(proxy1.address).await.unwrap();
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    proxy2.wait_for_count(|now| now.streams_opened, 1).await;
    proxy2.counters().streams_opened
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_waited_for_too_long_is_reset_and_never_connected() {
    let mut link = SealedLink::new();
    link.patience = Duration::from_millis(500);
    let (mut proxy1, place) = alone(&link).await;
    let mut client = TcpStream::connect(proxy1.address).await.unwrap();
    client.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(read_to_reset(&mut client).await, b"");
    proxy1.wait_for_count(|now| now.targets_timed_out, 1).await;
    assert_eq!(opened_when_proxy2_comes(proxy1, place, link).await, 1, "the first was connected after all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_checks_during_an_outage_cost_nothing_afterwards() {
    const CHECKS: usize = 600;
    let link = SealedLink::new();
    let (mut proxy1, place) = alone(&link).await;
    for _ in 0..CHECKS {
        drop(TcpStream::connect(proxy1.address).await.unwrap());
    }
    proxy1.wait_for_count(|now| now.streams_reset, CHECKS as u64).await;
    assert_eq!(opened_when_proxy2_comes(proxy1, place, link).await, 1, "checks were connected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_want_to_wait_is_refused_at_once() {
    let target = Target::start(Manner::Echo).await;
    let mut link = SealedLink::new();
    link.patience = Duration::ZERO;
    let (mut proxy1, place) = alone(&link).await;
    is_turned_away(proxy1.address).await;
    let _proxy2 = Proxy::exit_with(place, target.address(), link).await;
    proxy1.wait_for_count(|now| now.links_up, 1).await;
    let mut client = TcpStream::connect(proxy1.address).await.unwrap();
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
}

/// A client that says nothing and ends waits to be greeted, and is: only where proxy2 does not hear of it has it gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_ends_at_once_is_still_connected() {
    let mut target = Target::start(Manner::ReplyAtEnd).await;
    let pair = Pair::start_sealed(target.address()).await;
    let mut client = pair.connect().await;
    client.shutdown().await.unwrap();
    let (came, in_order) = testbed::client::read_to_end(&mut client).await;
    assert_eq!((came.as_slice(), in_order), (b"bye".as_slice(), true));
    assert!(target.connection_ended().await);
}
