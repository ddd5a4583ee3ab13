//! A node: client and server at once. It publishes `peer.NAME` at the exit, finds the others there, and keeps links to them.
//!
//! - `core`: what it knows, behind one lock; the state machines are in [`overlay`](crate::overlay) and [`jobs`](crate::jobs)
//! - `members`: who is there; dials them
//! - `neighbour`: a link to another node
//! - `serving`: what others open a stream for
//! - `giving`: has others run this node's jobs
//! - `local`: the socket for programs of the same user

mod core;
mod giving;
mod local;
mod members;
mod neighbour;
mod serving;
pub(crate) mod words;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use paso::{AcceptError, Identity, Link, LinkStatus, Listener, Stream};
use tokio::io::AsyncReadExt;
use tokio::net::UnixListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use self::core::Core;
use self::words::Heard;
use crate::files::Shared;
use crate::home::{Home, unix_time};
use crate::jobs::Scheduler;
use crate::names::Pattern;
use crate::overlay::{Bucket, Delivery, Hex, Limits, Name, Overlay, Run, SayError};
use crate::proof::Signer;
use crate::wire::Card;
use crate::work::{Programs, Workshop};

/// What names of nodes begin with, as services.
const PREFIX: &str = "peer.";
/// How often time passes for the state machines.
const TICK: Duration = Duration::from_millis(250);
/// How many things that were heard may wait for one that listens.
const WAITING: usize = 1024;
/// How many warnings others cause at once; then one a second.
const WARNINGS: u32 = 20;
/// How long an orderly end of a stream may take.
const PART_WITHIN: Duration = Duration::from_secs(5);
/// How long a killed node of this name may still be taken for one that lives.
const OLD_ONE_GOES: Duration = Duration::from_secs(4);

/// How a node is run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Its folder, if not the usual one.
    pub(crate) home: Option<PathBuf>,
    /// Whom it lets in.
    pub(crate) allow: Vec<Pattern>,
    /// To whom it keeps links.
    pub(crate) link: Vec<Pattern>,
    /// What is shared.
    pub(crate) share: Option<PathBuf>,
    pub(crate) programs: Programs,
    /// How many jobs it runs at once, and how long each may take.
    pub(crate) capacity: u32,
    pub(crate) job_limit: Duration,
}

/// A node that runs. All that it does ends with it.
pub(crate) struct Node {
    link: Link,
    me: Name,
    signer: Signer,
    card: Card,
    neighbours: Vec<Pattern>,
    shared: Option<Shared>,
    shop: Arc<Workshop>,
    core: Mutex<Core>,
    /// Something may have to be sent.
    wake: watch::Sender<()>,
    heard: broadcast::Sender<Heard>,
    /// Set when the node is asked to end.
    stop: watch::Sender<bool>,
    /// How many warnings others may cause: a log has an end.
    warnings: Mutex<(Instant, Bucket)>,
}

/// What a node listens at.
pub(crate) struct Ends {
    home: Home,
    listener: Listener,
    local: UnixListener,
}

impl Node {
    /// Joins the others: publishes its name, and listens for programs of its user.
    ///
    /// # Errors
    /// The ticket may not, another node has it, or the folder is of no use.
    pub(crate) async fn start(link: Link, options: Options) -> anyhow::Result<(Arc<Self>, Ends)> {
        let Identity { ticket, rules } = link.who_am_i().await.context("proxy2")?;
        if !rules.iter().any(|rule| rule.starts_with("use:")) {
            tracing::warn!(
                "this ticket may use no names, so this node finds no other; allow it at proxy2 with: proxy2 ticket allow {ticket} 'use:peer.*'"
            );
        }
        let me: Name = ticket
            .parse()
            .with_context(|| format!("the ticket is called '{ticket}'; make one with another name"))?;
        let home = Home::open(options.home.as_deref(), &me)?;
        let signer = home.signer()?;
        let shared = match &options.share {
            Some(folder) => {
                Some(Shared::new(folder).with_context(|| format!("--share {}", folder.display()))?)
            }
            None => None,
        };
        let service = format!("{PREFIX}{me}");
        nobody_else_is(&link, &service).await?;
        let listener = link.publish(&service).await.with_context(|| format!("proxy2: publish {service}"))?;
        let run = Run { name: me.clone(), began: home.begin()? };
        let card = Card {
            run: run.clone(),
            key: Hex(signer.public_key()),
            capacity: options.capacity,
            programs: options.programs.names(),
        };
        let mut core =
            Core::new(Overlay::new(run, Limits::default()), Scheduler::new(card.run.began), options.allow);
        let now = core.now();
        core.scheduler.worker_up(me.clone(), card.capacity, card.programs.clone(), now);
        let local = local::bind(&home)?;
        let node = Self {
            link,
            me,
            signer,
            card,
            neighbours: options.link,
            shared,
            shop: Workshop::new(options.programs, options.capacity, options.job_limit),
            core: Mutex::new(core),
            wake: watch::Sender::new(()),
            heard: broadcast::Sender::new(WAITING),
            stop: watch::Sender::new(false),
            warnings: Mutex::new((Instant::now(), Bucket::new(WARNINGS, 1, Duration::ZERO))),
        };
        Ok((Arc::new(node), Ends { home, listener, local }))
    }

    /// Serves until it is told to stop, or cannot go on.
    ///
    /// # Errors
    /// The exit does not let it in any more.
    pub(crate) async fn run(self: Arc<Self>, ends: Ends) -> anyhow::Result<()> {
        let Ends { home, listener, local } = ends;
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&self).accept(listener));
        tasks.spawn(Arc::clone(&self).watch_members());
        tasks.spawn(Arc::clone(&self).pass_time());
        tasks.spawn(Arc::clone(&self).serve_local(local));
        let mut stop = self.stop.subscribe();
        let mut status = self.link.status();
        let result = tokio::select! {
            _ = stop.wait_for(|is_asked| *is_asked) => Ok(()),
            refused = status.wait_for(|now| matches!(now, LinkStatus::Refused(_) | LinkStatus::Closed)) => {
                let why = refused.map_or_else(|_| "the link is gone".into(), |now| now.to_string());
                Err(anyhow::Error::msg(why))
            }
            Some(ended) = tasks.join_next() => match ended {
                Ok(result) => result,
                Err(error) => Err(error.into()),
            },
        };
        tasks.shutdown().await;
        self.end_everything();
        // Whoever finds a socket without a process behind it is told so; this is tidier.
        let _ = std::fs::remove_file(home.socket());
        drop(home);
        result
    }

    pub(crate) const fn name(&self) -> &Name {
        &self.me
    }

    /// How many jobs were done here.
    #[cfg(test)]
    pub(crate) fn jobs_done(&self) -> u32 {
        self.shop.done()
    }

    /// Asks the node to end.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// What is heard from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Heard> {
        self.heard.subscribe()
    }

    /// Says something to all.
    pub(crate) fn say(self: &Arc<Self>, text: &str) -> Result<(), SayError> {
        let mut core = self.core();
        let now = core.now();
        let post = core.overlay.say(text, unix_time(), now, |bytes| self.signer.sign(bytes))?;
        let Run { name: from, .. } = post.run;
        self.tell(&mut core, Heard::Said { from, said: post.said, text: post.text });
        self.settle(&mut core);
        Ok(())
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // What is behind it is whole between any two statements that can panic.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Warns of what somebody else does, if there was not too much of that.
    fn warn_seldom(&self, warn: impl FnOnce()) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, bucket) = &mut *warnings;
        if bucket.take(began.elapsed()) {
            warn();
        }
    }

    fn tell(&self, core: &mut Core, heard: Heard) {
        if matches!(heard, Heard::Said { .. } | Heard::Lost { .. }) {
            core.remember(heard.clone());
        }
        // Nobody may listen.
        let _ = self.heard.send(heard);
    }

    /// To be called after each change: tells what is to be told, gives jobs away, and lets links send.
    fn settle(self: &Arc<Self>, core: &mut Core) {
        while let Some(delivery) = core.overlay.poll_delivery() {
            let heard = match delivery {
                Delivery::Said(post) => Heard::Said { from: post.run.name, said: post.said, text: post.text },
                Delivery::Lost { run, count } => Heard::Lost { from: run.name, count },
            };
            self.tell(core, heard);
        }
        while let Some(name) = core.overlay.poll_unproven() {
            core.doubt(&name);
        }
        self.give_jobs(core);
        self.dial_who_is_due(core);
        self.wake.send_replace(());
    }

    async fn pass_time(self: Arc<Self>) -> anyhow::Result<()> {
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            let mut core = self.core();
            let now = core.now();
            core.overlay.tick(now);
            core.scheduler.tick(now);
            self.settle(&mut core);
        }
    }

    async fn accept(self: Arc<Self>, mut listener: Listener) -> anyhow::Result<()> {
        loop {
            match listener.accept().await {
                Ok((stream, caller)) => self.take(stream, caller),
                Err(AcceptError::Refused(why)) => {
                    tracing::warn!(%why, "proxy2 does not publish this node any more; it is asked again");
                }
                Err(error) => bail!("nobody can reach this node any more: {error}"),
            }
        }
    }

    /// What other tasks do for this node.
    fn end_everything(&self) {
        let mut core = self.core();
        for (_, (_, task)) in std::mem::take(&mut core.serving) {
            task.abort();
        }
        let members: Vec<Name> = core.members.keys().cloned().collect();
        for name in members {
            core.goes(&name);
        }
        core.jobs.clear();
        self.wake.send_replace(());
    }
}

/// Ends a stream on which all is said, in order: dropping it would be a reset, which the exit logs as one.
fn part(mut stream: Stream) {
    tokio::spawn(timeout(PART_WITHIN, async move {
        let _ = stream.finish().await;
        // The other end does the same.
        let _ = stream.read(&mut [0]).await;
    }));
}

/// Waits until no node of this name is there: one that was killed is taken for alive for a moment.
async fn nobody_else_is(link: &Link, service: &str) -> anyhow::Result<()> {
    let end = tokio::time::Instant::now() + OLD_ONE_GOES;
    loop {
        let found = link.find(service).await.with_context(|| format!("proxy2: find {service}"))?;
        if found.is_empty() {
            return Ok(());
        }
        if tokio::time::Instant::now() >= end {
            bail!("another node is there with this ticket: each node needs a ticket of its own");
        }
        sleep(TICK).await;
    }
}
