//! One ticket whose clients read nothing takes all the memory of proxy2 that it can get: another ticket's clients are served,
//! and its own that read are too.

use std::time::Duration;

use tests::client::echo_clients;
use tests::pair::{Proxy, SealedLink};
use tests::seed::SeedOnFailure;
use tests::target::{Manner, Target};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tunnel::address::Listen;
use tunnel::settings::Sealed;

/// How long a write takes no byte before it counts as stuck.
const STUCK: Duration = Duration::from_millis(500);
/// Links of the greedy ticket, and streams of each.
const LINKS: usize = 4;
const STREAMS: usize = 4;

/// Sends to an echo and reads nothing, until every buffer there and back is full.
async fn stick(address: std::net::SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    while let Ok(written) = timeout(STUCK, client.write(&[7; 1 << 16])).await {
        written.unwrap();
    }
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greedy_ticket_leaves_room_for_another() {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let greedy = SealedLink::with(Sealed { memory: 8 << 20, ..Sealed::default() });
    let other = greedy.with_another_ticket();
    let proxy2 = Proxy::exit_with(Listen::loopback(0), target.address(), &greedy).await;
    let mut links = Vec::new();
    let mut sticking = JoinSet::new();
    for _ in 0..LINKS {
        let proxy1 = Proxy::entry_with(Listen::loopback(0), proxy2.address, &greedy).await;
        (0..STREAMS).for_each(|_| drop(sticking.spawn(stick(proxy1.address))));
        links.push(proxy1);
    }
    let _stuck = sticking.join_all().await;
    let second = Proxy::entry_with(Listen::loopback(0), proxy2.address, &other).await;
    for address in [second.address, links[0].address] {
        let report = echo_clients(address, 3, 1_000_000).await;
        assert!(report.is_clean(), "\n{report}");
    }
}
