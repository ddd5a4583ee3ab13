//! How a link gets its keys, and who may ask for them how often.

pub(crate) mod challenge;
pub mod cookie;
pub mod initiator;
pub(crate) mod limiter;
pub(crate) mod link_addresses;
pub(crate) mod messages;
pub(crate) mod pending;
pub(crate) mod per_source;
pub(crate) mod rate_limit;
pub(crate) mod replay_guard;
pub mod responder;
pub(crate) mod seen_proofs;
pub mod terms;
pub(crate) mod work_budget;
