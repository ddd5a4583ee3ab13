//! Who is there: names that appear and go at the exit, and dialling them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use paso::{AskError, LinkClosed, NameEvent, ServiceInfo, Stream, WatchEnded};
use tokio::time::{sleep, timeout};

use super::core::Core;
use super::words::{Heard, MemberInfo};
use super::{Node, PREFIX, part};
use crate::overlay::{Counts, Keys, Name};
use crate::wire::{self, ANSWER_WITHIN, Answer, Card, Hello, Purpose, VERSION};

/// How long until the exit is asked again that has not answered.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Of two nodes the one whose name comes first dials; the other one waits so long.
const OTHER_DIALS: Duration = Duration::from_secs(3);

impl Node {
    /// Follows who is there.
    pub(super) async fn watch_members(self: Arc<Self>) -> anyhow::Result<()> {
        let names = format!("{PREFIX}*");
        loop {
            // What changes after the list was made is told by the watch, which is older.
            let watching = match self.link.watch(&names).await {
                Ok(watching) => self.link.find(&names).await.map(|found| (watching, found)),
                Err(error) => Err(error),
            };
            let (mut watching, found) = match watching {
                Ok(watching) => watching,
                Err(AskError::Closed) => bail!("the link has been closed"),
                Err(error) => {
                    tracing::debug!(%error, "proxy2 does not say who is there");
                    sleep(ASK_AGAIN).await;
                    continue;
                }
            };
            self.these_are_there(&found);
            loop {
                match watching.next().await {
                    Ok(NameEvent::Appeared(info) | NameEvent::Gone(info)) => self.changed(&info),
                    Err(WatchEnded::Closed(LinkClosed)) => bail!("the link has been closed"),
                    Err(_) => break,
                }
            }
            sleep(ASK_AGAIN).await;
        }
    }

    fn these_are_there(self: &Arc<Self>, found: &[ServiceInfo]) {
        let there: BTreeSet<Name> = found.iter().filter_map(|info| self.vouched_for(info)).collect();
        let mut core = self.core();
        let known =
            core.members.iter().filter(|(_, member)| member.is_published).map(|(name, _)| name.clone());
        let gone: Vec<Name> = known.filter(|name| !there.contains(name)).collect();
        for name in gone {
            self.went(&mut core, &name);
        }
        for name in there {
            self.came(&mut core, &name);
        }
        self.settle(&mut core);
    }

    fn changed(self: &Arc<Self>, info: &ServiceInfo) {
        let Some(name) = node_of(info) else { return };
        let mut core = self.core();
        match self.vouched_for(info) {
            Some(name) => self.came(&mut core, &name),
            None => self.went(&mut core, &name),
        }
        self.settle(&mut core);
    }

    /// The node behind a service, if it is published by the ticket of that name alone.
    fn vouched_for(&self, info: &ServiceInfo) -> Option<Name> {
        let name = node_of(info).filter(|name| *name != self.me)?;
        if info.publishers == 0 {
            return None;
        }
        if info.tickets.len() == 1 && info.tickets.iter().all(|ticket| ticket == name.as_str()) {
            return Some(name);
        }
        self.warn_seldom(|| tracing::warn!(name = %info.name, tickets = ?info.tickets, "somebody else publishes this node's name, which is not used"));
        None
    }

    fn came(&self, core: &mut Core, name: &Name) {
        if *name != self.me && core.keys.admits(name) {
            core.appears(name);
        }
    }

    pub(super) fn went(&self, core: &mut Core, name: &Name) {
        if core.goes(name) {
            self.tell(core, Heard::Went { name: name.clone() });
        }
    }

    /// Lets somebody in, or not any more: what it has now ends at once.
    pub(super) fn allow(self: &Arc<Self>, name: &Name, is_allowed: bool) {
        let mut core = self.core();
        core.keys.set(name, is_allowed);
        if !is_allowed {
            for (of, task) in core.serving.values() {
                if of == name {
                    task.abort();
                }
            }
            self.went(&mut core, name);
        }
        self.settle(&mut core);
        drop(core);
        if is_allowed {
            let (node, service) = (Arc::clone(self), format!("{PREFIX}{name}"));
            tokio::spawn(async move {
                if let Ok(found) = node.link.find(&service).await {
                    found.iter().for_each(|info| node.changed(info));
                }
            });
        }
    }

    /// Dials those that are there and not known, or that a link is to lead to.
    pub(super) fn dial_who_is_due(self: &Arc<Self>, core: &mut Core) {
        let now = core.now();
        let due: Vec<(Name, Purpose)> = core
            .members
            .iter()
            .filter(|(_, member)| member.may_be_dialled(now))
            .filter_map(|(name, member)| {
                let dials = self.me < *name || now >= member.appeared + OTHER_DIALS;
                let wants_link = member.link.is_none() && self.is_neighbour(name) && dials;
                if wants_link {
                    return Some((name.clone(), Purpose::Link));
                }
                let wants_card = member.card.is_none() || member.is_stale;
                wants_card.then(|| (name.clone(), Purpose::Card))
            })
            .collect();
        for (name, purpose) in due {
            if let Some(member) = core.members.get_mut(&name) {
                member.is_dialling = true;
            }
            tokio::spawn(Arc::clone(self).dial_member(name, purpose));
        }
    }

    /// Whether there is to be a link to it.
    pub(super) fn is_neighbour(&self, name: &Name) -> bool {
        self.neighbours.iter().any(|pattern| pattern.matches(name))
    }

    async fn dial_member(self: Arc<Self>, name: Name, purpose: Purpose) {
        match self.open(&name, purpose.clone(), b"").await {
            Ok((stream, card)) => {
                if !self.knows(card) {
                    return;
                }
                self.core().dialled(&name, true);
                if purpose == Purpose::Link {
                    self.be_neighbour(name, stream);
                } else {
                    part(stream);
                }
            }
            Err(error) => {
                tracing::debug!(%name, error, "a node does not answer");
                self.core().dialled(&name, false);
            }
        }
    }

    /// Opens a stream to a node that the exit vouches for, and says what it is for.
    pub(super) async fn open(
        &self,
        name: &Name,
        purpose: Purpose,
        body: &[u8],
    ) -> Result<(Stream, Card), String> {
        if !self.core().members.get(name).is_some_and(|member| member.is_published) {
            return Err(format!("{name} is not there"));
        }
        let service = format!("@{PREFIX}{name}");
        let hello = Hello { version: VERSION, card: self.card.clone(), purpose };
        // Also whoever takes nothing of what is said to it.
        let opening = timeout(ANSWER_WITHIN, async {
            let mut stream = self.link.open(&service).await.map_err(|error| format!("{name}: {error}"))?;
            let said = wire::write(&mut stream, &hello, body).await;
            said.map_err(|error| format!("{name}: {error}"))?;
            Ok(stream)
        });
        let mut stream = opening.await.unwrap_or_else(|_| Err(format!("{name} does not answer")))?;
        match wire::read_soon(&mut stream, ANSWER_WITHIN).await {
            Ok((Answer::Yes { card }, _)) if card.is_sound() && card.run.name == *name => Ok((stream, card)),
            Ok((Answer::No { why }, _)) => Err(format!("{name} says: {why}")),
            Ok(_) => Err(format!("{name} does not speak as a peer does")),
            Err(error) => Err(format!("{name}: {error}; it may not let this node in")),
        }
    }

    /// Takes a node's word for what it is. False: it is not wanted any more.
    pub(super) fn knows(self: &Arc<Self>, card: Card) -> bool {
        let mut core = self.core();
        let name = card.run.name.clone();
        if !core.keys.admits(&name) {
            return false;
        }
        if core.meet(card) {
            self.tell(&mut core, Heard::Came { name });
        }
        self.settle(&mut core);
        true
    }

    /// Who is there, for people.
    pub(super) fn members(&self) -> (Vec<MemberInfo>, Counts) {
        let core = self.core();
        let load = |name: &Name| {
            core.scheduler.workers().find(|(worker, ..)| *worker == name).map_or(0, |(_, jobs, _)| jobs)
        };
        let own = MemberInfo {
            name: self.me.clone(),
            is_linked: false,
            capacity: Some(self.card.capacity),
            jobs: load(&self.me),
            programs: self.card.programs.iter().cloned().collect(),
        };
        let others = core.members.iter().map(|(name, member)| MemberInfo {
            name: name.clone(),
            is_linked: member.link.is_some(),
            capacity: member.card.as_ref().map(|card| card.capacity),
            jobs: load(name),
            programs: member.card.iter().flat_map(|card| card.programs.iter().cloned()).collect(),
        });
        (std::iter::once(own).chain(others).collect(), core.overlay.counts())
    }
}

/// The node that a service is called after.
fn node_of(info: &ServiceInfo) -> Option<Name> {
    info.name.as_str().strip_prefix(PREFIX)?.parse().ok()
}
