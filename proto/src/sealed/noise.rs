//! The Noise handshake (revision 34 of the specification), pattern `IKpsk2`: the one home of snow.
//!
//! proxy1 knows proxy2's static key beforehand; its own travels sealed in the first message. The pre-shared key is
//! mixed in at the end of the second message, so proxy2 knows whose it is to use.

use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};
use zeroize::Zeroizing;

use super::keys::{KEY_LEN, PrivateKey, PublicKey};

/// Specification: the Noise protocol name.
pub(crate) const NAME: &str = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
/// Specification: mixed into the handshake before anything else; changes when the bytes of the handshake change.
pub(crate) const PROLOGUE: &[u8] = b"paso sealed 1";
/// Specification: what the first message adds to its payload: ephemeral key, sealed static key, tag.
pub(crate) const FIRST_OVERHEAD: usize = KEY_LEN + KEY_LEN + TAG + TAG;
/// Specification: what the second message adds to its payload: ephemeral key, tag.
pub(crate) const SECOND_OVERHEAD: usize = KEY_LEN + TAG;

const TAG: usize = 16;
/// Where `psk2` stands: after the second message's tokens.
const PSK_PLACE: u8 = 2;

/// What a handshake ends with: a key for each direction.
pub(crate) struct Split {
    /// For packets to proxy2.
    pub(crate) to_acceptor: Zeroizing<[u8; 32]>,
    /// For packets to proxy1.
    pub(crate) to_initiator: Zeroizing<[u8; 32]>,
}

/// The public key of `private`.
pub(crate) fn public_key(private: &PrivateKey) -> PublicKey {
    let mut dh = DefaultResolver.resolve_dh(&DHChoice::Curve25519).expect("built with Curve25519");
    dh.set(private.bytes());
    PublicKey::from_bytes(*dh.pubkey().first_chunk().expect("a Curve25519 key has 32 bytes"))
}

/// proxy1's side after its first message.
pub(crate) struct Asking(HandshakeState);

/// Writes the first message around `payload` into `message`, which has exactly the room for it.
pub(crate) fn ask(
    local: &PrivateKey,
    remote: &PublicKey,
    ephemeral: Zeroizing<[u8; 32]>,
    payload: &[u8],
    message: &mut [u8],
) -> Asking {
    let mut state = builder(local, ephemeral)
        .remote_public_key(remote.as_bytes())
        .and_then(Builder::build_initiator)
        .expect("the pattern has all keys it needs");
    let len = state.write_message(payload, message).expect("the caller made room for the message");
    assert_eq!(len, message.len(), "the caller made exactly the room the message takes");
    Asking(state)
}

impl Asking {
    /// Reads the second message into `payload`, which has exactly its length. `None` if it is not authentic under
    /// `psk`: then nothing has changed, and another may be tried.
    pub(crate) fn read(&mut self, psk: &[u8; 32], message: &[u8], payload: &mut [u8]) -> Option<Split> {
        self.0.set_psk(usize::from(PSK_PLACE), psk).expect("32 bytes and a valid place");
        let len = self.0.read_message(message, payload).ok()?;
        (len == payload.len()).then(|| split(&mut self.0))
    }
}

/// proxy2's side after the first message.
pub(crate) struct Answering(HandshakeState);

/// Reads a first message into `payload`, which has exactly its length. `None` if it is not authentic.
pub(crate) fn hear(
    local: &PrivateKey,
    ephemeral: Zeroizing<[u8; 32]>,
    message: &[u8],
    payload: &mut [u8],
) -> Option<Answering> {
    let mut state = builder(local, ephemeral).build_responder().expect("the pattern has all keys it needs");
    let len = state.read_message(message, payload).ok()?;
    (len == payload.len()).then_some(Answering(state))
}

impl Answering {
    /// Who asked; proven by the message that was heard, though perhaps some time ago.
    pub(crate) fn client(&self) -> PublicKey {
        let key = self.0.get_remote_static().and_then(|key| key.first_chunk());
        PublicKey::from_bytes(*key.expect("the first message carried it"))
    }

    /// Writes the second message around `payload` into `message`, which has exactly the room for it.
    pub(crate) fn write(mut self, psk: &[u8; 32], payload: &[u8], message: &mut [u8]) -> Split {
        self.0.set_psk(usize::from(PSK_PLACE), psk).expect("32 bytes and a valid place");
        let len = self.0.write_message(payload, message).expect("the caller made room for the message");
        assert_eq!(len, message.len(), "the caller made exactly the room the message takes");
        split(&mut self.0)
    }
}

fn builder(local: &PrivateKey, ephemeral: Zeroizing<[u8; 32]>) -> Builder<'_> {
    let params: NoiseParams = NAME.parse().expect("a name that snow knows");
    Builder::with_resolver(params, Box::new(Seeded(ephemeral)))
        .local_private_key(local.bytes())
        .and_then(|builder| builder.prologue(PROLOGUE))
        .expect("each is set once")
}

fn split(state: &mut HandshakeState) -> Split {
    let (to_acceptor, to_initiator) = state.dangerously_get_raw_split();
    Split { to_acceptor: Zeroizing::new(to_acceptor), to_initiator: Zeroizing::new(to_initiator) }
}

/// snow's own primitives, with the ephemeral key given instead of drawn from the system.
struct Seeded(Zeroizing<[u8; 32]>);

impl CryptoResolver for Seeded {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Once(Some(self.0.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

/// Gives its 32 bytes once: a handshake has one ephemeral key, and a second from the same bytes would be the same.
struct Once(Option<Zeroizing<[u8; 32]>>);

impl Random for Once {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        let block = self.0.take().filter(|block| block.len() == dest.len()).ok_or(snow::Error::Rng)?;
        dest.copy_from_slice(block.as_slice());
        Ok(())
    }
}
