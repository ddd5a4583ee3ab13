//! Streams beside streams: two hundred at once, and stuck readers.

use super::MS;
use super::pair::{Pair, bytes};
use crate::sealed::crypto::random::Random;
use crate::sealed::transport::Settings;
use crate::sim::Path;
use std::time::Duration;

#[test]
fn two_hundred_streams_cross_a_bad_path_both_ways() {
    let mut pair = Pair::on(3, Path { delay: 20 * MS, loss: 0.1, jitter: 10 * MS, ..Path::default() });
    pair.transfer_both_ways(200, 90_000);
    pair.assert_empty();
    assert!(pair.ends().iter().all(|end| end.peak_memory <= 64 << 20));
}

#[test]
fn a_path_that_takes_smaller_packets_from_now_on_is_noticed() {
    let mut pair = Pair::on(4, Path { delay: 20 * MS, ..Path::default() });
    pair.transfer_both_ways(1, 2_000_000);
    assert!(pair.client.transport.mtu() > 1_400);
    pair.network.change(|path| path.mtu = 1_300);
    pair.transfer_both_ways(1, 2_000_000);
    assert!(pair.client.transport.mtu() <= 1_300);
    pair.assert_empty();
}

#[test]
fn stuck_readers_hold_up_nobody_else() {
    let mut pair = Pair::on(5, Path { delay: 20 * MS, ..Path::default() });
    for _ in 0..40 {
        let id = pair.open(0);
        pair.server.stuck.insert(id);
        pair.client.to_write.insert(id, bytes(id.0, 2_000_000));
    }
    pair.run_until(Duration::from_secs(5), |_| false);
    let (id, now) = (pair.open(0), pair.now);
    pair.client.to_write.insert(id, bytes(id.0, 2_000_000));
    let done = pair.run_until(Duration::from_secs(5), |pair| pair.server.finished.contains_key(&id));
    assert!(done, "after {:?}: {:?}", pair.now - now, pair.server.heard.get(&id).map(Vec::len));
    assert!(pair.ends().iter().all(|end| end.peak_memory <= 64 << 20));
}

#[test]
fn whoever_has_to_wait_is_notified_when_it_can_go_on() {
    for seed in 0_u8..8 {
        let memory = if seed % 2 == 0 { 64 << 20 } else { 2 << 20 };
        let settings = Settings { memory, ..Settings::default() };
        let mut pair = Pair::with(seed.into(), Path { delay: MS, ..Path::default() }, settings);
        let mut random = Random::from_seed([seed; 32]);
        let mut below = |limit: u32| random.u32() % limit;
        let ids: Vec<_> = (0..60).map(|_| pair.open(0)).collect();
        for id in &ids {
            pair.client.to_write.insert(*id, bytes(id.0, 700_000));
            pair.server.to_write.insert(*id, Vec::new());
        }
        // Readers that fall asleep and wake up, writers that have little at a time: credit ends at any offset.
        for _ in 0..200 {
            pair.client.bite = 1_000 + below(59_000) as usize;
            for id in &ids {
                if below(5) < 3 {
                    pair.server.stuck.insert(*id);
                } else {
                    pair.server.stuck.remove(id);
                }
            }
            pair.run_until((1 + below(29)) * MS, |_| false);
        }
        pair.server.stuck.clear();
        let all = |pair: &Pair| ids.iter().all(|id| pair.server.finished.contains_key(id));
        let done = pair.run_until(Duration::from_secs(60), all);
        let left = ids.iter().filter(|id| !pair.server.finished.contains_key(id)).count();
        assert!(done, "seed {seed}: {left} streams are stuck");
    }
}
