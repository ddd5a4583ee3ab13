//! Hosts that have much else to do: what arrived is looked at seldom, and acknowledged all at once.

use super::MS;
use super::pair::{Pair, bytes};
use crate::sim::Path;
use std::time::Duration;

#[test]
fn who_is_seldom_asked_sends_the_more_at_once() {
    let mut pair = Pair::on(8, Path { delay: MS / 2, ..Path::default() });
    pair.warm();
    pair.nap = 40 * MS;
    let id = pair.open(0);
    pair.client.to_write.insert(id, bytes(id.0, 20_000_000));
    pair.run_until(Duration::from_secs(6), |_| false);
    let before = pair.server.heard[&id].len();
    pair.run_until(Duration::from_secs(2), |_| false);
    // Half of two full batches each time both have looked; 16 packets would make half a megabyte.
    let arrived = pair.server.heard[&id].len() - before;
    assert!(arrived > 1_600_000, "{arrived} bytes in two seconds");
    assert_eq!(pair.client.transport.counts().lost, 0);
}
