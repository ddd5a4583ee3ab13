//! proxy2's side of the handshake.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::Time;
use crate::sealed::crypto::cipher::CipherSupport;
use crate::sealed::crypto::keys::{PresharedKey, PrivateKey, PublicKey};
use crate::sealed::crypto::mac;
use crate::sealed::crypto::noise;
use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::challenge::{Challenge, Challenger, Period};
use crate::sealed::handshake::cookie::{self, Jar};
use crate::sealed::handshake::limiter::HandshakeLimiter;
use crate::sealed::handshake::messages::{INITIATION_PAYLOAD_LEN, Initiation, InitiationView};
use crate::sealed::handshake::pending::{Caller, CheckedRequest};
use crate::sealed::handshake::replay_guard::{Freshness, Oldest, Rejected, ReplayGuard, TakenStamp};
use crate::sealed::handshake::seen_proofs::SeenProofs;
use crate::sealed::handshake::terms::{Epoch, LinkId, Refusal, UnixMicros, VERSION};
use crate::sealed::handshake::work_budget::{Load, Work};

pub use crate::sealed::handshake::pending::Request;

/// Specification: how far the clocks of proxy1 and proxy2 may differ, each way, before an initiation needs a challenge.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(600);

/// What proxy2 needs to answer handshakes, for as long as its process lives.
///
/// Give every initiation ([`Kind::Initiation`](crate::sealed::wire::packet::Kind::Initiation)) to [`handle`](Self::handle) and do
/// what the verdict says. It has no timers.
pub struct Responder {
    settings: Settings,
    key: PrivateKey,
    public: PublicKey,
    mac1_key: [u8; 32],
    tickets: BTreeMap<PublicKey, ClientStanding>,
    guard: ReplayGuard,
    challenger: Challenger,
    limiter: HandshakeLimiter,
    proofs: SeenProofs,
    jar: Jar,
    random: Random,
}

/// What a responder is told when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// This process.
    pub epoch: Epoch,
    /// The ciphers of this machine.
    pub ciphers: CipherSupport,
    /// How far a client's clock may be off without a challenge; [`CLOCK_TOLERANCE`] unless a test wants another.
    pub clock_tolerance: Duration,
    /// Whole handshakes a second whose public-key work may be done; 0 counts as 1. Messages that are found to be bad before
    /// they are answered cost half of one.
    pub handshakes_per_second: u32,
}

/// Whether a client may join.
enum ClientStanding {
    Allowed(Option<PresharedKey>),
    Revoked,
}

/// What to do with a datagram.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing, and send nothing.
    Drop(DroppedInitiation),
    /// Send this cookie reply; the asker must prove its address while handshakes are many.
    Cookie(Vec<u8>),
    /// Send this response; the client is told why it may not come in.
    Refused {
        /// Who asked.
        client: PublicKey,
        /// Why not.
        why: Refusal,
        /// The bytes to send.
        response: Vec<u8>,
    },
    /// A client that may come in: decide, and [`accept`](Request::accept) or [`refuse`](Request::refuse) it.
    Request(Box<Request>),
}

/// Why a datagram was dropped without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DroppedInitiation {
    /// Not the form of an initiation.
    Malformed,
    /// Its mac is not from who knows this proxy2's public key.
    Mac,
    /// Its Noise message is not authentic.
    Forged,
    /// It has been taken before.
    Replayed,
    /// More handshakes a second than the settings allow, or too large a part of them from one source or for one ticket.
    Busy,
    /// Its client has no valid ticket, and there is no time to say so.
    Unwelcome,
}

impl Responder {
    /// A responder that allows nobody yet.
    pub fn new(now: Time, key: PrivateKey, settings: Settings, mut random: Random) -> Self {
        let public = key.public();
        let jar = Jar::new(now, &mut random);
        Self {
            settings,
            key,
            public,
            mac1_key: mac::mac1_key(public.as_bytes()),
            tickets: BTreeMap::new(),
            guard: ReplayGuard::default(),
            challenger: Challenger::new(&mut random),
            limiter: HandshakeLimiter::new(settings.handshakes_per_second),
            proofs: SeenProofs::default(),
            jar,
            random,
        }
    }

    /// The public key that the tickets name.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Lets a client join from now on, with the pre-shared key of its ticket if it has one.
    pub fn allow(&mut self, client: PublicKey, psk: Option<PresharedKey>) {
        self.tickets.insert(client, ClientStanding::Allowed(psk));
    }

    /// Lets a client join no longer, and tells it so when it asks. Its running links are the caller's to end.
    pub fn revoke(&mut self, client: PublicKey) {
        self.tickets.insert(client, ClientStanding::Revoked);
    }

    /// Forgets a client: it becomes unknown.
    pub fn forget(&mut self, client: &PublicKey) {
        self.tickets.remove(client);
        self.limiter.forget(client);
    }

    /// The clients that may join.
    pub(crate) fn clients(&self) -> impl Iterator<Item = PublicKey> {
        let allowed = |standing: &ClientStanding| matches!(standing, ClientStanding::Allowed(_));
        self.tickets.iter().filter(move |(_, standing)| allowed(standing)).map(|(client, _)| *client)
    }

    /// An authentic packet of a link came from there: a part of the handshakes is kept for where links are.
    pub(crate) fn link_is_at(&mut self, client: PublicKey, link: LinkId, at: SocketAddr) {
        self.limiter.link_is_at(client, link, at);
    }

    /// A link is over.
    pub(crate) fn link_is_over(&mut self, client: PublicKey, link: LinkId) {
        self.limiter.link_is_over(client, link);
    }

    /// Judges a datagram that came from `from`. `unix`: the wall clock.
    pub fn handle(&mut self, now: Time, unix: UnixMicros, from: SocketAddr, datagram: &[u8]) -> Verdict {
        self.judge(now, unix, from, datagram).unwrap_or_else(Verdict::Drop)
    }

    fn judge(
        &mut self,
        now: Time,
        unix: UnixMicros,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<Verdict, DroppedInitiation> {
        let view = InitiationView::parse(datagram).ok_or(DroppedInitiation::Malformed)?;
        if !mac::short_mac_is(&self.mac1_key, view.before_mac1, view.mac1) {
            return Err(DroppedInitiation::Mac);
        }
        let address = from.ip().to_canonical();
        if self.limiter.load(now) > Load::Light {
            if !self.has_proof(now, address, &view) {
                return Ok(Verdict::Cookie(self.cookie_reply(address, &view)));
            }
            if self.proofs.contains(view.mac2) {
                return Err(DroppedInitiation::Replayed);
            }
            if !self.limiter.take(now, from) {
                return Err(DroppedInitiation::Busy);
            }
            self.proofs.insert(now, *view.mac2);
        }
        let opened = self.open(unix, &view);
        let result = opened.and_then(|(caller, initiation)| self.decide(now, unix, caller, initiation));
        self.limiter.spend(now, work(&result));
        result
    }

    /// Judges an initiation that another process with the same key has judged: neither its load nor its freshness are looked at again.
    pub(crate) fn handle_passed(
        &mut self,
        unix: UnixMicros,
        datagram: &[u8],
    ) -> Result<Request, DroppedInitiation> {
        let view = InitiationView::parse(datagram).ok_or(DroppedInitiation::Malformed)?;
        if !mac::short_mac_is(&self.mac1_key, view.before_mac1, view.mac1) {
            return Err(DroppedInitiation::Mac);
        }
        let (caller, initiation) = self.open(unix, &view)?;
        let Some(ClientStanding::Allowed(psk)) = self.tickets.get(&caller.client) else {
            return Err(DroppedInitiation::Unwelcome);
        };
        let psk = psk.clone();
        let cipher = self.settings.ciphers.choose(initiation.ciphers);
        let cipher = cipher.filter(|_| initiation.version == VERSION).ok_or(DroppedInitiation::Malformed)?;
        if initiation.challenge == Challenge::NONE {
            // Should this process read the socket again, it must not take what the other took.
            let link = Some(initiation.link);
            self.guard.note(TakenStamp { client: caller.client, link, stamp: initiation.time });
        }
        Ok(Request::new(caller, initiation, CheckedRequest { psk, cipher }))
    }

    /// The stamps that another process must not take again; those that are refused for their age alone are left out.
    pub(crate) fn taken_stamps(&self, unix: UnixMicros) -> Vec<TakenStamp> {
        self.guard.stamps(self.oldest_stamp(unix))
    }

    /// Another process has taken these.
    pub(crate) fn take_stamps(&mut self, stamps: Vec<TakenStamp>) {
        stamps.into_iter().for_each(|stamp| self.guard.note(stamp));
    }

    /// The oldest stamp that is taken without a challenge.
    fn oldest_stamp(&self, unix: UnixMicros) -> UnixMicros {
        UnixMicros(unix.0.saturating_sub(micros(self.settings.clock_tolerance)))
    }

    /// What a caller that is known gets.
    fn decide(
        &mut self,
        now: Time,
        unix: UnixMicros,
        caller: Caller,
        initiation: Initiation,
    ) -> Result<Verdict, DroppedInitiation> {
        match self.check(now, unix, &caller, &initiation) {
            Ok(ready) if self.limiter.accept(now, caller.client) => {
                Ok(Verdict::Request(Box::new(Request::new(caller, initiation, ready))))
            }
            Ok(_) => Err(DroppedInitiation::Busy),
            Err(Denied::Dropped(why)) => Err(why),
            // Who has no ticket may be told so by the hundred thousand.
            Err(Denied::Refused(_)) if self.limiter.load(now) > Load::Idle => {
                Err(DroppedInitiation::Unwelcome)
            }
            Err(Denied::Refused(why)) => Ok(refused(caller, why, Challenge::NONE)),
            // Who repeats old initiations gets it too, and can do nothing with it.
            Err(Denied::Stale) => {
                let challenge = self.challenger.challenge(now, &caller.client, initiation.link);
                Ok(refused(caller, Refusal::ClockOff, challenge))
            }
        }
    }

    /// Whether the asker has proven its address.
    fn has_proof(&mut self, now: Time, from: IpAddr, view: &InitiationView<'_>) -> bool {
        self.jar.rotate(now, &mut self.random);
        mac::short_mac_is(&self.jar.cookie(&from), view.before_mac2, view.mac2)
    }

    /// What the asker can prove its address with.
    fn cookie_reply(&mut self, from: IpAddr, view: &InitiationView<'_>) -> Vec<u8> {
        let cookie = self.jar.cookie(&from);
        cookie::reply(&self.public, view.sender, view.mac1, cookie, self.random.bytes())
    }

    /// The public-key work: who asks, and what.
    fn open(
        &mut self,
        unix: UnixMicros,
        view: &InitiationView<'_>,
    ) -> Result<(Caller, Initiation), DroppedInitiation> {
        let mut payload = [0; INITIATION_PAYLOAD_LEN];
        let noise = noise::read_initiation(self.key.bytes(), self.random.block(), view.noise, &mut payload);
        let noise = noise.ok_or(DroppedInitiation::Forged)?;
        let initiation = Initiation::parse(&payload).ok_or(DroppedInitiation::Malformed)?;
        if initiation.index != view.sender {
            return Err(DroppedInitiation::Forged);
        }
        let caller = Caller {
            client: PublicKey::from_bytes(noise.client()),
            noise,
            index: view.sender,
            mac1_key: self.mac1_key,
            time: unix,
            epoch: self.settings.epoch,
        };
        Ok((caller, initiation))
    }

    /// Whether the caller may come in.
    fn check(
        &mut self,
        now: Time,
        unix: UnixMicros,
        caller: &Caller,
        initiation: &Initiation,
    ) -> Result<CheckedRequest, Denied> {
        if initiation.version != VERSION {
            return Err(Denied::Refused(Refusal::Version));
        }
        let psk = match self.tickets.get(&caller.client) {
            None => return Err(Denied::Refused(Refusal::UnknownTicket)),
            Some(ClientStanding::Revoked) => return Err(Denied::Refused(Refusal::RevokedTicket)),
            Some(ClientStanding::Allowed(psk)) => psk.clone(),
        };
        let freshness = self.freshness(now, unix, caller.client, initiation).ok_or(Denied::Stale)?;
        let cipher = self.settings.ciphers.choose(initiation.ciphers);
        let cipher = cipher.ok_or(Denied::Dropped(DroppedInitiation::Malformed))?;
        let oldest = Oldest { stamp: self.oldest_stamp(unix), period: Period::oldest(now) };
        match self.guard.admit(caller.client, initiation.link, initiation.time, freshness, oldest) {
            Ok(()) => Ok(CheckedRequest { psk, cipher }),
            Err(Rejected::Replayed) => Err(Denied::Dropped(DroppedInitiation::Replayed)),
            Err(Rejected::Older) => Err(Denied::Stale),
        }
    }

    /// What shows that the initiation was made a moment ago, if anything does.
    fn freshness(
        &self,
        now: Time,
        unix: UnixMicros,
        client: PublicKey,
        initiation: &Initiation,
    ) -> Option<Freshness> {
        if initiation.challenge == Challenge::NONE {
            let close = initiation.time.0.abs_diff(unix.0) <= micros(self.settings.clock_tolerance);
            return close.then_some(Freshness::Stamp);
        }
        let period = self.challenger.period_of(now, &client, initiation.link, &initiation.challenge);
        period.map(Freshness::Challenge)
    }
}

/// Why a caller may not come in.
enum Denied {
    /// Say nothing.
    Dropped(DroppedInitiation),
    /// Say why.
    Refused(Refusal),
    /// Give it a challenge to return.
    Stale,
}

fn refused(caller: Caller, why: Refusal, challenge: Challenge) -> Verdict {
    Verdict::Refused { client: caller.client, why, response: caller.refuse(why, challenge) }
}

/// What it has cost, or will, to come to that.
const fn work(result: &Result<Verdict, DroppedInitiation>) -> Work {
    match result {
        Err(_) | Ok(Verdict::Drop(_) | Verdict::Cookie(_)) => Work::Opened,
        Ok(Verdict::Refused { .. } | Verdict::Request(_)) => Work::Answered,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
