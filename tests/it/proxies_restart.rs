//! A proxy is killed and started again: what was open ends, and new clients are served.

use std::time::Duration;

use testbed::client::{exchange, read_to_end};
use testbed::pair::{Pair, Proxy};
use testbed::target::{Manner, Target};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tunnel::settings::Classic;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy2() {
    let target = Target::start(Manner::Echo).await;
    let Pair { mut proxy1, proxy2 } = Pair::start(target.address()).await;
    let mut old = TcpStream::connect(proxy1.address).await.unwrap();
    assert_eq!(exchange(&mut old, b"before").await, b"before");
    let link = proxy2.address;
    proxy2.kill().await;

    let listen = link.to_string().parse().unwrap();
    let _proxy2 = Proxy::exit_with(listen, target.address(), Classic::default()).await;
    old.write_all(b"a stream that the new proxy2 does not know").await.unwrap();
    let (data, _) = read_to_end(&mut old).await;
    assert_eq!(data, b"");
    proxy1.wait_until("the old stream is closed", |now| now.streams == 0).await;
    let mut new = TcpStream::connect(proxy1.address).await.unwrap();
    assert_eq!(exchange(&mut new, b"after").await, b"after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy1() {
    let mut target = Target::start(Manner::Echo).await;
    let mut link = Classic::default();
    link.table.idle_limit = Duration::from_secs(1);
    let proxy2 = Proxy::exit_with("0".parse().unwrap(), target.address(), link).await;
    let proxy1 = Proxy::entry(proxy2.address).await;
    let address = proxy1.address;
    let mut old = TcpStream::connect(address).await.unwrap();
    assert_eq!(exchange(&mut old, b"before").await, b"before");
    proxy1.kill().await;
    read_to_end(&mut old).await;

    let listen = address.to_string().parse().unwrap();
    let _proxy1 = Proxy::entry_with(listen, proxy2.address, Classic::default()).await;
    let mut new = TcpStream::connect(address).await.unwrap();
    assert_eq!(exchange(&mut new, b"after").await, b"after");
    // Nobody told proxy2 of the old stream's end: the idle limit finds it.
    target.connection_ended().await;
}
