//! Paths that hold much: a gigabit over 100 and 300 ms, and one whose rate and delay change every 15 seconds, as over satellites
//! that fly low.

use super::MS;
use super::pair::Pair;
use super::speed::mbit;
use crate::sealed::streams::budget::Budget;
use crate::sealed::transport::Settings;
use crate::sealed::wire::frame::StreamId;
use crate::sim::{Dice, Path};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A warm link alone in a proxy2 with so much memory: its ticket has half of it, and its link (`--memory`).
fn begin(seed: u64, path: Path, memory: u64) -> (Pair, StreamId) {
    let mut pair = Pair::with(seed, path, Settings { memory: memory / 2, ..Settings::default() });
    pair.server.transport.join(&Budget::new(memory).part());
    pair.warm();
    let id = pair.open(0);
    (pair, id)
}

/// Mbit/s over the next `time`.
fn rate(pair: &mut Pair, id: StreamId, time: Duration) -> f64 {
    pair.pump(id, time) as f64 * 8e-6 / time.as_secs_f64()
}

/// A gigabit a second fills after start-up, which takes so many seconds, with this much memory at proxy2.
fn fills_a_gigabit(rtt: u32, start: u32, memory: u64) {
    for loss in [0.0, 0.01] {
        let path = Path { delay: rtt * MS / 2, rate: mbit(1_000), loss, ..Path::default() };
        let (mut pair, id) = begin(1, path, memory);
        let first = rate(&mut pair, id, SECOND * start);
        let rate = rate(&mut pair, id, SECOND * 4);
        let way = &pair.network.ways[0].counts;
        let held = pair.client.peak_memory.max(pair.server.peak_memory) >> 20;
        println!(
            "1,000 Mbit/s, {rtt} ms, loss {loss}, --memory {} MiB: {first:.0}, then {rate:.0} Mbit/s, {:.3} overflow, {held} MiB",
            memory >> 20,
            way.overflowed as f64 / way.packets as f64
        );
        assert!(rate >= 850.0, "{rtt} ms, loss {loss}: {rate} Mbit/s");
    }
}

#[test]
fn a_gigabit_over_a_tenth_of_a_second_fills_with_the_memory_there_is() {
    fills_a_gigabit(100, 4, 256 << 20);
}

#[test]
fn a_gigabit_over_a_third_of_a_second_fills_with_a_gibibyte() {
    fills_a_gigabit(300, 4, 1 << 30);
}

/// A gigabit at 300 ms between hosts that look each 3 ms at the most, and now and then sleep for 10 to 30: Mbit/s, and the share that is dropped, of
/// seconds 4 to 9.
fn between_busy_hosts(seed: u64) -> (f64, f64) {
    let path = Path { delay: 150 * MS, rate: mbit(1_000), ..Path::default() };
    let (mut pair, id) = begin(seed, path, 1 << 30);
    let mut dice = Dice::new(seed);
    let mut pump = |pair: &mut Pair, seconds: u32| {
        let (end, mut arrived) = (pair.now + SECOND * seconds, 0);
        while pair.now < end {
            let nap = if dice.chance(0.02) { 10.0 + 20.0 * dice.uniform() } else { 3.0 * dice.uniform() };
            pair.nap = MS.mul_f64(nap);
            arrived += pair.pump(id, (5 * MS).max(pair.nap));
        }
        arrived
    };
    pump(&mut pair, 3);
    let counts = |pair: &Pair| (pair.network.ways[0].counts.overflowed, pair.network.ways[0].counts.packets);
    let (overflowed, packets) = counts(&pair);
    let arrived = pump(&mut pair, 6);
    let (then_overflowed, then_packets) = counts(&pair);
    let dropped = (then_overflowed - overflowed) as f64 / (then_packets - packets) as f64;
    (arrived as f64 * 8e-6 / 6.0, dropped)
}

#[test]
fn busy_hosts_fill_a_long_path_and_do_not_overflow_it() {
    let runs: Vec<(f64, f64)> = (2..=4).map(between_busy_hosts).collect();
    println!("Mbit/s and share dropped: {runs:.3?}");
    let mean = |which: fn(&(f64, f64)) -> f64| runs.iter().map(which).sum::<f64>() / runs.len() as f64;
    assert!(mean(|run| run.0) >= 870.0 && mean(|run| run.1) <= 0.01, "seeds 2 to 4: {runs:.3?}");
}

/// Mbit/s and round trips in milliseconds, each for 15 seconds.
const HANDOVERS: [(u64, u32); 6] = [(100, 40), (250, 20), (50, 80), (200, 60), (80, 30), (150, 50)];

#[test]
fn a_path_that_changes_every_fifteen_seconds_is_followed() {
    let all: u64 = HANDOVERS.iter().map(|(rate, _)| rate).sum();
    let mean = all as f64 / HANDOVERS.len() as f64;
    for seed in 1..=3 {
        let path = Path { delay: 20 * MS, rate: mbit(100), loss: 0.01, ..Path::default() };
        let (mut pair, id) = begin(seed, path, 256 << 20);
        let mut sum = 0.0;
        for (mbits, rtt) in HANDOVERS {
            pair.network.change(|path| (path.rate, path.delay) = (mbit(mbits), rtt * MS / 2));
            sum += rate(&mut pair, id, SECOND * 15);
        }
        let rate = sum / HANDOVERS.len() as f64;
        let way = &pair.network.ways[0].counts;
        let dropped = way.overflowed as f64 / way.packets as f64;
        println!("seed {seed}: {rate:.1} of {mean:.1} Mbit/s ({:.3}), {dropped:.4} dropped", rate / mean);
        assert!(rate >= mean * 0.915, "seed {seed}: {rate:.1} of {mean:.1} Mbit/s");
    }
}
