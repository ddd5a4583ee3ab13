//! What proxy2 prints at its start: how a proxy1 joins it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use proto::ticket::Ticket;
use proto::ticket::record::TicketRecord;
use zeroize::Zeroizing;

use crate::state::{ServerState, StateDir, valid_for};

/// How a proxy1 joins.
pub struct Invitation {
    address: SocketAddr,
    folder: StateDir,
    /// The first ticket, if it was made just now.
    new: Option<Ticket>,
    /// The name of a valid ticket.
    name: Option<String>,
}

impl Invitation {
    /// For the proxy2 that listens on `address`.
    pub(crate) fn new(address: SocketAddr, folder: &StateDir, state: &ServerState) -> Self {
        let key = state.key.public();
        let named = |record: &TicketRecord| Some((record.name.to_string(), valid_for(&key, record)?));
        let valid = state.tickets.iter().find_map(named);
        Self {
            address,
            folder: folder.clone(),
            new: valid.as_ref().filter(|_| state.is_new).map(|(_, ticket)| ticket.clone()),
            name: valid.map(|(name, _)| name),
        }
    }

    /// What to print. The ticket, a secret, is in it only at the first start; later `proxy2 ticket show` tells it.
    pub fn to_text(&self) -> Zeroizing<String> {
        let (host, port) = (reachable(self.address.ip()), self.address.port());
        let mut text = Zeroizing::new(String::new());
        let (command, option) = (format!("proxy1 8080 {host} {port}"), self.folder.option());
        let from = if self.address.ip().is_loopback() {
            format!("from this machine (others reach proxy2 when it listens on 0.0.0.0:{port})")
        } else {
            "from anywhere".into()
        };
        match (&self.new, &self.name) {
            (Some(ticket), _) => {
                text.push_str(&format!("Join {from}:\n  {command} --ticket "));
                text.push_str(&ticket.to_text());
                text.push_str(&format!("\nJoin as this user on this machine:\n  {command}{option}\n"));
            }
            (None, Some(name)) => text.push_str(&format!(
                "Join as this user on this machine:\n  {command}{option}\n\
                 Join {from}, with what `proxy2 ticket show {name}{option}` prints:\n  {command} --ticket TICKET\n"
            )),
            (None, None) => text.push_str(&format!(
                "No ticket is valid: make one with `proxy2 ticket add NAME{option}` (tickets are in {})\n",
                self.folder.path().display()
            )),
        }
        text
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation").field("address", &self.address).finish_non_exhaustive()
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

/// The address that packets to the outside would have. Nothing is sent: connecting a UDP socket only looks up the route.
fn outward() -> Option<IpAddr> {
    /// Addresses for documentation (RFC 5737, RFC 3849), routed like any other.
    const ELSEWHERE: [(IpAddr, IpAddr); 2] = [
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        (IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
    ];
    ELSEWHERE.iter().find_map(|&(any, elsewhere)| {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((elsewhere, 9)).ok()?;
        socket.local_addr().ok().map(|address| address.ip())
    })
}
