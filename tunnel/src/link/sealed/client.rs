//! proxy1's end of a sealed link.
//!
//! - `client_end`: its datagrams, when it begins again and when it is over
//! - `peer`, `diagnosis`, `backoff`: where proxy2 may be, what is wrong if it does not answer, when to try again
//! - `sockets`, `keepalives`: its sockets, and how often it shows itself to what is on the way
//! - `ticket_reader`: its ticket, read again

mod backoff;
pub(super) mod client_end;
pub(crate) mod diagnosis;
pub(super) mod keepalives;
pub(super) mod peer;
pub(super) mod sockets;
pub(super) mod ticket_reader;
