//! A client or target that does not read slows nobody else, and its stream does not grow without bound.

use testbed::client::{echo_clients, exchange, read_to_end};
use testbed::pair::Pair;
use testbed::seed::SeedOnFailure;
use testbed::target::{Manner, Target};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tunnel::settings::Classic;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_slows_nobody() {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let link = Classic { queue: 256 * 1024, ..Classic::default() };
    let mut pair = Pair::start_with(target.address(), link).await;
    let mut stuck = pair.connect().await;
    assert_eq!(exchange(&mut stuck, b"hola").await, b"hola");
    // It sends until the queue towards it, which nobody empties, has overflowed.
    let flood = vec![1; 64 * 1024];
    let overflow = async {
        loop {
            if stuck.write_all(&flood).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = overflow => panic!("the stuck client was closed"),
        () = pair.proxy1.wait_until("its queue is full", |now| now.datagrams_queue_full > 0) => {}
    }
    let report = echo_clients(pair.proxy1.address, 5, 200_000).await;
    assert!(report.is_clean(), "\n{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_target_is_closed_with_its_client() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut pair = Pair::start(listener.local_addr().unwrap()).await;
    let mut client = pair.connect().await;
    let (mut target, _) = listener.accept().await.unwrap();
    client.write_all(&vec![1; 100_000]).await.unwrap();
    drop(client);
    pair.proxy1.wait_until("the client's end", |now| now.streams == 0).await;
    read_to_end(&mut target).await;
    pair.wait_for_streams(0).await;
}
