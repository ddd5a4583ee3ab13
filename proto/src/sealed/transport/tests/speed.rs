//! Goodput and wire cost over modelled paths.

use super::MS;
use super::network::Path;
use super::pair::{Pair, bytes};
use std::time::Duration;

/// Mbit/s of payload over `seconds`, and wire bytes for each payload byte.
fn bulk(seed: u64, path: Path, seconds: u64) -> (f64, f64) {
    let mut pair = Pair::new(seed, path);
    pair.warm();
    let id = pair.open(0);
    let before = pair.ways[0].sent_bytes;
    let rate = pair.path.rate.max(1);
    let length = usize::try_from(rate * seconds * 2).unwrap();
    pair.ends[0].to_write.insert(id, bytes(7, length));
    pair.run_until(Duration::from_secs(seconds), |_| false);
    let heard = pair.ends[1].heard.get(&id).map_or(0, Vec::len) as f64;
    let way = &pair.ways[0];
    let mbit = heard * 8.0 / 1e6 / seconds as f64;
    let cost = (way.sent_bytes - before) as f64 / heard;
    println!(
        "{mbit:.1} Mbit/s, cost {cost:.3}, sent {} lost {} over {} {:?} model {:?}",
        way.sent_packets,
        way.lost,
        way.overflowed,
        pair.ends[0].transport.counts(),
        pair.ends[0].transport.path_model()
    );
    (mbit, cost)
}

fn mbit(rate: u64) -> u64 {
    rate * 1_000_000 / 8
}

#[test]
fn table() {
    for loss in [0.0, 0.01, 0.05, 0.1, 0.2, 0.3] {
        print!("100M 50ms loss {loss}: ");
        bulk(1, Path { rtt: 50 * MS, rate: mbit(100), loss, ..Path::default() }, 8);
    }
    for loss in [0.01, 0.05, 0.1, 0.2, 0.3] {
        print!("100M 50ms burst 8 loss {loss}: ");
        bulk(1, Path { rtt: 50 * MS, rate: mbit(100), loss, burst: 8.0, ..Path::default() }, 8);
    }
    for loss in [0.0, 0.05, 0.2] {
        print!("10M 200ms loss {loss}: ");
        bulk(1, Path { rtt: 200 * MS, rate: mbit(10), loss, ..Path::default() }, 8);
    }
    for loss in [0.0, 0.02] {
        print!("20M 750ms loss {loss}: ");
        bulk(1, Path { rtt: 750 * MS, rate: mbit(20), loss, queue: 750 * MS, ..Path::default() }, 30);
    }
    for loss in [0.0, 0.02] {
        print!("100M 50ms jitter 20 loss {loss}: ");
        bulk(1, Path { rtt: 50 * MS, rate: mbit(100), loss, jitter: 20 * MS, ..Path::default() }, 8);
    }
    for loss in [0.0, 0.01] {
        print!("100M 50ms queue 5 loss {loss}: ");
        bulk(1, Path { rtt: 50 * MS, rate: mbit(100), loss, queue: 5 * MS, ..Path::default() }, 8);
    }
}

#[test]
fn trace() {
    let var = |name: &str, or: f64| std::env::var(name).ok().map_or(or, |v| v.parse::<f64>().unwrap());
    if std::env::var("TRACE").is_err() { return; }
    let ms = |v: f64| Duration::from_secs_f64(v / 1e3);
    let path = Path { rtt: ms(var("RTT", 50.0)), rate: (var("RATE", 100.0) * 125_000.0) as u64, loss: var("LOSS", 0.0), burst: var("BURST", 1.0), jitter: ms(var("JITTER", 0.0)), queue: ms(var("QUEUE", 100.0)), ..Path::default() };
    let mut pair = Pair::new(var("SEED", 1.0) as u64, path);
    pair.warm();
    let id = pair.open(0);
    let seconds = var("DUR", 8.0);
    pair.ends[0].to_write.insert(id, bytes(7, (pair.path.rate as f64 * seconds * 2.0) as usize));
    let step = var("STEP", 250.0);
    let mut before = 0;
    for tick in 0..(seconds * 1e3 / step) as u32 {
        pair.run_until(ms(step), |_| false);
        let heard = pair.ends[1].heard.get(&id).map_or(0, Vec::len);
        println!("echo {:6.2} good {:6.1} over {} {}", f64::from(tick + 1) * step / 1e3, (heard - before) as f64 * 8.0 / 1e3 / step, pair.ways[0].overflowed, pair.ends[0].transport.describe());
        before = heard;
    }
}

/// Round trips of 64 bytes every 10 ms for `seconds`, sorted, in milliseconds; beside a bulk stream if `bulk`.
fn echoes(seed: u64, path: Path, seconds: u32, bulk: bool) -> Vec<f64> {
    let mut pair = Pair::new(seed, path);
    pair.warm();
    let id = pair.open(0);
    if bulk {
        let other = pair.open(0);
        pair.ends[0].to_write.insert(other, bytes(7, usize::try_from(pair.path.rate).unwrap() * seconds as usize * 2));
        pair.run_until(Duration::from_secs(2), |_| false);
    }
    let (mut sent, mut times, mut echoed) = (Vec::new(), Vec::new(), 0);
    for tick in 0..seconds * 4_000 {
        let now = pair.now;
        if tick % 40 == 0 {
            pair.ends[0].transport.write(now, id, &[7; 64]);
            sent.push(now);
        }
        let there = pair.ends[1].heard.get(&id).map_or(0, Vec::len);
        pair.ends[1].transport.write(now, id, &vec![7; there - echoed]);
        echoed = there;
        pair.run_until(Duration::from_micros(250), |_| false);
        while times.len() < pair.ends[0].heard[&id].len() / 64 {
            times.push((pair.now - sent[times.len()]).as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    times
}

#[test]
fn thin() {
    for (loss, bulk) in [(0.0, false), (0.01, false), (0.05, false), (0.2, false), (0.05, true), (0.2, true), (0.0, true)] {
        let queue = if loss > 0.0 { 100 * MS } else { 500 * MS };
        let times = echoes(3, Path { rtt: 50 * MS, rate: mbit(100), loss, queue, ..Path::default() }, 20, bulk);
        let at = |share: f64| times[(share * times.len() as f64) as usize];
        println!("echo loss {loss} bulk {bulk}: {} p50 {:.1} p95 {:.1} p99 {:.1} p99.9 {:.1}", times.len(), at(0.5), at(0.95), at(0.99), at(0.999));
    }
}
