//! A proxy that dies is no orderly end: who was connected to it sees a reset, so that what was cut off does not look whole.

use testbed::client::{exchange, read_to_reset};
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;

use crate::programs::{classic_processes, sealed_processes};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_sealed_pair() {
    let target = Target::start(Manner::Echo).await;
    let (proxy2, proxy1, _folder) = sealed_processes(target.address());
    dies(proxy1, proxy2, target).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_classic_pair() {
    let target = Target::start(Manner::Echo).await;
    let (proxy2, proxy1) = classic_processes(target.address());
    dies(proxy1, proxy2, target).await;
}

async fn dies(mut proxy1: Process, mut proxy2: Process, mut target: Target) {
    let mut client = TcpStream::connect(proxy1.address()).await.unwrap();
    assert_eq!(exchange(&mut client, b"before").await, b"before");
    proxy1.kill();
    assert_eq!(read_to_reset(&mut client).await, b"");
    proxy2.kill();
    assert!(!target.connection_ended().await, "the target saw an orderly end");
}
