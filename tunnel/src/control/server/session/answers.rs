//! What a control stream is told about: names, the ticket, why something is forbidden.

use std::io;
use std::sync::Arc;

use proto::destination::{Destination, ServiceName};
use tokio::io::AsyncWriteExt;

use super::{Busy, Session};
use crate::control::messages::{Body, Event, FoundName, Refused, RefusedCode, RequestNumber};
use crate::local::access::Act;
use crate::names::{Change, ChangeKind, Service};
use crate::rules::NameGlob;

/// Watches of one control stream: a page of a program that shows names needs one.
const MAX_WATCHES: usize = 4;
/// Bytes of names in one line, with room for the longest of them and for what stands around them.
const PAGE: usize = 10 << 10;
/// Rules in one line: each has at most 300 bytes.
const RULES_PAGE: usize = 32;

impl Session {
    pub(super) fn watch(&mut self, n: RequestNumber, glob: NameGlob) -> Result<(), Refused> {
        if self.watches.len() >= MAX_WATCHES {
            let sentence =
                format!("{MAX_WATCHES} watches are as many as a control stream may have; end some");
            return Err(Refused::new(RefusedCode::Limit, sentence));
        }
        let access = self.access.clone();
        let may_use = move |name: &ServiceName| access.rules().may_use(name).is_ok();
        let watch = self.port.exchange.names.watch(glob, self.access.name(), may_use);
        self.watches.push((n, watch.map_err(|error| Refused::new(RefusedCode::Limit, error.to_string()))?));
        self.rounds.begin();
        Ok(())
    }

    pub(super) fn why(&self, destination: &str) -> Result<Body, Refused> {
        let destination: Destination = destination
            .parse()
            .map_err(|error| Refused::new(RefusedCode::Malformed, format!("the destination: {error}")))?;
        let allowed = match &destination {
            Destination::Service { name, .. } => self.access.rules().may_use(name),
            Destination::Control | Destination::Check => Ok(()),
            Destination::Own
            | Destination::Tcp(_)
            | Destination::Udp(_)
            | Destination::Unix(_)
            | Destination::Move
            | Destination::Client(_) => self.access.wanted(&destination).map(drop),
        };
        Ok(match allowed {
            Ok(()) => Body::Done {},
            Err(_) => Body::Because { sentence: self.access.explain(Act::reach(&destination, None)) },
        })
    }

    /// The next step of what is not answered yet, if there is room and the ticket may ask for something. `false`: the stream has ended.
    pub(super) async fn go_on(&mut self, write: &mut (impl AsyncWriteExt + Unpin)) -> io::Result<bool> {
        let waits = !matches!(self.busy, Busy::Nothing | Busy::Listening(..) | Busy::Waiting(..));
        if !waits || !self.outgoing.has_room() {
            return Ok(true);
        }
        // A step, not a request: what looks at many names is as dear as many requests.
        self.is_held_back = !self.port.ticket.may_ask();
        if self.is_held_back {
            return Ok(true);
        }
        match std::mem::replace(&mut self.busy, Busy::Nothing) {
            Busy::Asked(request) => return self.take(request, write).await,
            Busy::Doubting(n, glob, doubts) => self.busy = self.doubt(n, glob, doubts),
            Busy::Finding(n, glob, after) => self.busy = self.find(n, glob, after.as_ref()),
            Busy::Identifying(n, from) => self.busy = self.identify(n, from),
            Busy::Nothing | Busy::Listening(..) | Busy::Waiting(..) => {}
        }
        Ok(true)
    }

    /// Tells the names behind `after`, as many as a line takes.
    fn find(&mut self, n: RequestNumber, glob: NameGlob, after: Option<&Service>) -> Busy {
        let rules = self.access.rules();
        let may_use = |name: &ServiceName| rules.may_use(name).is_ok();
        let page = self.port.exchange.names.find(&glob, after, PAGE, may_use);
        let names: Vec<_> = page.found.into_iter().map(FoundName::from).collect();
        if page.next.is_none() || !names.is_empty() {
            self.answer(n, Body::Names { names, more: page.next.is_some() });
        }
        page.next.map_or(Busy::Nothing, |next| Busy::Finding(n, glob, Some(next)))
    }

    /// Tells the ticket and its rules, from one on as many as a line takes.
    fn identify(&mut self, n: RequestNumber, from: usize) -> Busy {
        let rules = self.access.rules();
        let page = rules.iter().skip(from).take(RULES_PAGE).map(ToString::to_string).collect();
        let next = from + RULES_PAGE;
        let (ticket, more) = (self.access.name().to_owned(), next < rules.iter().len());
        self.answer(n, Body::Identity { ticket, rules: page, more });
        if more { Busy::Identifying(n, next) } else { Busy::Nothing }
    }

    /// Tells of a change that a watch has seen, or that it has seen too many.
    pub(super) fn tell(&mut self, place: usize, change: Option<Change>) {
        let watch = self.watches[place].0;
        let Some(Change { kind, found }) = change else {
            self.port.exchange.counters.count(|counters| counters.watches_overrun += 1);
            self.watches.remove(place);
            return self.event(Event::Overrun { watch });
        };
        // The rules may have changed since.
        if self.access.rules().may_use(&found.service.name).is_err() {
            return;
        }
        let found = FoundName::from(Arc::unwrap_or_clone(found));
        self.event(match kind {
            ChangeKind::Appeared => Event::Appeared { watch, found },
            ChangeKind::Gone => Event::Gone { watch, found },
        });
    }
}
