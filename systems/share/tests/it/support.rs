//! Servers in this process, and clients that send bytes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use common::testing::{Pair, pair};
use paso::Link;
use share::client::{Home, Session, Settings, Sized};
use share::index::Index;
use share::serve::Server;
use share::services::{Reported, Reports, Services, serve_log, serve_time};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
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
    pair: Option<Pair>,
    folder: TempDir,
    server: JoinHandle<()>,
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
        let server = tokio::spawn(async {
            let _ = server.run(std::future::pending()).await;
        });
        Self { plain, reports, lines, way, client, pair: kept, folder, server }
    }

    pub(crate) fn pair(&self) -> &Pair {
        self.pair.as_ref().unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client with a ticket of its own, which has registered and connected its user.
    pub(crate) async fn client(&self, user: &str) -> Session {
        let link = self.pair().join(user).await;
        let mut session = self.session(link, user);
        assert_eq!(say(&mut session, &format!("REGISTER {user}")).await, "c> REGISTER OK\n");
        assert_eq!(say(&mut session, &format!("CONNECT {user}")).await, "c> CONNECT OK\n");
        session
    }

    pub(crate) fn session(&self, link: Link, ticket: &str) -> Session {
        let home = Home::Named { link, name: "share".into(), ticket: ticket.into() };
        Session::new(home, self.settings(ticket))
    }

    /// A client of plain TCP, which has registered and connected its user.
    pub(crate) async fn plain_client(&self, user: &str) -> Session {
        let mut session = Session::new(Home::Plain(self.plain), self.settings(user));
        assert_eq!(say(&mut session, &format!("REGISTER {user}")).await, "c> REGISTER OK\n");
        assert_eq!(say(&mut session, &format!("CONNECT {user}")).await, "c> CONNECT OK\n");
        session
    }

    fn settings(&self, of: &str) -> Settings {
        let lists = self.folder().join(format!("lists of {of}"));
        std::fs::create_dir_all(&lists).unwrap();
        Settings { listen: "127.0.0.1:0".parse().unwrap(), lists, sized: Sized::Sent, has_bar: false }
    }

    /// Ends the server as a crash does, and starts it again with what is on the disk.
    pub(crate) async fn restart(&mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
        let index = Index::open(&self.folder().join("index")).unwrap();
        let link = self.pair().link().clone();
        let listener = link.publish("share").await.unwrap();
        let server = Server::new(index, Reports::none()).with_link(link, listener);
        self.server = tokio::spawn(async {
            let _ = server.run(std::future::pending()).await;
        });
    }

    /// A file, and its path.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder().join(name).display().to_string()
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

/// Has a client carry out a line; what it says to that.
pub(crate) async fn say(session: &mut Session, line: &str) -> String {
    timeout(LONG, session.run(line)).await.expect("a command ends").text
}

pub(crate) async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Vec<u8> {
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
