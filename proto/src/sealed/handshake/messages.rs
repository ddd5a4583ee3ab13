//! The two messages of a handshake: their bytes.

use std::num::NonZeroU8;

use crate::sealed::crypto::cipher::Cipher;
use crate::sealed::crypto::mac::{self, MAC_LEN};
use crate::sealed::crypto::noise;
use crate::sealed::handshake::challenge::Challenge;
use crate::sealed::handshake::cookie::COOKIE_REPLY_LEN;
use crate::sealed::handshake::terms::{Epoch, Incarnation, Instance, Limits, LinkId, Refusal, UnixMicros};
use crate::sealed::wire::packet::Kind;

// Specification.
pub(crate) const INITIATION_PAYLOAD_LEN: usize = 80;
pub(crate) const RESPONSE_PAYLOAD_LEN: usize = 56;
pub(crate) const INITIATION_NOISE_LEN: usize = noise::FIRST_OVERHEAD + INITIATION_PAYLOAD_LEN;
pub(crate) const RESPONSE_NOISE_LEN: usize = noise::SECOND_OVERHEAD + RESPONSE_PAYLOAD_LEN;

/// Specification: length of the initiation: kind, sender index, Noise message, two macs.
pub(crate) const INITIATION_LEN: usize = 1 + 4 + INITIATION_NOISE_LEN + MAC_LEN + MAC_LEN;
/// Specification: length of the response: kind, receiver index, Noise message, mac.
pub(crate) const RESPONSE_LEN: usize = 1 + 4 + RESPONSE_NOISE_LEN + MAC_LEN;

// No response is larger than its initiation, so that proxy2 is of no use for flooding others.
const _: () = assert!(INITIATION_LEN >= RESPONSE_LEN && RESPONSE_LEN >= COOKIE_REPLY_LEN);

/// The sealed payload of an initiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Initiation {
    pub(crate) version: u8,
    pub(crate) ciphers: u8,
    /// The sender index again: outside it can be changed by who knows proxy2's public key, here it cannot.
    pub(crate) index: u32,
    pub(crate) time: UnixMicros,
    pub(crate) link: LinkId,
    pub(crate) instance: Instance,
    pub(crate) limits: Limits,
    /// What proxy2 said last if it did not accept the time, else [`Challenge::NONE`].
    pub(crate) challenge: Challenge,
}

/// Where the challenge stands in an initiation's payload: behind the limits, the features and six reserved bytes.
const INITIATION_CHALLENGE: usize = 32 + Limits::LEN + INITIATION_RESERVED;
/// Bytes of an initiation's payload for what a later version of this page may say.
const INITIATION_RESERVED: usize = 6;
/// Where it stands in a response's that gives one: in place of the limits.
const RESPONSE_CHALLENGE: usize = 24;

impl Initiation {
    pub(crate) fn to_bytes(self) -> [u8; INITIATION_PAYLOAD_LEN] {
        let mut bytes = [0; INITIATION_PAYLOAD_LEN];
        bytes[0] = self.version;
        bytes[1] = self.ciphers;
        bytes[4..8].copy_from_slice(&self.index.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.time.0.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.link.0.to_be_bytes());
        bytes[24..32].copy_from_slice(&self.instance.0.to_be_bytes());
        bytes[32..32 + Limits::LEN].copy_from_slice(&self.limits.to_bytes());
        bytes[INITIATION_CHALLENGE..].copy_from_slice(&self.challenge.0);
        bytes
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let ([version, ciphers, _, _], rest) = bytes.split_first_chunk()?;
        let (index, rest) = rest.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (link, rest) = rest.split_first_chunk()?;
        let (instance, rest) = rest.split_first_chunk()?;
        let (limits, rest) = Limits::parse(rest)?;
        let (_reserved, rest) = rest.split_first_chunk::<INITIATION_RESERVED>()?;
        let (challenge, _) = rest.split_first_chunk()?;
        Some(Self {
            version: *version,
            ciphers: *ciphers,
            index: u32::from_be_bytes(*index),
            time: UnixMicros(u64::from_be_bytes(*time)),
            link: LinkId(u64::from_be_bytes(*link)),
            instance: Instance(u64::from_be_bytes(*instance)),
            limits,
            challenge: Challenge(*challenge),
        })
    }
}

/// The sealed payload of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) version: u8,
    pub(crate) result: Result<Welcome, Refusal>,
    /// The index that proxy1 is to put in its packets; 0 in a refusal.
    pub(crate) index: u32,
    pub(crate) time: UnixMicros,
    pub(crate) epoch: Epoch,
    /// For the next initiation, where the time of this one was not accepted; else [`Challenge::NONE`].
    pub(crate) challenge: Challenge,
}

/// What a response says to who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Welcome {
    pub(crate) cipher: Cipher,
    pub(crate) incarnation: Incarnation,
    pub(crate) limits: Limits,
}

const STATUS_ACCEPTED: u8 = 0;

impl Response {
    pub(crate) fn to_bytes(self) -> [u8; RESPONSE_PAYLOAD_LEN] {
        let mut bytes = [0; RESPONSE_PAYLOAD_LEN];
        bytes[0] = self.version;
        bytes[4..8].copy_from_slice(&self.index.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.time.0.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.epoch.0.to_be_bytes());
        match self.result {
            Ok(welcome) => {
                bytes[1] = STATUS_ACCEPTED;
                bytes[2] = welcome.cipher.byte();
                bytes[24..24 + Limits::LEN].copy_from_slice(&welcome.limits.to_bytes());
                bytes[50..52].copy_from_slice(&welcome.incarnation.0.to_be_bytes());
            }
            Err(refusal) => {
                bytes[1] = refusal.byte();
                bytes[RESPONSE_CHALLENGE..RESPONSE_CHALLENGE + MAC_LEN].copy_from_slice(&self.challenge.0);
            }
        }
        bytes
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let ([version, status, cipher, _reserved], rest) = bytes.split_first_chunk()?;
        let (index, rest) = rest.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (epoch, rest) = rest.split_first_chunk()?;
        let (given, _) = rest.split_first_chunk()?;
        let (limits, rest) = Limits::parse(rest)?;
        let (incarnation, _) = rest.split_first_chunk()?;
        let result = match NonZeroU8::new(*status) {
            None => {
                let cipher = Cipher::from_byte(*cipher)?;
                Ok(Welcome { cipher, incarnation: Incarnation(u16::from_be_bytes(*incarnation)), limits })
            }
            Some(code) => Err(Refusal::from_byte(code)),
        };
        let challenge = if result == Err(Refusal::ClockOff) { Challenge(*given) } else { Challenge::NONE };
        let (time, epoch) = (u64::from_be_bytes(*time), u64::from_be_bytes(*epoch));
        let index = u32::from_be_bytes(*index);
        let (time, epoch) = (UnixMicros(time), Epoch(epoch));
        Some(Self { version: *version, result, index, time, epoch, challenge })
    }
}

/// The outer form of an initiation.
pub(crate) struct InitiationView<'a> {
    pub(crate) sender: u32,
    pub(crate) noise: &'a [u8; INITIATION_NOISE_LEN],
    pub(crate) mac1: &'a [u8; MAC_LEN],
    pub(crate) mac2: &'a [u8; MAC_LEN],
    /// What `mac1` covers.
    pub(crate) before_mac1: &'a [u8],
    /// What `mac2` covers.
    pub(crate) before_mac2: &'a [u8],
}

impl<'a> InitiationView<'a> {
    /// `None` if the datagram does not have the kind and the length of an initiation.
    pub(crate) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (before_mac2, mac2) = datagram.split_last_chunk()?;
        let (before_mac1, mac1) = before_mac2.split_last_chunk()?;
        let (kind, rest) = before_mac1.split_first()?;
        let (sender, noise) = rest.split_first_chunk()?;
        let noise = noise.try_into().ok()?;
        let sender = u32::from_be_bytes(*sender);
        let view = Self { sender, noise, mac1, mac2, before_mac1, before_mac2 };
        (*kind == Kind::Initiation.byte()).then_some(view)
    }
}

/// An initiation with room for its Noise message, which `fill` writes; `mac1` is set, `mac2` is zero.
pub(crate) fn write_initiation<T>(
    sender: u32,
    mac1_key: &[u8; 32],
    fill: impl FnOnce(&mut [u8]) -> T,
) -> (Vec<u8>, T) {
    let mut message = vec![0; INITIATION_LEN];
    message[0] = Kind::Initiation.byte();
    message[1..5].copy_from_slice(&sender.to_be_bytes());
    let filled = fill(&mut message[5..5 + INITIATION_NOISE_LEN]);
    put_mac(&mut message[..5 + INITIATION_NOISE_LEN + MAC_LEN], mac1_key);
    (message, filled)
}

/// Sets `mac2` of an initiation.
pub(crate) fn prove_address(message: &mut [u8], cookie: &[u8; MAC_LEN]) {
    let (covered, mac2) = message.split_last_chunk_mut().expect("a whole first message");
    *mac2 = mac::short_mac(cookie, covered);
}

/// The outer form of a response.
pub(crate) struct ResponseView<'a> {
    pub(crate) receiver: u32,
    pub(crate) noise: &'a [u8; RESPONSE_NOISE_LEN],
    pub(crate) mac1: &'a [u8; MAC_LEN],
    pub(crate) before_mac1: &'a [u8],
}

impl<'a> ResponseView<'a> {
    /// `None` if the datagram does not have the kind and the length of a response.
    pub(crate) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (before_mac1, mac1) = datagram.split_last_chunk()?;
        let (kind, rest) = before_mac1.split_first()?;
        let (receiver, noise) = rest.split_first_chunk()?;
        let noise = noise.try_into().ok()?;
        let receiver = u32::from_be_bytes(*receiver);
        (*kind == Kind::Response.byte()).then_some(Self { receiver, noise, mac1, before_mac1 })
    }
}

/// A response with room for its Noise message, which `fill` writes; `mac1` is set.
pub(crate) fn write_response<T>(
    receiver: u32,
    mac1_key: &[u8; 32],
    fill: impl FnOnce(&mut [u8]) -> T,
) -> (Vec<u8>, T) {
    let mut message = vec![0; RESPONSE_LEN];
    message[0] = Kind::Response.byte();
    message[1..5].copy_from_slice(&receiver.to_be_bytes());
    let filled = fill(&mut message[5..5 + RESPONSE_NOISE_LEN]);
    put_mac(&mut message, mac1_key);
    (message, filled)
}

fn put_mac(message: &mut [u8], key: &[u8; 32]) {
    let (covered, mac1) = message.split_last_chunk_mut().expect("room for the mac");
    *mac1 = mac::short_mac(key, covered);
}
