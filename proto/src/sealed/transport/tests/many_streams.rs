//! Streams beside streams: two hundred at once, and stuck readers.

use super::MS;
use super::network::Path;
use super::pair::{Pair, bytes};
use std::time::Duration;

#[test]
fn two_hundred_streams_cross_a_bad_path_both_ways() {
    let mut pair = Pair::new(3, Path { rtt: 40 * MS, loss: 0.1, jitter: 10 * MS, ..Path::default() });
    pair.transfer_both_ways(200, 90_000);
    pair.assert_empty();
    assert!(pair.ends.iter().all(|end| end.peak_memory <= 64 << 20));
}

#[test]
fn a_path_that_takes_smaller_packets_from_now_on_is_noticed() {
    let mut pair = Pair::new(4, Path { rtt: 40 * MS, ..Path::default() });
    pair.transfer_both_ways(1, 2_000_000);
    assert!(pair.ends[0].transport.mtu() > 1_400);
    pair.path.mtu = 1_300;
    pair.transfer_both_ways(1, 2_000_000);
    assert!(pair.ends[0].transport.mtu() <= 1_300);
    pair.assert_empty();
}

#[test]
fn stuck_readers_hold_up_nobody_else() {
    let mut pair = Pair::new(5, Path { rtt: 40 * MS, ..Path::default() });
    for _ in 0..40 {
        let id = pair.open(0);
        pair.ends[1].stuck.insert(id);
        pair.ends[0].to_write.insert(id, bytes(id.0, 2_000_000));
    }
    pair.run_until(Duration::from_secs(5), |_| false);
    let (id, now) = (pair.open(0), pair.now);
    pair.ends[0].to_write.insert(id, bytes(id.0, 2_000_000));
    let done = pair.run_until(Duration::from_secs(5), |pair| pair.ends[1].finished.contains_key(&id));
    assert!(done, "after {:?}: {:?}", pair.now - now, pair.ends[1].heard.get(&id).map(Vec::len));
    assert!(pair.ends.iter().all(|end| end.peak_memory <= 64 << 20));
}
