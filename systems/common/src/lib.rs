//! What the programs of this workspace have in common: how each joins an exit.

mod joining;

pub use joining::JoinArgs;
#[cfg(feature = "testing")]
pub use paso::testing;
