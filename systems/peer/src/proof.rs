//! Signatures: who a post is from, whoever brings it. The home of `aws-lc-rs`.

use aws_lc_rs::digest;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::overlay::{Hex, Post, Signature};

/// The public key of a node.
pub(crate) type PublicKey = [u8; 32];

/// The secret key of this node. It is in no text.
pub(crate) struct Signer(Ed25519KeyPair);

impl Signer {
    /// A new one, and the bytes that [`read`](Self::read) reads.
    pub(crate) fn generate() -> Result<(Self, Vec<u8>), Unspecified> {
        let key = Ed25519KeyPair::generate()?;
        let bytes = key.to_pkcs8v1()?.as_ref().to_vec();
        Ok((Self(key), bytes))
    }

    /// That of a file.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes).ok().map(Self)
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 key has 32 bytes")
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> Signature {
        Hex(self.0.sign(bytes).as_ref().try_into().expect("an Ed25519 signature has 64 bytes"))
    }
}

/// Whether the holder of this key has signed the post.
pub(crate) fn is_signed_by(key: &PublicKey, post: &Post) -> bool {
    let key = UnparsedPublicKey::new(&ED25519, key);
    key.verify(&post.signed_bytes(), &post.signature.0).is_ok()
}

/// The SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overlay::Run;

    #[test]
    fn a_post_is_of_who_signed_it() {
        let (signer, bytes) = Signer::generate().unwrap();
        let again = Signer::read(&bytes).unwrap();
        let run = Run { name: "ann".parse().unwrap(), began: 1 };
        let mut post = Post { run, number: 1, said: 2, text: "hello".into(), signature: Hex([0; 64]) };
        post.signature = again.sign(&post.signed_bytes());
        assert!(is_signed_by(&signer.public_key(), &post));
        post.text.push('!');
        assert!(!is_signed_by(&signer.public_key(), &post));
        assert!(Signer::read(b"no key").is_none());
    }
}
