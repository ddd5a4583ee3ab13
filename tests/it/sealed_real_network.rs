//! The real programs over a bad network, as fast as they can: every byte comes back.

use std::net::SocketAddr;
use std::time::Duration;

use testbed::folder::Folder;
use testbed::middlebox::{Middlebox, Way, Weather};
use testbed::process::Process;
use testbed::seed::{SeedOnFailure, seed};

use crate::programs::{ECHO, sealed_proxy1, sealed_proxy2};

/// The echo server, both proxies, and the network between them.
struct Apart {
    _echo: Process,
    proxy2: Process,
    network: Middlebox,
    proxy1: Process,
    _folder: Folder,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_port_again_and_again() {
    let _seed = SeedOnFailure;
    let mut apart = apart();
    apart.network.set(Weather { delay: Duration::from_millis(10), ..Weather::default() });
    apart.network.change_ports_each(100);
    echoes(&apart, &["--clients", "3", "--bytes", "1500KB", "--chunk", "10KB"]);
    apart.proxy2.signal("TERM");
    assert!(tokio::task::block_in_place(|| apart.proxy2.wait()).success());
    assert!(apart.proxy2.output().contains("address changes: "), "{}", apart.proxy2.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_percent_lost() {
    let _seed = SeedOnFailure;
    let apart = apart();
    apart.network.set(Weather { loss: 0.2, delay: Duration::from_millis(5), ..Weather::default() });
    echoes(&apart, &["--clients", "4", "--bytes", "3MB"]);
    for way in [Way::Up, Way::Down] {
        assert!(apart.network.counts(way).lost > 100, "{:?}", apart.network.counts(way));
    }
}

fn apart() -> Apart {
    let echo = Process::listening(ECHO, &["serve", "0"]);
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", echo.address(), &folder);
    let network = Middlebox::start(proxy2.address(), seed()).unwrap();
    let between: SocketAddr = network.address();
    let proxy1 = sealed_proxy1("0", between, &folder);
    Apart { _echo: echo, proxy2, network, proxy1, _folder: folder }
}

/// The client compares every byte that returns with the one that was sent.
fn echoes(apart: &Apart, options: &[&str]) {
    let (address, seed) = (apart.proxy1.address().to_string(), seed().to_string());
    let words = [&["client", &address, "--silence", "20s", "--seed", &seed], options].concat();
    let mut client = Process::spawn(ECHO, &words);
    let code = tokio::task::block_in_place(|| client.wait_for_end(Duration::from_secs(60)).code());
    assert_eq!(code, Some(0), "{}\n{}\n{}", client.output(), apart.proxy1.output(), apart.proxy2.output());
}
