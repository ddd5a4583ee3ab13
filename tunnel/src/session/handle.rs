//! What holds a running session.

use std::io;
use std::net::SocketAddr;

use proto::destination::Destination;
use proto::sealed::wire::frame::ResetCode;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::registration::{NotRegistered, Starting};
use super::viewer::{Detail, Listening, Viewer};
use crate::bind_error::BindError;
use crate::control::client::Command;
use crate::handover::Channel;
use crate::link::sealed::{HandOver, LinkRequest, LinkStatus, Neighbours, NotHandedOver, RequestSender};
use crate::local::forwarding::{Bound, Forwarding};
use crate::local::pipe::{PipeStream, pipe};
use crate::local::stdio::StdioStatus;
use crate::local::udp::{UdpStream, flow_pipe};
use crate::metrics::{Counters, Registry};
use crate::settings::{Forward, TcpKeepalive};
use crate::view::SessionView;

/// A running session. Dropping it ends the session in order, in the background.
#[derive(Debug)]
pub struct Handle {
    pub(super) udp_addresses: Vec<SocketAddr>,
    pub(super) registry: Registry,
    pub(super) viewer: Viewer,
    pub(super) link: Option<LinkHandle>,
    pub(super) stdio: Option<watch::Receiver<StdioStatus>>,
    pub(super) starting: Starting,
    pub(super) neighbours: Option<Neighbours>,
    /// Dropped, it asks for the end.
    pub(super) stop: Option<oneshot::Sender<()>>,
    /// `None` once it has ended, and that was told.
    pub(super) task: Option<JoinHandle<io::Result<Counters>>>,
}

impl Handle {
    /// The addresses of the UDP sockets, in the order of the ports.
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        &self.udp_addresses
    }

    /// The counters of all links together, kept up to date: the receiver sees each change.
    pub fn counters(&self) -> watch::Receiver<Counters> {
        self.registry.subscribe()
    }

    /// The same for whoever asks for nothing that moves with each packet.
    pub fn counters_without_traffic(&self) -> watch::Receiver<Counters> {
        self.registry.subscribe_without_traffic()
    }

    /// All that is counted, kept up to date.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What the session shows of itself now. Cancel safe.
    pub async fn view(&self, detail: Detail) -> SessionView {
        self.viewer.view(detail).await
    }

    /// For who looks at the session and steers it from elsewhere.
    pub const fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// The one sealed link of a client; a server has none of its own, and the classic link takes no requests.
    pub const fn link(&self) -> Option<&LinkHandle> {
        self.link.as_ref()
    }

    /// Waits until the stream of standard input and output is over, in both directions, and what came of it has been written. For ever if no
    /// forward carries it. Cancel safe.
    ///
    /// # Errors
    /// It was reset: nothing that was opened, or cut off.
    pub fn stdio_ended(&self) -> impl Future<Output = Result<(), ResetCode>> + Send + use<> {
        let status = self.stdio.clone();
        async {
            let Some(mut status) = status else { return std::future::pending().await };
            match status.wait_for(Option::is_some).await {
                Ok(ended) => ended.unwrap_or(Ok(())),
                // It never began.
                Err(_) => Err(ResetCode::Reset),
            }
        }
    }

    /// Waits until all forwards are there that the settings have: of a client also the reverse ones, for which it needs proxy2 and
    /// waits until that answers. Where proxy2 takes the clients of each, in the order of the settings; `None`: under a name. Cancel
    /// safe.
    ///
    /// # Errors
    /// proxy2 refuses one; or the session is over.
    pub async fn ready(&mut self) -> Result<Vec<Option<Bound>>, NotRegistered> {
        self.starting.ready().await
    }

    /// Lets the process at the other end of `channel` take over: it reads the sockets from then on, and gets all that is new; the
    /// links that are here stay until they end, and the session ends with the last. Ready when that process has taken over; until then
    /// all goes on as before. It may be dropped.
    ///
    /// # Errors
    /// It has not.
    pub fn hand_over(
        &self,
        channel: Channel,
    ) -> impl Future<Output = Result<(), NotHandedOver>> + Send + use<> {
        let hand_overs = self.neighbours.as_ref().map(|neighbours| neighbours.hand_overs.clone());
        async {
            let hand_overs = hand_overs.ok_or(NotHandedOver::Kind)?;
            let (answer, answered) = oneshot::channel();
            let asked = hand_overs.send(HandOver { channel, answer }).await;
            asked.map_err(|_| NotHandedOver::Ending)?;
            answered.await.unwrap_or(Err(NotHandedOver::Ending))
        }
    }

    /// Waits until a session that [takes over](super::Session::follow) has done so. False: it has ended before. Cancel safe.
    pub fn has_taken_over(&self) -> impl Future<Output = bool> + Send + use<> {
        let predecessor = self.neighbours.as_ref().map(|neighbours| neighbours.predecessor.clone());
        async {
            let Some(mut predecessor) = predecessor else { return false };
            predecessor.wait_for(Option::is_some).await.is_ok()
        }
    }

    /// Waits until the session is over by itself; what it counted. Cancel safe.
    ///
    /// # Errors
    /// The UDP socket is broken, or the session's task was cancelled with its runtime. Why it ended is told once; later calls give
    /// what was counted.
    pub async fn ended(&mut self) -> io::Result<Counters> {
        let Some(task) = &mut self.task else { return Ok(*self.counters().borrow()) };
        let ended = task.await;
        self.task = None;
        ended.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Ends every stream, tells the peers, and waits until that is done: within about half a second.
    ///
    /// # Errors
    /// As for [`Handle::ended`].
    pub async fn close(mut self) -> io::Result<Counters> {
        self.stop = None;
        self.ended().await
    }

    /// Ends it as a crash would: no peer is told. For tests of what the other end makes of that.
    pub async fn kill(mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        // What comes of it is known.
        let _ = self.ended().await;
    }
}

/// What can be asked of a running link of a client. Clones ask the same link.
#[derive(Clone, Debug)]
pub struct LinkHandle {
    pub(super) requests: RequestSender,
    pub(super) status: watch::Receiver<LinkStatus>,
    pub(super) keepalive: TcpKeepalive,
    /// To the task that keeps the control stream.
    pub(super) commands: mpsc::UnboundedSender<Command>,
    /// Where clients connect.
    pub(super) listening: Listening,
}

/// The session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the link has been closed")]
pub struct LinkClosed;

/// Why a stream could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// The other end, or this one, has said no.
    #[error("{0}")]
    Reset(ResetCode),
    /// The session is over.
    #[error(transparent)]
    Closed(#[from] LinkClosed),
}

/// Why a forward could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// Its address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The session is over.
    #[error(transparent)]
    Closed(#[from] LinkClosed),
}

impl LinkHandle {
    /// How often a stream is asked for: a proxy2 that restarts ends two links at the most, the old one and one that it began with.
    const ATTEMPTS: usize = 3;

    /// How the link is, as it changes.
    pub fn status(&self) -> watch::Receiver<LinkStatus> {
        self.status.clone()
    }

    /// Opens a stream and waits until the other end has connected to `destination`. The stream waits for a link that is not up,
    /// as long as a client may
    /// ([`patience`](crate::settings::ClientSettings::patience)).
    ///
    /// Cancel safe: a stream that nobody waits for any more is reset.
    ///
    /// # Errors
    /// [`NotOpened`].
    pub async fn open(&self, destination: &Destination) -> Result<PipeStream, NotOpened> {
        self.again_while_replaced(|| async {
            let (end, stream) = pipe();
            self.request(LinkRequest::Open(destination.to_wire(), end.into())).await?;
            let opened = stream.opened().await;
            self.outcome(opened).map(|()| stream)
        })
        .await
    }

    /// Opens a flow of datagrams and waits until the other end has a socket for `destination`, which must take datagrams
    /// ([`Destination::is_udp`]). Otherwise as [`open`](Self::open).
    ///
    /// Cancel safe: a flow that nobody waits for any more is ended.
    ///
    /// # Errors
    /// [`NotOpened`]; with the code `Forbidden` also where the destination takes no datagrams or the other end carries none.
    pub async fn open_flow(&self, destination: &Destination) -> Result<UdpStream, NotOpened> {
        if !destination.is_udp() {
            return Err(NotOpened::Reset(ResetCode::Forbidden));
        }
        self.again_while_replaced(|| async {
            let (end, flow) = flow_pipe();
            self.request(LinkRequest::Open(destination.to_wire(), end.into())).await?;
            let opened = flow.opened().await;
            self.outcome(opened).map(|()| UdpStream::new(flow))
        })
        .await
    }

    /// Opens something, and again where the other end was replaced before it had dialled: nothing was sent that could be lost.
    async fn again_while_replaced<T, F>(&self, open: impl Fn() -> F) -> Result<T, NotOpened>
    where
        F: Future<Output = Result<T, NotOpened>>,
    {
        for _ in 1..Self::ATTEMPTS {
            match open().await {
                Err(NotOpened::Reset(ResetCode::Reset)) => {}
                opened => return opened,
            }
        }
        open().await
    }

    /// What has come of waiting for the other end.
    fn outcome(&self, opened: Result<(), ResetCode>) -> Result<(), NotOpened> {
        match opened {
            Ok(()) => Ok(()),
            Err(_) if self.requests.is_closed() => Err(NotOpened::Closed(LinkClosed)),
            Err(code) => Err(NotOpened::Reset(code)),
        }
    }

    /// Carries the clients of one more forward; where they connect, with its port filled in.
    ///
    /// A forward that nobody waits for any more may have been added; then its listener stays until the link ends.
    ///
    /// # Errors
    /// [`AddError`].
    pub async fn add(&self, forward: &Forward) -> Result<Bound, AddError> {
        let forwarding = Forwarding::bind(forward, self.keepalive).await?;
        let bound = forwarding.bound().clone();
        let (added, is_added) = oneshot::channel();
        self.request(LinkRequest::Add(Box::new(forwarding), added)).await?;
        is_added.await.map_err(|_| LinkClosed)?;
        self.listening.add(&bound);
        Ok(bound)
    }

    /// Stops listening there; streams that it has carried go on. False: there is no such forward.
    ///
    /// # Errors
    /// The session is over.
    pub async fn remove(&self, bound: &Bound) -> Result<bool, LinkClosed> {
        let (answer, removed) = oneshot::channel();
        self.request(LinkRequest::Remove(bound.clone(), answer)).await?;
        let removed = removed.await.map_err(|_| LinkClosed)?;
        self.listening.remove(bound);
        Ok(removed)
    }

    async fn request(&self, request: LinkRequest) -> Result<(), LinkClosed> {
        self.requests.send(request).await.map_err(|_| LinkClosed)
    }
}
