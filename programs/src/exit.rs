//! `proxy2`, or `paso out`: takes streams from proxy1s over UDP and connects each to the target.

mod args;
mod check;
mod plan;
mod succession;
mod tickets;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::{Context, Error};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};
use cli::config::{Action, Environment, Sources};
use cli::program::{Printing, Running, Signals};
use tracing::{info, warn};
use tunnel::handover::Channel;
use tunnel::invitation::Invitation;
use tunnel::reload::Reload;
use tunnel::session::Session;
use tunnel::settings::ProxySettings;
use tunnel::view::Role;

use self::plan::Plan;
use self::succession::{Step, Succession};
use crate::control::sessions::{Sessions, Shown};
use crate::control::{Asked, Control, ControlSettings, take_over};
use crate::metrics::{self, Metrics};
use crate::steer;
use crate::usage::wrong;

pub(crate) use tickets::{command as ticket_command, main as tickets};

/// Its options.
pub(crate) fn command() -> Command {
    args::Cli::command()
}

/// The program `proxy2`: [`main`], or `proxy2 ticket`.
pub(crate) fn proxy2(words: Vec<OsString>) -> ExitCode {
    match tickets::arguments(words) {
        Ok(words) => tickets("proxy2 ticket", words),
        Err(words) if tickets::are_meant(&words) => {
            cli::explain_with(&wrong(&"the command is `proxy2 ticket`"), "proxy2 ticket", tickets::RIGHT)
        }
        Err(words) => {
            steer::of_words("proxy2", Role::Proxy2, words).unwrap_or_else(|words| main("proxy2", words))
        }
    }
}

/// The program: 0 when it ended because it was asked to, 1 when it failed, 2 for bad usage.
pub(crate) fn main(name: &str, words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words = std::iter::once(name.into()).chain(words).collect();
    run(args::sources(words, Environment::of_process())).unwrap_or_else(|error| {
        let error = if asks_for_ticket(&error) { wrong(&NO_TICKET) } else { error };
        cli::explain_with(&error, name, args::EXAMPLE)
    })
}

/// What is said to who gives proxy2 a ticket; the parser would propose some other option.
const NO_TICKET: &str =
    "tickets are for proxy1: proxy2 takes none, it makes them with `proxy2 ticket add NAME`";

fn asks_for_ticket(error: &clap::Error) -> bool {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return false };
    error.kind() == ErrorKind::UnknownArgument && option.starts_with("--ticket")
}

fn run(sources: Sources) -> Result<ExitCode, clap::Error> {
    let said = plan::read(&sources)?;
    let (action, has_file) = (said.action(), said.has_file());
    if action == Action::Print {
        return Ok(cli::program::print(&said.to_toml()));
    }
    let control = said.control();
    let plan = said.plan()?;
    Ok(match action {
        Action::Serve(logging) => {
            let sources = has_file.then_some(sources);
            cli::program::run_service(logging, |signals| serve(plan, control, sources, signals))
        }
        Action::Check | Action::Print => cli::program::check(async move {
            metrics::check(plan.metrics.as_ref()).await?;
            check::settings(&plan.settings).await
        }),
    })
}

/// Prints how a proxy1 joins, and serves until a signal comes. Where there is a configuration file, `sources` has it, and it is
/// read again when that is asked for.
async fn serve(
    plan: Plan,
    settings: ControlSettings,
    sources: Option<Sources>,
    mut signals: Signals,
) -> anyhow::Result<()> {
    let (reload, sessions) = (Reload::new(), Sessions::new());
    let channel = tokio::select! {
        biased;
        channel = sockets_of_another(&plan, &settings) => channel?,
        () = signals.received() => return Ok(()),
    };
    let metrics = tokio::select! {
        biased;
        metrics = Metrics::start(Role::Proxy2, plan.metrics.clone(), &sessions) => metrics?,
        () = signals.received() => return Ok(()),
    };
    let Some(mut session) = bind_in(&plan, &mut signals).await? else { return Ok(()) };
    let takes_over = channel.is_some();
    if let Some(channel) = channel {
        session.follow(channel)?;
        // A listener that only the one before has is not held open.
        tunnel::passed::forget_unused();
    }
    cli::program::check_passed().map_err(Error::msg)?;
    let printing = print(session.invitation());
    let mut running = Running::start(session);
    if takes_over {
        tokio::select! {
            biased;
            () = running.has_taken_over() => {}
            ended = running.ended() => return ended.map(drop).context("not taken over"),
            () = signals.received() => return running.close().await.map(drop).context("the UDP socket failed"),
        }
    }
    tell_ready(&plan.settings);
    let shown = sessions.add(None, running.viewer().clone());
    metrics.set_ready([&plan.settings]);
    let control = Control::begin(Role::Proxy2, &settings, &sessions, takes_over);
    let succession = Succession::default();
    let serving =
        Serving { running, shown, plan, metrics, control, succession, sessions, sources, reload, signals };
    let result = serving.run().await;
    if let Some(printing) = printing {
        // If it could not be shown, `proxy2 ticket add` makes another one.
        let _ = printing.finish().await;
    }
    result
}

/// Prints how to join. In a log the ticket would stay for others to read. If nobody reads this, `proxy2 ticket add` makes another one.
fn print(invitation: Option<&Invitation>) -> Option<Printing> {
    let secret = io::stdout().is_terminal();
    let text = |invitation: &Invitation| {
        if secret { invitation.with_secret() } else { invitation.without_secret() }
    };
    invitation.map(|invitation| Printing::start(text(invitation)))
}

/// A proxy2 that serves.
#[derive(Debug)]
struct Serving {
    running: Running,
    /// It can be looked at.
    shown: Shown,
    plan: Plan,
    metrics: Metrics,
    control: Control,
    succession: Succession,
    sessions: Sessions,
    sources: Option<Sources>,
    reload: Reload,
    signals: Signals,
}

impl Serving {
    /// Serves until something ends it.
    async fn run(mut self) -> anyhow::Result<()> {
        let drain = self.control.drain_limit();
        let ended = loop {
            tokio::select! {
                biased;
                asked = self.control.asked(&mut self.signals) => match asked {
                    Asked::End(ending) => {
                        self.control.refuse_successors();
                        ending.wait(&self.sessions, &mut self.signals).await;
                        break self.running.close().await;
                    }
                    Asked::TakeOver(channel) => {
                        if !self.succession.is_handing_over() {
                            self.succession.begin(channel.pid(), self.running.hand_over(channel));
                        }
                        continue;
                    }
                    Asked::Restart(answer) => {
                        self.succession.restart(answer);
                        continue;
                    }
                },
                ended = self.running.ended() => break ended,
                step = self.succession.next(drain) => match step {
                    Step::HandedOver(pid) => {
                        cli::program::is_followed_by(pid);
                        self.metrics.follow(None).await;
                        continue;
                    }
                    Step::TimeOver => {
                        info!(streams = self.sessions.stream_count(), "the time to drain is over: what is left is cut off");
                        break self.running.close().await;
                    }
                },
                () = self.reload.asked() => {}
            }
            if self.succession.has_handed_over() {
                // The file is for the other process; tickets and names are read here too.
                continue;
            }
            match self.follow().await? {
                Some(next) => self = next,
                None => return Ok(()),
            }
        };
        ended.map(drop).context("the UDP socket failed")
    }

    /// Reads the configuration file again, and begins again where its settings have changed; `None`: a signal came meanwhile.
    async fn follow(mut self) -> anyhow::Result<Option<Self>> {
        let Some(plan) = another(self.sources.as_ref()).await else {
            cli::program::ready();
            return Ok(Some(self));
        };
        self.metrics.follow(plan.metrics.clone()).await;
        if plan.options.says_the_same(&self.plan.options) {
            cli::program::ready();
            return Ok(Some(self));
        }
        info!("proxy2 begins again: its settings have changed");
        drop(self.shown);
        self.running.close().await?;
        let Some(session) = bind(&plan, &mut self.signals).await? else { return Ok(None) };
        tell_ready(&plan.settings);
        let running = Running::start(session);
        let shown = self.sessions.add(None, running.viewer().clone());
        self.metrics.set_ready([&plan.settings]);
        Ok(Some(Self { running, shown, plan, ..self }))
    }
}

/// Says that all is there which the settings ask for.
fn tell_ready(settings: &ProxySettings) {
    let (forwards, published) = match settings {
        ProxySettings::Server(server) => (server.forwards.len(), server.publish.len()),
        ProxySettings::ClassicExit(_) | ProxySettings::ClassicEntry(_) | ProxySettings::Client(_) => (0, 0),
    };
    // What is not asked for is left out.
    let some = |count: usize| (count > 0).then_some(count);
    info!(forwards = some(forwards), published = some(published), "ready");
    cli::program::ready();
}

/// The sockets of the proxy2 that runs are given to this process, if it is to take over; the way to that one, if there is one.
async fn sockets_of_another(plan: &Plan, control: &ControlSettings) -> anyhow::Result<Option<Channel>> {
    if !plan.takes_over {
        return Ok(None);
    }
    let ProxySettings::Server(server) = &plan.settings else {
        anyhow::bail!("{}", tunnel::session::CannotFollow::Kind);
    };
    let mut wanted = vec![server.listen.resolve().await?];
    for port in &server.also_ports {
        let mut also = wanted[0];
        also.set_port(*port);
        wanted.push(also);
    }
    let channel = take_over(control, &wanted).await.map_err(Error::msg)?;
    if channel.is_none() {
        info!("no proxy2 runs that this one could take over from: it starts by itself");
    }
    Ok(channel)
}

async fn bind_in(plan: &Plan, signals: &mut Signals) -> anyhow::Result<Option<Session>> {
    Ok(cli::program::start_session(Session::bind(plan.settings.clone()), signals).await?)
}

async fn bind(plan: &Plan, signals: &mut Signals) -> anyhow::Result<Option<Session>> {
    let session = bind_in(plan, signals).await?;
    if session.is_some() {
        cli::program::check_passed().map_err(Error::msg)?;
    }
    Ok(session)
}

/// Reads the configuration file again: what is to run now. A file that is wrong changes nothing.
async fn another(sources: Option<&Sources>) -> Option<Plan> {
    let keep = |why: &str| warn!("the configuration file cannot be used, what it said before stays: {why}");
    let other = match plan::read(sources?).and_then(plan::Said::plan) {
        Ok(other) => other,
        Err(error) => {
            keep(&cli::one_line(&error));
            return None;
        }
    };
    if let Err(error) = check::settings(&other.settings).await {
        keep(&format!("{error:#}"));
        return None;
    }
    info!("the configuration file has been read again");
    Some(other)
}
