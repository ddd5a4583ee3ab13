//! The tables of PROTOCOL.md ("The entry", "The exit"), copied out as plainly as possible: the ten ids of one side of
//! one link. Slow and simple; what the real tables do is compared with it.

use std::time::Duration;

use proto::Time;
use proto::classic::{Reason, Settings};

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The entry's.
    Entry,
    /// The exit's, for one address.
    Exit,
}

/// What happens: a row of a table. The number is an id.
#[derive(Clone, Copy, Debug)]
pub(super) enum Input<'a> {
    /// A client arrives (entry).
    Client,
    /// The dial succeeds (exit).
    Accepted(u8),
    /// The dial fails (exit).
    Refused(u8),
    /// The local side sends FIN.
    Fin(u8),
    /// The local side is reset.
    Reset(u8),
    /// Data was sent.
    Sent(u8),
    /// The proxy ends.
    Shutdown,
    /// A datagram comes.
    Datagram(&'a [u8]),
    /// Time has passed.
    Tick,
}

/// What the side does: sends first, then what its shell is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Output {
    /// A datagram for the peer.
    Send(Vec<u8>),
    /// The id given to a client; `None`: all busy.
    Client(Option<u8>),
    /// Dial the target.
    Dial(u8),
    /// The stream is open; these bytes came early.
    Open(u8, Vec<u8>),
    /// Bytes for the local side.
    Data(u8, Vec<u8>),
    /// Close the local side.
    Closed(u8, Reason),
}

/// One side.
#[derive(Debug)]
pub(super) struct Reference {
    role: Role,
    settings: Settings,
    ids: [Id; 10],
}

#[derive(Clone, Debug, Default)]
struct Id {
    state: State,
    freed: Option<Time>,
    rested: bool,
    /// How often and when `C` was sent last.
    asked: (usize, Time),
    held: Vec<u8>,
    /// The last data either way, the last data from the peer, the FIN.
    data: Time,
    heard: Time,
    fin: Option<Time>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Free,
    /// Opening (entry) or dialling (exit).
    Asking,
    Open,
}

impl Reference {
    /// Ten free ids.
    pub(super) fn new(role: Role, settings: Settings) -> Self {
        Self { role, settings, ids: Default::default() }
    }

    /// How many ids are not free.
    pub(super) fn streams(&self) -> usize {
        self.ids.iter().filter(|id| id.state != State::Free).count()
    }

    /// Whether this id has reached `OK`.
    pub(super) fn is_open(&self, id: u8) -> bool {
        self.ids[usize::from(id)].state == State::Open
    }

    /// When a tick does something.
    pub(super) fn due(&self) -> Option<Time> {
        (0..10).filter_map(|id| self.deadline(id)).map(|(at, _)| at).min()
    }

    /// One row of the table, for every id it concerns.
    pub(super) fn step(&mut self, now: Time, input: Input<'_>) -> Vec<Output> {
        match input {
            Input::Client => self.client(now),
            Input::Accepted(n) if self.ids[usize::from(n)].state == State::Asking => {
                let held = self.open(now, n);
                vec![send(b'C', n, b"OK"), Output::Open(n, held)]
            }
            Input::Refused(n) if self.free(now, n) => vec![send(b'C', n, b"NOK")],
            Input::Fin(n) => {
                let id = &mut self.ids[usize::from(n)];
                id.fin = id.fin.or(Some(now));
                vec![]
            }
            Input::Reset(n) if self.free(now, n) => vec![send(b'X', n, b"")],
            Input::Sent(n) => {
                if self.role == Role::Exit || self.is_open(n) {
                    self.ids[usize::from(n)].data = now;
                }
                vec![]
            }
            Input::Shutdown => (0..10).filter(|&n| self.free(now, n)).map(|n| send(b'X', n, b"")).collect(),
            Input::Datagram(datagram) => self.datagram(now, datagram),
            Input::Tick => (0..10).flat_map(|n| self.tick(now, n)).collect(),
            Input::Accepted(_) | Input::Refused(_) | Input::Reset(_) => vec![],
        }
    }

    fn client(&mut self, now: Time) -> Vec<Output> {
        let mut free: Vec<u8> = (0..10).filter(|&n| self.ids[usize::from(n)].state == State::Free).collect();
        free.sort_by_key(|&n| self.ids[usize::from(n)].freed);
        let Some(&n) = free.first() else { return vec![Output::Client(None)] };
        let freed = self.ids[usize::from(n)].freed;
        let rested = freed.is_none_or(|freed| freed + self.settings.id_rest <= now);
        self.ids[usize::from(n)] = Id { state: State::Asking, rested, asked: (1, now), ..Id::default() };
        vec![send(b'C', n, b""), Output::Client(Some(n))]
    }

    fn datagram(&mut self, now: Time, datagram: &[u8]) -> Vec<Output> {
        let [kind, digit @ b'0'..=b'9', payload @ ..] = datagram else { return vec![] };
        let n = digit - b'0';
        let answer = payload.starts_with(b"OK") || payload.starts_with(b"NOK");
        match (self.role, kind, self.ids[usize::from(n)].state) {
            (Role::Entry, b'C', State::Free) if payload.starts_with(b"OK") => vec![send(b'X', n, b"")],
            (Role::Entry, b'C', State::Asking) if payload.starts_with(b"OK") => {
                let held = self.open(now, n);
                vec![Output::Open(n, held)]
            }
            (Role::Entry, b'C', _) if payload.starts_with(b"NOK") => self.over(now, n, Reason::Refused),
            (Role::Exit, b'C', State::Free) if !answer => {
                self.ids[usize::from(n)] =
                    Id { state: State::Asking, rested: true, data: now, heard: now, ..Id::default() };
                vec![Output::Dial(n)]
            }
            (Role::Exit, b'C', State::Open) if !answer => vec![send(b'C', n, b"OK")],
            (_, b'D', State::Free) => vec![send(b'X', n, b"")],
            (_, b'D', state) => self.data(now, n, state, payload),
            (_, b'X', State::Asking) if !self.ids[usize::from(n)].rested => vec![],
            (_, b'X', _) => self.over(now, n, Reason::Peer),
            _ => vec![],
        }
    }

    fn data(&mut self, now: Time, n: u8, state: State, payload: &[u8]) -> Vec<Output> {
        let id = &mut self.ids[usize::from(n)];
        (id.data, id.heard) = (now, now);
        if state == State::Open {
            return vec![Output::Data(n, payload.to_vec())];
        }
        if id.rested && id.held.len() + payload.len() <= self.settings.early_limit {
            id.held.extend(payload);
        }
        vec![]
    }

    fn tick(&mut self, now: Time, n: u8) -> Vec<Output> {
        let Some((_, reason)) = self.deadline(n).filter(|&(at, _)| at <= now) else { return vec![] };
        let id = &mut self.ids[usize::from(n)];
        if reason == Reason::NoAnswer && id.asked.0 <= self.settings.open_repeats.len() {
            id.asked = (id.asked.0 + 1, now);
            return vec![send(b'C', n, b"")];
        }
        let mut outputs = vec![send(b'X', n, b"")];
        outputs.extend(self.over(now, n, reason));
        outputs
    }

    /// The next timer of an id.
    fn deadline(&self, n: u8) -> Option<(Time, Reason)> {
        let id = &self.ids[usize::from(n)];
        let settings = &self.settings;
        if id.state == State::Free {
            return None;
        }
        if id.state == State::Asking && self.role == Role::Entry {
            let waits: Vec<Duration> = [&settings.open_repeats[..], &[settings.open_last_wait]].concat();
            return Some((id.asked.1 + waits[id.asked.0 - 1], Reason::NoAnswer));
        }
        let idle = (id.data + settings.idle_limit, Reason::Idle);
        let linger = id.fin.map(|fin| (fin.max(id.heard) + settings.linger, Reason::Finished));
        linger.into_iter().chain([idle]).min_by_key(|&(at, _)| at)
    }

    fn open(&mut self, now: Time, n: u8) -> Vec<u8> {
        let id = &mut self.ids[usize::from(n)];
        (id.state, id.data, id.heard) = (State::Open, now, now);
        std::mem::take(&mut id.held)
    }

    fn over(&mut self, now: Time, n: u8, reason: Reason) -> Vec<Output> {
        if self.free(now, n) { vec![Output::Closed(n, reason)] } else { vec![] }
    }

    fn free(&mut self, now: Time, n: u8) -> bool {
        let id = &mut self.ids[usize::from(n)];
        let was = id.state != State::Free;
        if was {
            *id = Id { freed: Some(now), ..Id::default() };
        }
        was
    }
}

fn send(kind: u8, id: u8, payload: &[u8]) -> Output {
    Output::Send([&[kind, b'0' + id], payload].concat())
}
