//! The wall clock and the randomness of a simulation.

use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::terms::UnixMicros;
use crate::time::Time;

/// 2026-01-01 00:00 UTC.
const NEW_YEAR: UnixMicros = UnixMicros(1_767_225_600_000_000);

/// The wall clock of a simulation: both sides have the right time, and it was 2026 at the epoch of [`Time`].
pub const fn unix(now: Time) -> UnixMicros {
    UnixMicros(NEW_YEAR.0.saturating_add(now.as_nanos() / 1_000))
}

/// Randomness for a purpose: another one for each seed and each purpose.
pub fn random(seed: u64, purpose: u64) -> Random {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    bytes[8..16].copy_from_slice(&purpose.to_be_bytes());
    Random::from_seed(bytes)
}
