//! A target that never answers is given up after the dial time-out, which the client sees as a reset.

use std::time::{Duration, Instant};

use testbed::client::is_turned_away;
use testbed::folder::Folder;
use testbed::target::silent_address;

use crate::programs::{PROXY2, sealed_program, sealed_proxy1};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_is_reset_and_both_say_why() {
    let (target, _queue) = silent_address().await;
    let folder = Folder::new();
    let limit = Duration::from_secs(1);
    let proxy2 = sealed_program(PROXY2, "0", target, &folder, &["--dial-timeout", "1s"]);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    let start = Instant::now();
    is_turned_away(proxy1.address()).await;
    let took = start.elapsed();
    assert!((limit..limit * 4).contains(&took), "{took:?}\n{}", proxy2.output());
    proxy1.wait_for("the target does not answer");
    proxy2.wait_for(&format!("the target does not answer: {target}"));
}
