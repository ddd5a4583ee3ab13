//! Readers that are stuck, beside one that is not: they cost what they were promised and nobody else's rate.

use super::MS;
use super::network::Path;
use super::pair::{Pair, bytes};
use super::speed::mbit;
use crate::sealed::frame::{ResetCode, StreamId};
use crate::sealed::transport::Transport;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A path of 100 Mbit/s and 50 ms, and on it streams from the end `at` that are read up to `absorbed` bytes, which is
/// what the systems take in for an application that does not read, and then no more.
fn stuck(at: usize, count: usize, absorbed: usize) -> (Pair, Vec<StreamId>) {
    let mut pair = Pair::new(7, Path { rtt: 50 * MS, rate: mbit(100), ..Path::default() });
    pair.warm();
    let open = |_| {
        let id = pair.open(0);
        pair.ends[1 - at].absorbed.insert(id, absorbed);
        pair.ends[at].to_write.insert(id, bytes(id.0, absorbed + 300_000));
        id
    };
    let ids: Vec<_> = (0..count).map(open).collect();
    let full = |pair: &Pair| {
        let heard = &pair.ends[1 - at].heard;
        ids.iter().all(|id| heard.get(id).is_some_and(|heard| heard.len() >= absorbed))
    };
    assert!(pair.run_until(SECOND * 120, full), "the streams are not absorbed");
    pair.run_until(SECOND * 2, |_| false);
    (pair, ids)
}

/// Mbit/s of a new stream from the end `at` to the other in its third second, and the longest of 20 echoes on another one
/// that are made meanwhile, in milliseconds.
fn beside(pair: &mut Pair, at: usize) -> (f64, f64) {
    let (bulk, echo) = (pair.open(0), pair.open(0));
    let heard = |pair: &Pair, at: usize, id| pair.ends[at].heard.get(&id).map_or(0, Vec::len);
    pair.ends[at].to_write.insert(bulk, bytes(bulk.0, 60_000_000));
    pair.run_until(SECOND * 2, |_| false);
    let (began, before) = (pair.now, heard(pair, 1 - at, bulk));
    let mut longest = Duration::ZERO;
    for round in 1..=20 {
        let start = pair.now;
        for end in [0, 1] {
            let now = pair.now;
            pair.ends[end].transport.write(now, echo, &[7; 64]);
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
    let crowds = [(0, 0), (10, 0), (400, 0), (4_000, 0), (75, 300_000), (400, 300_000)];
    for at in [0, 1] {
        let mut alone = (0.0, 0.0);
        for (count, absorbed) in crowds {
            let (mut pair, _) = stuck(at, count, absorbed);
            let (rate, echo) = beside(&mut pair, at);
            println!("from {at}: {count} that took {absorbed} bytes: {rate:.1} Mbit/s, echo {echo:.1} ms");
            if count == 0 {
                alone = (rate, echo);
            }
            assert!(rate >= 0.8 * alone.0, "{rate:.1} instead of {:.1} Mbit/s", alone.0);
            assert!(echo <= 2.0 * alone.1, "{echo:.1} instead of {:.1} ms", alone.1);
            let most = pair.ends.iter().map(|end| end.transport.reserved()).max().unwrap();
            assert!(most <= 32 << 20, "{most} bytes are promised");
        }
    }
}

#[test]
fn what_was_kept_for_stuck_readers_is_free_a_second_after_they_left() {
    for at in [0, 1] {
        let (mut pair, ids) = stuck(at, 400, 20_000);
        let now = pair.now;
        for id in ids {
            pair.ends[1 - at].transport.reset(now, id, ResetCode::Reset);
        }
        pair.run_until(SECOND, |_| false);
        for end in &pair.ends {
            assert_eq!((end.transport.stream_count(), held(&end.transport)), (0, 0));
        }
    }
}

#[test]
fn streams_that_say_nothing_and_close_at_once_leave_nothing() {
    let mut pair = Pair::new(8, Path { rtt: 50 * MS, ..Path::default() });
    pair.warm();
    let ids: Vec<_> = (0..4_000).map(|_| pair.open(0)).collect();
    for id in &ids {
        // A byte each, and a read that brought nothing.
        let now = pair.now;
        pair.ends[0].transport.write(now, *id, b"x");
        pair.ends[0].transport.write_with(now, *id, 2, |_| Ok::<_, std::convert::Infallible>(0)).unwrap();
    }
    let heard =
        |pair: &Pair| ids.iter().all(|id| pair.ends[1].heard.get(id).is_some_and(|heard| !heard.is_empty()));
    assert!(pair.run_until(SECOND * 10, heard), "not all bytes arrived");
    assert!(pair.run_until(SECOND, |pair| pair.ends[0].transport.memory() == 0), "idle streams hold memory");
    for id in &ids {
        let now = pair.now;
        pair.ends[0].transport.finish(now, *id);
        pair.ends[1].to_write.insert(*id, Vec::new());
    }
    pair.run_until(SECOND, |_| false);
    for end in &pair.ends {
        assert_eq!((end.transport.stream_count(), held(&end.transport)), (0, 0));
    }
}
