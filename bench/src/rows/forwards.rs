//! One connection that sends as fast as it can, through each kind of forward.

use anyhow::Result;

use super::{Context, Figure, Goal, Sample};
use crate::load::{self, chunk};
use crate::pair::{Forward, Pair, Tunnel};
use crate::target::{Manner, Target};

static LOCAL: Figure = Figure::new("one connection, -L", "Gbit/s", Goal::More);
static DYNAMIC: Figure = Figure::new("-D against -L", "%", Goal::AtLeast(95.0));
static REMOTE: Figure = Figure::new("-R against -L", "%", Goal::AtLeast(97.0));

pub(super) fn each(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let rate = |forward| {
        context.runtime.block_on(async {
            let sink = Target::start(Manner::Sink, chunk(1)).await?;
            let pair = Pair::forwarding(&context.programs, sink.address, forward)?;
            Ok::<_, anyhow::Error>(load::push(&pair, &sink, 1, context.time).await?.gbit())
        })
    };
    let (local, dynamic, remote) = (rate(Forward::Local)?, rate(Forward::Dynamic)?, rate(Forward::Remote)?);
    let name = tunnel.name();
    Ok(vec![
        LOCAL.is(name, local),
        DYNAMIC.is(name, 100.0 * dynamic / local),
        REMOTE.is(name, 100.0 * remote / local),
    ])
}
