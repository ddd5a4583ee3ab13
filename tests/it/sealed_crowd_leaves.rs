//! What a crowd of connections took goes back to the system soon after they have left.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::time::Duration;

use tests::pair::PATIENCE;
use tests::process::Process;
use tests::target::reset;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::programs::sealed_processes;

/// Clients that read nothing, and what they take of proxy1 at the least, in KiB.
const CLIENTS: usize = 300;
const LEAST: u64 = 6 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_clients_that_did_not_read_is_given_back() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_proxy2, proxy1, _folder) = sealed_processes(target.local_addr().unwrap());
    tokio::spawn(send_to_all(target));
    let before = memory(&proxy1);
    let mut crowd = Vec::new();
    for _ in 0..CLIENTS {
        crowd.push(TcpStream::connect(proxy1.address()).await.unwrap());
    }
    wait(&proxy1, |now| now > before + LEAST).await;
    // Until it takes no more.
    let mut most = 0;
    while most < memory(&proxy1) {
        most = memory(&proxy1);
        sleep(Duration::from_secs(1)).await;
    }
    crowd.into_iter().for_each(reset);
    wait(&proxy1, |now| now < before + (most - before) / 3).await;
}

/// Sends for ever to whoever comes.
async fn send_to_all(listener: TcpListener) {
    while let Ok((mut client, _)) = listener.accept().await {
        tokio::spawn(async move { while client.write_all(&[7; 1 << 16]).await.is_ok() {} });
    }
}

async fn wait(process: &Process, condition: impl Fn(u64) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition(memory(process)) {
        assert!(Instant::now() < deadline, "{} KiB", memory(process));
        sleep(Duration::from_millis(100)).await;
    }
}

/// The memory in pages of its own that a program has, in KiB.
fn memory(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
