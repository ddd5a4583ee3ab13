//! proxy1's UDP sockets: the one in use, and beside it a second while proxy2 is silent.
//!
//! What forgets, filters or mistranslates one pair of ports often lets another pass: an address translator that keeps a
//! stale entry for as long as packets come, a firewall that has lost its state. So a silent proxy2 is looked for from another
//! port too; the link moves there if that is where the answer comes.

use std::io;
use std::time::{Duration, Instant};

use proto::sealed::link::SocketId;
use tracing::warn;

use crate::descriptors;
use crate::udp::Udp;

/// The sockets, each with its place.
#[derive(Debug)]
pub(crate) struct Sockets {
    places: [Option<Udp>; 2],
    /// Bytes to ask for each buffer.
    buffer: usize,
    /// Since when there are two.
    second: Option<Instant>,
    /// It was told in this silence that there can be no second.
    told: bool,
}

impl Sockets {
    /// The places.
    pub(crate) const IDS: [SocketId; 2] = [SocketId(0), SocketId(1)];

    /// How long a second socket is tried before another takes its place, one that nothing on the way knows: most translators
    /// forget a flow after 30 s or more, but never one on which something is sent once a second (every 4 s while nobody waits).
    const RENEW: Duration = Duration::from_secs(60);

    /// With one socket.
    pub(crate) const fn new(first: Udp, buffer: usize) -> Self {
        Self { places: [Some(first), None], buffer, second: None, told: false }
    }

    /// Others for another link; these are for the one that there was.
    ///
    /// # Errors
    /// No further one can be had.
    pub(crate) fn part(&mut self) -> io::Result<Self> {
        let others = Self::new(Udp::bind_any(self.buffer)?, self.buffer);
        Ok(std::mem::replace(self, others))
    }

    /// The socket at a place.
    pub(crate) fn get(&self, id: SocketId) -> Option<&Udp> {
        self.places.get(usize::from(id.0))?.as_ref()
    }

    /// proxy2 is silent at the socket `used`: from which it is looked for now.
    pub(crate) fn beside(&mut self, used: SocketId) -> SocketId {
        let other = SocketId(u8::from(used.0 == 0));
        if self.second.is_none_or(|since| since.elapsed() >= Self::RENEW) {
            match Udp::bind_any(self.buffer) {
                Ok(udp) => {
                    self.put(other, Some(udp));
                    self.second = Some(Instant::now());
                }
                Err(error) if !std::mem::replace(&mut self.told, true) => {
                    warn!("no second UDP socket to look for proxy2 from: {}", descriptors::explain(&error));
                }
                Err(_) => {}
            }
        }
        if self.second.is_some() { other } else { used }
    }

    /// proxy2 answers at the socket `used`: another is not needed any more.
    pub(crate) fn keep_only(&mut self, used: SocketId) {
        self.told = false;
        if self.second.take().is_some() {
            self.put(SocketId(u8::from(used.0 == 0)), None);
        }
    }

    fn put(&mut self, id: SocketId, udp: Option<Udp>) {
        if let Some(place) = self.places.get_mut(usize::from(id.0)) {
            *place = udp;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_a_second_one_while_it_is_needed_and_the_better_one_stays() {
        let mut sockets = Sockets::new(Udp::bind_any(0).unwrap(), 0);
        let port =
            |sockets: &Sockets, id| sockets.get(SocketId(id)).map(|udp| udp.local_addr().unwrap().port());
        let first = port(&sockets, 0);
        assert_eq!(sockets.beside(SocketId(0)), SocketId(1));
        let second = port(&sockets, 1);
        assert_eq!(
            (sockets.beside(SocketId(0)), port(&sockets, 1)),
            (SocketId(1), second),
            "not one each time"
        );
        sockets.keep_only(SocketId(1));
        assert_eq!((port(&sockets, 0), port(&sockets, 1)), (None, second), "the link has moved");
        assert_eq!(sockets.beside(SocketId(1)), SocketId(0));
        sockets.keep_only(SocketId(1));
        assert_eq!((port(&sockets, 0), port(&sockets, 1)), (None, second), "it has not");
        assert_ne!(first, second);
        let _ = sockets.beside(SocketId(1));
        let before = port(&sockets, 0);
        sockets.second = Some(Instant::now().checked_sub(Sockets::RENEW).unwrap());
        let _ = sockets.beside(SocketId(1));
        let after = port(&sockets, 0);
        assert!(after.is_some() && after != before, "an old second one is replaced");
    }
}
