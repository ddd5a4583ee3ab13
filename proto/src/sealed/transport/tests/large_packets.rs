//! Whether packets stay as large as the path carries them.

use super::MS;
use super::pair::{Pair, bytes};
use crate::sim::Path;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A path that dies `after` so long for `dead`.
fn dies(after: Duration, dead: Duration) -> Pair {
    let mut pair = Pair::on(6, Path { delay: 20 * MS, rate: 1_000_000, ..Path::default() });
    pair.network.change(|path| path.outages = vec![pair.now + after..pair.now + after + dead]);
    pair
}

/// A stream says 100 bytes every `tick` for `time`; whether all packets were at least so large all the time.
fn talk(pair: &mut Pair, tick: Duration, time: Duration, least: u16) -> bool {
    let (id, end) = (pair.open(0), pair.now + time);
    let mut large = true;
    while pair.now < end {
        pair.client.transport.write(pair.now, id, &[7; 100]);
        pair.run_until(tick, |_| false);
        large &= pair.client.transport.mtu() >= least;
    }
    large
}

/// The packet that tries a larger size goes before others, and is the oldest in flight when the path dies.
#[test]
fn a_search_that_a_dead_path_interrupts_goes_on_when_it_returns() {
    for after in (5..300).step_by(5) {
        let mut pair = dies(MS * after, 30 * SECOND);
        talk(&mut pair, 30 * MS, 40 * SECOND, 0);
        let mtu = pair.client.transport.mtu();
        assert!(mtu >= 1_452, "dead after {after} ms: packets of {mtu} bytes");
    }
}

/// When the path returns, small packets arrive first, and all the large ones in flight are found to be lost.
#[test]
fn large_packets_lost_with_the_path_are_no_reason_for_small_ones() {
    for dead in [300, 1_000, 30_000] {
        let mut pair = dies(2 * SECOND, MS * dead);
        let bulk = pair.open(0);
        pair.client.to_write.insert(bulk, bytes(bulk.0, 6_000_000));
        talk(&mut pair, 10 * MS, 2 * SECOND, 0);
        assert!(pair.client.transport.mtu() >= 1_452);
        let large = talk(&mut pair, 10 * MS, MS * dead + 3 * SECOND, 1_452);
        assert!(large, "small packets after a death of {dead} ms");
    }
}

/// A path MTU of 576, a filter for datagrams above 1,000 bytes, and a path between: all from the start.
#[test]
fn paths_that_do_not_carry_the_smallest_size_of_others_carry_everything() {
    for (mtu, least) in [(548, 508), (1_000, 972), (1_172, 1_072)] {
        let mut pair = Pair::on(8, Path { delay: 25 * MS, rate: 1_000_000, mtu, ..Path::default() });
        let begun = pair.now;
        pair.transfer_both_ways(2, 1_000_000);
        // At 8 Mbit/s the bytes alone take two seconds and a half.
        assert!(pair.now - begun <= 8 * SECOND, "{:?} with packets of up to {mtu} bytes", pair.now - begun);
        pair.assert_empty();
        assert!(pair.ends().iter().all(|end| end.transport.mtu() >= least), "up to {mtu} bytes");
    }
}

#[test]
fn a_path_that_carries_less_in_the_middle_of_a_transfer_is_noticed() {
    for mtu in [1_172, 1_072, 548] {
        let mut pair = Pair::on(9, Path { delay: 20 * MS, rate: 1_000_000, ..Path::default() });
        let bulk = pair.open(0);
        pair.client.to_write.insert(bulk, bytes(bulk.0, 8_000_000));
        pair.run_until(3 * SECOND, |_| false);
        pair.network.change(|path| path.mtu = mtu);
        let (before, changed) = (pair.server.heard[&bulk].len(), pair.now);
        let goes_on = pair.run_until(20 * SECOND, |pair| pair.server.heard[&bulk].len() > before + 100_000);
        let took = pair.now - changed;
        assert!(goes_on && took <= 6 * SECOND, "{took:?} with packets of up to {mtu} bytes");
    }
}
