//! A crowd of connections that are stuck costs the others nothing, and is gone when its clients leave.

use std::time::Duration;

use tests::client::echo_clients;
use tests::pair::Pair;
use tests::target::{Manner, Target, reset};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// More than 75, which stopped everybody when a link had no credit for what is promised.
const CROWD: usize = 100;

/// Clients that have written until they were held up, and read nothing.
async fn stuck(pair: &Pair, count: usize) -> Vec<TcpStream> {
    let mut clients = JoinSet::new();
    for _ in 0..count {
        let mut client = pair.connect().await;
        clients.spawn(async move {
            let block = vec![7; 256 << 10];
            while timeout(Duration::from_millis(300), client.write_all(&block)).await.is_ok() {}
            client
        });
    }
    clients.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_others_are_served_beside_a_hundred_that_do_not_read() {
    let target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    let clients = stuck(&pair, CROWD).await;
    let report = echo_clients(pair.proxy1.address, 5, 1_000_000).await;
    assert!(report.is_clean(), "\n{report}");
    drop(clients); // what they have not read makes their systems reset
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_resets_while_nothing_is_read_from_it_is_gone_at_once() {
    let mut target = Target::start(Manner::Deaf).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    for client in stuck(&pair, CROWD).await {
        reset(client);
    }
    pair.wait_for_streams(0).await;
    for _ in 0..CROWD {
        assert!(!target.connection_ended().await, "a reset became an end");
    }
}
