//! Entry points for fuzzers; the tests call them too.

mod authentic;
mod endpoint;
mod streams;

pub use authentic::feed_transport;
pub use endpoint::run_endpoint;
pub use streams::{Knobs, run_streams, run_streams_with};

use crate::destination::Destination;
use crate::sealed::handshake::cookie::Reply;
use crate::sealed::handshake::messages::{Initiation, InitiationView, Response, ResponseView};
use crate::sealed::wire::packet::{Header, Kind};
use crate::ticket::place::Places;
use crate::ticket::record::TicketRecord;
use crate::ticket::{Ticket, server_key_from_text};

/// Gives `bytes` to every parser of this half of the sealed link, also to those that a handshake reaches only after
/// its seals were opened.
///
/// # Panics
/// If a parser reads something that it would not write the same way again.
pub fn parse_everything(bytes: &[u8]) {
    parse_datagram(bytes);
    if let Some(initiation) = Initiation::parse(bytes) {
        assert_eq!(Initiation::parse(&initiation.to_bytes()), Some(initiation));
    }
    if let Some(response) = Response::parse(bytes) {
        assert_eq!(Response::parse(&response.to_bytes()), Some(response));
    }
    if let Ok(destination) = Destination::from_wire(bytes) {
        assert_eq!(Destination::from_wire(&destination.to_wire()), Ok(destination));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        parse_text(text);
    }
}

fn parse_datagram(bytes: &[u8]) {
    let kinds = [
        (Kind::Initiation, InitiationView::parse(bytes).is_some()),
        (Kind::Response, ResponseView::parse(bytes).is_some()),
        (Kind::Cookie, Reply::parse(bytes).is_some()),
        (Kind::Data, Header::parse(bytes).is_some()),
    ];
    for (kind, read) in kinds {
        assert!(!read || Kind::of(bytes) == Some(kind), "read as {kind:?}");
    }
    if let Some(header) = Header::parse(bytes) {
        assert!(bytes.starts_with(&header.to_bytes()));
    }
}

fn parse_text(text: &str) {
    if let Ok(ticket) = text.parse::<Ticket>() {
        assert_eq!(ticket.to_text().parse(), Ok(ticket));
    }
    if let Ok(record) = text.parse::<TicketRecord>() {
        assert_eq!(record.to_line().parse(), Ok(record));
    }
    if let Ok(places) = text.parse::<Places>() {
        assert_eq!(places.to_string().parse(), Ok(places));
    }
    let _ = server_key_from_text(text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn anything(bytes in prop::collection::vec(any::<u8>(), 0..260)) {
            parse_everything(&bytes);
        }

        #[test]
        fn messages_of_the_right_length(kind in 0_u8..6, len in prop::sample::select(vec![49, 56, 80, 125, 213])) {
            let mut bytes = vec![0; len];
            bytes[0] = kind;
            parse_everything(&bytes);
        }
    }
}
