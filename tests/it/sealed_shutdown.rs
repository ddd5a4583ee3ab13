//! SIGTERM and SIGINT end a sealed proxy in order: exit code 0, a summary, and the streams are reset at the other side.

use testbed::client::read_to_reset;
use testbed::target::{Manner, Target};

use crate::programs::{greeted, sealed_processes};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_proxy1_resets_the_targets() {
    let mut target = Target::start(Manner::Echo).await;
    for signal in ["TERM", "INT"] {
        let (_proxy2, mut proxy1, _folder) = sealed_processes(target.address());
        let mut client = greeted(&proxy1).await;
        proxy1.signal(signal);
        ends_in_order(&mut proxy1);
        assert!(!target.connection_ended().await, "the target saw an orderly end");
        read_to_reset(&mut client).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_proxy2_resets_the_clients() {
    let mut target = Target::start(Manner::Echo).await;
    let (mut proxy2, proxy1, _folder) = sealed_processes(target.address());
    let mut client = greeted(&proxy1).await;
    proxy2.signal("TERM");
    read_to_reset(&mut client).await;
    ends_in_order(&mut proxy2);
    assert!(!target.connection_ended().await, "the target saw an orderly end");
    proxy1.wait_for("link ended by proxy2");
}

fn ends_in_order(proxy: &mut testbed::process::Process) {
    let code = tokio::task::block_in_place(|| proxy.wait().code());
    assert_eq!(code, Some(0), "{}", proxy.output());
    let output = proxy.output();
    let summary = output.lines().last().unwrap_or_default();
    assert!(summary.contains("opened=1"), "no summary at the end of:\n{output}");
}
