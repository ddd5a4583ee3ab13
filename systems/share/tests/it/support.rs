//! Servers in this process, and clients that send bytes.

use std::net::SocketAddr;
use std::time::Duration;

use common::testing::{Pair, pair};
use paso::Link;
use share::index::Index;
use share::serve::Server;
use share::services::{Reported, Reports, Services, serve_log, serve_time};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(30);

/// What a server has beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// No services.
    Nothing,
    /// URLs at which nobody listens.
    DeadServices,
    /// A logger and a clock.
    Services,
}

/// How clients come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Plain,
    Link,
}

/// A server, and a client of it.
pub(crate) struct World {
    pub(crate) plain: SocketAddr,
    pub(crate) reports: Reports,
    /// What the logger writes.
    pub(crate) lines: mpsc::UnboundedReceiver<String>,
    way: Way,
    client: Option<Link>,
    _pair: Option<Pair>,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn new(beside: Beside, way: Way) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (services, lines) = services(beside).await;
        let reports = Reports::start(&services).unwrap();
        let index = Index::open(&folder.path().join("index")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plain = listener.local_addr().unwrap();
        let mut server = Server::new(index, reports.clone()).with_plain(listener);
        let (mut kept, mut client) = (None, None);
        if way == Way::Link {
            let pair = pair(11).await;
            let listener = pair.link().publish("share").await.unwrap();
            server = server.with_link(pair.link().clone(), listener);
            client = Some(pair.join("client").await);
            kept = Some(pair);
        }
        tokio::spawn(server.run(std::future::pending()));
        Self { plain, reports, lines, way, client, _pair: kept, _folder: folder }
    }

    /// Sends bytes, says no more, and returns all that comes back.
    pub(crate) async fn say(&self, bytes: &[u8]) -> Vec<u8> {
        match self.way {
            Way::Plain => exchange(TcpStream::connect(self.plain).await.unwrap(), bytes).await,
            Way::Link => exchange(self.link().open("@share").await.unwrap(), bytes).await,
        }
    }

    pub(crate) fn link(&self) -> &Link {
        self.client.as_ref().unwrap()
    }

    /// What became of the reports, once there are so many.
    pub(crate) async fn reported(&self, count: u64) -> Reported {
        let waiting = async {
            loop {
                let reported = self.reports.reported();
                if reported.logged + reported.not_logged + reported.left_out >= count {
                    return reported;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LONG, waiting).await.expect("all is reported in the end")
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Vec<u8> {
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the server answers in time").unwrap();
    answer
}

async fn services(beside: Beside) -> (Services, mpsc::UnboundedReceiver<String>) {
    let (write, lines) = mpsc::unbounded_channel();
    let mut url = Vec::new();
    let mut listeners = Vec::new();
    for _ in 0..2 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.push(format!("http://{}", listener.local_addr().unwrap()));
        listeners.push(listener);
    }
    let [log, time] = <[String; 2]>::try_from(url).unwrap();
    match beside {
        Beside::Nothing => return (Services::default(), lines),
        // Their ports are free again: nobody listens there.
        Beside::DeadServices => drop(listeners),
        Beside::Services => {
            let [logger, clock] = <[TcpListener; 2]>::try_from(listeners).unwrap();
            let write = move |line| {
                let _ = write.send(line);
            };
            tokio::spawn(serve_log(logger, write, std::future::pending()));
            tokio::spawn(serve_time(clock, std::future::pending()));
        }
    }
    (Services { log: Some(log), time: Some(time) }, lines)
}
