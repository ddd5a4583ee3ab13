//! The log of a program: lines that wait in memory, and one thread that writes them to stderr.
//!
//! The log must not be able to harm what it tells about. Whoever logs never waits and never fails: a line goes into a
//! bounded buffer, and is dropped and counted where that is full. Only the thread meets a pipe that nobody reads, a
//! reader that is gone or a full disk; what it cannot write is dropped and counted too. How much others can cause to be
//! written is limited by [`Quota`].

use std::fmt::Display;
use std::io::{self, Write};
use std::panic;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber, error, info, warn};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tunnel::metrics::log;

use super::lines;
use super::quota::{Quota, is_own};
use crate::secrets::hidden;
use crate::terminal;
use crate::{LogFormat, Logging};

/// Bytes that may wait for a log that is written slowly; as many again may be with the thread. About 10,000 lines: more
/// than a burst at DEBUG, and little beside the memory of one link.
const CAPACITY: usize = 1 << 20;

/// How long the end of the program waits for the last lines to be written.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// How long until a log that takes nothing now (it does not block) is tried again.
const BLOCKED_PAUSE: Duration = Duration::from_millis(20);

/// How often it is looked whether there is room again to say what was held back.
const REPORT_PERIOD: Duration = Duration::from_secs(1);

/// The log, from the program's side.
#[derive(Clone, Debug)]
pub(super) struct Log {
    shared: Arc<Shared>,
    format: LogFormat,
}

#[derive(Debug)]
struct Shared {
    quota: Option<Quota>,
    buffer: Mutex<Buffer>,
    /// Something waits.
    filled: Condvar,
    /// Nothing waits, and the thread writes nothing.
    written: Condvar,
}

/// What waits to be written.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    lines: u64,
    /// Lines that found no room since this was last said.
    dropped: u64,
    /// The thread has taken some and not written them yet.
    writing: bool,
}

impl Log {
    /// Starts to log to stderr: what `RUST_LOG` says, else the level of `logging` and above. From DEBUG on, which somebody asked for
    /// who is looking for something, the amount is not limited.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(logging: Logging) -> io::Result<Self> {
        let filter = filter(logging.level);
        let limited = filter.max_level_hint().is_some_and(|most| most <= LevelFilter::INFO);
        let quota = limited.then(|| Quota::new(Instant::now()));
        let log = Self { format: logging.format, ..Self::new(quota) };
        log.spawn(io::stderr())?;
        let lines = lines::layer(logging.format, log.clone());
        // Fails only where a log is set up already, which then is the one to use.
        let _ = tracing_subscriber::registry().with(filter).with(log.clone()).with(lines).try_init();
        // The usual report of a panic writes to stderr itself, and would wait with it.
        panic::set_hook(Box::new(|panic| error!("{panic}")));
        Ok(log)
    }

    fn new(quota: Option<Quota>) -> Self {
        let shared =
            Shared { quota, buffer: Mutex::default(), filled: Condvar::new(), written: Condvar::new() };
        Self { shared: Arc::new(shared), format: LogFormat::Text }
    }

    fn spawn(&self, to: impl Write + Send + 'static) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        thread::Builder::new().name("log".into()).spawn(move || shared.write_all(to)).map(drop)
    }

    /// Says why the program ends.
    pub(super) fn fail(&self, error: &dyn Display) {
        let line = lines::last(self.format, error);
        let line = match self.format {
            LogFormat::Text => terminal::fitted(&line, &io::stderr()),
            LogFormat::Json => line,
        };
        self.shared.push(line.as_bytes());
    }

    #[cfg(test)]
    fn say(&self, line: &dyn Display) {
        self.shared.push(format!("{line}\n").as_bytes());
    }

    /// Waits until everything is written, but not for long.
    pub(super) fn finish(&self) {
        let buffer = self.shared.lock();
        let unwritten = |buffer: &mut Buffer| buffer.writing || !buffer.bytes.is_empty();
        // Who has not read by now leaves the rest unread.
        let _ = self.shared.written.wait_timeout_while(buffer, END_PATIENCE, unwritten);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        // Nothing panics with the lock; if it did, what is in the buffer would still be lines.
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let text = std::str::from_utf8(line).map(hidden);
        let line = text.as_ref().map_or(line, |text| text.as_bytes());
        let mut buffer = self.lock();
        if buffer.bytes.len().saturating_add(line.len()) > CAPACITY {
            buffer.dropped += 1;
            log::add_dropped(1);
            return;
        }
        buffer.bytes.extend_from_slice(line);
        buffer.lines += 1;
        self.filled.notify_one();
    }

    /// The thread: writes what waits, for ever.
    fn write_all(&self, mut to: impl Write) {
        let mut batch = Vec::new();
        loop {
            let (lines, dropped) = self.take(&mut batch);
            if write(&mut to, &batch).is_err() {
                log::add_dropped(lines);
            }
            batch.clear();
            self.report(dropped);
            let mut buffer = self.lock();
            buffer.writing = false;
            if buffer.bytes.is_empty() {
                self.written.notify_all();
            }
        }
    }

    /// Waits for lines and swaps them into `batch`; says how many they are, and how many were dropped since the last
    /// time. What was held back meanwhile is said as soon as there is room, even if no other line comes.
    fn take(&self, batch: &mut Vec<u8>) -> (u64, u64) {
        let mut buffer = self.lock();
        while buffer.bytes.is_empty() {
            buffer = if self.quota.as_ref().is_some_and(Quota::has_held_back) {
                let waited = self.filled.wait_timeout(buffer, REPORT_PERIOD);
                let (buffer, waited) = waited.unwrap_or_else(PoisonError::into_inner);
                if waited.timed_out() {
                    drop(buffer);
                    self.report(0);
                    self.lock()
                } else {
                    buffer
                }
            } else {
                self.filled.wait(buffer).unwrap_or_else(PoisonError::into_inner)
            };
        }
        std::mem::swap(&mut buffer.bytes, batch);
        buffer.writing = true;
        (std::mem::take(&mut buffer.lines), std::mem::take(&mut buffer.dropped))
    }

    /// Says what is missing in the log, in the log: it is written again by now.
    fn report(&self, dropped: u64) {
        if dropped > 0 {
            warn!(lines = dropped, "log lines dropped: the log was not read");
        }
        if let Some(held_back) = self.quota.as_ref().and_then(|quota| quota.take_held_back(Instant::now())) {
            info!(lines = held_back, "log lines held back: others caused too many");
        }
    }
}

/// What `RUST_LOG` says, else `level` and above.
fn filter(level: LevelFilter) -> EnvFilter {
    EnvFilter::builder().with_default_directive(level.into()).from_env_lossy()
}

/// Starts to log to stderr with none of the above: whoever logs writes, and waits.
pub(super) fn start_plain(logging: Logging) {
    let lines = lines::layer(logging.format, io::stderr);
    // Fails only where a log is set up already, which then is the one to use.
    let _ = tracing_subscriber::registry().with(filter(logging.level)).with(lines).try_init();
}

/// Writes all of `bytes`.
///
/// # Errors
/// The reader is gone, the disk is full.
fn write(to: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Somebody has made the terminal or the pipe, which others write to as well, non-blocking.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(BLOCKED_PAUSE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// As a layer of the log it decides before a line is formatted: what is held back costs little.
impl<S: Subscriber> Layer<S> for Log {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let Some(quota) = &self.shared.quota else { return true };
        if is_own(event.metadata()) || quota.has_room(Instant::now()) {
            return true;
        }
        if quota.hold_back() {
            // The thread either sees it before it waits, or waits by now and is woken.
            drop(self.shared.lock());
            self.shared.filled.notify_one();
        }
        false
    }
}

/// Takes one formatted line.
#[derive(Debug)]
pub(super) struct LineWriter<'a> {
    shared: &'a Shared,
    /// Others may have caused it.
    limited: bool,
}

impl Write for LineWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(quota) = self.shared.quota.as_ref().filter(|_| self.limited) {
            quota.charge(Instant::now(), line.len());
        }
        self.shared.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter { shared: &self.shared, limited: true }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        LineWriter { shared: &self.shared, limited: !is_own(metadata) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A log that is written when the test says so, and tells what was.
    struct Gate {
        open: mpsc::Receiver<io::Result<()>>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.open.recv().unwrap_or_else(|_| {
                loop {
                    thread::park();
                }
            })?;
            let _ = self.written.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Log, mpsc::Sender<io::Result<()>>, mpsc::Receiver<Vec<u8>>) {
        let (opener, open) = mpsc::channel();
        let (written, lines) = mpsc::channel();
        let log = Log::new(None);
        log.spawn(Gate { open, written }).unwrap();
        (log, opener, lines)
    }

    #[test]
    fn lines_are_written_in_their_order() {
        let (log, open, written) = gated();
        log.say(&"one");
        open.send(Ok(())).unwrap();
        assert_eq!(written.recv().unwrap(), b"one\n");
        log.say(&"two");
        open.send(Ok(())).unwrap();
        log.finish();
        assert_eq!(written.recv().unwrap(), b"two\n");
    }

    #[test]
    fn a_log_that_is_not_read_holds_up_nobody_and_its_memory_is_bounded() {
        let (log, _open, _written) = gated();
        log.say(&"one that is being written");
        while !log.shared.lock().writing {
            thread::yield_now();
        }
        // With its end each is a little longer, so one less than so many find room.
        let line = "x ".repeat(CAPACITY / 32);
        for _ in 0..100 {
            log.say(&line);
        }
        let buffer = log.shared.lock();
        assert!(buffer.bytes.len() <= CAPACITY);
        assert_eq!(buffer.dropped, 100 - 15);
        drop(buffer);
        let start = Instant::now();
        log.finish();
        assert!(start.elapsed() < END_PATIENCE * 3, "{:?}", start.elapsed());
    }

    #[test]
    fn what_cannot_be_written_is_lost_and_the_next_line_is_tried() {
        let (log, open, written) = gated();
        log.say(&"lost");
        open.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        log.finish();
        log.say(&"there is room again");
        open.send(Ok(())).unwrap();
        assert_eq!(written.recv().unwrap(), b"there is room again\n");
    }
}
