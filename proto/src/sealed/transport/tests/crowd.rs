//! More busy streams than may have bytes ready: each is asked for its own when its turn is near.

use super::MS;
use super::pair::{Pair, bytes};
use crate::sealed::transport::Settings;
use crate::sealed::wire::frame::StreamId;
use crate::sim::Path;
use std::time::Duration;

/// 100 Mbit/s in bytes a second.
const RATE: u64 = 12_500_000;

/// A link over a path of `rate` bytes a second with so many streams that have more to send than a test waits for, busy for
/// two seconds.
fn crowd(streams: usize, rate: u64) -> (Pair, Vec<StreamId>) {
    let mut pair = Pair::on(6, Path { delay: 10 * MS, rate, ..Path::default() });
    pair.warm();
    let ids: Vec<_> = (0..streams).map(|_| pair.open(0)).collect();
    for id in &ids {
        pair.client.to_write.insert(*id, bytes(id.0, 4_000_000));
    }
    pair.run_until(Duration::from_secs(2), |_| false);
    (pair, ids)
}

#[test]
fn busy_streams_get_equal_parts_and_all_of_the_path() {
    let (mut pair, ids) = crowd(60, RATE);
    let heard = |pair: &Pair| ids.iter().map(|id| pair.server.heard[id].len()).collect::<Vec<_>>();
    let before = heard(&pair);
    pair.run_until(Duration::from_secs(4), |_| false);
    let parts: Vec<_> = heard(&pair).iter().zip(before).map(|(after, before)| after - before).collect();
    let (sum, least) = (parts.iter().sum::<usize>(), parts.iter().min().unwrap());
    assert!(sum as u64 > RATE * 4 * 9 / 10, "{sum} bytes in four seconds");
    assert!(least * parts.len() * 10 > sum * 8, "the slowest has {least} of {sum} bytes");
}

#[test]
fn busy_streams_have_little_ready_together() {
    // At the lower rate each waits longer for its turn than makes a stream a quiet one.
    for rate in [RATE, RATE / 8] {
        let (mut pair, ids) = crowd(200, rate);
        for _ in 0..40 {
            pair.run_until(100 * MS, |_| false);
            let unsent = pair.client.transport.streams.iter().map(|stream| stream.send.unsent());
            let held = unsent.sum::<u64>();
            assert!(held < 4 << 20, "{held} bytes unsent of {} streams at {rate}", ids.len());
        }
    }
}

#[test]
fn who_says_little_does_not_wait_for_a_crowd() {
    let (mut pair, _) = crowd(60, RATE);
    let id = pair.open(0);
    for _ in 0..20 {
        let (before, now) = (pair.server.heard.get(&id).map_or(0, Vec::len), pair.now);
        assert!(pair.client.transport.poll_room(now, id) >= 64);
        pair.client.transport.write(now, id, &[7; 64]);
        let arrives = |pair: &Pair| pair.server.heard.get(&id).is_some_and(|heard| heard.len() > before);
        assert!(pair.run_until(60 * MS, arrives), "half of the round trip is 10 ms");
        pair.run_until(50 * MS, |_| false);
    }
}

#[test]
fn a_crowd_that_is_short_of_memory_forgets_nobody() {
    for memory in [1 << 20, 2 << 20, 4 << 20] {
        let settings = Settings { memory, ..Settings::default() };
        let path = Path { delay: 10 * MS, rate: RATE, loss: 0.02, ..Path::default() };
        let mut pair = Pair::with(7, path, settings);
        pair.transfer_both_ways(80, 300_000);
        pair.assert_empty();
    }
}
