//! What each link of a proxy2 has carried can be read by itself, under the name of its ticket and the address of its peer; what
//! a link has carried stays in the sum after its end.

use testbed::client::exchange;
use testbed::pair::{Proxy, SealedLink};
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;
use tunnel::address::Listen;
use tunnel::metrics::{LinkCounters, LinkKind};

const FIRST: u64 = 1_000;
const SECOND: u64 = 20;

/// A proxy1 with a client that has sent so many bytes and got them back.
async fn carrying(link: &SealedLink, proxy2: &Proxy, bytes: u64) -> (Proxy, TcpStream) {
    let proxy1 = Proxy::entry_with(Listen::loopback(0), proxy2.address, link).await;
    let mut client = TcpStream::connect(proxy1.address).await.unwrap();
    let sent = vec![7; usize::try_from(bytes).unwrap()];
    assert_eq!(exchange(&mut client, &sent).await, sent);
    (proxy1, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_link_counts_for_itself() {
    let target = Target::start(Manner::Echo).await;
    let first = SealedLink::new();
    let second = first.with_another_ticket();
    let mut proxy2 = Proxy::exit_with(Listen::loopback(0), target.address(), &first).await;
    let (one, _one_client) = carrying(&first, &proxy2, FIRST).await;
    let (two, two_client) = carrying(&second, &proxy2, SECOND).await;
    proxy2.wait_for_count(|now| now.received_bytes, FIRST + SECOND).await;

    let links = proxy2.registry().links();
    let carried: Vec<_> = links.iter().map(|link| link.counters.received_bytes).collect();
    assert_eq!(carried, [FIRST, SECOND]);
    for (LinkCounters { labels, counters }, proxy1) in links.iter().zip([&one, &two]) {
        assert_eq!((labels.kind, counters.links_up, counters.streams), (LinkKind::Sealed, 1, 1));
        assert_eq!(labels.peer, Some(proxy1.udp_address));
    }
    let tickets: Vec<_> = links.iter().map(|link| link.labels.ticket.as_deref()).collect();
    assert!(tickets[0].is_some() && tickets[0] != tickets[1], "{tickets:?}");
    assert_eq!(one.registry().links()[0].labels.peer, Some(proxy2.address));

    drop(two_client);
    two.stop().await;
    proxy2.wait_until("one link is up", |now| now.links_up == 1).await;
    let left = proxy2.registry().links();
    assert_eq!(left.iter().filter(|link| link.counters.links_up == 1).count(), 1, "{left:?}");
    assert_eq!(proxy2.registry().totals().received_bytes, FIRST + SECOND);
}
