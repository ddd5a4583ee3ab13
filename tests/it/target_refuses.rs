//! Where the target refuses, the client is closed and the slot is free again.

use testbed::client::read_to_end;
use testbed::pair::Pair;
use testbed::target::refusing_address;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_is_closed_and_the_slot_is_free() {
    let mut pair = Pair::start(refusing_address()).await;
    // More clients than slots: none may keep one.
    for _ in 0..15 {
        let (data, _) = read_to_end(&mut pair.connect().await).await;
        assert_eq!(data, b"");
    }
    pair.wait_for_streams(0).await;
    pair.proxy1.wait_until("15 refusals", |now| now.streams_refused == 15).await;
    assert_eq!(pair.proxy1.counters().clients_refused_busy, 0);
    pair.proxy2.wait_until("15 failed dials", |now| now.targets_refused == 15).await;
}
