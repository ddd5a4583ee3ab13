//! Whether a byte costs the same however many streams there are and however much is sent.

use anyhow::Result;

use super::bulk::pushed;
use super::{Context, Figure, Goal, Sample};
use crate::load::{self, chunk};
use crate::pair::{Pair, Tunnel};
use crate::target::{Manner, Target};

static BY_STREAMS: [(usize, Figure); 4] = [
    (1, Figure::new("CPU, 1 stream", "ns/byte", Goal::Less)),
    (10, Figure::new("CPU, 10 streams", "ns/byte", Goal::Less)),
    (100, Figure::new("CPU, 100 streams", "ns/byte", Goal::Less)),
    (1_000, Figure::new("CPU, 1,000 streams", "ns/byte", Goal::Less)),
];
static STREAMS: Figure =
    Figure::new("CPU a byte from 1 to 1,000 streams, off the middle", "%", Goal::AtMost(20.0));

/// Bytes of one transfer, and how many of them.
static BY_BYTES: [(u64, u64, Figure); 5] = [
    (1_000_000, 500, Figure::new("CPU, streams of 1 MB", "ns/byte", Goal::Less)),
    (10_000_000, 100, Figure::new("CPU, streams of 10 MB", "ns/byte", Goal::Less)),
    (100_000_000, 10, Figure::new("CPU, streams of 100 MB", "ns/byte", Goal::Less)),
    (1_000_000_000, 2, Figure::new("CPU, streams of 1 GB", "ns/byte", Goal::Less)),
    (10_000_000_000, 1, Figure::new("CPU, a stream of 10 GB", "ns/byte", Goal::Less)),
];
static BYTES: Figure = Figure::new("CPU a byte from 1 MB to 10 GB, off the middle", "%", Goal::AtMost(20.0));

pub(super) fn streams(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for (streams, figure) in &BY_STREAMS {
        samples.push(figure.is(tunnel.name(), pushed(context, tunnel, *streams)?.cpu_a_byte()));
    }
    Ok(with_spread(samples, &STREAMS))
}

pub(super) fn bytes(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    let sizes = if context.quick { &BY_BYTES[..3] } else { &BY_BYTES[..] };
    context.runtime.block_on(async {
        let sink = Target::start(Manner::Sink, chunk(1)).await?;
        let pair = Pair::start(tunnel, &context.programs, sink.address)?;
        load::transfer(&pair, &sink, 1 << 20, 10).await?;
        for (bytes, times, figure) in sizes {
            let outcome = load::transfer(&pair, &sink, *bytes, *times).await?;
            samples.push(figure.is(tunnel.name(), outcome.cpu_a_byte()));
        }
        anyhow::Ok(())
    })?;
    Ok(with_spread(samples, &BYTES))
}

/// Adds how far the farthest is from the middle between the lowest and the highest.
fn with_spread(mut samples: Vec<Sample>, figure: &'static Figure) -> Vec<Sample> {
    let values = || samples.iter().map(|sample| sample.value);
    let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
    let spread = 100.0 * (high - low) / (high + low);
    samples.push(figure.is(Tunnel::Paso.name(), spread));
    samples
}
