//! The places of many rules of one kind.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::cidr::Cidr;
use super::class::AddressClass;
use super::nets::Nets;
use super::place::{HostPattern, Place, UnixPattern};
use super::ports::{PortSet, PortsOfBoth, Protocol};
use super::set::SocketGrant;

/// Places, found by what was asked for.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) has_target: bool,
    pub(super) of_target: PortsOfBoth,
    pub(super) any: PortsOfBoth,
    pub(super) private: PortsOfBoth,
    names: HashMap<String, PortsOfBoth>,
    below: HashMap<String, PortsOfBoth>,
    /// How many labels the names in `below` have.
    labels: BTreeSet<usize>,
    pub(super) nets: Nets,
    sockets: HashSet<PathBuf>,
    folders: HashSet<PathBuf>,
}

/// The addresses that are meant by `localhost` in a rule.
const LOCALHOST: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

impl Places {
    pub(super) fn new<'a>(places: impl Iterator<Item = &'a Place> + Clone) -> Self {
        let mut all = Self { nets: Nets::new(places.clone().flat_map(blocks)), ..Self::default() };
        places.for_each(|place| all.add(place));
        all
    }

    fn add(&mut self, place: &Place) {
        let (host, ports, protocol) = match place {
            Place::Ports { host, ports, protocol } => (host, ports, *protocol),
            Place::Target => return self.has_target = true,
            Place::Unix(pattern) => return self.add_sockets(pattern),
        };
        let of_hosts = match host {
            HostPattern::Target => &mut self.of_target,
            HostPattern::Any => &mut self.any,
            HostPattern::Private => &mut self.private,
            HostPattern::Name(name) => self.names.entry(name.as_str().into()).or_default(),
            HostPattern::Below(name) => {
                self.labels.insert(name.as_str().split('.').count());
                self.below.entry(name.as_str().into()).or_default()
            }
            HostPattern::Net(_) => return,
        };
        of_hosts.add(ports, protocol);
    }

    fn add_sockets(&mut self, pattern: &UnixPattern) {
        match pattern {
            UnixPattern::Socket(path) => self.sockets.insert(path.as_path().into()),
            UnixPattern::In(Some(folder)) => self.folders.insert(folder.as_path().into()),
            UnixPattern::In(None) => self.folders.insert("/".into()),
        };
    }

    /// Whether a name stands there with this port.
    pub(super) fn have_name(&self, name: &str, port: u16, protocol: Protocol) -> bool {
        self.names.get(name).is_some_and(|ports| ports.contains(port, protocol))
    }

    /// Whether a name above this one stands there with this port.
    pub(super) fn have_name_above(&self, name: &str, port: u16, protocol: Protocol) -> bool {
        // A name has up to 128 labels, and looking up each that is above it would take long.
        let Some(most) = self.labels.last() else { return false };
        let above = name.rmatch_indices('.').take(*most).zip(1..);
        above.filter(|(_, labels)| self.labels.contains(labels)).any(|((dot, _), _)| {
            let above = name.get(dot + 1..).and_then(|above| self.below.get(above));
            above.is_some_and(|ports| ports.contains(port, protocol))
        })
    }

    /// Whether an address, in its canonical form, stands there with this port, by itself, in a block or as one of the private ones.
    pub(super) fn have_address(
        &self,
        ip: IpAddr,
        class: AddressClass,
        port: u16,
        protocol: Protocol,
    ) -> bool {
        class == AddressClass::Private && self.private.contains(port, protocol)
            || self.nets.contain(ip, class, port, protocol)
    }

    /// Whether a Unix socket stands there, or its folder.
    pub(super) fn socket(&self, path: &Path) -> Option<SocketGrant> {
        if self.sockets.contains(path) {
            return Some(SocketGrant::Path);
        }
        path.parent().filter(|folder| self.folders.contains(*folder)).map(|_| SocketGrant::Folder)
    }
}

/// The blocks of addresses of a place.
fn blocks(place: &Place) -> impl Iterator<Item = (Cidr, &PortSet, Protocol)> {
    let (cidrs, ports) = match place {
        Place::Ports { host: HostPattern::Net(cidr), ports, protocol } => {
            (vec![*cidr], Some((ports, *protocol)))
        }
        Place::Ports { host: HostPattern::Name(name), ports, protocol } if name.as_str() == "localhost" => {
            (LOCALHOST.map(Cidr::from).to_vec(), Some((ports, *protocol)))
        }
        Place::Target | Place::Ports { .. } | Place::Unix(_) => (Vec::new(), None),
    };
    cidrs.into_iter().filter_map(move |cidr| ports.map(|(ports, protocol)| (cidr, ports, protocol)))
}
