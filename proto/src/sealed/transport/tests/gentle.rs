//! What a bulk stream does to others on its path, and to itself: shares of a bottleneck, what it drops.

use super::MS;
use super::pair::{Pair, bytes};
use super::rivals::{Kind, Rival};
use super::speed::mbit;
use crate::sealed::wire::frame::StreamId;
use crate::sim::{Marking, Path};
use crate::time::Time;
use std::time::Duration;

/// Bulk streams of links, and other flows, at one bottleneck.
struct Crossing {
    pairs: Vec<(Pair, StreamId)>,
    rivals: Vec<Rival>,
}

impl Crossing {
    /// `links` links on one path, up and idle.
    fn new(path: &Path, links: u64) -> Self {
        Self::seeded(path, links, 1)
    }

    /// The same, with the chance of `seed`.
    fn seeded(path: &Path, links: u64, seed: u64) -> Self {
        let mut pairs: Vec<(Pair, StreamId)> = (seed..seed + links)
            .map(|seed| {
                let mut pair = Pair::on(seed, path.clone());
                pair.warm();
                let id = pair.open(0);
                (pair, id)
            })
            .collect();
        let shared = pairs[0].0.network.ways[0].bottleneck.clone();
        let latest = pairs.iter().map(|(pair, _)| pair.now).max().unwrap() + MS;
        for (pair, _) in &mut pairs {
            pair.run_until(latest.since(pair.now), |_| false);
            pair.network.ways[0].bottleneck = shared.clone();
        }
        Self { pairs, rivals: Vec::new() }
    }

    fn now(&self) -> Time {
        self.pairs[0].0.now
    }

    fn begin(&mut self, at: usize, seconds: u64) {
        let (pair, id) = &mut self.pairs[at];
        pair.client
            .to_write
            .insert(*id, bytes(7, usize::try_from(pair.network.ways[0].path.rate * seconds).unwrap()));
        pair.run_until(Duration::ZERO, |_| false);
    }

    fn join(&mut self, kind: Kind) {
        let pair = &self.pairs[0].0;
        let bottleneck = pair.network.ways[0].bottleneck.clone();
        self.rivals.push(Rival::new(kind, pair.now, pair.network.ways[0].path.clone(), bottleneck));
    }

    /// Everybody does what is due, in the order of time.
    fn run(&mut self, seconds: u64) {
        self.run_for(Duration::from_secs(seconds));
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now() + time;
        loop {
            let pairs = self.pairs.iter().map(|(pair, _)| pair.next());
            let next = pairs.chain(self.rivals.iter().map(Rival::next)).min().unwrap().min(end);
            for (pair, _) in &mut self.pairs {
                if pair.next() <= next || next == end {
                    pair.run_until(next.since(pair.now), |_| false);
                }
            }
            self.rivals.iter_mut().filter(|rival| rival.next() <= next).for_each(|rival| rival.step(next));
            if next == end {
                return;
            }
        }
    }

    /// Bytes that arrived, links first.
    fn heard(&self) -> Vec<u64> {
        let pairs = self.pairs.iter().map(|(pair, id)| pair.server.heard.get(id).map_or(0, Vec::len) as u64);
        pairs.chain(self.rivals.iter().map(Rival::heard)).collect()
    }

    /// The share of each in what arrives in the next `seconds`.
    fn shares(&mut self, seconds: u64) -> Vec<f64> {
        let before = self.heard();
        self.run(seconds);
        let got: Vec<f64> =
            self.heard().iter().zip(&before).map(|(after, before)| (after - before) as f64).collect();
        let all: f64 = got.iter().sum();
        println!("{:.1} Mbit/s in all", all * 8e-6 / seconds as f64);
        got.iter().map(|part| part / all).collect()
    }
}

fn path() -> Path {
    Path { delay: 25 * MS, rate: mbit(40), ..Path::default() }
}

/// Our share beside one flow of this kind, over 30 s. Chance decides who of the two begins first, and how much later the other does.
fn share_beside(kind: Kind, seed: u64, path: &Path) -> f64 {
    let mut crossing = Crossing::seeded(path, 1, seed);
    let between = MS * u32::try_from(seed * 7_919 % 300).unwrap();
    if seed.is_multiple_of(2) {
        crossing.join(kind);
        crossing.run_for(between);
        crossing.begin(0, 31);
    } else {
        crossing.begin(0, 31);
        crossing.run_for(between);
        crossing.join(kind);
    }
    crossing.shares(30)[0]
}

/// Both sides have at least `least` with each seed; `docs/congestion.md` has the shares with twenty.
fn each_side_gets(least: f64, kind: Kind) {
    for (mbits, seeds) in [(40, 10), (100, 3)] {
        let path = Path { rate: mbit(mbits), ..path() };
        let shares = (1..=seeds).map(|seed| (share_beside(kind, seed, &path), seed));
        let mut shares: Vec<_> = shares.collect();
        shares.sort_by(|one, other| one.0.total_cmp(&other.0));
        println!("beside {kind:?} at {mbits} Mbit/s: {shares:.2?}");
        let unfair: Vec<_> =
            shares.iter().filter(|(share, _)| !(least..=1.0 - least).contains(share)).collect();
        assert!(unfair.is_empty(), "{kind:?} at {mbits} Mbit/s: (our share, seed) {unfair:.3?}");
    }
}

#[test]
fn beside_cubic_each_side_gets_a_third() {
    each_side_gets(0.34, Kind::Cubic);
}

#[test]
fn beside_bbr_each_side_gets_a_third() {
    each_side_gets(0.3, Kind::Bbr);
}

#[test]
fn beside_reno_each_side_gets_a_third() {
    each_side_gets(0.3, Kind::Reno);
}

#[test]
fn two_links_share_alike() {
    for later in [0, 5] {
        // What is dropped is chance, and the same chance for both: of twelve paths one drops 0.2 %, another 6.
        let mut dropped = 0.0;
        for rtt in [46, 49, 52, 55] {
            let mut crossing = Crossing::new(&Path { delay: rtt * MS / 2, ..path() }, 2);
            crossing.begin(0, 35);
            crossing.run(later);
            crossing.begin(1, 35);
            let shares = crossing.shares(30);
            let ways = crossing.pairs.iter().map(|(pair, _)| &pair.network.ways[0]);
            dropped +=
                ways.map(|way| way.counts.overflowed as f64 / way.counts.packets as f64).sum::<f64>() / 8.0;
            assert!(shares.iter().all(|share| *share >= 0.4), "{later} s later, {rtt} ms: {shares:?}");
        }
        println!("{later} s later: dropped {dropped:.3}");
        assert!(dropped <= 0.04, "{later} s later: {dropped} dropped");
    }
}

#[test]
fn two_links_share_a_queue_that_marks_and_it_drops_nothing() {
    for later in [0, 5] {
        let marking = Marking::Queue(5 * MS);
        let mut crossing = Crossing::new(&Path { marking, queue: 200 * MS, ..path() }, 2);
        crossing.begin(0, 40);
        crossing.run(later);
        crossing.begin(1, 40);
        let shares = crossing.shares(30);
        println!("{later} s later: {shares:.2?}");
        assert!(shares.iter().all(|share| *share >= 0.35), "{later} s later: {shares:?}");
        let dropped: u64 =
            crossing.pairs.iter().map(|(pair, _)| pair.network.ways[0].counts.overflowed).sum();
        assert_eq!(dropped, 0, "{later} s later");
    }
}

/// The share of the packets sent in `seconds` that the bottleneck drops, after `settle` seconds; and Mbit/s.
fn dropped(path: Path, settle: u64, seconds: u64) -> (f64, f64) {
    let mut crossing = Crossing::new(&path, 1);
    crossing.begin(0, settle + seconds + 1);
    crossing.run(settle);
    let before = (
        crossing.pairs[0].0.network.ways[0].counts.overflowed,
        crossing.pairs[0].0.network.ways[0].counts.packets,
    );
    let heard = crossing.heard()[0];
    crossing.run(seconds);
    let way = &crossing.pairs[0].0.network.ways[0];
    let dropped = (way.counts.overflowed - before.0) as f64 / (way.counts.packets - before.1) as f64;
    (dropped, (crossing.heard()[0] - heard) as f64 * 8e-6 / seconds as f64)
}

#[test]
fn a_policer_is_obeyed() {
    for (name, loss, bucket) in
        [("bucket 25 ms", 0.0, 50_000), ("bucket 100 ms", 0.0, 200_000), ("and 2 % of loss", 0.02, 50_000)]
    {
        let policed = Path { rate: mbit(100), policed: mbit(16), bucket, loss, ..path() };
        let (share, rate) = dropped(policed, 5, 10);
        println!("policer of 16 Mbit/s, {name}: {:.1} % dropped, {rate:.1} Mbit/s", share * 100.0);
        assert!(share <= 0.15, "{name}: {share}");
        assert!(rate >= 16.0 * 0.8, "{name}: {rate} Mbit/s");
    }
}

#[test]
fn a_full_queue_is_obeyed() {
    for queue in [2, 5, 20, 500] {
        let (share, rate) = dropped(Path { queue: MS * queue, ..path() }, 3, 8);
        println!("queue of {queue} ms: {:.1} % dropped, {rate:.1} Mbit/s", share * 100.0);
        assert!(share <= 0.15, "{queue} ms: {share}");
        assert!(rate >= 40.0 * 0.8, "{queue} ms: {rate} Mbit/s");
    }
}
