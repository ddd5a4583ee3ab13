//! A connection whose bytes have nowhere to go, because nobody reads at the other end, is watched all the same: a reset gets
//! through at once, and nothing of it stays. A FIN gets through when all before it has been read.

use testbed::client::{pass_both_ways, read_to_end, read_to_reset};
use testbed::fill::fill;
use testbed::pair::{PATIENCE, Pair};
use testbed::target::reset;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// A pair in front of a target that the test plays itself.
async fn start() -> (Pair, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pair = Pair::start_sealed(listener.local_addr().unwrap()).await;
    (pair, listener)
}

/// A client's connection, and what the target has of it.
async fn connect(pair: &Pair, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = pair.connect().await;
    let (target, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    (client, target)
}

/// Writes until every buffer on the way is full; the number of bytes.
async fn stick(stream: &mut TcpStream, pair: &Pair, listener: &TcpListener) -> u64 {
    let (mut client, mut target) = connect(pair, listener).await;
    let fence = async || pass_both_ways(&mut client, &mut target).await;
    fill(std::slice::from_mut(stream), &[7; 1 << 16], fence).await[0]
}

/// As if it was killed: bytes that it has not read make its system send a reset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_away_in_a_stuck_upload() {
    let (mut pair, listener) = start().await;
    let (mut client, mut target) = connect(&pair, &listener).await;
    target.write_all(b"unread").await.unwrap();
    client.readable().await.unwrap();
    stick(&mut client, &pair, &listener).await;
    drop(client);
    read_to_reset(&mut target).await;
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_resets_a_stuck_download() {
    let (mut pair, listener) = start().await;
    let (mut client, mut target) = connect(&pair, &listener).await;
    stick(&mut target, &pair, &listener).await;
    reset(target);
    read_to_reset(&mut client).await;
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_away_in_a_stuck_download() {
    let (mut pair, listener) = start().await;
    let (client, mut target) = connect(&pair, &listener).await;
    stick(&mut target, &pair, &listener).await;
    drop(client);
    let mut byte = [0];
    let end = timeout(PATIENCE, target.read(&mut byte)).await.expect("the target is told");
    assert_eq!(end.map_err(|error| error.kind()), Err(std::io::ErrorKind::ConnectionReset));
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fin_comes_behind_all_bytes_of_a_stuck_upload() {
    let (mut pair, listener) = start().await;
    let (mut client, mut target) = connect(&pair, &listener).await;
    let sent = stick(&mut client, &pair, &listener).await;
    client.shutdown().await.unwrap();
    let (bytes, in_order) = read_to_end(&mut target).await;
    assert!(in_order && bytes.len() as u64 == sent, "{} of {sent} bytes", bytes.len());
    target.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut client).await, (Vec::new(), true));
    pair.wait_for_streams(0).await;
}

/// Neither direction has anything to carry: only the connection itself says that its client is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_resets_after_its_fin() {
    let (mut pair, listener) = start().await;
    let (mut client, mut target) = connect(&pair, &listener).await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut target).await, (b"question".to_vec(), true));
    reset(client);
    let end = timeout(PATIENCE, target.ready(tokio::io::Interest::ERROR)).await;
    assert!(end.expect("the target is told").unwrap().is_error());
    pair.wait_for_streams(0).await;
}
