//! An initiation that passed every check, and its response.

use std::fmt;

use crate::sealed::crypto::cipher::{Cipher, SessionKeys};
use crate::sealed::crypto::keys::{PresharedKey, PublicKey};
use crate::sealed::crypto::noise::{ResponderState, Split};
use crate::sealed::handshake::challenge::Challenge;
use crate::sealed::handshake::messages::{self, Initiation, Response, Welcome};
use crate::sealed::handshake::terms::{
    Epoch, Incarnation, Instance, Limits, LinkId, Refusal, UnixMicros, VERSION,
};

/// A client that may come in, if there is room for it.
///
/// To accept costs nothing yet of a running link: the keys are used for sending only when the first packet sealed with
/// the peer's half has been opened, because only that shows that the initiation was not an old one sent again.
/// Until then keep the last few sessions accepted for a link: which response arrives is not known.
pub struct Request {
    caller: Caller,
    initiation: Initiation,
    ready: CheckedRequest,
}

/// What an allowed client's session is made with.
pub(crate) struct CheckedRequest {
    pub(crate) psk: Option<PresharedKey>,
    pub(crate) cipher: Cipher,
}

/// Who asked, and what a response takes.
pub(crate) struct Caller {
    pub(crate) client: PublicKey,
    pub(crate) noise: ResponderState,
    /// The index of its initiation.
    pub(crate) index: u32,
    pub(crate) mac1_key: [u8; 32],
    /// proxy2's clock.
    pub(crate) time: UnixMicros,
    pub(crate) epoch: Epoch,
}

impl Request {
    pub(crate) fn new(caller: Caller, initiation: Initiation, ready: CheckedRequest) -> Self {
        Self { caller, initiation, ready }
    }

    /// Who asks: the ticket's public key.
    pub fn client(&self) -> PublicKey {
        self.caller.client
    }

    /// The link that wants keys; ids of different clients are independent of each other.
    pub fn link(&self) -> LinkId {
        self.initiation.link
    }

    /// The client's machine and listen address.
    pub fn instance(&self) -> Instance {
        self.initiation.instance
    }

    /// What this side may send before any frame allows more.
    pub fn limits(&self) -> Limits {
        self.initiation.limits
    }

    /// Lets the client in: the response to send, and the keys.
    ///
    /// `index` will stand in the header of what the client sends under these keys; the caller chooses one that none of
    /// its sessions has. `incarnation` names what this process has of the link.
    pub fn accept(self, index: u32, incarnation: Incarnation, limits: Limits) -> (Vec<u8>, SessionKeys) {
        let Self { caller, ready, .. } = self;
        let peer = caller.index;
        let psk = ready.psk.as_ref().map_or(&PresharedKey::NONE, PresharedKey::bytes);
        let welcome = Welcome { cipher: ready.cipher, incarnation, limits };
        let (response, split) = caller.respond(index, Ok(welcome), Challenge::NONE, psk);
        let session = SessionKeys::new(ready.cipher, &split.to_initiator, &split.to_responder, index, peer);
        (response, session)
    }

    /// Does not let the client in: the response to send.
    pub fn refuse(self, why: Refusal) -> Vec<u8> {
        self.caller.refuse(why, Challenge::NONE)
    }
}

impl Caller {
    /// A response that does not let the client in, with a challenge if that is what helps.
    pub(crate) fn refuse(self, why: Refusal, challenge: Challenge) -> Vec<u8> {
        self.respond(0, Err(why), challenge, &PresharedKey::NONE).0
    }

    fn respond(
        self,
        index: u32,
        result: Result<Welcome, Refusal>,
        challenge: Challenge,
        psk: &[u8; 32],
    ) -> (Vec<u8>, Split) {
        let (version, time, epoch) = (VERSION, self.time, self.epoch);
        let response = Response { version, result, index, time, epoch, challenge };
        messages::write_response(self.index, &self.mac1_key, |room| {
            self.noise.write(psk, &response.to_bytes(), room)
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("client", &self.client())
            .field("link", &self.link())
            .finish_non_exhaustive()
    }
}
