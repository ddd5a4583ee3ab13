//! BLAKE2s (RFC 7693): the one home of the hash, and every label that keeps its uses apart.

use blake2::digest::consts::U16;
use blake2::digest::{Digest, KeyInit, Mac};
use blake2::{Blake2s256, Blake2sMac, Blake2sMac256};

/// Length of [`short_mac`] in bytes.
pub(crate) const MAC_LEN: usize = 16;

// Specification: the labels, each used for one thing.
/// Key of `mac1`: hash of this and proxy2's public key.
pub(crate) const LABEL_MAC1: &[u8] = b"paso sealed 1 mac1";
/// Key under which a cookie travels: hash of this, proxy2's public key and the initiation's `mac1`.
pub(crate) const LABEL_COOKIE: &[u8] = b"paso sealed 1 cookie";
/// Packet key from a Noise key.
pub(crate) const LABEL_KEY: &[u8] = b"paso sealed 1 key";
/// Packet IV from a Noise key.
pub(crate) const LABEL_IV: &[u8] = b"paso sealed 1 iv";
/// Checksum of a ticket or key text.
pub(crate) const LABEL_CHECKSUM: &[u8] = b"paso checksum 1";

// Implementation: never on the wire.
/// Digest of proxy2's list of tickets.
pub(crate) const LABEL_TICKETS: &[u8] = b"paso tickets 1";
/// Digest of the rules of proxy2's tickets.
pub(crate) const LABEL_RULES: &[u8] = b"paso rules 1";
/// The next block a generator gives.
pub(crate) const LABEL_RANDOM_OUT: &[u8] = b"paso random out";
/// The next state of a generator.
pub(crate) const LABEL_RANDOM_NEXT: &[u8] = b"paso random next";

/// BLAKE2s-256 of `parts` one after another. All parts but the last must have a fixed length.
pub(crate) fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut state = Blake2s256::new();
    for part in parts {
        Digest::update(&mut state, part);
    }
    state.finalize().into()
}

/// The key of `mac1` in messages to and from the proxy2 with this public key.
pub(crate) fn mac1_key(responder: &[u8; 32]) -> [u8; 32] {
    hash(&[LABEL_MAC1, responder])
}

/// Keyed BLAKE2s-256 of `label`: a secret for one use from a uniform secret.
pub(crate) fn derive(secret: &[u8; 32], label: &[u8]) -> [u8; 32] {
    let mut state = Blake2sMac256::new_from_slice(secret).expect("BLAKE2s takes keys of 32 bytes");
    state.update(label);
    state.finalize().into_bytes().into()
}

/// Keyed BLAKE2s with a digest of 16 bytes. `key` has at most 32.
pub(crate) fn short_mac(key: &[u8], message: &[u8]) -> [u8; MAC_LEN] {
    keyed(key, message).finalize().into_bytes().into()
}

/// Whether `given` is the [`short_mac`] of `message`, in time that does not depend on where they differ.
pub(crate) fn short_mac_is(key: &[u8], message: &[u8], given: &[u8; MAC_LEN]) -> bool {
    keyed(key, message).verify_slice(given).is_ok()
}

fn keyed(key: &[u8], message: &[u8]) -> Blake2sMac<U16> {
    let mut state = Blake2sMac::<U16>::new_from_slice(key).expect("BLAKE2s takes keys up to 32 bytes");
    Mac::update(&mut state, message);
    state
}
