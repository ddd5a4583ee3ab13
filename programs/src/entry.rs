//! `proxy1`, or `paso in`: accepts TCP connections and carries them over UDP to a proxy2.

mod args;
mod check;
mod links;
mod plan;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Error};
use cli::config::{Action, Environment};
use cli::program::Signals;
use tracing::{info, warn};
use tunnel::address::Listen;
use tunnel::reload::Reload;
use tunnel::view::Role;

pub(crate) use self::args::Cli;
use self::links::Links;
use self::plan::{Link, Planner};
use crate::control::sessions::Sessions;
use crate::control::{Control, ControlSettings};
use crate::metrics::{self, Metrics};

/// The program: 0 when it ended because it was asked to, 1 when it failed, 2 for bad usage.
pub(crate) fn main(name: &str, words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words = std::iter::once(name.into()).chain(words).collect();
    run(Planner::new(args::sources(words, Environment::of_process())))
        .unwrap_or_else(|error| cli::explain_with(&error, name, args::EXAMPLE))
}

fn run(planner: Planner) -> Result<ExitCode, clap::Error> {
    let said = planner.read()?;
    let (action, has_file) = (said.action(), said.file().is_some());
    if action == Action::Print {
        return Ok(cli::program::print(&said.to_toml()));
    }
    let (control, metrics) = (said.control(), said.metrics());
    let links = planner.links(said)?;
    Ok(match action {
        Action::Serve(logging) => {
            let planner = has_file.then_some(planner);
            cli::program::run_service(logging, |signals| serve(links, (control, metrics), planner, signals))
        }
        Action::Check | Action::Print => cli::program::check(async move {
            metrics::check(metrics.as_ref()).await?;
            check::links(&links).await
        }),
    })
}

/// Serves until a signal comes. Where there is a configuration file, `planner` reads it again when that is asked for.
async fn serve(
    links: Vec<Link>,
    (control, metrics): (Option<ControlSettings>, Option<Listen>),
    planner: Option<Planner>,
    mut signals: Signals,
) -> anyhow::Result<()> {
    let (reload, sessions) = (Reload::new(), Sessions::new());
    let started = async {
        let metrics = Metrics::start(Role::Proxy1, metrics, &sessions).await?;
        anyhow::Ok((metrics, Links::start(links, &sessions).await?))
    };
    let (metrics, mut links) = tokio::select! {
        biased;
        started = started => started?,
        () = signals.received() => return Ok(()),
    };
    cli::program::check_passed().map_err(Error::msg)?;
    let control = Control::start(Role::Proxy1, &control.context("there is no link")?, &sessions);
    let ready = tokio::select! {
        biased;
        ready = links.ready() => ready,
        () = signals.received() => return links.close().await.context(FAILED),
    };
    if ready.is_err() {
        // That a forward cannot be is what counts.
        let _ = links.close().await;
        return ready;
    }
    metrics.set_ready(links.settings());
    Serving { links, metrics, control, sessions, planner, reload, signals }.run().await
}

const FAILED: &str = "the UDP socket failed";

/// A proxy1 that serves.
#[derive(Debug)]
struct Serving {
    links: Links,
    metrics: Metrics,
    control: Control,
    sessions: Sessions,
    planner: Option<Planner>,
    reload: Reload,
    signals: Signals,
}

impl Serving {
    /// Serves until something ends it.
    async fn run(mut self) -> anyhow::Result<()> {
        let stdio = self.links.stdio_ended();
        tokio::pin!(stdio);
        let ended = loop {
            tokio::select! {
                biased;
                ending = self.control.end_asked(&mut self.signals) => {
                    ending.wait(&self.sessions, &mut self.signals).await;
                    break self.links.close().await;
                }
                ended = self.links.ended() => break ended,
                carried = &mut stdio => {
                    self.links.close().await.context("the link did not end in order")?;
                    return carried;
                }
                () = self.reload.asked() => {}
            }
            tokio::select! {
                biased;
                () = self.signals.received() => break self.links.close().await,
                changed = follow(&mut self.links, &mut self.metrics, self.planner.as_ref()) => changed?,
            }
            cli::program::ready();
        };
        ended.context(FAILED)
    }
}

/// Reads the configuration file again. A file that is wrong changes nothing.
async fn follow(links: &mut Links, metrics: &mut Metrics, planner: Option<&Planner>) -> anyhow::Result<()> {
    let Some(planner) = planner else { return Ok(()) };
    match planner.read().and_then(|said| Ok((said.metrics(), planner.links(said)?))) {
        Ok((listen, wanted)) => {
            metrics.follow(listen).await;
            links.change(wanted).await?;
            metrics.set_ready(links.settings());
            info!("the configuration file has been read again");
        }
        Err(error) => {
            let why = cli::one_line(&error);
            warn!("the configuration file cannot be used, what it said before stays: {why}");
        }
    }
    Ok(())
}
