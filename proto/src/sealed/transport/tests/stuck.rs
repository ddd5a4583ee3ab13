//! Readers that are stuck, beside one that is not: they cost what they hold and nobody else's rate.

use super::MS;
use super::network::Path;
use super::pair::{Pair, bytes};
use super::speed::mbit;
use std::time::Duration;

/// Mbit/s of one stream beside `stuck` ones that a system reads `absorbed` bytes of, from the end `at` to the other, and the
/// longest of 20 echoes on a third stream in milliseconds.
fn beside(path: &Path, at: usize, stuck: usize, absorbed: usize) -> (f64, f64) {
    let mut pair = Pair::new(7, path.clone());
    pair.warm();
    for _ in 0..stuck {
        let id = pair.open(0);
        pair.ends[1 - at].absorbed.insert(id, absorbed);
        pair.ends[at].to_write.insert(id, bytes(id.0, absorbed + 300_000));
        if at == 1 {
            pair.ends[1].heard.entry(id).or_default();
        }
    }
    let settled = |pair: &Pair| {
        pair.ends[1 - at].heard.iter().filter(|(id, heard)| pair.ends[1 - at].absorbed.get(id) == Some(&heard.len())).count() >= stuck
    };
    pair.run_until(Duration::from_secs(120), settled);
    pair.run_until(Duration::from_secs(2), |_| false);
    let (bulk, echo) = (pair.open(0), pair.open(0));
    let began = pair.now;
    pair.ends[at].to_write.insert(bulk, bytes(bulk.0, if path.rate > 100_000_000 { 700_000_000 } else { 40_000_000 }));
    pair.run_until(Duration::from_secs(2), |_| false);
    let before = pair.ends[1 - at].heard.get(&bulk).map_or(0, Vec::len);
    let mut longest = 0.0f64;
    for round in 1..=20 {
        let now = pair.now;
        pair.ends[0].transport.write(now, echo, &[7; 64]);
        let there = |pair: &Pair| pair.ends[1].heard.get(&echo).is_some_and(|heard| heard.len() >= round * 64);
        pair.run_until(Duration::from_secs(5), there);
        let middle = pair.now;
        pair.ends[1].transport.write(middle, echo, &[7; 64]);
        pair.run_until(Duration::from_secs(5), |pair| pair.ends[0].heard[&echo].len() >= round * 64);
        longest = longest.max((pair.now - now).as_secs_f64() * 1e3);
    }
    let took = (pair.now - began - Duration::from_secs(2)).as_secs_f64();
    let got = pair.ends[1 - at].heard.get(&bulk).map_or(0, Vec::len) - before;
    (got as f64 * 8e-6 / took, longest)
}

#[test]
fn zz_explore() {
    let far = Path { rtt: 50 * MS, rate: mbit(100), ..Path::default() };
    let near = Path { rtt: MS, rate: mbit(2_000), queue: 5 * MS, ..Path::default() };
    for (name, path) in [("near", &near), ("far", &far)] {
        for at in [0, 1] {
            for absorbed in [0, 300_000] {
                for stuck in [0, 400] {
                    if stuck * absorbed > 400_000_000 || name == "far" && stuck * absorbed > 130_000_000 {
                        continue;
                    }
                    let (rate, echo) = beside(path, at, stuck, absorbed);
                    println!("{name} at {at} absorbed {absorbed} stuck {stuck}: {rate:.1} Mbit/s, echo {echo:.1} ms");
                }
            }
        }
    }
}
