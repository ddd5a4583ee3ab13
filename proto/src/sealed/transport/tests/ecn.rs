//! Paths that mark packets, and paths that do something else to the bits that say so.

use super::MS;
use super::pair::{Pair, bytes};
use super::speed::mbit;
use crate::sealed::wire::ecn::Ecn;
use crate::sim::{Marking, Path};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn path(marking: Marking) -> Path {
    Path { delay: 25 * MS, rate: mbit(20), queue: 500 * MS, marking, ..Path::default() }
}

/// A pair that has sent for `seconds` what takes longer.
fn busy(path: Path, seconds: u32) -> Pair {
    let mut pair = Pair::on(3, path);
    pair.warm();
    let id = pair.open(0);
    pair.client.to_write.insert(id, bytes(7, 100_000_000));
    pair.run_for(SECOND * seconds);
    pair
}

/// Mbit/s that arrive in the next `seconds`.
fn rate(pair: &mut Pair, seconds: u32) -> f64 {
    let heard = |pair: &Pair| pair.server.heard.values().map(Vec::len).sum::<usize>();
    let before = heard(pair);
    pair.run_for(SECOND * seconds);
    (heard(pair) - before) as f64 * 8e-6 / f64::from(seconds)
}

fn keeps_ecn(pair: &Pair) -> bool {
    pair.client.transport.path_figures().keeps_ecn
}

#[test]
fn a_path_that_keeps_the_bits_is_found_and_nothing_slows_down() {
    let mut pair = busy(path(Marking::Keep), 2);
    assert!(keeps_ecn(&pair));
    assert!(rate(&mut pair, 3) >= 18.5);
    assert_eq!(pair.client.transport.counts().marked, 0);
}

#[test]
fn a_queue_that_marks_stays_short_and_drops_nothing() {
    // 2 ms are three packets: no window fills the path and never meets so many.
    for (threshold, least) in [(2, 10.0), (5, 14.0), (20, 18.0), (50, 18.0)] {
        let mut pair = busy(path(Marking::Queue(MS * threshold)), 2);
        assert!(keeps_ecn(&pair), "{threshold} ms");
        let got = rate(&mut pair, 8);
        let (way, marked) = (&pair.network.ways[0], pair.client.transport.counts().marked);
        println!("marked from {threshold} ms on: {got:.1} Mbit/s, {marked} of {} marked", way.counts.packets);
        assert!(got >= least, "{threshold} ms: {got} Mbit/s");
        assert!(marked > 0, "{threshold} ms: the marks were not heard");
        assert_eq!(way.counts.overflowed, 0, "{threshold} ms");
    }
}

#[test]
fn a_path_that_spoils_the_bits_is_as_fast_as_one_without() {
    let all = [Marking::Clear, Marking::Drop, Marking::Set(Ecn::LowLatency), Marking::Set(Ecn::Congested)];
    for marking in all {
        let mut pair = busy(path(marking), 3);
        assert!(!keeps_ecn(&pair), "{marking:?}");
        let got = rate(&mut pair, 5);
        assert!(got >= 18.0, "{marking:?}: {got} Mbit/s");
    }
}

#[test]
fn a_path_that_begins_to_spoil_them_is_found_out() {
    for marking in [Marking::Clear, Marking::Drop] {
        let mut pair = busy(path(Marking::Keep), 2);
        assert!(keeps_ecn(&pair), "before {marking:?}");
        pair.network.change(|path| path.marking = marking);
        pair.run_for(SECOND * 4);
        assert!(!keeps_ecn(&pair), "{marking:?}");
        let got = rate(&mut pair, 5);
        assert!(got >= 18.0, "{marking:?}: {got} Mbit/s");
    }
}

#[test]
fn every_byte_arrives_whatever_becomes_of_the_bits() {
    let all = [Marking::Queue(MS), Marking::Clear, Marking::Drop, Marking::Set(Ecn::Congested)];
    for (seed, marking) in (0..).zip(all.into_iter().cycle().take(24)) {
        let loss = f64::from(seed % 3) * 0.1;
        println!("seed {seed}, {marking:?}");
        let jitter = if seed % 2 == 0 { 15 * MS } else { Duration::ZERO };
        let mut pair = Pair::on(u64::from(seed as u32), Path { loss, jitter, ..path(marking) });
        pair.transfer_both_ways(3, 100_000);
        pair.assert_empty();
    }
}
