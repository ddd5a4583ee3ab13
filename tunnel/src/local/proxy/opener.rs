//! What opens the streams of a proxy port: the link that it belongs to, or dials of this end's own.

use std::future::Future;

use proto::destination::Destination;
use proto::sealed::wire::frame::ResetCode;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::local::held::{Holder, held};
use crate::local::listener::ClientName;
use crate::local::pipe::{PipeStream, pipe, reset_code};
use crate::local::stream::{LocalStream, Socket, UnixStream};
use crate::tcp_options;

use super::{Outcome, serve};

/// A connection with a client of a proxy port.
pub(crate) trait ProxyClient: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Waits until it is broken.
    fn broken(&self) -> impl Future<Output = ()> + Send;

    /// Makes it end with FIN: nothing more will be written.
    fn end_in_order(&self);
}

/// Opens streams for clients of a proxy port.
pub(crate) trait Opener: Clone + Send + Sync + 'static {
    /// A connection with a client.
    type Client: ProxyClient;
    /// A stream that is open and waits for its client.
    type Tunnel: Send + 'static;
    /// A stream that this process reads and writes.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Opens a stream for a client's connection; done when its target has been reached.
    ///
    /// # Errors
    /// It has not been.
    fn tunnel(&self, to: &Destination) -> impl Future<Output = Result<Self::Tunnel, ResetCode>> + Send;

    /// Joins the client's connection with the stream, which gets `first` before what comes from the client.
    fn join(
        &self,
        tunnel: Self::Tunnel,
        client: Self::Client,
        first: Vec<u8>,
    ) -> impl Future<Output = ()> + Send;

    /// Opens a stream for this process.
    ///
    /// # Errors
    /// Its target has not been reached.
    fn stream(&self, to: &Destination) -> impl Future<Output = Result<Self::Stream, ResetCode>> + Send;
}

/// A stream that a client of a proxy port asks its link for.
#[derive(Debug)]
pub(crate) struct ProxyRequest {
    /// Where to, as it stands on the wire.
    pub(crate) destination: Vec<u8>,
    /// Its local end.
    pub(crate) stream: LocalStream,
    /// Who asks.
    pub(crate) client: ClientName,
}

/// Opens streams of a link for one client.
#[derive(Debug)]
pub(crate) struct LinkOpener<S> {
    requests: mpsc::Sender<ProxyRequest>,
    client: ClientName,
    of: std::marker::PhantomData<fn(S)>,
}

impl<S> LinkOpener<S> {
    /// For that client, from whoever reads these requests.
    pub(crate) const fn new(requests: mpsc::Sender<ProxyRequest>, client: ClientName) -> Self {
        Self { requests, client, of: std::marker::PhantomData }
    }

    async fn ask(&self, to: &Destination, stream: LocalStream) {
        let request = ProxyRequest { destination: to.to_wire(), stream, client: self.client };
        // If the link is over, the stream's other half tells.
        let _ = self.requests.send(request).await;
    }
}

impl<S> Clone for LinkOpener<S> {
    fn clone(&self) -> Self {
        Self::new(self.requests.clone(), self.client)
    }
}

impl<S: ProxyClient> Opener for LinkOpener<S>
where
    LocalStream: From<S>,
{
    type Client = S;
    type Tunnel = Holder;
    type Stream = PipeStream;

    async fn tunnel(&self, to: &Destination) -> Result<Holder, ResetCode> {
        let (end, holder) = held();
        self.ask(to, end.into()).await;
        holder.opened().await?;
        Ok(holder)
    }

    async fn join(&self, holder: Holder, client: S, first: Vec<u8>) {
        holder.put(client.into(), first);
    }

    async fn stream(&self, to: &Destination) -> Result<PipeStream, ResetCode> {
        let (end, stream) = pipe();
        self.ask(to, end.into()).await;
        stream.opened().await?;
        Ok(stream)
    }
}

/// Dials by itself, for clients that come by streams of a link: a reverse proxy port.
#[derive(Clone, Debug)]
pub(crate) struct DialOpener<D>(D);

impl<D, F> Opener for DialOpener<D>
where
    D: Fn(Destination) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<TcpStream, ResetCode>> + Send + 'static,
{
    type Client = PipeStream;
    type Tunnel = TcpStream;
    type Stream = TcpStream;

    async fn tunnel(&self, to: &Destination) -> Result<TcpStream, ResetCode> {
        self.stream(to).await
    }

    async fn join(&self, mut target: TcpStream, mut client: PipeStream, first: Vec<u8>) {
        let copied = async {
            target.write_all(&first).await?;
            copy_bidirectional(&mut client, &mut target).await
        };
        match copied.await {
            Ok(_) => tcp_options::end_in_order(&(&target).into()),
            // The target's connection ends with RST when it is dropped.
            Err(error) => client.reset(reset_code(&error).unwrap_or(ResetCode::Reset)),
        }
    }

    async fn stream(&self, to: &Destination) -> Result<TcpStream, ResetCode> {
        (self.0)(to.clone()).await
    }
}

/// Serves a client that came to a proxy port of the other end: says to it what that port's clients are told here, and dials for it with
/// `dial`, which decides what may be dialled.
pub(crate) async fn serve_asked_for<D, F>(client: PipeStream, dial: D) -> Outcome
where
    D: Fn(Destination) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<TcpStream, ResetCode>> + Send + 'static,
{
    serve(client, DialOpener(dial)).await
}

impl ProxyClient for TcpStream {
    async fn broken(&self) {
        // Fails only when the runtime ends.
        let _ = self.ready(Interest::ERROR).await;
    }

    fn end_in_order(&self) {
        tcp_options::end_in_order(&self.into());
    }
}

impl ProxyClient for UnixStream {
    async fn broken(&self) {
        let _ = Socket::ready(self, Interest::ERROR).await;
    }

    fn end_in_order(&self) {}
}

impl ProxyClient for PipeStream {
    async fn broken(&self) {
        Self::broken(self).await;
    }

    fn end_in_order(&self) {}
}
