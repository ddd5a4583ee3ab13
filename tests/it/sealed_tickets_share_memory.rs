//! One ticket whose clients read nothing takes all the memory of proxy2 that it can get: another ticket's clients are served,
//! and its own that read are too.

use testbed::client::{echo_clients, exchange};
use testbed::fill::fill;
use testbed::pair::{Proxy, SealedLink};
use testbed::seed::SeedOnFailure;
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;
use tunnel::address::Listen;
use tunnel::settings::Sealed;

/// Links of the greedy ticket, and streams of each.
const LINKS: usize = 4;
const STREAMS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greedy_ticket_leaves_room_for_another() {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let greedy = SealedLink::with(Sealed { memory: 8 << 20, ..Sealed::default() });
    let other = greedy.with_another_ticket();
    let proxy2 = Proxy::exit_with(Listen::loopback(0), target.address(), &greedy).await;
    let (mut links, mut stuck, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..LINKS {
        let proxy1 = Proxy::entry_with(Listen::loopback(0), proxy2.address, &greedy).await;
        for _ in 0..STREAMS {
            stuck.push(TcpStream::connect(proxy1.address).await.unwrap());
        }
        others.push(TcpStream::connect(proxy1.address).await.unwrap());
        links.push(proxy1);
    }
    // They send to an echo and read nothing, until every buffer there and back is full.
    let fence = async || {
        for other in &mut others {
            assert_eq!(exchange(other, b"hola").await, b"hola");
        }
    };
    fill(&mut stuck, &[7; 1 << 16], fence).await;
    let second = Proxy::entry_with(Listen::loopback(0), proxy2.address, &other).await;
    for address in [second.address, links[0].address] {
        let report = echo_clients(address, 3, 1_000_000).await;
        assert!(report.is_clean(), "\n{report}");
    }
}
