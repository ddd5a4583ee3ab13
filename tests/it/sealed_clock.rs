//! A proxy1 whose clock is far off is told by how much, so that an old handshake sent again lets nobody in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::Time;
use proto::sealed::cipher::CipherSupport;
use proto::sealed::handshake::{Instance, Limits, LinkId, Refusal, UnixMicros};
use proto::sealed::initiator::{Identity, Initiator, Outcome};
use proto::sealed::random::Random;
use tests::pair::{PATIENCE, Proxy, SealedLink};
use tests::target::{Manner, Target};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use tunnel::metrics::Count;

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_ahead_or_behind_are_refused_and_a_minute_is_not() {
    let target = Target::start(Manner::Echo).await;
    let link = SealedLink::new();
    let mut proxy2 = Proxy::exit_with("0".parse().unwrap(), target.address(), &link).await;
    let now = now();
    for wrong in [now + micros(3 * HOUR), now - micros(3 * HOUR)] {
        let outcome = ask(&proxy2, &link, wrong).await;
        let Outcome::Refused(refused) = outcome else { panic!("{outcome:?}") };
        assert_eq!(refused.why, Refusal::ClockOff);
        assert!(refused.time.0.abs_diff(now) < micros(HOUR), "proxy2 tells its own clock: {refused:?}");
    }
    proxy2.wait_for_count(Count::HandshakesRefused, 2).await;
    let outcome = ask(&proxy2, &link, now + micros(HOUR / 60)).await;
    assert!(matches!(outcome, Outcome::Established(_)), "{outcome:?}");
}

/// What proxy2 answers to a proxy1 with that clock.
async fn ask(proxy2: &Proxy, link: &SealedLink, unix: u64) -> Outcome {
    let limits = Limits { streams: 1, stream_credit: 1 << 16, link_credit: 1 << 16, datagram: 1_200 };
    let identity = Identity {
        link: LinkId(unix),
        instance: Instance(unix),
        ciphers: CipherSupport { aes: false },
        limits,
    };
    let mut random = Random::from_seed([7; 32]);
    let mut initiator = Initiator::new(link.ticket(), identity);
    let question = initiator.start(Time::ZERO, UnixMicros(unix), 1, &mut random);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&question, proxy2.address).await.unwrap();
    let mut answer = [0; 2_048];
    let (length, _) = timeout(PATIENCE, socket.recv_from(&mut answer)).await.expect("an answer").unwrap();
    initiator.handle(Time::ZERO, &answer[..length])
}

fn now() -> u64 {
    micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}
