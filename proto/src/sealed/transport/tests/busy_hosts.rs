//! Hosts that have much else to do: what arrived is looked at seldom, and acknowledged all at once.

use super::MS;
use super::pair::{Pair, bytes};
use crate::sim::Path;
use std::time::Duration;

#[test]
fn who_is_seldom_asked_sends_the_more_at_once() {
    let mut pair = Pair::on(8, Path { delay: MS / 2, ..Path::default() });
    pair.warm();
    pair.nap = 40 * MS;
    let id = pair.open(0);
    pair.client.to_write.insert(id, bytes(id.0, 20_000_000));
    pair.run_until(Duration::from_secs(6), |_| false);
    let before = pair.server.heard[&id].len();
    pair.run_until(Duration::from_secs(2), |_| false);
    // Half of two full batches each time both have looked; 16 packets would make half a megabyte.
    let arrived = pair.server.heard[&id].len() - before;
    assert!(arrived > 1_600_000, "{arrived} bytes in two seconds");
    assert_eq!(pair.client.transport.counts().lost, 0);
}

/// Bytes that arrive in a hundred turns of 0.4 s, after as many, on a path of 1 ms whose hosts look five times a second, now and then by
/// chance twice in a row. The sender says how long it waits if it is `honest`.
fn arrives_in_turns(honest: bool) -> usize {
    const NAP: Duration = Duration::from_millis(200);
    let mut pair = Pair::on(9, Path { delay: MS / 2, ..Path::default() });
    pair.warm();
    let id = pair.open(0);
    pair.client.to_write.insert(id, bytes(id.0, 40_000_000));
    let mut turns = |count: u32| {
        for turn in 0..count {
            pair.nap = if turn % 20 == 0 { MS } else { NAP };
            pair.run_until(pair.nap * 2, |_| false);
            if honest {
                pair.client.transport.on_turn(pair.now, NAP);
            }
        }
        pair.server.heard[&id].len()
    };
    let before = turns(100);
    turns(100) - before
}

#[test]
fn who_waits_for_its_turn_and_says_so_is_not_left_with_the_least_window() {
    let (silent, honest) = (arrives_in_turns(false), arrives_in_turns(true));
    assert!(honest > 4 * silent, "{honest} bytes, {silent} without saying so");
    // Two full batches each time both have looked.
    assert!(honest > 95 * 100_000, "{honest} bytes in a hundred turns");
}
