//! One client: sends and receives at the same time on one connection.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Settings;
use super::check::{Checker, Passed};
use super::histogram::Histogram;
use super::report::{ClientReport, Outcome};
use crate::pattern::Pattern;

/// Bytes read at a time. Large: one system call, one comparison.
const READ: usize = 256 * 1024;
/// How long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What one client found, with its round trips.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) report: ClientReport,
    pub(super) round_trips: Histogram,
}

/// Connects, sends, checks, and gives up when it must.
pub(super) async fn run(
    client: usize,
    addresses: Arc<[SocketAddr]>,
    settings: Arc<Settings>,
    returned: Arc<AtomicU64>,
) -> Finding {
    let pattern = Pattern::new(settings.seed, client as u64);
    let shared = Shared::new(&settings);
    let mut receiver = Receiver::new(pattern.clone(), &shared, &returned);
    let started = Instant::now();
    let mut why = None;
    let outcome = match connect(&addresses).await {
        Err(error) => {
            why = Some(error.to_string());
            Outcome::NotConnected
        }
        Ok(mut stream) => {
            let (reading, writing) = stream.split();
            let outcome = tokio::select! {
                outcome = receiver.run(reading) => outcome,
                () = send(writing, pattern, &shared) => Outcome::Broken,
            };
            if outcome == Outcome::Complete {
                receiver.close(stream).await;
            }
            outcome
        }
    };
    let mut finding = receiver.report(client, outcome, started);
    finding.report.why = why;
    finding
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let limit = CONNECT_LIMIT.as_secs();
    let no_answer = |_| io::Error::other(format!("no answer within {limit} s"));
    let stream = timeout(CONNECT_LIMIT, TcpStream::connect(addresses)).await.map_err(no_answer)??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What the two directions of one client know of each other.
struct Shared<'a> {
    settings: &'a Settings,
    /// Bytes written so far.
    sent: AtomicU64,
    /// Whether writing failed: the system tells a reset once, to the writer or to the reader.
    broken: AtomicBool,
    /// The end of every chunk that has not returned, and when it was written.
    due: Mutex<VecDeque<(u64, Instant)>>,
    /// Told when a chunk has returned.
    progress: Notify,
}

impl<'a> Shared<'a> {
    fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            sent: AtomicU64::new(0),
            broken: AtomicBool::new(false),
            due: Mutex::default(),
            progress: Notify::new(),
        }
    }

    fn due(&self) -> MutexGuard<'_, VecDeque<(u64, Instant)>> {
        self.due.lock().expect("nobody panics with the lock")
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

/// Sends everything, then waits for ever: the receiver says when the client has ended. So it does after an error:
/// what was sent before may still return.
async fn send(mut stream: WriteHalf<'_>, pattern: Pattern, shared: &Shared<'_>) {
    let settings = shared.settings;
    let mut buffer = vec![0; settings.chunk.max(1)];
    let mut offset = 0;
    while offset < settings.bytes {
        let length = usize::try_from(settings.bytes - offset).unwrap_or(usize::MAX).min(buffer.len());
        let chunk = &mut buffer[..length];
        pattern.fill(offset, chunk);
        offset += length as u64;
        shared.due().push_back((offset, Instant::now()));
        if write(&mut stream, chunk, &shared.sent).await.is_err() {
            shared.broken.store(true, Ordering::Relaxed);
            pending::<()>().await;
        }
        while settings.ping_pong && !shared.due().is_empty() {
            shared.progress.notified().await;
        }
        if !settings.think.is_zero() {
            sleep(settings.think).await;
        }
    }
    if settings.half_close {
        _ = stream.shutdown().await;
    }
    pending().await
}

async fn write(stream: &mut WriteHalf<'_>, mut chunk: &[u8], sent: &AtomicU64) -> io::Result<()> {
    while !chunk.is_empty() {
        let count = stream.write(chunk).await?;
        sent.fetch_add(count as u64, Ordering::Relaxed);
        chunk = &chunk[count..];
    }
    Ok(())
}

struct Receiver<'a> {
    shared: &'a Shared<'a>,
    /// All clients together, for the progress bar.
    counter: &'a AtomicU64,
    checker: Checker,
    round_trips: Histogram,
    last_return: Instant,
}

impl<'a> Receiver<'a> {
    fn new(pattern: Pattern, shared: &'a Shared<'a>, counter: &'a AtomicU64) -> Self {
        let (checker, round_trips) = (Checker::new(pattern), Histogram::new());
        Self { shared, counter, checker, round_trips, last_return: Instant::now() }
    }

    /// Receives until the client has ended, one way or another.
    async fn run(&mut self, mut stream: ReadHalf<'_>) -> Outcome {
        let mut buffer = vec![0; READ];
        self.last_return = Instant::now();
        let mut alarm = pin!(sleep_until(self.give_up_at()));
        while !self.is_done() {
            tokio::select! {
                biased;
                read = stream.read(&mut buffer) => match read {
                    Ok(0) if self.is_whole() => return Outcome::Complete,
                    Ok(0) if self.shared.broken.load(Ordering::Relaxed) => return Outcome::Broken,
                    Ok(0) => return Outcome::Closed,
                    Ok(count) => self.received(&buffer[..count]),
                    Err(_) => return Outcome::Broken,
                },
                () = &mut alarm => {
                    // The alarm is not moved at each read; it looks again when it fires.
                    if self.give_up_at() <= Instant::now() {
                        return Outcome::Silent;
                    }
                    alarm.as_mut().reset(self.give_up_at());
                }
            }
        }
        Outcome::Complete
    }

    /// Ends a complete connection in order: what lies between is done with it when the client ends, and bytes too many
    /// are noticed. A server that does not close its side is left after the silence limit.
    async fn close(&mut self, mut stream: TcpStream) {
        let (mut buffer, patience) = (vec![0; READ], self.shared.settings.silence);
        let to_the_end = async {
            stream.shutdown().await?;
            loop {
                match stream.read(&mut buffer).await? {
                    0 => return Ok::<_, io::Error>(()),
                    count => self.received(&buffer[..count]),
                }
            }
        };
        _ = timeout(patience, to_the_end).await;
    }

    /// The silence limit after the last return, or after the oldest chunk that is due was written; a pause is no silence.
    fn give_up_at(&self) -> Instant {
        let oldest = self.shared.due().front().map(|&(_, written)| written);
        let all_sent = self.shared.sent() >= self.shared.settings.bytes;
        let since = match oldest {
            Some(written) => written.max(self.last_return),
            None if all_sent => self.last_return,
            None => Instant::now(),
        };
        since + self.shared.settings.silence
    }

    fn is_whole(&self) -> bool {
        self.checker.returned >= self.shared.settings.bytes
            && self.shared.sent() >= self.shared.settings.bytes
            && self.checker.missing() == 0
    }

    fn is_done(&self) -> bool {
        !self.shared.settings.half_close && self.is_whole()
    }

    fn received(&mut self, data: &[u8]) {
        let now = Instant::now();
        let before = self.checker.accepted();
        self.counter.fetch_add(data.len() as u64, Ordering::Relaxed);
        self.checker.sent(self.shared.sent());
        let (shared, round_trips) = (self.shared, &mut self.round_trips);
        self.checker.feed(data, &mut |passed| {
            let (returned, end) = match passed {
                Passed::Returned(end) => (true, end),
                Passed::Skipped(end) => (false, end),
            };
            let mut due = shared.due();
            let chunks = due.partition_point(|(chunk_end, _)| *chunk_end <= end);
            for (_, written) in due.drain(..chunks) {
                if returned {
                    round_trips.record(now - written);
                }
            }
        });
        // A server that says something else is as silent as one that says nothing.
        if self.checker.accepted() > before {
            self.last_return = now;
        }
        self.shared.progress.notify_one();
    }

    fn report(mut self, client: usize, outcome: Outcome, started: Instant) -> Finding {
        self.checker.sent(self.shared.sent());
        self.checker.finish(&mut |_| ());
        let returned = self.checker.returned;
        let report = ClientReport {
            client,
            outcome,
            why: None,
            sent: self.shared.sent(),
            returned,
            missing: self.checker.missing(),
            corrupt: self.checker.corrupt,
            displaced: self.checker.displaced,
            p50: self.round_trips.percentile(50),
            p99: self.round_trips.percentile(99),
            elapsed: if returned > 0 { self.last_return - started } else { Duration::ZERO },
        };
        Finding { report, round_trips: self.round_trips }
    }
}
