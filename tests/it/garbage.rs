//! 10,000 garbage datagrams, 100,000 in CI, do not disturb a running echo.

use std::time::Duration;

use echo::client::Settings;
use echo::pattern::Pattern;
use testbed::client::run;
use testbed::pair::Pair;
use testbed::seed::{SeedOnFailure, seed};
use testbed::target::{Manner, Target};
use tokio::net::UdpSocket;
use tunnel::metrics::Counters;

/// Datagrams to each proxy before the sender waits until they have been counted, so that no socket buffer overflows: that
/// would be loss, which the classic link does not promise to bear.
const BURST: usize = 200;
/// Bursts to each proxy: about as many as fit beside the echo, since proxies tell ten times a second what they have counted.
const BURSTS: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_echo_is_not_disturbed() {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start(target.address()).await;
    let think = Duration::from_millis(10);
    let settings = Settings {
        clients: 5,
        bytes: 600_000,
        chunk: 2_000,
        think,
        ..Settings::new(pair.proxy1.address.to_string())
    };
    let bursts = if std::env::var_os("CI").is_some() { 10 * BURSTS } else { BURSTS };
    let (report, ()) = tokio::join!(run(settings), throw(&mut pair, bursts));
    assert!(report.is_clean(), "\n{report}");
    pair.wait_for_streams(0).await;
    let seen = of_each_form(&pair.proxy2.counters());
    assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
}

/// Sends datagrams of 0 to 63 random bytes to both proxies, half of them beginning with a known kind; none asks for a stream.
async fn throw(pair: &mut Pair, bursts: usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let noise = Pattern::new(seed(), u64::MAX);
    let mut number = 0;
    for burst in 1..=bursts {
        for to in [pair.proxy1.udp_address, pair.proxy2.udp_address].repeat(BURST) {
            socket.send_to(&datagram(&noise, number), to).await.unwrap();
            number += 1;
        }
        let sent = (burst * BURST) as u64;
        pair.proxy1.wait_until("strangers seen at proxy1", |now| now.datagrams_from_strangers >= sent).await;
        pair.proxy2.wait_until("garbage seen at proxy2", |now| garbage(now) >= sent).await;
    }
}

/// Dropped, or answered as a stray.
fn garbage(now: &Counters) -> u64 {
    of_each_form(now).iter().sum::<u64>() + now.datagrams_not_open + now.strays_answered
}

/// Datagrams that are no frame, by what is wrong with them.
const fn of_each_form(now: &Counters) -> [u64; 4] {
    [now.datagrams_empty, now.datagrams_without_id, now.datagrams_unknown_kind, now.datagrams_bad_id]
}

fn datagram(noise: &Pattern, number: usize) -> Vec<u8> {
    let mut datagram = noise.bytes(number as u64 * 64, 64);
    let length = usize::from(datagram[63] % 64);
    if number % 4 < 2 {
        datagram[0] = b"CDX"[number % 3];
    }
    if datagram[0] == b'C' && datagram[1].is_ascii_digit() {
        datagram[1] = b':';
    }
    datagram.truncate(length);
    datagram
}
