//! Users who are there for as long as a connection lasts.
//!
//! The server sends a byte every few seconds and the client sends one back, so that a client that has vanished without a word is
//! found out. One who comes again under the name of a user who is there is not let in; but first that user is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::Wire;

/// How often the client is asked.
const EVERY: Duration = Duration::from_secs(5);

/// How long it may be silent: three questions are lost by then, or the link is away for longer than it takes to come back.
const SILENCE: Duration = Duration::from_secs(20);

/// How long it may take to answer when somebody else wants its place.
const ASKED_WITHIN: Duration = Duration::from_secs(3);

/// What the server asks with.
const ARE_YOU_THERE: u8 = b'?';

/// Users who are there.
#[derive(Clone, Debug, Default)]
pub(super) struct Attendances(Arc<Mutex<Users>>);

#[derive(Debug, Default)]
struct Users {
    entries: HashMap<String, Entry>,
    last: u64,
}

#[derive(Debug)]
struct Entry {
    serial: u64,
    messages: mpsc::Sender<Message>,
}

#[derive(Debug)]
enum Message {
    AreYouThere(oneshot::Sender<()>),
}

/// One of them. It lasts until it leaves, or is replaced.
#[derive(Debug)]
pub(super) struct Attendance {
    users: Attendances,
    user: String,
    serial: u64,
    messages: mpsc::Receiver<Message>,
}

impl Attendances {
    /// `None`: the user is there.
    pub(super) async fn begin(&self, user: &str) -> Option<Attendance> {
        let there = self.with(|users| users.entries.get(user).map(|entry| entry.messages.clone()));
        if let Some(there) = there
            && answers(&there).await
        {
            return None;
        }
        let (sender, messages) = mpsc::channel(4);
        let serial = self.with(|users| {
            users.last += 1;
            let entry = Entry { serial: users.last, messages: sender };
            // Who was there is told so by its queue, which has no sender any more.
            users.entries.insert(user.to_owned(), entry);
            users.last
        });
        Some(Attendance { users: self.clone(), user: user.to_owned(), serial, messages })
    }

    /// The user has said that it goes.
    pub(super) fn end(&self, user: &str) {
        self.with(|users| users.entries.remove(user));
    }

    fn with<T>(&self, work: impl FnOnce(&mut Users) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answers(there: &mpsc::Sender<Message>) -> bool {
    let (answer, answered) = oneshot::channel();
    let asking = async { there.send(Message::AreYouThere(answer)).await.is_ok() && answered.await.is_ok() };
    timeout(ASKED_WITHIN, asking).await.unwrap_or(false)
}

impl Attendance {
    /// Returns when the client has gone, is silent, or has been replaced.
    pub(super) async fn keep(&mut self, stream: &mut impl Wire) {
        let mut askers = Vec::new();
        let mut buffer = [0; 64];
        let (mut heard, mut next) = (Instant::now(), Instant::now() + EVERY);
        loop {
            tokio::select! {
                read = stream.read(&mut buffer) => match read {
                    Ok(1..) => {
                        heard = Instant::now();
                        for asker in askers.drain(..) {
                            let asker: oneshot::Sender<()> = asker;
                            // Who does not wait any more need not know.
                            let _ = asker.send(());
                        }
                    }
                    Ok(0) | Err(_) => return,
                },
                message = self.messages.recv() => match message {
                    Some(Message::AreYouThere(asker)) => {
                        // Who does not wait any more is forgotten.
                        askers.retain(|asker| !asker.is_closed());
                        askers.push(asker);
                        next = Instant::now();
                    }
                    None => return,
                },
                () = sleep_until(next) => {
                    let asked = timeout(SILENCE, stream.write_all(&[ARE_YOU_THERE])).await;
                    if heard.elapsed() > SILENCE || !matches!(asked, Ok(Ok(()))) {
                        return;
                    }
                    next = Instant::now() + EVERY;
                }
            }
        }
    }

    /// Whether the user was there until now, and nobody has come in its place.
    pub(super) fn leave(self) -> bool {
        self.users.with(|users| {
            let is_this = users.entries.get(&self.user).is_some_and(|entry| entry.serial == self.serial);
            if is_this {
                users.entries.remove(&self.user);
            }
            is_this
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_answers_keeps_its_place_and_who_is_silent_loses_it() {
        let users = Attendances::default();
        let mut first = users.begin("alice").await.unwrap();
        let (mut server, mut client) = duplex(64);
        let kept = tokio::spawn(async move {
            first.keep(&mut server).await;
            first.leave()
        });
        let echo = tokio::spawn(async move {
            let mut byte = [0];
            for _ in 0..10 {
                client.read_exact(&mut byte).await.unwrap();
                client.write_all(&byte).await.unwrap();
            }
            client
        });
        assert!(users.begin("alice").await.is_none(), "it is there");
        let client = echo.await.unwrap();
        assert!(users.begin("alice").await.is_some(), "it is silent");
        assert!(!kept.await.unwrap(), "another has its place");
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn who_vanishes_without_a_word_is_found_out() {
        let users = Attendances::default();
        let mut attendance = users.begin("alice").await.unwrap();
        let (mut server, _client) = duplex(64);
        let begun = Instant::now();
        attendance.keep(&mut server).await;
        assert!(begun.elapsed() < SILENCE + 2 * EVERY, "{:?}", begun.elapsed());
        assert!(attendance.leave());
        assert!(users.begin("alice").await.is_some());
    }
}
