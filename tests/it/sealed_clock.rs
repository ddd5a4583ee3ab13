//! A clock keeps nobody out: a proxy1 whose clock is far off, either way, is let in with its second initiation, and so
//! is one whose clock is set right meanwhile.

use std::time::Duration;

use proto::Time;
use proto::sealed::crypto::random::Random;
use proto::sealed::handshake::initiator::{Initiator, Outcome};
use proto::sealed::handshake::terms::{Refusal, UnixMicros};
use testbed::asker::{identity, unix_now};
use testbed::pair::{PATIENCE, Proxy, SealedLink};
use testbed::target::{Manner, Target};
use tokio::net::UdpSocket;
use tokio::time::timeout;

const HOUR: Duration = Duration::from_secs(3_600);
/// When an initiation that has no response is asked again.
const AGAIN: Duration = Duration::from_millis(250);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_clock_is_let_in() {
    let target = Target::start(Manner::Echo).await;
    let link = SealedLink::new();
    let proxy2 = Proxy::exit_with("0".parse().unwrap(), target.address(), &link).await;
    let now = unix_now().0;
    for wrong in [now + micros(3 * HOUR), now - micros(3 * HOUR), now + micros(YEAR), 0] {
        let mut asker = Asker::new(&proxy2, &link, wrong).await;
        let outcome = asker.ask(wrong).await;
        let Outcome::Refused(refused) = outcome else { panic!("{outcome:?}") };
        assert_eq!(refused.why, Refusal::ClockOff);
        assert!(refused.time.0.abs_diff(now) < micros(HOUR), "proxy2 tells its own clock: {refused:?}");
        let outcome = asker.ask(wrong + 1).await;
        assert!(matches!(outcome, Outcome::Established(_)), "{outcome:?}");
        let outcome = asker.ask(now).await;
        assert!(matches!(outcome, Outcome::Established(_)), "set right: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_a_minute_off_needs_no_second_initiation() {
    let target = Target::start(Manner::Echo).await;
    let link = SealedLink::new();
    let proxy2 = Proxy::exit_with("0".parse().unwrap(), target.address(), &link).await;
    for wrong in [unix_now().0 + micros(HOUR / 60), unix_now().0 - micros(HOUR / 60)] {
        let outcome = Asker::new(&proxy2, &link, wrong).await.ask(wrong).await;
        assert!(matches!(outcome, Outcome::Established(_)), "{outcome:?}");
    }
}

/// A proxy1 that only asks.
struct Asker {
    initiator: Initiator,
    random: Random,
    socket: UdpSocket,
}

impl Asker {
    async fn new(proxy2: &Proxy, link: &SealedLink, name: u64) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(proxy2.address).await.unwrap();
        let initiator = Initiator::new(link.ticket(), identity(name));
        Self { initiator, random: Random::from_seed([7; 32]), socket }
    }

    /// What proxy2 answers when the clock says that. A datagram may be lost, also on loopback: then it is asked again.
    async fn ask(&mut self, unix: u64) -> Outcome {
        let all = async {
            loop {
                let initiation = self.initiator.start(Time::ZERO, UnixMicros(unix), 1, &mut self.random);
                self.socket.send(&initiation).await.unwrap();
                let mut response = [0; 2_048];
                if let Ok(length) = timeout(AGAIN, self.socket.recv(&mut response)).await {
                    return self.initiator.handle(Time::ZERO, &response[..length.unwrap()]);
                }
            }
        };
        timeout(PATIENCE, all).await.expect("a response")
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}
