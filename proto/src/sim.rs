//! A simulated network, for tests of this crate and of programs built on it.
//!
//! Two hosts stand at the ends of a bad network, and all of it runs on a virtual clock: hours pass in milliseconds, and the same seed
//! gives the same run. The unit tests, the fuzz targets and the measurements of this crate all use this one model.
//!
//! | part | what it does |
//! | --- | --- |
//! | [`Path`] | says what a direction does: delay, jitter, reordering, loss at random and in bursts, duplication, corruption, path MTU, a bottleneck with its buffer, a policer, outages, and changes of these with time |
//! | [`Direction`] | does it, one way; counts, captures and filters datagrams. Usable alone, under any protocol |
//! | [`Bottleneck`] | is where several directions queue, if they share it |
//! | [`Opportunities`] | are when a recorded or a made cell lets something go; [`Waits`] are what it costs |
//! | [`InFlight`] | is the queue of what is under way |
//! | [`Network`] | is two directions with addresses: a [`Nat`] that forgets, blocked sockets, an [`Observer`] who copies, a [`Forger`] |
//! | [`Host`] | is what a program must do to stand at an end |
//! | [`LinkEnd`], [`Server`] | are a sealed link's client and a whole proxy2, each with an [`Application`]; [`Setup`] makes both of one ticket |
//! | [`Pair`] | is two hosts, a network and the clock |
//! | [`Crowd`] | is many clients of one server, on paths that only delay |
//!
//! ```
//! use paso_proto::Time;
//! use paso_proto::sealed::link::{Event, Link, Settings};
//! use paso_proto::sealed::transport;
//! use paso_proto::sim::{Application, Path, Setup};
//! use std::convert::Infallible;
//! use std::time::Duration;
//!
//! /// Accepts every stream and reads it.
//! #[derive(Default)]
//! struct Reader(Vec<u8>);
//!
//! impl Application for Reader {
//!     fn handle_event(&mut self, now: Time, link: &mut Link, event: Event) -> bool {
//!         match event {
//!             Event::Stream(transport::Event::Incoming { id, .. }) => link.streams().accept(id),
//!             Event::Stream(transport::Event::Readable(id)) => {
//!                 let all = link.streams().read_with(now, id, |slices| {
//!                     let before = self.0.len();
//!                     slices.for_each(|slice| self.0.extend_from_slice(slice));
//!                     Ok::<_, Infallible>(self.0.len() - before)
//!                 });
//!                 all.expect("reading into memory does not fail");
//!             }
//!             _ => {}
//!         }
//!         matches!(event, Event::Gone | Event::Ended(_) | Event::Broken(_))
//!     }
//! }
//!
//! let path = Path { delay: Duration::from_millis(20), loss: 0.3, ..Path::default() };
//! let mut pair = Setup::new(1, Settings::default()).pair(path, Reader::default(), Reader::default());
//!
//! let id = pair.client.link.streams().open(b"target:1").expect("there is room for a stream");
//! pair.client.link.streams().write(pair.now, id, b"hola");
//! pair.network.ways[0].path.outages.push(pair.now..pair.now + Duration::from_secs(3_600));
//! let heard = pair.run_until(Duration::from_secs(3_610), |pair| pair.server.app.0 == b"hola");
//! assert!(heard, "an hour later");
//! ```

mod attacker;
mod bottleneck;
mod clock;
mod crowd;
mod dice;
mod direction;
mod host;
mod in_flight;
mod link_end;
mod link_pair;
mod nat;
mod network;
mod opportunities;
mod pair;
mod path;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod plain;
mod server;
mod setup;
#[cfg(test)]
mod tests;
mod waits;

pub use attacker::{Forger, Observer, STRANGER, forgery};
pub use bottleneck::Bottleneck;
pub use clock::{random, unix};
pub use crowd::{CROWDED, Crowd, Member, most_in_a_tenth};
pub use dice::Dice;
pub use direction::{Capture, Direction, DirectionCounts, Envelope, Marked};
pub use host::Host;
pub use in_flight::InFlight;
pub use link_end::{Application, LinkEnd};
pub use nat::Nat;
pub use network::Network;
pub use opportunities::{OPPORTUNITY, Opportunities, RecordingError};
pub use pair::{Pair, START};
pub use path::{HEADERS, Marking, Path};
pub use server::Server;
pub use setup::Setup;
pub use waits::Waits;
