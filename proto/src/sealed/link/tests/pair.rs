//! What the tests do to a client, a server and the network between them.

use super::script::Script;
use crate::sealed::crypto::keys::PublicKey;
use crate::sealed::handshake::terms::{Epoch, Instance, LinkId};
use crate::sealed::link::{Event, Link, Settings};
use crate::sealed::transport;
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::frame::StreamId;
use crate::sealed::wire::packet::Kind;
use crate::sim::{self, Application, Capture, Envelope, LinkEnd, Path, Server, Setup, random, unix};
use crate::ticket::Ticket;
use crate::time::Time;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

/// What is read of a link, and what happens on it.
#[derive(Debug, Default)]
pub(crate) struct App {
    /// Bytes of the streams that are read.
    pub(crate) heard: BTreeMap<StreamId, Vec<u8>>,
    pub(crate) events: Vec<Event>,
    /// What else it does, if anything.
    pub(crate) script: Option<Script>,
    /// It is the server's, and accepts what comes in.
    accepts: bool,
    /// Targets that it was asked for.
    pub(crate) dialled: u32,
}

impl Application for App {
    fn handle_event(&mut self, now: Time, link: &mut Link, event: Event) -> bool {
        if let Event::Stream(transport::Event::Incoming { id, .. }) = &event
            && self.accepts
        {
            link.streams().accept(*id);
            self.dialled += 1;
            self.heard.insert(*id, Vec::new());
        }
        if let Some(script) = &mut self.script {
            script.hear(now, link, &mut self.heard, &event);
        }
        let over = matches!(event, Event::Gone | Event::Ended(_));
        self.events.push(event);
        over
    }

    fn work(&mut self, now: Time, link: &mut Link) {
        if let Some(script) = &mut self.script {
            script.say(now, link);
        }
        read_all(now, link, &mut self.heard);
    }
}

/// Everything two proxies are, without sockets.
pub(crate) type Pair = sim::Pair<LinkEnd<App>, Server<App>>;

impl Pair {
    pub(crate) fn begin(seed: u64) -> Self {
        Self::with(seed, 10, Settings::default())
    }

    /// A server with `places` for links, and both ends with these settings.
    pub(crate) fn with(seed: u64, places: usize, settings: Settings) -> Self {
        let path = Path { delay: Duration::from_millis(10), mtu: 9_000, ..Path::default() };
        let setup = Setup { places, ..Setup::new(seed, settings) };
        setup.pair(path, App::default(), App { accepts: true, ..App::default() })
    }

    pub(crate) fn client_key(&self) -> PublicKey {
        self.server.setup.ticket.client()
    }

    /// Another ticket of the same proxy2.
    pub(crate) fn add_ticket(&mut self, number: u64) -> Ticket {
        let ticket = self.server.setup.another_ticket(number);
        self.server.endpoint.allow(ticket.client(), None);
        ticket
    }

    /// proxy2 is killed and started again.
    pub(crate) fn restart_server(&mut self) {
        self.server.restart(self.now, Epoch(2));
        self.server.app.heard.clear();
    }

    /// proxy2 gives the link up, and goes on.
    pub(crate) fn give_up_link(&mut self) {
        let key = *self.server.links.keys().next().expect("a link");
        self.server.forget(key);
    }

    /// proxy1 is killed and started again.
    pub(crate) fn restart_client(&mut self) {
        self.replace_client(1);
    }

    /// Its machine vanishes, and another one, or the same, comes with the same ticket.
    pub(crate) fn replace_client(&mut self, instance: u64) {
        let (peer, names) = (self.network.server, (LinkId(2), Instance(instance)));
        self.client.link = self.server.setup.client(self.now, peer, names.0, names.1);
        self.network.client.set_port(self.network.client.port() + 1);
        self.client.app.heard.clear();
    }

    /// Another client asks for a link of its own, once, with the same ticket.
    pub(crate) fn knock(&mut self, link: u64, instance: u64) {
        let setup = &self.server.setup;
        let mut initiator = setup.initiator(&setup.ticket, LinkId(link), Instance(instance));
        let mut random = random(setup.seed, 50);
        let initiation = initiator.start(self.now, unix(self.now), 1, &mut random);
        let from = "192.0.2.99:9000".parse().unwrap();
        let with = Envelope { from, to: self.network.server, ecn: Ecn::NotCapable };
        self.network.ways[0].inject(self.now, with, initiation);
    }

    /// Streams of the client and of all links of the server.
    pub(crate) fn stream_count(&self) -> usize {
        let links = self.server.links.values().chain([&self.client.link]);
        links.map(|link| link.transport.stream_count()).sum()
    }

    /// Nothing gets through any more, and what is on its way to the server neither.
    pub(crate) fn cut(&mut self) {
        self.network.change(|path| path.dead = true);
        self.network.ways[0].in_flight.clear();
    }

    /// Datagrams get through again.
    pub(crate) fn mend(&mut self) {
        self.network.change(|path| path.dead = false);
    }

    /// Which datagrams get on the path, either way.
    pub(crate) fn filter(&mut self, filter: Option<fn(&[u8]) -> bool>) {
        self.network.ways.iter_mut().for_each(|way| way.filter = filter);
    }

    /// Datagrams that arrived, at the client and at the server.
    pub(crate) fn arrived(&self) -> [u64; 2] {
        [1, 0].map(|way: usize| self.network.ways[way].counts.arrived)
    }

    /// What went one way since the test asked for it.
    pub(crate) fn capture(&self, way: usize) -> &Capture {
        self.network.ways[way].capture.as_ref().expect("the test asked for it")
    }

    /// The endpoint says whom a datagram is for, and nobody gets it.
    pub(crate) fn route_only(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.server.endpoint.handle(self.now, unix(self.now), from, datagram);
    }
}

/// Whether a datagram is a packet under keys.
pub(crate) fn is_data(datagram: &[u8]) -> bool {
    Kind::of(datagram) == Some(Kind::Data)
}

/// Whether it is anything else.
pub(crate) fn is_handshake(datagram: &[u8]) -> bool {
    !is_data(datagram)
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
