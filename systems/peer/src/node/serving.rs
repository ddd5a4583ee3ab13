//! What others open a stream to this node for. Of who they are the exit's word counts, not theirs.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use paso::{Caller, Stream};
use tokio::io::AsyncReadExt;
use tokio::task::spawn_blocking;
use tokio::time::{interval, timeout};

use super::{Node, part};
use crate::files::read_chunk;
use crate::overlay::{Keys, Name};
use crate::wire::{self, ANSWER_WITHIN, Answer, CHUNK, Hello, Outcome, Purpose, VERSION};
use crate::work::NotRun;

/// How many streams of one node, and of all, are served at a time: twice the most jobs that one may have here, and some.
const STREAMS_OF_ONE: usize = 150;
const STREAMS: usize = 2048;
/// How often a node at work says so.
const STILL_AT_WORK: Duration = Duration::from_secs(3);
/// How long somebody may take for the next bytes of a file.
const TAKE_WITHIN: Duration = Duration::from_secs(120);

impl Node {
    /// Somebody comes. A stranger's stream is reset without a word.
    pub(super) fn take(self: &Arc<Self>, stream: Stream, caller: Caller) {
        let ticket = caller.ticket.map(|ticket| ticket.to_string()).unwrap_or_default();
        let mut core = self.core();
        let Some(name) = ticket.parse().ok().filter(|name| *name != self.me && core.keys.admits(name)) else {
            tracing::debug!(ticket, "somebody is not let in");
            return;
        };
        let own = core.serving.values().filter(|(of, _)| *of == name).count();
        if own >= STREAMS_OF_ONE || core.serving.len() >= STREAMS {
            tracing::debug!(%name, "too many streams");
            return;
        }
        let (id, node, of) = (core.new_id(), Arc::clone(self), name.clone());
        let task = tokio::spawn(async move {
            let served = Served { node, id };
            served.node.serve(of, stream).await;
        });
        core.serving.insert(id, (name, task.abort_handle()));
    }

    async fn serve(self: &Arc<Self>, name: Name, mut stream: Stream) {
        let Ok((Hello { version, card, purpose }, body)) = wire::read_soon(&mut stream, ANSWER_WITHIN).await
        else {
            return;
        };
        if version != VERSION {
            let why =
                format!("this node speaks version {VERSION}, and yours version {version}: use the same one");
            let _ = answer(&mut stream, Answer::No { why }, b"").await;
            return;
        }
        if !card.is_sound() || card.run.name != name {
            self.warn_seldom(
                || tracing::warn!(%name, "a node says that it is another one, or what cannot be"),
            );
            return;
        }
        if purpose == Purpose::Link && !self.is_neighbour(&name) {
            let why = "this node keeps no link to yours: see its option --link".into();
            let _ = answer(&mut stream, Answer::No { why }, b"").await;
            return;
        }
        let yes = Answer::Yes { card: self.card.clone() };
        if !self.knows(card) || answer(&mut stream, yes, b"").await.is_err() {
            return;
        }
        match purpose {
            // The link has a place of its own among the tasks.
            Purpose::Link => self.be_neighbour(name, stream),
            Purpose::Card => part(stream),
            Purpose::Job { program, args } => self.serve_job(&name, stream, &program, &args, body).await,
            Purpose::Files => self.serve_list(stream).await,
            Purpose::Get { path } => self.serve_file(stream, path).await,
        }
    }

    async fn serve_job(
        &self,
        name: &Name,
        mut stream: Stream,
        program: &str,
        args: &[String],
        stdin: Vec<u8>,
    ) {
        let place = match self.shop.admit(name, program, args) {
            Ok(place) => place,
            Err(not) => {
                let not = match not {
                    NotRun::Full => Answer::Full { jobs: self.shop.jobs() },
                    NotRun::Not(why) => Answer::NotRun { why },
                };
                let _ = answer(&mut stream, not, b"").await;
                return part(stream);
            }
        };
        let (mut from, mut to) = tokio::io::split(stream);
        let mut running = pin!(place.run(program, args, stdin));
        let mut ticks = interval(STILL_AT_WORK);
        let mut end = [0];
        let (outcome, written): (Outcome, Vec<u8>) = loop {
            tokio::select! {
                done = &mut running => break done,
                // Whoever gave the job says nothing more: it has gone, or does not want it any more.
                _ = from.read(&mut end) => return,
                _ = ticks.tick() => {
                    let busy = Answer::Busy { jobs: self.shop.jobs() };
                    if !matches!(timeout(TAKE_WITHIN, answer(&mut to, busy, b"")).await, Ok(Ok(()))) {
                        return;
                    }
                }
            }
        };
        let result = Answer::Result { outcome, jobs: self.shop.jobs().saturating_sub(1) };
        if matches!(timeout(TAKE_WITHIN, answer(&mut to, result, &written)).await, Ok(Ok(()))) {
            part(from.unsplit(to));
        }
    }

    async fn serve_list(&self, mut stream: Stream) {
        let shared = self.shared.clone();
        let listed = spawn_blocking(move || shared.map(|shared| shared.list())).await;
        let (files, is_cut) = match listed {
            Ok(Some(Ok(listed))) => listed,
            Ok(None) => return end(stream, Answer::No { why: "it shares no folder".into() }).await,
            Ok(Some(Err(_))) | Err(_) => {
                return end(stream, Answer::No { why: "its folder cannot be read".into() }).await;
            }
        };
        for file in files {
            let file = Answer::File { path: file.path, size: file.size };
            if !matches!(timeout(TAKE_WITHIN, answer(&mut stream, file, b"")).await, Ok(Ok(()))) {
                return;
            }
        }
        let last = if is_cut {
            Answer::No { why: "it shares more files than a list has".into() }
        } else {
            Answer::End
        };
        end(stream, last).await;
    }

    async fn serve_file(&self, mut stream: Stream, path: String) {
        let shared = self.shared.clone();
        let named = path.clone();
        let opened = spawn_blocking(move || shared.map(|shared| shared.open(&named))).await;
        let (mut file, size) = match opened {
            Ok(Some(Ok(opened))) => opened,
            Ok(Some(Err(why))) => return end(stream, Answer::No { why }).await,
            Ok(None) | Err(_) => return end(stream, Answer::No { why: "it shares no folder".into() }).await,
        };
        if answer(&mut stream, Answer::File { path, size }, b"").await.is_err() {
            return;
        }
        let mut left = size;
        while left > 0 {
            let most = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
            let read = spawn_blocking(move || read_chunk(&mut file, most).map(|bytes| (file, bytes))).await;
            let Ok(Ok((again, bytes))) = read else {
                return end(stream, Answer::No { why: "the file cannot be read".into() }).await;
            };
            if bytes.is_empty() {
                return end(stream, Answer::No { why: "the file became shorter meanwhile".into() }).await;
            }
            file = again;
            left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            if !matches!(timeout(TAKE_WITHIN, answer(&mut stream, Answer::Bytes, &bytes)).await, Ok(Ok(()))) {
                return;
            }
        }
        end(stream, Answer::End).await;
    }
}

/// Takes a stream out of the list when it has ended, however it did.
struct Served {
    node: Arc<Node>,
    id: u64,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.node.core().serving.remove(&self.id);
    }
}

async fn answer(
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    answer: Answer,
    body: &[u8],
) -> std::io::Result<()> {
    wire::write(to, &answer, body).await
}

/// The last answer; it arrives before the stream ends.
async fn end(mut stream: Stream, last: Answer) {
    if answer(&mut stream, last, b"").await.is_ok() {
        let _ = timeout(TAKE_WITHIN, stream.finish()).await;
        part(stream);
    }
}
