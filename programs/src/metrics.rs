//! `--metrics`: the server runs or does not, and follows the configuration file.

mod watched;

use anyhow::Context;
use dashboard::Dashboard;
use tracing::{error, info, warn};
use tunnel::address::Listen;
use tunnel::listen::listen_tcp;
use tunnel::passed::{self, Lent};
use tunnel::settings::ProxySettings;
use tunnel::view::Role;

use self::watched::Watched;
use crate::control::sessions::Sessions;

/// The server, whose listener a process that follows this one gets.
#[derive(Debug)]
struct Running {
    dashboard: Dashboard,
    lent: Lent,
}

/// What `--metrics` asks for.
#[derive(Debug)]
pub(crate) struct Metrics {
    watched: Watched,
    wanted: Option<Listen>,
    running: Option<Running>,
}

impl Metrics {
    /// Serves at that address what the sessions show, if it is wanted.
    ///
    /// # Errors
    /// It cannot be.
    pub(crate) async fn start(
        role: Role,
        wanted: Option<Listen>,
        sessions: &Sessions,
    ) -> anyhow::Result<Self> {
        let watched = Watched::new(role, sessions.clone());
        let running = match &wanted {
            Some(listen) => Some(start(listen, &watched).await?),
            None => None,
        };
        Ok(Self { watched, wanted, running })
    }

    /// All is there that the settings ask for, which are these.
    pub(crate) fn set_ready<'a>(&self, settings: impl IntoIterator<Item = &'a ProxySettings>) {
        self.watched.set_ready(settings.into_iter().map(memory).fold(0, u64::saturating_add));
    }

    /// Serves there from now on. What cannot be is said, and tried again with the next change.
    pub(crate) async fn follow(&mut self, wanted: Option<Listen>) {
        if wanted == self.wanted && self.running.is_some() == wanted.is_some() {
            return;
        }
        if let Some(Running { dashboard, lent }) = self.running.take() {
            // As long as it is there to be passed the port is not free.
            drop(lent);
            dashboard.close().await;
            info!("the page and the metrics are gone");
        }
        if let Some(listen) = &wanted {
            match start(listen, &self.watched).await {
                Ok(running) => self.running = Some(running),
                Err(error) => error!("{error:#}"),
            }
        }
        self.wanted = wanted;
    }
}

/// Whether it could be, as far as that can be known without listening there.
///
/// # Errors
/// Its name is unknown.
pub(crate) async fn check(wanted: Option<&Listen>) -> anyhow::Result<()> {
    match wanted {
        Some(listen) => listen.resolve().await.map(drop).with_context(|| format!("--metrics {listen}")),
        None => Ok(()),
    }
}

async fn start(listen: &Listen, watched: &Watched) -> anyhow::Result<Running> {
    let listener = listen_tcp(listen).await.context("--metrics")?;
    let lent = passed::lend_tcp(&listener).context("--metrics")?;
    let dashboard = Dashboard::start(listener, watched.clone()).context("--metrics")?;
    info!(page = %dashboard, "page and metrics");
    if dashboard.is_exposed() {
        warn!(
            "whoever reaches {} sees the names of tickets and targets, without encryption or password",
            dashboard.address()
        );
    }
    Ok(Running { dashboard, lent })
}

/// Bytes that the data of all streams of a session may take.
fn memory(settings: &ProxySettings) -> u64 {
    let classic = |memory: usize| u64::try_from(memory).unwrap_or(u64::MAX);
    match settings {
        ProxySettings::Client(client) => client.link.memory,
        ProxySettings::Server(server) => server.link.memory,
        ProxySettings::ClassicEntry(entry) => classic(entry.options.memory),
        ProxySettings::ClassicExit(exit) => classic(exit.options.memory),
    }
}
