//! Stays connected for as long as the user wants it: answers the server's questions, and comes again after the connection broke.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::home::Home;
use crate::multifile::holder::Connection;
use crate::wire::operation::Operation;
use crate::wire::outcome::Outcome;
use crate::wire::request::Request;

/// How long the server may take to let it in: it may have to find out first that the connection before this one is dead.
const BEGIN_WITHIN: Duration = Duration::from_secs(20);

/// How long it waits before it comes again.
const AGAIN: Duration = Duration::from_secs(1);

/// A server asks every five seconds; one that has not asked for so long is gone.
const SILENCE: Duration = Duration::from_secs(30);

/// The user is there until this is dropped.
#[derive(Debug)]
pub(super) struct Presence(JoinHandle<()>);

impl Presence {
    /// Attends; what the server says to that.
    ///
    /// # Errors
    /// The server is not there.
    pub(super) async fn begin(home: &Home, user: &str) -> std::io::Result<Result<Self, Outcome>> {
        let stream = match attend(home, user).await? {
            Ok(stream) => stream,
            Err(outcome) => return Ok(Err(outcome)),
        };
        Ok(Ok(Self(tokio::spawn(keep(stream, home.clone(), user.to_owned())))))
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn attend(home: &Home, user: &str) -> std::io::Result<Result<Box<dyn Connection>, Outcome>> {
    let attending = async {
        let mut stream = home.connect().await?;
        stream.write_all(&Request::new(Operation::Attend, &[user]).to_bytes()).await?;
        let mut status = [0];
        stream.read_exact(&mut status).await?;
        let [status] = status;
        let outcome = Outcome::of_status(status, Operation::Attend);
        Ok(if outcome == Outcome::Done { Ok(stream) } else { Err(outcome) })
    };
    timeout(BEGIN_WITHIN, attending).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

async fn keep(mut stream: Box<dyn Connection>, home: Home, user: String) {
    loop {
        answer(stream).await;
        tracing::info!("the server is away; connecting again");
        stream = loop {
            sleep(AGAIN).await;
            match attend(&home, &user).await {
                Ok(Ok(stream)) => break stream,
                // It may be that the server has not missed this client yet.
                Ok(Err(Outcome::AlreadyConnected)) | Err(_) => {}
                Ok(Err(outcome)) => {
                    let sentence = outcome.sentence(Operation::Attend);
                    return tracing::info!(%sentence, "not connected any more");
                }
            }
        };
        tracing::info!("connected again");
    }
}

/// Until the server is gone.
async fn answer(mut stream: Box<dyn Connection>) {
    let mut question = [0];
    while let Ok(Ok(_)) = timeout(SILENCE, stream.read_exact(&mut question)).await {
        if !matches!(timeout(SILENCE, stream.write_all(&question)).await, Ok(Ok(()))) {
            return;
        }
    }
}
