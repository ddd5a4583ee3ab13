//! A byte that was sent as urgent data (`MSG_OOB`) arrives where it stands among the others; as on any path without urgent data,
//! that it is urgent is not told.

use std::io::Write;

use socket2::SockRef;
use testbed::client::read_to_end;
use testbed::pair::{Pair, PairLink, SealedLink};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tunnel::settings::Classic;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrives_in_order_over_a_sealed_link() {
    arrives_in_order(SealedLink::new().into()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrives_in_order_over_a_classic_link() {
    arrives_in_order(Classic::default().into()).await;
}

async fn arrives_in_order(link: PairLink) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pair = Pair::start_with(listener.local_addr().unwrap(), link).await;
    let mut client = pair.connect().await;
    // Perhaps before proxy1 has accepted the client, and long after.
    send_with_an_urgent_byte(&client);
    let (mut target, _) = listener.accept().await.unwrap();
    send_with_an_urgent_byte(&target);
    expect(&mut target).await;
    expect(&mut client).await;
    send_with_an_urgent_byte(&client);
    expect(&mut target).await;
    target.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut client).await, (vec![], true));
}

/// Three parts, of which the second is urgent data.
fn send_with_an_urgent_byte(from: &TcpStream) {
    let socket = SockRef::from(from);
    (&*socket).write_all(b"before ").unwrap();
    assert_eq!(socket.send_out_of_band(b"!").unwrap(), 1);
    (&*socket).write_all(b" behind").unwrap();
}

async fn expect(to: &mut TcpStream) {
    let mut bytes = [0; b"before ! behind".len()];
    let read = tokio::time::timeout(testbed::pair::PATIENCE, to.read_exact(&mut bytes)).await;
    read.unwrap_or_else(|_| panic!("only {:?} came", String::from_utf8_lossy(&bytes))).unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), "before ! behind");
}
