//! The keys of a link: those in use, those before them, and those that wait for a first packet.

use crate::sealed::cipher::{Forged, REKEY_AFTER, REKEY_PACKETS, Session};
use crate::sealed::packet::Header;
use crate::time::Time;
use std::time::Duration;

/// How long packets under the keys before still open: as long as a packet may be on its way (implementation).
const OLD_KEYS: Duration = Duration::from_secs(60);

/// Accepted sessions that may wait for a first packet: as many questions as a client keeps open.
const WAITING: usize = 8;

#[derive(Debug)]
struct Keys {
    session: Session,
    since: Time,
    /// The first packet number under these keys.
    first: u64,
}

/// The sessions of one link.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    current: Option<Keys>,
    previous: Option<Keys>,
    waiting: Vec<Keys>,
    /// Indices that no longer name a session of this link.
    retired: Vec<u32>,
}

/// A packet that opened.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    pub(crate) frames: &'a [u8],
    /// It is the first under its keys, which are in use from now on.
    pub(crate) confirms: bool,
}

impl Sessions {
    /// The client's new keys: in use at once.
    pub(crate) fn replace(&mut self, now: Time, next_packet: u64, session: Session) {
        let old = self.current.replace(Keys { session, since: now, first: next_packet });
        if let Some(old) = old {
            self.retire_previous();
            self.previous = Some(Keys { since: now, ..old });
        }
    }

    /// The server's new keys: in use when the first packet under them arrives.
    pub(crate) fn wait_for(&mut self, now: Time, session: Session) {
        if self.waiting.len() == WAITING {
            let oldest = self.waiting.remove(0);
            self.retired.push(oldest.session.local);
        }
        self.waiting.push(Keys { session, since: now, first: 0 });
    }

    /// Forgets all keys.
    pub(crate) fn clear(&mut self) {
        let all = self.current.take().into_iter().chain(self.previous.take()).chain(self.waiting.drain(..));
        self.retired.extend(all.map(|keys| keys.session.local));
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
        let held = |keys: &&Keys| keys.session.local == header.receiver;
        if let Some(keys) = self.current.as_ref().filter(held).or_else(|| self.previous.as_ref().filter(held))
        {
            let frames = keys.session.open.open_in_place(packet)?;
            return Ok(Opened { frames, confirms: false });
        }
        let at = self.waiting.iter().position(|keys| keys.session.local == header.receiver).ok_or(Forged)?;
        let frames = self.waiting[at].session.open.open_in_place(packet)?;
        let confirmed = self.waiting.remove(at);
        // Answers to the questions before it will not be used any more.
        self.retired.extend(self.waiting.drain(..at).map(|keys| keys.session.local));
        self.replace(now, next_packet, confirmed.session);
        Ok(Opened { frames, confirms: true })
    }

    /// Whether `index` names a session here.
    pub(crate) fn has(&self, index: u32) -> bool {
        let mut all = self.current.iter().chain(&self.previous).chain(&self.waiting);
        all.any(|keys| keys.session.local == index)
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
            now.since(keys.since) >= REKEY_AFTER || next_packet.saturating_sub(keys.first) >= REKEY_PACKETS
        })
    }

    /// Drops keys whose time is over.
    pub(crate) fn expire(&mut self, now: Time) {
        if self.previous.as_ref().is_some_and(|keys| now.since(keys.since) >= OLD_KEYS) {
            self.retire_previous();
        }
        let old = |keys: &Keys| now.since(keys.since) >= OLD_KEYS;
        self.retired.extend(self.waiting.iter().filter(|keys| old(keys)).map(|keys| keys.session.local));
        self.waiting.retain(|keys| !old(keys));
    }

    /// When [`Sessions::expire`] has something to do.
    pub(crate) fn timeout(&self) -> Time {
        let keys = self.previous.iter().chain(&self.waiting);
        keys.map(|keys| keys.since + OLD_KEYS).min().unwrap_or(Time::NEVER)
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
