//! For the tests of programs that use this crate (feature `testing`): an exit and links in one process, and a network between them
//! that is as bad as the test wants.
//!
//! ```
//! # use paso::testing::{Weather, pair};
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let pair = pair(7).await;
//! pair.network().set(Weather { loss: 0.05, ..Weather::default() });
//! # let server = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let target = server.local_addr()?.to_string();
//! let stream = pair.link().open(&target).await?;
//! # drop(stream);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

pub mod middlebox;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tunnel::session::{BindError, Handle};

pub use self::middlebox::{Counts, Middlebox, Way, Weather};
use crate::{Allow, Exit, Link, State, Ticket};

/// How long a port may stay taken after a crash, and how often it is tried.
const PATIENCE: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(5);

/// An exit, a link to it with the ticket `one`, and the network between. All end when it is dropped.
#[derive(Debug)]
pub struct Pair {
    state: State,
    allow: Allow,
    address: SocketAddr,
    exit: Option<Handle>,
    network: Middlebox,
    link: Link,
}

/// An exit that connects to whatever listens on loopback addresses of this machine, listens there, and lets everybody publish and use any name; and a link to it. The network lets everything pass until it is told
/// otherwise; what it decides by chance follows the seed alone, and which datagram meets which decision follows the timing of the machine.
///
/// # Panics
/// There are no sockets to be had, or the link does not come up within ten seconds.
pub async fn pair(seed: u64) -> Pair {
    pair_that_allows(anything_here(), seed).await
}

/// The same with an exit that allows this and nothing else.
///
/// # Panics
/// As [`pair`].
pub async fn pair_that_allows(allow: Allow, seed: u64) -> Pair {
    let state = State::in_memory();
    let (exit, address) = start("127.0.0.1:0", &state, &allow).await;
    let network = Middlebox::start(address, seed).expect("loopback has free ports");
    let link = join(&network, new_ticket(&state, "one")).await;
    Pair { state, allow, address, exit: Some(exit), network, link }
}

impl Pair {
    /// The link with the ticket `one`.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// What lies between the links and the exit.
    pub const fn network(&self) -> &Middlebox {
        &self.network
    }

    /// The exit's tickets.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Another link over the same network, with a ticket of its own.
    ///
    /// # Panics
    /// The name is no name or taken, or the link does not come up within ten seconds.
    pub async fn join(&self, name: &str) -> Link {
        join(&self.network, new_ticket(&self.state, name)).await
    }

    /// Ends the exit as a crash does, and starts it again with the same tickets at the same address: open streams are reset, links
    /// go on.
    ///
    /// # Panics
    /// Another program has taken its port meanwhile.
    pub async fn restart_exit(&mut self) {
        if let Some(exit) = self.exit.take() {
            exit.kill().await;
        }
        // What the crash has left behind lets go of the port in a moment.
        let (end, address) = (Instant::now() + PATIENCE, self.address.to_string());
        let exit = loop {
            match Exit::bind(&address, &self.state, self.allow.clone()).await {
                Err(BindError::Udp { .. }) if Instant::now() < end => sleep(RETRY).await,
                bound => break bound.expect("nobody else has taken the port"),
            }
        };
        self.exit = Some(exit.into_session().run());
    }
}

fn anything_here() -> Allow {
    const RULES: [&str; 6] = [
        "dial:127.0.0.0/8:*",
        "dial:127.0.0.0/8:*/udp",
        "dial:[::1]:*",
        "listen:127.0.0.1:*",
        "publish:*",
        "use:*",
    ];
    let rules = RULES.into_iter();
    rules.fold(Allow::nothing(), |allow, rule| allow.rule(rule).expect("these are rules"))
}

fn new_ticket(state: &State, name: &str) -> Ticket {
    state.ticket(name).expect("a new name of a ticket")
}

async fn start(listen: &str, state: &State, allow: &Allow) -> (Handle, SocketAddr) {
    let exit = Exit::bind(listen, state, allow.clone()).await.expect("loopback has free ports");
    let address = exit.address();
    (exit.into_session().run(), address)
}

async fn join(network: &Middlebox, ticket: Ticket) -> Link {
    Link::join(&network.address().to_string(), ticket).await.expect("the exit answers")
}
