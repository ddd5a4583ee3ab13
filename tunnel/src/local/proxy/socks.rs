//! The bytes of SOCKS: version 5 (RFC 1928) without authentication, versions 4 and 4a.

use std::net::{Ipv4Addr, Ipv6Addr};

use proto::destination::Destination;
use proto::sealed::wire::frame::ResetCode;

use super::{Outcome, destination};

/// A client's side of the dialogue, as far as it has come.
#[derive(Debug)]
pub(super) struct Dialogue {
    buffer: Vec<u8>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing has been understood.
    Beginning,
    /// Version 5: the method is agreed on.
    Agreed,
    /// Version 5: what it wants is known.
    Asked,
    /// Version 4: what it wants is known.
    AskedOfVersion4,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More is needed, into the buffer.
    Read,
    /// Send this and go on.
    Answer(Vec<u8>),
    /// Open a stream, then send [`Dialogue::success`] or [`Dialogue::failure`].
    Open(Destination),
    /// Send this and end.
    Refuse(Vec<u8>, Outcome),
}

/// The address in an answer, which means nothing here: IPv4, 0.0.0.0:0.
const NO_ADDRESS: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
/// RFC 1928 section 6: the request could not be granted for a reason that has no code.
const FAILURE: u8 = 1;
const HOST_UNREACHABLE: u8 = 4;
const COMMAND_NOT_SUPPORTED: u8 = 7;
const ADDRESS_NOT_SUPPORTED: u8 = 8;
/// Version 4: granted, and rejected or failed.
const GRANTED: u8 = 90;
const REJECTED: u8 = 91;

impl Dialogue {
    /// A dialogue that begins with these bytes.
    pub(super) const fn new(buffer: Vec<u8>) -> Self {
        Self { buffer, stage: Stage::Beginning }
    }

    /// Where more bytes go.
    pub(super) const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Bytes that are not understood yet.
    pub(super) const fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// What the client has sent behind its request.
    pub(super) fn rest(self) -> Vec<u8> {
        self.buffer
    }

    /// Looks at what has come.
    pub(super) fn next(&mut self) -> Step {
        let step = match (self.stage, self.buffer.first()) {
            (Stage::Beginning, Some(4)) => self.version_4(),
            (Stage::Beginning, _) => self.greeting(),
            _ => self.request(),
        };
        step.unwrap_or(Step::Read)
    }

    /// The answer when the stream is open.
    pub(super) fn success(&self) -> Vec<u8> {
        match self.stage {
            Stage::AskedOfVersion4 => answer_4(GRANTED),
            Stage::Beginning | Stage::Agreed | Stage::Asked => answer(0),
        }
    }

    /// The answer when it cannot be.
    pub(super) fn failure(&self, code: ResetCode) -> Vec<u8> {
        if self.stage == Stage::AskedOfVersion4 {
            return answer_4(REJECTED);
        }
        answer(match code {
            ResetCode::Forbidden => 2,
            ResetCode::Unreachable => HOST_UNREACHABLE,
            ResetCode::Refused => 5,
            // "TTL expired" is the only one that has to do with time.
            ResetCode::TimedOut => 6,
            ResetCode::Limit | ResetCode::Reset | ResetCode::Idle | ResetCode::Unknown(_) => FAILURE,
        })
    }

    /// Version, number of methods, methods.
    fn greeting(&mut self) -> Option<Step> {
        const NO_AUTHENTICATION: u8 = 0;
        const NONE_ACCEPTABLE: u8 = 255;
        let (&[_, count], rest) = self.buffer.split_first_chunk()?;
        let (methods, rest) = rest.split_at_checked(count.into())?;
        let has_one = methods.contains(&NO_AUTHENTICATION);
        self.buffer = rest.to_vec();
        self.stage = Stage::Agreed;
        Some(match has_one {
            true => Step::Answer(vec![5, NO_AUTHENTICATION]),
            false => Step::Refuse(
                vec![5, NONE_ACCEPTABLE],
                Outcome::Unsupported("SOCKS5 with authentication (none is needed)"),
            ),
        })
    }

    /// Version, command, a reserved byte, kind of address, address, port.
    fn request(&mut self) -> Option<Step> {
        let (&[version, command, _, kind], rest) = self.buffer.split_first_chunk()?;
        if version != 5 {
            return Some(Step::Refuse(answer(FAILURE), Outcome::Malformed("no request of SOCKS5")));
        }
        let (host, rest) = match kind {
            1 => {
                let (ip, rest) = rest.split_first_chunk::<4>()?;
                (Some(Ipv4Addr::from(*ip).to_string()), rest)
            }
            3 => {
                let (&length, rest) = rest.split_first()?;
                let (name, rest) = rest.split_at_checked(length.into())?;
                (String::from_utf8(name.into()).ok(), rest)
            }
            4 => {
                let (ip, rest) = rest.split_first_chunk::<16>()?;
                (Some(Ipv6Addr::from(*ip).to_string()), rest)
            }
            _ => {
                let outcome = Outcome::Unsupported("an unknown kind of address");
                return Some(Step::Refuse(answer(ADDRESS_NOT_SUPPORTED), outcome));
            }
        };
        let (&port, rest) = rest.split_first_chunk()?;
        self.buffer = rest.to_vec();
        self.stage = Stage::Asked;
        if command != CONNECT {
            let outcome = Outcome::Unsupported("another command of SOCKS5 than CONNECT");
            return Some(Step::Refuse(answer(COMMAND_NOT_SUPPORTED), outcome));
        }
        Some(open(host.as_deref(), port, || answer(HOST_UNREACHABLE)))
    }

    /// Version, command, port, address, user; with an address 0.0.0.x (4a) a name behind that.
    fn version_4(&mut self) -> Option<Step> {
        let (&[_, command], rest) = self.buffer.split_first_chunk()?;
        let (&port, rest) = rest.split_first_chunk()?;
        let (&ip, rest) = rest.split_first_chunk::<4>()?;
        let (_user, rest) = split_text(rest)?;
        let (host, rest) = match ip {
            [0, 0, 0, 1..=255] => {
                let (name, rest) = split_text(rest)?;
                (std::str::from_utf8(name).ok().map(Into::into), rest)
            }
            ip => (Some(Ipv4Addr::from(ip).to_string()), rest),
        };
        self.buffer = rest.to_vec();
        self.stage = Stage::AskedOfVersion4;
        if command != CONNECT {
            let outcome = Outcome::Unsupported("another command of SOCKS4 than CONNECT");
            return Some(Step::Refuse(answer_4(REJECTED), outcome));
        }
        Some(open(host.as_deref(), port, || answer_4(REJECTED)))
    }
}

/// The one command that is supported, of both versions.
const CONNECT: u8 = 1;

fn open(host: Option<&str>, port: [u8; 2], refusal: impl Fn() -> Vec<u8>) -> Step {
    let found = host.and_then(|host| destination(host, u16::from_be_bytes(port)).ok());
    match found {
        Some(destination) => Step::Open(destination),
        None => Step::Refuse(refusal(), Outcome::Malformed("a request for no host and port")),
    }
}

fn answer(code: u8) -> Vec<u8> {
    let mut bytes = vec![5, code, 0];
    bytes.extend(NO_ADDRESS);
    bytes
}

fn answer_4(code: u8) -> Vec<u8> {
    vec![0, code, 0, 0, 0, 0, 0, 0]
}

/// The text before a zero, and what is behind it.
fn split_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let (text, rest) = bytes.split_at_checked(end)?;
    Some((text, rest.get(1..)?))
}
