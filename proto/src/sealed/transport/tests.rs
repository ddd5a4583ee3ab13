//! Two transports on a virtual clock with a bad network between them.
#![expect(clippy::print_stdout, reason = "a test's measurements, shown with --nocapture")]

mod many_streams;
mod network;
mod pair;
mod speed;
mod thin;

use network::Path;
use pair::Pair;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_stream_crosses_a_clean_path() {
    let mut pair = Pair::new(1, Path { rtt: 50 * MS, ..Path::default() });
    pair.transfer_both_ways(3, 200_000);
    pair.assert_empty();
}

#[test]
#[expect(clippy::print_stdout, reason = "shown only with a failure: its seed")]
fn everything_arrives_whatever_the_path_does() {
    for seed in 0..60u64 {
        let path = Path {
            rtt: MS * u32::try_from(seed * 7 % 200).unwrap(),
            jitter: if seed % 3 == 0 { 20 * MS } else { Duration::ZERO },
            loss: f64::from(u32::try_from(seed % 6).unwrap()) * 0.1,
            burst: if seed % 4 == 1 { 8.0 } else { 1.0 },
            duplicate: if seed % 5 == 2 { 0.1 } else { 0.0 },
            rate: if seed % 2 == 0 { 1_000_000 } else { 0 },
            ..Path::default()
        };
        println!("seed {seed}: {path:?}");
        let mut pair = Pair::new(seed, path);
        pair.transfer_both_ways(1 + usize::try_from(seed % 20).unwrap(), 20_000);
        pair.assert_empty();
    }
}
