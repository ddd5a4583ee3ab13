//! How a link ends that another takes the place of, as another process of proxy2 takes what is new: when it has been without streams
//! for a while.

use std::time::Instant;

use super::Task;
use crate::link::sealed::end::End;
use crate::link::sealed::records::StreamRecord;

/// A link that is to end.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    /// Since when it has no streams.
    unused_since: Option<Instant>,
}

/// What streams lead to that are the link's own business, and none of somebody's.
const OWN: [&str; 3] = ["ctl/1", "check/1", "move/1"];

/// Whether a stream is one of these.
pub(super) fn is_own(stream: &StreamRecord) -> bool {
    OWN.contains(&stream.target.as_str())
}

impl<E: End + 'static> Task<E> {
    /// Ends the link if it has been without streams for long enough.
    pub(super) fn leave_when_unused(&mut self) {
        let Some(leaving) = &mut self.leaving else { return };
        if self.records.iter().any(|(_, stream)| !is_own(stream)) {
            leaving.unused_since = None;
            return;
        }
        let since = *leaving.unused_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.end.leave_after() {
            self.end.close(&mut self.link);
        }
    }

    /// When [`Self::leave_when_unused`] has something to do.
    pub(super) fn leave_due(&self) -> Option<Instant> {
        self.leaving.as_ref()?.unused_since.map(|since| since + self.end.leave_after())
    }
}

#[cfg(test)]
mod tests {
    use proto::destination::Destination;

    use super::*;

    #[test]
    fn what_is_the_links_own_is_called_as_in_the_protocol() {
        let own = [Destination::Control, Destination::Check, Destination::Move];
        assert_eq!(own.map(|own| own.to_string()), OWN);
    }
}
