//! What one direction of a path does to datagrams.

use super::opportunities::Opportunities;
use crate::sealed::wire::ecn::Ecn;
use crate::time::Time;
use std::ops::Range;
use std::time::Duration;

/// Bytes that IPv4 and UDP add to a payload on the wire (RFC 791, RFC 768).
pub const HEADERS: u64 = 28;

/// The settings of one direction. The default is a path that does nothing: no delay, no loss, any rate, and the payload that
/// Ethernet carries. Name what it does, and take the rest from the default:
///
/// ```
/// use paso_proto::sim::Path;
/// use std::time::Duration;
///
/// let dsl = Path { delay: Duration::from_millis(15), rate: 2_000_000, loss: 0.01, ..Path::default() };
/// assert_eq!(dsl.mtu, 1_472);
/// ```
///
/// A datagram meets the faults in this order: outage, MTU, loss, policer, bottleneck, duplication; then each copy meets
/// corruption, delay, jitter and reordering. Loss comes before the bottleneck, so that it does not take from the rate. All settings may be changed
/// while datagrams are in flight: the change is for those sent from then on.
#[derive(Clone, Debug)]
pub struct Path {
    /// From one end to the other, without jitter and queue.
    pub delay: Duration,
    /// Extra delay of each datagram, from nothing to this, drawn evenly. Datagrams overtake each other.
    pub jitter: Duration,
    /// Share of datagrams that come late, from 0 to 1, while the others keep their order.
    pub reorder: f64,
    /// Extra delay of those, from nothing to this, drawn evenly.
    pub reorder_by: Duration,
    /// Share of datagrams lost at random, from 0 to below 1; 1 or more: all.
    pub loss: f64,
    /// Mean length of a run of losses, in datagrams, at least 1 (Gilbert's model): with 1, no two in a row are lost. 0: each is lost or
    /// not whatever became of the one before.
    pub burst: f64,
    /// Share of datagrams that arrive twice, from 0 to 1.
    pub duplicate: f64,
    /// Share of copies that arrive with one bit changed, from 0 to 1.
    pub corrupt: f64,
    /// The largest UDP payload that passes, in bytes; larger ones vanish.
    pub mtu: usize,
    /// From each moment on, another one. In the order of time.
    pub mtus: Vec<(Time, usize)>,
    /// What the bottleneck passes, in bytes a second with the [`HEADERS`]; 0: any rate.
    pub rate: u64,
    /// From each moment on, another rate. In the order of time.
    pub rates: Vec<(Time, u64)>,
    /// The bottleneck is a recorded one: it passes what this says, whatever the rates above.
    pub opportunities: Option<Opportunities>,
    /// What the bottleneck's buffer holds, as the time it takes to empty it. A datagram that finds more waiting is dropped.
    pub queue: Duration,
    /// A policer's rate in bytes a second with the [`HEADERS`]; 0: there is none. It drops what exceeds it, and delays nothing.
    pub policed: u64,
    /// What the policer lets through at once beyond its rate, in bytes.
    pub bucket: u64,
    /// What it does to the ECN bits.
    pub marking: Marking,
    /// What is sent in one of these is lost.
    pub outages: Vec<Range<Time>>,
    /// An outage from now on, until it is set back.
    pub dead: bool,
}

/// What a path does to the ECN bits of datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marking {
    /// Nothing.
    #[default]
    Keep,
    /// Its bottleneck marks what has to wait for so long, if its sender heeds that.
    Queue(Duration),
    /// It clears them.
    Clear,
    /// It sets them to this.
    Set(Ecn),
    /// Datagrams with any of them vanish.
    Drop,
}

impl Marking {
    /// Whether a datagram with `ecn` vanishes.
    pub(super) fn drops(self, ecn: Ecn) -> bool {
        self == Self::Drop && ecn != Ecn::NotCapable
    }

    /// What becomes of `ecn` on a datagram that has to wait for `wait`.
    pub(super) fn after(self, ecn: Ecn, wait: Duration) -> Ecn {
        match self {
            Self::Keep | Self::Drop => ecn,
            Self::Queue(threshold) if ecn == Ecn::NotCapable || wait < threshold => ecn,
            Self::Queue(_) => Ecn::Congested,
            Self::Clear => Ecn::NotCapable,
            Self::Set(ecn) => ecn,
        }
    }
}

impl Default for Path {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            reorder: 0.0,
            reorder_by: Duration::ZERO,
            loss: 0.0,
            burst: 0.0,
            duplicate: 0.0,
            corrupt: 0.0,
            mtu: 1_472,
            mtus: Vec::new(),
            rate: 0,
            rates: Vec::new(),
            opportunities: None,
            queue: Duration::from_millis(100),
            policed: 0,
            bucket: 0,
            marking: Marking::default(),
            outages: Vec::new(),
            dead: false,
        }
    }
}

impl Path {
    /// The bottleneck's rate at `now`.
    pub fn rate_at(&self, now: Time) -> u64 {
        at(now, &self.rates).unwrap_or(self.rate)
    }

    /// The largest payload that passes at `now`.
    pub fn mtu_at(&self, now: Time) -> usize {
        at(now, &self.mtus).unwrap_or(self.mtu)
    }

    /// Whether nothing passes at `now`.
    pub fn is_dead_at(&self, now: Time) -> bool {
        self.dead || self.outages.iter().any(|outage| outage.contains(&now))
    }
}

fn at<T: Copy>(now: Time, changes: &[(Time, T)]) -> Option<T> {
    changes.iter().rev().find(|(from, _)| *from <= now).map(|(_, value)| *value)
}
