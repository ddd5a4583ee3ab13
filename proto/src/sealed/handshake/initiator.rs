//! proxy1's side of the handshake.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::Time;
use crate::sealed::crypto::cipher::{CipherSupport, SessionKeys};
use crate::sealed::crypto::keys::PresharedKey;
use crate::sealed::crypto::mac::{self, MAC_LEN};
use crate::sealed::crypto::noise::{self, InitiatorState, Split};
use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::challenge::{CHALLENGE_LIFE, Challenge};
use crate::sealed::handshake::cookie::{self, COOKIE_LIFE, Cookie};
use crate::sealed::handshake::messages::{
    self, Initiation, InitiationView, RESPONSE_PAYLOAD_LEN, Response, ResponseView, Welcome,
};
use crate::sealed::handshake::terms::{
    Epoch, Incarnation, Instance, Limits, LinkId, Refusal, UnixMicros, VERSION,
};
use crate::sealed::wire::packet::Kind;
use crate::ticket::Ticket;

/// Implementation: initiations that may be waiting for a response. A path slower than the timer that repeats the
/// initiation is still answered: any of the last ones will do. While other places are tried as well there are 4.3
/// initiations a second in the first race (one every 300 ms, and proxy1's own), then 2 a second. So 32 pending initiations
/// cover 7 s, later 16 s, and 2.1 s while a stream waits for the first keys.
pub(crate) const MOST_PENDING: usize = 32;

/// What proxy1 needs for its handshakes, for as long as its process lives.
///
/// Call [`start`](Self::start) whenever new keys are wanted, and again (about once a second) until a response comes;
/// give every datagram that is no data packet to [`handle`](Self::handle). It has no timers of its own.
pub struct Initiator {
    ticket: Ticket,
    identity: Identity,
    mac1_key: [u8; 32],
    /// The last cookie and when it came.
    cookie: Option<(Cookie, Time)>,
    /// The last time stamp sent without a challenge that proxy2 may have taken.
    stamp: UnixMicros,
    /// What proxy2 gave, because it did not accept a stamp.
    challenged: Option<Challenged>,
    /// The latest last.
    pending: VecDeque<Pending>,
}

/// What proxy1 says of itself in every handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The link that the handshakes give keys to.
    pub link: LinkId,
    /// This machine and listen address.
    pub instance: Instance,
    /// The ciphers of this machine.
    pub ciphers: CipherSupport,
    /// What proxy2 may send before any frame allows more.
    pub limits: Limits,
}

/// What came of a datagram.
#[derive(Debug)]
pub enum Outcome {
    /// New keys. Seal with them at once: proxy2 goes over to them when it opens the first packet.
    Established(Box<Established>),
    /// proxy2 is reached, knows its own key and lets this client not in.
    Refused(Refused),
    /// proxy2 is busy: send these bytes at once, they are the last initiation again with proof of address.
    Resend {
        /// The index of the initiation.
        index: u32,
        /// The bytes.
        message: Vec<u8>,
    },
    /// Not a response to an initiation of this process: drop it.
    Ignored(Ignored),
}

/// A handshake that succeeded.
#[derive(Debug)]
pub struct Established {
    /// The keys.
    pub session: SessionKeys,
    /// Which proxy2 process answered. Another one than before has none of the old streams.
    pub epoch: Epoch,
    /// What that process has of this link. Another incarnation than before has none of the old streams.
    pub incarnation: Incarnation,
    /// What this side may send before any frame allows more.
    pub limits: Limits,
    /// From its initiation to its response.
    pub round_trip: Duration,
}

/// A handshake that proxy2 refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Refusal,
    /// proxy2's clock when it answered.
    pub time: UnixMicros,
    /// The version proxy2 speaks.
    pub version: u8,
    /// Which proxy2 process answered.
    pub epoch: Epoch,
    /// From its initiation to its response.
    pub round_trip: Duration,
}

/// Why a datagram was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// Not the form of a response or a cookie reply.
    Malformed,
    /// Its mac is not from who knows proxy2's public key.
    Mac,
    /// No initiation with that index is waiting.
    Unasked,
    /// It does not open, or accepts what was not asked for: another version, a cipher that was not offered.
    Forged,
}

/// A challenge of proxy2 and how it is used.
struct Challenged {
    challenge: Challenge,
    came: Time,
    /// The last time stamp sent under it.
    stamp: UnixMicros,
}

/// An initiation that waits for its response.
struct Pending {
    sent: Time,
    index: u32,
    message: Vec<u8>,
    mac1: [u8; MAC_LEN],
    noise: InitiatorState,
    /// Whether a cookie reply has made it go out a second time.
    repeated: bool,
}

impl Initiator {
    /// An initiator that has sent no initiation.
    pub fn new(ticket: Ticket, identity: Identity) -> Self {
        let mac1_key = mac::mac1_key(ticket.server_key().as_bytes());
        let stamp = UnixMicros::default();
        let pending = VecDeque::new();
        Self { ticket, identity, mac1_key, cookie: None, stamp, challenged: None, pending }
    }

    /// Asks for new keys: the bytes of an initiation.
    ///
    /// `index` will stand in the header of what proxy2 sends under those keys; the caller chooses one that none of its
    /// sessions has, and an initiation that waits under the same index is given up. `unix` is the wall clock, which
    /// proxy2 compares with its own; if it is wrong, proxy2 says so, and the next initiation needs none.
    pub fn start(&mut self, now: Time, unix: UnixMicros, index: u32, random: &mut Random) -> Vec<u8> {
        let payload = self.payload(now, unix, index).to_bytes();
        let (ticket, ephemeral) = (&self.ticket, random.block());
        let (mut message, noise) = messages::write_initiation(index, &self.mac1_key, |room| {
            noise::initiate(
                ticket.private().bytes(),
                ticket.server_key().as_bytes(),
                ephemeral,
                &payload,
                room,
            )
        });
        if let Some((cookie, came)) = &self.cookie
            && now.since(*came) < COOKIE_LIFE
        {
            messages::prove_address(&mut message, cookie);
        }
        self.remember(now, index, message.clone(), noise);
        message
    }

    /// Takes a datagram that is no data packet.
    pub fn handle(&mut self, now: Time, datagram: &[u8]) -> Outcome {
        match Kind::of(datagram) {
            Some(Kind::Response) => self.handle_response(now, datagram),
            Some(Kind::Cookie) => self.handle_cookie(now, datagram),
            Some(Kind::Initiation | Kind::Data) | None => Err(Ignored::Malformed),
        }
        .unwrap_or_else(Outcome::Ignored)
    }

    /// Gives up all initiations: responses to them are not wanted any more.
    pub fn give_up(&mut self) {
        self.pending.clear();
    }

    /// The handshakes to come are another client's, perhaps with another proxy2.
    pub fn set_ticket(&mut self, ticket: Ticket) {
        self.mac1_key = mac::mac1_key(ticket.server_key().as_bytes());
        self.ticket = ticket;
        (self.cookie, self.challenged) = (None, None);
        self.give_up();
    }

    /// The handshakes to come give keys to another link.
    pub fn set_link(&mut self, link: LinkId) {
        self.identity.link = link;
        // A challenge is for one link.
        self.challenged = None;
    }

    fn payload(&mut self, now: Time, unix: UnixMicros, index: u32) -> Initiation {
        let (time, challenge) = self.freshness(now, unix);
        let Identity { link, instance, ciphers, limits } = self.identity;
        let (version, ciphers) = (VERSION, ciphers.offer());
        Initiation { version, ciphers, index, time, link, instance, limits, challenge }
    }

    /// A stamp greater than the last one, as proxy2 demands, and the challenge that it is good under.
    fn freshness(&mut self, now: Time, unix: UnixMicros) -> (UnixMicros, Challenge) {
        let held = self.challenged.as_mut().filter(|held| now.since(held.came) < CHALLENGE_LIFE);
        let (stamp, challenge) = match held {
            Some(held) => (&mut held.stamp, held.challenge),
            None => (&mut self.stamp, Challenge::NONE),
        };
        *stamp = unix.max(UnixMicros(stamp.0.saturating_add(1)));
        (*stamp, challenge)
    }

    /// proxy2 did not accept a stamp, so none after the last that it took counts: the next may be as the clock says.
    fn take_challenge(&mut self, now: Time, challenge: Challenge) {
        self.stamp = UnixMicros::default();
        if challenge == Challenge::NONE {
            self.challenged = None;
            return;
        }
        let same = self.challenged.as_ref().filter(|held| held.challenge == challenge);
        let stamp = same.map(|held| held.stamp).unwrap_or_default();
        self.challenged = Some(Challenged { challenge, came: now, stamp });
    }

    fn remember(&mut self, now: Time, index: u32, message: Vec<u8>, noise: InitiatorState) {
        self.pending.retain(|pending| pending.index != index);
        if self.pending.len() == MOST_PENDING {
            self.pending.pop_front();
        }
        let mac1 = InitiationView::parse(&message).map(|view| *view.mac1);
        let mac1 = mac1.expect("a message just written");
        self.pending.push_back(Pending { sent: now, index, message, mac1, noise, repeated: false });
    }

    fn handle_response(&mut self, now: Time, datagram: &[u8]) -> Result<Outcome, Ignored> {
        let view = ResponseView::parse(datagram).ok_or(Ignored::Malformed)?;
        if !mac::short_mac_is(&self.mac1_key, view.before_mac1, view.mac1) {
            return Err(Ignored::Mac);
        }
        let place = self.place(view.receiver)?;
        let noise = &mut self.pending[place].noise;
        let (response, split) = open_response(noise, self.ticket.preshared(), view.noise)?;
        let offer = self.identity.ciphers.offer();
        let unsound = |welcome: Welcome| response.version != VERSION || offer & welcome.cipher.byte() == 0;
        if response.result.is_ok_and(unsound) {
            return Err(Ignored::Forged);
        }
        let round_trip = now.since(self.pending[place].sent);
        // Older initiations are answered by this one; younger ones may still bring other keys.
        self.pending.drain(..=place);
        Ok(match response.result {
            Ok(welcome) => established(view.receiver, &response, welcome, &split, round_trip),
            Err(why) => {
                let Response { time, version, epoch, challenge, .. } = response;
                if why == Refusal::ClockOff {
                    self.take_challenge(now, challenge);
                }
                Outcome::Refused(Refused { why, time, version, epoch, round_trip })
            }
        })
    }

    fn handle_cookie(&mut self, now: Time, datagram: &[u8]) -> Result<Outcome, Ignored> {
        let reply = cookie::Reply::parse(datagram).ok_or(Ignored::Malformed)?;
        let place = self.place(reply.receiver)?;
        let pending = &mut self.pending[place];
        let cookie = reply.open(self.ticket.server_key(), &pending.mac1).ok_or(Ignored::Forged)?;
        self.cookie = Some((cookie, now));
        // Once only, or two busy ends could keep an initiation going back and forth for ever.
        if std::mem::replace(&mut pending.repeated, true) {
            return Err(Ignored::Unasked);
        }
        messages::prove_address(&mut pending.message, &cookie);
        Ok(Outcome::Resend { index: pending.index, message: pending.message.clone() })
    }

    fn place(&self, index: u32) -> Result<usize, Ignored> {
        self.pending.iter().position(|pending| pending.index == index).ok_or(Ignored::Unasked)
    }
}

fn established(
    index: u32,
    response: &Response,
    welcome: Welcome,
    split: &Split,
    round_trip: Duration,
) -> Outcome {
    let Welcome { cipher, incarnation, limits } = welcome;
    let session = SessionKeys::new(cipher, &split.to_responder, &split.to_initiator, index, response.index);
    let epoch = response.epoch;
    Outcome::Established(Box::new(Established { session, epoch, incarnation, limits, round_trip }))
}

/// Opens a response: under the ticket's pre-shared key whatever it says; if the ticket has one, a refusal also without,
/// since a proxy2 that does not know the ticket does not know its key either.
fn open_response(
    noise: &mut InitiatorState,
    psk: Option<&PresharedKey>,
    message: &[u8],
) -> Result<(Response, Split), Ignored> {
    let mut payload = [0; RESPONSE_PAYLOAD_LEN];
    if let Some(psk) = psk
        && let Some(split) = noise.read(psk.bytes(), message, &mut payload)
    {
        let response = Response::parse(&payload).ok_or(Ignored::Forged)?;
        return Ok((response, split));
    }
    let split = noise.read(&PresharedKey::NONE, message, &mut payload).ok_or(Ignored::Forged)?;
    let response = Response::parse(&payload).ok_or(Ignored::Forged)?;
    if psk.is_some() && response.result.is_ok() {
        return Err(Ignored::Forged);
    }
    Ok((response, split))
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initiator").field("identity", &self.identity).finish_non_exhaustive()
    }
}
