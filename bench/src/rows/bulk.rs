//! Streams that send as fast as they can, in one direction.

use anyhow::Result;

use super::{Context, Figure, Goal, Sample};
use crate::load::{self, Outcome, chunk};
use crate::pair::{Pair, Tunnel};
use crate::target::{Manner, Target};

static ONE: Figure = Figure::new("one connection", "Gbit/s", Goal::AtLeast(9.0));
static LOAD: Figure = Figure::new("CPU of client and server, one connection", "ns/byte", Goal::Less);
static CPU: Figure = Figure::new("CPU of both proxies, one connection", "ns/byte", Goal::AtMost(1.2));
static TEN: Figure = Figure::new("ten connections", "Gbit/s", Goal::More);
static TEN_SHARE: Figure = Figure::new("ten connections against one", "%", Goal::AtLeast(100.0));
static TEN_CPU: Figure = Figure::new("CPU of both proxies, ten connections", "ns/byte", Goal::Less);
static BUSY: Figure = Figure::new("1,000 busy streams", "Gbit/s", Goal::More);
static BUSY_SHARE: Figure = Figure::new("1,000 busy streams against one", "%", Goal::AtLeast(80.0));
static BUSY_CPU: Figure = Figure::new("CPU of both proxies, 1,000 busy streams", "ns/byte", Goal::Less);
static BUSY_LOAD: Figure =
    Figure::new("CPU of clients and server, 1,000 busy streams", "ns/byte", Goal::Less);
static SLOWEST: Figure = Figure::new("slowest of 1,000 against the mean", "%", Goal::AtLeast(50.0));

/// What `streams` streams bring.
pub(super) fn pushed(context: &Context, tunnel: Tunnel, streams: usize) -> Result<Outcome> {
    context.runtime.block_on(async {
        let sink = Target::start(Manner::Sink, chunk(streams)).await?;
        let pair = Pair::start(tunnel, &context.programs, sink.address)?;
        load::push(&pair, &sink, streams, context.time).await
    })
}

pub(super) fn one(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let one = pushed(context, tunnel, 1)?;
    let name = tunnel.name();
    Ok(vec![ONE.is(name, one.gbit()), CPU.is(name, one.cpu_a_byte()), LOAD.is(name, one.own_cpu_a_byte())])
}

pub(super) fn ten(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let (one, ten) = (pushed(context, tunnel, 1)?, pushed(context, tunnel, 10)?);
    let name = tunnel.name();
    Ok(vec![
        TEN.is(name, ten.gbit()),
        TEN_SHARE.is(name, 100.0 * ten.gbit() / one.gbit()),
        TEN_CPU.is(name, ten.cpu_a_byte()),
    ])
}

pub(super) fn thousand(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let (one, busy) = (pushed(context, tunnel, 1)?, pushed(context, tunnel, 1_000)?);
    let name = tunnel.name();
    Ok(vec![
        BUSY.is(name, busy.gbit()),
        BUSY_SHARE.is(name, 100.0 * busy.gbit() / one.gbit()),
        BUSY_CPU.is(name, busy.cpu_a_byte()),
        BUSY_LOAD.is(name, busy.own_cpu_a_byte()),
        SLOWEST.is(name, 100.0 * busy.slowest),
    ])
}
