//! A peer without a ticket gets no reply and disturbs nobody.

use std::io::ErrorKind;
use std::time::Duration;

use echo::client::Settings;
use echo::pattern::Pattern;
use testbed::client::{exchange, run};
use testbed::middlebox::{Middlebox, Way};
use testbed::pair::{Pair, Proxy, SealedLink};
use testbed::seed::{SeedOnFailure, seed};
use testbed::target::{Manner, Target};
use tokio::net::UdpSocket;
use tunnel::metrics::Counters;

/// Datagrams to each proxy before the sender waits until they have been counted, so that what is tested is not the socket buffer.
const BURST: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_datagrams_are_not_answered() {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    assert_eq!(exchange(&mut pair.connect().await, b"hola").await, b"hola");
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    throw(&socket, &mut pair, 10).await;
    // All have been dealt with, and answers of loopback are there when they have left.
    assert_eq!(exchange(&mut pair.connect().await, b"hola").await, b"hola");
    // The system itself is asked, since the runtime may not know yet what has come.
    let answer = socket.into_std().unwrap().recv_from(&mut [0; 2_048]).map_err(|error| error.kind());
    assert_eq!(answer, Err(ErrorKind::WouldBlock), "a stranger got an answer");
}

/// A handshake that is in order, but for another proxy2: who sends it does not know this one's public key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_for_another_key_is_not_answered() {
    let target = Target::start(Manner::Echo).await;
    let mut proxy2 = Proxy::exit_with("0".parse().unwrap(), target.address(), SealedLink::new()).await;
    let between = Middlebox::start(proxy2.address, seed()).unwrap();
    let _proxy1 = Proxy::entry_with("0".parse().unwrap(), between.address(), SealedLink::new()).await;
    proxy2.wait_for_count(|now| now.datagrams_unanswered, 2).await;
    assert!(between.counts(Way::Up).received >= 2, "{:?}", between.counts(Way::Up));
    assert_eq!(between.counts(Way::Down).received, 0, "a stranger got an answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_does_not_disturb() {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    let (clients, bytes, think) = (5, 600_000, Duration::from_millis(10));
    let (chunk, silence) = (2_000, Duration::from_secs(10));
    let settings = Settings::new(pair.proxy1.address.to_string());
    let clients = run(Settings { clients, bytes, chunk, think, silence, ..settings });
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let bursts = if std::env::var_os("CI").is_some() { 250 } else { 25 };
    let throwing = throw(&socket, &mut pair, bursts);
    let (report, ()) = tokio::join!(clients, throwing);
    assert!(report.is_clean(), "\n{report}");
    pair.wait_for_streams(0).await;
}

/// Sends bursts of datagrams of 0 to 127 random bytes to both proxies; every second datagram has a type that exists.
async fn throw(socket: &UdpSocket, pair: &mut Pair, bursts: usize) {
    let noise = Pattern::new(seed(), u64::MAX);
    let addresses = [pair.proxy1.udp_address, pair.proxy2.udp_address];
    let (mut number, mut sent) = (0, [0, 0]);
    for _ in 0..bursts {
        for to in [0, 1].repeat(BURST) {
            let mut datagram = noise.bytes(number * 128, 128);
            let length = usize::from(datagram[127] % 128);
            if number % 4 < 2 {
                datagram[0] %= 8;
            }
            socket.send_to(&datagram[..length], addresses[to]).await.unwrap();
            number += 1;
            // An empty one is nothing to count.
            sent[to] += u64::from(length > 0);
        }
        pair.proxy1.wait_until("they are counted at proxy1", |now| dropped(now) >= sent[0]).await;
        pair.proxy2.wait_until("they are counted at proxy2", |now| dropped(now) >= sent[1]).await;
    }
}

fn dropped(now: &Counters) -> u64 {
    now.datagrams_malformed + now.datagrams_forged + now.datagrams_stray + now.datagrams_unanswered
}
