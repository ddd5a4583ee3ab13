//! One control stream: requests are answered in their order, and what happens meanwhile is told.

mod answers;
mod attention;
mod finding;
mod registered;
mod rounds;
#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeMap;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tracing::debug;

use self::attention::Attention;
use self::finding::Doubts;
use self::registered::stop_listening;
use self::rounds::Rounds;
use super::LinkPort;
use super::listening::Listening;
use super::relay::Reach;
use crate::control::lines::Lines;
use crate::control::messages::{
    Answer, Asked, Body, Event, FoundName, Malformed, Refused, RefusedCode, RegistrationId, Reply, Request,
    RequestNumber,
};
use crate::control::outgoing::Outgoing;
use crate::local::access::Access;
use crate::local::forwarding::Bound;
use crate::local::grant::PeerRegistration;
use crate::local::pipe::PipeStream;
use crate::names::{Change, Found, NameWatch, Publication, Service};
use crate::rules::{NameGlob, RuleFault};
use crate::sentence::shown;

/// Addresses of this stream that others may want at a time; more wait.
const WANTED: usize = 64;
/// How long the peer has to read why its stream ends.
const LINGER: Duration = Duration::from_secs(1);
/// How long a request waits before it is looked again whether it may be answered.
const PAUSE: Duration = Duration::from_millis(20);

/// A control stream at proxy2.
pub(super) struct Session {
    port: LinkPort,
    access: Access,
    registrations: BTreeMap<RegistrationId, Registered>,
    watches: Vec<(RequestNumber, NameWatch)>,
    rounds: Rounds,
    outgoing: Outgoing,
    busy: Busy,
    attention: Attention,
    /// The ticket has asked for as much as it may for now: what is not answered yet waits.
    is_held_back: bool,
    /// Registrations whose address another process of the ticket wants.
    wanted: mpsc::Receiver<RegistrationId>,
    want: mpsc::Sender<RegistrationId>,
}

/// What is held for the peer.
#[derive(Debug)]
enum Registered {
    Listening(Arc<PeerRegistration>, Bound),
    Published(Arc<PeerRegistration>, Publication<Reach>),
}

impl Registered {
    /// What it is.
    fn of(&self) -> &PeerRegistration {
        match self {
            Self::Listening(registration, _) | Self::Published(registration, _) => registration,
        }
    }
}

/// What came of a request to listen.
type Listened = (RequestNumber, RegistrationId, Result<Listening, Refused>);

/// A request that is not answered at once; the next one waits.
enum Busy {
    Nothing,
    /// It was read, and waits until the ticket may ask for something.
    Asked(Result<Request, Malformed>),
    Listening(
        RequestNumber,
        RegistrationId,
        Pin<Box<dyn Future<Output = Result<Listening, Refused>> + Send>>,
    ),
    /// Asks those who publish names of this form whether they are there.
    Doubting(RequestNumber, NameGlob, Doubts),
    /// Waits for their answers.
    Waiting(RequestNumber, NameGlob, Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Tells the names of this form behind one.
    Finding(RequestNumber, NameGlob, Option<Service>),
    /// Tells rules, from this one on.
    Identifying(RequestNumber, usize),
}

impl Session {
    /// One of the link of `port`.
    pub(super) fn new(port: LinkPort) -> Self {
        let (want, wanted) = mpsc::channel(WANTED);
        Self {
            access: port.ticket.access(),
            attention: Attention::new(&port.presence),
            port,
            registrations: BTreeMap::new(),
            watches: Vec::new(),
            rounds: Rounds::new(),
            outgoing: Outgoing::default(),
            busy: Busy::Nothing,
            is_held_back: false,
            wanted,
            want,
        }
    }

    /// Serves until the stream ends, or breaks the rules. What it has registered ends then.
    pub(super) async fn serve(mut self, stream: PipeStream) {
        let (read, mut write) = tokio::io::split(stream);
        let mut lines = Lines::new(read);
        // What ends it is the end of the stream, whatever it is called.
        while let Ok(true) = self.turn(&mut lines, &mut write).await {}
        self.end_all().await;
        // Dropped at once, the stream would take back what was said last.
        let _ = timeout(LINGER, lines.discard()).await;
    }

    /// Ends what the stream has registered.
    async fn end_all(&mut self) {
        for registered in std::mem::take(&mut self.registrations).into_values() {
            if let Registered::Listening(_, bound) = registered {
                stop_listening(&self.port.requests, bound).await;
            }
        }
    }

    /// One thing after the other. `false`: the stream has ended.
    async fn turn(
        &mut self,
        lines: &mut Lines<impl AsyncRead + Unpin>,
        write: &mut (impl AsyncWriteExt + Unpin),
    ) -> io::Result<bool> {
        if !self.go_on(write).await? {
            return Ok(false);
        }
        let has_room = self.outgoing.has_room();
        let publishes = self.registrations.values().any(|one| matches!(one, Registered::Published(..)));
        let may_read = has_room && matches!(self.busy, Busy::Nothing);
        tokio::select! {
            biased;
            true = self.access.changed() => self.check_rules().await,
            Some(id) = self.wanted.recv() => self.hand_over(id).await,
            concern = self.attention.next(), if publishes => self.attend(concern).await,
            written = write.write(self.outgoing.rest()), if !self.outgoing.rest().is_empty() => {
                self.outgoing.advance(written?);
            }
            (place, change) = next_change(&mut self.watches), if has_room => self.tell(place, change),
            line = lines.next(), if may_read => match line {
                Ok(Some(line)) => self.busy = Busy::Asked(Request::from_line(line)),
                Ok(None) => {
                    write.shutdown().await?;
                    return Ok(false);
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return self.fault(error.to_string(), write).await;
                }
                Err(error) => return Err(error),
            },
            step = self.busy.step(self.is_held_back, has_room) => if let Some((n, id, done)) = step {
                self.listened(n, id, done).await;
            },
            () = self.rounds.due(), if !self.watches.is_empty() => self.go_round(),
        }
        Ok(true)
    }

    /// Ends the stream, and says why.
    async fn fault(&mut self, why: String, write: &mut (impl AsyncWriteExt + Unpin)) -> io::Result<bool> {
        self.port.exchange.counters.count(|counters| counters.control_faults += 1);
        // Before it waits for a peer that may not read: nobody looks after the rules of what is registered any more.
        self.end_all().await;
        self.watches.clear();
        let fault = Body::Error(Refused::new(RefusedCode::Malformed, why));
        self.outgoing.add(&Reply::Answer(Answer { n: None, body: fault }));
        write.write_all(self.outgoing.rest()).await?;
        write.shutdown().await?;
        Ok(false)
    }

    async fn take(
        &mut self,
        request: Result<Request, Malformed>,
        write: &mut (impl AsyncWriteExt + Unpin),
    ) -> io::Result<bool> {
        match request {
            Ok(Request { n, what }) => {
                self.port.exchange.counters.count(|counters| counters.control_requests += 1);
                match self.ask(n, what).await {
                    Ok(Some(body)) => self.answer(n, body),
                    Ok(None) => {}
                    Err(refused) => self.refuse(n, refused),
                }
            }
            Err(Malformed { n: Some(n), why }) => self.refuse(n, Refused::new(RefusedCode::Malformed, why)),
            Err(Malformed { n: None, why }) => return self.fault(why, write).await,
        }
        Ok(true)
    }

    fn answer(&mut self, n: RequestNumber, body: Body) {
        self.outgoing.add(&Reply::Answer(Answer { n: Some(n), body }));
    }

    fn event(&mut self, event: Event) {
        self.outgoing.add(&Reply::Event(event));
    }

    fn refuse(&mut self, n: RequestNumber, refused: Refused) {
        debug!(ticket = self.access.name(), "a request was refused: {}", shown(&refused.sentence));
        self.answer(n, Body::Error(refused));
    }

    /// The answer to a request; `None`: it takes longer.
    async fn ask(&mut self, n: RequestNumber, what: Asked) -> Result<Option<Body>, Refused> {
        let done = Ok(Some(Body::Done {}));
        match what {
            Asked::Listen { id, at } => {
                self.begin_to_listen(n, id, &at).inspect_err(|_| self.count_refused())?;
                Ok(None)
            }
            Asked::Publish { id, name, udp } => {
                self.publish(id, &name, udp).inspect_err(|_| self.count_refused())?;
                done
            }
            Asked::Unlisten { id } | Asked::Unpublish { id } => {
                let gone = self.registrations.remove(&id).ok_or_else(|| absent(id))?;
                if let Registered::Listening(_, bound) = gone {
                    stop_listening(&self.port.requests, bound).await;
                }
                done
            }
            Asked::Find { glob } => {
                self.busy = Busy::Doubting(n, read_glob(&glob)?, Doubts::default());
                Ok(None)
            }
            Asked::Watch { glob } => {
                self.watch(n, read_glob(&glob)?)?;
                done
            }
            Asked::Unwatch { watch } => {
                let place =
                    self.watches.iter().position(|(n, _)| *n == watch).ok_or_else(|| absent(watch))?;
                self.watches.remove(place);
                done
            }
            Asked::WhoAmI => {
                self.busy = Busy::Identifying(n, 0);
                Ok(None)
            }
            Asked::Why { destination } => Ok(Some(self.why(&destination)?)),
            Asked::Unknown => {
                let sentence = "this proxy2 does not know that request: use a newer one";
                Err(Refused::new(RefusedCode::Unsupported, sentence))
            }
        }
    }

    fn count_refused(&self) {
        self.port.exchange.counters.count(|counters| counters.registrations_refused += 1);
    }
}

impl Busy {
    /// Waits until what is to be listened at is, or cannot be; or, with `None`, until the next step of another answer may be tried:
    /// other tasks get their turn in between. Cancel safe.
    async fn step(&mut self, is_held_back: bool, has_room: bool) -> Option<Listened> {
        match self {
            Self::Listening(n, id, listening) => return Some((*n, *id, listening.await)),
            Self::Waiting(n, glob, decided) => {
                decided.await;
                *self = Self::Finding(*n, glob.clone(), None);
                return None;
            }
            Self::Asked(_) | Self::Doubting(..) | Self::Finding(..) | Self::Identifying(..) if has_room => {}
            Self::Nothing
            | Self::Asked(_)
            | Self::Doubting(..)
            | Self::Finding(..)
            | Self::Identifying(..) => pending().await,
        }
        if is_held_back {
            sleep(PAUSE).await
        } else {
            yield_now().await
        }
        None
    }
}

/// The next change that one of the watches has seen. Cancel safe.
async fn next_change(watches: &mut [(RequestNumber, NameWatch)]) -> (usize, Option<Change>) {
    poll_fn(|cx| {
        for (place, (_, watch)) in watches.iter_mut().enumerate() {
            if let Poll::Ready(change) = watch.poll_next(cx) {
                return Poll::Ready((place, change));
            }
        }
        Poll::Pending
    })
    .await
}

fn read_glob(text: &str) -> Result<NameGlob, Refused> {
    text.parse().map_err(|fault: RuleFault| Refused::new(RefusedCode::Malformed, fault.to_string()))
}

fn absent(id: u32) -> Refused {
    Refused::new(RefusedCode::Absent, format!("there is nothing under the number {id}"))
}

impl From<Found> for FoundName {
    fn from(found: Found) -> Self {
        let Found { service, publishers, tickets } = found;
        Self { name: service.name.to_string(), udp: service.udp, publishers, tickets }
    }
}
