//! What a transport shows of itself.

use super::MS;
use super::pair::{Pair, bytes};
use super::speed::mbit;
use crate::sealed::transport::figures::{Limit, Stage};
use crate::sim::Path;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn pair(path: Path) -> Pair {
    let mut pair = Pair::on(7, Path { delay: 25 * MS, rate: mbit(10), ..path });
    pair.warm();
    pair
}

#[test]
fn bulk_shows_the_path_and_that_it_is_the_limit() {
    let mut pair = pair(Path::default());
    let id = pair.open(0);
    pair.client.to_write.insert(id, bytes(1, 4_000_000));
    pair.run_until(2 * SECOND, |_| false);
    let path = pair.client.transport.path_figures();
    let round_trip = path.round_trip.expect("it was warm");
    assert!(round_trip.lowest >= 50 * MS && round_trip.lowest <= round_trip.smoothed, "{path:?}");
    assert!((mbit(9)..=mbit(11)).contains(&path.rate), "{path:?}");
    assert!(path.in_flight > 0 && path.in_flight <= path.window + 2_000, "{path:?}");
    assert_eq!((path.limit, path.datagram), (Limit::Congestion, pair.client.transport.mtu()));
    let stream = pair.client.transport.figures_of(id).expect("it is open");
    assert_eq!((stream.stage, stream.is_ours, stream.is_flow), (Stage::Open, true, false));
    assert!(stream.queued >= path.in_flight / 2 && stream.limit == Limit::Congestion, "{stream:?}");
    let theirs = pair.server.transport.figures_of(id).expect("it is open");
    assert_eq!((theirs.is_ours, theirs.queued, theirs.limit), (false, 0, Limit::Application));
}

#[test]
fn a_stuck_reader_shows_on_both_sides() {
    let mut pair = pair(Path::default());
    let id = pair.open(0);
    pair.server.stuck.insert(id);
    pair.client.to_write.insert(id, bytes(1, 4_000_000));
    pair.run_until(5 * SECOND, |_| false);
    let [writes, reads] = pair.ends().map(|end| end.transport.figures_of(id).expect("it is open"));
    assert_eq!(writes.limit, Limit::PeerCredit, "{writes:?}");
    assert_eq!(pair.client.transport.path_figures().limit, Limit::PeerCredit);
    assert!(reads.unread > 10_000 && writes.unread == 0, "{reads:?}");
}

#[test]
fn losses_and_what_went_again_are_counted() {
    let mut pair = pair(Path { loss: 0.05, ..Path::default() });
    let before = pair.client.transport.path_figures().counts;
    pair.transfer_both_ways(1, 2_000_000);
    let counts = pair.client.transport.path_figures().counts;
    let [sent, lost] = [counts.sent - before.sent, counts.lost - before.lost];
    let [data, again] = [counts.data_bytes - before.data_bytes, counts.resent_bytes - before.resent_bytes];
    assert_eq!(data - again, 2_000_000);
    assert!((sent / 40..sent / 12).contains(&lost), "{lost} of {sent}");
    assert!((data / 40..data / 12).contains(&again), "{again} of {data}");
    assert!(counts.bytes > counts.data_bytes);
}

#[test]
fn a_dead_path_shows_since_when_it_is_silent() {
    let mut pair = pair(Path::default());
    let id = pair.open(0);
    pair.run_until(SECOND, |_| false);
    assert_eq!(pair.client.transport.path_figures().limit, Limit::Application);
    let died = pair.now;
    pair.network.change(|path| path.dead = true);
    pair.client.transport.write(died, id, b"hola");
    pair.run_until(20 * SECOND, |_| false);
    let Limit::Silent(since) = pair.client.transport.path_figures().limit else { panic!("it is dead") };
    assert!(since.since(died) < SECOND, "{since:?}, it died at {died:?}");
    let stream = pair.client.transport.figures_of(id).expect("it is open");
    assert_eq!((stream.limit, stream.queued), (Limit::Silent(since), 4));
    pair.network.change(|path| path.dead = false);
    pair.run_until(3 * SECOND, |_| false);
    assert_eq!(pair.client.transport.path_figures().limit, Limit::Application);
}

#[test]
fn streams_show_how_far_they_are_in_the_order_of_their_ids() {
    let mut pair = pair(Path::default());
    let ids = [0, 0, 1].map(|at| pair.open(at));
    let stages = |pair: &Pair| -> Vec<_> {
        pair.client.transport.stream_figures().map(|one| (one.id.0, one.stage)).collect()
    };
    let [first, second, theirs] = ids.map(|id| id.0);
    assert_eq!(stages(&pair), [(first, Stage::Opening), (second, Stage::Opening)]);
    let mut in_order = [first, second, theirs];
    in_order.sort_unstable();
    let all = |stage| in_order.map(|id| (id, stage));
    pair.run_until(SECOND, |_| false);
    assert_eq!(stages(&pair), all(Stage::Open));
    ids.iter().for_each(|id| pair.client.transport.finish(pair.now, *id));
    assert_eq!(stages(&pair), all(Stage::Closing));
}
