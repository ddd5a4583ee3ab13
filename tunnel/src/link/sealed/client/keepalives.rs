//! How often an idle link shows itself, for each network that this machine has been in: what lies between it and proxy2 is
//! another one in each, and is met again when the machine is back.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tracing::info;

use crate::udp::source_address;

/// Between which two addresses: that of this machine, and proxy2's.
type Ends = (Option<IpAddr>, IpAddr);

/// An interval, and when it was learnt.
#[derive(Clone, Copy, Debug)]
struct Learnt {
    interval: Duration,
    when: Instant,
}

/// The intervals that were learnt.
#[derive(Clone, Debug)]
pub(crate) struct Keepalives {
    /// Where nothing was learnt; zero: never.
    usual: Duration,
    learnt: BTreeMap<Ends, Learnt>,
}

impl Keepalives {
    /// Networks remembered: more than anybody carries a machine through in the life of a process that keeps a link.
    const MOST: usize = 256;

    /// How long an interval counts. Then twice as much is tried: it may have been learnt by mistake, or in another network with the
    /// same addresses. Where it was right one message is late, once in so long.
    const COUNTS: Duration = Duration::from_secs(6 * 3_600);

    /// Nothing learnt yet.
    pub(crate) const fn new(usual: Duration) -> Self {
        Self { usual, learnt: BTreeMap::new() }
    }

    /// The interval for the network that this machine is in now, given where proxy2 is.
    pub(crate) fn at(&mut self, peer: SocketAddr) -> Duration {
        let ends = (source_address(peer), peer.ip());
        let Some(learnt) = self.learnt.get_mut(&ends) else { return self.usual };
        if learnt.when.elapsed() >= Self::COUNTS {
            *learnt = Learnt { interval: learnt.interval * 2, when: Instant::now() };
        }
        if learnt.interval >= self.usual {
            self.learnt.remove(&ends);
            return self.usual;
        }
        learnt.interval
    }

    /// On the way to `peer`, from the network that this machine is in now, it has to be so much.
    pub(crate) fn learnt(&mut self, peer: SocketAddr, interval: Duration) {
        info!(
            keepalive = ?interval,
            usual = ?self.usual,
            "something on the way forgets this proxy1 soon: it shows itself more often here from now on"
        );
        if self.learnt.len() >= Self::MOST {
            self.learnt.pop_first();
        }
        self.learnt.insert((source_address(peer), peer.ip()), Learnt { interval, when: Instant::now() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_in_a_network_counts_there() {
        let (one, other) = (SocketAddr::from(([127, 0, 0, 1], 9)), SocketAddr::from(([127, 0, 0, 2], 9)));
        let mut keepalives = Keepalives::new(Duration::from_secs(20));
        assert_eq!(keepalives.at(one), Duration::from_secs(20));
        keepalives.learnt(one, Duration::from_secs(8));
        assert_eq!([other, one].map(|peer| keepalives.at(peer).as_secs()), [20, 8]);
        assert_eq!(source_address(one), Some(one.ip()));
        for expected in [16, 20] {
            for learnt in keepalives.learnt.values_mut() {
                learnt.when = learnt.when.checked_sub(Keepalives::COUNTS).unwrap();
            }
            assert_eq!(keepalives.at(one).as_secs(), expected, "it is tried again");
        }
    }
}
