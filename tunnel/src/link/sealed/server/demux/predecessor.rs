//! The process that this one took over from, as this one sees it: it keeps the links that it had, and is given what arrives for them.

use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::time::Duration;

use proto::sealed::endpoint::handover::{Estate, LinkName};
use proto::sealed::link::FourTuple;
use proto::sealed::wire::ecn::Ecn;
use tokio::time::timeout;
use tracing::{info, warn};

use super::Demux;
use crate::handover::wire::{Message, PassedBatch};
use crate::handover::{Channel, Incoming, OtherProcess, Outgoing, start};
use crate::number::widen;

/// How long the older process may take to hand over once this one is ready: it has to look at its table.
const BEGIN: Duration = Duration::from_secs(30);

/// The process that this one took over from.
#[derive(Debug)]
pub(super) struct Predecessor {
    pid: u32,
    out: Outgoing,
    incoming: Incoming,
    /// Which of its sockets each of ours is.
    sockets: Vec<Option<u8>>,
}

impl Predecessor {
    /// What it says; `None`: it is gone. Cancel safe.
    pub(super) async fn next_of(predecessor: Option<&mut Self>) -> Option<Message> {
        match predecessor {
            Some(predecessor) => predecessor.incoming.recv().await,
            None => pending().await,
        }
    }
}

impl Demux {
    /// Takes over, if that was asked for: until the older process has handed over, nothing is read. False: `shutdown` came before.
    ///
    /// # Errors
    /// It does not hand over.
    pub(super) async fn take_over(
        &mut self,
        shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> io::Result<bool> {
        let Some(channel) = self.parts.succession.channel.take() else { return Ok(true) };
        tokio::select! {
            biased;
            () = shutdown => Ok(false),
            taken = timeout(BEGIN, self.take_over_from(channel)) => match taken {
                Ok(taken) => taken.map(|()| true),
                Err(_) => Err(not_handed_over()),
            },
        }
    }

    async fn take_over_from(&mut self, channel: Channel) -> io::Result<()> {
        let pid = channel.pid;
        let place = |udp: &crate::udp::Udp| {
            let address = udp.local_addr().ok()?;
            let place = channel.udp.iter().position(|other| *other == address)?;
            u8::try_from(place).ok()
        };
        let sockets = self.parts.sockets.iter().map(place).collect();
        let (out, mut incoming) = start(channel);
        out.say(&Message::Ready);
        let (mut links, mut indices, mut stamps) = (Vec::new(), Vec::new(), Vec::new());
        let lane = loop {
            match incoming.recv().await {
                Some(Message::Links(some)) => links.extend(some),
                Some(Message::Indices(some)) => indices.extend(some.into_iter().map(|change| change.index)),
                Some(Message::Stamps(some)) => stamps.extend(some),
                Some(Message::Begin(lane)) => break lane,
                Some(_) | None => return Err(not_handed_over()),
            }
        };
        let kept = links.len();
        self.parts.endpoint.take_over(Estate { lane, links, indices, stamps });
        self.predecessor = Some(Predecessor { pid, out, incoming, sockets });
        self.parts.succession.predecessor.send_replace(Some(OtherProcess {
            pid,
            links: widen(kept),
            streams: 0,
        }));
        info!(
            predecessor = pid,
            links = kept,
            "taken over: the links of the proxy2 before this one stay there until they end"
        );
        Ok(())
    }

    pub(super) fn predecessor_pid(&self) -> Option<u32> {
        self.predecessor.as_ref().map(|predecessor| predecessor.pid)
    }

    /// The older process says something, or is gone.
    pub(super) fn note_predecessor(&mut self, said: Option<Message>) {
        match said {
            Some(Message::Ended(link)) => self.parts.endpoint.predecessor_ended(link),
            Some(Message::Indices(changes)) => {
                changes.into_iter().for_each(|change| self.parts.endpoint.predecessor_index(change));
            }
            Some(Message::Figures { links, streams }) => {
                let pid = self.predecessor_pid().unwrap_or_default();
                self.parts.succession.predecessor.send_replace(Some(OtherProcess { pid, links, streams }));
            }
            // Nothing else comes from it.
            Some(_) | None => self.lose_predecessor(),
        }
    }

    fn lose_predecessor(&mut self) {
        let Some(predecessor) = self.predecessor.take() else { return };
        let (pid, links) = (predecessor.pid, self.parts.endpoint.predecessor_links());
        self.parts.endpoint.predecessor_gone();
        self.parts.succession.predecessor.send_replace(None);
        if links == 0 {
            info!(predecessor = pid, "the proxy2 before this one has ended: all links are here");
        } else {
            warn!(
                predecessor = pid,
                links, "the proxy2 before this one was killed: the streams of its links are lost"
            );
        }
    }

    /// Datagrams for the older process.
    pub(super) fn pass_on(&mut self, from: FourTuple, bytes: &[u8], stride: usize, ecn: Ecn) {
        let Some(predecessor) = &self.predecessor else { return };
        let socket = predecessor.sockets.get(usize::from(from.socket.0)).copied().flatten();
        let Some(socket) = socket else { return };
        let count = widen(bytes.len().div_ceil(stride));
        let batch = PassedBatch {
            socket,
            remote: from.remote,
            local: from.local,
            stride,
            ecn,
            bytes: bytes.to_vec(),
        };
        let is_passed = predecessor.out.pass(batch);
        *if is_passed { &mut self.counters.datagrams_passed } else { &mut self.counters.datagrams_busy } +=
            count;
    }

    /// A client of the older process seems to have begun again.
    pub(super) fn doubt_at_predecessor(&self, link: Option<LinkName>) {
        if let (Some(link), Some(predecessor)) = (link, &self.predecessor) {
            // The client asks again.
            _ = predecessor.out.say_if_heard(&Message::Doubt(link));
        }
    }
}

fn not_handed_over() -> io::Error {
    io::Error::other("the proxy2 before this one has not handed over: it goes on as before, or has ended")
}
