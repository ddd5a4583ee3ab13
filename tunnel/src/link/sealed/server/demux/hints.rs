//! What proxy2's operator is told of datagrams that get no answer: who sent them cannot be told anything, and takes this proxy2 for
//! absent. Anybody can send such datagrams, from any address, so the lines are few.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use proto::sealed::endpoint::Dropped;
use proto::sealed::handshake::responder::DroppedInitiation;
use tracing::warn;

use crate::limit::Limit;

/// Tells the operator.
#[derive(Debug)]
pub(super) struct Hints {
    /// Of lines about each kind: whoever sends many of one hides none of the other.
    classic: Limit,
    other_key: Limit,
    /// Where the keys and tickets are, if they are in a folder.
    folder: Option<PathBuf>,
}

impl Hints {
    /// Lines of a kind at once, and how long after those the next may come: who has not read five needs no more than to find one.
    const AT_ONCE: u32 = 5;
    const AGAIN: Duration = Duration::from_secs(60);

    /// For a proxy2 that has its state in `folder`.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        let now = Instant::now();
        let [classic, other_key] = [(); 2].map(|()| Limit::every(now, Self::AGAIN, Self::AT_ONCE));
        Self { classic, other_key, folder }
    }

    /// A datagram was dropped.
    pub(super) fn dropped(&self, from: SocketAddr, why: Dropped) {
        match why {
            Dropped::Classic => {
                if let Some(held_back) = self.classic.pass(Instant::now()) {
                    warn!(
                        %from, held_back,
                        "datagrams that reach this proxy2 look like the classic protocol: start that proxy1 without --classic, \
                         or this proxy2 with it"
                    );
                }
            }
            Dropped::Handshake(DroppedInitiation::Mac) => {
                if let Some(held_back) = self.other_key.pass(Instant::now()) {
                    warn!(%from, held_back, "{}", self.another_key());
                }
            }
            Dropped::Malformed | Dropped::Stray | Dropped::Handshake(_) => {}
        }
    }

    fn another_key(&self) -> String {
        let folder = self.folder.as_ref().map(|folder| format!(" ({})", folder.display()));
        format!(
            "datagrams reach this proxy2 that are for another key: is that proxy1's ticket from this proxy2's state folder{}?",
            folder.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_kind_hides_none_of_the_other() {
        let from = SocketAddr::from(([192, 0, 2, 1], 9));
        let kinds = [Dropped::Classic, Dropped::Handshake(DroppedInitiation::Mac)];
        for (flooded, flood) in kinds.into_iter().enumerate() {
            let hints = Hints::new(None);
            (0..100).for_each(|_| hints.dropped(from, flood));
            let limits = [&hints.classic, &hints.other_key];
            for (kind, limit) in limits.into_iter().enumerate() {
                assert_eq!(limit.pass(Instant::now()).is_some(), kind != flooded, "{flood:?}");
            }
        }
    }
}
