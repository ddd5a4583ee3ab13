//! Datagrams through a link are what they are without it: some get lost, none comes twice or altered, and none waits for the bytes of
//! others.

use std::net::SocketAddr;
use std::time::Duration;

use testbed::middlebox::{Middlebox, Way, Weather};
use testbed::pair::{Proxy, SealedLink};
use testbed::seed::{SeedOnFailure, seed};
use testbed::target::{Manner, Target};
use testbed::udp::{Probe, UdpEcho};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tunnel::address::Listen;
use tunnel::session::Session;
use tunnel::settings::{Destination, Forward, ListenOn};

/// A proxy2 that permits UDP to all of loopback beside its TCP target, and a way to it.
async fn proxy2(link: &SealedLink, target: SocketAddr) -> Proxy {
    let mut settings = link.exit(Listen::loopback(0), target);
    let rule = "dial:127.0.0.1:*/udp".parse().unwrap();
    settings.allow.rules = settings.allow.rules.iter().cloned().chain([rule]).collect();
    Proxy::run(Session::bind(settings).await.unwrap())
}

/// A forward of datagrams to `target`, at the address that is returned.
async fn forward(proxy1: &Proxy, target: SocketAddr) -> SocketAddr {
    let to: Destination = format!("udp/{target}").parse().unwrap();
    let forward = Forward::to(ListenOn::Udp(Listen::loopback(0)), to);
    proxy1.link().add(&forward).await.unwrap().udp().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_percent_lost_doubled_and_reordered() {
    let _seed = SeedOnFailure;
    let (echo, tcp) = (UdpEcho::start().await, Target::start(Manner::Echo).await);
    let link = SealedLink::new();
    let mut proxy2 = proxy2(&link, tcp.address()).await;
    let network = Middlebox::start(proxy2.address, seed()).unwrap();
    let proxy1 = Proxy::entry_with(Listen::loopback(0), network.address(), link).await;
    let address = forward(&proxy1, echo.address()).await;
    let first = Probe { count: 1, size: 100, gap: Duration::ZERO }.run(address).await;
    assert_eq!(first.back(), 1, "the path is clean yet");
    network.set(Weather { delay: Duration::from_millis(5), ..Weather::bad(0.05) });
    for size in [100, 1_150] {
        let report = Probe { count: 1_000, size, gap: Duration::from_millis(1) }.run(address).await;
        assert_eq!((report.twice, report.altered), (0, 0), "{size} bytes: {report:?}");
        // Both ways 10 % are lost; a machine that runs other tests may lose more, but not most.
        assert!((0.03..0.5).contains(&report.loss()), "{size} bytes: {} lost", report.loss());
    }
    for way in [Way::Up, Way::Down] {
        let counts = network.counts(way);
        assert!(counts.lost > 0 && counts.duplicated > 0 && counts.reordered > 0, "{counts:?}");
    }
    proxy2.wait_until("the lost ones are counted", |now| now.flow_datagrams_lost > 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_goes_on_through_a_blackout_and_over_a_new_path() {
    let _seed = SeedOnFailure;
    let (echo, tcp) = (UdpEcho::start().await, Target::start(Manner::Echo).await);
    let link = SealedLink::new();
    let mut proxy2 = proxy2(&link, tcp.address()).await;
    let network = Middlebox::start(proxy2.address, seed()).unwrap();
    let proxy1 = Proxy::entry_with(Listen::loopback(0), network.address(), link).await;
    let address = forward(&proxy1, echo.address()).await;
    let probe = Probe { count: 20, size: 100, gap: Duration::from_millis(5) };
    assert_eq!(probe.run(address).await.back(), 20);
    network.set_blackout(true);
    assert_eq!(probe.run(address).await.back(), 0);
    network.set_blackout(false);
    network.change_ports();
    let again = async {
        // What is sent while nobody knows of the light yet is lost.
        while probe.run(address).await.back() < 20 {}
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("datagrams come through again");
    proxy2.wait_for_count(|now| now.address_changes, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_do_not_wait_behind_a_bulk_stream() {
    let (echo, sink) = (UdpEcho::start().await, Target::start(Manner::Echo).await);
    let link = SealedLink::new();
    let proxy2 = proxy2(&link, sink.address()).await;
    let proxy1 = Proxy::entry_with(Listen::loopback(0), proxy2.address, link).await;
    let address = forward(&proxy1, echo.address()).await;
    let (mut read, mut write) = TcpStream::connect(proxy1.address).await.unwrap().into_split();
    let bulk = tokio::spawn(async move {
        let block = vec![7; 256 << 10];
        while write.write_all(&block).await.is_ok() {}
    });
    let drain = tokio::spawn(async move {
        let mut buffer = vec![0; 256 << 10];
        let mut sum = 0;
        while let Ok(count @ 1..) = read.read(&mut buffer).await {
            sum += count;
            if sum > 20 << 20 {
                break;
            }
        }
        sum
    });
    let report = Probe { count: 500, size: 200, gap: Duration::from_millis(4) }.run(address).await;
    assert!(drain.await.unwrap() > 20 << 20, "there was a bulk stream");
    bulk.abort();
    assert_eq!((report.twice, report.altered), (0, 0), "{report:?}");
    // What has waited for 100 ms is dropped: a queue would show as loss. Two cores that others use too lose some.
    assert!(report.loss() < 0.3, "{} lost", report.loss());
    // Two cores, which the bulk alone keeps busy and others use too: behind a queue of the bulk it would be several seconds.
    assert!(report.percentile(99) < Duration::from_secs(3), "{:?}", report.percentile(99));
}
