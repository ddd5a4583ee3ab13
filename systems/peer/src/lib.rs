//! `peer`: a network of equals on the library `paso`. Each node is client and server: posts to all, jobs shared fairly, files.
//!
//! - [`overlay`]: posts to all, once and in order, as a pure state machine
//! - [`jobs`]: who runs which job, as another
//! - `wire`: frames on a stream; `proof`: signatures
//! - `node`: the tokio shell around both, at a paso link
//! - `work`: runs jobs; `files`: the shared folder; `home`: the node's own folder
//! - `client`, `args`, `program`: what its user sees

mod args;
mod client;
pub mod dice;
mod files;
mod home;
pub mod jobs;
mod names;
mod node;
pub mod overlay;
pub mod program;
mod proof;
mod wire;
mod work;

#[cfg(test)]
mod tests;
