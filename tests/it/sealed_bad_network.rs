//! Whatever the network between the proxies does to datagrams, every byte of a sealed stream arrives.

use std::time::Duration;

use echo::client::{Report, Settings};
use tests::client::run;
use tests::middlebox::{Middlebox, Way, Weather};
use tests::pair::{Pair, SealedLink};
use tests::seed::{SeedOnFailure, seed};
use tests::target::{Manner, Target};

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
async fn a_new_port_every_second() {
    let _seed = SeedOnFailure;
    let (mut pair, network, _target) = apart().await;
    let changes = network.change_ports_every(Duration::from_secs(1));
    // 5 s at least: 100 chunks of 10 kB, 50 ms apart.
    nothing_is_missing(&echo(&pair, 5, 1_000_000, Duration::from_millis(50)).await);
    drop(changes);
    pair.proxy2.wait_for_count(|now| now.address_changes, 3).await;
    pair.wait_for_streams(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blackout_of_five_seconds() {
    let _seed = SeedOnFailure;
    let (mut pair, network, _target) = apart().await;
    let blackout = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        network.set_blackout(true);
        tokio::time::sleep(Duration::from_secs(5)).await;
        network.set_blackout(false);
    };
    let (report, ()) = tokio::join!(echo(&pair, 5, 1_000_000, Duration::from_millis(20)), blackout);
    nothing_is_missing(&report);
    assert!(network.counts(Way::Up).blacked_out > 0, "nobody noticed the black-out");
    // 2 s of transfer, 5 s of darkness, and about a second to notice the light.
    assert!(report.elapsed < Duration::from_secs(10), "{:?}", report.elapsed);
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
