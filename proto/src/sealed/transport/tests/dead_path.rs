//! What a path that died costs, and how soon it is found to be back.

use super::MS;
use super::pair::Pair;
use crate::sim::Path;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A pair whose path has a round trip of `rtt` and dies for an hour just before a few bytes are written.
fn waiting(rtt: Duration) -> Pair {
    let mut pair = Pair::on(7, Path { delay: rtt / 2, rate: 12_500_000, ..Path::default() });
    pair.warm();
    pair.network.change(|path| path.outages = vec![pair.now..pair.now + 3_600 * SECOND]);
    let id = pair.open(0);
    pair.client.transport.write(pair.now, id, b"hola");
    pair
}

#[test]
fn few_packets_go_into_the_dark_whatever_the_round_trip() {
    for rtt in [1, 10, 50, 200].map(|ms| MS * ms) {
        let mut pair = waiting(rtt);
        let mut sent = || {
            let before = pair.network.ways[0].counts.packets;
            pair.run_until(10 * SECOND, |_| false);
            pair.network.ways[0].counts.packets - before
        };
        let (first, second) = (sent(), sent());
        assert!(first <= 80, "{first} packets in the first 10 s at {rtt:?}");
        assert!((18..=22).contains(&second), "{second} packets in the next 10 s at {rtt:?}: two a second");
    }
}

#[test]
fn the_bytes_arrive_within_about_a_second_of_the_return() {
    for dark in [3, 30, 600, 36_000] {
        let mut pair = waiting(10 * MS);
        let back = pair.now + dark * SECOND;
        pair.network.change(|path| path.outages = vec![pair.now..back]);
        pair.run_until(dark * SECOND, |_| false);
        let heard = |pair: &Pair| pair.server.heard.values().any(|bytes| bytes == b"hola");
        assert!(pair.run_until(SECOND + 30 * MS, heard), "dark for {dark} s");
    }
}
