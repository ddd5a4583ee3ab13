//! Loss, duplication and reordering between the proxies: the classic link may lose bytes, but nothing hangs, no slot
//! leaks, and what arrives is right.

use std::time::Duration;

use echo::client::{Report, Settings};
use testbed::client::run;
use testbed::middlebox::{Way, Weather};
use testbed::pair::Pair;
use testbed::seed::{SeedOnFailure, seed};
use testbed::target::{Manner, Target};
use tunnel::settings::Classic;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_0_percent_nothing_is_missing() {
    let report = echo_through(Weather::bad(0.0)).await;
    assert!(report.is_clean(), "\n{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_1_percent() {
    degrades_in_order(&echo_through(Weather::bad(0.01)).await, 0.9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_5_percent() {
    degrades_in_order(&echo_through(Weather::bad(0.05)).await, 0.75);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_20_percent() {
    degrades_in_order(&echo_through(Weather::bad(0.2)).await, 0.4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loss_alone_keeps_the_order() {
    let report = echo_through(Weather { loss: 0.05, ..Weather::default() }).await;
    degrades_in_order(&report, 0.75);
    assert_eq!(report.total().displaced, 0, "\n{report}");
}

/// Some is missing, at least `share` returned, and every byte of it is one that was sent.
fn degrades_in_order(report: &Report, share: f64) {
    let total = report.total();
    assert!(total.missing > 0, "the network lost nothing:\n{report}");
    assert_eq!(total.corrupt, 0, "\n{report}");
    let returned = (total.sent - total.missing) as f64;
    assert!(returned > share * total.sent as f64, "\n{report}");
}

/// Ten echo clients through a pair with `weather` between; checks that they all end and leave nothing open.
async fn echo_through(weather: Weather) -> Report {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let mut link = Classic::default();
    link.table.open_repeats = [Duration::from_millis(100); 3];
    link.table.open_last_wait = Duration::from_millis(100);
    link.table.idle_limit = Duration::from_secs(2);
    let (mut pair, middlebox) = Pair::start_apart(target.address(), link).await;
    middlebox.set(weather);
    let (chunk, think, silence) = (5_000, Duration::from_millis(2), Duration::from_secs(1));
    let settings = Settings::new(pair.proxy1.address.to_string());
    let report =
        run(Settings { clients: 10, bytes: 200_000, chunk, think, silence, seed: seed(), ..settings }).await;
    pair.wait_for_streams(0).await;
    let up = middlebox.counts(Way::Up);
    assert_eq!(up.forwarded, up.received - up.lost + up.duplicated, "{up:?}");
    report
}
