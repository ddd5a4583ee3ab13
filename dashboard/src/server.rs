//! The server: a thread with a runtime of its own, and what its clients may cost.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};

use crate::answer::Service;
use crate::pace::Pace;
use crate::places::{CONNECTIONS, Place, Places};
use crate::snapshots::Snapshots;
use crate::source::Source;

/// Between two connections that are accepted, after a burst of 200: a flood costs a few percent of a core and no more.
const CONNECTION_PACE: Duration = Duration::from_millis(5);
const CONNECTION_BURST: u32 = 200;
/// Bytes of the longest head of a request; browsers send 1 or 2 KB.
const MAX_HEAD: usize = 16 << 10;
/// Lines of the longest head.
const MAX_HEADERS: usize = 64;
/// How long the first head may take to come: whoever connects has something to ask.
const FIRST_HEAD_PATIENCE: Duration = Duration::from_secs(2);
/// How long another head may take to come, and how long a connection may wait for it.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// After so long a connection answers no other request, so that nobody keeps a place.
const LIFETIME: Duration = Duration::from_secs(25);
/// How long its last answer may take then.
const LAST_ANSWER: Duration = Duration::from_secs(5);
/// Accepting has failed for want of a resource: trying at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The running server. Dropped, it ends.
#[derive(Debug)]
pub struct Dashboard {
    address: SocketAddr,
    /// Dropped, it asks for the end.
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl Dashboard {
    /// Serves what `source` shows, on a thread of its own.
    ///
    /// # Errors
    /// The system has no more threads or descriptors.
    pub fn start(listener: StdListener, source: impl Source) -> io::Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, Arc::new(Service::new(Arc::new(source), address))) => {}
                }
            });
            // Now the port is free.
            drop(runtime);
            let _ = end.send(());
        };
        thread::Builder::new().name("metrics".into()).spawn(serve)?;
        Ok(Self { address, stop, ended })
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether others than this machine may reach it.
    pub const fn is_exposed(&self) -> bool {
        !self.address.ip().to_canonical().is_loopback()
    }

    /// Ends it, and waits until its port is free again. Cancel safe: it ends anyway.
    pub async fn close(self) {
        drop(self.stop);
        // That its thread is gone is an end, too.
        let _ = self.ended.await;
    }
}

impl fmt::Display for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}/", self.address)
    }
}

async fn serve<S: Source>(listener: TcpListener, service: Arc<Service<S>>) {
    let all = Arc::new(Semaphore::new(CONNECTIONS));
    let places = Places::default();
    let pace = Pace::new(CONNECTION_PACE, CONNECTION_BURST);
    let mut tasks = JoinSet::new();
    tasks.spawn(sample(Arc::clone(&service)));
    loop {
        while tasks.try_join_next().is_some() {}
        let Ok(one) = Arc::clone(&all).acquire_owned().await else { return };
        // Nobody else waits here, so it is never crowded.
        let _ = pace.turn().await;
        let Ok((client, from)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Without a place it is hung up on.
        if let Some(place) = places.take(from.ip()) {
            tasks.spawn(connection(client, Arc::clone(&service), (one, place)));
        }
    }
}

/// Looks at the proxy once a second, for the plots.
async fn sample<S: Source>(service: Arc<Service<S>>) {
    let mut seconds = interval(Snapshots::<S>::PERIOD);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        service.sample().await;
    }
}

async fn connection<S: Source>(
    client: TcpStream,
    service: Arc<Service<S>>,
    _places: (OwnedSemaphorePermit, Place),
) {
    let end = Instant::now() + LIFETIME;
    let asked = Arc::new(Notify::new());
    let asks = Arc::clone(&asked);
    let answer = service_fn(move |request| {
        asks.notify_one();
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(&request).await) }
    });
    let mut serving = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(client), answer)
    );
    // What a client does wrong is its own affair: nothing of it is logged.
    tokio::select! {
        _ = serving.as_mut() => return,
        () = asked.notified() => {}
        () = sleep(FIRST_HEAD_PATIENCE) => return,
    }
    if timeout_at(end, serving.as_mut()).await.is_err() {
        serving.as_mut().graceful_shutdown();
        let _ = timeout(LAST_ANSWER, serving).await;
    }
}
