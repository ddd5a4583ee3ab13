//! What idles is silent: a link without streams sends nothing, one with an idle stream nothing but its keepalive.

use std::time::Duration;

use tests::client::exchange;
use tests::middlebox::{Middlebox, Way};
use tests::pair::{Pair, SealedLink};
use tests::target::{Manner, Target};
use tokio::time::sleep;
use tunnel::settings::Sealed;

/// What is looked at for silence.
const A_WHILE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_streams_no_packets() {
    let target = Target::start(Manner::Echo).await;
    let (mut pair, network) = Pair::start_apart(target.address(), link(Duration::from_secs(1))).await;
    assert_eq!(exchange(&mut pair.connect().await, b"hola").await, b"hola");
    pair.wait_for_streams(0).await;
    settled(&network).await;
    let before = sent(&network);
    sleep(A_WHILE).await;
    assert_eq!(sent(&network), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_stream_costs_its_keepalive() {
    let target = Target::start(Manner::Echo).await;
    let (pair, network) = Pair::start_apart(target.address(), link(Duration::from_secs(2))).await;
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    settled(&network).await;
    // One in 2 s each way: the initiation, and what acknowledges it. On a busy machine an acknowledgement may take
    // longer than the probe time-out of loopback, and two probes follow the initiation: not in each of several whiles.
    let mut seen = Vec::new();
    while seen.len() < 5 && !seen.iter().any(|(up, down)| (1..=2).contains(up) && (1..=2).contains(down)) {
        let before = sent(&network);
        sleep(A_WHILE).await;
        let after = sent(&network);
        seen.push((after.0 - before.0, after.1 - before.1));
    }
    assert!(seen.len() < 5, "{seen:?} datagrams in {A_WHILE:?}");
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_at_all_without_keepalive() {
    let target = Target::start(Manner::Echo).await;
    let (pair, network) = Pair::start_apart(target.address(), link(Duration::ZERO)).await;
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    settled(&network).await;
    let before = sent(&network);
    sleep(A_WHILE).await;
    assert_eq!(sent(&network), before);
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
}

fn link(keepalive: Duration) -> SealedLink {
    SealedLink::with(Sealed { keepalive, ..Sealed::default() })
}

fn sent(network: &Middlebox) -> (u64, u64) {
    (network.counts(Way::Up).received, network.counts(Way::Down).received)
}

/// Waits until the last answers are through, and the tries of larger datagrams, and the one sign of life that proxy1
/// asks for a second after the last data: its address may have changed.
async fn settled(network: &Middlebox) {
    loop {
        let before = sent(network);
        sleep(Duration::from_millis(1_500)).await;
        if sent(network) == before {
            return;
        }
    }
}
