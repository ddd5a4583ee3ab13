//! TCP through networks that only let UDP pass, for programs that want it inside.
//!
//! A [`Link`] joins an [`Exit`] with a ticket, over one UDP socket on each side. On it any number of [`Stream`]s are opened, each
//! to a target that the exit connects to. A link loses nothing and is encrypted; it goes on while the path between the two
//! changes its addresses, is slow, loses datagrams, or is down for a while.
//!
//! The exit may be the program `proxy2`, and a program that listens for others may be `proxy1`: these speak the same protocol, and
//! this crate is what they are made of.
//!
//! ```
//! use paso::{Allow, Exit, Link, State};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # let server = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let target = server.local_addr()?.to_string();
//! # tokio::spawn(async move {
//! #     let (mut connection, _) = server.accept().await?;
//! #     let (mut from, mut to) = connection.split();
//! #     tokio::io::copy(&mut from, &mut to).await
//! # });
//! // Outside: connects to one target, for the holder of one ticket.
//! let state = State::in_memory();
//! let ticket = state.ticket("laptop")?;
//! let exit = Exit::bind("127.0.0.1:0", &state, Allow::target(&target)?).await?;
//! let address = exit.address().to_string();
//! tokio::spawn(exit.run(std::future::pending()));
//!
//! // Inside: joins it and opens a stream.
//! let link = Link::join(&address, ticket).await?;
//! let mut stream = link.open(&target).await?;
//! stream.write_all(b"hola").await?;
//! stream.shutdown().await?; // FIN: nothing more comes from here
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer).await?;
//! assert_eq!(answer, "hola");
//! link.close().await?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Where to look
//!
//! | to | use |
//! | --- | --- |
//! | join an exit | [`Link::join`], [`LinkOptions`] |
//! | connect through it | [`Link::open`] (`HOST:PORT`, `@NAME`, `unix/PATH`), [`Link::open_udp`] |
//! | have clients of a port of this machine carried | [`Link::forward`] |
//! | be connected to | [`Link::publish`] (under a name), [`Link::listen`] (at an address of the exit); [`Listener::accept`] says who comes |
//! | know which names there are | [`Link::find`], [`Link::watch`] |
//! | know what one may do, and why not | [`Link::who_am_i`], [`Link::why_forbidden`] |
//! | be an exit, give out tickets | [`Exit`], [`Allow`], [`State`] |
//! | show a text of somebody else, so that a terminal shows each character where it stands | [`visible`], [`is_visible`] |
//! | test all that, on a network that loses datagrams | `paso::testing`, with the feature `testing` |
//!
//! The folder `examples` has an echo, a file copy, HTTP, a web service by name, and an OpenSSH `ProxyCommand`.
//!
//! # What an exit allows
//!
//! Nothing that no rule allows. [`Allow`] has the rules for all tickets, [`State::allow`] those of one ticket, which hold instead.
//!
//! | rule | allows |
//! | --- | --- |
//! | `dial:HOST:PORTS` | [`Link::open`]; the host is a name, `*.example.com`, an address, a block of addresses or `*`, the ports are `443`, `80,443`, `8000-8010` or `*` |
//! | `dial:HOST:PORTS/udp` | [`Link::open_udp`] |
//! | `dial:unix:/PATH` | `unix/PATH` |
//! | `listen:ADDR:PORTS` | [`Link::listen`] |
//! | `publish:NAMES` | [`Link::publish`]; `*` and `?` stand for any characters |
//! | `use:NAMES` | `@NAME`, [`Link::find`] and [`Link::watch`] |
//!
//! A name or a star does not lead to addresses of the exit's own machine and of private networks: such are named.
//!
//! # How things end
//!
//! As with TCP. [`shutdown`](tokio::io::AsyncWriteExt::shutdown) ends one direction in order (FIN), and [`Stream::finish`] also waits until the
//! other end of the link has everything. Dropping a stream resets it
//! (RST), so that a crash is never an orderly end. Dropping the last clone of a link resets its streams and tells the exit;
//! [`Link::close`] also waits until that is done; a program that ends should wait for it, for with its runtime everything stops where
//! it is, and the exit finds out only when the next link of the program asks, or after a day. An exit that restarts resets all streams, and the link goes on with the new one.
//!
//! # Runtime
//!
//! Everything runs on tokio, with the I/O and time drivers on; any flavor will do. A link is one task: it needs one core at most.

pub mod counters;
mod exit;
pub mod limits;
mod link;
mod listener;
mod state;
#[cfg(feature = "testing")]
pub mod testing;
mod ticket;

pub use exit::{Allow, Exit};
pub use link::{JoinError, Link, LinkOptions, OpenError};
pub use listener::{AcceptError, AskError, Caller, ListenError, Listener};
pub use proto::destination::{Client, Destination, DestinationError, ServiceName, SocketPath};
pub use proto::target::{Host as TargetHost, Name as TargetName, Target, TargetError};
pub use proto::ticket::TicketError;
pub use proto::ticket::place::{Place, PlaceError};
pub use proto::ticket::record::{RecordError, TicketName};
pub use state::{AllowError, NewTicketError, State};
pub use ticket::Ticket;
pub use tunnel::address::{AddressError, Host, HostPort, Listen, ResolveError};
pub use tunnel::metrics::Counters;
pub use tunnel::rules::RuleFault;
#[doc(inline)]
pub use tunnel::session::PipeStream as Stream;
pub use tunnel::session::{
    AddError, BindError, Bound, Identity, LinkClosed, LinkStatus, MAX_DATAGRAM, NameEvent, NameWatcher,
    NotRegistered, ResetCode, ServiceInfo, UdpStream, WatchEnded, reset_code,
};
pub use tunnel::settings::spelling::SpellingError;
pub use tunnel::settings::{CarryTo, Forward, ListenOn, ProxyProtocol, ReverseAt, ReverseTo, RuleError};
pub use tunnel::state::{Purpose, RulesLineError, StateError};
pub use tunnel::visible::{is_visible, visible};

// The tests run the examples, which name the crate.
#[cfg(test)]
extern crate self as paso;
#[cfg(test)]
mod tests;
