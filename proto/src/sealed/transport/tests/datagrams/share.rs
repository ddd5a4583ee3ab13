//! What flows and streams leave each other, and how long datagrams wait.

use super::{RATE, Source, bulk, path, run};
use crate::sealed::transport::tests::MS;
use crate::sealed::transport::tests::pair::Pair;
use crate::sim::Path;
use std::time::Duration;

const TEN_SECONDS: Duration = Duration::from_secs(10);

/// A call: 160 bytes every 20 ms.
fn call(pair: &mut Pair) -> Source {
    Source::new(pair, 160, 20 * MS)
}

/// A flow of this share of [`RATE`], in datagrams of 1,100 bytes.
fn flow(pair: &mut Pair, share: f64) -> Source {
    Source::new(pair, 1_100, Duration::from_secs_f64(1_100.0 / (RATE as f64 * share)))
}

/// The share of [`RATE`] that bulk had since it had `before` bytes.
fn share_of(heard: usize, before: usize, time: Duration) -> f64 {
    (heard - before) as f64 / time.as_secs_f64() / RATE as f64
}

#[test]
fn a_call_and_a_film_beside_bulk_wait_for_its_queue_and_no_more() {
    for loss in [0.0, 0.05] {
        for count in [1, 20] {
            let mut pair = Pair::on(3, path(loss));
            pair.warm();
            for _ in 0..count {
                bulk(&mut pair);
            }
            pair.run_for(Duration::from_secs(2));
            let mut sources = [call(&mut pair), flow(&mut pair, 0.05), flow(&mut pair, 0.2)];
            run(&mut pair, TEN_SECONDS, &mut sources);
            for source in &sources {
                let (share, p99) = source.arrived(&pair);
                println!("loss {loss}, {count} bulk: flow {} {share:.3}, p99 {p99:.1} ms", source.id);
                // 30 ms: the queue that bulk may leave.
                assert!(p99 <= 25.0 + 30.0 + 5.0, "{p99} ms of flow {} at {loss}", source.id);
                let chance = 3.0 * (loss * (1.0 - loss) / source.sent.len() as f64).sqrt();
                assert!(share >= 1.0 - loss - chance - 0.01, "{share} of flow {} at {loss}", source.id);
            }
        }
    }
}

#[test]
fn a_flood_leaves_a_stream_half_and_calls_alone() {
    let mut pair = Pair::on(4, path(0.0));
    pair.warm();
    let id = bulk(&mut pair);
    pair.run_for(Duration::from_secs(2));
    let before = pair.server.heard[&id].len();
    let mut sources = [flow(&mut pair, 3.0), call(&mut pair), flow(&mut pair, 0.1)];
    let time = TEN_SECONDS + 500 * MS;
    run(&mut pair, TEN_SECONDS, &mut sources);
    let stream = share_of(pair.server.heard[&id].len(), before, time);
    let flood = sources[0].arrived(&pair);
    println!("the stream has {stream:.3} of the path, the flood {flood:?}");
    assert!(stream >= 0.4, "{stream} of the path");
    assert!(flood.0 * 3.0 >= 0.25, "{flood:?}");
    assert!(flood.1 <= 25.0 + 30.0 + 110.0, "{flood:?}: what waits for long is dropped");
    for source in &sources[1..] {
        let (share, p99) = source.arrived(&pair);
        println!("flow {}: {share:.3}, p99 {p99:.1} ms", source.id);
        assert!(share >= 0.995 && p99 <= 25.0 + 30.0 + 5.0, "{share}, {p99} ms of flow {}", source.id);
    }
    let counts = pair.client.transport.datagram_counts();
    let all: usize = sources.iter().map(|source| source.sent.len()).sum();
    assert_eq!(counts.sent + counts.too_old + counts.queue_full, all as u64, "{counts:?}");
    assert!(pair.client.peak_memory < 8 << 20);
    pair.client.transport.check_accounts();
}

#[test]
fn a_flood_alone_takes_the_path_and_waits_no_longer_than_it_may() {
    let mut pair = Pair::on(6, Path { rate: RATE / 10, ..path(0.0) });
    pair.warm();
    let mut sources = [flow(&mut pair, 0.3), call(&mut pair)];
    run(&mut pair, TEN_SECONDS, &mut sources);
    let (share, p99) = sources[0].arrived(&pair);
    println!("{share:.3} of three times the path, p99 {p99:.1} ms");
    assert!(share >= 0.8 / 3.0, "{share}");
    assert!(p99 <= 25.0 + 100.0 + 100.0 + 10.0, "{p99} ms");
    let (share, p99) = sources[1].arrived(&pair);
    println!("a call beside it: {share:.3}, p99 {p99:.1} ms");
    assert!(share >= 0.9, "{share}");
}
