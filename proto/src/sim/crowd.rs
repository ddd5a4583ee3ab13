//! Many clients of one server.

use super::host::Host;
use super::in_flight::InFlight;
use super::link_end::{Application, BATCH, serve, transmit};
use super::pair::START;
use super::server::Server;
use crate::sealed::link::Link;
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::packet::Kind;
use crate::time::Time;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How exact the clock of a crowd is: each step looks at all links.
const STEP: Duration = Duration::from_millis(2);

/// Where the server of a crowd is: 192.0.2.2, port 4000 (an address for documentation, RFC 5737).
pub const CROWDED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 4_000);

/// One client of a crowd.
#[derive(Debug)]
pub struct Member<A> {
    /// Its end of the link.
    pub link: Link,
    /// What uses it.
    pub app: A,
    /// Where it is.
    pub at: SocketAddr,
    /// When its link wants to be looked at.
    due: Time,
}

impl<A> Member<A> {
    /// Something was done with its link.
    pub const fn wake(&mut self, now: Time) {
        self.due = now;
    }
}

/// Links with one server, on a virtual clock and on paths that only delay.
#[derive(Debug)]
pub struct Crowd<A, B> {
    /// What time it is.
    pub now: Time,
    /// The clients.
    pub members: Vec<Member<A>>,
    /// Their server.
    pub server: Server<B>,
    /// The server's process is not there: what reaches it is lost.
    pub is_away: bool,
    /// When each initiation left, if that is noted.
    pub initiations: Option<Vec<Time>>,
    delay: Duration,
    to_server: InFlight<(SocketAddr, Vec<u8>)>,
    to_members: InFlight<(usize, Vec<u8>)>,
    room: Vec<u8>,
}

impl<A: Application, B: Application> Crowd<A, B> {
    /// Nobody yet. A datagram takes `delay`.
    pub fn new(server: Server<B>, delay: Duration) -> Self {
        Self {
            now: START,
            members: Vec::new(),
            server,
            is_away: false,
            initiations: None,
            delay,
            to_server: InFlight::default(),
            to_members: InFlight::default(),
            room: vec![0; BATCH],
        }
    }

    /// One client more: no two have the same address.
    pub fn join(&mut self, link: Link, app: A) {
        let number = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        // From 198.18.0.0 on (RFC 2544: for measurements).
        let at = (Ipv4Addr::from_bits(0xc612_0000 + number), 5_000).into();
        self.members.push(Member { link, app, at, due: self.now });
    }

    /// Runs until `done`, for at most `limit`; true if done.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while self.now < end {
            self.step();
            if done(self) {
                return true;
            }
            let next = self.next();
            self.now = next.max(self.now + STEP).min(end);
        }
        false
    }

    /// Lets `time` pass.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    fn next(&self) -> Time {
        let members = self.members.iter().map(|member| member.due).min().unwrap_or(Time::NEVER);
        let server = if self.is_away { Time::NEVER } else { self.server.poll_timeout(self.now) };
        members.min(server).min(self.to_server.next()).min(self.to_members.next())
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some((at, mut datagram)) = self.to_members.pop(now) {
            let member = &mut self.members[at];
            member.link.handle_marked(now, CROWDED, Ecn::NotCapable, &mut datagram);
            member.due = now;
        }
        self.drive_members();
        let mut came = false;
        while let Some((from, mut datagram)) = self.to_server.pop(now) {
            if !self.is_away {
                self.server.handle(now, from, Ecn::NotCapable, &mut datagram);
                came = true;
            }
        }
        if !self.is_away && (came || self.server.poll_timeout(now) <= now) {
            let Self { server, members, to_members, delay, .. } = self;
            server.drive(now, &mut |over, _, datagram| {
                // They are in the order of their addresses.
                if let Ok(at) = members.binary_search_by_key(&over.remote, |member| member.at) {
                    to_members.push(now + *delay, (at, datagram.to_vec()));
                }
            });
        }
    }

    fn drive_members(&mut self) {
        let Self { now, members, to_server, delay, room, initiations, .. } = self;
        let now = *now;
        for member in members.iter_mut().filter(|member| member.due <= now) {
            member.link.handle_timeout(now);
            serve(now, &mut member.link, &mut member.app);
            let at = member.at;
            transmit(now, &mut member.link, room, &mut |_, _, datagram| {
                if Kind::of(datagram) == Some(Kind::Initiation) {
                    initiations.iter_mut().for_each(|times| times.push(now));
                }
                to_server.push(now + *delay, (at, datagram.to_vec()));
            });
            member.due = member.link.poll_timeout(now);
        }
    }
}

/// Initiations in the tenth of a second that had most of them; the times are in order.
pub fn most_in_a_tenth(times: &[Time]) -> usize {
    let tenth = Duration::from_millis(100);
    let after = |(at, begin): (usize, &Time)| times[at..].partition_point(|time| *time < *begin + tenth);
    times.iter().enumerate().map(after).max().unwrap_or(0)
}
