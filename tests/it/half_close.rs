//! A client that closes its sending direction still gets the reply: `printf hola | nc proxy1 …`.

use testbed::client::read_to_end;
use testbed::pair::Pair;
use testbed::target::{Manner, Target};
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_comes_back_whole() {
    let target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start(target.address()).await;
    for length in [4, 200_000] {
        let sent = echo::pattern::Pattern::new(1, 1).bytes(0, length);
        let mut client = pair.connect().await;
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
        let (data, in_order) = read_to_end(&mut client).await;
        assert!(data == sent && in_order, "{} of {length} bytes came back", data.len());
        drop(client);
        pair.wait_for_streams(0).await;
    }
}

/// One `X` ends both directions of a classic stream, so a target that waits for the end of the request sees it only
/// when the linger is over, and nothing it says then can arrive. What counts is that nothing stays open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_waits_for_the_end_leaves_nothing_open() {
    let target = Target::start(Manner::ReplyAtEnd).await;
    let mut pair = Pair::start(target.address()).await;
    let mut client = pair.connect().await;
    client.write_all(b"hola").await.unwrap();
    client.shutdown().await.unwrap();
    let (data, _) = read_to_end(&mut client).await;
    assert_eq!(data, b"");
    pair.wait_for_streams(0).await;
}
