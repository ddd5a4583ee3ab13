//! Fetches a file from all who have it.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::holder::{Address, Holder};
use super::partial::Partial;
use super::plan::{HolderId, Next, Plan};
use crate::hash::{BlockHash, FileId};

/// How many blocks one holder is asked for ahead: at 50 ms round trip 3 MiB are 500 Mbit/s.
const WINDOW: usize = 3;

/// From how many at most: with all windows full 48 MiB are held.
const MAX_HOLDERS: usize = 16;

/// When one who is asked for the hashes has not sent them for so long, the next one is asked as well.
const ASK_NEXT: Duration = Duration::from_secs(2);

/// How long the hashes of one holder may take: so long, and a second for each 8 KiB.
const HASHES_WITHIN: Duration = Duration::from_secs(20);
const HASHES_PER_SECOND: u64 = 8 << 10;

/// A holder that has had nothing to do for so long fetches what is late, however many are busy with it.
const LATE: Duration = Duration::from_secs(20);

/// When a holder that has gone is asked again, and how often: a process that is restarted is back by then.
const AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// What is fetched.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its hash.
    pub id: FileId,
    /// Its size in bytes.
    pub size: u64,
    /// Where it is to be.
    pub to: &'a Path,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes that were there from an earlier try.
    pub resumed: u64,
    /// How many blocks each holder brought, in the order in which they were given.
    pub brought: Vec<u32>,
}

/// Why it is not there.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The disk.
    #[error("{0}")]
    Disk(io::Error),
    /// The last reason that a holder gave.
    #[error("nobody who has it brings it ({0}); what has come is kept, and the same command goes on with it")]
    Nobody(String),
}

struct Shared {
    partial: Partial,
    plan: Mutex<Plan>,
    /// Told whenever somebody who waits may have something to do.
    changed: Notify,
    progress: Box<dyn Fn(u64) + Send + Sync>,
    id: FileId,
    /// How many blocks each holder was the first to bring.
    brought: Vec<AtomicU32>,
}

/// Fetches it; `progress` is told how many bytes have come, each time.
///
/// Cancel safe: what has come is kept.
///
/// # Errors
/// [`DownloadError`].
pub async fn download(
    wanted: Wanted<'_>,
    holders: &[Address],
    progress: impl Fn(u64) + Send + Sync + 'static,
) -> Result<Fetched, DownloadError> {
    let hashes = hashes(wanted, holders).await?;
    let (to, Wanted { id, size, .. }) = (wanted.to.to_owned(), wanted);
    let partial = blocking(move || Partial::open(&to, id, hashes, size)).await?;
    let resumed = partial.bytes_there();
    progress(resumed);
    let blocks = crate::hash::blocks_of(size).unwrap_or(0);
    let plan = Plan::new(blocks, |block| partial.is_there(block));
    let shared = Arc::new(Shared {
        partial,
        plan: Mutex::new(plan),
        changed: Notify::new(),
        progress: Box::new(progress),
        id,
        brought: holders.iter().map(|_| AtomicU32::new(0)).collect(),
    });
    let (mut tasks, mut others) = (JoinSet::new(), holders.iter().enumerate());
    let mut why = "nobody is there".to_owned();
    while !shared.is_finished() {
        // Whoever has gone for good makes room for another one.
        while tasks.len() < MAX_HOLDERS
            && let Some((at, address)) = others.next()
        {
            let (shared, address) = (Arc::clone(&shared), address.clone());
            tasks.spawn(async move { fetch_from(&shared, &address, at).await });
        }
        let Some(ended) = tasks.join_next().await else { break };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(Lost::Disk(error))) => return Err(DownloadError::Disk(error)),
            Ok(Err(Lost::Holder(error))) => why = error.to_string(),
            Err(error) => why = error.to_string(),
        }
    }
    if !shared.is_finished() {
        return Err(DownloadError::Nobody(why));
    }
    // Who is still busy would bring what is there already, and is left.
    shared.changed.notify_waiters();
    let finishing = Arc::clone(&shared);
    blocking(move || finishing.partial.finish()).await?;
    // All of them say how much they have brought as they end.
    while tasks.join_next().await.is_some() {}
    let brought = shared.brought.iter().map(|brought| brought.load(Ordering::Relaxed)).collect();
    Ok(Fetched { resumed, brought })
}

/// From the first who sends them: one after the other is asked, and none has to be waited for.
async fn hashes(wanted: Wanted<'_>, holders: &[Address]) -> Result<Vec<BlockHash>, DownloadError> {
    let Wanted { id, size, .. } = wanted;
    let mut why = "nobody is there".to_owned();
    let (mut asked, mut others) = (JoinSet::new(), holders.iter());
    loop {
        if asked.len() < MAX_HOLDERS
            && let Some(address) = others.next()
        {
            let address = address.clone();
            asked.spawn(async move { hashes_of(&address, id, size).await });
        }
        let may_ask_next = asked.len() < MAX_HOLDERS && others.len() > 0;
        let patience = if may_ask_next { ASK_NEXT } else { Duration::MAX };
        match timeout(patience, asked.join_next()).await {
            Err(_) => {}
            Ok(None) => return Err(DownloadError::Nobody(why)),
            Ok(Some(Ok(Ok(hashes)))) => return Ok(hashes),
            Ok(Some(Ok(Err(error)))) => why = error.to_string(),
            Ok(Some(Err(error))) => why = error.to_string(),
        }
    }
}

async fn hashes_of(address: &Address, id: FileId, size: u64) -> io::Result<Vec<BlockHash>> {
    let bytes = u64::from(crate::hash::blocks_of(size).unwrap_or(0)) * size_of::<BlockHash>() as u64;
    let within = HASHES_WITHIN + Duration::from_secs(bytes / HASHES_PER_SECOND);
    let asking = async {
        let mut holder = Holder::connect(address, id).await?;
        let hashes = holder.hashes(size).await?;
        holder.end();
        Ok(hashes)
    };
    timeout(within, asking).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Why a holder brings no more.
enum Lost {
    Disk(io::Error),
    Holder(io::Error),
}

/// Fetches from one holder until all is there or it has gone for good.
async fn fetch_from(shared: &Arc<Shared>, address: &Address, at: usize) -> Result<(), Lost> {
    let mut pauses = AGAIN.into_iter();
    loop {
        let holder = shared.plan().join();
        let ended = tokio::select! {
            biased;
            ended = fetch_until_lost(shared, address, holder) => ended,
            // Others have brought all.
            () = shared.finished() => Ok(()),
        };
        let count = shared.plan().brought(holder);
        shared.plan().leave(holder);
        shared.changed.notify_waiters();
        if let Some(brought) = shared.brought.get(at) {
            brought.fetch_add(count, Ordering::Relaxed);
        }
        if count > 0 {
            pauses = AGAIN.into_iter();
        }
        match (ended, pauses.next()) {
            // What it sent was wrong, or it has no such file: it will not be otherwise the next time.
            (Err(Lost::Holder(error)), Some(pause)) if !is_final(&error) => {
                tokio::select! {
                    () = sleep(pause) => {}
                    () = shared.finished() => return Ok(()),
                }
            }
            (ended, _) => return ended,
        }
    }
}

fn is_final(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
    )
}

async fn fetch_until_lost(shared: &Arc<Shared>, address: &Address, id: HolderId) -> Result<(), Lost> {
    let mut holder = Holder::connect(address, shared.id).await.map_err(Lost::Holder)?;
    let (mut asked, mut is_late) = (VecDeque::new(), false);
    loop {
        // What is told after this is not missed.
        let changed = shared.changed.notified();
        let mut next = Next::Wait;
        while asked.len() < WINDOW {
            next = if is_late { shared.plan().next_late(id) } else { shared.plan().next(id) };
            let Next::Fetch(block) = next else { break };
            holder.ask(block).await.map_err(Lost::Holder)?;
            asked.push_back(block);
        }
        if next == Next::Finished {
            if asked.is_empty() {
                holder.end();
            }
            return Ok(());
        }
        let Some(block) = asked.pop_front() else {
            is_late |= timeout(LATE, changed).await.is_err();
            continue;
        };
        let bytes = holder.receive(shared.partial.length_of(block)).await.map_err(Lost::Holder)?;
        shared.take(id, block, bytes).await?;
        if shared.is_finished() {
            if asked.is_empty() {
                holder.end();
            }
            return Ok(());
        }
    }
}

impl Shared {
    async fn take(self: &Arc<Self>, holder: HolderId, block: u32, bytes: Vec<u8>) -> Result<(), Lost> {
        let (writing, length) = (Arc::clone(self), bytes.len() as u64);
        let written = spawn_blocking(move || writing.partial.write(block, &bytes)).await;
        if !written.map_err(io::Error::other).and_then(|written| written).map_err(Lost::Disk)? {
            return Err(Lost::Holder(io::Error::new(io::ErrorKind::InvalidData, "it sends wrong bytes")));
        }
        let is_first = self.plan().arrived(holder, block);
        if is_first {
            (self.progress)(length);
        }
        if self.is_finished() {
            self.changed.notify_waiters();
        }
        Ok(())
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_finished(&self) -> bool {
        self.plan().is_finished()
    }

    async fn finished(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_finished() {
                return;
            }
            changed.await;
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, DownloadError> {
    spawn_blocking(work).await.map_err(io::Error::other).and_then(|done| done).map_err(DownloadError::Disk)
}
