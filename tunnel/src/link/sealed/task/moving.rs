//! A link that goes on beside another: the other end wants what is new on another one, as another process of proxy2 takes that.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use proto::Time;
use proto::destination::Destination;
use proto::sealed::wire::frame::StreamId;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{Instrument, info};

use super::Task;
use super::leaving::Leaving;
use super::queries::NotedState;
use super::turn::TurnWatch;
use crate::link::asking::Asker;
use crate::link::sealed::conns::Conns;
use crate::link::sealed::end::End;
use crate::link::sealed::flows::Flows;
use crate::link::sealed::outbox::Outbox;
use crate::link::sealed::requests::requests;

/// Links that may go on beside the one for what is new: more than proxy2 has processes that end one after the other. Each has a socket.
const MOST: usize = 4;
/// How long they may take to end.
const END_PATIENCE: Duration = Duration::from_millis(500);

/// The links that were there before.
#[derive(Debug)]
pub(super) struct Former {
    tasks: JoinSet<io::Result<()>>,
    /// Dropped, it ends them.
    stop: Option<watch::Sender<()>>,
}

impl Former {
    pub(super) fn new() -> Self {
        Self { tasks: JoinSet::new(), stop: None }
    }

    /// Ends them.
    pub(super) async fn end(&mut self) {
        self.stop = None;
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = timeout(END_PATIENCE, all).await;
    }
}

impl<E: End + 'static> Task<E> {
    /// What is new is for another link, if there can be one; the one that there is goes on by itself until its streams have ended.
    pub(super) fn move_on(&mut self, now: Time, id: StreamId) -> bool {
        while self.former.tasks.try_join_next().is_some() {}
        if self.leaving.is_some() || self.roles.is_draining() || self.former.tasks.len() >= MOST {
            return false;
        }
        let Some((end, link)) = self.end.part(now, &self.link) else { return false };
        self.link.streams().accept(id);
        self.records.begin_peers(id, None, Destination::Move.to_string(), false);
        let link = std::mem::replace(&mut self.link, link);
        self.due = Time::ZERO;
        let before = self.part(end, link);
        info!(
            streams = before.records.len() - 1,
            "proxy2 is replaced: new streams go over another link, open ones go on"
        );
        let stop = self.former.stop.get_or_insert_with(|| watch::Sender::new(()));
        let mut stopped = stop.subscribe();
        let stopped = async move {
            // Nothing is ever sent: it ends.
            let _ = stopped.changed().await;
        };
        let run: Pin<Box<dyn Future<Output = io::Result<()>> + Send>> =
            Box::pin(Box::new(before).run(stopped));
        self.former.tasks.spawn(run.in_current_span());
        true
    }

    /// The task of the link that there was, with all that it carries.
    fn part(&mut self, end: E, link: proto::sealed::link::Link) -> Self {
        let (asker, asked) = requests();
        let mut counters = self.shared.registry.of_link(self.labels.clone(), Some(Asker::Sealed(asker)));
        counters.streams = std::mem::take(&mut self.counters.streams);
        counters.flows = std::mem::take(&mut self.counters.flows);
        counters.links_up = std::mem::take(&mut self.counters.links_up);
        Self {
            end,
            roles: self.roles.part(asked),
            link,
            conns: std::mem::replace(&mut self.conns, Conns::new()),
            flows: std::mem::replace(&mut self.flows, Flows::new(self.shared.udp_idle)),
            records: std::mem::take(&mut self.records),
            noted: std::mem::replace(&mut self.noted, NotedState::new()),
            outbox: std::mem::replace(&mut self.outbox, Outbox::new(self.shared.buffers.clone())),
            counters,
            core_counts: std::mem::take(&mut self.core_counts),
            journal: self.journal.clone(),
            shared: self.shared.clone(),
            labels: self.labels.clone(),
            clock: self.clock,
            idle_limit: self.idle_limit,
            next_sweep: self.next_sweep.take(),
            next_look: self.next_look.take(),
            told_size: self.told_size,
            leaving: Some(Leaving::default()),
            former: Former::new(),
            alarm: Box::pin(sleep(Duration::ZERO)),
            alarm_at: None,
            due: Time::ZERO,
            turn: TurnWatch::new(),
            over: false,
        }
    }
}
