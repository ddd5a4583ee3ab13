//! Keeps a control stream while there is something to ask for, and asks for everything again on the next one.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use proto::destination::Destination;
use proto::sealed::wire::frame::ResetCode;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use super::announcements::Announcements;
use super::commands::{Command, NameFeed, Question, RegistrationState};
use super::connection::{Connection, Ended};
use super::registrations::Registrations;
use crate::control::messages::{Asked, Refused, RefusedCode, RegistrationId};
use crate::control::places::{asked_text, read_held};
use crate::limit::Limit;
use crate::link::sealed::{LinkRequest, LinkStatus, RequestSender};
use crate::local::forwarding::Bound;
use crate::local::pipe::pipe;
use crate::metrics::SharedCounters;
use crate::rules::NameGlob;
use crate::sentence::shown;
use crate::settings::ReverseAt;

/// The first wait before another control stream is opened, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// After how long what was refused is asked for again: somebody may have allowed it, or freed the address.
const AGAIN: Duration = Duration::from_secs(10);
/// How long a control stream stays without anything to ask or to hear: the next question may follow.
const IDLE: Duration = Duration::from_secs(1);
/// Destinations for which the log has said why they are forbidden, before it may say it again.
const MAX_EXPLAINED: usize = 256;
/// Such questions of the log that wait for an answer: whoever asks for what is forbidden, without end, must not fill the memory where
/// proxy2 does not answer, nor take the ticket's requests from others.
const MAX_EXPLAINING: usize = 16;

/// The task of one link.
#[derive(Debug)]
pub(crate) struct ControlTask {
    link: RequestSender,
    status: watch::Receiver<LinkStatus>,
    commands: mpsc::UnboundedReceiver<Command>,
    pub(super) table: Table,
}

/// What is asked for, whichever the control stream.
#[derive(Debug)]
pub(super) struct Table {
    recipients: Registrations,
    registrations: BTreeMap<RegistrationId, Wanted>,
    /// When what was refused is asked for again.
    again: Option<Instant>,
    next: RegistrationId,
    /// What has to be asked on this control stream.
    pub(super) to_ask: VecDeque<ToAsk>,
    explained: HashSet<Vec<u8>>,
    /// What the log is to be told of.
    announcements: Announcements,
    /// How many of them proxy2 has not answered.
    explaining: usize,
    lines: Limit,
    counters: SharedCounters,
}

/// A registration that is wanted.
#[derive(Debug)]
struct Wanted {
    at: ReverseAt,
    /// Where clients are carried to, if it is not this process.
    to: Option<String>,
    /// Its clients send datagrams.
    udp: bool,
    state: watch::Sender<RegistrationState>,
    /// It was refused, and is asked for again later.
    refused: bool,
    /// The log has said that it is held.
    was_held: bool,
}

/// Something to ask.
#[derive(Debug)]
pub(super) enum ToAsk {
    /// To register that.
    Register(RegistrationId),
    /// To end a registration, which was one for an address or for a name.
    End(Asked),
    /// A question.
    Question(Question),
    /// To tell of names.
    Watch(NameGlob, NameFeed, oneshot::Sender<Result<(), String>>),
    /// A question of the log.
    Explain(String),
}

impl ControlTask {
    /// Asks over `link`, on behalf of `commands`.
    pub(crate) fn new(
        link: RequestSender,
        status: watch::Receiver<LinkStatus>,
        commands: mpsc::UnboundedReceiver<Command>,
        recipients: Registrations,
        counters: SharedCounters,
    ) -> Self {
        let table = Table {
            recipients,
            registrations: BTreeMap::new(),
            again: None,
            next: 1,
            to_ask: VecDeque::new(),
            explained: HashSet::new(),
            announcements: Announcements::default(),
            explaining: 0,
            lines: Limit::new(std::time::Instant::now()),
            counters,
        };
        Self { link, status, commands, table }
    }

    /// Runs until the link is over.
    pub(crate) async fn run(mut self) {
        let mut wait = WAITS.0;
        loop {
            while !self.table.has_work() {
                tokio::select! {
                    () = self.link.closed() => return,
                    command = self.commands.recv() => match command {
                        Some(command) => self.table.take(command),
                        None => return,
                    },
                }
            }
            let (end, stream) = pipe();
            let open = LinkRequest::Open(Destination::Control.to_wire(), end.into());
            if self.link.send(open).await.is_err() {
                return;
            }
            self.table.begin();
            let ended = Connection::new(stream).run(&mut self.table, &mut self.commands).await;
            self.table.interrupt();
            match ended {
                Ended::Idle => wait = WAITS.0,
                Ended::Broken { answered: true, .. } => wait = WAITS.0,
                Ended::Broken { answered: false, code } => self.note_unanswered(code),
                Ended::Closed => return,
            }
            if self.table.has_work() {
                self.pause(wait).await;
                wait = (wait * 2).min(WAITS.1);
            }
        }
    }

    /// No control stream could be had.
    fn note_unanswered(&mut self, code: Option<ResetCode>) {
        let is_up = matches!(*self.status.borrow(), LinkStatus::Up { .. });
        if code == Some(ResetCode::Forbidden) && is_up {
            let sentence = "proxy2 takes no control stream: use the same version of Paso on both sides";
            self.table.refuse_all(&Refused::new(RefusedCode::Unsupported, sentence));
        }
    }

    /// Waits, but not for longer than the link takes to come up; commands are taken meanwhile.
    async fn pause(&mut self, wait: Duration) {
        let until = Instant::now() + wait;
        self.status.mark_unchanged();
        loop {
            tokio::select! {
                () = sleep_until(until) => return,
                () = self.link.closed() => return,
                changed = self.status.changed() => {
                    if changed.is_err() || matches!(*self.status.borrow(), LinkStatus::Up { .. }) {
                        return;
                    }
                }
                Some(command) = self.commands.recv() => self.table.take(command),
            }
        }
    }
}

impl Table {
    /// Whether a control stream is needed.
    pub(super) fn has_work(&self) -> bool {
        !self.to_ask.is_empty() || self.registrations.values().any(Wanted::is_wanted)
    }

    /// There is a new control stream: everything has to be asked for on it.
    fn begin(&mut self) {
        self.to_ask.retain(|ask| !matches!(ask, ToAsk::Register(_) | ToAsk::End(_)));
        self.again = None;
        for (id, wanted) in &mut self.registrations {
            if wanted.is_wanted() {
                wanted.refused = false;
                self.to_ask.push_back(ToAsk::Register(*id));
            }
        }
    }

    /// The control stream is gone: whoever waits for an answer is told by that there is none, registrations wait for the next.
    fn interrupt(&mut self) {
        self.to_ask.clear();
        self.explaining = 0;
        for wanted in self.registrations.values() {
            wanted.state.send_if_modified(|state| {
                let was_held = matches!(state, RegistrationState::Held(_));
                if was_held {
                    *state = RegistrationState::Pending;
                }
                was_held
            });
        }
    }

    /// Does what this process asks for.
    pub(super) fn take(&mut self, command: Command) {
        match command {
            Command::Register { at, recipient, state, number } => {
                let id = self.next;
                self.next = self.next.wrapping_add(1);
                let (to, udp) = (recipient.target(), recipient.takes_datagrams());
                self.recipients.insert(id, recipient);
                self.registrations.insert(id, Wanted { at, to, udp, state, refused: false, was_held: false });
                self.to_ask.push_back(ToAsk::Register(id));
                // Whoever has asked may be gone; then so is the registration, by its number.
                if number.send(id).is_err() {
                    self.unregister(id);
                }
            }
            Command::UnregisterAt(at, udp, answer) => {
                let there: Vec<_> = self
                    .registrations
                    .iter()
                    .filter(|(_, wanted)| wanted.at == at && wanted.udp == udp)
                    .map(|(id, _)| *id)
                    .collect();
                there.iter().for_each(|id| self.unregister(*id));
                let _ = answer.send(!there.is_empty());
            }
            Command::Unregister(id) => self.unregister(id),
            Command::Ask(question) if question.is_closed() => {}
            Command::Ask(question) => self.to_ask.push_back(ToAsk::Question(question)),
            Command::Watch(glob, events, answer) => self.to_ask.push_back(ToAsk::Watch(glob, events, answer)),
            Command::Explain(destination) => self.explain(destination),
        }
    }

    fn unregister(&mut self, id: RegistrationId) {
        self.recipients.remove(id);
        let Some(wanted) = self.registrations.remove(&id) else { return };
        let before = self.to_ask.len();
        self.to_ask.retain(|ask| !matches!(ask, ToAsk::Register(waiting) if *waiting == id));
        if self.to_ask.len() == before {
            self.to_ask.push_back(ToAsk::End(match wanted.at {
                ReverseAt::Listen(_) => Asked::Unlisten { id },
                ReverseAt::Publish(_) => Asked::Unpublish { id },
            }));
        }
    }

    /// How to ask for a registration, if it is still wanted.
    pub(super) fn register(&self, id: RegistrationId) -> Option<Asked> {
        let wanted = self.registrations.get(&id)?;
        Some(match &wanted.at {
            ReverseAt::Listen(listen) => Asked::Listen { id, at: asked_text(listen) },
            ReverseAt::Publish(name) => Asked::Publish { id, name: name.to_string(), udp: wanted.udp },
        })
    }

    /// proxy2 takes clients.
    pub(super) fn held(&mut self, id: RegistrationId, at: Option<&str>) {
        let Some(wanted) = self.registrations.get_mut(&id) else { return };
        let bound = at.and_then(read_held);
        self.recipients.set_address(id, bound.as_ref().and_then(Bound::tcp));
        let is_again = std::mem::replace(&mut wanted.was_held, true);
        self.announcements.add(&wanted.at, bound.as_ref(), wanted.to.as_deref(), is_again);
        wanted.state.send_replace(RegistrationState::Held(bound));
    }

    /// Nothing that was asked for waits for its answer: the log is told of what proxy2 takes clients for.
    pub(super) fn announce(&mut self) {
        self.announcements.tell(&self.lines);
    }

    /// proxy2 does not take clients.
    pub(super) fn refused(&mut self, id: RegistrationId, why: &Refused) {
        let Some(wanted) = self.registrations.get_mut(&id) else { return };
        // Whoever has asked for it waits for its first answer, and says what it is.
        let was_pending = *wanted.state.borrow() == RegistrationState::Pending;
        let is_first = was_pending && !wanted.was_held && !wanted.refused;
        let is_news = wanted.is_now(RegistrationState::Refused(shown(&why.sentence)));
        wanted.refused = true;
        self.again.get_or_insert_with(|| Instant::now() + AGAIN);
        if is_news {
            self.counters.count(|counters| counters.registrations_refused += 1);
        }
        if is_news && !is_first {
            self.warn(why);
        }
    }

    /// proxy2 does not take clients any more.
    pub(super) fn lost(&mut self, id: RegistrationId, why: &Refused) {
        let Some(wanted) = self.registrations.get_mut(&id) else { return };
        if why.error == RefusedCode::Moved {
            // Two processes that took it from each other would never end.
            wanted.state.send_replace(RegistrationState::Lost(shown(&why.sentence)));
            self.counters.count(|counters| counters.registrations_handed_over += 1);
        } else {
            wanted.state.send_replace(RegistrationState::Refused(shown(&why.sentence)));
            wanted.refused = true;
            self.again.get_or_insert_with(|| Instant::now() + AGAIN);
            self.counters.count(|counters| counters.registrations_lost += 1);
        }
        self.warn(why);
    }

    fn refuse_all(&mut self, why: &Refused) {
        let all: Vec<_> = self.registrations.keys().copied().collect();
        all.into_iter().for_each(|id| self.refused(id, why));
    }

    fn warn(&self, why: &Refused) {
        if let Some(held_back) = self.lines.pass(std::time::Instant::now()) {
            warn!(held_back, "{}", shown(&why.sentence));
        }
    }

    /// Asks why a stream is forbidden, once for each destination.
    fn explain(&mut self, destination: Vec<u8>) {
        if self.explaining >= MAX_EXPLAINING {
            return;
        }
        if self.explained.len() >= MAX_EXPLAINED {
            self.explained.clear();
        }
        let Ok(text) = String::from_utf8(destination.clone()) else { return };
        if self.explained.insert(destination) {
            self.explaining += 1;
            self.to_ask.push_back(ToAsk::Explain(text));
        }
    }

    /// Tells the log why a stream is forbidden, if proxy2 has said so.
    pub(super) fn explained(&mut self, sentence: Option<&str>) {
        self.explaining = self.explaining.saturating_sub(1);
        let Some(sentence) = sentence else { return };
        if let Some(held_back) = self.lines.pass(std::time::Instant::now()) {
            warn!(held_back, "forbidden: {}", sentence);
        }
    }

    /// Asks again for what was refused.
    pub(super) fn ask_again(&mut self) {
        self.again = None;
        for (id, wanted) in &mut self.registrations {
            if std::mem::take(&mut wanted.refused) {
                self.to_ask.push_back(ToAsk::Register(*id));
            }
        }
    }

    /// When there is something to ask again.
    pub(super) const fn next_again(&self) -> Option<Instant> {
        self.again
    }
}

impl Wanted {
    /// Tells whoever holds it how it is; whether that is news.
    fn is_now(&self, state: RegistrationState) -> bool {
        self.state.send_if_modified(|before| {
            let is_news = *before != state;
            *before = state;
            is_news
        })
    }

    /// Whether it is to be asked for.
    fn is_wanted(&self) -> bool {
        !matches!(*self.state.borrow(), RegistrationState::Lost(_))
    }
}

/// Waits until a control stream is not needed: for as long as somebody may ask something else. Cancel safe.
pub(super) async fn idle() {
    sleep(IDLE).await;
}

#[cfg(test)]
mod tests;
