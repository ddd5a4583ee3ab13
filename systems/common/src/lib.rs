//! What the programs of this workspace have in common: how each joins an exit, and opens streams there.

mod joining;
mod opening;

pub use joining::JoinArgs;
pub use opening::open;
#[cfg(feature = "testing")]
pub use paso::testing;
