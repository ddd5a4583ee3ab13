//! What the programs of this workspace have in common: how each joins an exit.

mod joining;

pub use joining::JoinArgs;
