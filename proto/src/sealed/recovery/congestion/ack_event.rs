//! What the controller hears.

use crate::sealed::recovery::rate;
use crate::time::Time;
use std::time::Duration;

/// A packet that arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newest {
    /// Its UDP payload in bytes.
    pub(crate) bytes: u64,
    /// From when it left until its acknowledgement came, for which the peer may have waited.
    pub(crate) took: Duration,
    /// UDP payload bytes that were acknowledged in that time, its own among them: about what passed the bottleneck while it waited there.
    pub(crate) with: u64,
    /// How long before it the first of these left; zero also where some of them left before the last acknowledgement, as it is not known then.
    pub(crate) spread: Duration,
}

/// What one acknowledgement told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckEvent {
    /// When it came.
    pub(crate) now: Time,
    /// The newest round-trip sample.
    pub(crate) rtt: Duration,
    /// Whether it came with this acknowledgement: one that names no higher packet than an earlier one brings none.
    pub(crate) rtt_is_new: bool,
    /// The lowest of the last seconds.
    pub(crate) min_rtt: Duration,
    /// What is not longer than this was to be expected, as far as those before it have shown.
    pub(crate) usual_rtt: Duration,
    /// How much later than those that nothing overtakes packets come, on average: no queue, but time that they are on their way.
    pub(crate) late: Duration,
    /// The rate sample, where there is one.
    pub(crate) sample: Option<rate::Sample>,
    /// UDP payload bytes delivered so far.
    pub(crate) delivered: u64,
    /// UDP payload bytes in flight after it.
    pub(crate) in_flight: u64,
    /// The newest packet that it names for the first time; none if others left for another path and were acknowledged meanwhile.
    pub(crate) newest: Option<Newest>,
    /// Half of the window or more was in use before it.
    pub(crate) cwnd_limited: bool,
    /// The peer sends bulk as well: its acknowledgements wait in a queue behind it.
    pub(crate) peer_sends_bulk: bool,
}
