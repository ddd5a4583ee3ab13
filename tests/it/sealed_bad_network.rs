//! Whatever the network between the proxies does to datagrams, every byte of a sealed stream arrives.

use std::time::{Duration, Instant};

use echo::client::{Report, Settings};
use testbed::client::run;
use testbed::middlebox::{Middlebox, Way, Weather};
use testbed::pair::{Pair, SealedLink};
use testbed::seed::{SeedOnFailure, seed};
use testbed::target::{Manner, Target};

/// After how many datagrams of proxy1's a translator gives it another port.
const CHANGE: u64 = 50;
/// Datagrams after which a transfer is under way.
const UNDER_WAY: u64 = 100;
/// Probes of each side after which the path comes back.
const PROBES: usize = 3;
/// About a second, on a machine that runs other tests at the same time.
const SOON: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_percent_lost_doubled_and_reordered() {
    let _seed = SeedOnFailure;
    let (mut pair, network, _target) = apart().await;
    network.set(Weather::bad(0.2));
    nothing_is_missing(&echo(&pair, 10, 500_000, Duration::ZERO).await);
    for way in [Way::Up, Way::Down] {
        let counts = network.counts(way);
        assert!(counts.lost > 0 && counts.duplicated > 0 && counts.reordered > 0, "{counts:?}");
    }
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delayed_and_half_of_it_lost() {
    let _seed = SeedOnFailure;
    let (mut pair, network, _target) = apart().await;
    network.set(Weather { loss: 0.5, delay: Duration::from_millis(10), ..Weather::default() });
    nothing_is_missing(&echo(&pair, 3, 50_000, Duration::ZERO).await);
    assert!(network.counts(Way::Up).lost > 0, "the network lost nothing");
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_port_again_and_again() {
    let _seed = SeedOnFailure;
    let (mut pair, network, _target) = apart().await;
    network.change_ports_each(CHANGE);
    nothing_is_missing(&echo(&pair, 5, 1_000_000, Duration::ZERO).await);
    let datagrams = network.counts(Way::Up).received;
    assert!(datagrams > 5 * CHANGE, "too few for many changes: {datagrams}");
    pair.proxy2.wait_for_count(|now| now.address_changes, 3).await;
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blackout_until_both_sides_probe() {
    let _seed = SeedOnFailure;
    let (mut pair, network, _target) = apart().await;
    let blackout = async {
        network.wait_for_datagrams(Way::Down, UNDER_WAY).await;
        network.set_blackout(true);
        for way in [Way::Up, Way::Down] {
            network.wait_for_probes(way, PROBES).await;
        }
        network.set_blackout(false);
        let light = Instant::now();
        network.wait_for_datagrams(Way::Down, UNDER_WAY).await;
        light.elapsed()
    };
    let (report, dark) = tokio::join!(echo(&pair, 5, 1_000_000, Duration::ZERO), blackout);
    nothing_is_missing(&report);
    // About a second to notice the light, on a machine that runs other tests.
    assert!(dark < SOON, "{dark:?} after the light");
    pair.wait_for_streams(0).await;
}

async fn apart() -> (Pair, Middlebox, Target) {
    let target = Target::start(Manner::Echo).await;
    let (pair, middlebox) = Pair::start_apart(target.address(), SealedLink::new()).await;
    (pair, middlebox, target)
}

async fn echo(pair: &Pair, clients: usize, bytes: u64, think: Duration) -> Report {
    let (chunk, silence) = (10_000, Duration::from_secs(20));
    let settings = Settings::new(pair.proxy1.address.to_string());
    run(Settings { clients, bytes, chunk, think, silence, seed: seed(), ..settings }).await
}

fn nothing_is_missing(report: &Report) {
    assert!(report.is_clean(), "\n{report}");
}
