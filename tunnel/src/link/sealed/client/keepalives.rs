//! How often an idle link shows itself, for each network that this machine has been in: what lies between it and proxy2 is
//! another one in each, and is met again when the machine is back.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tracing::info;

/// Between which two addresses: that of this machine, and proxy2's.
type Ends = (Option<IpAddr>, IpAddr);

/// The intervals that were learnt.
#[derive(Debug)]
pub(crate) struct Keepalives {
    /// Where nothing was learnt; zero: never.
    usual: Duration,
    learnt: BTreeMap<Ends, Duration>,
    here: Option<Ends>,
}

impl Keepalives {
    /// Networks remembered: more than anybody carries a machine through in the life of a process that keeps a link.
    const MOST: usize = 256;

    /// Nothing learnt yet.
    pub(crate) const fn new(usual: Duration) -> Self {
        Self { usual, learnt: BTreeMap::new(), here: None }
    }

    /// The interval for the network that this machine is in now, given where proxy2 is.
    pub(crate) fn at(&mut self, peer: SocketAddr) -> Duration {
        let here = (own_address(peer), peer.ip());
        self.here = Some(here);
        self.learnt.get(&here).copied().unwrap_or(self.usual)
    }

    /// In this network it has to be so much.
    pub(crate) fn learnt(&mut self, interval: Duration) {
        let Some(here) = self.here else { return };
        info!(
            keepalive = ?interval,
            usual = ?self.usual,
            "something on the way forgets this proxy1 soon: it shows itself more often here from now on"
        );
        if self.learnt.len() >= Self::MOST {
            self.learnt.pop_first();
        }
        self.learnt.insert(here, interval);
    }
}

/// The address that packets to `peer` have now. Nothing is sent: connecting a UDP socket only looks up the route.
fn own_address(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(peer).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_in_a_network_counts_there() {
        let (one, other) = (SocketAddr::from(([127, 0, 0, 1], 9)), SocketAddr::from(([127, 0, 0, 2], 9)));
        let mut keepalives = Keepalives::new(Duration::from_secs(20));
        assert_eq!(keepalives.at(one), Duration::from_secs(20));
        keepalives.learnt(Duration::from_secs(8));
        assert_eq!([other, one].map(|peer| keepalives.at(peer).as_secs()), [20, 8]);
        assert_eq!(own_address(one), Some(one.ip()));
    }
}
