//! Who runs which job: the part of a node that gives jobs away.
//!
//! A pure state machine: no clock, no sockets, and chance that follows a seed. A job waits here until a worker has room; of two workers
//! that chance picks, each by its capacity, the one with less to do for its capacity gets it (the power of two choices), and among
//! equals the one that was given less so far. Nobody gets far ahead because it is quick or near, as long as the others keep pace. A job whose worker dies, or does not answer, goes to another one: it is run
//! at least once, and its result is told once.
//!
//! What a worker says of itself is not believed beyond measure: capacity ends at [`MAX_CAPACITY`], and a worker is given one job more
//! at a time for each result that it brings, up to twice its capacity; one that fails is given half, and nothing for a while.

mod scheduler;
mod share;
#[cfg(test)]
mod tests;
mod worker;

pub use self::scheduler::{Assignment, Failure, JobId, Refusal, Scheduler, SubmitError};
pub use self::share::jain_index;
pub use self::worker::MAX_CAPACITY;
