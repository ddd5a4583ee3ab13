//! Who there is and what they have published, in a file of SQLite.
//!
//! - `change`: what writes ask for
//! - `query`: what reads ask for
//! - `schema`: the tables, and how the file is opened
//! - `writer`: applies changes, many to a transaction
//! - `reader`: answers questions
//! - here: the threads they run in
//!
//! One thread writes: it takes all changes that wait, applies them in one transaction, and answers when that is on the disk, so
//! that the price of a flush is shared. Others read what the last transaction left (write-ahead log): none waits for the writer.

pub mod change;
pub mod query;
mod reader;
mod schema;
mod writer;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use self::change::Change;
use self::query::{Answer, Query};
use crate::wire::outcome::Outcome;

/// How many changes or questions wait at most; whoever comes then waits before it is one of them.
const QUEUE: usize = 1024;

/// How many threads read. A list of all users takes about a millisecond; more threads than cores gain nothing.
const READERS: usize = 2;

/// The index. Clones are the same one; its threads end with the last.
#[derive(Clone, Debug)]
pub struct Index {
    changes: mpsc::Sender<Asked<Change, Outcome>>,
    queries: mpsc::Sender<Asked<Query, Answer>>,
}

#[derive(Debug)]
struct Asked<Q, A> {
    what: Q,
    answer: oneshot::Sender<A>,
}

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made or read.
    #[error("the index {0} cannot be opened: {1}")]
    File(String, io::Error),
    /// SQLite does not take it.
    #[error("the index {0} cannot be used: {1}")]
    Sqlite(String, rusqlite::Error),
    /// A later version of this program has written it.
    #[error("the index {0} is of version {1}, and this program knows only version 1: use a newer one")]
    Version(String, i64),
    /// No thread can be had.
    #[error("no thread for the index: {0}")]
    Thread(io::Error),
}

impl Index {
    /// Opens the index, or makes it, for its owner alone. Users who were connected over a link are not any more: they come again when
    /// they find that their connection broke.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let mut writer = writer::Writer::new(schema::open_to_write(path)?);
        let (changes, mut asked) = mpsc::channel::<Asked<Change, Outcome>>(QUEUE);
        spawn("index", move || {
            let mut batch = Vec::new();
            while asked.blocking_recv_many(&mut batch, writer::BATCH) > 0 {
                let outcomes = writer.apply(batch.iter().map(|asked| &asked.what));
                for (asked, outcome) in batch.drain(..).zip(outcomes) {
                    // Whoever asked may have gone.
                    let _ = asked.answer.send(outcome);
                }
            }
        })?;
        let (queries, asked) = mpsc::channel::<Asked<Query, Answer>>(QUEUE);
        let asked = Arc::new(Mutex::new(asked));
        for _ in 0..READERS {
            let (mut reader, asked) = (reader::Reader::new(schema::open_to_read(path)?), Arc::clone(&asked));
            spawn("index-reader", move || {
                loop {
                    let next = asked.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
                    let Some(Asked { what, answer }) = next else { return };
                    if !answer.is_closed() {
                        let _ = answer.send(reader.answer(&what));
                    }
                }
            })?;
        }
        Ok(Self { changes, queries })
    }

    /// Changes it; the answer comes when the change is on the disk. A change that nobody waits for any more may still be made.
    pub async fn change(&self, change: Change) -> Outcome {
        ask(&self.changes, change).await.unwrap_or(Outcome::Failed)
    }

    /// Answers a question from what has been changed so far.
    pub async fn query(&self, query: Query) -> Answer {
        ask(&self.queries, query).await.unwrap_or(Err(Outcome::Failed))
    }
}

/// `None`: its thread is gone.
async fn ask<Q, A>(queue: &mpsc::Sender<Asked<Q, A>>, what: Q) -> Option<A> {
    let (answer, answered) = oneshot::channel();
    queue.send(Asked { what, answer }).await.ok()?;
    answered.await.ok()
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
    thread::Builder::new().name(name.into()).spawn(work).map(drop).map_err(OpenError::Thread)
}

#[cfg(test)]
mod tests;
