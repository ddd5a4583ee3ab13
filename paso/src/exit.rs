//! The end that is joined and that connects to targets.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use proto::target::{Target, TargetError};
use tokio::sync::watch;
use tunnel::address::{HostPort, Listen};
use tunnel::metrics::Counters;
use tunnel::session::{BindError, Session};
use tunnel::settings::{self, Rule, RuleError, ServerSettings};

use crate::State;

/// What an exit does for the holders of tickets that have no rules of their own: this, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Allow {
    target: Option<HostPort>,
    rules: Vec<Rule>,
}

impl Allow {
    /// Nothing.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// `HOST:PORT`, also for streams that name no target ([`Link::open_default`](crate::Link::open_default)).
    ///
    /// # Errors
    /// The text is no target.
    pub fn target(target: &str) -> Result<Self, TargetError> {
        let settings::Allow { target, rules } =
            settings::Allow::only(HostPort::from(&target.parse::<Target>()?));
        Ok(Self { target, rules: rules.iter().cloned().collect() })
    }

    /// The same and `HOST:PORT`, for streams that name it so. A name is looked up for each of them.
    ///
    /// # Errors
    /// The text is no target.
    pub fn and(mut self, target: &str) -> Result<Self, TargetError> {
        self.rules.push(Rule::dial(&target.parse()?));
        Ok(self)
    }

    /// The same and what a rule allows, as `dial:*.example.com:443`, `listen:127.0.0.1:8000-8010`, `publish:files` or `use:*`
    /// (`docs/rules.md`).
    ///
    /// # Errors
    /// The text is no rule.
    pub fn rule(mut self, rule: &str) -> Result<Self, RuleError> {
        self.rules.push(rule.parse()?);
        Ok(self)
    }

    pub(crate) fn into_settings(self) -> settings::Allow {
        settings::Allow { target: self.target, rules: self.rules.into_iter().collect() }
    }
}

/// An exit: whoever holds one of its tickets can join it, and open streams to what it allows.
#[derive(Debug)]
pub struct Exit {
    session: Session,
}

impl Exit {
    /// Binds the UDP socket: `[ADDR:]PORT`, where a port alone is one of 127.0.0.1, and port 0 any free one. Datagrams that come
    /// before it runs wait in the socket. Dropping the future binds nothing.
    ///
    /// # Errors
    /// The address cannot be had, or the state cannot be read or made.
    pub async fn bind(listen: &str, state: &State, allow: Allow) -> Result<Self, BindError> {
        let listen: Listen = listen.parse().map_err(BindError::Address)?;
        let settings = ServerSettings::new(listen, state.source(), allow.into_settings());
        Ok(Self { session: Session::bind(settings).await? })
    }

    #[cfg(feature = "testing")]
    pub(crate) fn into_session(self) -> Session {
        self.session
    }

    /// Where it listens, with its port filled in.
    ///
    /// # Panics
    /// Never: it listens somewhere.
    pub fn address(&self) -> SocketAddr {
        *self.session.udp_addresses().first().expect("an exit has a socket")
    }

    /// The counters, kept up to date while it runs.
    pub fn counters(&self) -> watch::Receiver<Counters> {
        self.session.counters()
    }

    /// Serves until `shutdown` completes; then all streams are reset, and those that have joined are told. What it counted.
    /// Dropping the future does the same in the background.
    ///
    /// # Errors
    /// The UDP socket is broken.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<Counters> {
        let mut running = self.session.run();
        tokio::select! {
            () = shutdown => running.close().await,
            ended = running.ended() => ended,
        }
    }
}
