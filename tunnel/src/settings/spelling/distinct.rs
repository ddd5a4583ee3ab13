//! Two forwards on one address are a mistake that is found before anything is bound.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::address::{Host, Listen};
use crate::settings::{Forward, ListenOn, Reverse, ReverseAt};

/// Which of the forwards: its place in the list that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Of those whose clients come here.
    Forward(usize),
    /// Of those whose clients come to the other end.
    Reverse(usize),
}

/// Two forwards are on one address. The message names both.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} and {} are on one address: give one of them another", .texts[0], .texts[1])]
pub struct SameAddress {
    /// The two.
    pub pair: [Which; 2],
    texts: [String; 2],
}

/// Checks that no two forwards are on one address. Port 0 is another one each time. The reverse ones are at the other end, and a name
/// is published once by one program, for streams and for datagrams each.
///
/// # Errors
/// [`SameAddress`]: the first pair.
pub fn check_distinct(forwards: &[Forward], reverses: &[Reverse]) -> Result<(), SameAddress> {
    let here = forwards.iter().map(|forward| Place::of(&forward.listen));
    if let Some(pair) = first_pair(here) {
        let text = |at: usize| forwards.get(at).map(|one| format!("{} {one}", one.option()));
        return Err(SameAddress::new(pair, Which::Forward, text));
    }
    let there = reverses.iter().map(|reverse| match &reverse.at {
        ReverseAt::Listen(listen) => Place::of(listen),
        ReverseAt::Publish(name) if reverse.takes_datagrams() => Place::Other(format!("udp/@{name}")),
        ReverseAt::Publish(name) => Place::Other(format!("@{name}")),
    });
    match first_pair(there) {
        Some(pair) => {
            let text = |at: usize| reverses.get(at).map(|one| format!("{} {one}", one.option()));
            Err(SameAddress::new(pair, Which::Reverse, text))
        }
        None => Ok(()),
    }
}

impl SameAddress {
    fn new(pair: [usize; 2], which: fn(usize) -> Which, text: impl Fn(usize) -> Option<String>) -> Self {
        Self { pair: pair.map(which), texts: pair.map(|at| text(at).unwrap_or_default()) }
    }
}

/// An address, for comparing.
enum Place {
    Port { udp: bool, port: u16, host: Host },
    Other(String),
}

impl Place {
    fn of(listen: &ListenOn) -> Self {
        match listen {
            ListenOn::Tcp(listen) => Self::port(listen, false),
            ListenOn::Udp(listen) => Self::port(listen, true),
            ListenOn::Unix(path) => Self::Other(path.to_string_lossy().into()),
            ListenOn::Stdio => Self::Other(String::new()),
        }
    }

    fn port(listen: &Listen, udp: bool) -> Self {
        let host = match &listen.host {
            Host::Name(name) if name.eq_ignore_ascii_case("localhost") => {
                Host::Ip(Ipv4Addr::LOCALHOST.into())
            }
            Host::Name(name) => Host::Name(name.to_ascii_lowercase()),
            ip @ Host::Ip(_) => ip.clone(),
        };
        Self::Port { udp, port: listen.port, host }
    }
}

/// The first two of which the second cannot be had beside the first.
fn first_pair(places: impl Iterator<Item = Place>) -> Option<[usize; 2]> {
    let (mut ports, mut others) = (HashMap::<_, Vec<(usize, Host)>>::new(), HashMap::new());
    for (at, place) in places.enumerate() {
        match place {
            Place::Port { port: 0, .. } => {}
            Place::Port { udp, port, host } => {
                let taken = ports.entry((udp, port)).or_default();
                if let Some((first, _)) = taken.iter().find(|(_, other)| overlap(other, &host)) {
                    return Some([*first, at]);
                }
                taken.push((at, host));
            }
            Place::Other(text) => {
                if let Some(first) = others.insert(text, at) {
                    return Some([first, at]);
                }
            }
        }
    }
    None
}

/// Whether one port of both is the same: all interfaces have those of each, and `[::]` those of both families.
fn overlap(one: &Host, other: &Host) -> bool {
    let covers = |all: &Host, of: &Host| match (all, of) {
        (Host::Ip(IpAddr::V6(all)), _) if all.is_unspecified() => true,
        (Host::Ip(IpAddr::V4(all)), Host::Ip(IpAddr::V4(_))) => all.is_unspecified(),
        _ => false,
    };
    one == other || covers(one, other) || covers(other, one)
}
