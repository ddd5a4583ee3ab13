//! What the tests have in common: a server in this process, published at an exit, and clients with links of their own.

use std::time::Duration;

use console::room::Limits;
use console::serve::{Settings, serve};
use paso::testing::{Pair, Weather, pair};
use paso::{AcceptError, Link, Stream};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long something may take that a test waits for, on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and the network around it.
pub(crate) struct Stage {
    pub(crate) pair: Pair,
    pub(crate) serving: JoinHandle<Result<(), AcceptError>>,
    pub(crate) end: oneshot::Sender<()>,
}

/// What the program has without options.
pub(crate) fn settings() -> Settings {
    let limits = Limits {
        clients: 256,
        of_ticket: 64,
        silence: Duration::from_secs(120),
        idle: Duration::from_secs(3_600),
    };
    Settings { limits, operators: ["boss".into()].into(), proxy: None }
}

impl Stage {
    /// A server on a network that loses this share each way.
    pub(crate) async fn set(settings: Settings, loss: f64, seed: u64) -> Self {
        let pair = pair(seed).await;
        pair.network().set(Weather { loss, ..Weather::default() });
        let listener = pair.link().publish("console").await.unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let serving = tokio::spawn(serve(listener, settings, async {
            let _ = ended.await;
        }));
        Self { pair, serving, end }
    }

    /// A client with a ticket of this name and a link of its own.
    pub(crate) async fn client(&self, ticket: &str) -> Client {
        let link = self.pair.join(ticket).await;
        Client::on(link).await
    }
}

/// A client that reads and writes lines.
pub(crate) struct Client {
    pub(crate) link: Link,
    pub(crate) stream: BufReader<Stream>,
}

impl Client {
    /// One more on this link.
    pub(crate) async fn on(link: Link) -> Self {
        let stream = BufReader::new(link.open("@console").await.unwrap());
        Self { link, stream }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("the server reads").unwrap();
    }

    /// The next line with its end; empty: there is none any more.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = Vec::new();
        timeout(PATIENCE, self.stream.read_until(b'\n', &mut line)).await.expect("a line comes").unwrap();
        String::from_utf8(line).unwrap()
    }

    /// All lines up to the first that has this text, with it.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let line = self.line().await;
            assert!(!line.is_empty(), "'{text}' never came: {all}");
            all.push_str(&line);
            if line.contains(text) {
                return all;
            }
        }
    }

    /// Says a line and waits for what the answer has.
    pub(crate) async fn ask(&mut self, line: &str, text: &str) -> String {
        self.send(format!("{line}\n").as_bytes()).await;
        self.until(text).await
    }

    /// All up to the end, which comes in order.
    pub(crate) async fn rest(&mut self) -> String {
        let mut all = String::new();
        loop {
            match self.line().await {
                line if line.is_empty() => return all,
                line => all.push_str(&line),
            }
        }
    }
}
