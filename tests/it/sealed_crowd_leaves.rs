//! What a crowd of connections took goes back to the system soon after they have left.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use testbed::client::pass_both_ways;
use testbed::fill::fill;
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::reset;
use tokio::net::{TcpListener, TcpStream};

use crate::programs::{PROXY1, sealed_program, sealed_proxy2};

/// Clients that read nothing, and what they take of proxy1 at the least, in KiB.
const CLIENTS: usize = 300;
const LEAST: u64 = 6 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_clients_that_did_not_read_is_given_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", listener.local_addr().unwrap(), &folder);
    let proxy1 = sealed_program(PROXY1, "0", proxy2.address(), &folder, &["-v"]);
    let connect = async || {
        let client = TcpStream::connect(proxy1.address()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    };
    let (mut other, mut answers) = connect().await;
    let before = memory(&proxy1);
    let (mut crowd, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..CLIENTS {
        let (client, target) = connect().await;
        crowd.push(client);
        targets.push(target);
    }
    fill(&mut targets, &[7; 1 << 16], async || pass_both_ways(&mut other, &mut answers).await).await;
    let most = memory(&proxy1);
    assert!(most > before + LEAST, "{most} KiB, {before} KiB before");
    crowd.into_iter().for_each(reset);
    // Once if all have left in time, and again if some are late.
    tokio::task::block_in_place(|| {
        while memory(&proxy1) >= before + (most - before) / 3 {
            proxy1.wait_for("unused memory is given back to the system");
        }
    });
}

/// The memory in pages of its own that a program has, in KiB.
fn memory(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
