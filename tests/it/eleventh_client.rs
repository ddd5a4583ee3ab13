//! The eleventh client is refused at once while ten go on; a slot can be used again after its stream is closed.

use std::time::{Duration, Instant};

use testbed::client::{exchange, read_to_end};
use testbed::pair::Pair;
use testbed::target::{Manner, Target};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_refused_and_nobody_else_notices() {
    let target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start(target.address()).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(pair.connect().await);
    }
    pair.wait_for_streams(10).await;

    let asked = Instant::now();
    let (data, _) = read_to_end(&mut pair.connect().await).await;
    assert_eq!(data, b"");
    // At once is what the assignment asks for. Who waited for an answer of proxy2 would wait for 7 s; a busy machine takes less.
    assert!(asked.elapsed() < Duration::from_secs(2), "refused at once, not after {:?}", asked.elapsed());
    pair.proxy1.wait_until("one client refused", |now| now.clients_refused_busy == 1).await;

    for (number, client) in clients.iter_mut().enumerate() {
        let data = format!("client {number} goes on");
        assert_eq!(exchange(client, data.as_bytes()).await, data.as_bytes());
    }
    pair.proxy2.wait_until("ten streams opened", |now| now.streams_opened == 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_is_free_again_after_a_close() {
    let target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start(target.address()).await;
    for round in 0..3 {
        let mut clients = Vec::new();
        for _ in 0..10 {
            clients.push(pair.connect().await);
        }
        pair.wait_for_streams(10).await;
        for client in &mut clients {
            assert_eq!(exchange(client, b"hola").await, b"hola", "round {round}");
        }
        drop(clients);
        pair.wait_for_streams(0).await;
    }
    assert_eq!(pair.proxy1.counters().clients_refused_busy, 0);
}
