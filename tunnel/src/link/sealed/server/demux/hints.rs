//! What proxy2's operator is told of datagrams that get no answer: who sent them cannot be told anything, and takes this proxy2 for
//! absent. Anybody can send such datagrams, from any address, so the lines are few.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use proto::sealed::endpoint::Dropped;
use proto::sealed::handshake::responder::DroppedInitiation;
use tracing::warn;

use crate::limit::Limit;

/// Tells the operator.
#[derive(Debug)]
pub(super) struct Hints {
    limit: Limit,
    /// Where the keys and tickets are, if they are in a folder.
    folder: Option<PathBuf>,
}

impl Hints {
    /// Lines a second, and at once: about as many as somebody reads.
    const LINES: (u32, u32) = (1, 5);

    /// For a proxy2 that has its state in `folder`.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        let (rate, burst) = Self::LINES;
        Self { limit: Limit::of(Instant::now(), rate, burst), folder }
    }

    /// A datagram was dropped.
    pub(super) fn dropped(&self, from: SocketAddr, why: Dropped) {
        match why {
            Dropped::Classic => {
                if let Some(held_back) = self.limit.pass(Instant::now()) {
                    warn!(
                        %from, held_back,
                        "datagrams that reach this proxy2 look like the classic protocol: start that proxy1 without --classic, \
                         or this proxy2 with it"
                    );
                }
            }
            Dropped::Handshake(DroppedInitiation::Mac) => {
                if let Some(held_back) = self.limit.pass(Instant::now()) {
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
