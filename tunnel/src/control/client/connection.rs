//! One control stream, from the end that asks.

use std::collections::BTreeMap;
use std::io;

use proto::sealed::wire::frame::ResetCode;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

use super::commands::{Command, Identity, NameEvent, NameFeed, Question, ServiceInfo};
use super::task::{Table, ToAsk, idle};
use crate::control::lines::Lines;
use crate::control::messages::{Answer, Asked, Body, Event, RegistrationId, Reply, Request, RequestNumber};
use crate::control::outgoing::Outgoing;
use crate::local::pipe::{PipeStream, reset_code};
use crate::sentence::shown;

/// Lines of one answer at the most: 32 MiB, and what a proxy2 has takes a third of that. More would fill the memory.
pub(super) const MAX_LINES: usize = 2_048;

/// How a control stream has ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Nothing was to be asked any more.
    Idle,
    /// The stream was lost, or what came was none of a reply.
    Broken {
        /// Something had come before.
        answered: bool,
        /// Why it was reset.
        code: Option<ResetCode>,
    },
    /// Nobody is left who could ask.
    Closed,
}

/// A control stream.
#[derive(Debug)]
pub(super) struct Connection {
    stream: PipeStream,
}

/// What is known of a control stream that runs.
#[derive(Debug, Default)]
struct Dialogue {
    outgoing: Outgoing,
    next: RequestNumber,
    waiting: BTreeMap<RequestNumber, Waiting>,
    /// How many of them wait for a registration.
    registering: usize,
    watches: BTreeMap<RequestNumber, NameFeed>,
    answered: bool,
}

/// Who waits for an answer.
#[derive(Debug)]
enum Waiting {
    Registration(RegistrationId),
    Nobody,
    Found(Partial<Vec<ServiceInfo>>),
    Identity(Partial<Identity>),
    Why(oneshot::Sender<Option<String>>),
    Watch(NameFeed, oneshot::Sender<Result<(), String>>),
    Explained,
}

/// An answer that may take several lines, as far as it has come.
#[derive(Debug)]
struct Partial<T> {
    all: T,
    lines: usize,
    answer: oneshot::Sender<Result<T, String>>,
}

impl<T: Default> Partial<T> {
    fn new(answer: oneshot::Sender<Result<T, String>>) -> Self {
        Self { all: T::default(), lines: 0, answer }
    }

    /// Takes one line. What waits for more; `None`: whoever has asked has been told.
    fn take(mut self, more: bool, add: impl FnOnce(&mut T)) -> Option<Self> {
        if self.lines == MAX_LINES {
            self.fail(format!("proxy2 has answered with more than {MAX_LINES} lines; ask for less"));
            return None;
        }
        self.lines += 1;
        add(&mut self.all);
        if more {
            return Some(self);
        }
        // Whoever has asked may not wait any more.
        let _ = self.answer.send(Ok(self.all));
        None
    }

    fn fail(self, why: String) {
        let _ = self.answer.send(Err(why));
    }
}

impl Connection {
    /// Over this stream, which may not be open yet.
    pub(super) const fn new(stream: PipeStream) -> Self {
        Self { stream }
    }

    /// Asks what there is to ask, and takes what comes.
    pub(super) async fn run(
        self,
        table: &mut Table,
        commands: &mut mpsc::UnboundedReceiver<Command>,
    ) -> Ended {
        let (read, mut write) = tokio::io::split(self.stream);
        let mut lines = Lines::new(read);
        let mut dialogue = Dialogue::default();
        loop {
            match dialogue.turn(table, commands, &mut lines, &mut write).await {
                Ok(None) => {}
                Ok(Some(ended)) => return ended,
                Err(error) => {
                    return Ended::Broken { answered: dialogue.answered, code: reset_code(&error) };
                }
            }
        }
    }
}

impl Dialogue {
    async fn turn(
        &mut self,
        table: &mut Table,
        commands: &mut mpsc::UnboundedReceiver<Command>,
        lines: &mut Lines<impl AsyncRead + Unpin>,
        write: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<Option<Ended>> {
        self.ask_all(table);
        if self.registering == 0 {
            table.announce();
        }
        self.watches.retain(|_, watch| !watch.is_closed());
        let is_idle = self.waiting.is_empty() && self.watches.is_empty() && !table.has_work();
        let again = table.next_again();
        tokio::select! {
            written = write.write(self.outgoing.rest()), if !self.outgoing.rest().is_empty() => {
                self.outgoing.advance(written?);
            }
            line = lines.next() => match line? {
                Some(line) => self.take(line, table)?,
                None => return Ok(Some(Ended::Broken { answered: self.answered, code: None })),
            },
            command = commands.recv() => match command {
                Some(command) => table.take(command),
                None => return Ok(Some(Ended::Closed)),
            },
            () = async { sleep_until(again.expect("it is waited for")).await }, if again.is_some() => {
                table.ask_again();
            }
            () = idle(), if is_idle => {
                write.shutdown().await?;
                return Ok(Some(Ended::Idle));
            }
        }
        Ok(None)
    }

    /// Writes what there is to ask, as far as there is room: all of it is on its way before the first answer.
    fn ask_all(&mut self, table: &mut Table) {
        while self.outgoing.has_room()
            && let Some(ask) = table.to_ask.pop_front()
        {
            let (what, waiting) = match ask {
                ToAsk::Register(id) => match table.register(id) {
                    Some(what) => {
                        self.registering += 1;
                        (what, Waiting::Registration(id))
                    }
                    None => continue,
                },
                ToAsk::End(what) => (what, Waiting::Nobody),
                ToAsk::Watch(glob, events, answer) => {
                    (Asked::Watch { glob: glob.to_string() }, Waiting::Watch(events, answer))
                }
                ToAsk::Explain(destination) => (Asked::Why { destination }, Waiting::Explained),
                ToAsk::Question(question) => (question.asked(), question.into()),
            };
            let n = self.next;
            self.next = self.next.wrapping_add(1);
            self.outgoing.add(&Request { n, what });
            self.waiting.insert(n, waiting);
        }
    }

    fn take(&mut self, line: &[u8], table: &mut Table) -> io::Result<()> {
        let reply = Reply::from_line(line);
        let reply = reply.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "none of a reply"))?;
        self.answered = true;
        match reply {
            Reply::Answer(Answer { n: Some(n), body }) => self.answer(n, body, table),
            Reply::Answer(Answer { n: None, body }) => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{body:?}")));
            }
            Reply::Event(Event::Lost { id, why }) => table.lost(id, &why),
            Reply::Event(Event::Appeared { watch, found }) => {
                self.tell(watch, ServiceInfo::read(found).map(NameEvent::Appeared));
            }
            Reply::Event(Event::Gone { watch, found }) => {
                self.tell(watch, ServiceInfo::read(found).map(NameEvent::Gone));
            }
            Reply::Event(Event::Overrun { watch }) => {
                self.watches.remove(&watch).iter().for_each(NameFeed::overrun);
            }
            Reply::Event(Event::Unknown) => {}
        }
        Ok(())
    }

    /// Tells of a change. Who does not take it hears nothing more, and knows that by the end.
    fn tell(&mut self, watch: RequestNumber, event: Option<NameEvent>) {
        let Some(event) = event else { return };
        if self.watches.get(&watch).is_some_and(|events| !events.tell(event)) {
            self.watches.remove(&watch);
            let n = self.next;
            self.next = self.next.wrapping_add(1);
            self.outgoing.add(&Request { n, what: Asked::Unwatch { watch } });
            self.waiting.insert(n, Waiting::Nobody);
        }
    }

    fn answer(&mut self, n: RequestNumber, body: Body, table: &mut Table) {
        let Some(waiting) = self.waiting.remove(&n) else { return };
        if matches!(waiting, Waiting::Registration(_)) {
            self.registering -= 1;
        }
        // Whoever has asked may not wait any more.
        match (waiting, body) {
            (Waiting::Registration(id), Body::Bound { at }) => table.held(id, Some(&at)),
            (Waiting::Registration(id), Body::Error(why)) => table.refused(id, &why),
            (Waiting::Registration(id), _) => table.held(id, None),
            (Waiting::Found(partial), Body::Names { names, more }) => {
                let names = names.into_iter().filter_map(ServiceInfo::read);
                let rest = partial.take(more, |all| all.extend(names)).map(Waiting::Found);
                self.waiting.extend(rest.map(|rest| (n, rest)));
            }
            (Waiting::Identity(partial), Body::Identity { ticket, rules, more }) => {
                let rest = partial.take(more, |all| {
                    all.ticket = ticket;
                    all.rules.extend(rules);
                });
                self.waiting.extend(rest.map(|rest| (n, Waiting::Identity(rest))));
            }
            (Waiting::Why(answer), Body::Because { sentence }) => {
                let _ = answer.send(Some(shown(&sentence)));
            }
            (Waiting::Why(answer), _) => drop(answer.send(None)),
            (Waiting::Watch(events, answer), Body::Done {}) => {
                self.watches.insert(n, events);
                let _ = answer.send(Ok(()));
            }
            (Waiting::Watch(_, answer), Body::Error(why)) => drop(answer.send(Err(shown(&why.sentence)))),
            (Waiting::Found(partial), Body::Error(why)) => partial.fail(shown(&why.sentence)),
            (Waiting::Identity(partial), Body::Error(why)) => partial.fail(shown(&why.sentence)),
            (Waiting::Explained, Body::Because { sentence }) => table.explained(Some(&shown(&sentence))),
            (Waiting::Explained, _) => table.explained(None),
            // Something else than was asked for: whoever waits is told that there is no answer.
            (Waiting::Nobody | Waiting::Found(..) | Waiting::Identity(..) | Waiting::Watch(..), _) => {}
        }
    }
}

impl From<Question> for Waiting {
    fn from(question: Question) -> Self {
        match question {
            Question::Find(_, answer) => Self::Found(Partial::new(answer)),
            Question::WhoAmI(answer) => Self::Identity(Partial::new(answer)),
            Question::Why(_, answer) => Self::Why(answer),
        }
    }
}
