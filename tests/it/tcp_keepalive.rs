//! A client's or target's machine that has vanished is found: both proxies ask the system to keep their TCP connections alive.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use testbed::client::exchange;
use testbed::pair::{PATIENCE, Pair, PairLink, SealedLink};
use testbed::target::{Manner, Target};
use tunnel::settings::{Classic, Sealed, TcpKeepalive};

/// What the kernel calls the timer of an idle connection that it keeps alive, and that of one it does not.
const KEEPALIVE: &str = "02";
const NONE: &str = "00";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_on_at_both_ends_of_both_links() {
    let minute = TcpKeepalive::After(Duration::from_secs(60));
    assert_eq!((Sealed::default().tcp_keepalive, Classic::default().tcp_keepalive), (minute, minute));
    for link in [Classic::default().into(), SealedLink::new().into()] {
        let (clients, targets) = timers(link).await;
        for timer in [clients, targets] {
            assert_eq!(timer.kind, KEEPALIVE);
            assert!(
                timer.left > Duration::from_secs(40) && timer.left <= Duration::from_secs(61),
                "{timer:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn can_be_turned_off() {
    let tcp_keepalive = TcpKeepalive::Off;
    let sealed = SealedLink::with(Sealed { tcp_keepalive, ..Sealed::default() });
    for link in [Classic { tcp_keepalive, ..Classic::default() }.into(), sealed.into()] {
        let (clients, targets) = timers(link).await;
        assert_eq!((clients.kind.as_str(), targets.kind.as_str()), (NONE, NONE));
    }
}

/// What the kernel waits for on one connection.
#[derive(Debug)]
struct Timer {
    kind: String,
    left: Duration,
}

/// Of an idle stream: the timer of proxy1's connection with the client, and of proxy2's with the target.
async fn timers(link: PairLink) -> (Timer, Timer) {
    let target = Target::start(Manner::Echo).await;
    let pair = Pair::start_with(target.address(), link).await;
    let mut client = pair.connect().await;
    let deadline = Instant::now() + PATIENCE;
    // What a connection has sent last may not be acknowledged yet: then once more.
    loop {
        assert_eq!(exchange(&mut client, b"hola").await, b"hola");
        let of_client = timer(|from, to| from == pair.proxy1.address && to == client.local_addr().unwrap());
        let of_target = timer(|_, to| to == target.address());
        if [&of_client, &of_target].iter().all(|timer| [KEEPALIVE, NONE].contains(&&*timer.kind)) {
            return (of_client, of_target);
        }
        assert!(Instant::now() < deadline, "still under way: {of_client:?} {of_target:?}");
    }
}

/// What the kernel waits for on a connection.
fn timer(is_it: impl Fn(SocketAddr, SocketAddr) -> bool) -> Timer {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.into_iter().find(|row| is_it(address(row[1]), address(row[2]))).expect("it is connected");
    let (kind, ticks) = row[5].split_once(':').unwrap();
    let left = Duration::from_millis(10 * u64::from_str_radix(ticks, 16).unwrap());
    Timer { kind: kind.into(), left }
}

/// An address as the kernel writes it: in hexadecimal, that of the host in the machine's order of bytes.
fn address(text: &str) -> SocketAddr {
    let (host, port) = text.split_once(':').unwrap();
    let host = u32::from_str_radix(host, 16).unwrap().to_ne_bytes();
    (host, u16::from_str_radix(port, 16).unwrap()).into()
}
