//! proxy2's side of the handshake.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::challenge::{Challenge, ChallengeLimiter, Challenger, Period};
use super::cipher::CipherSupport;
use super::cookie::{self, Jar};
use super::gate::{Gate, Load};
use super::handshake::{Epoch, LinkId, Refusal, UnixMicros, VERSION};
use super::keys::{PresharedKey, PrivateKey, PublicKey};
use super::mac;
use super::message::{HELLO_PAYLOAD_LEN, Hello, HelloView};
use super::noise;
use super::random::Random;
use super::replay_guard::{Freshness, Oldest, Rejected, ReplayGuard};
use super::request::{Caller, Ready};
use super::shares::Shares;
use crate::Time;

pub use super::request::Request;

/// Specification: how far the clocks of proxy1 and proxy2 may differ, each way, before a question needs a challenge.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(600);

/// What proxy2 needs to answer handshakes, for as long as its process lives.
///
/// Give every first message ([`Kind::Hello`](super::packet::Kind::Hello)) to [`handle`](Self::handle) and do what the
/// verdict says. It has no timers.
pub struct Acceptor {
    settings: Settings,
    key: PrivateKey,
    public: PublicKey,
    mac1_key: [u8; 32],
    tickets: BTreeMap<PublicKey, Standing>,
    guard: ReplayGuard,
    challenger: Challenger,
    challenged: ChallengeLimiter,
    gate: Gate,
    shares: Shares,
    jar: Jar,
    random: Random,
}

/// What an acceptor is told when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// This process.
    pub epoch: Epoch,
    /// The ciphers of this machine.
    pub ciphers: CipherSupport,
    /// How far a client's clock may be off without a challenge; [`CLOCK_TOLERANCE`] unless a test wants another.
    pub clock_tolerance: Duration,
    /// First messages a second that may cost public-key work; 0 counts as 1.
    pub handshakes_per_second: u32,
}

/// Whether a client may join.
enum Standing {
    Allowed(Option<PresharedKey>),
    Revoked,
}

/// What to do with a datagram.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing, and send nothing.
    Drop(Dropped),
    /// Send this cookie reply; the asker must prove its address while handshakes are many.
    Cookie(Vec<u8>),
    /// Send this answer; the client is told why it may not come in.
    Refused {
        /// Who asked.
        client: PublicKey,
        /// Why not.
        why: Refusal,
        /// The bytes to send.
        answer: Vec<u8>,
    },
    /// A client that may come in: decide, and [`accept`](Request::accept) or [`refuse`](Request::refuse) it.
    Request(Box<Request>),
}

/// Why a datagram was dropped without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// Not the form of a first message.
    Malformed,
    /// Its mac is not from who knows this proxy2's public key.
    Mac,
    /// Its Noise message is not authentic.
    Forged,
    /// It has been taken before.
    Replayed,
    /// Its time stamp is not acceptable, and its client was told so at this address within the last second.
    Stale,
    /// More handshakes a second than the settings allow, or too large a part of them from one address.
    Busy,
}

impl Acceptor {
    /// An acceptor that allows nobody yet.
    pub fn new(now: Time, key: PrivateKey, settings: Settings, mut random: Random) -> Self {
        let public = key.public();
        let jar = Jar::new(now, &mut random);
        Self {
            settings,
            key,
            public,
            mac1_key: mac::mac1_key(&public),
            tickets: BTreeMap::new(),
            guard: ReplayGuard::default(),
            challenger: Challenger::new(&mut random),
            challenged: ChallengeLimiter::default(),
            gate: Gate::new(settings.handshakes_per_second),
            shares: Shares::new(settings.handshakes_per_second),
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
        self.tickets.insert(client, Standing::Allowed(psk));
    }

    /// Lets a client join no longer, and tells it so when it asks. Its running links are the caller's to end.
    pub fn revoke(&mut self, client: PublicKey) {
        self.tickets.insert(client, Standing::Revoked);
    }

    /// Forgets a client: it becomes unknown.
    pub fn forget(&mut self, client: &PublicKey) {
        self.tickets.remove(client);
        self.challenged.forget(client);
    }

    /// The clients that may join.
    pub(crate) fn clients(&self) -> impl Iterator<Item = PublicKey> {
        let allowed = |standing: &Standing| matches!(standing, Standing::Allowed(_));
        self.tickets.iter().filter(move |(_, standing)| allowed(standing)).map(|(client, _)| *client)
    }

    /// Judges a datagram that came from `from`. `unix`: the wall clock.
    pub fn handle(&mut self, now: Time, unix: UnixMicros, from: SocketAddr, datagram: &[u8]) -> Verdict {
        self.judge(now, unix, from.ip().to_canonical(), datagram).unwrap_or_else(Verdict::Drop)
    }

    fn judge(
        &mut self,
        now: Time,
        unix: UnixMicros,
        from: IpAddr,
        datagram: &[u8],
    ) -> Result<Verdict, Dropped> {
        let view = HelloView::parse(datagram).ok_or(Dropped::Malformed)?;
        if !mac::short_mac_is(&self.mac1_key, view.before_mac1, view.mac1) {
            return Err(Dropped::Mac);
        }
        if let Some(reply) = self.ask_for_proof(now, from, &view)? {
            return Ok(Verdict::Cookie(reply));
        }
        self.gate.take(now);
        let (caller, hello) = self.open(unix, &view)?;
        Ok(match self.check(now, unix, from, &caller, &hello) {
            Ok(ready) => Verdict::Request(Box::new(Request::new(caller, hello, ready))),
            Err(Denied::Dropped(why)) => Verdict::Drop(why),
            Err(Denied::Refused(why, challenge)) => {
                Verdict::Refused { client: caller.client, why, answer: caller.refuse(why, challenge) }
            }
        })
    }

    /// A cookie reply, if handshakes are many and the asker has not proven its address.
    fn ask_for_proof(
        &mut self,
        now: Time,
        from: IpAddr,
        view: &HelloView<'_>,
    ) -> Result<Option<Vec<u8>>, Dropped> {
        let load = self.gate.load(now);
        if load == Load::Light {
            return Ok(None);
        }
        self.jar.rotate(now, &mut self.random);
        let cookie = self.jar.cookie(&from);
        if !mac::short_mac_is(&cookie, view.before_mac2, view.mac2) {
            let nonce = self.random.bytes();
            return Ok(Some(cookie::reply(&self.public, view.sender, view.mac1, cookie, nonce)));
        }
        let room = load != Load::Full && self.shares.take(now, &bytes(from));
        if room { Ok(None) } else { Err(Dropped::Busy) }
    }

    /// The public-key work: who asks, and what.
    fn open(&mut self, unix: UnixMicros, view: &HelloView<'_>) -> Result<(Caller, Hello), Dropped> {
        let mut payload = [0; HELLO_PAYLOAD_LEN];
        let noise = noise::hear(&self.key, self.random.block(), view.noise, &mut payload);
        let noise = noise.ok_or(Dropped::Forged)?;
        let hello = Hello::parse(&payload).ok_or(Dropped::Malformed)?;
        if hello.index != view.sender {
            return Err(Dropped::Forged);
        }
        let caller = Caller {
            client: noise.client(),
            noise,
            index: view.sender,
            mac1_key: self.mac1_key,
            time: unix,
            epoch: self.settings.epoch,
        };
        Ok((caller, hello))
    }

    /// Whether the caller may come in.
    fn check(
        &mut self,
        now: Time,
        unix: UnixMicros,
        from: IpAddr,
        caller: &Caller,
        hello: &Hello,
    ) -> Result<Ready, Denied> {
        if hello.version != VERSION {
            return Err(Denied::refused(Refusal::Version));
        }
        let psk = match self.tickets.get(&caller.client) {
            None => return Err(Denied::refused(Refusal::UnknownTicket)),
            Some(Standing::Revoked) => return Err(Denied::refused(Refusal::RevokedTicket)),
            Some(Standing::Allowed(psk)) => psk.clone(),
        };
        let Some(freshness) = self.freshness(now, unix, caller.client, hello) else {
            return Err(self.challenge(now, from, caller.client, hello.link));
        };
        let cipher = self.settings.ciphers.choose(hello.ciphers);
        let cipher = cipher.ok_or(Denied::Dropped(Dropped::Malformed))?;
        let stamp = UnixMicros(unix.0.saturating_sub(micros(self.settings.clock_tolerance)));
        let oldest = Oldest { stamp, period: Period::oldest(now) };
        match self.guard.admit(caller.client, hello.link, hello.time, freshness, oldest) {
            Ok(()) => Ok(Ready { psk, cipher }),
            Err(Rejected::Replayed) => Err(Denied::Dropped(Dropped::Replayed)),
            Err(Rejected::Older) => Err(self.challenge(now, from, caller.client, hello.link)),
            Err(Rejected::TooMany) => Err(Denied::refused(Refusal::TooManyLinks)),
        }
    }

    /// What shows that the question was made a moment ago, if anything does.
    fn freshness(&self, now: Time, unix: UnixMicros, client: PublicKey, hello: &Hello) -> Option<Freshness> {
        if hello.challenge == Challenge::NONE {
            let close = hello.time.0.abs_diff(unix.0) <= micros(self.settings.clock_tolerance);
            return close.then_some(Freshness::Stamp);
        }
        let period = self.challenger.period_of(now, &client, hello.link, &hello.challenge);
        period.map(Freshness::Challenge)
    }

    /// Gives a challenge, for the next question; not too often, because who repeats old questions gets it too (and can do
    /// nothing with it).
    fn challenge(&mut self, now: Time, from: IpAddr, client: PublicKey, link: LinkId) -> Denied {
        if self.challenged.take(now, client, from) {
            Denied::Refused(Refusal::ClockOff, self.challenger.challenge(now, &client, link))
        } else {
            Denied::Dropped(Dropped::Stale)
        }
    }
}

/// Why a caller may not come in.
enum Denied {
    /// Say nothing.
    Dropped(Dropped),
    /// Say why, and perhaps what to return with the next question.
    Refused(Refusal, Challenge),
}

impl Denied {
    const fn refused(why: Refusal) -> Self {
        Self::Refused(why, Challenge::NONE)
    }
}

fn bytes(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("settings", &self.settings).finish_non_exhaustive()
    }
}
