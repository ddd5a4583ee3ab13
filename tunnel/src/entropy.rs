//! Unpredictable bytes from the system. The home of `rand`.

use proto::sealed::crypto::random::Random;
use rand::TryRng;
use rand::rngs::SysRng;

/// A generator of its own for each caller.
///
/// # Panics
/// If the system has no source of randomness: nothing could be secret then.
pub(crate) fn random() -> Random {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed).expect("the system has a source of randomness");
    Random::from_seed(seed)
}
