//! A link to another node: one stream, on which both say what the other lacks.

use std::sync::Arc;
use std::time::Duration;

use paso::Stream;
use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::time::{Instant, sleep, timeout};

use super::Node;
use crate::overlay::{Bucket, Fault, Name};
use crate::wire::{self, Word};

/// How often a node says that it is there.
const SAY_SOMETHING: Duration = Duration::from_secs(2);
/// How long it may say nothing: longer than any path is silent that is not dead.
const SILENCE: Duration = Duration::from_secs(20);
/// How many words of a neighbour are heard at once, and a second: more wait on their way.
const WORDS: u32 = 4000;
const WORDS_PER_SECOND: u32 = 1000;

impl Node {
    /// Keeps a link to this node, until it breaks.
    pub(super) fn be_neighbour(self: &Arc<Self>, name: Name, stream: Stream) {
        // It starts when its place is made: whoever is not wanted any more finds it there.
        let (begin, begun) = tokio::sync::oneshot::channel();
        let (node, of) = (Arc::clone(self), name.clone());
        let task = tokio::spawn(async move {
            let Ok(id) = begun.await else { return };
            let why = node.converse(&of, stream).await;
            tracing::debug!(name = %of, why, "a link has ended");
            let mut core = node.core();
            if core.link_down(&of, id) {
                node.went(&mut core, &of);
            }
            node.settle(&mut core);
        });
        let mut core = self.core();
        if let Some(id) = core.link_up(&name, task.abort_handle()) {
            // It has been spawned just now.
            let _ = begin.send(id);
        }
        self.settle(&mut core);
    }

    /// Why it has ended.
    async fn converse(self: &Arc<Self>, name: &Name, stream: Stream) -> String {
        let (from, to) = split(stream);
        tokio::select! {
            why = self.hear(name, from) => why,
            why = self.speak(name, to) => why,
        }
    }

    async fn hear(self: &Arc<Self>, name: &Name, mut from: impl AsyncRead + Unpin) -> String {
        let began = Instant::now();
        let mut pace = Bucket::new(WORDS, WORDS_PER_SECOND, Duration::ZERO);
        loop {
            while !pace.take(began.elapsed()) {
                sleep(Duration::from_millis(10)).await;
            }
            match wire::read_soon(&mut from, SILENCE).await {
                Ok((word, _)) => {
                    if let Err(fault) = self.heard_word(name, word) {
                        // The link has been taken from it meanwhile.
                        if fault == Fault::NoLink {
                            return fault.to_string();
                        }
                        self.warn_seldom(|| {
                            tracing::warn!(%name, %fault, "a node does what no node does; its link is cut");
                        });
                        return fault.to_string();
                    }
                }
                Err(error) => return error.to_string(),
            }
        }
    }

    fn heard_word(self: &Arc<Self>, name: &Name, word: Word) -> Result<(), Fault> {
        let mut core = self.core();
        let core = &mut *core;
        let now = core.now();
        match word {
            Word::Overlay(message) => core.overlay.handle(name, message, &core.keys, now)?,
            Word::Busy { jobs } => core.scheduler.handle_load(name, jobs),
        }
        self.settle(core);
        Ok(())
    }

    async fn speak(&self, name: &Name, mut to: impl AsyncWrite + Unpin) -> String {
        let mut wake = self.wake.subscribe();
        loop {
            wake.mark_unchanged();
            let next = self.core().overlay.poll_message(name);
            let word = match next {
                Some(message) => Word::Overlay(message),
                None => match timeout(SAY_SOMETHING, wake.changed()).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(_)) => return "the node ends".into(),
                    Err(_) => Word::Busy { jobs: self.shop.jobs() },
                },
            };
            if let Err(error) = wire::write(&mut to, &word, b"").await {
                return error.to_string();
            }
        }
    }
}
