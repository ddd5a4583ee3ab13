//! What is said of each step.
//!
//! - `measured`: of what was measured
//! - `judged`: what is bad about a path that works
//! - `told`: what it all means, and what to do

mod judged;
mod measured;
mod told;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tunnel::address::HostPorts;
use tunnel::doctor::{Answered, Refusal, Share};
use tunnel::session::Identity;
use tunnel::settings::TicketSource;

pub(super) use self::judged::judge;
pub(super) use self::measured::{mapping_life, measures};
pub(super) use self::told::{next, verdict};
use super::verdict::Cause;

pub(super) fn ticket(source: &TicketSource) -> String {
    match source {
        TicketSource::Given(_) => "the ticket that was given can be read".into(),
        TicketSource::File(path) => format!("the ticket in {} can be read", path.display()),
        TicketSource::State(Some(path)) => format!("the ticket in the folder {} can be read", path.display()),
        TicketSource::State(None) => "the ticket that a proxy2 on this machine has made can be read".into(),
    }
}

pub(super) fn name(place: &HostPorts, found: &[SocketAddr]) -> String {
    let mut ips: Vec<String> = Vec::new();
    for ip in found.iter().map(|address| address.ip().to_string()) {
        if !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    format!("{} is {}", place.host, ips.join(", "))
}

/// What an address says, and what is wrong there.
pub(super) fn place(address: SocketAddr, answered: &Answered) -> (Option<Cause>, String) {
    match answered {
        Answered::Joined(_, took) => (None, format!("proxy2 answers at {address}, after {}", time(*took))),
        Answered::Refused(why, sentence) => {
            let cause = match why {
                Refusal::UnknownTicket => Cause::TicketUnknown,
                Refusal::RevokedTicket => Cause::TicketRevoked,
                Refusal::TooManyLinks => Cause::NoRoom,
                Refusal::Version => Cause::Version,
                Refusal::ClockOff | Refusal::Other(_) => Cause::RefusedOtherwise,
            };
            (Some(cause), format!("proxy2 at {address} does not let this ticket in: {sentence}"))
        }
        Answered::Busy => (
            Some(Cause::Busy),
            format!(
                "proxy2 at {address} is busy with handshakes: it asks for a proof of this address, and then says nothing"
            ),
        ),
        Answered::Classic => (
            Some(Cause::Classic),
            format!(
                "the proxy2 at {address} speaks the classic protocol, and this ticket is for the sealed one"
            ),
        ),
        Answered::Foreign => (
            Some(Cause::Foreign),
            format!("something answers at {address}, but not as a proxy2 that this ticket is for"),
        ),
        Answered::Complaint(ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) => (
            Some(Cause::NobodyListens),
            format!(
                "nothing listens on UDP {address}: that is what its machine says (ICMP port unreachable), or a firewall before it"
            ),
        ),
        Answered::Complaint(_) => (
            Some(Cause::Rejected),
            format!(
                "a machine on the way to {address} says that it cannot be reached, or that UDP is forbidden (ICMP)"
            ),
        ),
        Answered::NotSent(ErrorKind::PermissionDenied) => {
            (Some(Cause::OwnFirewall), format!("this machine does not let UDP out to {address}"))
        }
        Answered::NotSent(kind) => {
            (Some(Cause::NoRoute), format!("this machine has no way to {address}: {kind}"))
        }
        Answered::Silent => (
            Some(Cause::Silent),
            format!("no answer from {address}: datagrams leave, and nothing comes back"),
        ),
    }
}

pub(super) fn identity(identity: &Identity) -> String {
    /// As many rules as a few lines have room for.
    const SHOWN: usize = 8;
    let rules: Vec<_> = identity.rules.iter().map(|rule| rule.escape_debug().to_string()).collect();
    let shown = rules.get(..SHOWN).unwrap_or(&rules).join(" ");
    let may = match rules.len() {
        0 => "may do nothing".into(),
        1..=SHOWN => format!("may {shown}"),
        more => format!("may {shown} and {} more", more - SHOWN),
    };
    format!("the ticket is called {} there and {may}", identity.ticket.escape_debug())
}

/// The shortest, the middle, and the one that 99 of 100 do not exceed.
pub(super) fn delays(sorted: &[Duration]) -> Option<(Duration, Duration, Duration)> {
    let at = |percent: usize| {
        sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied()
    };
    Some((at(0)?, at(50)?, at(99)?))
}

fn time(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

fn percent(share: Share) -> String {
    format!("{:.1} %", share.lost() * 100.0)
}

fn rate(bits: u64) -> String {
    if bits < 1_000_000 {
        return format!("{} kbit/s", bits / 1_000);
    }
    let tenths = bits / 100_000;
    format!("{}.{} Mbit/s", tenths / 10, tenths % 10)
}
