//! A client's link, an endpoint with its links, and the datagrams between them.

use super::make::{initiator, new_client, new_endpoint, random};
use super::script::Script;
use super::wire::Wire;
use crate::sealed::crypto::keys::{PrivateKey, PublicKey};
use crate::sealed::endpoint::{DatagramEvent, Endpoint, LinkKey};
use crate::sealed::handshake::terms::UnixMicros;
use crate::sealed::link::{Event, FourTuple, Link, Settings, SocketId};
use crate::sealed::transport;
use crate::sealed::wire::frame::StreamId;
use crate::sealed::wire::packet::Kind;
use crate::ticket::Ticket;
use crate::time::Time;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

/// Somebody who sees what the client sends and has a faster way to the server, and copies packets.
#[derive(Debug)]
pub(crate) struct Observer {
    /// How often he copies one.
    pub(crate) every: Duration,
    /// What his way takes.
    pub(crate) delay: Duration,
    /// When he copies the next.
    pub(crate) next: Time,
    /// Datagrams that were sent to him.
    pub(crate) got: u64,
}

/// An address translator, which gives the client another port when it has forgotten it.
#[derive(Debug)]
pub(crate) struct Nat {
    /// After how long without a packet of the client's it does.
    pub(crate) forgets: Duration,
    /// When the client last sent one.
    pub(crate) refreshed: Time,
}

impl Nat {
    fn has_forgotten(&self, now: Time) -> bool {
        now.since(self.refreshed) > self.forgets
    }
}

/// The port of the client's other sockets: so much higher each.
const SOCKET_STEP: u16 = 1_000;

/// Where somebody on the way may send from.
const STRANGER: &str = "203.0.113.7:7";

/// Everything two proxies are, without sockets.
pub(crate) struct Pair {
    pub(crate) now: Time,
    pub(crate) client: Link,
    pub(crate) endpoint: Endpoint,
    pub(crate) links: BTreeMap<LinkKey, Link>,
    pub(crate) client_address: SocketAddr,
    pub(crate) server_address: SocketAddr,
    pub(crate) heard_by_server: BTreeMap<StreamId, Vec<u8>>,
    pub(crate) heard_by_client: BTreeMap<StreamId, Vec<u8>>,
    pub(crate) client_events: Vec<Event>,
    pub(crate) server_events: Vec<Event>,
    /// Targets that the server was asked for.
    pub(crate) dialled: u32,
    /// Whether datagrams get through.
    pub(crate) alive: bool,
    /// Only handshakes reach the client.
    pub(crate) deaf: bool,
    /// So many of the next datagrams to the client are lost.
    pub(crate) lose_to_client: u32,
    /// To the server and to the client.
    pub(crate) wires: [Wire; 2],
    /// Somebody on the way, who sends this many datagrams of his own for each that passes.
    pub(crate) forgeries: usize,
    /// Somebody else on the way, who copies.
    pub(crate) observer: Option<Observer>,
    /// Handshakes are lost.
    pub(crate) no_handshakes: bool,
    /// The client's process is stopped: what comes waits in its socket.
    pub(crate) stopped: bool,
    in_socket: Vec<Vec<u8>>,
    /// What translates the client's address, if something does.
    pub(crate) nat: Option<Nat>,
    /// Nothing of the client's leaves over these.
    pub(crate) blocked: Vec<FourTuple>,
    /// What he has heard.
    overheard: Vec<Vec<u8>>,
    /// How many of his have arrived.
    pub(crate) forged: u64,
    /// Datagrams that the endpoint dropped.
    pub(crate) dropped: u64,
    /// What the applications do, of the client and of the server.
    pub(crate) scripts: Option<[Script; 2]>,
    room: Vec<u8>,
    ticket: Ticket,
    key: PrivateKey,
    settings: Settings,
    places: usize,
    /// Whether datagrams are recorded that leave, and that have arrived, to the server and to the client.
    pub(crate) records: bool,
    pub(crate) recorded: [Vec<Vec<u8>>; 2],
    pub(crate) taken: [Vec<Vec<u8>>; 2],
    /// When a datagram last left that is no lost handshake.
    pub(crate) sent_data_at: Time,
    /// Initiations that were refused.
    pub(crate) refused: u32,
    seed: u8,
    /// Datagrams that reached each side.
    pub(crate) arrived: [u64; 2],
}

impl Pair {
    pub(crate) fn new(seed: u8) -> Self {
        Self::with(seed, 10, Settings::default())
    }

    /// An endpoint with `places` for links, and both ends with these settings.
    pub(crate) fn with(seed: u8, places: usize, settings: Settings) -> Self {
        let mut make = random(seed, 1);
        let key = PrivateKey::generate(&mut make);
        let ticket = Ticket::generate(key.public(), false, &mut make);
        let server_address: SocketAddr = "192.0.2.2:4000".parse().unwrap();
        let now = Time::ZERO + Duration::from_secs(1);
        Self {
            now,
            client: new_client(now, &ticket, server_address, settings, seed, (10, 5)),
            endpoint: new_endpoint(now, &key, &ticket, places, Link::limits(&settings), seed, 1),
            links: BTreeMap::new(),
            client_address: "192.0.2.1:5000".parse().unwrap(),
            server_address,
            heard_by_server: BTreeMap::new(),
            heard_by_client: BTreeMap::new(),
            client_events: Vec::new(),
            server_events: Vec::new(),
            dialled: 0,
            alive: true,
            deaf: false,
            lose_to_client: 0,
            wires: [Wire::new(u64::from(seed)), Wire::new(u64::from(seed) + 1_000)],
            forgeries: 0,
            observer: None,
            no_handshakes: false,
            stopped: false,
            in_socket: Vec::new(),
            nat: None,
            blocked: Vec::new(),
            overheard: Vec::new(),
            forged: 0,
            dropped: 0,
            scripts: None,
            room: vec![0; 65_000],
            ticket,
            key,
            settings,
            places,
            records: false,
            recorded: Default::default(),
            taken: Default::default(),
            sent_data_at: now,
            refused: 0,
            seed,
            arrived: [0; 2],
        }
    }

    pub(crate) fn client_key(&self) -> PublicKey {
        self.ticket.client()
    }

    /// Another ticket of the same proxy2.
    pub(crate) fn add_ticket(&mut self, number: u8) -> Ticket {
        let ticket = Ticket::generate(self.key.public(), false, &mut random(self.seed, 60 + number));
        self.endpoint.allow(ticket.client(), None);
        ticket
    }

    /// proxy2 is killed and started again.
    pub(crate) fn restart_server(&mut self) {
        self.endpoint = new_endpoint(
            self.now,
            &self.key,
            &self.ticket,
            self.places,
            Link::limits(&self.settings),
            self.seed.wrapping_add(77),
            2,
        );
        self.links.clear();
        self.heard_by_server.clear();
    }

    /// proxy2 gives the link up, and goes on.
    pub(crate) fn give_up_link(&mut self) {
        let key = *self.links.keys().next().expect("a link");
        self.endpoint.remove(key);
        self.links.clear();
    }

    /// proxy1 is killed and started again.
    pub(crate) fn restart_client(&mut self) {
        self.replace_client(5);
    }

    /// Its machine vanishes, and another one, or the same, comes with the same ticket.
    pub(crate) fn replace_client(&mut self, instance: u64) {
        let (seed, name) = (self.seed.wrapping_add(99), (11, instance));
        self.client = new_client(self.now, &self.ticket, self.server_address, self.settings, seed, name);
        self.client_address.set_port(self.client_address.port() + 1);
        self.heard_by_client.clear();
    }

    /// Another client asks for a link of its own, once, with the same ticket.
    pub(crate) fn knock(&mut self, link: u64, instance: u64) {
        let mut initiator = initiator(&self.ticket, self.settings, (link, instance));
        let mut random = random(self.seed, 50);
        let initiation = initiator.start(self.now, self.unix(), 1, &mut random);
        let from = "192.0.2.99:9000".parse().unwrap();
        self.wires[0].deliver(self.now, (from, initiation));
    }

    /// Streams of the client and of all links of the server.
    pub(crate) fn stream_count(&self) -> usize {
        self.links.values().chain([&self.client]).map(|link| link.transport.stream_count()).sum()
    }

    fn unix(&self) -> UnixMicros {
        UnixMicros(1_700_000_000_000_000 + self.now.as_nanos() / 1_000)
    }

    fn settle(&mut self) {
        for _ in 0..20 {
            let mut busy = false;
            while let Some((from, mut datagram)) = self.wires[0].arrive(self.now) {
                self.arrived[1] += 1;
                self.record_arrival(0, &datagram);
                self.at_server(from, &mut datagram);
                busy = true;
            }
            while let Some((to, datagram)) = self.wires[1].arrive(self.now) {
                if self.lose_to_client > 0 {
                    self.lose_to_client -= 1;
                } else if self.lets_in(to) && !(self.deaf && Kind::of(&datagram) == Some(Kind::Data)) {
                    self.arrived[0] += 1;
                    self.record_arrival(1, &datagram);
                    self.in_socket.push(datagram);
                }
                busy = true;
            }
            if !self.stopped {
                for mut datagram in std::mem::take(&mut self.in_socket) {
                    self.client.handle_datagram(self.now, self.server_address, &mut datagram);
                }
            }
            busy |= self.drive();
            if !busy {
                return;
            }
        }
    }

    fn record_arrival(&mut self, way: usize, datagram: &[u8]) {
        if self.records {
            self.taken[way].push(datagram.to_vec());
        }
    }

    /// The endpoint says whom a datagram is for, and nobody gets it.
    pub(crate) fn route_only(&mut self, from: SocketAddr, datagram: &[u8]) {
        let (now, unix) = (self.now, self.unix());
        self.endpoint.handle(now, unix, from, datagram);
    }

    fn at_server(&mut self, from: SocketAddr, datagram: &mut [u8]) {
        let (now, unix) = (self.now, self.unix());
        if !self.alive {
            return;
        }
        let response = match self.endpoint.handle(now, unix, from, datagram) {
            DatagramEvent::Drop(_) => {
                self.dropped += 1;
                return;
            }
            DatagramEvent::Full { ask } => {
                if let Some(link) = self.links.get_mut(&ask) {
                    link.vacate(now);
                }
                return;
            }
            DatagramEvent::Reply { bytes, refused } => {
                self.refused += u32::from(refused.is_some());
                bytes
            }
            DatagramEvent::Link(key) => {
                if let Some(link) = self.links.get_mut(&key) {
                    let before = link.heard_at();
                    link.handle_datagram(now, from, datagram);
                    if link.heard_at() > before {
                        self.endpoint.heard(now, key, link.peer());
                    }
                    if link.has_ended() {
                        self.endpoint.end(key);
                    }
                }
                return;
            }
            DatagramEvent::Session { link, session, response } => {
                if !self.links.get_mut(&link).unwrap().add_session(now, *session) {
                    return;
                }
                response
            }
            DatagramEvent::New { link, session, limits, rival, response, .. } => {
                let made = Link::server(now, from, *session, limits, self.settings, random(self.seed, 40));
                self.links.insert(link, made);
                if let Some(rival) = rival.and_then(|rival| self.links.get_mut(&rival)) {
                    rival.check_liveness(now);
                }
                response
            }
        };
        assert!(response.len() <= datagram.len(), "a response is never larger than the initiation");
        self.send(1, from, &response);
    }

    /// The address that a packet of the client's has when it leaves.
    fn translated(&mut self, socket: SocketId) -> SocketAddr {
        if let Some(nat) = &mut self.nat {
            if nat.has_forgotten(self.now) {
                self.client_address.set_port(self.client_address.port() + 1);
            }
            nat.refreshed = self.now;
        }
        let port = self.client_address.port() + u16::from(socket.0) * SOCKET_STEP;
        SocketAddr::new(self.client_address.ip(), port)
    }

    /// Whether a packet to this address reaches the client.
    fn lets_in(&self, to: SocketAddr) -> bool {
        let port = self.client_address.port();
        to.ip() == self.client_address.ip()
            && [port, port + SOCKET_STEP].contains(&to.port())
            && !self.nat.as_ref().is_some_and(|nat| nat.has_forgotten(self.now))
    }

    /// A datagram leaves, and perhaps others with it.
    fn send(&mut self, way: usize, address: SocketAddr, datagram: &[u8]) {
        if self.no_handshakes && Kind::of(datagram) != Some(Kind::Data) {
            return;
        }
        self.sent_data_at = self.now;
        if self.records {
            self.recorded[way].push(datagram.to_vec());
        }
        if let Some(observer) = &mut self.observer {
            let his = STRANGER.parse().unwrap();
            observer.got += u64::from(way == 1 && address == his);
            if way == 0 && self.now >= observer.next {
                observer.next = self.now + observer.every;
                self.wires[0].bypass(self.now, observer.delay, (his, datagram.to_vec()));
            }
        }
        self.wires[way].send(self.now, address, datagram);
        for _ in 0..self.forgeries {
            let forged = self.wires[way].forgery(datagram, &self.overheard);
            let stranger = [address, STRANGER.parse().unwrap()][self.wires[way].below(2)];
            if way == 0 || stranger == address {
                self.wires[way].deliver(self.now, (stranger, forged));
                self.forged += 1;
            }
        }
        if self.forgeries > 0 {
            assert_ne!(address, STRANGER.parse().unwrap(), "strangers get nothing");
            let at = self.wires[way].below(64);
            self.overheard.resize(64, Vec::new());
            self.overheard[at] = datagram.to_vec();
        }
    }

    /// Timers, events and datagrams of both sides.
    fn drive(&mut self) -> bool {
        let busy = !self.stopped && self.drive_client();
        self.drive_links() | busy
    }

    fn drive_client(&mut self) -> bool {
        let (now, unix, alive) = (self.now, self.unix(), self.alive);
        let mut out = std::mem::take(&mut self.room);
        let mut busy = false;
        self.client.handle_timeout(now);
        while let Some(event) = self.client.poll_event() {
            if let Some([script, _]) = &mut self.scripts {
                script.hear(now, &mut self.client, &mut self.heard_by_client, &event);
            }
            self.client_events.push(event);
        }
        if let Some([script, _]) = &mut self.scripts {
            script.say(now, &mut self.client);
        }
        read_all(now, &mut self.client, &mut self.heard_by_client);
        while let Some(transmit) = self.client.poll_transmit(now, unix, &mut out) {
            busy = true;
            if self.blocked.contains(&transmit.path) {
                continue;
            }
            let from = self.translated(transmit.path.socket);
            for datagram in out[..transmit.length].chunks(transmit.segment).filter(|_| alive) {
                self.send(0, from, datagram);
            }
        }
        self.room = out;
        busy
    }

    fn drive_links(&mut self) -> bool {
        let (now, unix, alive) = (self.now, self.unix(), self.alive);
        let mut out = std::mem::take(&mut self.room);
        let mut busy = false;
        let (mut gone, mut sent) = (Vec::new(), Vec::new());
        for (key, link) in &mut self.links {
            link.handle_timeout(now);
            if link.has_ended() {
                self.endpoint.end(*key);
            }
            while let Some(event) = link.poll_event() {
                if let Event::Stream(transport::Event::Incoming { id, .. }) = &event {
                    link.streams().accept(*id);
                    self.dialled += 1;
                    self.heard_by_server.insert(*id, Vec::new());
                }
                if let Some([_, script]) = &mut self.scripts {
                    script.hear(now, link, &mut self.heard_by_server, &event);
                }
                if matches!(event, Event::Gone | Event::Ended(_)) {
                    gone.push(*key);
                }
                self.server_events.push(event);
            }
            if let Some([_, script]) = &mut self.scripts {
                script.say(now, link);
            }
            read_all(now, link, &mut self.heard_by_server);
            while let Some(transmit) = link.poll_transmit(now, unix, &mut out) {
                busy = true;
                for datagram in out[..transmit.length].chunks(transmit.segment).filter(|_| alive) {
                    sent.push((transmit.path.remote, datagram.to_vec()));
                }
            }
        }
        self.room = out;
        for (to, datagram) in sent {
            self.send(1, to, &datagram);
        }
        for key in gone {
            self.endpoint.remove(key);
            self.links.remove(&key);
        }
        busy
    }

    /// Runs until `done`, for at most `limit` of virtual time; true if done.
    pub(crate) fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            self.settle();
            if done(self) {
                return true;
            }
            let wires = self.wires.each_ref().map(Wire::next);
            let links =
                self.links.values().map(|link| link.poll_timeout(self.now)).min().unwrap_or(Time::NEVER);
            let client = if self.stopped { Time::NEVER } else { self.client.poll_timeout(self.now) };
            let next = links.min(client).min(wires[0]).min(wires[1]);
            if next > end {
                self.now = end;
                return false;
            }
            self.now = next.max(self.now + Duration::from_micros(1));
        }
    }
}

pub(super) fn read_all(now: Time, link: &mut Link, heard: &mut BTreeMap<StreamId, Vec<u8>>) {
    for (id, bytes) in heard.iter_mut() {
        let read = link.streams().read_with(now, *id, |slices| {
            let before = bytes.len();
            slices.for_each(|slice| bytes.extend_from_slice(slice));
            Ok::<_, Infallible>(bytes.len() - before)
        });
        read.unwrap();
    }
}
