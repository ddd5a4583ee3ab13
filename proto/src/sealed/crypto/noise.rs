//! The Noise handshake (revision 34 of the specification), pattern `IKpsk2`: the one home of snow.
//!
//! proxy1 knows proxy2's static key beforehand; its own travels sealed in the initiation. The pre-shared key is
//! mixed in at the end of the response, so proxy2 knows whose it is to use.
//!
//! snow does not erase its own copies of keys when a handshake ends; ours are erased.

use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};
use zeroize::Zeroizing;

/// Bytes in a key of Curve25519.
const KEY_LEN: usize = 32;

/// Specification: the Noise protocol name.
pub(crate) const NAME: &str = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
/// Specification: mixed into the handshake before anything else; changes when the bytes of the handshake change.
pub(crate) const PROLOGUE: &[u8] = b"paso sealed 1";
/// Specification: what the initiation adds to its payload: ephemeral key, sealed static key, tag.
pub(crate) const FIRST_OVERHEAD: usize = KEY_LEN + KEY_LEN + TAG + TAG;
/// Specification: what the response adds to its payload: ephemeral key, tag.
pub(crate) const SECOND_OVERHEAD: usize = KEY_LEN + TAG;

const TAG: usize = 16;
/// Where `psk2` stands: after the response's tokens.
const PSK_PLACE: u8 = 2;

/// What a handshake ends with: a key for each direction.
pub(crate) struct Split {
    /// For packets to proxy2.
    pub(crate) to_responder: Zeroizing<[u8; 32]>,
    /// For packets to proxy1.
    pub(crate) to_initiator: Zeroizing<[u8; 32]>,
}

/// The public key of `private`.
pub(crate) fn public_key(private: &[u8; KEY_LEN]) -> [u8; KEY_LEN] {
    let mut dh = DefaultResolver.resolve_dh(&DHChoice::Curve25519).expect("built with Curve25519");
    dh.set(private);
    *dh.pubkey().first_chunk().expect("a Curve25519 key has 32 bytes")
}

/// proxy1's side after its initiation.
pub(crate) struct InitiatorState(HandshakeState);

/// Writes the initiation around `payload` into `message`, which has exactly the room for it.
pub(crate) fn initiate(
    local: &[u8; KEY_LEN],
    remote: &[u8; KEY_LEN],
    ephemeral: Zeroizing<[u8; 32]>,
    payload: &[u8],
    message: &mut [u8],
) -> InitiatorState {
    let mut state = builder(local, ephemeral, PROLOGUE)
        .remote_public_key(remote)
        .and_then(Builder::build_initiator)
        .expect("the pattern has all keys it needs");
    let len = state.write_message(payload, message).expect("the caller made room for the message");
    assert_eq!(len, message.len(), "the caller made exactly the room the message takes");
    InitiatorState(state)
}

impl InitiatorState {
    /// Reads the response into `payload`, which has exactly its length. `None` if it is not authentic under
    /// `psk`: then nothing has changed, and another may be tried.
    pub(crate) fn read(&mut self, psk: &[u8; 32], message: &[u8], payload: &mut [u8]) -> Option<Split> {
        self.0.set_psk(usize::from(PSK_PLACE), psk).expect("32 bytes and a valid place");
        let len = self.0.read_message(message, payload).ok()?;
        (len == payload.len()).then(|| split(&mut self.0))
    }
}

/// proxy2's side after the initiation.
pub(crate) struct ResponderState(HandshakeState);

/// Reads an initiation into `payload`, which has exactly its length. `None` if it is not authentic.
pub(crate) fn read_initiation(
    local: &[u8; KEY_LEN],
    ephemeral: Zeroizing<[u8; 32]>,
    message: &[u8],
    payload: &mut [u8],
) -> Option<ResponderState> {
    let mut state =
        builder(local, ephemeral, PROLOGUE).build_responder().expect("the pattern has all keys it needs");
    let len = state.read_message(message, payload).ok()?;
    (len == payload.len()).then_some(ResponderState(state))
}

impl ResponderState {
    /// Who asked; proven by the message that was heard, though perhaps some time ago.
    pub(crate) fn client(&self) -> [u8; KEY_LEN] {
        let key = self.0.get_remote_static().and_then(|key| key.first_chunk());
        *key.expect("the first message carried it")
    }

    /// Writes the response around `payload` into `message`, which has exactly the room for it.
    pub(crate) fn write(mut self, psk: &[u8; 32], payload: &[u8], message: &mut [u8]) -> Split {
        self.0.set_psk(usize::from(PSK_PLACE), psk).expect("32 bytes and a valid place");
        let len = self.0.write_message(payload, message).expect("the caller made room for the message");
        assert_eq!(len, message.len(), "the caller made exactly the room the message takes");
        split(&mut self.0)
    }
}

fn builder<'a>(local: &'a [u8; KEY_LEN], ephemeral: Zeroizing<[u8; 32]>, prologue: &'a [u8]) -> Builder<'a> {
    let params: NoiseParams = NAME.parse().expect("a name that snow knows");
    Builder::with_resolver(params, Box::new(Seeded(ephemeral)))
        .local_private_key(local)
        .and_then(|builder| builder.prologue(prologue))
        .expect("each is set once")
}

fn split(state: &mut HandshakeState) -> Split {
    let (to_responder, to_initiator) = state.dangerously_get_raw_split();
    Split { to_responder: Zeroizing::new(to_responder), to_initiator: Zeroizing::new(to_initiator) }
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

#[cfg(test)]
mod steps;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::crypto::cipher::open_once;

    // The vector for this protocol name among those of cacophony, another implementation of Noise.
    const CACOPHONY_PROLOGUE: &str = "4a6f686e2047616c74";
    const PSK: &str = "54686973206973206d7920417573747269616e20706572737065637469766521";
    const CLIENT: &str = "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1";
    const CLIENT_EPHEMERAL: &str = "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a";
    const SERVER_PUBLIC: &str = "31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62";
    const SERVER: &str = "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893";
    const SERVER_EPHEMERAL: &str = "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b";
    const FIRST_PAYLOAD: &str = "4c756477696720766f6e204d69736573";
    const FIRST: &str = "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944001e21de9f98ddd8e2ad57\
        527207feb56253c9c94a9e496782ecfcb2a75fbcaf1b52948cc48daefe660c62119ab5000980c84831215f2441eba616548e8329854\
        64cf17e51ee93109008399a21f7e13f";
    const SECOND_PAYLOAD: &str = "4d757272617920526f746862617264";
    const SECOND: &str = "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843cb765f2caef0751b8f0075\
        72dab0322217755c0632f365717edbf34d33e87a";
    const TO_SERVER: &str = "8153ca9833bc3c1b91a7e66e5f4d4f5b59bf9e64c2f20d15f0bba7";
    const TO_CLIENT: &str = "07af0c9c86e1b4e80f36b04ff7688d51141af3debd0332f0a705ef";

    fn unhex(text: &str) -> Vec<u8> {
        let digit = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(digit).collect()
    }

    fn unhex32(text: &str) -> [u8; 32] {
        unhex(text).try_into().unwrap()
    }

    #[test]
    fn the_vector_of_another_implementation() {
        let prologue = unhex(CACOPHONY_PROLOGUE);
        let (client, server) = (unhex32(CLIENT), unhex32(SERVER));
        assert_eq!(public_key(&server), unhex32(SERVER_PUBLIC));

        let remote = unhex(SERVER_PUBLIC);
        let mut initiator = builder(&client, Zeroizing::new(unhex32(CLIENT_EPHEMERAL)), &prologue)
            .remote_public_key(&remote)
            .and_then(Builder::build_initiator)
            .unwrap();
        let mut first = [0; FIRST_OVERHEAD + 16];
        initiator.write_message(&unhex(FIRST_PAYLOAD), &mut first).unwrap();
        assert_eq!(first.to_vec(), unhex(FIRST));

        let mut responder =
            builder(&server, Zeroizing::new(unhex32(SERVER_EPHEMERAL)), &prologue).build_responder().unwrap();
        let mut heard = [0; 16];
        responder.read_message(&first, &mut heard).unwrap();
        let responder = ResponderState(responder);
        assert_eq!(responder.client(), public_key(&client));
        let mut second = [0; SECOND_OVERHEAD + 15];
        let theirs = responder.write(&unhex32(PSK), &unhex(SECOND_PAYLOAD), &mut second);
        assert_eq!(second.to_vec(), unhex(SECOND));

        let mut initiator = InitiatorState(initiator);
        let mut payload = [0; 15];
        assert!(initiator.read(&[0; 32], &second, &mut payload).is_none(), "another pre-shared key");
        let ours = initiator.read(&unhex32(PSK), &second, &mut payload).unwrap();
        assert_eq!(payload.to_vec(), unhex(SECOND_PAYLOAD));
        assert_eq!(*ours.to_responder, *theirs.to_responder);
        assert_eq!(*ours.to_initiator, *theirs.to_initiator);
        assert_eq!(open_once(&ours.to_responder, [0; 12], &mut unhex(TO_SERVER)).unwrap(), b"F. A. Hayek");
        assert_eq!(open_once(&ours.to_initiator, [0; 12], &mut unhex(TO_CLIENT)).unwrap(), b"Carl Menger");
    }

    /// Nothing here can reach the system's source of randomness: snow is built without it.
    #[test]
    fn snow_has_no_randomness_of_its_own() {
        assert!(DefaultResolver.resolve_rng().is_none());
    }

    #[test]
    fn an_ephemeral_key_is_given_once() {
        let mut once = Once(Some(Zeroizing::new([9; 32])));
        let mut key = [0; 32];
        assert!(once.try_fill_bytes(&mut key).is_ok());
        assert_eq!(key, [9; 32]);
        assert!(once.try_fill_bytes(&mut key).is_err());
    }
}
