//! How a sealed stream ends is how its TCP connections ended: FIN is FIN, RST is RST, and who cannot be connected gets
//! a reset, never an orderly empty connection.

use std::net::SocketAddr;

use testbed::client::{exchange, is_turned_away, read_to_end, read_to_reset};
use testbed::pair::Pair;
use testbed::target::{Manner, Target, refusing_address, reset};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tunnel::metrics::Counters;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_of_the_client_reaches_the_target() {
    let mut target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    reset(client);
    assert!(!target.connection_ended().await, "the target saw an orderly end");
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_of_the_client_reaches_the_target() {
    let mut target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    client.shutdown().await.unwrap();
    assert!(target.connection_ended().await, "the target saw a reset");
    assert_eq!(read_to_end(&mut client).await, (vec![], true));
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_of_the_target_reaches_the_client() {
    let target = Target::start(Manner::ResetAfter(1_000)).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    let mut client = pair.connect().await;
    client.write_all(&[7; 1_000]).await.unwrap();
    assert_eq!(read_to_reset(&mut client).await, b"");
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_bytes_before_an_end_arrive() {
    const LENGTH: usize = 3_000_000;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut pair = Pair::start_sealed(listener.local_addr().unwrap()).await;
    let sent = echo::pattern::Pattern::new(1, 1).bytes(0, LENGTH);
    let mut client = pair.connect().await;
    let (mut target, _) = listener.accept().await.unwrap();
    let speak = async {
        target.write_all(&sent).await.unwrap();
        // An orderly close right behind the last byte.
        drop(target);
    };
    let ((), (data, in_order)) = tokio::join!(speak, read_to_end(&mut client));
    assert!(data == sent && in_order, "{} bytes came, in order: {in_order}", data.len());
    drop(client);
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_refuses_is_a_reset() {
    cannot_be_connected(refusing_address(), |now| now.targets_refused).await;
}

/// A multicast address is no place to which TCP has a way; the system says so at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_unreachable_is_a_reset() {
    cannot_be_connected("224.0.0.1:80".parse().unwrap(), |now| now.targets_unreachable).await;
}

async fn cannot_be_connected(target: SocketAddr, counter: fn(&Counters) -> u64) {
    let mut pair = Pair::start_sealed(target).await;
    for _ in 0..5 {
        is_turned_away(pair.proxy1.address).await;
    }
    pair.wait_for_streams(0).await;
    pair.proxy1.wait_for_count(counter, 5).await;
    pair.proxy2.wait_for_count(counter, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_streams_go_on() {
    let target = Target::start(Manner::CloseAfter(10)).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    let (mut first, mut second) = (pair.connect().await, pair.connect().await);
    assert_eq!(exchange(&mut first, &[1; 10]).await, [1; 10]);
    read_to_end(&mut first).await;
    drop(first);
    pair.wait_for_streams(1).await;
    assert_eq!(exchange(&mut second, &[2; 10]).await, [2; 10]);
}
