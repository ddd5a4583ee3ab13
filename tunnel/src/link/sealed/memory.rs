//! How the links of a process share its memory for stream data: the numbers for the core, whose `budget` does the rest.

use proto::sealed::link;
use proto::sealed::transport;

use crate::settings::{Sealed, ServerSettings};

/// The part of proxy2's memory, as its divisor, that one of its links may hold, half of it for each direction: as much as its
/// ticket may, for one link with a thousand busy streams is faster the more they have. What it takes goes by what is free.
const LINK_PART: u64 = 2;

/// The part of proxy2's memory, as its divisor, that as many idle links as there may be reserve for their peers' first
/// bytes.
const CREDIT_PART: u64 = 2;

/// What the core lets a link promise before it carries anything, in bytes: at the least the first bytes of one stream.
/// With that as many links as there may be by default reserve half of the least memory.
const LINK_CREDIT: std::ops::RangeInclusive<u64> = 2 << 10..=128 << 10;

/// The numbers of proxy1's link, which has the memory for itself.
pub(super) fn of_only_link(options: &Sealed) -> link::Settings {
    settings(options, options.memory, *LINK_CREDIT.end())
}

/// The numbers of each of proxy2's links.
pub(super) fn of_each_link(options: &ServerSettings) -> link::Settings {
    let all = options.link.memory;
    let links = u64::try_from(options.max_links.max(1)).unwrap_or(u64::MAX);
    let credit = (all / CREDIT_PART / links).clamp(*LINK_CREDIT.start(), *LINK_CREDIT.end());
    let settings = settings(&options.link, all / LINK_PART, credit);
    link::Settings { abandon: options.abandon, ..settings }
}

fn settings(options: &Sealed, memory: u64, link_credit: u64) -> link::Settings {
    let (max_streams, max_datagram) = (options.max_streams, options.max_datagram);
    let transport = transport::Settings { max_streams, memory, link_credit, max_datagram };
    link::Settings { transport, keepalive: options.keepalive, ..link::Settings::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Listen;
    use crate::settings::{Allow, StateSource};

    fn exit(memory: u64, max_links: usize) -> transport::Settings {
        let mut options =
            ServerSettings::new(Listen::loopback(0), StateSource::Folder(None), Allow::default());
        (options.link.memory, options.max_links) = (memory, max_links);
        of_each_link(&options).transport
    }

    #[test]
    fn idle_links_reserve_at_most_half() {
        let links = 1_024;
        let defaults = exit(256 << 20, links);
        assert_eq!((defaults.memory, defaults.link_credit), (128 << 20, 128 << 10));
        for memory in [Sealed::LEAST_MEMORY, 16 << 20, 64 << 20, 256 << 20, 1 << 30] {
            assert!(exit(memory, links).link_credit * 1_024 <= memory / 2);
        }
        assert_eq!(exit(Sealed::LEAST_MEMORY, 4_096).link_credit, 2 << 10);
        assert_eq!(exit(Sealed::LEAST_MEMORY, 1).link_credit, 128 << 10);
    }

    #[test]
    fn one_link_holds_a_part_and_proxy1s_all() {
        let options = Sealed { memory: 8 << 20, ..Sealed::default() };
        assert_eq!(of_only_link(&options).transport.memory, 8 << 20);
        assert_eq!(exit(8 << 20, 10).memory, 4 << 20);
    }
}
