//! Paso's protocol as code: bytes in, bytes out. Nothing here opens a socket, reads a clock or draws randomness: the program around
//! it brings all three. The specification follows below; first, how the code is used.
//!
//! # How to drive a link
//!
//! A [`Link`](sealed::link::Link) is one end of a sealed link. It has four kinds of method:
//!
//! - *`handle_*`* tell it what the world did: a datagram came, a time is reached;
//! - *mutators* tell it what the application wants: [`streams`](sealed::link::Link::streams) opens, writes, reads, finishes and resets;
//! - *`poll_*`* say what to do now: datagrams to send, events for the application, when to call `handle_timeout` next;
//! - *getters* look and change nothing.
//!
//! **The loop**: mutate or handle *once*, drain `poll_event` and `poll_transmit` until each answers `None`, then wait for
//! `poll_timeout` or for the next thing that happens. proxy1 has one link. proxy2 has an [`Endpoint`](sealed::endpoint::Endpoint), which
//! says which of its links a datagram is for, and when there is a new one.
//!
//! ```
//! use paso_proto::Time;
//! use paso_proto::sealed::crypto::{cipher::CipherSupport, keys::PrivateKey, random::Random};
//! use paso_proto::sealed::endpoint::{DatagramEvent, Endpoint};
//! use paso_proto::sealed::handshake::initiator::{Identity, Initiator};
//! use paso_proto::sealed::handshake::responder::{self, CLOCK_TOLERANCE, Responder};
//! use paso_proto::sealed::handshake::terms::{Epoch, Instance, LinkId, UnixMicros};
//! use paso_proto::sealed::link::{Event, Link, Settings};
//! use paso_proto::sealed::transport;
//! use paso_proto::ticket::Ticket;
//! use std::{collections::BTreeMap, convert::Infallible, net::SocketAddr, time::Duration};
//!
//! // A program takes the seeds from the system's own source, and `unix` from the wall clock.
//! let random = |seed| Random::from_seed([seed; 32]);
//! let (mut now, unix) = (Time::ZERO, UnixMicros(1_767_225_600_000_000));
//! let [here, there] = [1, 2].map(|last| SocketAddr::from(([192, 0, 2, last], 5_000)));
//! let (settings, ciphers) = (Settings::default(), CipherSupport { aes: true });
//! let limits = Link::limits(&settings);
//!
//! // proxy2: a key, a ticket for proxy1, a table with ten places.
//! let key = PrivateKey::generate(&mut random(1));
//! let ticket = Ticket::generate(key.public(), false, &mut random(2));
//! let (epoch, clock_tolerance) = (Epoch(random(3).u64()), CLOCK_TOLERANCE);
//! let options = responder::Settings { epoch, ciphers, clock_tolerance, handshakes_per_second: 100 };
//! let mut endpoint = Endpoint::new(Responder::new(now, key, options, random(4)), limits, 10, random(5));
//! endpoint.allow(ticket.client(), None);
//! let mut links = BTreeMap::new();
//!
//! // proxy1: the ticket, and a name for the link.
//! let identity = Identity { link: LinkId(random(6).u64()), instance: Instance(1), ciphers, limits };
//! let mut client = Link::client(now, there, Initiator::new(ticket, identity), settings, random(7));
//!
//! // Bytes may be written before there are keys.
//! let id = client.streams().open(b"db:5432").expect("there is room for a stream");
//! client.streams().write(now, id, b"hola");
//! client.streams().finish(now, id);
//!
//! let (mut out, mut replies, mut heard) = (vec![0; paso_proto::MAX_UDP_PAYLOAD], Vec::new(), Vec::new());
//! while heard != b"hola" {
//!     // proxy1 sends: one call gives datagrams of equal size, the last of which may be shorter.
//!     while let Some(transmit) = client.poll_transmit(now, unix, &mut out) {
//!         for datagram in out[..transmit.length].chunks_mut(transmit.segment) {
//!             // proxy2 receives.
//!             match endpoint.handle(now, unix, here, datagram) {
//!                 DatagramEvent::New { link, session, limits, response, .. } => {
//!                     links.insert(link, Link::server(now, here, *session, limits, settings, random(8)));
//!                     replies.push(response);
//!                 }
//!                 DatagramEvent::Link(key) => {
//!                     let link = links.get_mut(&key).expect("the table names no other");
//!                     link.handle_datagram(now, here, datagram);
//!                     endpoint.heard(now, key, link.peer());
//!                 }
//!                 other => panic!("{other:?} does not happen where nothing is lost"),
//!             }
//!         }
//!     }
//!     for link in links.values_mut() {
//!         link.handle_timeout(now);
//!         while let Some(event) = link.poll_event() {
//!             match event {
//!                 Event::Stream(transport::Event::Incoming { id, target }) => {
//!                     assert_eq!(target, b"db:5432");
//!                     link.streams().accept(id);
//!                 }
//!                 Event::Stream(transport::Event::Readable(id)) => {
//!                     let read = link.streams().read_with(now, id, |slices| {
//!                         let before = heard.len();
//!                         slices.for_each(|slice| heard.extend_from_slice(slice));
//!                         Ok::<_, Infallible>(heard.len() - before)
//!                     });
//!                     read.expect("what takes the bytes does not fail");
//!                 }
//!                 _ => {}
//!             }
//!         }
//!         while let Some(transmit) = link.poll_transmit(now, unix, &mut out) {
//!             replies.extend(out[..transmit.length].chunks(transmit.segment).map(<[u8]>::to_vec));
//!         }
//!     }
//!     // A program waits for a datagram, or until `poll_timeout`. Here the replies are on their way for 20 ms.
//!     now += Duration::from_millis(20);
//!     for mut datagram in replies.drain(..) {
//!         client.handle_datagram(now, there, &mut datagram);
//!     }
//!     client.handle_timeout(now);
//!     while client.poll_event().is_some() {}
//! }
//! ```
//!
//! A program that uses links is tested best on the simulated network that this crate tests itself with: the feature `sim`.
//!
#![doc = include_str!("../PROTOCOL.md")]

pub mod check;
pub mod classic;
pub mod destination;
pub mod sealed;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
pub mod target;
pub mod ticket;
pub mod time;
pub mod token_bucket;

pub use time::Time;

/// Counts, for tests of what something holds.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: heap::Counted = heap::Counted;

/// Specification: the most bytes that a UDP datagram carries (over IPv4: 65,535 - 20 - 8).
pub const MAX_UDP_PAYLOAD: usize = 65_507;
