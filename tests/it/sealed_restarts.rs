//! A proxy is killed and started again: its peer notices within about a second of contact, old streams are reset, and
//! new ones work at once. One that is only stopped for a while loses nothing.

use std::time::{Duration, Instant};

use echo::client::Settings;
use testbed::client::{exchange, read_to_end, read_to_reset, run};
use testbed::folder::Folder;
use testbed::middlebox::{Middlebox, Way};
use testbed::pair::PATIENCE;
use testbed::process::Process;
use testbed::seed::seed;
use testbed::target::{Manner, Target};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::programs::{sealed_processes, sealed_proxy1, sealed_proxy2};

/// About a second, on a machine that runs other tests at the same time.
const SOON: Duration = Duration::from_secs(3);

/// Datagrams after which a transfer is under way.
const UNDER_WAY: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy2_is_killed() {
    let target = Target::start(Manner::Echo).await;
    let (mut proxy2, proxy1, folder) = sealed_processes(target.address());
    let mut old = TcpStream::connect(proxy1.address()).await.unwrap();
    assert_eq!(exchange(&mut old, b"before").await, b"before");
    let link = proxy2.address();
    proxy2.kill();
    let _proxy2 = sealed_proxy2(&link.to_string(), target.address(), &folder);

    let contact = Instant::now();
    old.write_all(b"a stream that the new proxy2 does not know").await.unwrap();
    assert_eq!(read_to_reset(&mut old).await, b"");
    assert!(contact.elapsed() < SOON, "{:?}\n{}", contact.elapsed(), proxy1.output());
    serves(&proxy1).await;
    proxy1.wait_for("proxy2 has been restarted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy1_is_killed() {
    let mut target = Target::start(Manner::Echo).await;
    let (proxy2, mut proxy1, folder) = sealed_processes(target.address());
    let mut old = TcpStream::connect(proxy1.address()).await.unwrap();
    assert_eq!(exchange(&mut old, b"before").await, b"before");
    let address = proxy1.address().to_string();
    proxy1.kill();
    read_to_end(&mut old).await;
    drop(old);

    let contact = Instant::now();
    let proxy1 = sealed_proxy1(&address, proxy2.address(), &folder);
    serves(&proxy1).await;
    // The target's old connection; the new one is still open, or ended in order.
    assert!(contact.elapsed() < SOON, "{:?}\n{}", contact.elapsed(), proxy2.output());
    while target.connection_ended().await {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy2_starts_last() {
    let target = Target::start(Manner::Echo).await;
    let (mut proxy2, mut proxy1, folder) = sealed_processes(target.address());
    let link = proxy2.address();
    proxy2.kill();
    proxy1.kill();

    let proxy1 = sealed_proxy1("0", link, &folder);
    let mut early = TcpStream::connect(proxy1.address()).await.unwrap();
    early.write_all(b"early").await.unwrap();
    proxy1.wait_for("nothing listens on UDP");
    let _proxy2 = sealed_proxy2(&link.to_string(), target.address(), &folder);
    let mut back = [0; 5];
    let answer = tokio::io::AsyncReadExt::read_exact(&mut early, &mut back);
    tokio::time::timeout(SOON, answer).await.expect("soon").unwrap();
    assert_eq!(&back, b"early");
    let told = proxy1.output().matches("nothing listens").count();
    assert_eq!(told, 1, "it says once what it waits for:\n{}", proxy1.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy1_is_stopped_for_a_while() {
    stopped(|_, proxy1| proxy1, Way::Down).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy2_is_stopped_for_a_while() {
    stopped(|proxy2, _| proxy2, Way::Up).await;
}

/// Until the other has sent a number of probes in vain: a few seconds, or half a minute in CI.
async fn stopped(which: for<'a> fn(&'a Process, &'a Process) -> &'a Process, others_way: Way) {
    let probes = if std::env::var_os("CI").is_some() { 30 } else { 3 };
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let network = Middlebox::start(proxy2.address(), seed()).unwrap();
    let proxy1 = sealed_proxy1("0", network.address(), &folder);
    let settings = Settings::new(proxy1.address().to_string());
    let silence = 10 * PATIENCE;
    let clients = run(Settings { clients: 5, bytes: 1_000_000, silence, seed: seed(), ..settings });
    let stop = async {
        network.wait_for_datagrams(Way::Down, UNDER_WAY).await;
        which(&proxy2, &proxy1).signal("STOP");
        network.wait_for_probes(others_way, probes).await;
        which(&proxy2, &proxy1).signal("CONT");
    };
    let (report, ()) = tokio::join!(clients, stop);
    assert!(report.is_clean(), "\n{report}\n{}\n{}", proxy1.output(), proxy2.output());
}

async fn serves(proxy1: &Process) {
    let start = Instant::now();
    let mut new = TcpStream::connect(proxy1.address()).await.unwrap();
    assert_eq!(exchange(&mut new, b"after").await, b"after");
    assert!(start.elapsed() < SOON, "{:?}\n{}", start.elapsed(), proxy1.output());
}
