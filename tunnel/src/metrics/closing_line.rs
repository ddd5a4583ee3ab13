//! The last line of a session: what it carried, and what happened that should not happen often.

use super::{Counters, LinkKind, Sum};

impl Counters {
    /// Writes the closing line of a session whose links are of that kind; `what` says when.
    pub(crate) fn log(&self, kind: LinkKind, what: &'static str) {
        let sum = |sum| self.sum(kind, sum);
        tracing::info!(
            links = sum(Sum::Links),
            opened = sum(Sum::Opened),
            refused = sum(Sum::Refused),
            closed = sum(Sum::Closed),
            bytes_sent = sum(Sum::BytesSent),
            bytes_received = sum(Sum::BytesReceived),
            unusual = self.unusual(kind),
            "{what}"
        );
    }

    /// One figure of the line; none if links of that kind do not count it.
    fn sum(&self, kind: LinkKind, sum: Sum) -> Option<u64> {
        let parts = self.iter().filter(|(row, _)| row.sum == Some(sum) && row.links.include(kind));
        parts.map(|(_, value)| value).reduce(u64::saturating_add)
    }

    /// What happened of what should not happen often, in words, if anything did.
    fn unusual(&self, kind: LinkKind) -> Option<String> {
        let mut parts: Vec<(&'static str, u64)> = Vec::new();
        for (row, value) in self.iter().filter(|(row, _)| row.links.include(kind)) {
            let Some(words) = row.unusual.filter(|_| value > 0) else { continue };
            match parts.iter_mut().find(|(other, _)| *other == words) {
                Some((_, sum)) => *sum = sum.saturating_add(value),
                None => parts.push((words, value)),
            }
        }
        let parts = parts.into_iter().map(|(words, value)| format!("{words}: {value}"));
        let words = parts.collect::<Vec<_>>().join(", ");
        (!words.is_empty()).then_some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_clients_are_told_by_reason() {
        let counters = Counters {
            clients_refused_unknown_peer: 1,
            clients_refused_busy: 2,
            clients_refused_no_answer: 3,
            streams_abandoned: 1,
            streams_refused: 4,
            ..Counters::default()
        };
        let words = counters.unusual(LinkKind::Classic).unwrap_or_default();
        for part in ["taken: 2", "not known yet: 1", "did not answer: 3", "before an answer: 1"] {
            assert!(words.contains(part), "{words}");
        }
        assert_eq!(counters.sum(LinkKind::Classic, Sum::Refused), Some(10));
        assert_eq!(counters.sum(LinkKind::Sealed, Sum::Refused), None, "a sealed link does not count it");
    }

    #[test]
    fn only_what_happened_is_told() {
        let counters = Counters { sent_bytes: 100, streams_opened: 1, ..Counters::default() };
        assert_eq!(counters.unusual(LinkKind::Sealed), None);
        let counters = Counters { address_changes: 3, packets_lost: 2, ..counters };
        let words = counters.unusual(LinkKind::Sealed);
        assert_eq!(words.as_deref(), Some("packets lost and repaired: 2, address changes: 3"));
    }

    #[test]
    fn what_is_called_the_same_is_added_up() {
        let counters =
            Counters { datagrams_empty: 1, datagrams_bad_id: 2, datagrams_stale: 3, ..Counters::default() };
        let words = counters.unusual(LinkKind::Classic);
        assert_eq!(words.as_deref(), Some("datagrams not understood or not expected: 6"));
    }
}
