//! The end that joins and opens streams.

mod options;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proto::destination::{Destination, DestinationError, SocketPath};
use tokio::sync::watch;
use tokio::time::timeout;
use tunnel::metrics::Counters;
use tunnel::session::{
    self, AddError, Bound, Handle, Identity, LinkClosed, LinkHandle, LinkStatus, NameWatcher, NotRegistered,
    Registration, ResetCode, ServiceInfo,
};
use tunnel::settings::{Forward, ListenOn, NameGlob};

pub use self::options::{JoinError, LinkOptions};
use crate::listener::{AskError, ListenError, Listener};
use crate::{Stream, Ticket, UdpStream};

/// A link to an exit. Clones are the same link; it ends when the last of them is dropped, or when one is closed.
///
/// It keeps trying for as long as it lives: streams wait while the exit does not answer, and a new stream waits for at most
/// [`LinkOptions::patience`].
#[derive(Clone, Debug)]
pub struct Link {
    link: LinkHandle,
    counters: watch::Receiver<Counters>,
    running: Arc<Mutex<Option<Handle>>>,
    listen_within: Duration,
}

/// Why a stream was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The text is no destination.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// Nobody listens at the target.
    #[error("the target refuses connections")]
    Refused,
    /// No route to the target, or its name is unknown to the exit.
    #[error("the target cannot be reached")]
    Unreachable,
    /// The target did not answer in time, or the exit did not.
    #[error("the target does not answer")]
    TimedOut,
    /// The exit does not connect to this target.
    #[error("the exit does not permit this target")]
    Forbidden,
    /// The exit lets nobody in with this ticket any more; [`Link::status`] says why.
    #[error("the exit does not accept this ticket any more")]
    TicketRefused,
    /// The link, the ticket or the exit has as many streams as it may have.
    #[error("a limit of streams is reached")]
    Limit,
    /// The exit was restarted, or went away, before the target was reached.
    #[error("the link was interrupted before the target was reached")]
    Interrupted,
    /// The link has been closed.
    #[error("the link has been closed")]
    Closed,
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        use io::ErrorKind as Kind;
        let kind = match error {
            OpenError::Destination(_) => Kind::InvalidInput,
            OpenError::Refused => Kind::ConnectionRefused,
            OpenError::Unreachable => Kind::HostUnreachable,
            OpenError::TimedOut => Kind::TimedOut,
            OpenError::Forbidden | OpenError::TicketRefused => Kind::PermissionDenied,
            OpenError::Limit => Kind::QuotaExceeded,
            OpenError::Interrupted => Kind::ConnectionReset,
            OpenError::Closed => Kind::NotConnected,
        };
        Self::new(kind, error)
    }
}

impl OpenError {
    fn of(error: session::NotOpened, status: &LinkStatus) -> Self {
        match error {
            session::NotOpened::Closed(LinkClosed) => Self::Closed,
            session::NotOpened::Reset(code) => match code {
                ResetCode::Refused => Self::Refused,
                ResetCode::Unreachable => Self::Unreachable,
                ResetCode::TimedOut => Self::TimedOut,
                ResetCode::Forbidden if matches!(status, LinkStatus::Refused(_)) => Self::TicketRefused,
                ResetCode::Forbidden => Self::Forbidden,
                ResetCode::Limit => Self::Limit,
                ResetCode::Reset | ResetCode::Idle | ResetCode::Unknown(_) => Self::Interrupted,
            },
        }
    }
}

impl Link {
    /// Joins the exit at `HOST:PORT[,PORT…]`: waits until it has answered, for at most 10 s.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn join(place: &str, ticket: Ticket) -> Result<Self, JoinError> {
        LinkOptions::new(ticket).at(place)?.join().await
    }

    /// Opens a stream to `HOST:PORT`, to a published service, `@NAME`, or to a Unix socket of the exit's machine, `unix/PATH` (its path without the
    /// first `/`): waits until the exit has connected. A host's name is looked up at the exit.
    ///
    /// Cancel safe: a stream that nobody waits for any more is reset.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(&self, target: &str) -> Result<Stream, OpenError> {
        let destination: Destination = target.parse()?;
        match destination {
            Destination::Own | Destination::Tcp(_) | Destination::Unix(_) => {}
            Destination::Service { udp: false, .. } => {}
            // Flows have a call of their own; the others are the link's own business.
            Destination::Service { udp: true, .. }
            | Destination::Udp(_)
            | Destination::Control
            | Destination::Check
            | Destination::Move
            | Destination::Client(_) => return Err(DestinationError::Scheme.into()),
        }
        self.open_to(&destination).await
    }

    /// Opens a stream to the one target that the exit has for streams that name none: that of a `proxy2 LISTEN HOST PORT`. Cancel
    /// safe as [`open`](Self::open) is.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_default(&self) -> Result<Stream, OpenError> {
        self.open_to(&Destination::Own).await
    }

    /// Opens a flow of UDP datagrams to `HOST:PORT`, or to a published service that takes them, `@NAME`: waits until the exit has a
    /// socket for it, which does not say that anybody is there. A name is looked up at the exit.
    ///
    /// A flow keeps what datagrams are: each arrives whole, once or not at all. One that carries nothing for a minute is over
    /// ([`UdpStream::recv`] says so), and so is one that is dropped; send something now and then through one that is to stay.
    ///
    /// ```
    /// use paso::{Allow, Exit, Link, State};
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// # let target = server.local_addr()?.to_string();
    /// # tokio::spawn(async move {
    /// #     let mut buffer = [0; 512];
    /// #     let (length, from) = server.recv_from(&mut buffer).await?;
    /// #     server.send_to(&buffer[..length], from).await
    /// # });
    /// let state = State::in_memory();
    /// let ticket = state.ticket("laptop")?;
    /// let allow = Allow::nothing().rule("dial:127.0.0.1:*/udp")?;
    /// let exit = Exit::bind("127.0.0.1:0", &state, allow).await?;
    /// let address = exit.address().to_string();
    /// tokio::spawn(exit.run(std::future::pending()));
    ///
    /// let link = Link::join(&address, ticket).await?;
    /// let flow = link.open_udp(&target).await?;
    /// flow.send(b"who is there?").await?;
    /// assert_eq!(flow.recv().await?, b"who is there?");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// Cancel safe: a flow that nobody waits for any more is ended.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Forbidden`] also if the exit is of a version that carries no datagrams.
    pub async fn open_udp(&self, target: &str) -> Result<UdpStream, OpenError> {
        let destination = format!("udp/{target}").parse()?;
        let opened = self.link.open_flow(&destination).await;
        opened.map_err(|error| OpenError::of(error, &self.link.status().borrow()))
    }

    async fn open_to(&self, destination: &Destination) -> Result<Stream, OpenError> {
        let opened = self.link.open(destination).await;
        opened.map_err(|error| OpenError::of(error, &self.link.status().borrow()))
    }

    /// Has the exit listen for this process: at `[ADDR:]PORT` of its machine, where a port alone is one of 127.0.0.1 and port 0 any free
    /// one, or at a Unix socket there, `/PATH`. Waits until it does, for at most
    /// [`LinkOptions::listen_within`]. A rule of the ticket must allow it (`listen:ADDR:PORT`).
    ///
    /// What the exit refuses now is an error here. After that the listener stays whatever becomes of the exit: see [`Listener`].
    ///
    /// Cancel safe: what nobody waits for any more is ended.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn listen(&self, at: &str) -> Result<Listener, ListenError> {
        let at = match at.starts_with('/') {
            true => ListenOn::Unix(SocketPath::new(at)?.as_path().into()),
            false => ListenOn::Tcp(at.parse()?),
        };
        self.registered(self.link.listen(at)).await
    }

    /// Publishes a service: whoever opens `@NAME` at the same exit is accepted by this process. Waits until the exit has it, for
    /// at most [`LinkOptions::listen_within`]. A rule of this ticket must allow it (`publish:NAME`), and one of theirs to use it (`use:NAME`). Several may publish one name; the exit gives
    /// each client to the one with the fewest streams, and to another where that one does not answer.
    ///
    /// Cancel safe: what nobody waits for any more is ended.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn publish(&self, name: &str) -> Result<Listener, ListenError> {
        let name = name.strip_prefix('@').unwrap_or(name).parse()?;
        self.registered(self.link.publish(name)).await
    }

    async fn registered(
        &self,
        registering: impl Future<Output = Result<Registration, NotRegistered>>,
    ) -> Result<Listener, ListenError> {
        match timeout(self.listen_within, registering).await {
            Ok(registered) => registered.map(Listener::new).map_err(ListenError::of),
            Err(_) => Err(ListenError::NoAnswer(self.listen_within)),
        }
    }

    /// The published names of this form (`*` is any number of characters, `?` is one) that this end may use, in order. Cancel safe.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn find(&self, names: &str) -> Result<Vec<ServiceInfo>, AskError> {
        self.link.find(&glob(names)?).await.map_err(AskError::of)
    }

    /// Tells of names of this form that appear and go from now on, until something interrupts it: see [`NameWatcher`]. Cancel safe.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn watch(&self, names: &str) -> Result<NameWatcher, AskError> {
        self.link.watch(&glob(names)?).await.map_err(AskError::of)
    }

    /// Who this end is to the exit, and what it may do there. Cancel safe.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn who_am_i(&self) -> Result<Identity, AskError> {
        self.link.who_am_i().await.map_err(AskError::of)
    }

    /// Why the exit forbids what [`open`](Self::open) leads to, or [`open_udp`](Self::open_udp) if `/udp` stands behind it: what this end may
    /// do, and the command that would allow it, for whoever runs the exit. `None`: it does not forbid that, or does not answer. Cancel safe.
    pub async fn why_forbidden(&self, target: &str) -> Option<String> {
        let datagrams = target.strip_suffix("/udp").filter(|target| !target.starts_with("unix/"));
        let destination: Result<Destination, _> =
            datagrams.map_or_else(|| target.parse(), |target| format!("udp/{target}").parse());
        self.link.why(&destination.ok()?).await
    }

    /// Carries the clients of one more forward, `"8080:@files".parse()?` for example; where they connect. A forward that nobody waits for any more may have been added; then
    /// its listener stays until the link ends.
    ///
    /// # Errors
    /// [`AddError`].
    pub async fn forward(&self, forward: &Forward) -> Result<Bound, AddError> {
        self.link.add(forward).await
    }

    /// Stops listening there; streams that the forward has carried go on. False: there is no such forward. Once begun it is done,
    /// whether anybody waits or not.
    ///
    /// # Errors
    /// The link has been closed.
    pub async fn stop_forward(&self, bound: &Bound) -> Result<bool, LinkClosed> {
        self.link.remove(bound).await
    }

    /// How the link is, as it changes.
    pub fn status(&self) -> watch::Receiver<LinkStatus> {
        self.link.status()
    }

    /// The counters, kept up to date.
    pub fn counters(&self) -> watch::Receiver<Counters> {
        self.counters.clone()
    }

    /// Waits until no stream is open any more, for at most `within`, and closes the link then. What was written and ended in order is not
    /// lost by that: the exit has it, and goes on handing it to targets that take it slowly, for at most ten minutes. A stream that this
    /// process holds keeps it waiting until it has ended in both directions, or is dropped; so do a [`Listener`] and a [`NameWatcher`].
    /// False: some were reset.
    ///
    /// # Errors
    /// The UDP socket is broken.
    pub async fn finish(self, within: Duration) -> io::Result<bool> {
        let mut counters = self.counters.clone();
        let waiting = counters.wait_for(|counters| counters.streams == 0);
        let none_left = timeout(within, waiting).await.is_ok();
        self.close().await?;
        Ok(none_left)
    }

    /// Resets the streams that are open, tells the exit, and waits until that is done: for at most half a second. A stream that has ended in one
    /// direction only is open: what was written to it and is on its way is lost, and the exit cuts off what its target has not taken. To
    /// keep that, wait for the target's answer and its end, or call [`finish`](Self::finish). Of several that close it, the first waits. Dropping the future leaves
    /// the rest to the background.
    ///
    /// # Errors
    /// The UDP socket is broken.
    pub async fn close(self) -> io::Result<()> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        match running {
            Some(running) => running.close().await.map(drop),
            None => Ok(()),
        }
    }
}

fn glob(names: &str) -> Result<NameGlob, AskError> {
    names.parse().map_err(|_| AskError::Pattern(names.into()))
}
