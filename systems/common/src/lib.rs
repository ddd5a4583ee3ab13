//! What the programs of this workspace have in common: how each joins an exit, opens streams there, and reads lines.

mod joining;
pub mod lines;
mod opening;

pub use joining::JoinArgs;
pub use opening::open;
#[cfg(feature = "testing")]
pub use paso::testing;
