//! A whole short session: what either end says in it, the other end of this crate understands.

use super::Vectors;
use super::handshake::{Ends, opens_and_seals};
use crate::Time;
use crate::sealed::crypto::random::Random;
use crate::sealed::link::{self, Link};
use crate::sealed::streams::table::Side;
use crate::sealed::tests::pair::{ADDRESS, CLIENT_LIMITS, NO_AES, SERVER_LIMITS};
use crate::sealed::transport::{self, Event, Transport};
use crate::sealed::wire::end_code::EndCode;
use crate::sealed::wire::frame::StreamId;
use crate::sealed::wire::packet::Kind;
use std::time::Duration;

const STREAM: StreamId = StreamId(0);

/// How long an acknowledgement may wait.
const DELAY: Duration = Duration::from_millis(5);

#[test]
fn every_packet_of_the_session_is_sealed_as_its_vector() {
    let [client, server] = Ends::new(None, NO_AES).shake_hands(&Vectors::load("handshake"), 0);
    for packet in Vectors::load("session").list("/packets") {
        match packet.text("/from") {
            "proxy1" => opens_and_seals(&packet, &client, &server),
            _ => opens_and_seals(&packet, &server, &client),
        }
    }
}

/// The packets of one end, in order.
fn said_by(end: &str) -> Vec<Vectors> {
    let packets = Vectors::load("session").list("/packets");
    packets.into_iter().filter(|packet| packet.text("/from") == end).collect()
}

/// proxy2's end, which hears what proxy1 says in the vectors.
struct Server {
    link: Link,
    now: Time,
}

impl Server {
    fn hear(&mut self, packet: &Vectors) {
        self.link.handle_datagram(self.now, ADDRESS, &mut packet.bytes("/datagram"));
    }

    /// Waits as long as an acknowledgement may, and says whether one packet leaves.
    fn sends_one(&mut self) -> bool {
        self.now += DELAY;
        self.link.handle_timeout(self.now);
        let mut out = vec![0; 2_000];
        let mut poll =
            || self.link.poll_transmit(self.now, Default::default(), &mut out).map(|sent| sent.length);
        let length = poll().unwrap_or(0);
        assert_eq!(poll(), None);
        length > 0 && Kind::of(&out) == Some(Kind::Data)
    }

    fn events(&mut self) -> Vec<link::Event> {
        std::iter::from_fn(|| self.link.poll_event()).collect()
    }
}

#[test]
fn a_server_serves_the_client_of_the_session() {
    let [_, session] = Ends::new(None, NO_AES).shake_hands(&Vectors::load("handshake"), 0);
    let now = Time::ZERO;
    let random = Random::from_seed([0x44; 32]);
    let mut server =
        Server { link: Link::server(now, ADDRESS, session, CLIENT_LIMITS, Default::default(), random), now };
    let said = said_by("proxy1");
    let [first, open, acknowledgement, end] = &said[..] else { panic!("{} packets", said.len()) };

    server.hear(first);
    assert_eq!(server.events(), [link::Event::Up { first: true }]);
    assert!(server.sends_one());
    server.hear(open);
    let incoming = Event::Incoming { id: STREAM, target: b"a:1".to_vec() };
    assert_eq!(server.events(), [incoming, Event::Readable(STREAM)].map(link::Event::Stream));
    let mut heard = Vec::new();
    let read = server.link.streams().read_with(now, STREAM, |slices| {
        slices.for_each(|slice| heard.extend_from_slice(slice));
        Ok::<_, ()>(heard.len())
    });
    assert_eq!((read, server.link.streams().is_read_to_end(STREAM)), (Ok(4), true));
    assert_eq!(heard, b"hola");
    server.link.streams().accept(STREAM);
    assert!(server.sends_one());
    server.link.streams().write(now, STREAM, b"adios");
    server.link.streams().finish(now, STREAM);
    assert!(server.sends_one());
    server.hear(acknowledgement);
    assert_eq!(server.events(), [Event::Delivered(STREAM), Event::Closed(STREAM)].map(link::Event::Stream));
    server.hear(end);
    assert_eq!(server.events(), [link::Event::Ended(EndCode::Shutdown.into())]);
}

/// Waits until the pacer lets one packet leave; when that was.
fn sends_one(client: &mut Transport, now: Time) -> Time {
    let mut out = [0; 2_000];
    let due = [now, client.poll_timeout().max(now)];
    let sent = due.into_iter().find(|now| client.poll_packet(*now, &mut out).is_some());
    sent.expect("a packet leaves")
}

#[test]
fn a_client_is_served_by_the_server_of_the_session() {
    let mut now = Time::ZERO;
    // No larger packets are tried, whose numbers the vectors do not have.
    let settings = transport::Settings { max_datagram: 1_200, ..Default::default() };
    let mut client = Transport::new(Side::Client, settings);
    client.set_peer_limits(&SERVER_LIMITS);
    let said = said_by("proxy2");
    let [first, opened, reply] = &said[..] else { panic!("{} packets", said.len()) };
    let hear = |client: &mut Transport, now, packet: &Vectors| {
        client.handle_packet(now, packet.number("/counter"), &packet.bytes("/frames")).expect("no fault");
        std::iter::from_fn(|| client.poll_event()).collect::<Vec<_>>()
    };

    client.probe();
    now = sends_one(&mut client, now) + DELAY;
    assert_eq!(hear(&mut client, now, first), []);
    assert_eq!(client.open(b"a:1"), Some(STREAM));
    client.write(now, STREAM, b"hola");
    client.finish(now, STREAM);
    now = sends_one(&mut client, now) + DELAY;
    assert_eq!(hear(&mut client, now, opened), [Event::Delivered(STREAM), Event::Opened(STREAM)]);
    assert_eq!(hear(&mut client, now, reply), [Event::Readable(STREAM)]);
    let length = client.read_with(now, STREAM, |slices| {
        let length = slices.map(|slice| usize::from(slice == b"adios") * slice.len()).sum();
        Ok::<_, ()>(length)
    });
    assert_eq!(length, Ok(5));
    assert_eq!(client.poll_event(), Some(Event::Closed(STREAM)));
}
