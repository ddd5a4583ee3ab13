//! The target ends in the middle of a stream: the client's connection ends too, and the slot is free.

use testbed::client::{exchange, read_to_end};
use testbed::pair::Pair;
use testbed::target::{Manner, Target};
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_a_reset() {
    let target = Target::start(Manner::ResetAfter(1_000)).await;
    let mut pair = Pair::start(target.address()).await;
    let mut client = pair.connect().await;
    client.write_all(&[7; 1_000]).await.unwrap();
    let (data, _) = read_to_end(&mut client).await;
    assert_eq!(data, b"");
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_a_close_and_its_last_bytes_arrive() {
    let target = Target::start(Manner::CloseAfter(1_000)).await;
    let mut pair = Pair::start(target.address()).await;
    let mut client = pair.connect().await;
    client.write_all(&[7; 1_000]).await.unwrap();
    let (data, _) = read_to_end(&mut client).await;
    assert_eq!(data, [7; 1_000]);
    drop(client);
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_streams_go_on() {
    let target = Target::start(Manner::CloseAfter(10)).await;
    let mut pair = Pair::start(target.address()).await;
    let (mut first, mut second) = (pair.connect().await, pair.connect().await);
    assert_eq!(exchange(&mut first, &[1; 10]).await, [1; 10]);
    read_to_end(&mut first).await;
    drop(first);
    pair.wait_for_streams(1).await;
    assert_eq!(exchange(&mut second, &[2; 10]).await, [2; 10]);
}
