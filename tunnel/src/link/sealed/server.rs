//! proxy2's ends of its sealed links.
//!
//! - `demux`: from the sockets to the tasks of the links; answers handshakes
//! - `poll_any`: what one of the sockets has
//! - `queue`: what the demultiplexer hands to the task of one link
//! - `heard`: which links were heard
//! - `reply`: answers to handshakes
//! - `server_end`: one link's datagrams, and when it is over
//! - `workers`: on as many threads as there are cores
//! - `calibration`: how many handshakes this machine may do

pub(super) mod calibration;
pub(super) mod demux;
mod heard;
mod poll_any;
pub(super) mod queue;
mod reply;
mod runs;
mod server_end;
mod workers;
