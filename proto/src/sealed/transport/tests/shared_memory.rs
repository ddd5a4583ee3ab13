//! A link whose process has given all the memory that its links share to others: the floor that it keeps is enough.

use super::pair::Pair;
use super::{MS, packet};
use crate::sealed::streams::budget::{Budget, FLOOR};
use crate::sealed::streams::table::Side;
use crate::sealed::transport::{Settings, Transport};
use crate::sealed::wire::frame::Frame;
use crate::sim::Path;
use crate::time::Time;

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
    let mut pair = Pair::with(3, Path { delay: 10 * MS, loss: 0.01, ..Path::default() }, settings);
    pair.server.transport.join(&ticket);
    pair.transfer_both_ways(8, 100_000);
    pair.assert_empty();
    drop(idle);
}

#[test]
fn what_is_kept_for_reuse_counts_and_goes_back_when_a_link_is_quiet() {
    let mut pair = Pair::on(5, Path { delay: 10 * MS, ..Path::default() });
    let idle = pair.open(0);
    pair.transfer_both_ways(1, 3_000_000);
    let kept = |pair: &Pair| {
        pair.ends().map(|end| {
            end.transport.check_accounts();
            let pools = &end.transport.streams.pools;
            (pools.send.spare(), pools.recv.spare())
        })
    };
    let early = pair.open(0);
    pair.client.to_write.insert(early, vec![1; 300_000]);
    pair.run_until(1_000 * MS, |pair| kept(pair).iter().any(|(send, _)| *send > 0));
    assert!(
        kept(&pair).iter().any(|(send, recv)| send + recv > 0),
        "nothing is kept while it carries something"
    );
    pair.run_until(2_000 * MS, |_| false);
    // What a link sends to keep its path open.
    pair.client.transport.probe();
    pair.run_until(1_000 * MS, |_| false);
    assert_eq!(kept(&pair), [(0, 0); 2], "with {idle} and {early} still open");
}

#[test]
fn memory_that_is_kept_for_reuse_lets_nobody_write_more_than_there_is() {
    let (now, budget) = (Time::ZERO + MS, Budget::new(FLOOR));
    let mut transport =
        Transport::new(Side::Client, Settings { link_credit: 2 << 10, ..Settings::default() });
    transport.join(&budget);
    transport.set_peer_limits(&Transport::limits(&Settings::default()));
    let id = transport.open(b"").unwrap();
    transport.poll_packet(now, &mut [0; 1_500]).expect("the frame that opens it");
    let credit = Frame::Credit { id, end: 1 << 30 };
    transport.handle_packet(now, 0, &packet(&[credit])).unwrap();
    for _ in 0..10_000 {
        let room = transport.poll_room(now, id).min(2_000);
        if room > 0 {
            transport.write(now, id, &vec![7; room]);
        }
        while transport.poll_packet(now, &mut [0; 1_500]).is_some() {}
        transport.check_accounts();
    }
    assert!(transport.memory() as u64 <= FLOOR, "{} bytes", transport.memory());
}
