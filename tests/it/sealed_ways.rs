//! Several ways to one proxy2: its ports, and proxy1's own. The link finds one that passes and leaves one that died.

use std::net::SocketAddr;

use testbed::client::exchange;
use testbed::middlebox::Middlebox;
use testbed::pair::{PATIENCE, Pair, Proxy, SealedLink};
use testbed::seed::seed;
use testbed::target::{Manner, Target};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tunnel::address::{HostPorts, Listen};
use tunnel::session::Session;
use tunnel::settings::ServerSettings;

/// A proxy2 with this many ports, and their addresses.
async fn proxy2(target: SocketAddr, link: &SealedLink, ports: usize) -> (Proxy, Vec<SocketAddr>) {
    let settings = link.exit(Listen::loopback(0), target);
    let settings = ServerSettings { also_ports: vec![0; ports - 1], ..settings };
    let session = Session::bind(settings).await.unwrap();
    let addresses = session.udp_addresses().to_vec();
    (Proxy::run(session), addresses)
}

/// A proxy1 whose proxy2 may be at these addresses of one machine.
async fn proxy1(link: &SealedLink, addresses: &[SocketAddr]) -> Proxy {
    let ports: Vec<_> = addresses.iter().map(|address| address.port().to_string()).collect();
    let host = HostPorts::from(addresses[0]).host;
    let place = HostPorts { host, ports: ports.join(",").parse().unwrap() };
    Proxy::run(Session::bind(link.entry(Listen::loopback(0), vec![place])).await.unwrap())
}

async fn exchange_in_time(client: &mut TcpStream, bytes: &[u8]) {
    let answer = timeout(PATIENCE, exchange(client, bytes)).await;
    assert_eq!(answer.expect("an answer in time"), bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_that_died_is_left_for_one_from_another_port() {
    let target = Target::start(Manner::Echo).await;
    let (mut pair, network) = Pair::start_apart(target.address(), SealedLink::new()).await;
    let mut client = pair.connect().await;
    for round in 1..=2 {
        exchange_in_time(&mut client, b"hola").await;
        network.kill_flows();
        exchange_in_time(&mut client, b"still here").await;
        pair.proxy1.wait_for_count(|now| now.address_changes, round).await;
        pair.proxy2.wait_for_count(|now| now.address_changes, round).await;
    }
    assert_eq!((pair.proxy1.counters().streams_reset, pair.proxy1.counters().peer_restarts), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_passes_is_found_at_the_start() {
    let (target, link) = (Target::start(Manner::Echo).await, SealedLink::new());
    let (_proxy2, ports) = proxy2(target.address(), &link, 3).await;
    // It takes what comes and says nothing, as what a firewall drops.
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let places = [silent.local_addr().unwrap(), ports[2], ports[0]];
    let proxy1 = proxy1(&link, &places).await;
    let mut client = TcpStream::connect(proxy1.address).await.unwrap();
    exchange_in_time(&mut client, b"hola").await;
    // What came first stays with the silent one; the link is where it was answered.
    assert!(silent.try_recv_from(&mut [0; 2_000]).is_ok(), "the first of the places was not asked");
    assert_eq!(proxy1.counters().links_up, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_dies_is_left_for_another_and_tried_again() {
    let (target, link) = (Target::start(Manner::Echo).await, SealedLink::new());
    let (mut proxy2, ports) = proxy2(target.address(), &link, 2).await;
    let networks = [0, 1].map(|port: usize| Middlebox::start(ports[port], seed()).unwrap());
    let mut proxy1 = proxy1(&link, &networks.each_ref().map(Middlebox::address)).await;
    let mut client = TcpStream::connect(proxy1.address).await.unwrap();
    for (round, (dies, lives)) in (1..).zip([(0, 1), (1, 0), (0, 1)]) {
        exchange_in_time(&mut client, b"hola").await;
        networks[dies].set_blackout(true);
        networks[lives].set_blackout(false);
        exchange_in_time(&mut client, b"still here").await;
        proxy1.wait_for_count(|now| now.address_changes, round).await;
        proxy2.wait_for_count(|now| now.address_changes, round).await;
    }
    assert_eq!((proxy1.counters().streams_reset, proxy1.counters().peer_restarts), (0, 0));
}
