//! The classic link: ten streams over bare datagrams, no loss recovery, no encryption.
//!
//! [`Entry`] is proxy1's side, [`Exit`] is proxy2's; the crate's front page has the bytes and the rules. Neither does
//! I/O. A shell owns the sockets and the clock and drives a table by four kinds of method:
//!
//! - *mutators* tell it what the local connections did: [`Entry::open`], [`Entry::finish`], [`Exit::accepted`], …
//! - *`handle_*`* tell it what the world did: a datagram came, a timeout passed;
//! - *`poll_*`* say what to do now: datagrams to send, streams that ended, when to call `handle_timeout` next, and what to
//!   tell the user about the last datagram;
//! - *getters* look and change nothing.
//!
//! **The loop**: mutate or handle *once*, then drain `poll_transmit` and `poll_event` until each answers `None`, then
//! wait until `poll_timeout` or the next thing that happens. Data does not pass through the tables: the shell writes
//! [`frame::data_header`] before the bytes it read, sends them, and tells the table with `note_sent`.
//!
//! ```
//! use paso_proto::Time;
//! use paso_proto::classic::{Entry, Settings, entry::Received};
//!
//! let mut entry = Entry::new(Settings::default());
//! let now = Time::ZERO;
//! let stream = entry.open(now).expect("ten ids are free");
//! while let Some(datagram) = entry.poll_transmit() {
//!     assert_eq!(&datagram[..], b"C0"); // the shell sends it to proxy2
//! }
//! let opened = entry.handle_datagram(now, b"C0OK");
//! assert_eq!(opened, Some(Received::Opened { stream, early: Vec::new() }));
//! let data = entry.handle_datagram(now, b"D0hola");
//! assert_eq!(data, Some(Received::Data { stream, payload: b"hola" }));
//! entry.close(now, stream);
//! assert_eq!(entry.poll_transmit().as_deref(), Some(&b"X0"[..]));
//! ```

mod counters;
#[cfg(test)]
mod dialogue;
mod early;
pub mod entry;
pub mod exit;
pub mod frame;
mod life;
mod recent;
mod settings;
mod stream;
pub mod violation;

pub use counters::{Counters, Drops};
pub use entry::{AllBusy, Entry};
pub use exit::Exit;
pub use settings::Settings;
pub use stream::{Closed, Reason, Stream, StreamId};
pub use violation::Violation;

/// How many datagrams may wait in a table before it stops to answer strays and repeats. A shell that drains after every
/// datagram never gets near it; one that does not must not be made to grow by what strangers send.
const ANSWERS_QUEUED: usize = 64;
