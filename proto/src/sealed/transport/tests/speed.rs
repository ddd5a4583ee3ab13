//! Goodput and wire cost over modelled paths: recorded values that may not get worse.

use super::MS;
use super::network::Path;
use super::pair::{Pair, bytes};
use crate::sealed::frame::StreamId;
use std::time::Duration;

fn mbit(rate: u64) -> u64 {
    rate * 1_000_000 / 8
}

/// What a path gave: payload in Mbit/s, and bytes on the wire for each payload byte.
#[derive(Debug)]
struct Measured {
    goodput: f64,
    cost: f64,
    /// Share of the packets sent that the bottleneck dropped.
    overflow: f64,
}

/// A bulk stream on a link that is up, from the client, with more to send than fits into `seconds`.
fn begin(seed: u64, path: Path, seconds: u64) -> (Pair, StreamId) {
    let mut pair = Pair::new(seed, path);
    pair.warm();
    let id = pair.open(0);
    let length = usize::try_from(pair.path.rate * seconds + pair.path.rate / 2).unwrap();
    pair.ends[0].to_write.insert(id, bytes(7, length));
    (pair, id)
}

fn heard(pair: &Pair, id: StreamId) -> usize {
    pair.ends[1].heard.get(&id).map_or(0, Vec::len)
}

/// Mbit/s over the next `time`.
fn goodput(pair: &mut Pair, id: StreamId, time: Duration) -> f64 {
    let before = heard(pair, id);
    pair.run_until(time, |_| false);
    (heard(pair, id) - before) as f64 * 8.0 / 1e6 / time.as_secs_f64()
}

fn bulk(path: Path, seconds: u64) -> Measured {
    let (mut pair, id) = begin(1, path, seconds);
    let sent = pair.ways[0].sent_bytes;
    let goodput = goodput(&mut pair, id, Duration::from_secs(seconds));
    let way = &pair.ways[0];
    Measured {
        goodput,
        cost: (way.sent_bytes - sent) as f64 / heard(&pair, id) as f64,
        overflow: way.overflowed as f64 / way.sent_packets as f64,
    }
}

/// Compares with what was recorded; a change for the better is worth a new record.
fn assert_keeps(name: &str, path: Path, seconds: u64, recorded: f64, cost: f64) {
    let result = bulk(path, seconds);
    println!(
        "{name:<44} {:5.1} Mbit/s, cost {:.3}, overflow {:.3}",
        result.goodput, result.cost, result.overflow
    );
    assert!(result.goodput >= recorded * 0.95, "{name}: {result:?}, recorded {recorded} Mbit/s");
    assert!(result.cost <= cost * 1.05, "{name}: {result:?}, recorded cost {cost}");
}

fn plain(loss: f64) -> Path {
    Path { rtt: 50 * MS, rate: mbit(100), loss, ..Path::default() }
}

#[test]
fn random_loss() {
    assert_keeps("100 Mbit/s, 50 ms, loss 0 %", plain(0.0), 8, 93.4, 1.049);
    assert_keeps("100 Mbit/s, 50 ms, loss 1 %", plain(0.01), 8, 93.0, 1.063);
    assert_keeps("100 Mbit/s, 50 ms, loss 5 %", plain(0.05), 8, 91.9, 1.120);
    assert_keeps("100 Mbit/s, 50 ms, loss 10 %", plain(0.1), 8, 91.6, 1.186);
    assert_keeps("100 Mbit/s, 50 ms, loss 20 %", plain(0.2), 8, 90.9, 1.330);
    assert_keeps("100 Mbit/s, 50 ms, loss 30 %", plain(0.3), 8, 88.3, 1.563);
}

#[test]
fn bursts_of_loss() {
    assert_keeps(
        "100 Mbit/s, 50 ms, bursts of 8, loss 1 %",
        Path { burst: 8.0, ..plain(0.01) },
        8,
        92.4,
        1.071,
    );
    assert_keeps(
        "100 Mbit/s, 50 ms, bursts of 8, loss 5 %",
        Path { burst: 8.0, ..plain(0.05) },
        8,
        92.2,
        1.115,
    );
    assert_keeps(
        "100 Mbit/s, 50 ms, bursts of 8, loss 10 %",
        Path { burst: 8.0, ..plain(0.1) },
        8,
        90.7,
        1.182,
    );
    assert_keeps(
        "100 Mbit/s, 50 ms, bursts of 8, loss 20 %",
        Path { burst: 8.0, ..plain(0.2) },
        8,
        72.4,
        1.352,
    );
    assert_keeps(
        "100 Mbit/s, 50 ms, bursts of 8, loss 30 %",
        Path { burst: 8.0, ..plain(0.3) },
        8,
        81.0,
        1.564,
    );
}

#[test]
fn far_paths() {
    assert_keeps(
        "10 Mbit/s, 200 ms, loss 0 %",
        Path { rtt: 200 * MS, rate: mbit(10), ..plain(0.0) },
        8,
        8.9,
        1.115,
    );
    assert_keeps(
        "10 Mbit/s, 200 ms, loss 5 %",
        Path { rtt: 200 * MS, rate: mbit(10), ..plain(0.05) },
        8,
        8.5,
        1.238,
    );
    assert_keeps(
        "10 Mbit/s, 200 ms, loss 20 %",
        Path { rtt: 200 * MS, rate: mbit(10), ..plain(0.2) },
        8,
        7.9,
        1.518,
    );
    assert_keeps(
        "20 Mbit/s, 750 ms, loss 0 %",
        Path { rtt: 750 * MS, rate: mbit(20), queue: 750 * MS, ..plain(0.0) },
        30,
        16.6,
        1.060,
    );
    assert_keeps(
        "20 Mbit/s, 750 ms, loss 2 %",
        Path { rtt: 750 * MS, rate: mbit(20), queue: 750 * MS, ..plain(0.02) },
        30,
        14.5,
        1.133,
    );
}

#[test]
fn disorder() {
    assert_keeps(
        "100 Mbit/s, 50 ms, jitter 20 ms, loss 0 %",
        Path { jitter: 20 * MS, ..plain(0.0) },
        8,
        91.5,
        1.053,
    );
    assert_keeps(
        "100 Mbit/s, 50 ms, jitter 20 ms, loss 2 %",
        Path { jitter: 20 * MS, ..plain(0.02) },
        8,
        90.2,
        1.087,
    );
}

#[test]
fn a_shallow_queue() {
    assert_keeps(
        "100 Mbit/s, 50 ms, queue 5 ms, loss 0 %",
        Path { queue: 5 * MS, ..plain(0.0) },
        8,
        91.8,
        1.095,
    );
    assert_keeps(
        "100 Mbit/s, 50 ms, queue 5 ms, loss 1 %",
        Path { queue: 5 * MS, ..plain(0.01) },
        8,
        91.3,
        1.113,
    );
}

#[test]
fn a_fast_path() {
    assert_keeps(
        "1,000 Mbit/s, 20 ms, loss 5 %",
        Path { rtt: 20 * MS, rate: mbit(1_000), ..plain(0.05) },
        3,
        882.3,
        1.122,
    );
}

#[test]
fn a_cut_of_the_rate_is_followed_down_and_up() {
    let (mut pair, id) = begin(1, plain(0.0), 14);
    pair.run_until(Duration::from_secs(3), |_| false);
    let (cut, back) = (pair.now, pair.now + Duration::from_secs(4));
    pair.path.rates = vec![(cut, mbit(10)), (back, mbit(100))];
    pair.run_until(Duration::from_secs(2), |_| false);
    let overflowed = pair.ways[0].overflowed;
    let slow = goodput(&mut pair, id, Duration::from_secs(2));
    let round_trip = pair.ends[0].transport.round_trip().unwrap();
    println!(
        "cut: {slow:.1} Mbit/s, round trip {round_trip:?}, {} overflow",
        pair.ways[0].overflowed - overflowed
    );
    assert!(slow > 8.5, "{slow} Mbit/s of 10");
    assert!(pair.ways[0].overflowed - overflowed < 200, "still too fast");
    pair.run_until(Duration::from_secs(5), |_| false);
    let again = goodput(&mut pair, id, Duration::from_secs(1));
    println!("back: {again:.1} Mbit/s");
    assert!(again > 80.0, "{again} Mbit/s of 100");
}

#[test]
fn after_a_blackout_the_rate_is_back_within_two_seconds() {
    for dead in [5, 60] {
        let (mut pair, id) = begin(1, plain(0.0), 8);
        pair.run_until(Duration::from_secs(2), |_| false);
        let back = pair.now + Duration::from_secs(dead);
        pair.path.dead = vec![(pair.now, back)];
        pair.run_until(Duration::from_secs(dead + 2), |_| false);
        let after = goodput(&mut pair, id, Duration::from_secs(1));
        println!("after {dead} s: {after:.1} Mbit/s");
        assert!(after > 80.0 * 0.955, "{after} Mbit/s after {dead} s");
    }
}

#[test]
fn a_warm_link_starts_fast() {
    for (length, rounds) in [(100_000, 3.0), (1_000_000, 5.0)] {
        let mut pair = Pair::new(1, plain(0.0));
        pair.warm();
        let (id, began) = (pair.open(0), pair.now);
        pair.ends[1].to_write.insert(id, bytes(7, length));
        assert!(pair.run_until(Duration::from_secs(5), |pair| pair.ends[0].heard[&id].len() == length));
        let took = (pair.now - began).as_secs_f64() / 0.05;
        println!("{length} bytes: {took:.1} round trips");
        assert!(took <= rounds, "{took} round trips for {length} bytes");
    }
}
