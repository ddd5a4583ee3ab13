//! A FIN ends one direction of a sealed stream and leaves the other open, however long the target thinks.

use std::time::Duration;

use testbed::client::read_to_end;
use testbed::middlebox::Way;
use testbed::pair::{Pair, SealedLink};
use testbed::target::{Manner, Target};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tunnel::settings::Sealed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reply_of_a_target_that_waits_for_the_end_arrives() {
    let target = Target::start(Manner::ReplyAtEnd).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    let mut sent = echo::pattern::Pattern::new(1, 1).bytes(0, 200_000);
    let mut client = pair.connect().await;
    client.write_all(&sent).await.unwrap();
    client.shutdown().await.unwrap();
    let (data, in_order) = read_to_end(&mut client).await;
    sent.extend(b"bye");
    assert!(data == sent && in_order, "{} of {} bytes came, in order: {in_order}", data.len(), sent.len());
    drop(client);
    pair.wait_for_streams(0).await;
}

/// Nothing but keepalives passes meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reply_of_a_target_that_thinks_for_several_keepalives_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = SealedLink::with(Sealed { keepalive: Duration::from_millis(250), ..Sealed::default() });
    let (mut pair, network) = Pair::start_apart(listener.local_addr().unwrap(), link).await;
    let mut client = pair.connect().await;
    let (mut target, _) = listener.accept().await.unwrap();
    client.write_all(b"hola").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut target).await, (b"hola".to_vec(), true));
    network.wait_for_datagrams(Way::Up, 10).await;
    target.write_all(b"bye").await.unwrap();
    drop(target);
    assert_eq!(read_to_end(&mut client).await, (b"bye".to_vec(), true));
    pair.wait_for_streams(0).await;
}

/// The other way round: the target's end comes first, and the client still speaks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_speaks_on_after_the_end_of_the_target() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pair = Pair::start_sealed(listener.local_addr().unwrap()).await;
    let mut client = pair.connect().await;
    let (mut target, _) = listener.accept().await.unwrap();
    target.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut client).await, (vec![], true));
    client.write_all(b"still here").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut target).await, (b"still here".to_vec(), true));
}
