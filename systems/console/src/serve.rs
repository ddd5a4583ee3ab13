//! The server: a task for each client, around one room.

mod attend;
mod hall;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use common::JoinArgs;
use paso::{AcceptError, Link, Listener};
use paso_cli::program::{self, Signals};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use self::hall::Hall;
use crate::proxy::Proxy;
use crate::room::Limits;

/// How often it is looked for clients that are silent.
const SWEEP: Duration = Duration::from_secs(1);

/// Who may come, and what operators may look at.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many may come.
    pub limits: Limits,
    /// The tickets whose holders are operators.
    pub operators: BTreeSet<String>,
    /// The proxy2 that they steer.
    pub proxy: Option<Proxy>,
}

/// The program: joins, publishes the name, and serves until a signal asks for the end.
///
/// # Errors
/// It cannot begin, or nobody comes any more.
pub(crate) async fn run(
    join: JoinArgs,
    name: String,
    settings: Settings,
    mut signals: Signals,
) -> anyhow::Result<()> {
    let name = name.trim_start_matches('@');
    let beginning = async {
        let link = join.join().await?;
        let listener = link.publish(name).await.with_context(|| format!("cannot publish @{name}"))?;
        anyhow::Ok((link, listener))
    };
    let (link, listener) = tokio::select! {
        biased;
        () = signals.received() => return Ok(()),
        begun = beginning => begun?,
    };
    warn_of_others(&link, name).await;
    info!(name = format_args!("@{name}"), "ready");
    program::ready();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let mut serving = std::pin::pin!(serve(listener, settings, async {
        // It is never dropped before it has said so.
        let _ = ended.await;
    }));
    let served = tokio::select! {
        biased;
        () = signals.received() => {
            let _ = end.send(());
            tokio::select! {
                biased;
                // A second one: at once.
                () = signals.received() => Ok(()),
                served = &mut serving => served,
            }
        }
        served = &mut serving => served,
    };
    link.close().await.context("the link did not end in order")?;
    served.with_context(|| format!("@{name} is not published any more"))
}

/// Warns if somebody else publishes the name too. Proxy2 tells only whoever may use the name itself; else this says nothing.
async fn warn_of_others(link: &Link, name: &str) {
    let found = link.find(name).await.unwrap_or_default();
    let others: usize = found.iter().map(|found| found.publishers.saturating_sub(1)).sum();
    if others > 0 {
        warn!(
            others,
            "somebody else publishes @{name} too: proxy2 gives each client to one of you, and they do not meet"
        );
    }
}

/// Serves those who come until `shutdown` completes; then all are told, and it waits until they have read it, for five seconds at most.
///
/// # Errors
/// Nobody comes any more.
pub async fn serve(
    mut listener: Listener,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AcceptError> {
    let hall = Hall::new(settings);
    let mut clients = JoinSet::new();
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    let ended = loop {
        tokio::select! {
            () = &mut shutdown => break Ok(()),
            _ = sweep.tick() => for sum in hall.with(|room, now| room.sweep(now.since_start)) {
                info!("{sum}");
            },
            Some(ended) = clients.join_next() => note_panic(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, caller)) => {
                    let ticket = caller.ticket.map(|ticket| ticket.to_string());
                    clients.spawn(attend::attend(hall.clone(), stream, ticket));
                }
                Err(AcceptError::Refused(why)) => warn!("nobody comes at the moment: {}", paso::visible(&why)),
                Err(error) => break Err(error),
            },
        }
    };
    drop(listener);
    hall.with(|room, now| room.end(now.since_start));
    while let Some(ended) = clients.join_next().await {
        note_panic(ended);
    }
    ended
}

/// A session that has failed is a fault of this program, and ends alone.
fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!("a session has failed, which is a fault of this program: {error}");
    }
}
