//! The socket at which programs of the same user reach their node: who may use the folder may use it.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::giving::Job;
use super::words::{Heard, Reply, Request};
use super::{Node, part};
use crate::files::MAX_FILES;
use crate::home::Home;
use crate::overlay::{Name, SayError};
use crate::wire::{self, ANSWER_WITHIN, Answer, Outcome, Purpose};

/// How many programs are served at a time.
const PROGRAMS: usize = 64;
/// How many jobs of one program are handed in at a time: all that could be run at once, and some that wait.
const AT_ONCE: usize = 4096;
/// After a failure to accept, as when there are no descriptors left; and before something is said again that came too fast.
const PAUSE: Duration = Duration::from_millis(100);

type Said = io::Result<()>;

/// Listens in the node's folder. What a killed node has left there is taken away: the folder's lock says that there is none.
pub(super) fn bind(home: &Home) -> anyhow::Result<UnixListener> {
    let path = home.socket();
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path);
    let listener = listener
        .with_context(|| format!("cannot listen at {}; a shorter --home may help", path.display()))?;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
    Ok(listener)
}

impl Node {
    pub(super) async fn serve_local(self: Arc<Self>, listener: UnixListener) -> anyhow::Result<()> {
        let places = Arc::new(Semaphore::new(PROGRAMS));
        let mut tasks = JoinSet::new();
        loop {
            let place = Arc::clone(&places).acquire_owned().await?;
            match listener.accept().await {
                Ok((stream, _)) => {
                    let node = Arc::clone(&self);
                    tasks.spawn(async move {
                        let _place = place;
                        // Whoever does not read the answer does not want it.
                        let _ = node.serve_program(stream).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a program was not served");
                    sleep(PAUSE).await;
                }
            }
            while tasks.try_join_next().is_some() {}
        }
    }

    async fn serve_program(self: &Arc<Self>, mut stream: UnixStream) -> Said {
        let Ok((request, body)) = wire::read_soon::<Request>(&mut stream, ANSWER_WITHIN).await else {
            return Ok(());
        };
        let (mut from, mut to) = stream.split();
        let answering = self.answer(request, body, &mut to);
        tokio::select! {
            said = answering => said,
            // The program has ended, and what it asked for with it.
            () = ended(&mut from) => Ok(()),
        }
    }

    async fn answer(
        self: &Arc<Self>,
        request: Request,
        body: Vec<u8>,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Said {
        match request {
            Request::Say { text } => match self.say_in_time(&text).await {
                Ok(()) => say(to, Reply::Done).await,
                Err(error) => fails(to, error.to_string()).await,
            },
            Request::Hear { last, follow } => self.tell_what_was_heard(last, follow, to).await,
            Request::List => {
                let (members, counts) = self.members();
                for member in members {
                    say(to, Reply::Member(member)).await?;
                }
                say(to, Reply::Members { me: self.me.clone(), counts }).await
            }
            Request::Run { program, args, times } => self.run_jobs(&program, &args, times, &body, to).await,
            Request::Files { of } => self.pass_on(&of, Purpose::Files, to).await,
            Request::Get { of, path } => self.pass_on(&of, Purpose::Get { path }, to).await,
            Request::Allow { name, is_allowed } => {
                self.allow(&name, is_allowed);
                say(to, Reply::Done).await
            }
            Request::Stop => {
                say(to, Reply::Done).await?;
                self.stop();
                Ok(())
            }
        }
    }

    /// Whoever says too much at once is made to wait.
    async fn say_in_time(self: &Arc<Self>, text: &str) -> Result<(), SayError> {
        loop {
            match self.say(text) {
                Err(SayError::TooFast) => sleep(PAUSE).await,
                said => return said,
            }
        }
    }

    async fn tell_what_was_heard(
        &self,
        last: usize,
        follow: bool,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Said {
        let (mut listening, before) = {
            let core = self.core();
            let skipped = core.history.len().saturating_sub(last);
            (self.listen(), core.history.iter().skip(skipped).cloned().collect::<Vec<Heard>>())
        };
        for heard in before {
            say(to, Reply::Heard(heard)).await?;
        }
        if !follow {
            return say(to, Reply::Done).await;
        }
        loop {
            let reply = match listening.recv().await {
                Ok(heard) => Reply::Heard(heard),
                Err(broadcast::error::RecvError::Lagged(count)) => Reply::Missed { count },
                Err(broadcast::error::RecvError::Closed) => return say(to, Reply::Done).await,
            };
            say(to, reply).await?;
        }
    }

    /// Tells of each job as it ends.
    async fn run_jobs(
        self: &Arc<Self>,
        program: &str,
        args: &[String],
        times: u32,
        stdin: &[u8],
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Said {
        let (mut left, stdin) = (times, Arc::<[u8]>::from(stdin));
        let mut running = JoinSet::new();
        loop {
            while left > 0 && running.len() < AT_ONCE {
                left -= 1;
                match self.submit(program, args, Arc::clone(&stdin)) {
                    Ok(job) => drop(running.spawn(follow(job))),
                    Err(error) => return fails(to, error.to_string()).await,
                }
            }
            let Some(ended) = running.join_next().await else { break };
            let (reply, written) = match ended.unwrap_or_else(|error| Err(error.to_string())) {
                Ok((worker, outcome, written)) => (Reply::Job { worker: Some(worker), outcome }, written),
                Err(why) => {
                    let outcome = Outcome { why: Some(why), ..Outcome::default() };
                    (Reply::Job { worker: None, outcome }, Vec::new())
                }
            };
            wire::write(to, &reply, &written).await?;
        }
        say(to, Reply::Done).await
    }

    /// What another node says to this, up to its end.
    async fn pass_on(&self, of: &Name, purpose: Purpose, to: &mut (impl AsyncWrite + Unpin)) -> Said {
        let mut stream = match self.open(of, purpose, b"").await {
            Ok((stream, _)) => stream,
            Err(why) => return fails(to, why).await,
        };
        let mut files = 0;
        loop {
            match wire::read_soon(&mut stream, ANSWER_WITHIN).await {
                Ok((Answer::File { .. }, _)) if files >= MAX_FILES => {
                    return fails(to, format!("{of} lists more files than a list has")).await;
                }
                Ok((Answer::File { path, size }, _)) => {
                    files += 1;
                    say(to, Reply::File { path, size }).await?;
                }
                Ok((Answer::Bytes, bytes)) => wire::write(to, &Reply::Bytes, &bytes).await?,
                Ok((Answer::End, _)) => {
                    part(stream);
                    return say(to, Reply::Done).await;
                }
                Ok((Answer::No { why }, _)) => return fails(to, format!("{of} says: {why}")).await,
                Ok(_) => return fails(to, format!("{of} does not speak as a peer does")).await,
                Err(error) => return fails(to, format!("{of}: {error}")).await,
            }
        }
    }
}

async fn follow(mut job: Job) -> super::core::Done {
    job.done().await
}

async fn say(to: &mut (impl AsyncWrite + Unpin), reply: Reply) -> Said {
    wire::write(to, &reply, b"").await
}

async fn fails(to: &mut (impl AsyncWrite + Unpin), why: String) -> Said {
    say(to, Reply::Failed { why }).await
}

/// Waits until the other end is gone; it says nothing more meanwhile.
async fn ended(from: &mut (impl AsyncRead + Unpin)) {
    let mut ignored = [0; 64];
    while let Ok(1..) = from.read(&mut ignored).await {}
}
