//! Many blocks of addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::cidr::{Cidr, number};
use super::class::AddressClass;
use super::ports::{PortSet, PortsOfBoth, Protocol};

/// The widest blocks that stand for the metadata services in them: nobody who allows 169.254.0.0/16 or fd00::/8 has those in mind.
const NARROW_V4: u8 = 24;
const NARROW_V6: u8 = 112;

/// Blocks of addresses with their ports. An address is in a chain of blocks, each in the next: two blocks never overlap otherwise.
#[derive(Debug, Default)]
pub(super) struct Nets {
    v4: Vec<Net>,
    v6: Vec<Net>,
    /// The ports of all blocks.
    ports: PortsOfBoth,
}

#[derive(Debug)]
struct Net {
    first: u128,
    last: u128,
    is_narrow: bool,
    ports: PortsOfBoth,
    /// The narrowest block around it.
    around: Option<usize>,
}

impl Nets {
    pub(super) fn new<'a>(blocks: impl Iterator<Item = (Cidr, &'a PortSet, Protocol)>) -> Self {
        // First the first address, then the wider block: a block comes behind each that is around it.
        let mut sorted: BTreeMap<(bool, u128, u8), (Cidr, PortsOfBoth)> = BTreeMap::new();
        let mut all = Self::default();
        for (cidr, ports, protocol) in blocks {
            let key = (cidr.first().is_ipv6(), number(cidr.first()), cidr.prefix_len());
            sorted.entry(key).or_insert_with(|| (cidr, PortsOfBoth::default())).1.add(ports, protocol);
            all.ports.add(ports, protocol);
        }
        for (cidr, ports) in sorted.into_values() {
            all.push(cidr, ports);
        }
        all
    }

    fn push(&mut self, cidr: Cidr, ports: PortsOfBoth) {
        let (nets, narrow) =
            if cidr.first().is_ipv4() { (&mut self.v4, NARROW_V4) } else { (&mut self.v6, NARROW_V6) };
        let (first, last) = cidr.bounds();
        let mut around = nets.len().checked_sub(1);
        while let Some(net) = around.and_then(|at| nets.get(at)).filter(|net| net.last < first) {
            around = net.around;
        }
        nets.push(Net { first, last, is_narrow: cidr.prefix_len() >= narrow, ports, around });
    }

    /// Whether a block has this address, which is in its canonical form and of that class, with this port.
    pub(super) fn contain(&self, ip: IpAddr, class: AddressClass, port: u16, protocol: Protocol) -> bool {
        let (nets, number) = (if ip.is_ipv4() { &self.v4 } else { &self.v6 }, number(ip));
        let mut next = nets.partition_point(|net| net.first <= number).checked_sub(1);
        while let Some(net) = next.and_then(|at| nets.get(at)) {
            let is_meant = net.is_narrow || class != AddressClass::Metadata;
            if number <= net.last && is_meant && net.ports.contains(port, protocol) {
                return true;
            }
            next = net.around;
        }
        false
    }

    /// Whether any block has this port.
    pub(super) fn have_port(&self, port: u16, protocol: Protocol) -> bool {
        self.ports.contains(port, protocol)
    }
}
