//! What a running link of a client has registered at proxy2, and asks it.

mod begun;

use std::future::pending;
use std::time::Duration;

use proto::destination::{Destination, ServiceName};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use super::handle::{LinkClosed, LinkHandle};
use super::name_watcher::NameWatcher;
use crate::control::client::{
    Backlog, Caller, Command, Identity, Question, Recipient, RegistrationState, ServiceInfo,
};
use crate::local::dial::OwnTarget;
use crate::local::forwarding::Bound;
use crate::local::pipe::PipeStream;
use crate::rules::NameGlob;
use crate::settings::{ListenOn, Reverse, ReverseAt, ReverseTo};
use begun::{Begun, Unfinished};

/// Why proxy2 does not take clients for this end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRegistered {
    /// proxy2 says no: its sentence says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// This end cannot lead clients there.
    #[error("clients of {at} cannot be led to {to} by this version")]
    NotCarried {
        /// Where clients would come.
        at: ReverseAt,
        /// Where they would be led.
        to: ReverseTo,
    },
    /// This process accepts no clients from there.
    #[error("clients of {0} cannot be accepted by a process: they come by TCP, a Unix socket or a name")]
    NotAccepted(ReverseAt),
    /// The session is over.
    #[error(transparent)]
    Closed(#[from] LinkClosed),
}

/// Why no clients come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoClients {
    /// proxy2 does not take them any more: its sentence says why. It is asked again every 10 s, and whoever accepts once more waits for that.
    #[error("{0}")]
    Refused(String),
    /// Another process of the same ticket has taken the address over, which stays so.
    #[error("{0}")]
    Lost(String),
    /// The session is over.
    #[error(transparent)]
    Closed(#[from] LinkClosed),
}

/// Why proxy2 has not answered a question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnswered {
    /// It says no: its sentence says why.
    #[error("{0}")]
    Refused(String),
    /// It does not answer, or not any more.
    #[error("proxy2 does not answer; ask again when the link is up")]
    Interrupted,
    /// The session is over.
    #[error(transparent)]
    Closed(#[from] LinkClosed),
}

/// A reverse forward of a running link. It stays when this is dropped.
#[derive(Clone, Debug)]
pub struct ReverseHandle {
    id: u32,
    state: watch::Receiver<RegistrationState>,
    commands: mpsc::UnboundedSender<Command>,
}

impl ReverseHandle {
    /// How it is, as it changes.
    pub fn state(&self) -> watch::Receiver<RegistrationState> {
        self.state.clone()
    }

    /// Where clients come now; `None`: under a name, or nowhere.
    pub fn bound(&self) -> Option<Bound> {
        bound(&self.state)
    }

    /// Ends it; streams that it has carried go on.
    pub fn unregister(self) {
        // Fails only where the session is over.
        let _ = self.commands.send(Command::Unregister(self.id));
    }

    /// Waits until proxy2 takes clients. Cancel safe.
    ///
    /// # Errors
    /// It says that it does not; or the session is over.
    pub async fn held(&mut self) -> Result<Option<Bound>, NotRegistered> {
        held(&mut self.state).await
    }
}

/// Clients that proxy2 takes for this process. Dropped, it ends; streams that were accepted go on.
///
/// It is registered again after a restart of proxy2 and on another link: whoever accepts need not know.
#[derive(Debug)]
pub struct Registration {
    id: u32,
    clients: mpsc::Receiver<(PipeStream, Caller)>,
    state: watch::Receiver<RegistrationState>,
    /// When whoever accepts was last told of a refusal.
    told_at: Option<Instant>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Registration {
    /// The next client and who it is; it has been told by then that it is connected. At most 128 wait to be accepted, more are refused.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// [`NoClients`], once the clients that came before have been accepted.
    pub async fn accept(&mut self) -> Result<(PipeStream, Caller), NoClients> {
        tokio::select! {
            biased;
            client = self.clients.recv() => client.ok_or(NoClients::Closed(LinkClosed)),
            why = no_clients(&mut self.state, &mut self.told_at) => Err(why),
        }
    }

    /// Where clients come now; `None`: under a name, or nowhere.
    pub fn bound(&self) -> Option<Bound> {
        bound(&self.state)
    }

    /// How it is, as it changes.
    pub fn state(&self) -> watch::Receiver<RegistrationState> {
        self.state.clone()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Fails only where the session is over.
        let _ = self.commands.send(Command::Unregister(self.id));
    }
}

impl LinkHandle {
    /// Has proxy2 take clients for a target of this end, and waits until it does. It is registered again after a restart of proxy2
    /// and on another link.
    ///
    /// Cancel safe: what nobody waits for any more is not registered.
    ///
    /// # Errors
    /// [`NotRegistered`]; then it is not registered.
    pub async fn register(&self, reverse: &Reverse) -> Result<ReverseHandle, NotRegistered> {
        let handle = self.begin_to_register(reverse)?.number().await?;
        let mut unfinished = Unfinished(Some(handle.clone()));
        handle.clone().held().await?;
        unfinished.0 = None;
        Ok(handle)
    }

    /// The same without waiting.
    pub(super) fn begin_to_register(&self, reverse: &Reverse) -> Result<Begun, NotRegistered> {
        let Reverse { at, to, proxy_protocol } = reverse;
        let is_stdio = matches!(at, ReverseAt::Listen(ListenOn::Stdio));
        let takes_datagrams = matches!(at, ReverseAt::Listen(ListenOn::Udp(_)));
        let fits = |own: &OwnTarget| match at {
            ReverseAt::Listen(_) => own.takes_datagrams() == takes_datagrams && !is_stdio,
            ReverseAt::Publish(_) => true,
        };
        let recipient = match to {
            // Targets of all kinds would be sent a header that they do not expect.
            ReverseTo::AskedFor => {
                let fits = !takes_datagrams && !is_stdio && proxy_protocol.is_none();
                fits.then_some(Recipient::AskedFor)
            }
            ReverseTo::Tcp(_) | ReverseTo::Udp(_) | ReverseTo::Unix(_) => {
                OwnTarget::new(to).filter(fits).map(|own| Recipient::Target(own, *proxy_protocol))
            }
        };
        let not_carried = || NotRegistered::NotCarried { at: at.clone(), to: to.clone() };
        self.begin(at.clone(), recipient.ok_or_else(not_carried)?)
    }

    fn begin(&self, at: ReverseAt, recipient: Recipient) -> Result<Begun, NotRegistered> {
        let (tell, state) = watch::channel(RegistrationState::default());
        let (number, told) = oneshot::channel();
        self.command(Command::Register { at, recipient, state: tell, number })?;
        Ok(Begun { number: told, state, commands: self.commands.clone() })
    }

    /// Ends the reverse forwards and registrations that are at the same place and carry the same, bytes or datagrams; streams that they
    /// have carried go on. False: there were none.
    ///
    /// # Errors
    /// The session is over.
    pub async fn unregister(&self, reverse: &Reverse) -> Result<bool, LinkClosed> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::UnregisterAt(reverse.at.clone(), reverse.takes_datagrams(), answer))?;
        answered.await.map_err(|_| LinkClosed)
    }

    /// Has proxy2 listen for this process, and waits until it does. Waits without a limit of time while proxy2 is not there.
    ///
    /// Cancel safe: what nobody waits for any more is not registered.
    ///
    /// # Errors
    /// [`NotRegistered`].
    pub async fn listen(&self, at: ListenOn) -> Result<Registration, NotRegistered> {
        self.accept_at(ReverseAt::Listen(at)).await
    }

    /// Has proxy2 give clients of a name to this process, and waits until it does. Waits without a limit of time while proxy2 is not there.
    ///
    /// Cancel safe: what nobody waits for any more is not registered.
    ///
    /// # Errors
    /// [`NotRegistered`].
    pub async fn publish(&self, name: ServiceName) -> Result<Registration, NotRegistered> {
        self.accept_at(ReverseAt::Publish(name)).await
    }

    async fn accept_at(&self, at: ReverseAt) -> Result<Registration, NotRegistered> {
        if let ReverseAt::Listen(ListenOn::Udp(_) | ListenOn::Stdio) = &at {
            return Err(NotRegistered::NotAccepted(at));
        }
        let (backlog, clients) = Backlog::new();
        let ReverseHandle { id, state, commands } =
            self.begin(at, Recipient::Process(backlog))?.number().await?;
        // Dropped where this is given up, or fails.
        let mut registration = Registration { id, clients, state, told_at: None, commands };
        held(&mut registration.state).await?;
        Ok(registration)
    }

    /// The names of this form that this end may use.
    ///
    /// # Errors
    /// [`NotAnswered`].
    pub async fn find(&self, glob: &NameGlob) -> Result<Vec<ServiceInfo>, NotAnswered> {
        self.ask(|answer| Question::Find(glob.clone(), answer)).await?.map_err(NotAnswered::Refused)
    }

    /// Who this end is to proxy2, and what it may do there.
    ///
    /// # Errors
    /// [`NotAnswered`].
    pub async fn who_am_i(&self) -> Result<Identity, NotAnswered> {
        self.ask(Question::WhoAmI).await?.map_err(NotAnswered::Refused)
    }

    /// Why proxy2 forbids streams to a destination: which rule would allow it, and the command for that. `None`: it does not forbid
    /// them, or does not answer.
    pub async fn why(&self, destination: &Destination) -> Option<String> {
        self.ask(|answer| Question::Why(destination.to_string(), answer)).await.ok().flatten()
    }

    /// Tells of names of this form that appear and go from now on.
    ///
    /// # Errors
    /// [`NotAnswered`].
    pub async fn watch(&self, glob: &NameGlob) -> Result<NameWatcher, NotAnswered> {
        let (feed, watcher) = NameWatcher::new(self.status());
        let (answer, answered) = oneshot::channel();
        self.command(Command::Watch(glob.clone(), feed, answer))?;
        let answered = answered.await.map_err(|_| self.interrupted())?;
        answered.map(|()| watcher).map_err(NotAnswered::Refused)
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Result<T, NotAnswered> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Ask(question(answer)))?;
        answered.await.map_err(|_| self.interrupted())
    }

    fn interrupted(&self) -> NotAnswered {
        if self.requests.is_closed() { LinkClosed.into() } else { NotAnswered::Interrupted }
    }

    fn command(&self, command: Command) -> Result<(), LinkClosed> {
        self.commands.send(command).map_err(|_| LinkClosed)
    }
}

/// The reverse forwards that a session starts with.
#[derive(Debug, Default)]
pub(super) struct Starting(Vec<watch::Receiver<RegistrationState>>, Vec<oneshot::Receiver<u32>>);

impl Starting {
    pub(super) fn add(&mut self, begun: Begun) {
        self.0.push(begun.state);
        self.1.push(begun.number);
    }

    /// Waits until proxy2 takes the clients of all of them. Cancel safe.
    ///
    /// # Errors
    /// It refuses one.
    pub(super) async fn ready(&mut self) -> Result<Vec<Option<Bound>>, NotRegistered> {
        let count = self.0.len();
        let states = &mut self.0;
        let all = async {
            let mut all = Vec::with_capacity(count);
            for state in states {
                all.push(held(state).await?);
            }
            Ok(all)
        };
        tokio::select! {
            biased;
            all = all => all,
            never = say_that_it_waits(count) => match never {},
        }
    }
}

/// Says once that the start waits for proxy2, which may come later.
async fn say_that_it_waits(count: usize) -> std::convert::Infallible {
    /// Longer than a proxy2 that is there takes on any path.
    const PATIENCE: Duration = Duration::from_secs(3);
    sleep(PATIENCE).await;
    warn!(count, "the reverse forwards wait for proxy2, which has not answered yet");
    pending().await
}

fn bound(state: &watch::Receiver<RegistrationState>) -> Option<Bound> {
    match &*state.borrow() {
        RegistrationState::Held(bound) => bound.clone(),
        RegistrationState::Pending | RegistrationState::Refused(_) | RegistrationState::Lost(_) => None,
    }
}

async fn held(state: &mut watch::Receiver<RegistrationState>) -> Result<Option<Bound>, NotRegistered> {
    let known = state.wait_for(|state| *state != RegistrationState::Pending).await;
    match &*known.map_err(|_| LinkClosed)? {
        RegistrationState::Held(bound) => Ok(bound.clone()),
        RegistrationState::Refused(why) | RegistrationState::Lost(why) => {
            Err(NotRegistered::Refused(why.clone()))
        }
        RegistrationState::Pending => Err(LinkClosed.into()),
    }
}

/// Waits until there is a reason that no clients come which was not told yet, or one that stays. At most one a second is told: whoever accepts
/// writes it down, and a proxy2 may have another one at any time.
async fn no_clients(
    state: &mut watch::Receiver<RegistrationState>,
    told_at: &mut Option<Instant>,
) -> NoClients {
    const PAUSE: Duration = Duration::from_secs(1);
    if let Some(at) = *told_at {
        sleep_until(at + PAUSE).await;
    }
    let mut is_told = !state.has_changed().unwrap_or(false);
    loop {
        match &*state.borrow_and_update() {
            RegistrationState::Lost(why) => return NoClients::Lost(why.clone()),
            RegistrationState::Refused(why) if !is_told => {
                *told_at = Some(Instant::now());
                return NoClients::Refused(why.clone());
            }
            RegistrationState::Refused(_) | RegistrationState::Pending | RegistrationState::Held(_) => {}
        }
        if state.changed().await.is_err() {
            return LinkClosed.into();
        }
        is_told = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_proxy2_that_always_has_another_reason_is_heard_once_a_second() {
        let refused = |why: &str| RegistrationState::Refused(why.into());
        let (state, mut seen) = watch::channel(refused("because"));
        seen.mark_changed();
        let (mut told_at, began) = (None, Instant::now());
        for (second, why) in ["because", "for no reason"].into_iter().enumerate() {
            state.send_replace(refused("not yet"));
            state.send_replace(refused(why));
            assert_eq!(no_clients(&mut seen, &mut told_at).await, NoClients::Refused(why.into()));
            assert!(began.elapsed() >= Duration::from_secs(second as u64), "{why}");
        }
    }
}
