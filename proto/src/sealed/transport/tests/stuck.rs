//! Readers that are stuck, beside one that is not: they cost what they were promised and nobody else's rate.

use super::MS;
use super::pair::{Pair, bytes};
use super::speed::mbit;
use crate::sealed::transport::Transport;
use crate::sealed::wire::frame::{ResetCode, StreamId};
use crate::sim::Path;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Streams from the end `at` that are read up to `absorbed` bytes, which is what the systems take in for an application that
/// does not read, and then no more.
#[derive(Clone, Copy)]
struct Crowd {
    at: usize,
    count: usize,
    absorbed: usize,
}

impl Crowd {
    /// One of them, with `more` to be sent than is read.
    fn open(self, pair: &mut Pair, more: usize) -> StreamId {
        let id = pair.open(0);
        pair.end(1 - self.at).absorbed.insert(id, self.absorbed);
        pair.end(self.at).to_write.insert(id, bytes(id.0, self.absorbed + more));
        id
    }

    fn is_full(self, pair: &Pair, id: StreamId) -> bool {
        pair.ends()[1 - self.at].heard.get(&id).is_some_and(|heard| heard.len() >= self.absorbed)
    }

    /// All of them come at once.
    fn together(self, pair: &mut Pair) -> Vec<StreamId> {
        let ids: Vec<_> = (0..self.count).map(|_| self.open(pair, 300_000)).collect();
        let full = |pair: &Pair| ids.iter().all(|id| self.is_full(pair, *id));
        assert!(pair.run_until(SECOND * 120, full), "the streams are not absorbed");
        pair.run_until(SECOND * 2, |_| false);
        ids
    }

    /// One after the other, each alone with the path until it has what it reads.
    fn one_by_one(self, pair: &mut Pair) {
        for _ in 0..self.count {
            let id = self.open(pair, 2_000_000);
            assert!(pair.run_until(SECOND * 120, |pair| self.is_full(pair, id)), "a stream is not absorbed");
            pair.run_until(pair.network.ways[0].path.delay * 6, |_| false);
            pair.end(self.at).to_write.remove(&id);
        }
    }
}

/// A link on a path of 100 Mbit/s and 50 ms.
fn slow() -> Pair {
    let mut pair = Pair::on(7, Path { delay: 25 * MS, rate: mbit(100), ..Path::default() });
    pair.warm();
    pair
}

/// A link on a path of 500 Mbit/s and 1 ms.
fn fast(loss: f64) -> Pair {
    let mut pair = Pair::on(7, Path { delay: MS / 2, rate: mbit(500), loss, ..Path::default() });
    pair.warm();
    pair
}

/// Mbit/s of a new stream from the end `at` to the other some time `after` it began, while 20 echoes are made on another one,
/// and the longest of them in milliseconds.
fn beside(pair: &mut Pair, at: usize, after: Duration) -> (f64, f64) {
    let (bulk, echo) = (pair.open(0), pair.open(0));
    let heard = |pair: &Pair, at: usize, id| pair.ends()[at].heard.get(&id).map_or(0, Vec::len);
    pair.end(at).to_write.insert(bulk, bytes(bulk.0, 60_000_000));
    pair.run_until(after, |_| false);
    let (began, before) = (pair.now, heard(pair, 1 - at, bulk));
    let mut longest = Duration::ZERO;
    for round in 1..=20 {
        let start = pair.now;
        for end in [0, 1] {
            let now = pair.now;
            pair.end(end).transport.write(now, echo, &[7; 64]);
            assert!(pair.run_until(SECOND * 5, |pair| heard(pair, 1 - end, echo) >= round * 64), "no echo");
        }
        longest = longest.max(pair.now - start);
    }
    let (took, got) = (pair.now - began, heard(pair, 1 - at, bulk) - before);
    (got as f64 * 8e-6 / took.as_secs_f64(), longest.as_secs_f64() * 1e3)
}

/// What a transport holds and has promised beyond the credit of the handshake, in bytes.
fn held(transport: &Transport) -> u64 {
    transport.memory() as u64 + transport.promised()
}

#[test]
fn a_stream_keeps_its_rate_and_its_echo_beside_any_number_of_stuck_readers() {
    let crowds = [(10, 0), (400, 0), (4_000, 0), (75, 300_000), (400, 300_000)];
    compare(slow, SECOND * 2, &crowds, |crowd, pair| {
        crowd.together(pair);
    });
}

#[test]
fn a_crowd_that_comes_one_by_one_costs_no_more() {
    // Some hundred kilobytes are what systems take in, and stopped readers somewhat more.
    let crowds = [(10, 200_000), (10, 1_200_000), (75, 200_000), (75, 40_000)];
    compare(slow, SECOND * 2, &crowds, |crowd, pair| crowd.one_by_one(pair));
    let crowds = [(10, 3_000_000), (75, 200_000), (400, 200_000), (400, 40_000), (3_000, 200_000)];
    // The largest crowd takes as long as all others together.
    let most = if std::env::var_os("CI").is_some() { crowds.len() } else { 4 };
    compare(|| fast(0.0), 400 * MS, &crowds[..most], |crowd, pair| crowd.one_by_one(pair));
    compare(|| fast(0.01), 400 * MS, &crowds[..2], |crowd, pair| crowd.one_by_one(pair));
}

#[test]
fn crowds_of_several_kinds_leave_a_stream_its_rate() {
    let mixed = |crowd: Crowd, pair: &mut Pair| {
        if crowd.count > 0 {
            Crowd { absorbed: 0, ..crowd }.together(pair);
            Crowd { absorbed: 300_000, ..crowd }.together(pair);
            crowd.one_by_one(pair);
            Crowd { absorbed: 0, ..crowd }.together(pair);
        }
    };
    compare(|| fast(0.0), 400 * MS, &[(10, 1_200_000), (75, 200_000), (100, 200_000)], mixed);
    compare(slow, SECOND * 2, &[(10, 200_000), (20, 200_000)], mixed);
}

/// What an echo may take longer by chance, in ms: the queue that a look for more rate makes for a moment.
const CHANCE: f64 = 3.0;

/// A new stream has four fifths of the rate and no more than twice the echo beside `(count, absorbed)` stuck streams that it
/// has alone.
fn compare(
    begin: impl Fn() -> Pair,
    after: Duration,
    crowds: &[(usize, usize)],
    come: impl Fn(Crowd, &mut Pair),
) {
    for at in [0, 1] {
        let mut alone = (0.0, 0.0);
        for &(count, absorbed) in [(0, 0)].iter().chain(crowds) {
            let mut pair = begin();
            come(Crowd { at, count, absorbed }, &mut pair);
            let (rate, echo) = beside(&mut pair, at, after);
            println!("from {at}: {count} that took {absorbed} bytes: {rate:.1} Mbit/s, echo {echo:.1} ms");
            if count == 0 {
                alone = (rate, echo);
            }
            assert!(rate >= 0.8 * alone.0, "{rate:.1} instead of {:.1} Mbit/s", alone.0);
            assert!(
                echo <= f64::max(2.0 * alone.1, alone.1 + CHANCE),
                "{echo:.1} instead of {:.1} ms",
                alone.1
            );
            let most = pair.ends().iter().map(|end| end.transport.reserved()).max().unwrap();
            assert!(most <= 32 << 20, "{most} bytes are promised");
        }
    }
}

#[test]
fn what_was_kept_for_stuck_readers_is_free_a_second_after_they_left() {
    for at in [0, 1] {
        let mut pair = slow();
        let ids = Crowd { at, count: 400, absorbed: 20_000 }.together(&mut pair);
        let now = pair.now;
        for id in ids {
            pair.end(1 - at).transport.reset(now, id, ResetCode::Reset);
        }
        pair.run_until(SECOND, |_| false);
        for end in pair.ends() {
            assert_eq!((end.transport.stream_count(), held(&end.transport)), (0, 0));
        }
    }
}

#[test]
fn streams_that_say_nothing_and_close_at_once_leave_nothing() {
    let mut pair = Pair::on(8, Path { delay: 25 * MS, ..Path::default() });
    pair.warm();
    let ids: Vec<_> = (0..4_000).map(|_| pair.open(0)).collect();
    for id in &ids {
        // A byte each, and a read that brought nothing.
        let now = pair.now;
        pair.client.transport.write(now, *id, b"x");
        pair.client.transport.write_with(now, *id, 2, |_| Ok::<_, std::convert::Infallible>(0)).unwrap();
    }
    let heard =
        |pair: &Pair| ids.iter().all(|id| pair.server.heard.get(id).is_some_and(|heard| !heard.is_empty()));
    assert!(pair.run_until(SECOND * 10, heard), "not all bytes arrived");
    assert!(pair.run_until(SECOND, |pair| pair.client.transport.memory() == 0), "idle streams hold memory");
    for id in &ids {
        let now = pair.now;
        pair.client.transport.finish(now, *id);
        pair.server.to_write.insert(*id, Vec::new());
    }
    pair.run_until(SECOND, |_| false);
    for end in pair.ends() {
        assert_eq!((end.transport.stream_count(), held(&end.transport)), (0, 0));
    }
}
