//! Ten clients at a time each get their own bytes back, and nobody else's: every client sends data of its own.

use testbed::client::echo_clients;
use testbed::pair::Pair;
use testbed::process::Process;
use testbed::seed::SeedOnFailure;
use testbed::target::{Manner, Target};

use crate::programs::{ECHO, PROXY1, PROXY2};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_process() {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start(target.address()).await;
    let report = echo_clients(pair.proxy1.address, 10, 500_000).await;
    assert!(report.is_clean(), "\n{report}");
    pair.wait_for_streams(0).await;
    pair.proxy1.wait_until("ten streams opened", |now| now.streams_opened == 10).await;
    pair.proxy2.wait_until("ten streams opened", |now| now.streams_opened == 10).await;
}

#[test]
fn as_real_processes() {
    let echo = Process::listening(ECHO, &["serve", "0"]);
    let target = echo.address().port().to_string();
    let proxy2 = Process::listening(PROXY2, &["--classic", "0", "127.0.0.1", &target]);
    let link = proxy2.address().port().to_string();
    let proxy1 = Process::listening(PROXY1, &["--classic", "0", "127.0.0.1", &link]);
    let entry = proxy1.address().to_string();
    let mut client = Process::spawn(ECHO, &["client", &entry, "--clients", "10", "--bytes", "500kB"]);
    assert_eq!(client.wait().code(), Some(0), "{}", client.output());
    assert!(client.output().contains("everything returned: 5.00 MB byte for byte"), "{}", client.output());
}
