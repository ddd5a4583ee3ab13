//! What proxy2 prints at its start: how a proxy1 joins it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proto::ticket::Ticket;
use proto::ticket::record::TicketRecord;
use zeroize::Zeroizing;

use crate::address::MAX_PORTS;
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
        let (host, port) = (reachable(address), ports.join(","));
        let (command, option) = (format!("proxy1 8080 {host} {port}"), self.folder.option());
        let from = if address.is_loopback() {
            format!("from this machine (others reach proxy2 when it listens on 0.0.0.0:{port})")
        } else {
            "from anywhere".into()
        };
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
                "Join {from}, with a ticket that `proxy2 ticket add NAME{option}` makes:\n  \
                 {command} --ticket-file FILE\n"
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

/// An address of this machine that others can perhaps reach, for a socket that is bound to all of them.
fn reachable(bound: IpAddr) -> String {
    let found = if bound.is_unspecified() { outward() } else { Some(bound) };
    match found {
        Some(IpAddr::V6(ip)) => format!("[{ip}]"),
        Some(IpAddr::V4(ip)) => ip.to_string(),
        None => "HOST".into(),
    }
}

/// The address that packets to the outside would have.
fn outward() -> Option<IpAddr> {
    /// Addresses for documentation (RFC 5737, RFC 3849), routed like any other.
    const ELSEWHERE: [IpAddr; 2] =
        [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];
    ELSEWHERE.iter().find_map(|elsewhere| source_address(SocketAddr::new(*elsewhere, 9)))
}
