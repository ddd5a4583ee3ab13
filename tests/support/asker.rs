//! What an end that a test plays by hand says of itself.

use std::time::{SystemTime, UNIX_EPOCH};

use proto::sealed::crypto::cipher::CipherSupport;
use proto::sealed::handshake::initiator::Identity;
use proto::sealed::handshake::terms::{Features, Instance, Limits, LinkId, UnixMicros};

/// A proxy1 of that name, of one stream and the plainest terms there are.
#[must_use]
pub const fn identity(name: u64) -> Identity {
    let limits = Limits {
        streams: 1,
        stream_credit: 1 << 16,
        link_credit: 1 << 16,
        datagram: 1_200,
        features: Features::NONE,
    };
    let ciphers = CipherSupport { aes: false };
    Identity { link: LinkId(name), instance: Instance(name), ciphers, limits }
}

/// This machine's clock.
///
/// # Panics
///
/// Where it stands before 1970.
#[must_use]
pub fn unix_now() -> UnixMicros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    UnixMicros(u64::try_from(since.as_micros()).expect("the clock is set"))
}
