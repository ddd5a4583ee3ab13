//! The sealed link carries every byte both ways, in one stream and in many.

use std::time::Duration;

use echo::client::Settings;
use testbed::client::run;
use testbed::pair::Pair;
use testbed::process::Process;
use testbed::seed::{SeedOnFailure, seed};
use testbed::target::{Manner, Target};

use crate::programs::{ECHO, sealed_processes};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_mebibytes_in_one_stream() {
    echoes(1, 64 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_mebibytes_in_ten_streams() {
    echoes(10, 16 << 20).await;
}

/// Every byte is compared with the one that was sent.
async fn echoes(clients: usize, bytes: u64) {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let mut pair = Pair::start_sealed(target.address()).await;
    let settings = Settings::new(pair.proxy1.address.to_string());
    let bytes = bytes / clients as u64;
    let silence = Duration::from_secs(10);
    let report = run(Settings { clients, bytes, silence, seed: seed(), ..settings }).await;
    assert!(report.is_clean(), "\n{report}");
    pair.wait_for_streams(0).await;
}

/// Real processes, so that nobody needs more descriptors than a process may have: 1,000 streams in CI.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_streams() {
    let clients = if std::env::var_os("CI").is_some() { "1000" } else { "200" };
    let echo = Process::listening(ECHO, &["serve", "0"]);
    let (proxy2, proxy1, _folder) = sealed_processes(echo.address());
    let address = proxy1.address().to_string();
    let words = ["client", &address, "--clients", clients, "--bytes", "50KB", "--silence", "20s"];
    let mut client = Process::spawn(ECHO, &words);
    let code = tokio::task::block_in_place(|| client.wait_for_end(Duration::from_secs(60)).code());
    assert_eq!(code, Some(0), "{}\n{}\n{}", client.output(), proxy1.output(), proxy2.output());
}
