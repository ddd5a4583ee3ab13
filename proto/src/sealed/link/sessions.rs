//! The keys of a link: those in use, those before them, and those that wait for a first packet.

use super::chance::Chance;
use crate::sealed::crypto::cipher::{Forged, REKEY_AFTER, REKEY_PACKETS, REKEY_UNUSED, SessionKeys};
use crate::sealed::handshake::initiator::MOST_PENDING;
use crate::sealed::wire::packet::Header;
use crate::time::Time;
use std::time::Duration;

/// Specification: keys older than this are wiped, and nothing is sealed or opened with them, by either side. Three
/// minutes, as WireGuard's REJECT_AFTER_TIME: who asks for new keys after [`REKEY_AFTER`] has a minute, 60 initiations,
/// to get a response; and who steals the memory of a proxy reads three minutes of recorded traffic at the most.
pub(crate) const REJECT_AFTER: Duration = Duration::from_secs(180);

/// Specification: the same for keys that nothing but signs of life went under, where both sides let those last. Whatever goes under them
/// later is read under them for [`REJECT_AFTER`] at the most.
pub(crate) const REJECT_UNUSED: Duration = Duration::from_secs(3_660);

/// Keys are replaced earlier, by chance, by up to this part of the time after which they are, as its divisor: clients that came up
/// together do not ask for new keys together.
const EARLIER: u32 = 8;

/// Specification: nothing is sealed or opened under one pair of keys with a counter that is this far from the first
/// one. At a million packets a second there are four minutes between the first initiation for new keys ([`REKEY_PACKETS`])
/// and this.
pub(crate) const REJECT_PACKETS: u64 = REKEY_PACKETS + (1 << 28);

/// How long packets under the keys before still open: as long as a packet may be on its way (implementation).
const OLD_KEYS: Duration = Duration::from_secs(60);

/// Accepted sessions that may wait for a first packet: as many initiations as a client keeps open, which may take any of them.
const WAITING: usize = MOST_PENDING;

#[derive(Debug)]
struct Keys {
    session: SessionKeys,
    /// When the handshake that made them ended here.
    born: Time,
    /// When they are wiped.
    until: Time,
    /// When the client asks for others.
    rekey_at: Time,
    /// More than signs of life went under them.
    used: bool,
    /// How much earlier than late the client asks.
    earlier: Chance,
    /// The first packet number sealed with them.
    first: u64,
    /// The first counter opened with them.
    first_opened: Option<u64>,
}

impl Keys {
    /// Keys just made: they are wiped after `lifetime`.
    fn new(now: Time, lifetime: Duration, first: u64, session: SessionKeys) -> Self {
        let until = now + lifetime;
        Self {
            session,
            born: now,
            until,
            rekey_at: Time::NEVER,
            used: false,
            earlier: Chance::NONE,
            first,
            first_opened: None,
        }
    }

    /// When they are replaced that have to be after `life` from `now`.
    fn spread(&self, now: Time, life: Duration) -> Time {
        now + (life - self.earlier.of(life / EARLIER))
    }

    /// Something else than signs of life goes under them.
    fn on_used(&mut self, now: Time) {
        if !std::mem::replace(&mut self.used, true) {
            self.until = self.until.min(now + REJECT_AFTER);
            self.rekey_at = self.rekey_at.min(self.spread(now, REKEY_AFTER));
        }
    }

    fn is_named(&self, index: u32) -> bool {
        self.session.local == index
    }

    fn is_spent(&self, next_packet: u64) -> bool {
        next_packet.saturating_sub(self.first) >= REJECT_PACKETS
    }

    /// Opens a packet where it lies.
    fn open<'a>(&mut self, header: Header, packet: &'a mut [u8]) -> Result<&'a [u8], Forged> {
        let counter = header.counter;
        if counter.saturating_sub(self.first_opened.unwrap_or(counter)) >= REJECT_PACKETS {
            return Err(Forged);
        }
        let frames = self.session.open.open_parsed(header, packet)?;
        self.first_opened.get_or_insert(counter);
        Ok(frames)
    }
}

/// The sessions of one link.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    current: Option<Keys>,
    previous: Option<Keys>,
    waiting: Vec<Keys>,
    /// Indices that no longer name a session of this link.
    retired: Vec<u32>,
    /// Both sides let keys last that carry nothing.
    are_lasting: bool,
}

/// A packet that opened.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    pub(crate) frames: &'a [u8],
    /// It is the first under its keys, which are in use from now on: so long after they were made.
    pub(crate) confirms: Option<Duration>,
}

impl Sessions {
    /// Whether both sides let keys last that carry nothing, from the next ones on.
    pub(crate) const fn let_last(&mut self, are_lasting: bool) {
        self.are_lasting = are_lasting;
    }

    /// The client's new keys: in use at once.
    pub(crate) fn replace(&mut self, now: Time, next_packet: u64, session: SessionKeys, earlier: Chance) {
        let mut keys = Keys::new(now, self.lifetime(), next_packet, session);
        keys.earlier = earlier;
        keys.rekey_at = keys.spread(now, if self.are_lasting { REKEY_UNUSED } else { REKEY_AFTER });
        self.put_in_use(now, keys);
    }

    const fn lifetime(&self) -> Duration {
        if self.are_lasting { REJECT_UNUSED } else { REJECT_AFTER }
    }

    /// Whether nothing but signs of life went under the keys that are sealed with.
    pub(crate) fn is_unused(&self) -> bool {
        self.current.as_ref().is_some_and(|keys| !keys.used)
    }

    /// Something else is sealed with them.
    pub(crate) fn on_sealed_content(&mut self, now: Time) {
        self.current.iter_mut().for_each(|keys| keys.on_used(now));
    }

    /// Something else was opened with the keys of this index.
    pub(crate) fn on_opened_content(&mut self, now: Time, index: u32) {
        let keys = self.current.iter_mut().chain(&mut self.previous).find(|keys| keys.is_named(index));
        keys.into_iter().for_each(|keys| keys.on_used(now));
    }

    fn put_in_use(&mut self, now: Time, keys: Keys) {
        if let Some(old) = self.current.replace(keys) {
            self.retire_previous();
            self.previous = Some(Keys { until: old.until.min(now + OLD_KEYS), ..old });
        }
    }

    /// The server's new keys: in use when the first packet under them arrives.
    pub(crate) fn wait_for(&mut self, now: Time, session: SessionKeys) {
        if self.waiting.len() == WAITING {
            let oldest = self.waiting.remove(0);
            self.retired.push(oldest.session.local);
        }
        self.waiting.push(Keys::new(now, OLD_KEYS, 0, session));
    }

    /// Forgets all keys.
    pub(crate) fn clear(&mut self) {
        let all = self.current.take().into_iter().chain(self.previous.take()).chain(self.waiting.drain(..));
        self.retired.extend(all.map(|keys| keys.session.local));
    }

    /// Gives back the room for sessions that have waited.
    pub(crate) fn rest(&mut self) {
        self.waiting.shrink_to_fit();
        self.retired.shrink_to_fit();
    }

    fn retire_previous(&mut self) {
        if let Some(keys) = self.previous.take() {
            self.retired.push(keys.session.local);
        }
    }

    /// Opens a packet where it lies. `next_packet`: the number of the next packet this side seals.
    pub(crate) fn open<'a>(
        &mut self,
        now: Time,
        next_packet: u64,
        header: Header,
        packet: &'a mut [u8],
    ) -> Result<Opened<'a>, Forged> {
        let held = |keys: &&mut Keys| keys.is_named(header.receiver);
        let in_use = self.current.as_mut().filter(held).or_else(|| self.previous.as_mut().filter(held));
        if let Some(keys) = in_use {
            return Ok(Opened { frames: keys.open(header, packet)?, confirms: None });
        }
        let at = self.waiting.iter().position(|keys| keys.is_named(header.receiver)).ok_or(Forged)?;
        let frames = self.waiting[at].open(header, packet)?;
        let confirmed = self.waiting.remove(at);
        // Responses to the initiations before it will not be used any more.
        self.retired.extend(self.waiting.drain(..at).map(|keys| keys.session.local));
        let (until, took) = (confirmed.born + self.lifetime(), now.since(confirmed.born));
        self.put_in_use(now, Keys { until, first: next_packet, ..confirmed });
        Ok(Opened { frames, confirms: Some(took) })
    }

    /// Whether `index` names a session here.
    pub(crate) fn has(&self, index: u32) -> bool {
        let mut all = self.current.iter().chain(&self.previous).chain(&self.waiting);
        all.any(|keys| keys.is_named(index))
    }

    /// Seals packet `number` where it lies; false without keys.
    pub(crate) fn seal(&self, number: u64, packet: &mut [u8]) -> bool {
        let Some(keys) = &self.current else { return false };
        keys.session.seal.seal_in_place(number, packet);
        true
    }

    /// Whether there are keys to seal with.
    pub(crate) const fn is_up(&self) -> bool {
        self.current.is_some()
    }

    /// Whether the client should ask for new keys.
    pub(crate) fn is_old(&self, now: Time, next_packet: u64) -> bool {
        self.current.as_ref().is_some_and(|keys| {
            now >= keys.rekey_at || next_packet.saturating_sub(keys.first) >= REKEY_PACKETS
        })
    }

    /// Wipes keys whose time is over, or that have sealed what they may.
    pub(crate) fn expire(&mut self, now: Time, next_packet: u64) {
        if self.current.as_ref().is_some_and(|keys| keys.until <= now || keys.is_spent(next_packet)) {
            self.retired.extend(self.current.take().map(|keys| keys.session.local));
        }
        if self.previous.as_ref().is_some_and(|keys| keys.until <= now) {
            self.retire_previous();
        }
        if self.waiting.iter().any(|keys| keys.until <= now) {
            let old = self.waiting.iter().filter(|keys| keys.until <= now);
            self.retired.extend(old.map(|keys| keys.session.local));
            self.waiting.retain(|keys| keys.until > now);
        }
    }

    /// When [`Sessions::expire`] has something to do.
    pub(crate) fn timeout(&self) -> Time {
        let keys = self.current.iter().chain(&self.previous).chain(&self.waiting);
        keys.map(|keys| keys.until).min().unwrap_or(Time::NEVER)
    }

    /// Nobody wants to know of the indices that no longer name a session here.
    pub(crate) fn forget_retired(&mut self) {
        self.retired = Vec::new();
    }

    /// An index that no longer names a session here.
    pub(crate) fn poll_retired(&mut self) -> Option<u32> {
        self.retired.pop()
    }
}
