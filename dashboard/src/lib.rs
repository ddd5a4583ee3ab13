//! What a proxy shows of itself over HTTP, read-only: `--metrics` of the programs. `docs/metrics.md` is its manual.
//!
//! - [`Dashboard`]: the running server, on a thread of its own: nothing that is asked of it holds up a packet
//! - [`Source`]: what it shows; the programs have one, tests make one up
//! - `answer`, `host`, `page`: requests, and what they get
//! - `snapshots`, `history`: what is known, asked for at most once a second however many look
//! - `metrics`, `exposition`: numbers for Prometheus
//!
//! What it may cost is bounded, whoever asks: connections (`places`), requests and their sizes (`server`), how fast they come (`pace`), the memory of the past (`history`).

mod answer;
mod exposition;
mod history;
mod host;
mod metrics;
mod pace;
mod page;
mod places;
mod process;
mod readiness;
mod server;
mod snapshots;
mod source;
#[cfg(test)]
mod tests;

pub use self::metrics::{METRICS, Metric};
pub use self::server::Dashboard;
pub use self::source::{Phase, Source};
