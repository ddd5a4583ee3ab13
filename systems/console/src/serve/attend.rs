//! One client: its lines are read one at a time, and what waits for it is written as fast as it takes it.

use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use common::lines::Splitter;
use paso::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info};

use super::hall::Hall;
use crate::room::{Full, Identity, Leaving, Presence};
use crate::session::{self, LONGEST, Turn};

/// How long a client may take to read the last words that it is told.
const LINGER: Duration = Duration::from_secs(5);

/// Bytes that are read at a time, and about as many are written.
const CHUNK: usize = 4_096;

/// Proxy2 while it is asked.
type Asking = Pin<Box<dyn Future<Output = Result<String, String>> + Send>>;

/// Serves a client to its end.
pub(super) async fn attend(hall: Hall, stream: Stream, ticket: Option<String>) {
    let is_operator = ticket.as_ref().is_some_and(|ticket| hall.settings().operators.contains(ticket));
    let entered = hall.with(|room, now| {
        let who = room.enter(ticket.clone(), is_operator, now.since_start)?;
        let welcome = session::welcome(room, who.number);
        room.answer(who.number, welcome);
        let is_announced = room.member(who.number).is_some_and(|own| own.is_announced);
        Ok((who, is_announced))
    });
    match entered {
        Ok((who, is_announced)) => {
            // What others cause has an end in the log, too.
            if is_announced {
                info!(client = %who, "client came");
            } else {
                debug!(client = %who, "client came");
            }
            let (from, to) = split(stream);
            let seat = Seat { bell: hall.bell(who.number), hall, who: who.clone() };
            let why =
                Attending { seat, from, to, lines: Splitter::new(LONGEST), writing: Vec::new() }.run().await;
            if is_announced {
                info!(client = %who, %why, "client left");
            } else {
                debug!(client = %who, %why, "client left");
            }
        }
        Err(full) => {
            if hall.may_log_full() {
                info!(ticket, "client turned away: {full}");
            }
            turn_away(stream, full).await;
        }
    }
}

/// Says that there is no room.
async fn turn_away(mut stream: Stream, full: Full) {
    let said = async {
        stream.write_all(format!("error: {full}\n").as_bytes()).await?;
        stream.finish().await?;
        until_end(&mut stream).await
    };
    // Who does not read it is not told.
    let _ = timeout(LINGER, said).await;
}

/// The client's place in the room: free again when it is dropped, whatever has happened.
struct Seat {
    hall: Hall,
    who: Identity,
    bell: Arc<Notify>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let number = self.who.number;
        // Nothing, if it has left already.
        self.hall.with(|room, now| room.leave(number, Leaving::Lost, now.since_start));
        self.hall.forget(number);
    }
}

struct Attending {
    seat: Seat,
    from: ReadHalf<Stream>,
    to: WriteHalf<Stream>,
    lines: Splitter,
    /// What is being written.
    writing: Vec<u8>,
}

/// How it is with a client.
enum Now {
    /// Its next line can be taken.
    Takes,
    /// Its next line has to wait: until it reads, or until then.
    Waits(Option<Instant>),
    /// It has left; what waits for it is to be written.
    Leaves,
}

impl Attending {
    /// Serves it; why it has ended.
    async fn run(mut self) -> Leaving {
        let mut asking: Option<Asking> = None;
        let mut deadline = None;
        let mut buffer = [0; CHUNK];
        loop {
            if self.writing.is_empty() {
                self.writing = self.take();
            }
            let now = self.now();
            if matches!(now, Now::Leaves) {
                if self.writing.is_empty() {
                    return self.end().await;
                }
                deadline.get_or_insert_with(|| Instant::now() + LINGER);
            }
            let takes = matches!(now, Now::Takes) && asking.is_none();
            if takes && let Some(line) = self.lines.next_line() {
                asking = self.answer(&line);
                continue;
            }
            let wait = if let Now::Waits(until) = now { until } else { deadline };
            let happened = tokio::select! {
                () = self.seat.bell.notified() => Ok(()),
                written = self.to.write(&self.writing), if !self.writing.is_empty() => {
                    written.map(|count| drop(self.writing.drain(..count)))
                }
                read = self.from.read(&mut buffer), if takes => read.map(|count| match count {
                    0 => self.finish_lines(&mut asking),
                    count => self.lines.push(buffer.get(..count).unwrap_or_default()),
                }),
                answer = poll(&mut asking) => {
                    asking = None;
                    self.say(answer);
                    Ok(())
                }
                () = until(wait) => if deadline.is_some() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) },
            };
            if happened.is_err() {
                return self.why(Leaving::Lost);
            }
        }
    }

    /// The next that is to be written.
    fn take(&self) -> Vec<u8> {
        let number = self.seat.who.number;
        self.seat
            .hall
            .with(|room, _| room.member(number).map(|own| own.outbox.take(CHUNK)).unwrap_or_default())
    }

    fn now(&self) -> Now {
        let number = self.seat.who.number;
        let (takes, left, waits) = self.seat.hall.with(|room, now| {
            let waits = room.waits(number, now.since_start);
            let own = room.member(number);
            let takes = own.as_ref().is_some_and(|own| own.outbox.takes_questions());
            (takes, own.is_none_or(|own| !own.is_here()), waits)
        });
        match (left, takes, waits) {
            (true, ..) => Now::Leaves,
            (_, true, None) => Now::Takes,
            (_, _, waits) => Now::Waits(waits.map(|at| self.seat.hall.instant(at))),
        }
    }

    /// Answers a line; proxy2, if it is to be asked.
    fn answer(&self, line: &common::lines::Line) -> Option<Asking> {
        let number = self.seat.who.number;
        let turn = self.seat.hall.with(|room, now| session::answer(room, number, line, now));
        let Turn::Proxy(request) = turn else { return None };
        info!(client = %self.seat.who, ?request, "proxy2 is asked");
        let proxy = self.seat.hall.settings().proxy.clone();
        Some(Box::pin(async move {
            match proxy {
                Some(proxy) => proxy.ask(&request).await,
                None => Err("this server knows of no proxy2: `console serve --control` names one".into()),
            }
        }))
    }

    /// What proxy2 has said.
    fn say(&self, answer: Result<String, String>) {
        let text = answer.unwrap_or_else(|why| format!("error: {why}\n"));
        self.seat.hall.with(|room, _| room.answer(self.seat.who.number, text));
    }

    /// Nothing more comes: what came without a line end is the last line.
    fn finish_lines(&mut self, asking: &mut Option<Asking>) {
        if let Some(line) = self.lines.last_line() {
            *asking = self.answer(&line);
            if asking.is_some() {
                return;
            }
        }
        let number = self.seat.who.number;
        self.seat.hall.with(|room, now| room.leave(number, Leaving::Ended, now.since_start));
    }

    /// Ends both directions in order: what the client is told last would else be lost where the path loses it.
    async fn end(self) -> Leaving {
        let why = self.why(Leaving::Ended);
        let Self { seat: _seat, from, to, .. } = self;
        let mut stream = from.unsplit(to);
        let ending = async {
            stream.finish().await?;
            until_end(&mut stream).await
        };
        // Who does not end its own direction is reset.
        let _ = timeout(LINGER, ending).await;
        why
    }

    /// Why it has left; `otherwise`, if it has not.
    fn why(&self, otherwise: Leaving) -> Leaving {
        let number = self.seat.who.number;
        self.seat.hall.with(|room, _| match room.member(number).map(|own| own.presence.clone()) {
            Some(Presence::Left(why)) => why,
            Some(Presence::Here) | None => otherwise,
        })
    }
}

/// Reads what still comes, and forgets it.
async fn until_end(stream: &mut Stream) -> io::Result<()> {
    let mut buffer = [0; CHUNK];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// What proxy2 says, if it is asked.
async fn poll(asking: &mut Option<Asking>) -> Result<String, String> {
    match asking {
        Some(asking) => asking.await,
        None => pending().await,
    }
}

/// Until then, if there is an end.
async fn until(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => pending().await,
    }
}
