//! What the programs of this workspace have in common: how each joins an exit, opens streams there, reads lines,
//! keeps files, and ends.

mod exit_code;
mod joining;
mod keeping;
pub mod lines;
mod opening;
mod times;

pub use exit_code::{NOT_ALL_DONE, run_to_code};
pub use joining::JoinArgs;
pub use keeping::{make_private, replace, state_folder};
pub use opening::open;
#[cfg(feature = "testing")]
pub use paso::testing;
pub use times::time_within;
