//! The classic link: ten streams at once, each byte counted, for nobody sends a lost one again.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Context, Figure, Goal, Sample};
use crate::load::{chunk, float};
use crate::pair::{Pair, Tunnel};
use crate::target::{Manner, Target};

static RATE: Figure = Figure::new("classic link, ten streams", "Gbit/s", Goal::AtLeast(2.0));
static LOST: Figure = Figure::new("classic link, bytes lost", "bytes", Goal::AtMost(0.0));

const STREAMS: u64 = 10;

pub(super) fn ten(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let bytes: u64 = if context.quick { 10_000_000 } else { 50_000_000 };
    let (took, arrived) = context.runtime.block_on(carry(context, bytes))?;
    let rate = float(arrived) * 8.0 / 1e9 / took.as_secs_f64();
    Ok(vec![RATE.is(tunnel.name(), rate), LOST.is(tunnel.name(), float(bytes * STREAMS - arrived))])
}

/// Sends `bytes` on each stream: how long until the last byte came, and how many came.
async fn carry(context: &Context, bytes: u64) -> Result<(Duration, u64)> {
    let sink = Target::start(Manner::Sink, chunk(1)).await?;
    let pair = Pair::classic(&context.programs, sink.address)?;
    let (mut clients, began) = (JoinSet::new(), Instant::now());
    for _ in 0..STREAMS {
        let mut stream = TcpStream::connect(pair.address).await?;
        clients.spawn(async move {
            let (block, mut left) = (vec![7; chunk(1)], bytes);
            while left > 0 {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
                stream.write_all(&block[..length]).await?;
                left -= length as u64;
            }
            // Open until all has been counted: its end would be the stream's.
            std::io::Result::Ok(stream)
        });
    }
    let _open = clients.join_all().await;
    // What nothing follows for half a second is lost.
    let mut last = (Instant::now(), sink.bytes());
    while last.1 < bytes * STREAMS && last.0.elapsed() < Duration::from_millis(500) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let now = sink.bytes();
        if now > last.1 {
            last = (Instant::now(), now);
        }
    }
    Ok((last.0 - began, last.1))
}
