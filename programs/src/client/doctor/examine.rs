//! The steps, one after the other: each needs the one before.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tunnel::address::HostPorts;
use tunnel::doctor::{self, Answered, Joined, Knocked, MappingLife, Measures, NotMeasured, Plan};
use tunnel::session::Identity;
use tunnel::settings::Ticket;

use super::screen::Screen;
use super::target::{self, TargetCheck};
use super::verdict::{Cause, Verdict};
use super::{Task, sentences};
use crate::client::Joining;

/// Addresses that are asked, with their ports: all that a ticket of one machine has.
const MOST_PLACES: usize = 32;

/// After how long all is measured, so that the verdict comes within 10 s.
const MEASURED: Duration = Duration::from_millis(9_200);

/// What was found out.
#[derive(Debug, Default)]
pub(super) struct Examination {
    pub(super) steps: Vec<Step>,
    pub(super) places: Vec<PlaceAnswer>,
    pub(super) identity: Option<Identity>,
    /// Whether something accepts at the target; `None`: it was not asked.
    pub(super) target_reached: Option<bool>,
    pub(super) measures: Option<Measures>,
    pub(super) not_measured: Option<NotMeasured>,
    pub(super) life: Option<MappingLife>,
    /// What was wrong, in one sentence.
    wrong: Option<String>,
    /// When it began.
    begun: Begun,
}

#[derive(Clone, Copy, Debug)]
struct Begun(Instant);

impl Default for Begun {
    fn default() -> Self {
        Self(Instant::now())
    }
}

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Its name in the document.
    pub(super) key: &'static str,
    /// Whether it went well; `None`: it only tells something.
    pub(super) ok: Option<bool>,
    pub(super) sentence: String,
}

/// What one address of proxy2 says.
#[derive(Debug)]
pub(super) struct PlaceAnswer {
    pub(super) address: SocketAddr,
    /// What is wrong there.
    pub(super) cause: Option<Cause>,
    /// How long the first answer of proxy2 took.
    pub(super) handshake: Option<Duration>,
    pub(super) datagrams: u64,
    pub(super) sentence: String,
}

impl Examination {
    /// Does all steps; what is wrong.
    pub(super) async fn run(&mut self, task: &Task, joining: Joining, screen: &mut Screen) -> Cause {
        match self.steps(task, joining, screen).await {
            Ok(()) => Cause::Well,
            Err(cause) => cause,
        }
    }

    async fn steps(&mut self, task: &Task, joining: Joining, screen: &mut Screen) -> Result<(), Cause> {
        let ticket = self.find_ticket(&joining, screen)?;
        let addresses = self.find_addresses(&joining, &ticket, screen).await?;
        let mut joined = self.knock(&ticket, addresses, screen).await?;
        let reached = self.reach(task, joining, screen).await;
        let measured = match reached {
            Ok(()) => self.measure(task, &mut joined, screen).await,
            Err(cause) => Err(cause),
        };
        let address = joined.address();
        joined.close().await;
        if task.nat && reached.is_ok() {
            self.wait_for_nat(&ticket, address, screen).await;
        }
        measured
    }

    fn find_ticket(&mut self, joining: &Joining, screen: &mut Screen) -> Result<Ticket, Cause> {
        match joining.ticket.find() {
            Ok(ticket) => {
                self.tell(screen, "ticket", Some(true), sentences::ticket(&joining.ticket));
                Ok(ticket)
            }
            Err(error) => Err(self.fail(screen, "ticket", Cause::NoTicket, error.to_string())),
        }
    }

    async fn find_addresses(
        &mut self,
        joining: &Joining,
        ticket: &Ticket,
        screen: &mut Screen,
    ) -> Result<Vec<SocketAddr>, Cause> {
        let places = if joining.at.is_empty() { doctor::places_of(ticket) } else { joining.at.clone() };
        if places.is_empty() {
            let sentence = "nothing says where proxy2 is: the ticket does not".into();
            return Err(self.fail(screen, "name", Cause::NoPlace, sentence));
        }
        screen.doing("looking names up");
        let mut addresses = Vec::new();
        let mut unknown = None;
        for (place, found) in look_up(places).await {
            match found {
                Ok(found) => {
                    if place.is_name() {
                        self.tell(screen, "name", Some(true), sentences::name(&place, &found));
                    }
                    addresses.extend(found);
                }
                Err(sentence) => {
                    self.tell(screen, "name", Some(false), sentence.clone());
                    unknown = Some(sentence);
                }
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        addresses.retain(|address| seen.insert(*address));
        addresses.truncate(MOST_PLACES);
        if addresses.is_empty() {
            self.wrong = unknown;
            return Err(Cause::NoName);
        }
        Ok(addresses)
    }

    /// Asks all addresses at once; the link to the first of them that lets this ticket in.
    async fn knock(
        &mut self,
        ticket: &Ticket,
        addresses: Vec<SocketAddr>,
        screen: &mut Screen,
    ) -> Result<Joined, Cause> {
        screen.doing("asking proxy2");
        let (found, _) = watch::channel(false);
        let mut asking = JoinSet::new();
        for (number, address) in addresses.into_iter().enumerate() {
            let (ticket, found) = (ticket.clone(), found.clone());
            asking.spawn(async move { (number, doctor::knock(&ticket, address, found).await) });
        }
        let mut all = asking.join_all().await;
        all.sort_by_key(|(number, _)| *number);
        let mut best = None;
        let mut clock = None;
        for (_, knocked) in all {
            clock = clock.or_else(|| knocked.clock.clone());
            if let Some(joined) = self.take_knock(knocked, screen) {
                match best {
                    None => best = Some(joined),
                    Some(_) => joined.close().await,
                }
            }
        }
        if let Some(sentence) = clock {
            self.tell(screen, "clock", Some(false), sentence);
        }
        best.ok_or_else(|| self.worst_place())
    }

    fn take_knock(&mut self, knocked: Knocked, screen: &mut Screen) -> Option<Joined> {
        let Knocked { address, answered, datagrams, .. } = knocked;
        let (cause, sentence) = sentences::place(address, &answered);
        self.tell(screen, "place", Some(cause.is_none()), sentence.clone());
        let mut answer = PlaceAnswer { address, cause, handshake: None, datagrams, sentence };
        let joined = match answered {
            Answered::Joined(joined, took) => {
                answer.handshake = Some(took);
                Some(*joined)
            }
            Answered::Refused(..)
            | Answered::Busy
            | Answered::Classic
            | Answered::Foreign
            | Answered::Complaint(_)
            | Answered::NotSent(_)
            | Answered::Silent => None,
        };
        self.places.push(answer);
        joined
    }

    /// No address lets this ticket in: what is wrong where most is known.
    fn worst_place(&mut self) -> Cause {
        let rank = |cause: Cause| match cause.code() {
            9 => 0,
            8 => 1,
            6 => 2,
            7 => 3,
            _ => 4,
        };
        let known = self.places.iter().filter_map(|place| place.cause.map(|cause| (cause, &place.sentence)));
        let worst = known.min_by_key(|(cause, _)| rank(*cause));
        let (cause, sentence) =
            worst.map_or((Cause::Silent, None), |(cause, text)| (cause, Some(text.clone())));
        self.wrong = sentence;
        cause
    }

    async fn reach(&mut self, task: &Task, joining: Joining, screen: &mut Screen) -> Result<(), Cause> {
        screen.doing("asking for the target");
        let TargetCheck { identity, cause, sentence, is_reached } =
            target::check(joining, task.target.as_ref()).await;
        if let Some(identity) = &identity {
            self.tell(screen, "ticket", Some(true), sentences::identity(identity));
        }
        self.identity = identity;
        self.target_reached = Some(is_reached).filter(|_| is_reached || cause.is_some());
        match cause {
            Some(cause) => Err(self.fail(screen, "target", cause, sentence)),
            None => {
                self.tell(screen, "target", is_reached.then_some(true), sentence);
                Ok(())
            }
        }
    }

    async fn measure(&mut self, task: &Task, joined: &mut Joined, screen: &mut Screen) -> Result<(), Cause> {
        let plan = Plan { load: task.load, until: self.begun.0 + MEASURED };
        match joined.measure(plan, |what| screen.doing(what)).await {
            Ok(measures) => {
                let judged = sentences::judge(&measures);
                for (key, sentence) in sentences::measures(&measures) {
                    self.tell(screen, key, None, sentence);
                }
                if task.load && measures.load.is_empty() {
                    let sentence = "no load was tried: on so slow a path there was no time left for it";
                    self.tell(screen, "load", None, sentence.into());
                }
                self.measures = Some(measures);
                let Some((cause, sentence)) = judged else { return Ok(()) };
                self.wrong = Some(sentence);
                Err(cause)
            }
            Err(error) => {
                self.not_measured = Some(error);
                self.tell(screen, "path", None, format!("{error}; only what is above is known"));
                if error == NotMeasured::Lost { Err(Cause::Lost) } else { Ok(()) }
            }
        }
    }

    async fn wait_for_nat(&mut self, ticket: &Ticket, address: SocketAddr, screen: &mut Screen) {
        let seconds = MappingLife::TAKES.as_secs();
        screen.doing(&format!("staying silent for {seconds} s, to see when a NAT forgets"));
        self.life = doctor::mapping_life(ticket, address).await;
        let sentence = sentences::mapping_life(self.life);
        self.tell(screen, "nat", None, sentence);
    }

    fn tell(&mut self, screen: &mut Screen, key: &'static str, ok: Option<bool>, sentence: String) {
        let step = Step { key, ok, sentence };
        screen.step(&step);
        self.steps.push(step);
    }

    fn fail(&mut self, screen: &mut Screen, key: &'static str, cause: Cause, sentence: String) -> Cause {
        self.wrong = Some(sentence.clone());
        self.tell(screen, key, Some(false), sentence);
        cause
    }

    /// What it all means.
    pub(super) fn verdict(&self, cause: Cause) -> Verdict {
        let port = self.places.first().map(|place| place.address.port());
        let sentence = sentences::verdict(cause, self.wrong.as_deref(), self);
        Verdict { cause, sentence, next: sentences::next(cause, port) }
    }
}

/// Looks all places up at once; their addresses, or why there are none, in the order of the places.
async fn look_up(places: Vec<HostPorts>) -> Vec<(HostPorts, Result<Vec<SocketAddr>, String>)> {
    let mut asked = JoinSet::new();
    for (number, place) in places.into_iter().enumerate() {
        asked.spawn(async move {
            let found = doctor::look_up(&place).await.map_err(|error| error.to_string());
            (number, place, found)
        });
    }
    let mut all = asked.join_all().await;
    all.sort_by_key(|(number, ..)| *number);
    all.into_iter().map(|(_, place, found)| (place, found)).collect()
}
