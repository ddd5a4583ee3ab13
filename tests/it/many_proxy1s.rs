//! Several proxy1s on one proxy2 use the same ids at the same time and are kept apart.

use testbed::client::{exchange, run};
use testbed::pair::Proxy;
use testbed::seed::{SeedOnFailure, seed};
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use echo::client::Settings;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_proxy1s() {
    all_get_their_own_bytes(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_proxy1s() {
    all_get_their_own_bytes(5).await;
}

async fn all_get_their_own_bytes(count: u64) {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let mut proxy2 = Proxy::exit(target.address()).await;
    let mut proxy1s = Vec::new();
    for _ in 0..count {
        proxy1s.push(Proxy::entry(proxy2.address).await);
    }
    let mut runs = JoinSet::new();
    for (number, proxy1) in (0..).zip(&proxy1s) {
        // Each proxy1's clients send data that no other's clients send.
        let settings = Settings::new(proxy1.address.to_string());
        runs.spawn(run(Settings {
            clients: 10,
            bytes: 100_000,
            seed: seed().wrapping_add(number),
            ..settings
        }));
    }
    for report in runs.join_all().await {
        assert!(report.is_clean(), "\n{report}");
    }
    proxy2.wait_until("all streams opened", |now| now.streams_opened == 10 * count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_one_proxy1_leaves_the_other_alone() {
    let target = Target::start(Manner::Echo).await;
    let mut proxy2 = Proxy::exit(target.address()).await;
    let (first, second) = (Proxy::entry(proxy2.address).await, Proxy::entry(proxy2.address).await);
    let mut ending = TcpStream::connect(first.address).await.unwrap();
    let mut staying = TcpStream::connect(second.address).await.unwrap();
    assert_eq!(exchange(&mut ending, b"one").await, b"one");
    assert_eq!(exchange(&mut staying, b"two").await, b"two");
    proxy2.wait_until("two streams", |now| now.streams == 2).await;
    first.stop().await;
    proxy2.wait_until("one stream left", |now| now.streams == 1).await;
    assert_eq!(exchange(&mut staying, b"still here").await, b"still here");
}
