//! The client ends in the middle of a stream: the target's connection ends too, and the slot is free.

use testbed::client::exchange;
use testbed::pair::Pair;
use testbed::target::{Manner, Target, reset};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_a_reset() {
    let mut target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start(target.address()).await;
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    reset(client);
    target.connection_ended().await;
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_a_close() {
    let mut target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start(target.address()).await;
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    drop(client);
    target.connection_ended().await;
    pair.wait_for_streams(0).await;
}
