//! The two messages of a handshake: their bytes, and what proxy1 and proxy2 tell each other in them.

use std::num::NonZeroU8;

use thiserror::Error;

use super::cipher::Cipher;
use super::mac::{self, MAC_LEN};
use super::noise;
use super::packet::Kind;

/// Specification: version of what is inside the messages and of everything sealed afterwards.
pub const VERSION: u8 = 1;
/// Specification: length of the first message: kind, sender index, Noise message, two macs.
pub const HELLO_LEN: usize = 1 + 4 + HELLO_NOISE_LEN + MAC_LEN + MAC_LEN;
/// Specification: length of the second message: kind, receiver index, Noise message, mac.
pub const ANSWER_LEN: usize = 1 + 4 + ANSWER_NOISE_LEN + MAC_LEN;

pub(super) const HELLO_PAYLOAD_LEN: usize = 64;
pub(super) const ANSWER_PAYLOAD_LEN: usize = 48;
const HELLO_NOISE_LEN: usize = noise::FIRST_OVERHEAD + HELLO_PAYLOAD_LEN;
const ANSWER_NOISE_LEN: usize = noise::SECOND_OVERHEAD + ANSWER_PAYLOAD_LEN;

// No answer is larger than its question, so that proxy2 is of no use for flooding others.
const _: () = assert!(HELLO_LEN >= ANSWER_LEN && ANSWER_LEN >= super::cookie::COOKIE_REPLY_LEN);

/// One link of one proxy1 process: random, chosen once at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// The same for every start of proxy1 on one machine with one listen address: tells proxy2 that an older link of the
/// same client and instance is probably dead, which it should ask and not believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(pub u64);

/// One proxy2 process: random, chosen at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Wall-clock time: microseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMicros(pub u64);

/// What the sender of a handshake message allows the other side from the start, before any frame says more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Streams the other side may have open at once.
    pub streams: u32,
    /// Bytes of stream data it may send on the whole link.
    pub link_credit: u64,
    /// Bytes of stream data it may send on each stream.
    pub stream_credit: u64,
    /// The largest UDP payload in bytes that this side can receive.
    pub datagram: u16,
}

impl Limits {
    const LEN: usize = 22;

    fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..4].copy_from_slice(&self.streams.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.link_credit.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.stream_credit.to_be_bytes());
        bytes[20..].copy_from_slice(&self.datagram.to_be_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (streams, rest) = bytes.split_first_chunk()?;
        let (link_credit, rest) = rest.split_first_chunk()?;
        let (stream_credit, rest) = rest.split_first_chunk()?;
        let (datagram, rest) = rest.split_first_chunk()?;
        let limits = Self {
            streams: u32::from_be_bytes(*streams),
            link_credit: u64::from_be_bytes(*link_credit),
            stream_credit: u64::from_be_bytes(*stream_credit),
            datagram: u16::from_be_bytes(*datagram),
        };
        Some((limits, rest))
    }
}

/// Why proxy2 does not let a proxy1 in that knows its public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Refusal {
    /// proxy2 never gave out this ticket, or forgot it.
    #[error("proxy2 does not know this ticket")]
    UnknownTicket,
    /// The ticket was valid once.
    #[error("this ticket has been revoked")]
    RevokedTicket,
    /// The two clocks differ by more than the tolerance.
    #[error("the clocks of proxy1 and proxy2 differ too much")]
    ClockOff,
    /// proxy2, or this ticket, has as many links as it may have.
    #[error("proxy2 has no room for another link")]
    TooManyLinks,
    /// Another time it would work.
    #[error("proxy2 is too busy")]
    Busy,
    /// proxy2 does not speak this version; the answer says which one it speaks.
    #[error("proxy2 speaks another version of the protocol")]
    Version,
    /// A code that this version does not know.
    #[error("proxy2 refused with code {0}")]
    Other(NonZeroU8),
}

impl Refusal {
    const fn byte(self) -> u8 {
        match self {
            Self::UnknownTicket => 1,
            Self::RevokedTicket => 2,
            Self::ClockOff => 3,
            Self::TooManyLinks => 4,
            Self::Busy => 5,
            Self::Version => 6,
            Self::Other(byte) => byte.get(),
        }
    }

    const fn from_byte(byte: NonZeroU8) -> Self {
        match byte.get() {
            1 => Self::UnknownTicket,
            2 => Self::RevokedTicket,
            3 => Self::ClockOff,
            4 => Self::TooManyLinks,
            5 => Self::Busy,
            6 => Self::Version,
            _ => Self::Other(byte),
        }
    }
}

/// The sealed payload of a first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) version: u8,
    pub(super) ciphers: u8,
    /// The sender index again: outside it can be changed by who knows proxy2's public key, here it cannot.
    pub(super) index: u32,
    pub(super) time: UnixMicros,
    pub(super) link: LinkId,
    pub(super) instance: Instance,
    pub(super) limits: Limits,
}

impl Hello {
    pub(super) fn to_bytes(self) -> [u8; HELLO_PAYLOAD_LEN] {
        let mut bytes = [0; HELLO_PAYLOAD_LEN];
        bytes[0] = self.version;
        bytes[1] = self.ciphers;
        bytes[4..8].copy_from_slice(&self.index.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.time.0.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.link.0.to_be_bytes());
        bytes[24..32].copy_from_slice(&self.instance.0.to_be_bytes());
        bytes[32..32 + Limits::LEN].copy_from_slice(&self.limits.to_bytes());
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let ([version, ciphers, _, _], rest) = bytes.split_first_chunk()?;
        let (index, rest) = rest.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (link, rest) = rest.split_first_chunk()?;
        let (instance, rest) = rest.split_first_chunk()?;
        let (limits, _reserved) = Limits::parse(rest)?;
        Some(Self {
            version: *version,
            ciphers: *ciphers,
            index: u32::from_be_bytes(*index),
            time: UnixMicros(u64::from_be_bytes(*time)),
            link: LinkId(u64::from_be_bytes(*link)),
            instance: Instance(u64::from_be_bytes(*instance)),
            limits,
        })
    }
}

/// The sealed payload of a second message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) version: u8,
    pub(super) result: Result<Welcome, Refusal>,
    /// The index that proxy1 is to put in its packets; 0 in a refusal.
    pub(super) index: u32,
    pub(super) time: UnixMicros,
    pub(super) epoch: Epoch,
}

/// What an answer says to who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Welcome {
    pub(super) cipher: Cipher,
    pub(super) known: bool,
    pub(super) limits: Limits,
}

const STATUS_ACCEPTED: u8 = 0;
const FLAG_KNOWN: u8 = 1;

impl Answer {
    pub(super) fn to_bytes(self) -> [u8; ANSWER_PAYLOAD_LEN] {
        let mut bytes = [0; ANSWER_PAYLOAD_LEN];
        bytes[0] = self.version;
        bytes[4..8].copy_from_slice(&self.index.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.time.0.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.epoch.0.to_be_bytes());
        match self.result {
            Ok(welcome) => {
                bytes[1] = STATUS_ACCEPTED;
                bytes[2] = welcome.cipher.byte();
                bytes[3] = if welcome.known { FLAG_KNOWN } else { 0 };
                bytes[24..24 + Limits::LEN].copy_from_slice(&welcome.limits.to_bytes());
            }
            Err(refusal) => bytes[1] = refusal.byte(),
        }
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let ([version, status, cipher, flags], rest) = bytes.split_first_chunk()?;
        let (index, rest) = rest.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (epoch, rest) = rest.split_first_chunk()?;
        let (limits, _reserved) = Limits::parse(rest)?;
        let result = match NonZeroU8::new(*status) {
            None => {
                let cipher = Cipher::from_byte(*cipher)?;
                Ok(Welcome { cipher, known: flags & FLAG_KNOWN != 0, limits })
            }
            Some(code) => Err(Refusal::from_byte(code)),
        };
        let (time, epoch) = (u64::from_be_bytes(*time), u64::from_be_bytes(*epoch));
        let index = u32::from_be_bytes(*index);
        Some(Self { version: *version, result, index, time: UnixMicros(time), epoch: Epoch(epoch) })
    }
}

/// The outer form of a first message.
pub(super) struct HelloView<'a> {
    pub(super) sender: u32,
    pub(super) noise: &'a [u8; HELLO_NOISE_LEN],
    pub(super) mac1: &'a [u8; MAC_LEN],
    pub(super) mac2: &'a [u8; MAC_LEN],
    /// What `mac1` covers.
    pub(super) before_mac1: &'a [u8],
    /// What `mac2` covers.
    pub(super) before_mac2: &'a [u8],
}

impl<'a> HelloView<'a> {
    /// `None` if the datagram does not have the kind and the length of a first message.
    pub(super) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (before_mac2, mac2) = datagram.split_last_chunk()?;
        let (before_mac1, mac1) = before_mac2.split_last_chunk()?;
        let (kind, rest) = before_mac1.split_first()?;
        let (sender, noise) = rest.split_first_chunk()?;
        let noise = noise.try_into().ok()?;
        let sender = u32::from_be_bytes(*sender);
        let view = Self { sender, noise, mac1, mac2, before_mac1, before_mac2 };
        (*kind == Kind::Hello.byte()).then_some(view)
    }
}

/// A first message with room for its Noise message, which `fill` writes; `mac1` is set, `mac2` is zero.
pub(super) fn write_hello<T>(
    sender: u32,
    mac1_key: &[u8; 32],
    fill: impl FnOnce(&mut [u8]) -> T,
) -> (Vec<u8>, T) {
    let mut message = vec![0; HELLO_LEN];
    message[0] = Kind::Hello.byte();
    message[1..5].copy_from_slice(&sender.to_be_bytes());
    let filled = fill(&mut message[5..5 + HELLO_NOISE_LEN]);
    put_mac(&mut message[..5 + HELLO_NOISE_LEN + MAC_LEN], mac1_key);
    (message, filled)
}

/// Sets `mac2` of a first message.
pub(super) fn prove_address(message: &mut [u8], cookie: &[u8; MAC_LEN]) {
    let (covered, mac2) = message.split_last_chunk_mut().expect("a whole first message");
    *mac2 = mac::short_mac(cookie, covered);
}

/// The outer form of a second message.
pub(super) struct AnswerView<'a> {
    pub(super) receiver: u32,
    pub(super) noise: &'a [u8; ANSWER_NOISE_LEN],
    pub(super) mac1: &'a [u8; MAC_LEN],
    pub(super) before_mac1: &'a [u8],
}

impl<'a> AnswerView<'a> {
    /// `None` if the datagram does not have the kind and the length of a second message.
    pub(super) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (before_mac1, mac1) = datagram.split_last_chunk()?;
        let (kind, rest) = before_mac1.split_first()?;
        let (receiver, noise) = rest.split_first_chunk()?;
        let noise = noise.try_into().ok()?;
        let receiver = u32::from_be_bytes(*receiver);
        (*kind == Kind::Answer.byte()).then_some(Self { receiver, noise, mac1, before_mac1 })
    }
}

/// A second message with room for its Noise message, which `fill` writes; `mac1` is set.
pub(super) fn write_answer<T>(
    receiver: u32,
    mac1_key: &[u8; 32],
    fill: impl FnOnce(&mut [u8]) -> T,
) -> (Vec<u8>, T) {
    let mut message = vec![0; ANSWER_LEN];
    message[0] = Kind::Answer.byte();
    message[1..5].copy_from_slice(&receiver.to_be_bytes());
    let filled = fill(&mut message[5..5 + ANSWER_NOISE_LEN]);
    put_mac(&mut message, mac1_key);
    (message, filled)
}

fn put_mac(message: &mut [u8], key: &[u8; 32]) {
    let (covered, mac1) = message.split_last_chunk_mut().expect("room for the mac");
    *mac1 = mac::short_mac(key, covered);
}
