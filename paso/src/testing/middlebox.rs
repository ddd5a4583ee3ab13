//! A UDP middlebox on loopback that loses, doubles, reorders and delays on purpose, the same way for the same seed.
//!
//! ```text
//! proxy1 ──▶ address() ▒ middlebox ▒ one socket for each proxy1 ──▶ proxy2
//! ```

mod flow;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use flow::Flow;

/// How long something may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What lies between two datagrams of a side that has found out that the path is dead: in the end it sends one a second.
const PROBE_GAP: Duration = Duration::from_millis(300);

/// Which way a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From a proxy1 to the proxy2.
    Up,
    /// From the proxy2 to a proxy1.
    Down,
}

/// What happens to datagrams, each way. Shares are from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Share lost.
    pub loss: f64,
    /// Share that arrives twice.
    pub duplicate: f64,
    /// Share held back by 3 ms, so that later ones overtake them.
    pub reorder: f64,
    /// Delay of all.
    pub delay: Duration,
    /// Nothing passes.
    pub blackout: bool,
}

impl Weather {
    /// The same share of loss, duplication and reordering.
    #[must_use]
    pub fn bad(share: f64) -> Self {
        Self { loss: share, duplicate: share, reorder: share, ..Self::default() }
    }
}

/// What happened so far, one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams that came.
    pub received: u64,
    /// Datagrams sent on, doubles included.
    pub forwarded: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Sent twice.
    pub duplicated: u64,
    /// Held back.
    pub reordered: u64,
    /// Dropped in a black-out.
    pub blacked_out: u64,
    /// Dropped by a rule.
    pub ruled_out: u64,
}

/// See the module. Ends when it is dropped.
#[derive(Debug)]
pub struct Middlebox {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// Whether a datagram is to be dropped.
type Rule = Box<dyn FnMut(Way, &[u8]) -> bool + Send>;

struct Shared {
    seed: u64,
    exit: SocketAddr,
    state: Mutex<State>,
    /// Up and down.
    counts: watch::Sender<[Counts; 2]>,
}

#[derive(Default)]
struct State {
    weather: Weather,
    rules: Vec<Rule>,
    /// Flows so far.
    flows: u64,
    /// Nothing passes on the flows before this one.
    dead_before: u64,
    /// Wakes every flow to change its outgoing socket.
    rebind: Vec<mpsc::UnboundedSender<()>>,
    /// After how many datagrams from its proxy1 a flow changes its outgoing socket. `None`: only when it is told to.
    rebind_each: Option<u64>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("seed", &self.seed).field("exit", &self.exit).finish_non_exhaustive()
    }
}

impl Middlebox {
    /// A middlebox in front of the proxy2 at `exit`, that lets everything pass.
    ///
    /// # Errors
    /// No socket could be had.
    pub fn start(exit: SocketAddr, seed: u64) -> io::Result<Self> {
        let socket = Arc::new(socket(exit)?);
        let address = socket.local_addr()?;
        let shared =
            Arc::new(Shared { seed, exit, state: Mutex::default(), counts: watch::Sender::default() });
        let task = tokio::spawn(forward(socket, Arc::clone(&shared))).abort_handle();
        Ok(Self { address, shared, task })
    }

    /// Where a proxy1 sends to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what happens to datagrams from now on.
    pub fn set(&self, weather: Weather) {
        self.shared.with(|state| state.weather = weather);
    }

    /// Switches the black-out.
    pub fn set_blackout(&self, blackout: bool) {
        self.shared.with(|state| state.weather.blackout = blackout);
    }

    /// Drops every datagram for which `rule` is true.
    pub fn drop_if(&self, rule: impl FnMut(Way, &[u8]) -> bool + Send + 'static) {
        self.shared.with(|state| state.rules.push(Box::new(rule)));
    }

    /// Drops the first `count` datagrams that go `way` and begin with `prefix`.
    pub fn drop_first(&self, count: usize, way: Way, prefix: &'static [u8]) {
        let mut left = count;
        self.drop_if(move |this_way, datagram| {
            let hit = left > 0 && this_way == way && datagram.starts_with(prefix);
            left -= usize::from(hit);
            hit
        });
    }

    /// What happened to datagrams that go `way`.
    #[must_use]
    pub fn counts(&self, way: Way) -> Counts {
        self.shared.counts.borrow()[way as usize]
    }

    /// Waits until what has happened to datagrams that go `way` fulfils `condition`.
    ///
    /// # Panics
    /// When it does not for ten seconds.
    pub async fn wait_until(&self, what: &str, way: Way, mut condition: impl FnMut(&Counts) -> bool) {
        let mut counts = self.shared.counts.subscribe();
        let reached =
            timeout(PATIENCE, counts.wait_for(|counts| condition(&counts[way as usize]))).await.is_ok();
        assert!(reached, "never reached: {what}; {:?}", self.counts(way));
    }

    /// Waits until so many more datagrams that go `way` have come, each within ten seconds of the one before.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn wait_for_datagrams(&self, way: Way, number: u64) {
        let before = self.counts(way).received;
        for number in 1..=number {
            self.wait_until("one datagram more", way, |counts| counts.received >= before + number).await;
        }
    }

    /// Waits until so many probes that go `way` have come: datagrams of a side that gets no answer, and sends ever more slowly.
    ///
    /// # Panics
    /// When nothing comes for ten seconds.
    pub async fn wait_for_probes(&self, way: Way, number: usize) {
        let mut probes = 0;
        while probes < number {
            let before = Instant::now();
            self.wait_for_datagrams(way, 1).await;
            probes += usize::from(before.elapsed() >= PROBE_GAP);
        }
    }

    /// Nothing passes any more between the ports that proxy1s have used so far and the proxy2, as where a translator has a wrong
    /// entry; from other ports it does.
    pub fn kill_flows(&self) {
        self.shared.with(|state| state.dead_before = state.flows);
    }

    /// Every flow sends to the proxy2 from a new port from now on, as after the restart of an address translator.
    pub fn change_ports(&self) {
        self.shared.with(|state| state.rebind.retain(|flow| flow.send(()).is_ok()));
    }

    /// [`change_ports`](Self::change_ports) again and again: each time that so many datagrams of a proxy1 have come.
    pub fn change_ports_each(&self, datagrams: u64) {
        self.shared.with(|state| state.rebind_each = Some(datagrams));
    }
}

impl Drop for Middlebox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn with<T>(&self, body: impl FnOnce(&mut State) -> T) -> T {
        body(&mut self.state.lock().expect("nobody panics with the lock"))
    }
}

/// Receives from all proxy1s and gives each a flow of its own.
async fn forward(socket: Arc<UdpSocket>, shared: Arc<Shared>) {
    let mut flows: HashMap<SocketAddr, mpsc::UnboundedSender<Vec<u8>>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        // An error here is an ICMP answer to something sent before, as when a proxy1 has ended.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let number = flows.len() as u64;
        let flow = flows.entry(from).or_insert_with(|| {
            let (datagrams, incoming) = mpsc::unbounded_channel();
            let flow = Flow::new(number, from, Arc::clone(&socket), Arc::clone(&shared));
            tasks.spawn(flow.run(incoming));
            shared.with(|state| state.flows = number + 1);
            datagrams
        });
        _ = flow.send(buffer[..length].to_vec());
    }
}

/// A socket on loopback with a receive buffer as large as the system allows.
fn socket(exit: SocketAddr) -> io::Result<UdpSocket> {
    let local: SocketAddr =
        if exit.is_ipv4() { ([127, 0, 0, 1], 0).into() } else { ([0, 0, 0, 0, 0, 0, 0, 1], 0).into() };
    let socket = Socket::new(Domain::for_address(local), Type::DGRAM, None)?;
    socket.set_recv_buffer_size(16 << 20)?;
    socket.set_nonblocking(true)?;
    socket.bind(&local.into())?;
    UdpSocket::from_std(socket.into())
}
