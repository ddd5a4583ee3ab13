//! What was sent and what came of it: acknowledgements, losses, round trips, rates.

pub(crate) mod ack;
pub(crate) mod congestion;
pub(crate) mod copies;
pub(crate) mod counts;
pub(crate) mod ecn;
pub(crate) mod loss_detection;
pub(crate) mod lossiness;
pub(crate) mod mtu;
mod overdraft;
pub(crate) mod pacing;
mod probe_timeout;
pub(crate) mod rate;
pub(crate) mod reordering;
pub(crate) mod rtt;
pub(crate) mod sent;
pub(crate) mod skipped;
