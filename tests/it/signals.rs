//! Signals of the operator: SIGUSR1 asks for the counters, SIGUSR2 for nothing, and neither these nor SIGHUP end a stream.
#![cfg(unix)]

use testbed::client::exchange;
use testbed::process::Process;
use testbed::target::{Manner, Target};

use crate::programs::{classic_processes, greeted, sealed_processes};

async fn goes_on(proxy1: &mut Process, proxy2: &mut Process) {
    let mut client = greeted(proxy1).await;
    for proxy in [&*proxy1, &*proxy2] {
        loop {
            proxy.signal("USR2");
            proxy.signal("HUP");
            proxy.signal("USR1");
            let line = tokio::task::block_in_place(|| proxy.wait_for("counted so far"));
            assert!(line.contains("opened=1"), "{line}");
            // Bytes are counted up to a tenth of a second later.
            if line.contains("bytes_sent=4 bytes_received=4") {
                break;
            }
        }
    }
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy1.output());
    for proxy in [proxy1, proxy2] {
        proxy.signal("TERM");
        assert_eq!(tokio::task::block_in_place(|| proxy.wait().code()), Some(0), "{}", proxy.output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_on_and_counters_are_told_on_both_links() {
    let target = Target::start(Manner::Echo).await;
    let (mut proxy2, mut proxy1, _folder) = sealed_processes(target.address());
    goes_on(&mut proxy1, &mut proxy2).await;
    let (mut proxy2, mut proxy1) = classic_processes(target.address());
    goes_on(&mut proxy1, &mut proxy2).await;
}
