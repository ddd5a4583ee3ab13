//! What one address of proxy2 says: a handshake, and a question of the classic link where nobody has said anything.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::check::{CLASSIC_ANSWER, CLASSIC_QUESTION};
use proto::sealed::handshake::initiator::Refused;
use proto::sealed::handshake::terms::Refusal;
use proto::sealed::link::Event;
use proto::ticket::Ticket;
use tokio::sync::watch;
use tokio::time::timeout_at;

use super::driver::Driver;
use crate::link::sealed::diagnosis;

/// How long an address may be silent: initiations leave at 0, 0.25, 0.75, 1.75 and 3.75 s.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long the others may take once one has answered.
const OTHERS: Duration = Duration::from_millis(700);
/// How long an ICMP message may be wrong: what is sent next may pass.
const AFTER_COMPLAINT: Duration = Duration::from_millis(800);
/// How long a classic proxy2 may take.
const CLASSIC: Duration = Duration::from_millis(700);

/// What came of knocking at an address.
#[derive(Debug)]
pub struct Knocked {
    /// The address.
    pub address: SocketAddr,
    /// What it says.
    pub answered: Answered,
    /// The clocks differ by more than proxy2 overlooks: the sentence that says so.
    pub clock: Option<String>,
    /// Datagrams that came from there, of whatever kind.
    pub datagrams: u64,
}

/// What an address says.
#[derive(Debug)]
pub enum Answered {
    /// proxy2 lets this ticket in; how long its first answer took.
    Joined(Box<Joined>, Duration),
    /// proxy2 is there and does not let this ticket in: why, and a sentence with what to do.
    Refused(Refusal, String),
    /// proxy2 is busy with handshakes: it asks for a proof of the address and then says nothing.
    Busy,
    /// A proxy2 of the classic link is there.
    Classic,
    /// Something is there that is no proxy2 of this ticket.
    Foreign,
    /// A machine, perhaps that one, says by ICMP that there is nobody, or that it is forbidden.
    Complaint(io::ErrorKind),
    /// This machine sends nothing there.
    NotSent(io::ErrorKind),
    /// Nothing comes back.
    Silent,
}

/// A link that is up.
#[derive(Debug)]
pub struct Joined {
    pub(super) driver: Driver,
}

impl Joined {
    /// Ends the link.
    pub async fn close(mut self) {
        self.driver.close().await;
    }

    /// Where proxy2 is.
    pub const fn address(&self) -> SocketAddr {
        self.driver.peer()
    }
}

/// Knocks at `address`, for 5 s at the most. `found` is shared by all addresses that are tried at once: whoever finds proxy2 says so there,
/// and the others then wait for less. Cancel safe: the link is forgotten.
pub async fn knock(ticket: &Ticket, address: SocketAddr, found: watch::Sender<bool>) -> Knocked {
    let mut knocked = Knocked { address, answered: Answered::Silent, clock: None, datagrams: 0 };
    match Driver::new(ticket, address).await {
        Ok(driver) => ask(driver, &mut knocked, &found).await,
        Err(error) => knocked.answered = Answered::NotSent(error.kind()),
    }
    knocked
}

async fn ask(mut driver: Driver, knocked: &mut Knocked, found: &watch::Sender<bool>) {
    let (begun, mut others) = (Instant::now(), found.subscribe());
    let mut until = begun + PATIENCE;
    let shorten = |until: &mut Instant, to: Duration| *until = (*until).min(Instant::now() + to);
    let (mut complained, mut told) = (false, false);
    while Instant::now() < until {
        tokio::select! {
            biased;
            Ok(_) = others.wait_for(|found| *found), if !told => {
                told = true;
                shorten(&mut until, OTHERS);
            }
            () = driver.step(until) => {}
        }
        knocked.datagrams = driver.heard.datagrams;
        if let Some(refused) = next_refusal(&mut driver, knocked) {
            let sentence = diagnosis::refused(&refused);
            driver.close().await;
            knocked.answered = Answered::Refused(refused.why, sentence);
            return;
        }
        if driver.link.is_up() {
            let took = begun.elapsed();
            // Whoever has gone with a message would not be heard any more.
            found.send_replace(true);
            knocked.answered = Answered::Joined(Box::new(Joined { driver }), took);
            return;
        }
        let is_bad = driver.heard.complaint.is_some() || driver.heard.not_sent.is_some();
        if is_bad && !std::mem::replace(&mut complained, true) {
            shorten(&mut until, AFTER_COMPLAINT);
        }
    }
    knocked.answered = silence(driver).await;
}

/// proxy2's refusal. A clock that is off is none: the link asks again by itself.
fn next_refusal(driver: &mut Driver, knocked: &mut Knocked) -> Option<Refused> {
    while let Some(event) = driver.events.pop_front() {
        match event {
            Event::Refused(refused) if refused.why == Refusal::ClockOff => {
                knocked.clock = diagnosis::clock(&refused).or_else(|| knocked.clock.take());
            }
            Event::Refused(refused) => return Some(refused),
            Event::Stream(_)
            | Event::Up { .. }
            | Event::Restarted
            | Event::Moved(_)
            | Event::Keepalive(_)
            | Event::Unreachable
            | Event::Heard
            | Event::Ended(_)
            | Event::Gone
            | Event::Broken(_) => {}
        }
    }
    None
}

/// Why proxy2 has not answered.
async fn silence(mut driver: Driver) -> Answered {
    let heard = &driver.heard;
    if heard.cookies > 0 {
        return Answered::Busy;
    }
    if let Some(kind) = heard.not_sent {
        return Answered::NotSent(kind);
    }
    if let Some(kind) = heard.complaint {
        return Answered::Complaint(kind);
    }
    if is_classic(&mut driver).await {
        return Answered::Classic;
    }
    if driver.heard.datagrams > 0 { Answered::Foreign } else { Answered::Silent }
}

/// Whether a classic proxy2 is there. It is asked in a way that dials nothing.
async fn is_classic(driver: &mut Driver) -> bool {
    for _ in 0..2 {
        driver.send_plain(CLASSIC_QUESTION).await;
        let until = Instant::now() + CLASSIC / 2;
        while let Ok(Some(datagram)) = timeout_at(until.into(), driver.receive_plain()).await {
            if datagram == CLASSIC_ANSWER {
                return true;
            }
            driver.heard.datagrams += 1;
        }
    }
    false
}
