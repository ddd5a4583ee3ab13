//! A proxy that is made up.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tunnel::metrics::Counters;
use tunnel::session::Detail;
use tunnel::view::{
    CounterValues, LinkState, LinkView, ListeningView, Loss, Packets, PathView, RoundTrip, SessionView,
    StreamView,
};

use crate::{Dashboard, Phase, Source};

/// A proxy1 with a link and a stream; it may hang, and it may carry something.
#[derive(Debug)]
pub(crate) struct MadeUp {
    pub(crate) view: Mutex<SessionView>,
    pub(crate) tickets: BTreeMap<String, Counters>,
    pub(crate) asked: AtomicU64,
    pub(crate) hangs: AtomicBool,
    pub(crate) grows: AtomicBool,
}

impl Default for MadeUp {
    fn default() -> Self {
        let (hangs, grows) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { view: Mutex::new(view()), tickets: BTreeMap::new(), asked: AtomicU64::new(0), hangs, grows }
    }
}

impl MadeUp {
    /// The server in front of it, at a port of loopback.
    pub(crate) fn serve(self) -> (Dashboard, Arc<Self>) {
        let source = Arc::new(self);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        (Dashboard::start(listener, Arc::clone(&source)).unwrap(), source)
    }

    /// Changes what it shows.
    pub(crate) fn change(&self, change: impl FnOnce(&mut SessionView)) {
        change(&mut self.view.lock().unwrap());
    }
}

impl Source for Arc<MadeUp> {
    async fn view(&self, detail: Detail) -> SessionView {
        let asked = self.asked.fetch_add(1, Relaxed);
        if self.hangs.load(Relaxed) {
            pending::<()>().await;
        }
        let mut view = self.view.lock().unwrap().clone();
        if detail == Detail::Links {
            view.links.iter_mut().for_each(|link| link.streams.clear());
        }
        if self.grows.load(Relaxed) {
            view.uptime_ms += asked * 1_000;
            let counters = Counters { sent_bytes: asked * 1_000, ..Counters::default() };
            view.counters = CounterValues::from(&counters);
        }
        view
    }

    fn phase(&self) -> Phase {
        Phase::Running
    }

    fn tickets(&self) -> BTreeMap<String, Counters> {
        self.tickets.clone()
    }

    fn memory_budget(&self) -> u64 {
        256 << 20
    }
}

/// What a proxy1 shows.
pub(crate) fn view() -> SessionView {
    let counters = Counters { sent_bytes: 1_000, streams: 1, links_up: 1, ..Counters::default() };
    SessionView {
        version: "0.1.0 (abc1234 2026-11-28)".into(),
        pid: 7,
        since: 1_700_000_000_000,
        taken_at: 1_700_000_060_000,
        uptime_ms: 60_000,
        udp: vec!["127.0.0.1:40000".parse().unwrap()],
        listening: vec![ListeningView { at: "127.0.0.1:8080".into(), ..ListeningView::default() }],
        counters: CounterValues::from(&counters),
        links: vec![link(1, None)],
        ..SessionView::default()
    }
}

/// A link that is up, with one stream.
pub(crate) fn link(number: u64, ticket: Option<&str>) -> LinkView {
    let path = PathView {
        round_trip_us: Some(RoundTrip { smoothed: 25_000, min: 20_000, latest: 26_000 }),
        loss: Loss { sending: Some(0.01), receiving: None },
        packets: Packets { sent: 1_000, lost: 10, received: 900, missing: 0 },
        rate_bps: 80_000_000,
        in_flight_bytes: 5_000,
        ..PathView::default()
    };
    let stream =
        StreamView { client: "127.0.0.1:5555".into(), target: "web:80".into(), ..StreamView::default() };
    LinkView {
        number,
        ticket: ticket.map(str::to_owned),
        peer: "192.0.2.1:5000".parse().ok(),
        state: LinkState::Up,
        answered: true,
        path: Some(path),
        streams_open: 1,
        streams: vec![stream],
        ..LinkView::default()
    }
}
