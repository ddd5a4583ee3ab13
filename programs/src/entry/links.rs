//! The running links of `proxy1`, and how they follow the configuration file.

use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;

use anyhow::{Context, anyhow, bail};
use cli::program::Running;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{Instrument, Span, error, info, info_span, warn};
use tunnel::session::{Bound, ResetCode, Session};
use tunnel::settings::{CarryTo, Forward, ProxySettings, Reverse};

use super::check;
use super::plan::Link;
use crate::control::sessions::{Sessions, Shown};
use crate::stdio::WHY;

/// All links of the process.
#[derive(Debug)]
pub(crate) struct Links(Vec<RunningLink>, Sessions);

/// A link and what it carries now.
#[derive(Debug)]
struct RunningLink {
    link: Link,
    session: Running,
    forwards: Vec<(Forward, Bound)>,
    reverse: Vec<Reverse>,
    /// It can be looked at.
    _shown: Shown,
}

impl Links {
    /// Starts all, as `sessions`.
    ///
    /// # Errors
    /// One of them cannot start: a forward cannot be, for one.
    pub(crate) async fn start(links: Vec<Link>, sessions: &Sessions) -> anyhow::Result<Self> {
        let mut running = Self(Vec::new(), sessions.clone());
        for link in links {
            running.0.push(RunningLink::start(link, sessions).await?);
        }
        Ok(running)
    }

    /// What they are made from.
    pub(crate) fn settings(&self) -> impl Iterator<Item = &ProxySettings> {
        self.0.iter().map(|one| &one.link.settings)
    }

    /// Waits until the forwards of all are there: for the reverse ones proxy2 has to answer. Cancel safe.
    ///
    /// # Errors
    /// One cannot be.
    pub(crate) async fn ready(&mut self) -> anyhow::Result<()> {
        for one in &mut self.0 {
            let ready = one.session.ready().await;
            match &one.link.name {
                Some(name) => ready.with_context(|| format!("the link '{name}'"))?,
                None => ready?,
            }
        }
        let forwards: usize = self.0.iter().map(|one| forward_count(&one.link.settings)).sum();
        let reverse: usize = self.0.iter().map(|one| one.reverse.len()).sum();
        // What is not asked for is left out.
        let some = |count: usize| (count > 0).then_some(count);
        info!(forwards = some(forwards), reverse = some(reverse), "ready");
        cli::program::ready();
        Ok(())
    }

    /// Waits until one of them is over, which none should be. Cancel safe.
    pub(crate) async fn ended(&mut self) -> io::Result<()> {
        let mut all: Vec<_> = self.0.iter_mut().map(|one| Box::pin(one.session.ended())).collect();
        poll_fn(|cx| {
            let mut polled = all.iter_mut().map(|ended| Pin::new(ended).poll(cx));
            polled
                .find_map(|poll| if let Poll::Ready(ended) = poll { Some(ended) } else { None })
                .map_or(Poll::Pending, Poll::Ready)
        })
        .await
        .map(drop)
    }

    /// Waits until standard input and output have been carried, by the link that does so; for ever if none does. Cancel safe.
    ///
    /// # Errors
    /// The stream was not opened, or it was reset.
    pub(crate) fn stdio_ended(&self) -> impl Future<Output = anyhow::Result<()>> + Send + use<> {
        let stdio = |one: &RunningLink| {
            let (forward, _) = one.forwards.iter().find(|(_, bound)| *bound == Bound::Stdio)?;
            Some((one.session.stdio_ended(), one.session.link().cloned(), forward.to.clone()))
        };
        let ended = self.0.iter().find_map(stdio);
        async {
            let Some((ended, link, to)) = ended else { return pending().await };
            let Err(code) = ended.await else { return Ok(()) };
            let why = async {
                match (code, link, to) {
                    (ResetCode::Forbidden, Some(link), CarryTo::Destination(to)) => link.why(&to).await,
                    _ => None,
                }
            };
            let why = timeout(WHY, why).await.ok().flatten();
            Err(anyhow!("standard input: {}", why.unwrap_or_else(|| code.to_string())))
        }
    }

    /// Ends all in order, at the same time.
    ///
    /// # Errors
    /// The first that could not.
    pub(crate) async fn close(self) -> io::Result<()> {
        let mut closing = JoinSet::new();
        for one in self.0 {
            let span = span(&one.link);
            closing.spawn(one.session.close().instrument(span));
        }
        let ended = closing.join_all().await;
        ended.into_iter().find_map(Result::err).map_or(Ok(()), Err)
    }

    /// Makes the running links those that are `wanted`. What stays the same goes on: forwards come and go while a link runs, and only
    /// a link whose other settings have changed begins again. What cannot be is said, and tried again with the next change.
    ///
    /// # Errors
    /// No link is left.
    pub(crate) async fn change(&mut self, wanted: Vec<Link>) -> anyhow::Result<()> {
        let mut wanted: Vec<_> = wanted.into_iter().map(Some).collect();
        // First what goes: an address may move from one link to another.
        for (mut one, missing) in self.stop_what_goes(&mut wanted).await {
            one.add_forwards(missing).await;
            self.0.push(one);
        }
        for link in wanted.into_iter().flatten() {
            let span = span(&link);
            match RunningLink::start(link, &self.1).await {
                Ok(link) => self.0.push(link),
                Err(error) => span.in_scope(|| error!("the link cannot start: {error:#}")),
            }
        }
        if self.0.is_empty() {
            bail!("no link is left");
        }
        Ok(())
    }

    /// Ends the links that do not stay. Those that do, each with the forwards that it lacks; `wanted` keeps what is to be started.
    async fn stop_what_goes(&mut self, wanted: &mut [Option<Link>]) -> Vec<(RunningLink, Vec<Forward>)> {
        let mut staying = Vec::new();
        for mut one in std::mem::take(&mut self.0) {
            let same = |link: &Option<Link>| link.as_ref().is_some_and(|link| link.name == one.link.name);
            let found = wanted.iter_mut().find(|link| same(link));
            let Some((found, link)) = found.and_then(|found| found.take().map(|link| (found, link))) else {
                one.close("the link is not wanted any more").await;
                continue;
            };
            if one.follows(&link) {
                let missing = one.remove_forwards(&link).await;
                one.change_reverse(&link).await;
                one.link = link;
                staying.push((one, missing));
            } else if let Err(why) = check::links(std::slice::from_ref(&link)).await {
                span(&one.link).in_scope(|| {
                    warn!("the settings of the link have changed and cannot be used, the ones before stay: {why:#}");
                });
                staying.push((one, Vec::new()));
            } else {
                one.close("the link begins again: its settings have changed").await;
                *found = Some(link);
            }
        }
        staying
    }
}

impl RunningLink {
    async fn start(link: Link, sessions: &Sessions) -> anyhow::Result<Self> {
        let name = link.name.clone().map(|name| format!("the link '{name}'"));
        let span = span(&link);
        let session = Session::bind(link.settings.clone()).instrument(span.clone()).await;
        let session = match name {
            Some(name) => session.context(name)?,
            None => session?,
        };
        let forwards =
            forwards(&link.settings).iter().cloned().zip(session.listening().iter().cloned()).collect();
        let session = span.in_scope(|| Running::start(session));
        let reverse = reverse(&link.settings).to_vec();
        let _shown = sessions.add(link.name.clone(), session.viewer().clone());
        Ok(Self { link, session, forwards, reverse, _shown })
    }

    /// Whether the link can become this one while it runs.
    fn follows(&self, link: &Link) -> bool {
        self.session.link().is_some() && self.link.options.differ_in_additive_only(&link.options)
    }

    /// Removes the forwards that `link` does not have; those that it has beside the ones that run.
    async fn remove_forwards(&mut self, link: &Link) -> Vec<Forward> {
        let mut missing = forwards(&link.settings).to_vec();
        // Two may be alike: port 0 is another one each time.
        let (stay, go): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.forwards).into_iter().partition(|(forward, _)| {
                let at = missing.iter().position(|one| one == forward);
                at.map(|at| missing.swap_remove(at)).is_some()
            });
        self.forwards = stay;
        for (_, bound) in go {
            // That it was gone before changes nothing.
            let _ = match self.session.link() {
                Some(handle) => handle.remove(&bound).await,
                None => break,
            };
            span(&self.link).in_scope(|| info!(listening = %bound, "forward removed; its streams go on"));
        }
        missing
    }

    /// Ends the reverse forwards that `link` does not have, and asks for those that it has beside. proxy2 may answer later.
    async fn change_reverse(&mut self, link: &Link) {
        let Some(handle) = self.session.link() else { return };
        let wanted = reverse(&link.settings);
        let span = span(&self.link);
        let (stay, go): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.reverse).into_iter().partition(|one| wanted.contains(one));
        self.reverse = stay;
        for one in go {
            // That it was gone before changes nothing.
            let _ = handle.unregister(&one).await;
            span.in_scope(|| info!(at = %one.at, "reverse forward removed; its streams go on"));
        }
        for one in wanted {
            if self.reverse.contains(one) {
                continue;
            }
            self.reverse.push(one.clone());
            let (handle, one) = (handle.clone(), one.clone());
            let asked = async move {
                match handle.register(&one).await {
                    Ok(_) => info!(at = %one.at, "reverse forward added"),
                    Err(error) => error!("a reverse forward was not added: {} {one}: {error}", one.option()),
                }
            };
            tokio::spawn(asked.instrument(span.clone()));
        }
    }

    async fn add_forwards(&mut self, missing: Vec<Forward>) {
        let span = span(&self.link);
        for forward in missing {
            let Some(handle) = self.session.link() else { return };
            match handle.add(&forward).instrument(span.clone()).await {
                Ok(bound) => {
                    span.in_scope(|| info!(listening = %bound, "forward added"));
                    self.forwards.push((forward, bound));
                }
                Err(error) => span.in_scope(|| error!("a forward was not added: {error}")),
            }
        }
    }

    async fn close(self, why: &str) {
        let span = span(&self.link);
        span.in_scope(|| info!("{why}"));
        if let Err(error) = self.session.close().instrument(span.clone()).await {
            span.in_scope(|| warn!(%error, "the link did not end in order"));
        }
    }
}

/// What tells the lines of this link in the log; nothing where there is one only.
fn span(link: &Link) -> Span {
    match &link.name {
        Some(name) => info_span!("link", link = %name),
        None => Span::none(),
    }
}

fn forwards(settings: &ProxySettings) -> &[Forward] {
    match settings {
        ProxySettings::Client(client) => &client.forwards,
        ProxySettings::ClassicEntry(_) | ProxySettings::ClassicExit(_) | ProxySettings::Server(_) => &[],
    }
}

fn forward_count(settings: &ProxySettings) -> usize {
    match settings {
        ProxySettings::ClassicEntry(_) => 1,
        ProxySettings::Client(_) | ProxySettings::ClassicExit(_) | ProxySettings::Server(_) => {
            forwards(settings).len()
        }
    }
}

fn reverse(settings: &ProxySettings) -> &[Reverse] {
    match settings {
        ProxySettings::Client(client) => &client.reverse,
        ProxySettings::ClassicEntry(_) | ProxySettings::ClassicExit(_) | ProxySettings::Server(_) => &[],
    }
}
