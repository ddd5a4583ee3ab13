//! Who has no ticket gets not one byte back, and disturbs nobody.

use std::net::SocketAddr;
use std::time::Duration;

use echo::client::Settings;
use echo::pattern::Pattern;
use tests::client::{exchange, run};
use tests::middlebox::{Middlebox, Way};
use tests::pair::{Pair, Proxy, SealedLink};
use tests::seed::{SeedOnFailure, seed};
use tests::target::{Manner, Target};
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

/// Long enough for an answer, if there were one.
const A_WHILE: Duration = Duration::from_secs(2);
/// Datagrams sent before the sender pauses, so that what is tested is not the socket buffer.
const BURST: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_datagrams_are_not_answered() {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    assert_eq!(exchange(&mut pair.connect().await, b"hola").await, b"hola");
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for address in [pair.proxy2.udp_address, pair.proxy1.udp_address] {
        throw(&socket, address, 2_000).await;
    }
    let answer = timeout(A_WHILE, socket.recv_from(&mut [0; 2_048])).await;
    assert!(answer.is_err(), "a stranger got an answer: {answer:?}");
    let dropped = |now: &tunnel::metrics::Counters| {
        let not_authentic = now.datagrams_malformed + now.datagrams_forged;
        not_authentic + now.datagrams_stray + now.datagrams_unanswered > 1_900
    };
    pair.proxy2.wait_until("they are counted at proxy2", dropped).await;
    pair.proxy1.wait_until("they are counted at proxy1", dropped).await;
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
    let throwing = async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        throw(&socket, pair.proxy1.udp_address, 50_000).await;
        throw(&socket, pair.proxy2.udp_address, 50_000).await;
    };
    let (report, ()) = tokio::join!(clients, throwing);
    assert!(report.is_clean(), "\n{report}");
    pair.wait_for_streams(0).await;
}

/// Sends `count` datagrams of 0 to 127 random bytes; every second one has a type that exists.
async fn throw(socket: &UdpSocket, to: SocketAddr, count: usize) {
    let noise = Pattern::new(seed(), u64::MAX);
    for number in 0..count {
        let mut datagram = noise.bytes(number as u64 * 128, 128);
        let length = usize::from(datagram[127] % 128);
        if number % 2 == 0 {
            datagram[0] %= 8;
        }
        _ = socket.send_to(&datagram[..length], to).await;
        if number % BURST == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
}
