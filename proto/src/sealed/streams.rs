//! Streams and the memory of what they hold.

pub(crate) mod announce;
pub(crate) mod blocked;
pub mod budget;
pub(crate) mod early;
pub(crate) mod key_queue;
pub(crate) mod level;
pub(crate) mod levels;
pub(crate) mod link_credit;
pub(crate) mod pool;
pub(crate) mod promises;
pub(crate) mod recv;
pub(crate) mod recv_buffer;
pub(crate) mod recv_state;
pub(crate) mod scheduler;
pub(crate) mod send;
pub(crate) mod send_buffer;
pub(crate) mod send_state;
pub(crate) mod settings;
pub(crate) mod stream;
pub(crate) mod table;
pub(crate) mod window;
