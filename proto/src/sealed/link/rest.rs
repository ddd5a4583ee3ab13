//! A link that nobody uses: the client gives it back, and the server does not wait for ever for a client that could not.

use super::Link;
use super::asking::LONG_SILENCE;
use crate::sealed::handshake::LinkId;
use crate::sealed::packet::{HEADER_LEN, TAG_LEN};
use crate::time::Time;
use std::time::Duration;

/// A server's link without streams ends after so long a silence. Its client has given it up after a tenth of that, so
/// that no stream is begun on it even if the clocks of the two run differently.
const DESERTED: Duration = Duration::from_secs(600);

/// The code in the packet that gives a link back.
const END_REST: u64 = 0;

impl Link {
    /// When the client gives back a link that it does not use.
    pub(super) fn rest_due(&self) -> Time {
        let awake = self.asking.is_some() && self.is_up() && self.transport.stream_count() == 0;
        if awake { self.heard_at + LONG_SILENCE } else { Time::NEVER }
    }

    /// Gives the link back if that is due: fills `out` with the packet that says so and returns its length. The next
    /// stream begins with a question for another link, and nothing of it leaves before the answer: a server that has
    /// forgotten the link, whatever the reason, cannot cost a stream.
    pub(super) fn rest(&mut self, now: Time, out: &mut [u8]) -> Option<usize> {
        if self.rest_due() > now {
            return None;
        }
        let frames = out.len().checked_sub(TAG_LEN)?;
        let built = self.transport.end(now, END_REST, &mut out[HEADER_LEN..frames]);
        let size = HEADER_LEN + built.length + TAG_LEN;
        let sealed = self.sessions.seal(built.number, &mut out[..size]);
        self.start_over();
        self.with = None;
        self.resting = true;
        if let Some(asking) = &mut self.asking {
            asking.on_rest(LinkId(self.random.u64()));
        }
        sealed.then_some(size)
    }

    /// When the server's link ends because nobody has used it for long.
    pub(super) fn deserted_due(&self) -> Time {
        let waits = self.asking.is_none() && self.transport.stream_count() == 0;
        if waits { self.heard_at + DESERTED } else { Time::NEVER }
    }
}
