//! `peer`: a network of equals on the library `paso`. Each node is client and server: posts to all, jobs shared fairly, files.
//!
//! - [`overlay`]: posts to all, once and in order, as a pure state machine
//! - [`jobs`]: who runs which job, as another
//! - `wire`: frames on a stream; `proof`: signatures
//! - `node`: the tokio shell around both, at a paso link
//! - `work`: runs jobs; `files`: the shared folder; `home`: the node's own folder
//! - `client`, `args`, `program`: what its user sees

// One sentence instead of a hundred about what is missing.
#[cfg(not(unix))]
compile_error!(
    "peer needs Unix: a node is asked at a Unix socket, and what it shares and runs is guarded by what Unix has for that"
);

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
