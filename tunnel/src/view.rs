//! What a running session shows of itself at one moment: plain data, for whoever prints it, draws it or measures with it.
//!
//! - [`SessionView`], [`LinkView`], [`StreamView`]: what is there. Sums since the beginning, no rates
//! - [`rates()`]: what went on between two views
//! - [`ItemId`]: how a link or a stream is called: `L3`, `L3/5`
//!
//! All of it has one form as JSON, which `docs/control.md` describes. A field that a program does not know is passed over, and one
//! that is missing has its default: so two versions understand each other.
//!
//! Times are milliseconds of the wall clock since 1970, and can jump with it; what is called `age`, `idle` or `uptime` cannot.

mod counter_values;
mod item_id;
mod limited_by;
mod link;
mod rates;
mod stream;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use self::counter_values::CounterValues;
pub use self::item_id::{ItemId, NotAnItemId};
pub use self::limited_by::LimitedBy;
pub use self::link::{LinkState, LinkView, Loss, Packets, PathView, RoundTrip};
pub use self::rates::{LinkRates, SessionRates, StreamRates, rates};
pub use self::stream::{OpenedBy, StreamKind, StreamState, StreamView};
pub use crate::handover::OtherProcess;
pub use crate::metrics::LinkKind;

/// A session: one proxy with its links.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionView {
    /// The version of the program, as `--version` says it.
    pub version: String,
    /// The id of its process.
    pub pid: u32,
    /// Which of the two proxies it is.
    pub role: Role,
    /// The kind of its links.
    pub kind: LinkKind,
    /// When it began: milliseconds since 1970.
    pub since: u64,
    /// When this was put together: milliseconds since 1970.
    pub taken_at: u64,
    /// For how long it had run by then, in milliseconds.
    pub uptime_ms: u64,
    /// The addresses of its UDP sockets.
    pub udp: Vec<SocketAddr>,
    /// Where clients connect.
    pub listening: Vec<ListeningView>,
    /// It accepts nothing new and waits for its streams to end.
    pub draining: Option<Draining>,
    /// The process that it has taken over from, while that still has links.
    pub predecessor: Option<OtherProcess>,
    /// The id of the process that has taken over from it: it ends with its last link.
    pub successor: Option<u32>,
    /// All counters, those of links that have ended among them.
    pub counters: CounterValues,
    /// The living links, the oldest first.
    pub links: Vec<LinkView>,
    /// How many more there are that are not shown.
    pub links_left_out: u64,
}

/// One of the two proxies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The entry of plain forwards: it joins.
    #[default]
    Proxy1,
    /// Their exit: it is joined.
    Proxy2,
}

/// A place at which clients connect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListeningView {
    /// By what.
    pub kind: ListeningKind,
    /// The address or the path; empty for standard input and output.
    pub at: String,
    /// The name of the link that carries what comes there, where links have names.
    pub link: Option<String>,
}

/// What clients connect by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListeningKind {
    /// TCP.
    #[default]
    Tcp,
    /// UDP datagrams.
    Udp,
    /// A Unix socket.
    Unix,
    /// Standard input and output: there is one client, from the start.
    Stdio,
}

/// How a session comes to its end that accepts nothing new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draining {
    /// Since when: milliseconds since 1970.
    pub since: u64,
    /// When it ends whatever is still open: milliseconds since 1970. `None`: when the last stream has ended.
    pub until: Option<u64>,
}

impl Role {
    /// What it is called everywhere.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proxy1 => "proxy1",
            Self::Proxy2 => "proxy2",
        }
    }
}
