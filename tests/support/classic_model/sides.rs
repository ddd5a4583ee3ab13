//! The real tables, each beside its reference.

use std::collections::BTreeMap;

use proto::Time;
use proto::classic::{Closed, Entry, Exit, Settings, Stream, entry, exit};

use super::reference::{Input, Output, Reference, Role};
use super::tags::{Tags, Way};

/// One proxy1.
pub(super) struct EntrySide {
    name: u8,
    real: Entry,
    reference: Reference,
    streams: BTreeMap<u8, Stream>,
    dead: Option<Stream>,
}

impl EntrySide {
    pub(super) fn new(name: u8, settings: Settings) -> Self {
        Self {
            name,
            real: Entry::new(settings.clone()),
            reference: Reference::new(Role::Entry, settings),
            streams: BTreeMap::new(),
            dead: None,
        }
    }

    /// Does it to both and compares.
    pub(super) fn step(&mut self, now: Time, input: Input<'_>, tags: &mut Tags) -> Vec<Output> {
        let outputs = self.real_step(now, input, tags);
        assert_same(&outputs, self.reference.step(now, input), input);
        self.after(&outputs, tags);
        outputs
    }

    fn real_step(&mut self, now: Time, input: Input<'_>, tags: &mut Tags) -> Vec<Output> {
        let mut outputs = Vec::new();
        match input {
            Input::Client => outputs.push(Output::Client(self.client(now, tags))),
            Input::Fin(id) => self.real.finish(now, self.streams[&id]),
            Input::Reset(id) => self.real.close(now, self.streams[&id]),
            Input::Sent(id) => self.real.note_sent(now, self.streams[&id]),
            Input::Shutdown => self.real.shutdown(now),
            Input::Datagram(datagram) => {
                if let [b'C', digit, b'O' | b'N', ..] = datagram {
                    tags.answered(self.name, digit.wrapping_sub(b'0'));
                }
                let received = self.real.handle_datagram(now, datagram);
                outputs.extend(received.map(|received| self.received(received, tags)));
            }
            Input::Tick => self.real.handle_timeout(now),
            Input::Accepted(_) | Input::Refused(_) => panic!("an entry does not dial"),
        }
        outputs
            .extend(std::iter::from_fn(|| self.real.poll_transmit()).map(|sent| Output::Send(sent.to_vec())));
        outputs.extend(std::iter::from_fn(|| self.real.poll_event()).map(closed));
        outputs
    }

    fn client(&mut self, now: Time, tags: &mut Tags) -> Option<u8> {
        let unrested = self.real.counters().unrested;
        let stream = self.real.open(now).ok()?;
        let id = stream.id().number();
        tags.opened(self.name, id, stream.serial(), self.real.counters().unrested == unrested);
        assert_eq!(self.streams.insert(id, stream), None, "an id given out twice");
        Some(id)
    }

    fn received(&self, received: entry::Received<'_>, tags: &mut Tags) -> Output {
        let mut check = |stream: Stream, bytes: &[u8]| {
            let id = stream.id().number();
            assert_eq!(self.streams.get(&id), Some(&stream), "an event of a stream that is over");
            tags.check(self.name, id, Way::ToEntry, stream.serial(), bytes);
            id
        };
        match received {
            entry::Received::Data { stream, payload } => {
                Output::Data(check(stream, payload), payload.to_vec())
            }
            entry::Received::Opened { stream, early } => Output::Open(check(stream, &early), early),
            entry::Received::Closed(over) => closed(over),
        }
    }

    fn after(&mut self, outputs: &[Output], tags: &mut Tags) {
        for output in outputs {
            if let Output::Send(datagram) = output
                && let [b'C', digit] = datagram[..]
            {
                let id = digit - b'0';
                tags.asked(self.name, id, self.streams[&id].serial());
            }
        }
        let real = &self.real;
        self.dead = self.streams.values().find(|stream| !real.contains(**stream)).copied().or(self.dead);
        self.streams.retain(|_, stream| real.contains(*stream));
        assert!(real.streams() <= 10);
        assert_eq!(real.streams(), self.reference.streams());
        assert_eq!(real.streams(), self.streams.len());
        assert_eq!(real.poll_timeout(), self.reference.due());
        for (&id, &stream) in &self.streams {
            assert_eq!(real.is_open(stream), self.reference.is_open(id));
        }
        let counters = real.counters();
        let ended = counters.closed + counters.refused + counters.abandoned;
        assert_eq!(counters.begun, ended + self.streams.len() as u64);
    }

    /// The name of a stream that is over must do nothing.
    pub(super) fn use_a_dead_name(&mut self, now: Time) {
        let Some(dead) = self.dead else { return };
        self.real.note_sent(now, dead);
        self.real.finish(now, dead);
        self.real.close(now, dead);
        assert_eq!(self.real.poll_transmit(), None);
        assert_eq!(self.real.poll_timeout(), self.reference.due());
    }

    /// One of the streams that are there.
    pub(super) fn pick(&self, pick: usize) -> Option<u8> {
        self.streams.keys().nth(pick % self.streams.len().max(1)).copied()
    }

    pub(super) fn serial(&self, id: u8) -> u64 {
        self.streams[&id].serial()
    }

    pub(super) fn timeout(&self) -> Option<Time> {
        self.real.poll_timeout()
    }

    pub(super) fn assert_empty(&self) {
        assert_eq!(self.real.streams(), 0, "streams left at entry {}", self.name);
    }
}

/// The proxy2, with one reference for each proxy1.
pub(super) struct ExitSide {
    real: Exit<u8>,
    references: Vec<Reference>,
    streams: BTreeMap<(u8, u8), Stream<u8>>,
    dead: Option<Stream<u8>>,
}

impl ExitSide {
    pub(super) fn new(entries: u8, settings: Settings) -> Self {
        Self {
            real: Exit::new(settings.clone()),
            references: (0..entries).map(|_| Reference::new(Role::Exit, settings.clone())).collect(),
            streams: BTreeMap::new(),
            dead: None,
        }
    }

    /// Does it to both and compares: what concerns one proxy1.
    pub(super) fn step(&mut self, now: Time, name: u8, input: Input<'_>, tags: &mut Tags) -> Vec<Output> {
        let expected = match self.too_many_peers(name, input) {
            Some(refusal) => refusal,
            None => self.references[usize::from(name)].step(now, input),
        };
        let mut outputs = self.real_step(now, name, input, tags);
        outputs.extend(self.drain().into_iter().map(|(to, output)| {
            assert_eq!(to, name, "an answer to another peer");
            output
        }));
        assert_same(&outputs, expected, input);
        self.after();
        outputs
    }

    /// Does it to both and compares: a tick or a shutdown, which concern all proxy1s.
    pub(super) fn step_all(&mut self, now: Time, input: Input<'_>) -> BTreeMap<u8, Vec<Output>> {
        if let Input::Shutdown = input {
            self.real.shutdown(now);
        } else {
            self.real.handle_timeout(now);
        }
        let mut outputs = BTreeMap::<u8, Vec<Output>>::new();
        for (name, output) in self.drain() {
            outputs.entry(name).or_default().push(output);
        }
        for (name, reference) in (0..).zip(&mut self.references) {
            let expected = reference.step(now, input);
            assert_same(outputs.get(&name).map_or(&[], Vec::as_slice), expected, input);
        }
        self.after();
        outputs
    }

    fn real_step(&mut self, now: Time, name: u8, input: Input<'_>, tags: &mut Tags) -> Vec<Output> {
        let stream = |id| self.streams[&(name, id)];
        match input {
            Input::Accepted(id) => {
                let stream = stream(id);
                let early = self.real.accepted(now, stream).expect("it was being dialled");
                tags.check(name, id, Way::ToExit, stream.serial(), &early);
                return vec![Output::Open(id, early)];
            }
            Input::Refused(id) => self.real.refused(now, stream(id)),
            Input::Fin(id) => self.real.finish(now, stream(id)),
            Input::Reset(id) => self.real.close(now, stream(id)),
            Input::Sent(id) => self.real.note_sent(now, stream(id)),
            Input::Datagram(datagram) => {
                let received = self.real.handle_datagram(now, name, datagram);
                return received.into_iter().map(|received| self.received(received, tags)).collect();
            }
            Input::Client | Input::Shutdown | Input::Tick => panic!("not for one peer of an exit"),
        }
        vec![]
    }

    fn received(&mut self, received: exit::Received<'_, u8>, tags: &mut Tags) -> Output {
        match received {
            exit::Received::Dial(stream) => {
                let id = stream.id().number();
                assert_eq!(self.streams.insert((stream.peer(), id), stream), None, "dialled twice");
                Output::Dial(id)
            }
            exit::Received::Data { stream, payload } => {
                let id = stream.id().number();
                assert_eq!(self.streams.get(&(stream.peer(), id)), Some(&stream), "a stream that is over");
                tags.check(stream.peer(), id, Way::ToExit, stream.serial(), payload);
                Output::Data(id, payload.to_vec())
            }
            exit::Received::Closed(over) => closed(over),
        }
    }

    /// A request of one peer more than the exit serves.
    fn too_many_peers(&self, name: u8, input: Input<'_>) -> Option<Vec<Output>> {
        let Input::Datagram([b'C', digit @ b'0'..=b'9', payload @ ..]) = input else { return None };
        let request = !payload.starts_with(b"OK") && !payload.starts_with(b"NOK");
        let known = self.references[usize::from(name)].streams() > 0;
        let full = self.real_peers() >= self.real.settings().max_peers;
        (request && !known && full).then(|| vec![Output::Send(vec![b'C', *digit, b'N', b'O', b'K'])])
    }

    fn real_peers(&self) -> usize {
        self.references.iter().filter(|reference| reference.streams() > 0).count()
    }

    fn drain(&mut self) -> Vec<(u8, Output)> {
        let mut outputs = Vec::new();
        while let Some((to, sent)) = self.real.poll_transmit() {
            outputs.push((to, Output::Send(sent.to_vec())));
        }
        while let Some(over) = self.real.poll_event() {
            outputs.push((over.stream.peer(), closed(over)));
        }
        outputs
    }

    fn after(&mut self) {
        let real = &self.real;
        self.dead = self.streams.values().find(|stream| !real.contains(**stream)).copied().or(self.dead);
        self.streams.retain(|_, stream| real.contains(*stream));
        assert_eq!(real.streams(), self.streams.len());
        assert_eq!(real.streams(), self.references.iter().map(Reference::streams).sum::<usize>());
        assert_eq!(real.peers(), self.real_peers());
        assert!(real.peers() <= real.settings().max_peers);
        let due = self.references.iter().filter_map(Reference::due).min();
        assert_eq!(real.poll_timeout().is_some(), due.is_some());
        assert!(real.poll_timeout() <= due, "a timer that comes too late");
        for (&(name, id), &stream) in &self.streams {
            assert_eq!(real.is_open(stream), self.references[usize::from(name)].is_open(id));
        }
        let counters = real.counters();
        let ended = counters.closed + counters.refused + counters.abandoned;
        assert_eq!(counters.begun, ended + self.streams.len() as u64);
    }

    /// The name of a stream that is over must do nothing.
    pub(super) fn use_a_dead_name(&mut self, now: Time) {
        let Some(dead) = self.dead else { return };
        self.real.note_sent(now, dead);
        self.real.finish(now, dead);
        self.real.close(now, dead);
        self.real.refused(now, dead);
        assert_eq!(self.real.accepted(now, dead), None);
        assert_eq!(self.real.poll_transmit(), None);
        self.after();
    }

    /// One of the streams of a proxy1 that are open, or being dialled.
    pub(super) fn pick(&self, name: u8, pick: usize, open: bool) -> Option<u8> {
        let open = |stream: &&Stream<u8>| stream.peer() == name && self.real.is_open(**stream) == open;
        let ids: Vec<u8> = self.streams.values().filter(open).map(|stream| stream.id().number()).collect();
        ids.get(pick % ids.len().max(1)).copied()
    }

    pub(super) fn serial(&self, name: u8, id: u8) -> u64 {
        self.streams[&(name, id)].serial()
    }

    pub(super) fn timeout(&self) -> Option<Time> {
        self.real.poll_timeout()
    }

    pub(super) fn assert_empty(&self) {
        assert_eq!((self.real.streams(), self.real.peers()), (0, 0), "streams left at the exit");
    }
}

fn closed<A: Copy>(closed: Closed<A>) -> Output {
    Output::Closed(closed.stream.id().number(), closed.reason)
}

/// In one step the order between ids is the table's affair.
fn assert_same(outputs: &[Output], mut expected: Vec<Output>, input: Input<'_>) {
    let mut outputs = outputs.to_vec();
    outputs.sort();
    expected.sort();
    assert_eq!(outputs, expected, "real (left), reference (right), after {input:?}");
}
