//! What the proxy showed last. However many look, it is asked about once a second: whoever comes in between gets what is there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tunnel::session::Detail;
use tunnel::view::SessionView;

use crate::source::Source;

/// What the proxy showed last.
#[derive(Debug)]
pub(crate) struct Snapshots<S> {
    source: Arc<S>,
    last: tokio::sync::Mutex<Option<Snapshot>>,
    /// Until when the sampler sees streams, too: somebody has wanted to see them lately.
    streams_until: Mutex<Option<Instant>>,
}

#[derive(Clone, Debug)]
struct Snapshot {
    has_streams: bool,
    at: Instant,
    view: Arc<SessionView>,
}

impl<S: Source> Snapshots<S> {
    /// How often the sampler looks, and for how long what it has seen is good enough, with a little to spare: so it is asked for no
    /// one else.
    pub(crate) const PERIOD: Duration = Duration::from_secs(1);
    const GOOD_FOR: Duration = Duration::from_millis(1_200);
    /// For how long the sampler sees streams that somebody has wanted to see.
    const REMEMBERED: Duration = Duration::from_secs(10);
    /// All links together answer within two seconds, or are shown without an answer.
    const PATIENCE: Duration = Duration::from_secs(3);

    /// Of that proxy.
    pub(crate) fn new(source: Arc<S>) -> Self {
        Self { source, last: tokio::sync::Mutex::new(None), streams_until: Mutex::new(None) }
    }

    /// What it shows, not older than a second or so, and maybe with streams that were not asked for; `None`: it does not answer.
    pub(crate) async fn get(&self, detail: Detail) -> Option<Arc<SessionView>> {
        if detail == Detail::Streams {
            *self.streams_until() = Some(Instant::now() + Self::REMEMBERED);
        }
        let mut last = self.last.lock().await;
        if let Some(last) = &*last
            && (last.has_streams || detail == Detail::Links)
            && last.at.elapsed() < Self::GOOD_FOR
        {
            return Some(Arc::clone(&last.view));
        }
        self.ask(&mut last).await
    }

    /// What it shows now, for the sampler.
    pub(crate) async fn refresh(&self) -> Option<Arc<SessionView>> {
        let mut last = self.last.lock().await;
        self.ask(&mut last).await
    }

    async fn ask(&self, last: &mut Option<Snapshot>) -> Option<Arc<SessionView>> {
        let has_streams = self.streams_until().is_some_and(|until| until > Instant::now());
        let detail = if has_streams { Detail::Streams } else { Detail::Links };
        let view = Arc::new(timeout(Self::PATIENCE, self.source.view(detail)).await.ok()?);
        *last = Some(Snapshot { has_streams, at: Instant::now(), view: Arc::clone(&view) });
        Some(view)
    }

    fn streams_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.streams_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value that is made again when it is asked for and too old.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    keep: Duration,
    value: tokio::sync::Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Cached<T> {
    /// Kept for so long.
    pub(crate) fn new(keep: Duration) -> Self {
        Self { keep, value: tokio::sync::Mutex::new(None) }
    }

    /// The value, which `make` makes if it can and must.
    pub(crate) async fn get(&self, make: impl Future<Output = Option<T>>) -> Option<T> {
        let mut value = self.value.lock().await;
        if let Some((at, value)) = &*value
            && at.elapsed() < self.keep
        {
            return Some(value.clone());
        }
        let made = make.await?;
        *value = Some((Instant::now(), made.clone()));
        Some(made)
    }
}
