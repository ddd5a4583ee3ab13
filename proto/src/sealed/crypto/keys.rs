//! Long-lived secrets and names: static keys, pre-shared keys.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::sealed::crypto::noise;
use crate::sealed::crypto::random::Random;

/// Bytes in every key of this module.
pub const KEY_LEN: usize = 32;

/// A Curve25519 private key (RFC 7748). Never printed. Clones share one copy in memory, which is erased with the last.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Secret);

impl PrivateKey {
    /// A new key.
    pub fn generate(random: &mut Random) -> Self {
        Self::from_bytes(&random.block())
    }

    /// The key with these bytes; any bytes are a key.
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        Self(secret(bytes))
    }

    /// The name of who holds this key.
    pub fn public(&self) -> PublicKey {
        PublicKey(noise::public_key(self.bytes()))
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

/// A Curve25519 public key: who a proxy is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; KEY_LEN]);

impl PublicKey {
    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// The first four bytes in hexadecimal: enough to tell keys apart in a log.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, _) = self.0.split_at(4);
        head.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self}..)")
    }
}

/// A pre-shared key: a second secret in a ticket, which keeps recorded traffic closed even to who can one day
/// break Curve25519. Never printed. Clones share one copy in memory, which is erased with the last.
#[derive(Clone, PartialEq, Eq)]
pub struct PresharedKey(Secret);

impl PresharedKey {
    /// Specification: what stands in the handshake where a ticket has none, and in every refusal.
    pub(crate) const NONE: [u8; KEY_LEN] = [0; KEY_LEN];

    /// A new key.
    pub fn generate(random: &mut Random) -> Self {
        Self::from_bytes(&random.block())
    }

    /// The key with these bytes.
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        Self(secret(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl fmt::Debug for PresharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresharedKey(..)")
    }
}

/// Secret bytes that stay at one place, however often their owner is cloned or moved.
type Secret = Arc<Zeroizing<[u8; KEY_LEN]>>;

fn secret(bytes: &[u8; KEY_LEN]) -> Secret {
    // Copied to where they stay: a value that is moved leaves its bytes behind on the stack.
    let mut place = Arc::new(Zeroizing::new([0; KEY_LEN]));
    Arc::make_mut(&mut place).copy_from_slice(bytes);
    place
}
