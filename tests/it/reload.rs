//! SIGHUP asks that tickets and names be read again, and ends nothing.
#![cfg(unix)]

use tests::client::exchange;
use tests::process::Process;
use tests::target::{Manner, Target};
use tokio::net::TcpStream;

use crate::programs::{PROXY1, PROXY2, sealed_processes};

async fn goes_on(proxy1: Process, proxy2: Process) {
    let mut client = TcpStream::connect(proxy1.address()).await.unwrap();
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy1.output());
    for _ in 0..2 {
        for proxy in [&proxy1, &proxy2] {
            proxy.signal("HUP");
            proxy.wait_for("reading tickets and names again");
        }
        assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy1.output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_on_after_sighup_on_both_links() {
    let target = Target::start(Manner::Echo).await;
    let (proxy2, proxy1, _folder) = sealed_processes(target.address());
    goes_on(proxy1, proxy2).await;
    let port = target.address().port().to_string();
    let proxy2 = Process::listening(PROXY2, &["--classic", "0", "127.0.0.1", &port]);
    let port = proxy2.address().port().to_string();
    let proxy1 = Process::listening(PROXY1, &["--classic", "0", "localhost", &port]);
    goes_on(proxy1, proxy2).await;
}
