//! The logger and the clock: two small services that the server can do without.
//!
//! - `reports`: what the server tells them, after it has answered its client
//! - `log`, `time`: the services
//!
//! They speak JSON-RPC over HTTP: `log [user, operation, date, file]` and `date []`.

mod log;
mod reports;
mod rpc;
mod time;

pub use log::serve_log;
pub use reports::{Report, Reported, Reports, Services};
pub use time::serve_time;
