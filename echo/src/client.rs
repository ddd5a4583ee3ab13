//! The client: many connections at a time, each sends data of its own and checks every byte that returns.

mod check;
mod connection;
mod histogram;
mod report;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::task::JoinSet;

use connection::Finding;
use histogram::Histogram;
pub use report::{ClientReport, Outcome, Report};

/// What to send, and how. [`Settings::new`] has the defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `HOST:PORT` of the server, or of whatever leads to it.
    pub address: String,
    /// Connections at a time, at least 1.
    pub clients: usize,
    /// Bytes each client sends.
    pub bytes: u64,
    /// Bytes written at a time, at least 1; a round trip is that of a chunk.
    pub chunk: usize,
    /// Pause between two chunks.
    pub think: Duration,
    /// How long nothing may return, while something is due, before a client gives up.
    pub silence: Duration,
    /// The data is a function of this and of the number of the client.
    pub seed: u64,
    /// Whether a chunk waits until the one before it has returned.
    pub ping_pong: bool,
    /// Whether to close the sending direction right after the last byte, and not only when everything has returned;
    /// complete is then who also sees the other direction closed.
    pub half_close: bool,
}

impl Settings {
    /// One client, 5 MB in chunks of 64 KiB without a pause, 2 s of silence, seed 1.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            clients: 1,
            bytes: 5_000_000,
            chunk: 64 * 1024,
            think: Duration::ZERO,
            silence: Duration::from_secs(2),
            seed: 1,
            ping_pong: false,
            half_close: false,
        }
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address does not lead to an IP address.
    #[error("cannot find the address of `{address}`")]
    Resolve {
        /// As it was given.
        address: String,
        /// What the resolver said.
        source: io::Error,
    },
}

/// Runs all clients to their end.
///
/// # Errors
/// When the address cannot be resolved. A client that cannot connect is part of the report.
pub async fn run(settings: Settings) -> Result<Report, Error> {
    run_counted(settings, Arc::default()).await
}

/// As [`run`], and adds to `returned` what returns, while it does: for a progress bar.
///
/// # Errors
/// As [`run`].
pub async fn run_counted(settings: Settings, returned: Arc<AtomicU64>) -> Result<Report, Error> {
    let addresses = lookup_host(&settings.address).await;
    let addresses = addresses.map(Iterator::collect::<Arc<[_]>>);
    let addresses =
        addresses.map_err(|source| Error::Resolve { address: settings.address.clone(), source })?;
    let settings = Arc::new(settings);
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for client in 1..=settings.clients {
        tasks.spawn(connection::run(
            client,
            Arc::clone(&addresses),
            Arc::clone(&settings),
            Arc::clone(&returned),
        ));
    }
    let mut findings: Vec<Finding> = tasks.join_all().await;
    findings.sort_by_key(|finding| finding.report.client);
    let elapsed = started.elapsed();
    let mut round_trips = Histogram::new();
    findings.iter().for_each(|finding| round_trips.add(&finding.round_trips));
    Ok(Report {
        elapsed,
        p50: round_trips.percentile(50),
        p99: round_trips.percentile(99),
        seed: settings.seed,
        clients: findings.into_iter().map(|finding| finding.report).collect(),
    })
}
