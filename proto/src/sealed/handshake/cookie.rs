//! Cookies: a busy proxy2 makes an asker prove that it can be reached at the address it gives (the WireGuard paper,
//! section 5.3).

use std::net::IpAddr;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::Time;
use crate::sealed::crypto::cipher::{open_once, seal_once};
use crate::sealed::crypto::keys::PublicKey;
use crate::sealed::crypto::mac::{self, MAC_LEN};
use crate::sealed::crypto::random::Random;
use crate::sealed::wire::packet::{Kind, TAG_LEN};

/// Specification: how long proxy2 makes cookies from one secret, and how long proxy1 may use one.
pub const COOKIE_LIFE: Duration = Duration::from_secs(120);
/// Specification: length of a cookie reply: kind 1, receiver index 4, nonce 12, cookie 16, tag 16.
pub const COOKIE_REPLY_LEN: usize = 1 + 4 + NONCE_LEN + MAC_LEN + TAG_LEN;

const NONCE_LEN: usize = 12;

/// Proof of an address: a mac of it under a secret of proxy2.
pub(crate) type Cookie = [u8; MAC_LEN];

/// proxy2's secret, changed every [`COOKIE_LIFE`].
pub(crate) struct Jar {
    secret: Zeroizing<[u8; 32]>,
    made: Time,
}

impl Jar {
    pub(crate) fn new(now: Time, random: &mut Random) -> Self {
        Self { secret: random.block(), made: now }
    }

    /// Takes a new secret if the present one is too old.
    pub(crate) fn rotate(&mut self, now: Time, random: &mut Random) {
        if now.since(self.made) >= COOKIE_LIFE {
            *self = Self::new(now, random);
        }
    }

    /// The cookie of the address `from`: without the port, since a middlebox may give the next datagram another.
    pub(crate) fn cookie(&self, from: &IpAddr) -> Cookie {
        match from {
            IpAddr::V4(ip) => mac::short_mac(self.secret.as_slice(), &ip.octets()),
            IpAddr::V6(ip) => mac::short_mac(self.secret.as_slice(), &ip.octets()),
        }
    }
}

/// A cookie reply to the initiation with index `receiver` and mac `mac1`.
pub(crate) fn reply(
    responder: &PublicKey,
    receiver: u32,
    mac1: &[u8; MAC_LEN],
    mut cookie: Cookie,
    nonce: [u8; NONCE_LEN],
) -> Vec<u8> {
    let tag = seal_once(&travel_key(responder, mac1), nonce, &mut cookie);
    let receiver = receiver.to_be_bytes();
    [&[Kind::Cookie.byte()][..], &receiver, &nonce, &cookie, &tag].concat()
}

/// A cookie reply, not yet opened.
pub(crate) struct Reply {
    pub(crate) receiver: u32,
    nonce: [u8; NONCE_LEN],
    sealed: [u8; MAC_LEN + TAG_LEN],
}

impl Reply {
    /// Reads the outer form; `None` if the datagram does not have it.
    pub(crate) fn parse(datagram: &[u8]) -> Option<Self> {
        let (kind, rest) = datagram.split_first()?;
        let (receiver, rest) = rest.split_first_chunk()?;
        let (nonce, sealed) = rest.split_first_chunk()?;
        let sealed = <[u8; MAC_LEN + TAG_LEN]>::try_from(sealed).ok()?;
        let receiver = u32::from_be_bytes(*receiver);
        (*kind == Kind::Cookie.byte()).then_some(Self { receiver, nonce: *nonce, sealed })
    }

    /// The cookie, if this answers the initiation with that mac.
    pub(crate) fn open(mut self, responder: &PublicKey, mac1: &[u8; MAC_LEN]) -> Option<Cookie> {
        let opened = open_once(&travel_key(responder, mac1), self.nonce, &mut self.sealed).ok()?;
        Cookie::try_from(&*opened).ok()
    }
}

fn travel_key(responder: &PublicKey, mac1: &[u8; MAC_LEN]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(mac::hash(&[mac::LABEL_COOKIE, responder.as_bytes(), mac1]))
}
