//! The server: answers clients who come over the link and over plain TCP.
//!
//! - `answer`: what a request asks of the index, and what the index' answer is to the client
//! - `attendance`: users who are there for as long as a connection lasts
//! - `connection`: one client
//! - `bridge`: lets users of either kind reach those of the other

mod answer;
mod attendance;
mod bridge;
mod connection;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use paso::{Link, Listener};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::attendance::Attendances;
use self::bridge::Bridge;
use crate::admission::{Admission, Share, Source};
use crate::callers::serve_each;
use crate::index::Index;
use crate::index::change::Owner;
use crate::services::Reports;
use crate::wire::reply::StatusForm;

/// The most connections; each ticket or address has a hundred times what a person's client needs, a quarter of what there is.
const CONNECTIONS: Share = Share { all: 1_024, each: 256 };

/// How many lists are made and sent at a time: together they hold 64 MiB at most. More wait.
const LISTS: Share = Share { all: 64, each: 16 };

/// How long a server that cannot accept waits before it tries again: descriptors may be free by then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a server is made of.
#[derive(Debug)]
pub struct Server {
    index: Index,
    link: Option<(Link, Listener)>,
    plain: Option<TcpListener>,
    form: StatusForm,
    reports: Reports,
}

/// What a server has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Operations that were answered.
    pub operations: u64,
    /// Connections that were closed at once, since there were too many.
    pub refused: u64,
    /// Connections that ended before a request was whole: they were too slow, vanished, or sent what is no request.
    pub broken: u64,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    index: Index,
    admission: Arc<Admission>,
    attendances: Attendances,
    bridge: Bridge,
    form: StatusForm,
    reports: Reports,
    operations: AtomicU64,
    broken: AtomicU64,
}

impl Server {
    /// That nobody can reach yet.
    pub const fn new(index: Index, reports: Reports) -> Self {
        Self { index, link: None, plain: None, form: StatusForm::Byte, reports }
    }

    /// Takes those who come to a name.
    #[must_use]
    pub fn with_link(mut self, link: Link, listener: Listener) -> Self {
        self.link = Some((link, listener));
        self
    }

    /// Takes those who come over plain TCP, as in the course: nobody proves who it is.
    #[must_use]
    pub fn with_plain(mut self, listener: TcpListener) -> Self {
        self.plain = Some(listener);
        self
    }

    /// Says what came of an operation in this form.
    #[must_use]
    pub const fn with_form(mut self, form: StatusForm) -> Self {
        self.form = form;
        self
    }

    /// Serves until `shutdown` completes.
    ///
    /// # Errors
    /// The name is another's now, or the link is closed: nobody comes any more.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<Served> {
        let Self { index, link, plain, form, reports } = self;
        let (link, listener) = link.unzip();
        let shared = Arc::new(Shared {
            bridge: Bridge::new(link, index.clone(), plain.is_some()),
            index,
            admission: Arc::new(Admission::new(CONNECTIONS, LISTS)),
            attendances: Attendances::default(),
            form,
            reports,
            operations: AtomicU64::new(0),
            broken: AtomicU64::new(0),
        });
        let named = Arc::clone(&shared);
        // Clients need not wait for that.
        let naming = tokio::spawn(async move { named.bridge.start().await });
        let mut tasks = JoinSet::new();
        if let Some(listener) = plain {
            tasks.spawn(accept_plain(listener, Arc::clone(&shared)));
        }
        if let Some(listener) = listener {
            tasks.spawn(accept_link(listener, Arc::clone(&shared)));
        }
        tokio::select! {
            biased;
            () = shutdown => {}
            Some(ended) = tasks.join_next() => ended??,
        }
        naming.abort();
        Ok(shared.served())
    }
}

impl Shared {
    fn served(&self) -> Served {
        Served {
            operations: self.operations.load(Ordering::Relaxed),
            refused: self.admission.refused(),
            broken: self.broken.load(Ordering::Relaxed),
        }
    }
}

async fn accept_plain(listener: TcpListener, shared: Arc<Shared>) -> anyhow::Result<()> {
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "no connection accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let ip = from.ip().to_canonical();
        let Some(admitted) = shared.admission.admit(Source::Address(ip)) else { continue };
        // Without it the answer of a small list waits for an acknowledgement; it works without, only slower.
        let _: io::Result<()> = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        let client = connection::Client { owner: Owner::Plain, ip: Some(ip), shared, admitted };
        clients.spawn(client.serve(stream));
    }
}

async fn accept_link(listener: Listener, shared: Arc<Shared>) -> anyhow::Result<()> {
    let places = Arc::clone(&shared.admission);
    let serve = |stream, ticket, admitted| {
        let shared = Arc::clone(&shared);
        connection::Client { owner: Owner::Ticket(ticket), ip: None, shared, admitted }.serve(stream)
    };
    Err(serve_each(listener, places, serve).await.into())
}
