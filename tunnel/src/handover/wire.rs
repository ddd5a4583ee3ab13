//! What two processes tell each other while one takes over from the other: messages of a length, a kind and a body.
//!
//! Both are of one user and one version ([`super::VERSION`]), so nothing here grows; but neither trusts the other with its memory.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use proto::sealed::crypto::keys::PublicKey;
use proto::sealed::endpoint::handover::{IndexChange, LinkName, TakenStamp};
use proto::sealed::endpoint::lane::Lane;
use proto::sealed::handshake::terms::{Instance, LinkId, UnixMicros};
use proto::sealed::wire::ecn::Ecn;

/// The longest body: one receive buffer, and who sent what is in it.
pub(super) const MAX_BODY: usize = (64 << 10) + 128;
/// Bytes before a body: its length (4) and its kind (1).
pub(super) const HEAD: usize = 5;
/// Links, stamps or indices in one message.
pub(crate) const MOST_IN_LIST: usize = 1_024;

/// What one tells the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// From the newer: it is ready to read the sockets.
    Ready,
    /// From the newer: datagrams for the links of the older.
    Datagrams(PassedBatch),
    /// From the newer: does the client of this link still live?
    Doubt(LinkName),
    /// From the older: links that it keeps.
    Links(Vec<(LinkName, Instance)>),
    /// From the older: indices that its links have, or have no more.
    Indices(Vec<IndexChange>),
    /// From the older: stamps that it has taken.
    Stamps(Vec<TakenStamp>),
    /// From the older: it reads no more, and has this half of the indices.
    Begin(Lane),
    /// From the older: this link has ended.
    Ended(LinkName),
    /// From the older: how many links and streams it still has.
    Figures {
        /// Links.
        links: u64,
        /// Streams.
        streams: u64,
    },
}

/// Datagrams of one size (the last may be shorter) from one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PassedBatch {
    /// The socket that they came to, as the older process counts.
    pub(crate) socket: u8,
    /// Who sent them.
    pub(crate) remote: SocketAddr,
    /// To which address of this machine, if the socket has several.
    pub(crate) local: Option<IpAddr>,
    /// Bytes in each.
    pub(crate) stride: usize,
    /// What the IP header of each says.
    pub(crate) ecn: Ecn,
    /// They themselves.
    pub(crate) bytes: Vec<u8>,
}

/// A message that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other process sends what is no message")]
pub(crate) struct NotAMessage;

mod kind {
    pub(super) const READY: u8 = 1;
    pub(super) const DATAGRAMS: u8 = 2;
    pub(super) const DOUBT: u8 = 3;
    pub(super) const LINKS: u8 = 16;
    pub(super) const STAMPS: u8 = 17;
    pub(super) const BEGIN: u8 = 18;
    pub(super) const ENDED: u8 = 19;
    pub(super) const FIGURES: u8 = 20;
    pub(super) const INDICES: u8 = 21;
}

impl Message {
    /// Its bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEAD];
        let kind = match self {
            Self::Ready => kind::READY,
            Self::Datagrams(batch) => {
                batch.write(&mut bytes);
                kind::DATAGRAMS
            }
            Self::Doubt(name) => {
                write_name(&mut bytes, name);
                kind::DOUBT
            }
            Self::Links(links) => {
                for (name, instance) in links {
                    write_name(&mut bytes, name);
                    bytes.extend(instance.0.to_be_bytes());
                }
                kind::LINKS
            }
            Self::Indices(indices) => {
                for IndexChange { index, is_used } in indices {
                    bytes.extend(index.to_be_bytes());
                    bytes.push(u8::from(*is_used));
                }
                kind::INDICES
            }
            Self::Stamps(stamps) => {
                stamps.iter().for_each(|stamp| write_stamp(&mut bytes, stamp));
                kind::STAMPS
            }
            Self::Begin(lane) => {
                bytes.push(u8::from(*lane == Lane::High));
                kind::BEGIN
            }
            Self::Ended(name) => {
                write_name(&mut bytes, name);
                kind::ENDED
            }
            Self::Figures { links, streams } => {
                bytes.extend(links.to_be_bytes());
                bytes.extend(streams.to_be_bytes());
                kind::FIGURES
            }
        };
        let length = u32::try_from(bytes.len() - HEAD).unwrap_or(u32::MAX);
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        bytes[4] = kind;
        bytes
    }

    /// Reads the body of a message.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn parse(kind: u8, body: Vec<u8>) -> Result<Self, NotAMessage> {
        let mut rest = &body[..];
        let message = match kind {
            kind::READY => Self::Ready,
            kind::DATAGRAMS => return PassedBatch::read(&body).map(Self::Datagrams).ok_or(NotAMessage),
            kind::DOUBT => Self::Doubt(read_name(&mut rest).ok_or(NotAMessage)?),
            kind::LINKS => Self::Links(read_all(&mut rest, |rest| {
                let name = read_name(rest)?;
                Some((name, Instance(u64::from_be_bytes(take(rest)?))))
            })?),
            kind::INDICES => Self::Indices(read_all(&mut rest, |rest| {
                let index = u32::from_be_bytes(take(rest)?);
                let [is_used] = take(rest)?;
                Some(IndexChange { index, is_used: is_used == 1 })
            })?),
            kind::STAMPS => Self::Stamps(read_all(&mut rest, read_stamp)?),
            kind::BEGIN => match take(&mut rest) {
                Some([0]) => Self::Begin(Lane::Low),
                Some([1]) => Self::Begin(Lane::High),
                Some(_) | None => return Err(NotAMessage),
            },
            kind::ENDED => Self::Ended(read_name(&mut rest).ok_or(NotAMessage)?),
            kind::FIGURES => {
                let mut number = || take(&mut rest).map(u64::from_be_bytes).ok_or(NotAMessage);
                Self::Figures { links: number()?, streams: number()? }
            }
            _ => return Err(NotAMessage),
        };
        if rest.is_empty() { Ok(message) } else { Err(NotAMessage) }
    }
}

impl PassedBatch {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.socket);
        write_ip(bytes, Some(self.remote.ip()));
        bytes.extend(self.remote.port().to_be_bytes());
        let scope = if let SocketAddr::V6(v6) = self.remote { v6.scope_id() } else { 0 };
        bytes.extend(scope.to_be_bytes());
        write_ip(bytes, self.local);
        bytes.extend(u32::try_from(self.stride).unwrap_or(u32::MAX).to_be_bytes());
        bytes.push(self.ecn.bits());
        bytes.extend(&self.bytes);
    }

    fn read(mut rest: &[u8]) -> Option<Self> {
        let [socket] = take(&mut rest)?;
        let ip = read_ip(&mut rest)??;
        let port = u16::from_be_bytes(take(&mut rest)?);
        let scope = u32::from_be_bytes(take(&mut rest)?);
        let remote = match ip {
            IpAddr::V4(v4) => SocketAddr::from((v4, port)),
            IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, scope).into(),
        };
        let local = read_ip(&mut rest)?;
        let stride = usize::try_from(u32::from_be_bytes(take(&mut rest)?)).ok()?;
        let [bits] = take(&mut rest)?;
        let ecn = Ecn::from_bits(bits)?;
        (stride > 0).then(|| Self { socket, remote, local, stride, ecn, bytes: rest.to_vec() })
    }
}

fn write_name(bytes: &mut Vec<u8>, name: &LinkName) {
    bytes.extend(name.client.as_bytes());
    bytes.extend(name.id.0.to_be_bytes());
}

fn read_name(rest: &mut &[u8]) -> Option<LinkName> {
    let client = PublicKey::from_bytes(take(rest)?);
    Some(LinkName { client, id: LinkId(u64::from_be_bytes(take(rest)?)) })
}

fn write_stamp(bytes: &mut Vec<u8>, stamp: &TakenStamp) {
    bytes.extend(stamp.client.as_bytes());
    bytes.push(stamp.link.is_some().into());
    bytes.extend(stamp.link.unwrap_or(LinkId(0)).0.to_be_bytes());
    bytes.extend(stamp.stamp.0.to_be_bytes());
}

fn read_stamp(rest: &mut &[u8]) -> Option<TakenStamp> {
    let client = PublicKey::from_bytes(take(rest)?);
    let [is_known] = take(rest)?;
    let link = LinkId(u64::from_be_bytes(take(rest)?));
    let stamp = UnixMicros(u64::from_be_bytes(take(rest)?));
    Some(TakenStamp { client, link: (is_known == 1).then_some(link), stamp })
}

/// An address, or none: its length, and its bytes.
fn write_ip(bytes: &mut Vec<u8>, ip: Option<IpAddr>) {
    match ip {
        None => bytes.push(0),
        Some(IpAddr::V4(v4)) => {
            bytes.push(4);
            bytes.extend(v4.octets());
        }
        Some(IpAddr::V6(v6)) => {
            bytes.push(16);
            bytes.extend(v6.octets());
        }
    }
}

fn read_ip(rest: &mut &[u8]) -> Option<Option<IpAddr>> {
    Some(match take(rest)? {
        [0] => None,
        [4] => Some(Ipv4Addr::from(take::<4>(rest)?).into()),
        [16] => Some(Ipv6Addr::from(take::<16>(rest)?).into()),
        [_] => return None,
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*bytes)
}

fn read_all<T>(
    rest: &mut &[u8],
    mut one: impl FnMut(&mut &[u8]) -> Option<T>,
) -> Result<Vec<T>, NotAMessage> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        all.push(one(rest).ok_or(NotAMessage)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages() -> Vec<Message> {
        let name = LinkName { client: PublicKey::from_bytes([3; 32]), id: LinkId(9) };
        let batch = |remote: &str, local: Option<&str>, ecn| {
            let (remote, local) = (remote.parse().unwrap(), local.map(|local| local.parse().unwrap()));
            Message::Datagrams(PassedBatch {
                socket: 2,
                remote,
                local,
                stride: 3,
                ecn,
                bytes: vec![1, 2, 3, 4],
            })
        };
        let stamp = TakenStamp { client: name.client, link: Some(name.id), stamp: UnixMicros(77) };
        vec![
            Message::Ready,
            batch("192.0.2.1:9", None, Ecn::NotCapable),
            batch("[fe80::1%7]:9", Some("2001:db8::1"), Ecn::Congested),
            batch("192.0.2.1:9", Some("192.0.2.2"), Ecn::Capable),
            Message::Doubt(name),
            Message::Links(vec![(name, Instance(5)), (name, Instance(6))]),
            Message::Links(Vec::new()),
            Message::Stamps(vec![stamp, TakenStamp { link: None, ..stamp }]),
            Message::Indices(vec![
                IndexChange { index: 7, is_used: true },
                IndexChange { index: u32::MAX, is_used: false },
            ]),
            Message::Begin(Lane::Low),
            Message::Begin(Lane::High),
            Message::Ended(name),
            Message::Figures { links: 1, streams: u64::MAX },
        ]
    }

    #[test]
    fn each_message_is_read_as_it_was_written() {
        for message in messages() {
            let bytes = message.to_bytes();
            let (head, body) = bytes.split_at(HEAD);
            assert_eq!(head[..4], u32::try_from(body.len()).unwrap().to_be_bytes());
            assert_eq!(Message::parse(head[4], body.to_vec()), Ok(message));
        }
    }

    #[test]
    fn what_is_cut_off_or_longer_is_no_message() {
        for message in messages() {
            let bytes = message.to_bytes();
            let (kind, body) = (bytes[4], &bytes[HEAD..]);
            for length in 0..body.len() {
                let read = Message::parse(kind, body[..length].to_vec());
                assert_ne!(read, Ok(message.clone()), "{length} bytes");
            }
            if !matches!(message, Message::Datagrams(_)) {
                assert_eq!(Message::parse(kind, [body, &[0]].concat()), Err(NotAMessage));
            }
        }
        assert_eq!(Message::parse(99, Vec::new()), Err(NotAMessage));
    }

    #[test]
    fn lists_are_cut_so_that_they_fit() {
        let name = LinkName { client: PublicKey::from_bytes([3; 32]), id: LinkId(9) };
        let links = Message::Links(vec![(name, Instance(1)); MOST_IN_LIST]);
        let stamp = TakenStamp { client: name.client, link: None, stamp: UnixMicros(1) };
        let stamps = Message::Stamps(vec![stamp; MOST_IN_LIST]);
        let remote = "[2001:db8::1]:9".parse().unwrap();
        let local = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));
        let batch = PassedBatch {
            socket: 0,
            remote,
            local,
            stride: 1_472,
            ecn: Ecn::Capable,
            bytes: vec![0; 65_536],
        };
        for message in [links, stamps, Message::Datagrams(batch)] {
            assert!(message.to_bytes().len() <= HEAD + MAX_BODY);
        }
    }
}
