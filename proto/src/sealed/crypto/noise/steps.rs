//! The handshake once more, step by step: `h` and `ck` as the specification's vectors have them, for who looks for the step
//! at which an implementation of its own goes astray.

use super::{KEY_LEN, NAME, PROLOGUE, TAG};
use crate::sealed::tests::vectors::{Vectors, hex};
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};

type Block = [u8; 32];

/// Noise's symmetric state, from the initiator's side.
struct Symmetric {
    ck: Block,
    h: Block,
    key: Block,
    sealed: u64,
    /// The steps so far, each with what it left.
    trace: Vec<[String; 3]>,
}

impl Symmetric {
    fn new() -> Self {
        let name = digest(&[NAME.as_bytes()]);
        Self { ck: name, h: name, key: [0; 32], sealed: 0, trace: Vec::new() }.note("name")
    }

    fn note(mut self, step: &str) -> Self {
        self.trace.push([step.into(), hex(&self.h), hex(&self.ck)]);
        self
    }

    fn mix_hash(mut self, data: &[u8]) -> Self {
        self.h = digest(&[&self.h, data]);
        self
    }

    fn mix_key(mut self, data: &[u8]) -> Self {
        [self.ck, self.key, _] = hkdf(&self.ck, data, 2);
        self.sealed = 0;
        self
    }

    fn mix_key_and_hash(mut self, data: &[u8]) -> Self {
        let middle;
        [self.ck, middle, self.key] = hkdf(&self.ck, data, 3);
        self.sealed = 0;
        self.mix_hash(&middle)
    }

    /// Seals `data` behind what `message` has, and mixes it in.
    fn seal(mut self, data: &[u8], message: &mut Vec<u8>) -> Self {
        let mut cipher = DefaultResolver.resolve_cipher(&CipherChoice::ChaChaPoly).unwrap();
        cipher.set(&self.key);
        let mut sealed = vec![0; data.len() + TAG];
        cipher.encrypt(self.sealed, &self.h, data, &mut sealed);
        self.sealed += 1;
        message.extend_from_slice(&sealed);
        self.mix_hash(&sealed)
    }
}

fn digest(parts: &[&[u8]]) -> Block {
    let (mut hash, mut out) = (DefaultResolver.resolve_hash(&HashChoice::Blake2s).unwrap(), [0; 32]);
    parts.iter().for_each(|part| hash.input(part));
    hash.result(&mut out);
    out
}

fn hkdf(key: &Block, data: &[u8], outputs: usize) -> [Block; 3] {
    let mut hash = DefaultResolver.resolve_hash(&HashChoice::Blake2s).unwrap();
    let mut out = [[0; 32]; 3];
    let [first, second, third] = &mut out;
    hash.hkdf(key, data, outputs, first, second, third);
    out
}

fn exchange(private: &[u8], public: &[u8]) -> Block {
    let mut dh = DefaultResolver.resolve_dh(&DHChoice::Curve25519).unwrap();
    dh.set(private);
    let mut out = [0; KEY_LEN];
    dh.dh(public, &mut out).unwrap();
    out
}

#[test]
fn every_step_of_a_handshake_is_that_of_the_vectors() {
    let vectors = Vectors::load("handshake");
    let key = |name: &str| vectors.bytes(&format!("/{name}"));
    let (client, server) = (key("client_private"), key("proxy2_public"));
    let (ephemeral, theirs) = (key("proxy1_ephemeral"), key("proxy2_ephemeral"));
    let public = |private: &[u8]| super::public_key(private.try_into().unwrap());
    for accepted in 0..2 {
        let mut message = public(&ephemeral).to_vec();
        let asked = Symmetric::new()
            .mix_hash(PROLOGUE)
            .note("prologue")
            .mix_hash(&server)
            .note("<- s")
            .mix_hash(&message)
            .mix_key(&message)
            .note("e")
            .mix_key(&exchange(&ephemeral, &server))
            .note("es")
            .seal(&public(&client), &mut message)
            .note("s")
            .mix_key(&exchange(&client, &server))
            .note("ss")
            .seal(&key("initiation/payload"), &mut message)
            .note("payload");
        assert_eq!(asked.trace, vectors.trace("/initiation/trace"));
        assert_eq!(message, key("initiation/datagram")[5..181]);

        let at = |name: &str| format!("/accepted/{accepted}/{name}");
        let theirs = public(&theirs);
        let mut message = theirs.to_vec();
        let psk = vectors.bytes_if_any(&at("psk")).unwrap_or_else(|| vec![0; 32]);
        let answered = Symmetric { trace: Vec::new(), ..asked }
            .mix_hash(&theirs)
            .mix_key(&theirs)
            .note("e")
            .mix_key(&exchange(&ephemeral, &theirs))
            .note("ee")
            .mix_key(&exchange(&client, &theirs))
            .note("se")
            .mix_key_and_hash(&psk)
            .note("psk")
            .seal(&vectors.bytes(&at("payload")), &mut message)
            .note("payload");
        assert_eq!(answered.trace, vectors.trace(&at("trace")));
        assert_eq!(message, vectors.bytes(&at("datagram"))[5..109]);
        let [to_proxy2, to_proxy1, _] = hkdf(&answered.ck, &[], 2);
        assert_eq!(to_proxy2.to_vec(), vectors.bytes(&at("to_proxy2/noise_key")));
        assert_eq!(to_proxy1.to_vec(), vectors.bytes(&at("to_proxy1/noise_key")));
    }
}
