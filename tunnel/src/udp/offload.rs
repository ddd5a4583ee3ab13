//! Segmentation offload (GSO) that comes back: the system may refuse it for a moment, while a route is gone for example,
//! and then each datagram costs a call of its own.

use std::io;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};

/// What sends, with offload as long as the system takes it.
#[derive(Debug)]
pub(super) struct Offload {
    state: RwLock<UdpSocketState>,
    /// Datagrams that one send could carry at first.
    most: usize,
    /// Without offload: until when, and how long the next time.
    without: Mutex<Without>,
}

#[derive(Debug)]
struct Without {
    until: Option<Instant>,
    /// When it was last taken up again.
    since: Instant,
    pause: Duration,
    /// The first pause.
    least: Duration,
}

impl Offload {
    /// How long it is left off at first; twice as long each time, for a system that never takes it refuses each attempt.
    pub(super) const PAUSE: Duration = Duration::from_secs(5);
    /// How long at the most.
    const MOST: Duration = Duration::from_secs(600);

    /// For the socket that `state` was made of. `pause`: [`Self::PAUSE`].
    pub(super) fn new(state: UdpSocketState, pause: Duration) -> Self {
        let most = state.max_gso_segments();
        Self {
            state: RwLock::new(state),
            most,
            without: Mutex::new(Without { until: None, since: Instant::now(), pause, least: pause }),
        }
    }

    /// How many datagrams one send may carry now.
    pub(super) fn segments(&self) -> usize {
        self.read().max_gso_segments()
    }

    /// Sends with one call of the system.
    ///
    /// # Errors
    /// Those of `sendmsg`.
    pub(super) fn try_send(&self, socket: UdpSockRef<'_>, transmit: &Transmit<'_>) -> io::Result<()> {
        let sent = self.read().try_send(socket, transmit);
        if sent.is_err() {
            self.note_loss();
        }
        sent
    }

    /// How many datagrams one send may carry now; offload is tried again if it is time for that, which sets the socket's options anew:
    /// `options` follows it.
    pub(super) fn segments_again(&self, socket: UdpSockRef<'_>, options: impl FnOnce()) -> usize {
        let segments = self.segments();
        if segments >= self.most {
            return segments;
        }
        let mut without = self.without.lock().unwrap_or_else(PoisonError::into_inner);
        if without.until.is_some_and(|until| until <= Instant::now())
            && let Ok(state) = UdpSocketState::new(socket)
        {
            options();
            (without.until, without.since) = (None, Instant::now());
            *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        }
        self.segments()
    }

    fn note_loss(&self) {
        if self.segments() >= self.most {
            return;
        }
        let mut without = self.without.lock().unwrap_or_else(PoisonError::into_inner);
        if without.until.is_none() {
            if without.since.elapsed() > Self::MOST {
                without.pause = without.least;
            }
            without.until = Some(Instant::now() + without.pause);
            without.pause = (without.pause * 2).min(Self::MOST);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, UdpSocketState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}
