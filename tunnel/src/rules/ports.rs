//! The ports of a rule.

use std::fmt;
use std::str::FromStr;

use super::error::RuleFault;

/// What is carried: a connection or datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP: `/udp` in a rule.
    Udp,
}

/// Ports: `80`, `80,443`, `8000-8010`, `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSet {
    /// First and last of each range, in order, neither overlapping nor adjacent.
    ranges: Vec<(u16, u16)>,
}

impl PortSet {
    /// Each port; also 0, which stands for any free one where somebody listens.
    pub fn all() -> Self {
        Self { ranges: vec![(0, u16::MAX)] }
    }

    /// Whether a port is one of them.
    pub fn contains(&self, port: u16) -> bool {
        let behind = self.ranges.partition_point(|(first, _)| *first <= port);
        behind.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|(_, last)| port <= *last)
    }

    /// Both together.
    pub(super) fn add(&mut self, other: &Self) {
        let mut all = [self.ranges.as_slice(), &other.ranges].concat();
        all.sort_unstable();
        self.ranges.clear();
        for (first, last) in all {
            match self.ranges.last_mut() {
                Some((_, before)) if first <= before.saturating_add(1) => *before = last.max(*before),
                _ => self.ranges.push((first, last)),
            }
        }
    }
}

impl From<u16> for PortSet {
    fn from(port: u16) -> Self {
        Self { ranges: vec![(port, port)] }
    }
}

impl FromStr for PortSet {
    type Err = RuleFault;

    fn from_str(text: &str) -> Result<Self, RuleFault> {
        if text == "*" {
            return Ok(Self::all());
        }
        let mut ports = Self::default();
        for part in text.split(',') {
            let port = |text: &str| {
                let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
                let port = text.parse().ok().filter(|port| is_number && *port > 0);
                port.ok_or_else(|| RuleFault::Ports(part.into()))
            };
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (port(first)?, port(last)?);
            if last < first {
                return Err(RuleFault::Range(part.into()));
            }
            ports.add(&Self { ranges: vec![(first, last)] });
        }
        Ok(ports)
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::all() {
            return f.write_str("*");
        }
        for (number, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

/// The ports of both protocols.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PortsOfBoth {
    tcp: PortSet,
    udp: PortSet,
}

impl PortsOfBoth {
    pub(super) fn add(&mut self, ports: &PortSet, protocol: Protocol) {
        match protocol {
            Protocol::Tcp => self.tcp.add(ports),
            Protocol::Udp => self.udp.add(ports),
        }
    }

    pub(super) fn contains(&self, port: u16, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Tcp => self.tcp.contains(port),
            Protocol::Udp => self.udp.contains(port),
        }
    }
}
