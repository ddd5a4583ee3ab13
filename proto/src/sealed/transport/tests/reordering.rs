//! Bulk where packets overtake each other all the time, and where half of them arrive damaged.

use super::MS;
use super::pair::{Pair, bytes};
use super::speed::mbit;
use crate::sealed::wire::frame::StreamId;
use crate::sim::Path;
use std::time::Duration;

/// What a way of a path gave: payload in Mbit/s, and bytes on the wire for each payload byte.
#[derive(Clone, Copy, Debug)]
struct Measured {
    goodput: f64,
    cost: f64,
}

/// 30 Mbit/s, 40 ms, and each packet as much as 100 ms later, either way.
fn jittery() -> Path {
    Path { delay: 20 * MS, rate: mbit(30), jitter: 100 * MS, ..Path::default() }
}

/// A link that is up, with more to send than fits into `seconds`, from the client or from both.
fn begin(seed: u64, path: Path, seconds: u64, both: bool) -> (Pair, StreamId) {
    let mut pair = Pair::on(seed, path);
    pair.warm();
    let id = pair.open(0);
    let length = usize::try_from(pair.network.ways[0].path.rate * (seconds + 1)).unwrap();
    pair.client.to_write.insert(id, bytes(7, length));
    if both {
        pair.server.to_write.insert(id, bytes(8, length));
    }
    (pair, id)
}

fn heard(pair: &Pair, id: StreamId) -> [usize; 2] {
    [&pair.server, &pair.client].map(|end| end.heard.get(&id).map_or(0, Vec::len))
}

/// What arrives in the next `seconds`, each way.
fn measure(pair: &mut Pair, id: StreamId, seconds: u64) -> [Measured; 2] {
    let sent = [0, 1].map(|way| pair.network.ways[way].counts.bytes);
    let before = heard(pair, id);
    pair.run_until(Duration::from_secs(seconds), |_| false);
    let after = heard(pair, id);
    [0, 1].map(|way| {
        let got = (after[way] - before[way]) as f64;
        let sent = (pair.network.ways[way].counts.bytes - sent[way]) as f64;
        Measured { goodput: got * 8e-6 / seconds as f64, cost: sent / got }
    })
}

fn mean(of: &[Measured], what: impl Fn(&Measured) -> f64) -> f64 {
    of.iter().map(what).sum::<f64>() / of.len() as f64
}

/// Three seeds for 20 s: each way has `least` Mbit/s and all have `average`, at a cost of no more than `cost`.
fn assert_carries(name: &str, path: &Path, both: bool, (least, average, cost): (f64, f64, f64)) {
    let ways = if both { 2 } else { 1 };
    let measured: Vec<Measured> = [1, 2, 3]
        .into_iter()
        .flat_map(|seed| {
            let (mut pair, id) = begin(seed, path.clone(), 20, both);
            measure(&mut pair, id, 20).into_iter().take(ways)
        })
        .collect();
    println!("{name}: {measured:.3?}");
    assert!(measured.iter().all(|way| way.goodput >= least), "{name}: {measured:?}, {least} Mbit/s each");
    let (rate, paid) = (mean(&measured, |way| way.goodput), mean(&measured, |way| way.cost));
    assert!(rate >= average, "{name}: {rate} Mbit/s of {average}, {measured:?}");
    assert!(paid <= cost, "{name}: {paid} bytes for each, {cost} at the most, {measured:?}");
}

/// When packets that were only late were sent again, 8.6 Mbit/s arrived at 1.37 bytes a byte.
#[test]
fn packets_that_overtake_each_other_are_waited_for() {
    assert_carries("jitter", &jittery(), false, (25.0, 26.0, 1.15));
    let loss = Path { loss: 0.01, ..jittery() };
    assert_carries("jitter and 1 % of loss", &loss, false, (25.0, 26.0, 1.13));
}

/// Each way had 9.5 Mbit/s before, at 1.5 bytes a byte.
#[test]
fn both_ways_at_once_as_well() {
    assert_carries("jitter both ways", &jittery(), true, (18.0, 23.0, 1.15));
}

#[test]
fn jitter_that_begins_and_ends_leaves_the_rate() {
    for seed in 1..=3 {
        let (mut pair, id) = begin(seed, Path { jitter: Duration::ZERO, ..jittery() }, 20, false);
        pair.run_until(Duration::from_secs(4), |_| false);
        pair.network.change(|path| path.jitter = 100 * MS);
        pair.run_until(Duration::from_secs(2), |_| false);
        let [during, _] = measure(&mut pair, id, 6);
        pair.network.change(|path| path.jitter = Duration::ZERO);
        pair.run_until(Duration::from_secs(2), |_| false);
        let [after, _] = measure(&mut pair, id, 4);
        println!("seed {seed}: {during:.3?} during it, {after:.3?} after it");
        assert!(during.goodput >= 22.0, "seed {seed}: {during:?} during it");
        assert!(after.goodput >= 26.0 && after.cost <= 1.1, "seed {seed}: {after:?} after it");
    }
}

/// Half of what is sent is of no use, as where half of the datagrams are damaged.
#[test]
fn where_half_is_lost_no_seed_makes_a_transfer_crawl() {
    for megabytes in [3, 12] {
        let mut times: Vec<f64> = (0..20)
            .map(|seed| {
                let path = Path { delay: 20 * MS, rate: mbit(30), loss: 0.5, ..Path::default() };
                let mut pair = Pair::on(seed, path);
                // A link knows its round trip by its handshake.
                let now = pair.now;
                pair.client.transport.on_handshake(now, 40 * MS);
                pair.server.transport.on_handshake(now, 40 * MS);
                let (id, began) = (pair.open(0), pair.now);
                pair.client.to_write.insert(id, bytes(7, megabytes * 1_000_000));
                let done = |pair: &Pair| pair.server.finished.contains_key(&id);
                assert!(pair.run_until(Duration::from_secs(200), done), "seed {seed}");
                (pair.now - began).as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{megabytes} MB: {times:.1?} s");
        assert!(times[19] <= 3.0 * times[10], "{megabytes} MB: {times:?} s");
    }
}
