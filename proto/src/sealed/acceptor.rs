//! proxy2's side of the handshake.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::cipher::CipherSupport;
use super::cookie::{self, Jar};
use super::gate::{Gate, Load};
use super::handshake::{Epoch, Refusal, UnixMicros, VERSION};
use super::keys::{PresharedKey, PrivateKey, PublicKey};
use super::mac;
use super::message::{HELLO_PAYLOAD_LEN, Hello, HelloView};
use super::noise;
use super::random::Random;
use super::request::{Caller, Ready};
use super::shares::Shares;
use super::stamps::{Rejected, Stamps};
use crate::Time;

pub use super::request::Request;

/// Specification: how far the clocks of proxy1 and proxy2 may differ, each way.
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
    stamps: Stamps,
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
    /// How far a client's clock may be off; [`CLOCK_TOLERANCE`] unless a test wants another.
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
    /// A message of that link with the same or a later time stamp has been taken before.
    Replayed,
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
            stamps: Stamps::default(),
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
    }

    /// The clients that may join.
    pub(crate) fn clients(&self) -> impl Iterator<Item = PublicKey> {
        let allowed = |standing: &Standing| matches!(standing, Standing::Allowed(_));
        self.tickets.iter().filter(move |(_, standing)| allowed(standing)).map(|(client, _)| *client)
    }

    /// Judges a datagram that came from the address `from`.
    ///
    /// `from` is the bytes of the IP address without the port (4 or 16): what a cookie is bound to. A middlebox may give
    /// the next datagram another port.
    pub fn handle(&mut self, now: Time, unix: UnixMicros, from: &[u8], datagram: &[u8]) -> Verdict {
        self.judge(now, unix, from, datagram).unwrap_or_else(Verdict::Drop)
    }

    fn judge(
        &mut self,
        now: Time,
        unix: UnixMicros,
        from: &[u8],
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
        Ok(match self.check(unix, &caller, &hello)? {
            Ok(ready) => Verdict::Request(Box::new(Request::new(caller, hello, ready))),
            Err(why) => Verdict::Refused { client: caller.client, why, answer: caller.refuse(why) },
        })
    }

    /// A cookie reply, if handshakes are many and the asker has not proven its address.
    fn ask_for_proof(
        &mut self,
        now: Time,
        from: &[u8],
        view: &HelloView<'_>,
    ) -> Result<Option<Vec<u8>>, Dropped> {
        let load = self.gate.load(now);
        if load == Load::Light {
            return Ok(None);
        }
        self.jar.rotate(now, &mut self.random);
        let cookie = self.jar.cookie(from);
        if !mac::short_mac_is(&cookie, view.before_mac2, view.mac2) {
            let nonce = self.random.bytes();
            return Ok(Some(cookie::reply(&self.public, view.sender, view.mac1, cookie, nonce)));
        }
        let room = load != Load::Full && self.shares.take(now, from);
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
        unix: UnixMicros,
        caller: &Caller,
        hello: &Hello,
    ) -> Result<Result<Ready, Refusal>, Dropped> {
        if hello.version != VERSION {
            return Ok(Err(Refusal::Version));
        }
        let psk = match self.tickets.get(&caller.client) {
            None => return Ok(Err(Refusal::UnknownTicket)),
            Some(Standing::Revoked) => return Ok(Err(Refusal::RevokedTicket)),
            Some(Standing::Allowed(psk)) => psk.clone(),
        };
        let tolerance = micros(self.settings.clock_tolerance);
        if hello.time.0.abs_diff(unix.0) > tolerance {
            return Ok(Err(Refusal::ClockOff));
        }
        let cipher = self.settings.ciphers.choose(hello.ciphers).ok_or(Dropped::Malformed)?;
        let oldest = UnixMicros(unix.0.saturating_sub(tolerance));
        Ok(match self.stamps.admit(caller.client, hello.link, hello.time, oldest) {
            Err(Rejected::NotLater) => return Err(Dropped::Replayed),
            Err(Rejected::TooMany) => Err(Refusal::TooManyLinks),
            Ok(()) => Ok(Ready { psk, cipher }),
        })
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
