//! A link whose process has given all the memory that its links share to others: the floor that it keeps is enough.

use super::MS;
use super::network::Path;
use super::pair::Pair;
use crate::sealed::budget::Budget;
use crate::sealed::streams::Side;
use crate::sealed::transport::{Settings, Transport};

#[test]
fn a_link_carries_streams_beside_a_thousand_idle_ones_that_hold_all_memory() {
    let settings = Settings { memory: 1 << 20, link_credit: 2 << 10, ..Settings::default() };
    let budget = Budget::new(2 << 20);
    let ticket = budget.part();
    let idle = |_| {
        let mut transport = Transport::new(Side::Server, settings);
        transport.join(&ticket);
        transport
    };
    let idle: Vec<_> = (0..1_024).map(idle).collect();
    assert_eq!(budget.used(), 2 << 20);
    let mut pair = Pair::with(3, Path { rtt: 20 * MS, loss: 0.01, ..Path::default() }, settings);
    pair.ends[1].transport.join(&ticket);
    pair.transfer_both_ways(8, 100_000);
    pair.assert_empty();
    drop(idle);
}
