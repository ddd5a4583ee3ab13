//! What proxy2 says of the link: kept, counted, and told to whoever watches.

use std::net::SocketAddr;

use proto::sealed::handshake::initiator::Refused;
use proto::sealed::link::Link;
use tracing::{debug, info, warn};

use super::ClientEnd;
use crate::link::sealed::client::diagnosis;
use crate::link::sealed::end::Next;
use crate::link::sealed::status::LinkStatus;
use crate::metrics::Counters;

impl ClientEnd {
    pub(super) fn came_up(&mut self, first: bool, link: &mut Link, counters: &mut Counters) {
        let lost = self.found(link);
        self.tell(LinkStatus::Up { peer: link.peer() });
        link.set_keepalive(self.keepalives.at(link.peer()));
        self.refused = None;
        if !std::mem::replace(&mut self.up, true) {
            counters.links_up = 1;
            counters.links_established += 1;
            info!(peer = %link.peer(), "link up");
        } else if lost {
            info!(peer = %link.peer(), "proxy2 answers again");
        } else if first {
            debug!("link renewed");
        }
    }

    /// proxy2 answers. Says whether it was told that it does not.
    fn found(&mut self, link: &Link) -> bool {
        self.sockets.keep_only(link.path().socket);
        self.peer.found()
    }

    /// proxy2 answers after a silence, with the keys that there are.
    pub(super) fn heard_again(&mut self, link: &Link) {
        let lost = self.found(link);
        if !self.up {
            // That is told as "link up".
            return;
        }
        self.tell(LinkStatus::Up { peer: link.peer() });
        if lost {
            info!(peer = %link.peer(), "proxy2 answers again");
        }
    }

    pub(super) fn was_refused(&mut self, refused: &Refused, link: &Link, counters: &mut Counters) -> Next {
        let times = self.refused.filter(|(why, _)| *why == refused.why).map_or(0, |(_, times)| times);
        if times == 0 {
            warn!("proxy2 does not let this proxy1 in: {}", diagnosis::refused(refused));
        }
        let times = times.saturating_add(1);
        self.refused = Some((refused.why, times));
        // With keys that are still good the streams go on; without, nobody waits for what cannot be.
        if link.is_up() {
            return Next::On;
        }
        self.went_down(counters);
        if diagnosis::is_final(refused.why, times) {
            self.tell(LinkStatus::Refused(diagnosis::refused(refused)));
            Next::Refuse(diagnosis::code_of(refused.why))
        } else {
            Next::On
        }
    }

    /// No reason to turn anybody away: the link asks again at once, and needs no clock for that.
    pub(super) fn clock_differs(&mut self, refused: &Refused) {
        if let Some(sentence) = diagnosis::clock(refused)
            && !std::mem::replace(&mut self.clock_told, true)
        {
            warn!("{sentence}");
        }
    }

    pub(super) fn moved(&self, to: SocketAddr, counters: &mut Counters) {
        // At first that is told as "link up".
        if self.up {
            self.tell(LinkStatus::Up { peer: to });
            counters.address_changes += 1;
            info!(peer = %to, "proxy2 is reached another way: at another address or port, or from another port");
        }
    }
}
