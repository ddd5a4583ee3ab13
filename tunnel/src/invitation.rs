//! What proxy2 prints at its start: how a proxy1 joins it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proto::ticket::Ticket;
use proto::ticket::record::TicketRecord;
use zeroize::Zeroizing;

use crate::address::{Host, MAX_PORTS};
use crate::state::{ServerState, StateDir};
use crate::udp::source_address;

/// How a proxy1 joins.
pub struct Invitation {
    /// Where proxy2 listens; one or more, on the same address.
    addresses: Vec<SocketAddr>,
    folder: StateDir,
    /// Whether the first ticket was made just now.
    is_new: bool,
    /// Whether any ticket is valid.
    has_valid: bool,
}

impl Invitation {
    /// For the proxy2 that listens on these, one or more ports of one address.
    pub(crate) fn new(addresses: Vec<SocketAddr>, folder: &StateDir, state: &ServerState) -> Self {
        let has_valid = state.tickets.iter().any(TicketRecord::is_valid);
        Self { addresses, folder: folder.clone(), is_new: state.is_new, has_valid }
    }

    /// What to print where only this user sees it, like a terminal: at the first start the ticket is in it, a secret.
    pub fn with_secret(&self) -> Zeroizing<String> {
        let ticket = self.is_new.then(|| self.folder.local_ticket().ok()).flatten();
        self.to_text(ticket.as_ref())
    }

    /// What to print into a log or a file that others may read: where the ticket is, not the ticket.
    pub fn without_secret(&self) -> Zeroizing<String> {
        self.to_text(None)
    }

    fn to_text(&self, new: Option<&Ticket>) -> Zeroizing<String> {
        let address = self.addresses.first().expect("proxy2 listens somewhere").ip();
        // proxy1 takes no more.
        let some = self.addresses.iter().take(MAX_PORTS);
        let ports: Vec<_> = some.map(|address| address.port().to_string()).collect();
        let (found, port) = (reachable(address), ports.join(","));
        let host = &found.map_or_else(|| "HOST".into(), |ip| Host::Ip(ip).to_string());
        let (command, option) = (format!("proxy1 8080 {host} {port}"), self.folder.option());
        let from = whence(found, &port);
        // Room from the start: a String that grows leaves copies of the secret behind.
        let mut text = Zeroizing::new(String::with_capacity(2 << 10));
        if !self.has_valid {
            text.push_str(&format!(
                "No ticket is valid: make one with `proxy2 ticket add NAME{option}` (tickets are in {})\n",
                self.folder.path().display()
            ));
        } else if let Some(ticket) = new {
            text.push_str(&format!("Join {from}:\n  {command} --ticket "));
            text.push_str(&ticket.to_text());
            text.push('\n');
        } else {
            text.push_str(&format!(
                "Make a ticket for each machine that joins, and bring its file there:\n  \
                 proxy2 ticket add NAME --out FILE{option}\n\
                 Join {from}:\n  {command} --ticket-file FILE\n"
            ));
        }
        if self.folder.local_ticket().is_ok() {
            text.push_str(&format!("Join as this user on this machine:\n  {command}{option}\n"));
        }
        text
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// From where a proxy1 reaches the address, and what to do elsewhere.
fn whence(found: Option<IpAddr>, port: &str) -> String {
    match found {
        None => "(HOST is the name or address of this machine, as others know it)".into(),
        Some(ip) if ip.is_loopback() => {
            format!("from this machine (others can when proxy2 listens on 0.0.0.0:{port})")
        }
        Some(ip) if is_private(ip) => format!(
            "from this network. From elsewhere put the public address in place of\n{ip}, \
             and let UDP port {port} through to this machine"
        ),
        Some(_) => "from anywhere".into(),
    }
}

/// Whether an address means something in one network only: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 section 2.5.6.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// An address of this machine that others can perhaps reach, for a socket that is bound to all of them.
fn reachable(bound: IpAddr) -> Option<IpAddr> {
    if bound.is_unspecified() { outward() } else { Some(bound) }
}

/// The address that packets to the outside would have.
fn outward() -> Option<IpAddr> {
    /// Addresses for documentation (RFC 5737, RFC 3849), routed like any other.
    const ELSEWHERE: [IpAddr; 2] =
        [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];
    ELSEWHERE.iter().find_map(|elsewhere| source_address(SocketAddr::new(*elsewhere, 9)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_join_is_said_for_each_kind_of_address() {
        for (found, part) in [
            (Some("127.0.0.1"), "from this machine (others"),
            (Some("192.168.1.2"), "put the public address in place of\n192.168.1.2, and let UDP port 5000"),
            (Some("10.0.0.1"), "from this network"),
            (Some("100.64.0.1"), "from this network"),
            (Some("fd00::1"), "from this network"),
            (Some("fe80::1"), "from this network"),
            (Some("100.128.0.1"), "from anywhere"),
            (Some("2001:db8::1"), "from anywhere"),
            (None, "HOST is the name or address of this machine"),
        ] {
            let text = format!("Join {}:", whence(found.map(|ip| ip.parse().unwrap()), "5000"));
            assert!(text.contains(part), "{found:?}: {text}");
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }
}
