//! What is measured: one file for one idea, each row measured as often as was asked.

mod bulk;
mod classic;
mod crowds;
mod echo;
mod flat;
mod forwards;
mod identities;
mod link;
mod program;
mod raw;
mod streams;
mod udp;
mod veth;

use std::time::Duration;

use anyhow::Result;
use tokio::runtime::Runtime;

use crate::pair::{Programs, Tunnel};

/// What a measurement has to work with.
#[derive(Debug)]
pub(crate) struct Context {
    /// The programs.
    pub(crate) programs: Programs,
    /// Where clients and servers run.
    pub(crate) runtime: Runtime,
    /// How long a load counts.
    pub(crate) time: Duration,
    /// Less of everything: to see that it works.
    pub(crate) quick: bool,
}

/// One number of the table.
#[derive(Debug, PartialEq)]
pub(crate) struct Figure {
    /// What it is.
    pub(crate) name: &'static str,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What it should be; also tells which way is better.
    pub(crate) goal: Goal,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// More is better, and this is asked for.
    AtLeast(f64),
    /// Less is better, and this is asked for.
    AtMost(f64),
    /// More is better.
    More,
    /// Less is better.
    Less,
}

/// One measured number.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Which.
    pub(crate) figure: &'static Figure,
    /// Of what.
    pub(crate) system: &'static str,
    /// How much.
    pub(crate) value: f64,
}

impl Figure {
    const fn new(name: &'static str, unit: &'static str, goal: Goal) -> Self {
        Self { name, unit, goal }
    }

    fn is(&'static self, system: &'static str, value: f64) -> Sample {
        Sample { figure: self, system, value }
    }
}

/// One row: what is measured together.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its name for `--only`.
    pub(crate) name: &'static str,
    /// What of.
    pub(crate) tunnels: &'static [Tunnel],
    /// Measures once.
    pub(crate) measure: fn(&Context, Tunnel) -> Result<Vec<Sample>>,
    /// What it needs that this machine does not have.
    pub(crate) needs: fn() -> Option<&'static str>,
    /// Too long or too deterministic to be worth more than this many runs.
    pub(crate) most: usize,
}

const OURS: &[Tunnel] = &[Tunnel::Paso];
const PEERS: &[Tunnel] = &[Tunnel::Paso, Tunnel::Quinn, Tunnel::Socat, Tunnel::Kcptun];
/// With the two bounds: no tunnel, and the least that one can be.
const BOUNDED: &[Tunnel] =
    &[Tunnel::Direct, Tunnel::Bare, Tunnel::Paso, Tunnel::Quinn, Tunnel::Socat, Tunnel::Kcptun];
/// Not socat, which stops for good when both directions are full, and starts a process for each stream.
const BOTH_WAYS: &[Tunnel] = &[Tunnel::Paso, Tunnel::Quinn, Tunnel::Kcptun];
/// Not kcptun, whose figure for one is known to be far below.
const BUSY: &[Tunnel] = &[Tunnel::Direct, Tunnel::Paso, Tunnel::Quinn, Tunnel::Socat];
const NEW: &[Tunnel] = &[Tunnel::Direct, Tunnel::Paso, Tunnel::Quinn, Tunnel::Kcptun];

/// Nobody else carries datagrams.
const UDP: &[Tunnel] = &[Tunnel::Direct, Tunnel::Paso];

const fn row(
    name: &'static str,
    tunnels: &'static [Tunnel],
    measure: fn(&Context, Tunnel) -> Result<Vec<Sample>>,
) -> Row {
    Row { name, tunnels, measure, needs: || None, most: usize::MAX }
}

/// All rows, in the order of the table.
pub(crate) const ROWS: &[Row] = &[
    row("one", PEERS, bulk::one),
    row("ten", PEERS, bulk::ten),
    row("link", OURS, link::alone),
    row("raw", OURS, raw::raw),
    Row { needs: veth::missing, ..row("veth", OURS, veth::large_frames) },
    row("echo", BOUNDED, echo::latency),
    row("echo-ten", BOTH_WAYS, echo::both_ways),
    row("new", NEW, streams::new_a_second),
    row("idle", OURS, streams::idle),
    row("busy", BUSY, bulk::thousand),
    Row { most: 3, ..row("links", OURS, identities::thousand) },
    Row { most: 1, ..row("idle-links", OURS, crowds::idle) },
    Row { most: 3, ..row("outage", OURS, crowds::outage) },
    row("forwards", OURS, forwards::each),
    row("udp", UDP, udp::bad_path),
    row("start", OURS, program::start),
    Row { most: 1, ..row("size", OURS, program::size) },
    row("classic", OURS, classic::ten),
    Row { most: 3, ..row("flat-streams", OURS, flat::streams) },
    Row { most: 1, ..row("flat-bytes", OURS, flat::bytes) },
];
