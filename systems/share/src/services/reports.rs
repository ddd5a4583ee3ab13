//! What the server tells the services. No client ever waits for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;

use super::rpc::Remote;
use crate::wire::date;
use crate::wire::operation::Operation;
use crate::wire::request::Request;

/// How many reports wait at most; what comes then is left out and counted.
const QUEUE: usize = 1024;

/// How long a service that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// An operation that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Who asked.
    pub user: String,
    /// What for.
    pub operation: Operation,
    /// When, if the client said so.
    pub date: Option<String>,
    /// The file or the user that it was about, or nothing.
    pub about: String,
}

impl Report {
    /// Of this request.
    pub fn of(request: Request) -> Self {
        let mut fields = request.fields.into_iter();
        let user = fields.next().unwrap_or_default();
        let about = match request.operation {
            Operation::Publish
            | Operation::Offer
            | Operation::Delete
            | Operation::ListContent
            | Operation::GetMultifile => fields.next(),
            Operation::GetFile | Operation::Holders => fields.nth(1),
            Operation::Register
            | Operation::Unregister
            | Operation::Connect
            | Operation::Disconnect
            | Operation::ListUsers
            | Operation::Attend => None,
        };
        Self { user, operation: request.operation, date: request.date, about: about.unwrap_or_default() }
    }
}

/// Where the services are: URLs, as `http://127.0.0.1:6001`.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// The logger.
    pub log: Option<String>,
    /// The clock.
    pub time: Option<String>,
}

/// What became of the reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// The logger has them.
    pub logged: u64,
    /// The logger did not take them, or was left alone since it had not answered before.
    pub not_logged: u64,
    /// They found the queue full.
    pub left_out: u64,
    /// Dates that the clock did not say, so that the server's own was taken.
    pub not_dated: u64,
}

#[derive(Debug, Default)]
struct Counters {
    logged: AtomicU64,
    not_logged: AtomicU64,
    left_out: AtomicU64,
    not_dated: AtomicU64,
}

/// Takes reports.
#[derive(Clone, Debug)]
pub struct Reports {
    queue: Option<mpsc::Sender<Report>>,
    counters: Arc<Counters>,
}

impl Reports {
    /// Nobody is told.
    pub fn none() -> Self {
        Self { queue: None, counters: Arc::default() }
    }

    /// Tells the services, in the background.
    ///
    /// # Errors
    /// What is given is no URL.
    pub fn start(services: &Services) -> anyhow::Result<Self> {
        let Some(log) = &services.log else { return Ok(Self::none()) };
        let log = Service::new("logger", log)?;
        let time = services.time.as_ref().map(|url| Service::new("clock", url)).transpose()?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let counters = Arc::<Counters>::default();
        tokio::spawn(tell(waiting, log, time, Arc::clone(&counters)));
        Ok(Self { queue: Some(queue), counters })
    }

    /// Takes a report, or leaves it out; at once.
    pub(crate) fn send(&self, report: Report) {
        let Some(queue) = &self.queue else { return };
        if queue.try_send(report).is_err() {
            self.counters.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of them so far.
    pub fn reported(&self) -> Reported {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Reported {
            logged: of(&self.counters.logged),
            not_logged: of(&self.counters.not_logged),
            left_out: of(&self.counters.left_out),
            not_dated: of(&self.counters.not_dated),
        }
    }
}

async fn tell(
    mut waiting: mpsc::Receiver<Report>,
    mut log: Service,
    mut time: Option<Service>,
    counters: Arc<Counters>,
) {
    while let Some(report) = waiting.recv().await {
        let date = match (report.date, &mut time) {
            (Some(date), _) => date,
            (None, None) => date::written(SystemTime::now()),
            (None, Some(time)) => match time.ask(async |remote: &Remote| remote.date().await).await {
                Some(date) => date,
                None => {
                    counters.not_dated.fetch_add(1, Ordering::Relaxed);
                    date::written(SystemTime::now())
                }
            },
        };
        let (user, operation, about) = (report.user, report.operation.course_name(), report.about);
        let entry = [&user, operation, &date, &about];
        let counter = match log.ask(async |remote: &Remote| remote.log(entry).await).await {
            Some(()) => &counters.logged,
            None => &counters.not_logged,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A service, and whether it is worth asking.
struct Service {
    name: &'static str,
    remote: Remote,
    state: State,
}

enum State {
    Answers,
    /// Not since then; so many times it was not asked or did not answer.
    Silent {
        asked: Instant,
        missed: u64,
    },
}

impl Service {
    fn new(name: &'static str, url: &str) -> anyhow::Result<Self> {
        Ok(Self { name, remote: Remote::new(url)?, state: State::Answers })
    }

    /// `None`: it has not answered, or is left alone for now.
    async fn ask<T>(&mut self, question: impl AsyncFnOnce(&Remote) -> anyhow::Result<T>) -> Option<T> {
        if let State::Silent { asked, missed } = &mut self.state
            && asked.elapsed() < PAUSE
        {
            *missed += 1;
            return None;
        }
        let answer = question(&self.remote).await;
        let missed = if let State::Silent { missed, .. } = self.state { missed } else { 0 };
        match &answer {
            Ok(_) => {
                if missed > 0 {
                    tracing::info!(service = self.name, missed, "a service answers again");
                }
                self.state = State::Answers;
            }
            Err(error) => {
                if missed == 0 {
                    let error = format!("{error:#}");
                    tracing::info!(service = self.name, %error, "a service does not answer; going on without");
                }
                self.state = State::Silent { asked: Instant::now(), missed: missed + 1 };
            }
        }
        answer.ok()
    }
}
