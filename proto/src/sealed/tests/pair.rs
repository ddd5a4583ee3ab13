//! What the tests of the handshake share.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::Time;
use crate::sealed::crypto::cipher::{CipherSupport, SessionKeys};
use crate::sealed::crypto::keys::PrivateKey;
use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::initiator::{Established, Identity, Ignored, Initiator, Outcome, Refused};
use crate::sealed::handshake::responder::{CLOCK_TOLERANCE, Request, Responder, Settings, Verdict};
use crate::sealed::handshake::terms::{
    Epoch, Features, Incarnation, Instance, Limits, LinkId, Refusal, UnixMicros,
};
use crate::sealed::wire::packet::{HEADER_LEN, TAG_LEN};
use crate::sim::unix;
use crate::ticket::Ticket;

/// What time it is when a test begins.
pub(super) const NEW_YEAR: UnixMicros = unix(Time::ZERO);
pub(super) const ADDRESS: SocketAddr = address(1, 5_000);
pub(super) const AES: CipherSupport = CipherSupport { aes: true };
pub(super) const NO_AES: CipherSupport = CipherSupport { aes: false };
pub(super) const CLIENT_LIMITS: Limits = Limits {
    streams: 100,
    link_credit: 1 << 20,
    stream_credit: 1 << 16,
    datagram: 1_472,
    features: Features::NONE,
};
pub(super) const SERVER_LIMITS: Limits = Limits {
    streams: 4_096,
    link_credit: 1 << 21,
    stream_credit: 1 << 17,
    datagram: 65_507,
    features: Features::NONE,
};
pub(super) const CLIENT_INDEX: u32 = 0x0102_0304;
pub(super) const SERVER_INDEX: u32 = 0xa1a2_a3a4;

/// 192.0.2.`last`, with that port.
pub(super) const fn address(last: u8, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port)
}

pub(super) fn server_key() -> PrivateKey {
    PrivateKey::from_bytes(&[0x11; 32])
}

pub(super) fn ticket(seed: u8, preshared: bool) -> Ticket {
    Ticket::generate(server_key().public(), preshared, &mut Random::from_seed([seed; 32]))
}

pub(super) fn identity(ciphers: CipherSupport) -> Identity {
    Identity { link: LinkId(77), instance: Instance(88), ciphers, limits: CLIENT_LIMITS }
}

pub(super) fn settings(ciphers: CipherSupport) -> Settings {
    let (epoch, clock_tolerance) = (Epoch(99), CLOCK_TOLERANCE);
    Settings { epoch, ciphers, clock_tolerance, handshakes_per_second: 1_000 }
}

pub(super) fn responder(settings: Settings) -> Responder {
    Responder::new(Time::ZERO, server_key(), settings, Random::from_seed([0x22; 32]))
}

/// Both ends with one ticket between them.
pub(super) struct Pair {
    pub(super) now: Time,
    /// proxy2's clock.
    pub(super) unix: UnixMicros,
    /// Microseconds that proxy1's is ahead.
    pub(super) skew: i64,
    pub(super) ticket: Ticket,
    pub(super) initiator: Initiator,
    pub(super) responder: Responder,
    pub(super) random: Random,
}

impl Pair {
    pub(super) fn new() -> Self {
        Self::with(false, AES, settings(AES))
    }

    pub(super) fn with(preshared: bool, ciphers: CipherSupport, settings: Settings) -> Self {
        let ticket = ticket(0x33, preshared);
        let mut responder = responder(settings);
        responder.allow(ticket.client(), ticket.preshared().cloned());
        let initiator = Initiator::new(ticket.clone(), identity(ciphers));
        let random = Random::from_seed([0x44; 32]);
        Self { now: Time::ZERO, unix: NEW_YEAR, skew: 0, ticket, initiator, responder, random }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.unix.0 += u64::try_from(time.as_micros()).unwrap();
    }

    /// proxy1's clock.
    pub(super) fn clock(&self) -> UnixMicros {
        UnixMicros(self.unix.0.saturating_add_signed(self.skew).min(i64::MAX as u64))
    }

    pub(super) fn ask(&mut self) -> Vec<u8> {
        self.initiator.start(self.now, self.clock(), CLIENT_INDEX, &mut self.random)
    }

    pub(super) fn hear(&mut self, datagram: &[u8]) -> Verdict {
        self.responder.handle(self.now, self.unix, ADDRESS, datagram)
    }

    pub(super) fn tell(&mut self, datagram: &[u8]) -> Outcome {
        self.initiator.handle(self.now, datagram)
    }

    /// The response to a fresh initiation, and the responder's half of the session.
    pub(super) fn response(&mut self) -> (Vec<u8>, SessionKeys) {
        let initiation = self.ask();
        let response = request(self.hear(&initiation)).accept(SERVER_INDEX, Incarnation(0), SERVER_LIMITS);
        assert!(response.0.len() <= initiation.len(), "a response is never larger than its initiation");
        response
    }

    /// A whole handshake: proxy1's half and proxy2's.
    pub(super) fn shake(&mut self) -> (Established, SessionKeys) {
        let (response, session) = self.response();
        (established(self.tell(&response)), session)
    }

    /// A fresh initiation that is refused: how proxy1 understands it.
    pub(super) fn refusal(&mut self) -> Refused {
        let initiation = self.ask();
        let Verdict::Refused { client, why, response } = self.hear(&initiation) else {
            panic!("not refused");
        };
        assert_eq!(client, self.ticket.client());
        assert!(response.len() <= initiation.len(), "a response is never larger than its initiation");
        let told = refused(self.tell(&response));
        assert_eq!(told.why, why);
        told
    }
}

pub(super) fn request(verdict: Verdict) -> Request {
    let Verdict::Request(request) = verdict else { panic!("no request but {verdict:?}") };
    *request
}

pub(super) fn established(outcome: Outcome) -> Established {
    let Outcome::Established(established) = outcome else { panic!("not established but {outcome:?}") };
    *established
}

pub(super) fn refused(outcome: Outcome) -> Refused {
    let Outcome::Refused(refused) = outcome else { panic!("not refused but {outcome:?}") };
    refused
}

pub(super) fn ignored(outcome: Outcome) -> Ignored {
    let Outcome::Ignored(why) = outcome else { panic!("not ignored but {outcome:?}") };
    why
}

/// Why an initiation with version 1 and everything in order was refused, if it was.
pub(super) fn why_refused(verdict: Verdict) -> Option<Refusal> {
    let Verdict::Refused { why, .. } = verdict else { return None };
    Some(why)
}

pub(super) fn sealed(session: &SessionKeys, counter: u64, frames: &[u8]) -> Vec<u8> {
    let mut packet = [&[0; HEADER_LEN][..], frames, &[0; TAG_LEN]].concat();
    session.seal.seal_in_place(counter, &mut packet);
    packet
}
