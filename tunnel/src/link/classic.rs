//! The classic link's shell: one task owns the UDP socket, the table of streams and every TCP connection.
//!
//! - `driver`: the loop; what to look at first
//! - `endings`: how streams begin and end; `queries`: what it answers whoever looks at it or steers it
//! - `side`: what differs between the two roles, `entry` and `exit`
//! - `conns`: the TCP connections, those of streams and those that are being closed
//! - `outbox`: from TCP into datagrams, paced, and out of the socket
//! - `relay`: the TCP side of a stream, and `queue`, what waits to be written to it; `pace`: how fast datagrams may leave
//! - `peer`: where proxy2 is, by whatever address it answers; `places`: where each stream's is

mod conns;
mod driver;
mod endings;
pub(crate) mod entry;
pub(crate) mod exit;
mod journal;
mod outbox;
mod pace;
pub(crate) mod peer;
mod places;
mod queries;
mod queue;
mod records;
mod relay;
mod side;

pub(crate) use driver::Driver;
pub(crate) use side::Side;
