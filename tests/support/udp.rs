//! Clients and a target that speak UDP, and what became of the datagrams between them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

/// How long the last answers may take.
const LAST: Duration = Duration::from_millis(500);

/// A target that sends each datagram back to where it came from. Ends when it is dropped.
#[derive(Debug)]
pub struct UdpEcho {
    address: SocketAddr,
    _task: JoinSet<()>,
}

impl UdpEcho {
    /// Starts one on a free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = socket.local_addr().expect("it is bound");
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut buffer = vec![0; 1 << 16];
            loop {
                // An error is about a client that has gone.
                if let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                    _ = socket.send_to(&buffer[..length], from).await;
                }
            }
        });
        Self { address, _task: task }
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Datagrams that are to come back.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// How many.
    pub count: u32,
    /// Bytes of each, 8 or more.
    pub size: usize,
    /// From one to the next.
    pub gap: Duration,
}

/// What became of them.
#[derive(Debug, Default)]
pub struct ProbeReport {
    /// How many were sent.
    pub sent: u32,
    /// Round trips of those that came back, in the order in which they did.
    pub round_trips: Vec<Duration>,
    /// How many came back more than once.
    pub twice: u32,
    /// How many came back that were never sent like that.
    pub altered: u32,
}

impl Probe {
    /// Sends them to `address` from a socket of its own, and waits for the answers.
    ///
    /// # Panics
    /// When there is no socket.
    pub async fn run(self, address: SocketAddr) -> ProbeReport {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("loopback has free ports");
        socket.connect(address).await.expect("loopback is there");
        let mut report = ProbeReport { sent: self.count, ..ProbeReport::default() };
        let mut left = BTreeMap::new();
        let mut buffer = vec![0; 1 << 16];
        let begin = tokio::time::Instant::now();
        for number in 0..self.count {
            let until = begin + self.gap * number;
            loop {
                tokio::select! {
                    () = sleep_until(until) => break,
                    // An error is an ICMP message.
                    Ok(length) = socket.recv(&mut buffer) => {
                        report.note(self, &mut left, &buffer[..length], number);
                    }
                }
            }
            left.insert(number, Instant::now());
            _ = socket.send(&self.datagram(number)).await;
        }
        while let Ok(Ok(length)) = timeout(LAST, socket.recv(&mut buffer)).await {
            report.note(self, &mut left, &buffer[..length], self.count);
        }
        report
    }

    fn datagram(self, number: u32) -> Vec<u8> {
        let pattern = number.wrapping_mul(0x9e37_79b9).to_be_bytes();
        let head = number.to_be_bytes();
        head.into_iter().chain(pattern.into_iter().cycle()).take(self.size).collect()
    }
}

impl ProbeReport {
    fn note(&mut self, probe: Probe, left: &mut BTreeMap<u32, Instant>, datagram: &[u8], sent: u32) {
        let number = datagram.first_chunk().map_or(u32::MAX, |head| u32::from_be_bytes(*head));
        if number >= sent || datagram != probe.datagram(number) {
            self.altered += 1;
        } else if let Some(at) = left.remove(&number) {
            self.round_trips.push(at.elapsed());
        } else {
            self.twice += 1;
        }
    }

    /// How many came back.
    ///
    /// # Panics
    /// When they are more than were sent.
    #[must_use]
    pub fn back(&self) -> u32 {
        u32::try_from(self.round_trips.len()).expect("each counts once")
    }

    /// The share of those that did not come back, from 0 to 1.
    #[must_use]
    pub fn loss(&self) -> f64 {
        1.0 - f64::from(self.back()) / f64::from(self.sent)
    }

    /// The round trip that `percent` of them do not exceed.
    ///
    /// # Panics
    /// When none came back.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.round_trips.clone();
        sorted.sort();
        *sorted.get(sorted.len() * percent / 100).expect("some came back")
    }
}
