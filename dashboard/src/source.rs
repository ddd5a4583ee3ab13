//! What is shown.

use std::collections::BTreeMap;
use std::future::Future;

use tunnel::metrics::Counters;
use tunnel::session::Detail;
use tunnel::view::SessionView;

/// A proxy that can be looked at, from another thread than its own.
pub trait Source: Send + Sync + 'static {
    /// What it shows of itself. Asked for about once a second.
    fn view(&self, detail: Detail) -> impl Future<Output = SessionView> + Send;

    /// How far it is.
    fn phase(&self) -> Phase;

    /// What the links of each ticket have counted since the start, by the ticket's name.
    fn tickets(&self) -> BTreeMap<String, Counters>;

    /// Bytes that the data of all streams may take.
    fn memory_budget(&self) -> u64;
}

/// How far a proxy is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not all is there yet that its settings ask for.
    Starting,
    /// All forwards are there.
    Running,
}
