//! Sealing and opening packets: the one home of the packet ciphers.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::sealed::crypto::mac;
use crate::sealed::wire::packet::{HEADER_LEN, Header, TAG_LEN};

/// Specification: after this time under one session, proxy1 asks for new keys.
pub const REKEY_AFTER: Duration = Duration::from_secs(120);
/// Specification: the same for keys that nothing but signs of life went under, where both sides understand
/// [`Features::LASTING_KEYS`](crate::sealed::handshake::terms::Features::LASTING_KEYS). Once something else goes under them they are replaced
/// after [`REKEY_AFTER`].
pub const REKEY_UNUSED: Duration = Duration::from_secs(3_600);
/// Specification: after this many packets sealed with one key, proxy1 asks for new keys. AES-GCM stays far from its
/// limits there (RFC 8446 section 5.5, RFC 9001 section 6.6) even where the answer takes a while.
pub const REKEY_PACKETS: u64 = 1 << 32;

/// A packet cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// AES-128 in Galois/counter mode (NIST SP 800-38D): fast where there is hardware for it.
    Aes128Gcm,
    /// ChaCha20-Poly1305 (RFC 8439): fast everywhere, every proxy has it.
    ChaCha20Poly1305,
}

impl Cipher {
    /// Specification: the byte that names it in a handshake, and its bit in an offer.
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::ChaCha20Poly1305 => 1,
            Self::Aes128Gcm => 2,
        }
    }

    /// The cipher a byte names.
    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::ChaCha20Poly1305),
            2 => Some(Self::Aes128Gcm),
            _ => None,
        }
    }

    fn algorithm(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes128Gcm => &aead::AES_128_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }
}

/// Which ciphers a machine does well. The shell finds it out; this crate cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CipherSupport {
    /// The processor has instructions for AES and for carry-less multiplication.
    pub aes: bool,
}

impl CipherSupport {
    /// The ciphers as a set of bits.
    pub(crate) const fn offer(self) -> u8 {
        let chacha = Cipher::ChaCha20Poly1305.byte();
        if self.aes { chacha | Cipher::Aes128Gcm.byte() } else { chacha }
    }

    /// The best cipher of this machine and of one that made `offer`; `None` if there is none (a malformed offer).
    pub(crate) const fn choose(self, offer: u8) -> Option<Cipher> {
        let both = self.offer() & offer;
        if both & Cipher::Aes128Gcm.byte() != 0 {
            Some(Cipher::Aes128Gcm)
        } else if both & Cipher::ChaCha20Poly1305.byte() != 0 {
            Some(Cipher::ChaCha20Poly1305)
        } else {
            None
        }
    }
}

/// The packet was not sealed with this key, or was changed on its way. Nothing in it may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an authentic packet")]
pub struct Forged;

/// The two keys that a handshake ends with.
#[derive(Debug)]
pub struct SessionKeys {
    /// Seals what this side sends.
    pub seal: SealKey,
    /// Opens what this side receives.
    pub open: OpenKey,
    /// The index this side chose: in the header of what it receives.
    pub local: u32,
    /// The cipher both sides agreed on.
    pub cipher: Cipher,
}

impl SessionKeys {
    /// The session of who seals with `out` and opens with `back`, both from the Noise handshake's split.
    pub(crate) fn new(cipher: Cipher, out: &[u8; 32], back: &[u8; 32], local: u32, peer: u32) -> Self {
        let seal = SealKey { inner: Inner::new(cipher, out), receiver: peer };
        Self { seal, open: OpenKey { inner: Inner::new(cipher, back) }, local, cipher }
    }
}

/// Seals packets in one direction of one session.
pub struct SealKey {
    inner: Inner,
    receiver: u32,
}

impl SealKey {
    /// The index the peer chose; it stands in the header of every packet this key seals.
    pub fn receiver(&self) -> u32 {
        self.receiver
    }

    /// Seals the frames in `packet` where they lie and writes header and tag around them.
    ///
    /// `packet` is `HEADER_LEN` bytes to be overwritten, the frames, `TAG_LEN` bytes to be overwritten. `counter` must
    /// never have been used on this link in this direction: twice the same under one key gives the key away.
    ///
    /// # Panics
    /// If `packet` has no room for header and tag.
    pub fn seal_in_place(&self, counter: u64, packet: &mut [u8]) {
        let (header, rest) =
            packet.split_first_chunk_mut::<HEADER_LEN>().expect("the caller left room for the header");
        let (frames, tag) = rest.split_last_chunk_mut::<TAG_LEN>().expect("the caller left room for the tag");
        *header = Header { receiver: self.receiver, counter }.to_bytes();
        *tag = self.inner.seal(counter, header, frames);
    }
}

/// Opens packets of one direction of one session.
pub struct OpenKey {
    inner: Inner,
}

impl OpenKey {
    /// Opens a whole data packet where it lies and returns its frames. `header`: what [`Header::parse`] read in it, to find
    /// this key by the receiver index and to ask the replay window; tell the window only after this succeeded. On failure
    /// the bytes of `packet` are worthless.
    ///
    /// # Errors
    /// [`Forged`] if any bit of it is not as sealed.
    pub fn open_parsed<'a>(&self, header: Header, packet: &'a mut [u8]) -> Result<&'a mut [u8], Forged> {
        let (clear, sealed) = packet.split_at_mut_checked(HEADER_LEN).ok_or(Forged)?;
        self.inner.open(header.counter, clear, sealed)
    }

    /// The same with a packet whose header has not been read.
    ///
    /// # Errors
    /// [`Forged`], also if it is no data packet.
    pub fn open_in_place<'a>(&self, packet: &'a mut [u8]) -> Result<&'a mut [u8], Forged> {
        self.open_parsed(Header::parse(packet).ok_or(Forged)?, packet)
    }
}

/// One key with its IV.
struct Inner {
    // AWS-LC keeps its own expanded copy.
    key: LessSafeKey,
    iv: Zeroizing<[u8; aead::NONCE_LEN]>,
}

impl Inner {
    fn new(cipher: Cipher, secret: &[u8; 32]) -> Self {
        let key = Zeroizing::new(mac::derive(secret, mac::LABEL_KEY));
        let iv = Zeroizing::new(mac::derive(secret, mac::LABEL_IV));
        let iv = *iv.first_chunk().expect("an IV is shorter than a hash");
        Self { key: less_safe(cipher, &key), iv: Zeroizing::new(iv) }
    }

    fn seal(&self, counter: u64, header: &[u8], frames: &mut [u8]) -> [u8; TAG_LEN] {
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(counter), Aad::from(header), frames)
            .expect("a packet is far shorter than the ciphers' limit");
        *tag.as_ref().first_chunk().expect("both ciphers have tags of 16 bytes")
    }

    fn open<'a>(&self, counter: u64, header: &[u8], sealed: &'a mut [u8]) -> Result<&'a mut [u8], Forged> {
        self.key.open_in_place(self.nonce(counter), Aad::from(header), sealed).map_err(|_| Forged)
    }

    /// The IV with the counter, right-aligned, exclusive-or'ed into it (as RFC 8446 section 5.3 does).
    fn nonce(&self, counter: u64) -> Nonce {
        let mut nonce = *self.iv;
        for (byte, count) in nonce.iter_mut().rev().zip(counter.to_le_bytes()) {
            *byte ^= count;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

/// ChaCha20-Poly1305 for a message of the handshake itself, under a key and a nonce of its own.
pub(crate) fn seal_once(key: &[u8; 32], nonce: [u8; 12], message: &mut [u8]) -> [u8; TAG_LEN] {
    let tag = less_safe(Cipher::ChaCha20Poly1305, key)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), message)
        .expect("the message is far shorter than the cipher's limit");
    *tag.as_ref().first_chunk().expect("the tag has 16 bytes")
}

/// Opens what [`seal_once`] sealed: message and tag.
pub(crate) fn open_once<'a>(
    key: &[u8; 32],
    nonce: [u8; 12],
    sealed: &'a mut [u8],
) -> Result<&'a mut [u8], Forged> {
    less_safe(Cipher::ChaCha20Poly1305, key)
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), sealed)
        .map_err(|_| Forged)
}

/// A key of `cipher` from the first bytes of `key`, as many as the cipher takes.
fn less_safe(cipher: Cipher, key: &[u8; 32]) -> LessSafeKey {
    let algorithm = cipher.algorithm();
    let (key, _) = key.split_at(algorithm.key_len());
    LessSafeKey::new(UnboundKey::new(algorithm, key).expect("the key has the cipher's length"))
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

impl fmt::Debug for OpenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenKey").finish_non_exhaustive()
    }
}
