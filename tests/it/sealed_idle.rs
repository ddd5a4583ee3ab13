//! What idles is silent: a link without streams sends nothing, one with an idle stream nothing but its keepalive.

use std::time::{Duration, Instant};

use testbed::client::exchange;
use testbed::middlebox::{Middlebox, Way};
use testbed::pair::{PATIENCE, Pair, SealedLink};
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tunnel::settings::Sealed;

/// Short, and longer than an acknowledgement takes on a busy machine.
const KEEPALIVE: Duration = Duration::from_millis(400);
/// What is looked at for silence: this number of keepalives of another link.
const A_WHILE: usize = 5;
/// Whiles in which a link must have become silent: after tries of larger datagrams, and one sign of life that proxy1 asks for
/// a second after the last data, as its address may have changed.
const WHILES: usize = 6;

/// Everything else is silent while the one link that may say something does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_keepalive_of_a_stream_is_sent() {
    let target = Target::start(Manner::Echo).await;
    let mut alive = Idle::start(&target, KEEPALIVE).await;
    let mut without_keepalive = Idle::start(&target, Duration::ZERO).await;
    let without_stream = Idle::start(&target, KEEPALIVE).await.end_stream().await;
    for left in (0..WHILES).rev() {
        let before = (without_keepalive.sent(), without_stream.sent());
        let keepalives_alone = alive.sends_keepalives_alone().await;
        let after = (without_keepalive.sent(), without_stream.sent());
        if keepalives_alone && after == before {
            break;
        }
        assert!(left > 0, "{keepalives_alone}, {before:?} -> {after:?}");
    }
    for idle in [&mut alive, &mut without_keepalive] {
        assert_eq!(exchange(idle.client.as_mut().unwrap(), b"hola").await, b"hola");
    }
}

/// A pair with one stream that has carried something.
struct Idle {
    pair: Pair,
    network: Middlebox,
    /// When each datagram came, and which way it goes.
    datagrams: mpsc::UnboundedReceiver<(Way, Instant)>,
    client: Option<TcpStream>,
}

impl Idle {
    async fn start(target: &Target, keepalive: Duration) -> Self {
        let link = SealedLink::with(Sealed { keepalive, ..Sealed::default() });
        let (pair, network) = Pair::start_apart(target.address(), link).await;
        let (tell, datagrams) = mpsc::unbounded_channel();
        network.drop_if(move |way, _| {
            _ = tell.send((way, Instant::now()));
            false
        });
        let mut client = pair.connect().await;
        assert_eq!(exchange(&mut client, b"hola").await, b"hola");
        Self { pair, network, datagrams, client: Some(client) }
    }

    async fn end_stream(mut self) -> Self {
        self.client = None;
        self.pair.wait_for_streams(0).await;
        self
    }

    fn sent(&self) -> [u64; 2] {
        [Way::Up, Way::Down].map(|way| self.network.counts(way).received)
    }

    /// Waits for the next keepalives; whether each has been acknowledged with one datagram, and nothing else was sent.
    async fn sends_keepalives_alone(&mut self) -> bool {
        while self.datagrams.try_recv().is_ok() {}
        let (mut ways, mut at) = (Vec::new(), Vec::new());
        let mut is_first = true;
        while ways.len() < 2 * A_WHILE {
            let (way, when) = timeout(PATIENCE, self.datagrams.recv()).await.expect("a keepalive").unwrap();
            // The answer to a keepalive that came just before.
            if std::mem::take(&mut is_first) && way == Way::Down {
                continue;
            }
            ways.push(way);
            at.extend((way == Way::Up).then_some(when));
        }
        let in_turn = ways.chunks(2).all(|pair| pair == [Way::Up, Way::Down]);
        in_turn && at.windows(2).all(|pair| pair[1] - pair[0] >= KEEPALIVE.mul_f32(0.9))
    }
}
