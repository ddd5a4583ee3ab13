//! A proxy1 that proxy2 does not let in is told why, its clients are reset at once, and it comes in when it may.

use std::time::{Duration, Instant};

use testbed::client::{exchange, is_turned_away};
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;

use crate::programs::{PROXY1, PROXY2, greeted, sealed_program, sealed_proxy1};

/// A refusal is believed for 5 s; then proxy1 asks again.
const AGAIN: Duration = Duration::from_secs(9);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_links_than_there_may_be() {
    let target = Target::start(Manner::Echo).await;
    let folder = testbed::folder::Folder::new();
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--links", "1"]);
    let mut first = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = greeted(&first).await;

    let second = sealed_proxy1("0", proxy2.address(), &folder);
    is_turned_away(second.address()).await;
    second.wait_for("as many links as it may have; see its option --links");
    proxy2.wait_for("no room for another link");
    is_turned_away(second.address()).await;
    assert_eq!(exchange(&mut client, b"still here").await, b"still here");

    first.signal("TERM");
    assert!(first.wait().success(), "{}", first.output());
    serves_within(AGAIN, &second).await;
}

/// It was killed, so its link is still there and has the only place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_proxy1_gets_its_own_place_back() {
    let target = Target::start(Manner::Echo).await;
    let folder = testbed::folder::Folder::new();
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--links", "1"]);
    let mut old = sealed_proxy1("0", proxy2.address(), &folder);
    let _client = greeted(&old).await;
    old.kill();
    let new = sealed_program(PROXY1, &old.address().to_string(), proxy2.address(), &folder, &[]);
    serves_within(AGAIN, &new).await;
}

async fn serves_within(limit: Duration, proxy1: &Process) {
    let start = Instant::now();
    tokio::task::block_in_place(|| proxy1.wait_for("link up"));
    assert!(start.elapsed() < limit, "{:?}\n{}", start.elapsed(), proxy1.output());
    let mut client = TcpStream::connect(proxy1.address()).await.unwrap();
    assert_eq!(exchange(&mut client, b"room again").await, b"room again");
}
