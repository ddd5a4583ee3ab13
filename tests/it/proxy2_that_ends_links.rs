//! A proxy2 that ends every link as soon as it is made, or wants another one instead, gets one handshake after the other, but ever more
//! slowly; and one whose clock is hours off gets as many.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use proto::Time;
use proto::sealed::crypto::cipher::CipherSupport;
use proto::sealed::crypto::keys::PrivateKey;
use proto::sealed::crypto::random::Random;
use proto::sealed::endpoint::{DatagramEvent, Endpoint};
use proto::sealed::handshake::responder::{self, CLOCK_TOLERANCE, Responder};
use proto::sealed::handshake::terms::{Epoch, UnixMicros};
use proto::sealed::link::{self, Link};
use proto::sealed::wire::end_code::EndCode;
use proto::ticket::Ticket;
use testbed::asker::unix_now;
use testbed::folder::Folder;
use testbed::pair::PATIENCE;
use testbed::process::Process;

use crate::programs::PROXY1;

/// Milliseconds that proxy1 waits for at the least before each link after the first: half of 0.1, 0.2, 0.4 and 0.8 s.
const WAITS: [u128; 4] = [50, 100, 200, 400];

#[test]
fn it_is_asked_ever_more_slowly() {
    asks_slowly(end, WAITS.to_vec());
}

#[test]
fn one_that_wants_another_link_each_time_is_asked_as_slowly() {
    // The first is there at once: a proxy2 may be replaced at any moment.
    let waits = [&[0], &WAITS[1..]].concat();
    asks_slowly(|link| _ = link.streams().open(b"move/1").expect("it takes a stream"), waits);
}

/// proxy1 waits so many milliseconds at the least before each link where proxy2 does that with each.
fn asks_slowly(then: fn(&mut Link), least: Vec<u128>) {
    let mut pair = Pair::new(unix_now);
    let links = pair.server.take_links(&pair.socket, Instant::now() + PATIENCE, least.len() + 1, then);
    let waits: Vec<_> = links.windows(2).map(|two| (two[1] - two[0]).as_millis()).collect();
    let are_long = waits.iter().zip(&least).all(|(wait, least)| wait >= least);
    assert!(waits.len() == least.len() && are_long, "{waits:?}\n{}", pair.proxy1.output());
    pair.end();
}

fn end(link: &mut Link) {
    link.close(EndCode::Shutdown);
}

#[test]
fn clocks_that_are_hours_apart_are_told_once_and_make_links_all_the_same() {
    const HOURS: u64 = 3 * 3_600_000_000;
    for (clock, says) in [
        ((|| UnixMicros(unix_now().0 + HOURS)) as fn() -> UnixMicros, "behind proxy2's"),
        (|| UnixMicros(unix_now().0 - HOURS), "ahead of proxy2's"),
    ] {
        let mut pair = Pair::new(clock);
        let links = pair.server.take_links(&pair.socket, Instant::now() + PATIENCE, 3, end);
        assert_eq!(links.len(), 3, "{}", pair.proxy1.output());
        let output = pair.end();
        let told: Vec<_> = output.lines().filter(|line| line.contains("the clock of this machine")).collect();
        assert_eq!(told.len(), 1, "{output}");
        assert!(told.iter().all(|line| line.contains(says) && line.contains(" WARN ")), "{output}");
    }
}

/// The program proxy1, and a proxy2 made here.
struct Pair {
    server: Server,
    socket: UdpSocket,
    proxy1: Process,
    _folder: Folder,
}

impl Pair {
    /// With `clock` for proxy2's.
    fn new(clock: fn() -> UnixMicros) -> Self {
        let mut random = Random::from_seed([7; 32]);
        let key = PrivateKey::generate(&mut random);
        let ticket = Ticket::generate(key.public(), true, &mut random);
        let folder = Folder::new();
        let file = folder.file("ticket", ticket.to_text().as_str(), 0o600);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port().to_string();
        let server = Server::new(key, &ticket, clock);
        let proxy1 = Process::listening(PROXY1, &["0", "127.0.0.1", &port, "--ticket-file", &file]);
        Self { server, socket, proxy1, _folder: folder }
    }

    /// Ends the program; what it wrote.
    fn end(mut self) -> String {
        self.proxy1.signal("INT");
        let code = self.proxy1.wait().code();
        let output = self.proxy1.output();
        assert_eq!(code, Some(0), "{output}");
        output
    }
}

/// What a proxy2 is made of, without a will to serve.
struct Server {
    endpoint: Endpoint,
    settings: link::Settings,
    start: Instant,
    clock: fn() -> UnixMicros,
}

impl Server {
    fn new(key: PrivateKey, ticket: &Ticket, clock: fn() -> UnixMicros) -> Self {
        let settings = link::Settings::default();
        let responder = responder::Settings {
            epoch: Epoch(1),
            ciphers: CipherSupport { aes: false },
            clock_tolerance: CLOCK_TOLERANCE,
            handshakes_per_second: u32::MAX,
        };
        let responder = Responder::new(Time::ZERO, key, responder, Random::from_seed([8; 32]));
        let mut endpoint =
            Endpoint::new(responder, Link::limits(&settings), 1_024, Random::from_seed([9; 32]));
        endpoint.allow(ticket.client(), ticket.preshared().cloned());
        Self { endpoint, settings, start: Instant::now(), clock }
    }

    /// Accepts up to `most` links, does that with each at its first packet, and forgets it; when each was made.
    fn take_links(
        &mut self,
        socket: &UdpSocket,
        until: Instant,
        most: usize,
        then: fn(&mut Link),
    ) -> Vec<Instant> {
        let (mut links, mut current) = (Vec::new(), None);
        let mut datagram = [0; 65_536];
        while Instant::now() < until && (links.len() < most || current.is_some()) {
            let left = until.saturating_duration_since(Instant::now());
            socket.set_read_timeout(Some(left.max(Duration::from_millis(1)))).unwrap();
            let Ok((length, from)) = socket.recv_from(&mut datagram) else { continue };
            let now = Time::ZERO + self.start.elapsed();
            match self.endpoint.handle(now, (self.clock)(), from, &datagram[..length]) {
                DatagramEvent::New { link, session, limits, response, .. } => {
                    links.push(Instant::now());
                    let random = Random::from_seed([u8::try_from(links.len()).unwrap(); 32]);
                    current = Some((link, Link::server(now, from, *session, limits, self.settings, random)));
                    socket.send_to(&response, from).unwrap();
                }
                DatagramEvent::Link(key) => {
                    // Those before may still have something to say.
                    let Some((_, mut link)) = current.take_if(|(current, _)| *current == key) else {
                        continue;
                    };
                    link.handle_datagram(now, from, &mut datagram[..length]);
                    then(&mut link);
                    let mut out = [0; 65_507];
                    while let Some(transmit) = link.poll_transmit(now, (self.clock)(), &mut out) {
                        for packet in out[..transmit.length].chunks(transmit.segment) {
                            socket.send_to(packet, transmit.path.remote).unwrap();
                        }
                    }
                }
                DatagramEvent::Reply { bytes, .. } => _ = socket.send_to(&bytes, from).unwrap(),
                DatagramEvent::Drop(_)
                | DatagramEvent::Predecessor
                | DatagramEvent::Session { .. }
                | DatagramEvent::Full { .. } => {}
            }
        }
        links
    }
}
